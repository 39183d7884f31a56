// Drawn points as text for links, as labs/points/drawn.py reads it: four letters for each, classes separated by dots.
/** @typedef {[x: number, y: number, kind: number]} DrawnPoint  x and y in 0 … 1 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** @param {string} text */
export function parsePoints(text) {
  /** @type {DrawnPoint[]} */
  const points = [];
  text.split(".").forEach((letters, kind) => {
    for (let i = 0; i + 4 <= letters.length; i += 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map((k) => ALPHABET.indexOf(letters[i + k]));
      points.push([(64 * a + b) / 4095, (64 * c + d) / 4095, kind]);
    }
  });
  return points;
}

/** @param {DrawnPoint[]} points @param {number} kinds  how many classes there may be */
export function formatPoints(points, kinds) {
  const parts = Array.from({ length: kinds }, () => "");
  const two = (/** @type {number} */ v) => ALPHABET[v >> 6] + ALPHABET[v & 63];
  for (const [x, y, kind] of points) parts[kind] += two(Math.round(4095 * x)) + two(Math.round(4095 * y));
  return parts.join(".").replace(/\.+$/, "");
}
