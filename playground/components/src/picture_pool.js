// Pictures that are still numbers.
/** @import { PackedBytes, PackedFloats } from "../payloads.js" */
import { decodeBytes, decodeFloats } from "./base64.js";
import { el } from "./dom.js";
import { context2d } from "./theme.js";

/** @typedef {[row: number, column: number, channel?: number]} Pixel */
/** @typedef {ReturnType<typeof picturePool>} PicturePool */

/**
 * A pool of pictures, drawn from −vmax (black) to vmax (white).
 * @param {PackedFloats} packed  shape (N, C, H, W)
 */
export function picturePool(packed) {
  const [count, channels, height, width] = packed.shape;
  const values = decodeFloats(packed);
  const size = channels * height * width;
  const plane = height * width;
  const sketch = el("canvas", { width, height });
  const pen = context2d(sketch, { willReadFrequently: true });
  const image = pen.createImageData(width, height);

  /** @param {number} picture @param {Pixel} pixel */
  const at = (picture, [row, column, channel = 0]) => values[picture * size + channel * plane + row * width + column];

  /**
   * @param {Pick<CanvasDrawImage, "drawImage">} g @param {number} picture @param {number} vmax @param {number} x @param {number} y
   * @param {number} w @param {number} h
   */
  function draw(g, picture, vmax, x, y, w, h) {
    const begin = picture * size;
    fillPixels(image, channels === 3, (k, c) => Math.round(127.5 * (1 + Math.max(-1, Math.min(1, values[begin + c * plane + k] / vmax)))));
    pen.putImageData(image, 0, 0);
    g.drawImage(sketch, x, y, w, h);
  }

  return { packed, count, channels, height, width, at, draw };
}

/**
 * @param {ImageData} image @param {boolean} colored
 * @param {(pixel: number, channel: number) => number} level  0 … 255
 */
function fillPixels(image, colored, level) {
  for (let k = 0; k < image.width * image.height; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = level(k, colored ? c : 0);
    image.data[4 * k + 3] = 255;
  }
}

/**
 * An atlas of pictures as bytes: draws number `picture` onto a canvas of its own size.
 * @param {PackedBytes} atlas  shape (N, H, W, C)
 * @returns {(canvas: HTMLCanvasElement, picture: number) => void}
 */
export function atlasPictures(atlas) {
  const [, height, width, channels] = atlas.shape;
  const bytes = decodeBytes(atlas.u8);
  return (canvas, picture) => {
    Object.assign(canvas, { width, height });
    const g = context2d(canvas);
    const image = g.createImageData(width, height);
    const begin = picture * height * width * channels;
    fillPixels(image, channels === 3, (k, c) => bytes[begin + k * channels + c]);
    g.putImageData(image, 0, 0);
  };
}
