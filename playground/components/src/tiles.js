// The tiles of a lane as decoded sheets, filled piece by piece while frames still arrive.
/** @import { Lane } from "../payloads.js" */

/** @typedef {{ first: number, count: number, columns: number, bitmap: ImageBitmap }} DecodedSheet */
/** @typedef {{ number: number, bitmap: CanvasImageSource, x: number, y: number }} Tile  where in which picture it lies */
/** @typedef {ReturnType<typeof tileLane>} PictureLane */

// A bitmap stays decoded; an <img> may be thrown away and decoded again in the middle of a scrub.
/** @param {Blob | ImageData | string} src */
async function decode(src) {
  if (typeof src !== "string") return createImageBitmap(src);
  const image = new Image();
  image.src = src;
  await image.decode();
  return createImageBitmap(image);
}

/** @param {Lane[]} lanes @returns {Promise<DecodedSheet[][]>} */
export async function decodeLanes(lanes) {
  return Promise.all(
    lanes.map((lane) =>
      Promise.all(lane.sheets.map(async (s) => ({ first: s.first, count: s.count, columns: lane.columns, bitmap: await decode(s.png) }))),
    ),
  );
}

/** @param {Lane} meta */
export function tileLane(meta) {
  /** @type {DecodedSheet[]} */
  let sheets = [];
  /** @type {number[]} */
  const index = [];
  const [rows, columns] = meta.grid;
  const size = { w: meta.tile[0] / columns, h: meta.tile[1] / rows };

  /** @param {number} number @returns {Tile | null} */
  function find(number) {
    const sheet = sheets.find((s) => number >= s.first && number < s.first + s.count);
    if (!sheet) return null;
    const k = number - sheet.first;
    return {
      number,
      bitmap: sheet.bitmap,
      x: (k % sheet.columns) * meta.tile[0],
      y: Math.floor(k / sheet.columns) * meta.tile[1],
    };
  }

  return {
    meta,
    picture: size,
    /** @param {Lane} lane @param {DecodedSheet[]} decoded @param {number} first  the position of its first tile */
    add(lane, decoded, first) {
      const fresh = new Set(decoded.map((s) => s.first));
      sheets = sheets.filter((s) => !fresh.has(s.first)).concat(decoded);
      lane.index.forEach((number, i) => (index[first + i] = number));
    },
    /**
     * The tile of position i, or of the nearest position that has one: frames may be missing, the reader goes on.
     * @param {number} i
     */
    tile(i) {
      for (let d = 0; d <= index.length; d++) {
        for (const j of d ? [i - d, i + d] : [i]) {
          const tile = index[j] === undefined ? null : find(index[j]);
          if (tile) return tile;
        }
      }
      return null;
    },
    /**
     * Copies picture k of a tile to (x, y) with w × h, in the context's pixels.
     * @param {CanvasDrawImage} g @param {Tile} tile @param {number} k @param {number} x @param {number} y
     */
    copy(g, tile, k, x, y, w = size.w, h = size.h) {
      const sx = tile.x + (k % columns) * size.w;
      const sy = tile.y + Math.floor(k / columns) * size.h;
      g.drawImage(tile.bitmap, sx, sy, size.w, size.h, x, y, w, h);
    },
    close() {
      for (const s of sheets) s.bitmap.close();
      sheets = [];
    },
  };
}
