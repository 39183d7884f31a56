// The monotone cubic through a few points, as in curve.py (Fritsch & Carlson 1980, Fritsch & Butland 1984).
/** @import { Point } from "./types.js" */

/** @param {Point[]} points  x rising @returns {(x: number) => number} */
export function monotoneCurve(points) {
  const n = points.length;
  /** @type {number[]} */
  const width = [];
  /** @type {number[]} */
  const slope = [];
  for (let k = 0; k < n - 1; k++) {
    width.push(points[k + 1][0] - points[k][0]);
    slope.push((points[k + 1][1] - points[k][1]) / width[k]);
  }
  const tangent = [slope[0]];
  for (let k = 1; k < n - 1; k++) {
    const before = 2 * width[k] + width[k - 1];
    const after = width[k] + 2 * width[k - 1];
    tangent.push(slope[k - 1] * slope[k] > 0 ? (before + after) / (before / slope[k - 1] + after / slope[k]) : 0);
  }
  tangent.push(slope[n - 2]);
  return (x) => {
    let k = 0;
    while (k < n - 2 && x >= points[k + 1][0]) k++;
    const h = width[k];
    const u = (x - points[k][0]) / h;
    return (
      points[k][1] * (1 + 2 * u) * (1 - u) ** 2 +
      h * tangent[k] * u * (1 - u) ** 2 +
      points[k + 1][1] * u ** 2 * (3 - 2 * u) +
      h * tangent[k + 1] * u ** 2 * (u - 1)
    );
  };
}

/**
 * At most `most` points that keep the shape of a falling polyline: again and again, the point is added at which the
 * curve through those chosen so far is farthest from the line (the idea of Ramer, Douglas and Peucker).
 * @param {Point[]} line @param {number} least @param {number} most
 * @param {number} distance  least distance of two points in x
 * @returns {Point[]}
 */
export function simplify(line, least, most, distance) {
  const chosen = [0, line.length - 1];
  const near = (/** @type {number} */ i) => chosen.some((c) => Math.abs(line[c][0] - line[i][0]) < distance);
  while (chosen.length < most) {
    const curve = monotoneCurve(chosen.map((i) => line[i]));
    let worst = -1;
    let error = chosen.length < least ? -1 : 0.012;
    for (let i = 1; i < line.length - 1; i++) {
      const d = Math.abs(curve(line[i][0]) - line[i][1]);
      if (d > error && !near(i)) {
        error = d;
        worst = i;
      }
    }
    if (worst < 0) break;
    chosen.push(worst);
    chosen.sort((a, b) => a - b);
  }
  const points = chosen.map((i) => /** @type {Point} */ ([...line[i]]));
  for (let k = 1; k < points.length; k++) points[k][1] = Math.min(points[k][1], points[k - 1][1]);
  if (points.length < least) points.splice(1, 0, [(points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2]);
  return points;
}
