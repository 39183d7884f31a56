// Images as a PNG that carries its recipe: the same as engine/recipes/recipe.py writes, so that either opens it.
import { saveBlob } from "./download.js";
import { context2d } from "./theme.js";

const KEY = "diffusion-playground-recipe";
const ZOOM = 4;

/** @param {string} name @param {ImageData} tile @param {string} recipe  JSON */
export async function saveWithRecipe(name, tile, recipe) {
  const sheet = await createImageBitmap(tile);
  const canvas = Object.assign(document.createElement("canvas"), { width: ZOOM * tile.width, height: ZOOM * tile.height });
  const pen = context2d(canvas);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(sheet, 0, 0, canvas.width, canvas.height);
  sheet.close();
  const png = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (png) saveBlob(name, new Blob([withText(new Uint8Array(await png.arrayBuffer()), KEY, recipe)], { type: "image/png" }));
}

/** A PNG with a text before its pixels: chunk tEXt of https://www.w3.org/TR/png-3/. @param {Uint8Array} png @param {string} key @param {string} text */
export function withText(png, key, text) {
  const ascii = text.replace(/[^\x20-\x7e]/g, (letter) => "\\u" + letter.charCodeAt(0).toString(16).padStart(4, "0"));
  const content = Uint8Array.from(`tEXt${key}\0${ascii}`, (letter) => letter.charCodeAt(0));
  const chunk = new Uint8Array(content.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, content.length - 4);
  chunk.set(content, 4);
  view.setUint32(4 + content.length, crc(content));
  const header = 33; // the signature, and the chunk of the size
  const made = new Uint8Array(png.length + chunk.length);
  made.set(png.subarray(0, header));
  made.set(chunk, header);
  made.set(png.subarray(header), header + chunk.length);
  return made;
}

/** @param {Uint8Array} bytes */
function crc(bytes) {
  let rest = ~0;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
  }
  return ~rest >>> 0;
}
