// Pictures that are still numbers: a pool of float32 (N, C, H, W), drawn from -reach (black) to reach (white).
import { decodeFloats } from "./dom.js";

export function picturePool(packed) {
  const [count, channels, height, width] = packed.shape;
  const values = decodeFloats(packed);
  const size = channels * height * width;
  const plane = height * width;
  const sketch = document.createElement("canvas");
  sketch.width = width;
  sketch.height = height;
  const pen = sketch.getContext("2d", { willReadFrequently: true });
  const image = pen.createImageData(width, height);

  const at = (picture, row, column, channel = 0) => values[picture * size + channel * plane + row * width + column];

  function draw(g, picture, reach, x, y, w, h) {
    const begin = picture * size;
    for (let k = 0; k < plane; k++) {
      for (let c = 0; c < 3; c++) {
        const value = values[begin + (channels === 3 ? c * plane : 0) + k];
        image.data[4 * k + c] = Math.round(127.5 * (1 + Math.max(-1, Math.min(1, value / reach))));
      }
      image.data[4 * k + 3] = 255;
    }
    pen.putImageData(image, 0, 0);
    g.drawImage(sketch, x, y, w, h);
  }

  return { packed, count, channels, height, width, at, draw };
}

export function decodeBytes(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

// Number `picture` of an atlas {shape: [N, H, W, C], u8} onto a canvas of its own size.
export function drawBytes(canvas, atlas, bytes, picture) {
  const [, height, width, channels] = atlas.shape;
  canvas.width = width;
  canvas.height = height;
  const g = canvas.getContext("2d");
  const image = g.createImageData(width, height);
  const begin = picture * height * width * channels;
  for (let k = 0; k < height * width; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = bytes[begin + k * channels + (channels === 3 ? c : 0)];
    image.data[4 * k + 3] = 255;
  }
  g.putImageData(image, 0, 0);
}
