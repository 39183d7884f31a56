// Numbers as colours that differ in lightness too, so that they can be read without red and green, or in grey.
import { el } from "./dom.js";
import { formatNumber } from "./numbers.js";
import { context2d } from "./theme.js";

// Blue, white, orange: below zero, zero, above (after Brewer's "PuOr" and "RdBu"). Dark blue to yellow: none to much (cividis).
const SIGNED = [[22, 72, 137], [79, 143, 201], [247, 247, 247], [233, 150, 60], [150, 72, 4]];
const AMOUNT = [[0, 34, 78], [66, 78, 108], [124, 123, 120], [188, 175, 111], [255, 234, 70]];

export const COLORMAPS = { signed: table(SIGNED), amount: table(AMOUNT) };

/** @param {number[][]} stops */
function table(stops) {
  const made = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    made.set(between(stops, i / 255), 3 * i);
  }
  return made;
}

/**
 * The colour between the first stop (share 0) and the last (share 1).
 * @param {number[][]} stops
 * @param {number} share  0 … 1
 */
export function between(stops, share) {
  const at = share * (stops.length - 1);
  const k = Math.min(stops.length - 2, Math.floor(at));
  return stops[k].map((from, c) => Math.round(from + (at - k) * (stops[k + 1][c] - from)));
}

/**
 * A small canvas, one pixel for each number.
 * @param {number} width @param {number} height
 * @param {(i: number) => number} level  of number i, in 0 … 255
 * @param {Uint8Array} colormap
 */
export function raster(width, height, level, colormap) {
  const canvas = el("canvas", { width, height });
  const g = context2d(canvas);
  const image = g.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const k = 3 * Math.max(0, Math.min(255, Math.round(level(i))));
    image.data.set([colormap[k], colormap[k + 1], colormap[k + 2], 255], 4 * i);
  }
  g.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Enlarges a picture onto a canvas, never smoothed. Returns a context in CSS pixels.
 * @param {HTMLCanvasElement} canvas @param {CanvasImageSource} small @param {number} width @param {number} height
 */
export function enlarge(canvas, small, width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const g = context2d(canvas);
  g.imageSmoothingEnabled = false;
  g.drawImage(small, 0, 0, canvas.width, canvas.height);
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  return g;
}

/**
 * The colours with their numbers.
 * @param {HTMLElement} node  what it becomes the content of
 * @param {Uint8Array} colormap @param {number[]} values
 * @param {string} [unit]  stands behind each
 */
export function colorbar(node, colormap, values, unit = "") {
  const bar = el("canvas");
  enlarge(bar, raster(256, 1, (i) => i, colormap), 160, 12);
  const numbers = values.map((value) => el("span", {}, formatNumber(value, 2) + unit));
  node.replaceChildren(bar, el("div", { class: "dp-colormap-numbers" }, ...numbers));
}
