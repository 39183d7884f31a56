// Frames as the sheet of tiles that a lane of the timeline shows.
/** @import { Lane } from "../../components/payloads.js" */
import { stored } from "./stored.js";

/**
 * Frames that were stored as bytes, each less the one before (playground/static_site/stored.py).
 * @param {string} name @param {number} size  of one
 */
export async function storedFrames(name, size) {
  const bytes = new Uint8Array(await stored(name));
  for (let i = size; i < bytes.length; i++) bytes[i] += bytes[i - size];
  return bytes;
}

/** −1 … 1 as 0 … 255; values beyond are clamped. @param {Float32Array} x */
export const toBytes = (x) => Uint8ClampedArray.from(x, (value) => (value + 1) * 127.5);

/**
 * What a lane has besides its words: a tile for each frame, which has `pictures` pictures, row by row.
 * @param {Uint8Array | Uint8ClampedArray} values  frames x pictures x H x W x C
 * @param {readonly number[]} shape  H, W, C of a picture
 * @param {Pick<Lane, "grid" | "pictures">} lane
 * @returns {Pick<Lane, "sheets" | "tile" | "columns" | "index">}
 */
export function sheetOf(values, [height, width, channels], { grid: [rows, across], pictures }) {
  const area = height * width;
  const frames = values.length / (pictures * area * channels);
  const tile = /** @type {[number, number]} */ ([across * width, rows * height]);
  const columns = Math.ceil(Math.sqrt((frames * tile[1]) / tile[0]));
  const sheet = new ImageData(columns * tile[0], Math.ceil(frames / columns) * tile[1]);
  const pixels = new Uint32Array(sheet.data.buffer);
  for (let k = 0; k < frames * pictures; k++) {
    const [frame, picture] = [Math.floor(k / pictures), k % pictures];
    const top = Math.floor(frame / columns) * tile[1] + Math.floor(picture / across) * height;
    const left = (frame % columns) * tile[0] + (picture % across) * width;
    for (let i = 0; i < area; i++) {
      const at = (k * area + i) * channels;
      const [red, green, blue] = channels === 3 ? values.subarray(at, at + 3) : [values[at], values[at], values[at]];
      pixels[(top + Math.floor(i / width)) * sheet.width + left + (i % width)] = red | (green << 8) | (blue << 16) | (255 << 24);
    }
  }
  return { sheets: [{ png: /** @type {any} */ (sheet), first: 0, count: frames }], tile, columns, index: Array.from({ length: frames }, (_item, k) => k) };
}
