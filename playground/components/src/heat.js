import { formatNumber } from "./draw.js";

// Numbers as colours, told apart by lightness too, so that they can be read without red and green, or in grey.

// Blue, white, orange: below zero, zero, above (after Brewer's "PuOr" and "RdBu"). Dark blue to yellow: none to much (cividis).
const SIGNED = [[22, 72, 137], [79, 143, 201], [247, 247, 247], [233, 150, 60], [150, 72, 4]];
const AMOUNT = [[0, 34, 78], [66, 78, 108], [124, 123, 120], [188, 175, 111], [255, 234, 70]];

export const colours = { signed: table(SIGNED), amount: table(AMOUNT) };

function table(stops) {
  const made = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (stops.length - 1);
    const k = Math.min(stops.length - 2, Math.floor(at));
    for (let c = 0; c < 3; c++) made[3 * i + c] = Math.round(stops[k][c] + (at - k) * (stops[k + 1][c] - stops[k][c]));
  }
  return made;
}

export function bytesOf(text, Kind = Uint8Array) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Kind(bytes.buffer);
}

// A small canvas, one pixel for each number. `level(i)` is in 0 … 255.
export function raster(width, height, level, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext("2d");
  const image = g.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const k = 3 * Math.max(0, Math.min(255, Math.round(level(i))));
    image.data.set([colour[k], colour[k + 1], colour[k + 2], 255], 4 * i);
  }
  g.putImageData(image, 0, 0);
  return canvas;
}

// Enlarges by whole pixels, never smoothed.
export function enlarge(canvas, small, width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const g = canvas.getContext("2d");
  g.imageSmoothingEnabled = false;
  g.drawImage(small, 0, 0, canvas.width, canvas.height);
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  return g;
}

// The scale with its numbers; `unit` stands behind each.
export function legend(node, colour, values, unit = "") {
  const bar = document.createElement("canvas");
  enlarge(bar, raster(256, 1, (i) => i, colour), 160, 12);
  const numbers = document.createElement("div");
  numbers.className = "dp-heat-numbers";
  for (const value of values) {
    const word = document.createElement("span");
    word.textContent = formatNumber(value, 2) + unit;
    numbers.append(word);
  }
  node.replaceChildren(bar, numbers);
}
