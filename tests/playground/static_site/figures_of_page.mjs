// What a page of the site shows for some settings: node figures_of_page.mjs MODULE FUNCTION, with its arguments as JSON on stdin. Prints JSON;
// pictures as {width, rgba: base64}, other arrays of numbers as lists.
import { readFileSync } from "node:fs";

globalThis.ImageData = class {
  constructor(width, height) {
    Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) });
  }
};
const [module, name] = process.argv.slice(2);
const revived = JSON.parse(readFileSync(0, "utf8"), (_key, value) => (typeof value?.bytes === "string" ? Uint8Array.from(Buffer.from(value.bytes, "base64")) : value));
const exported = await import(new URL(`../../../playground/static_site/src/${module}.js`, import.meta.url));
const found = revived.map((given) => exported[name](...given));
console.log(JSON.stringify(found, (_key, value) => (value instanceof ImageData ? { width: value.width, rgba: Buffer.from(value.data).toString("base64") } : ArrayBuffer.isView(value) ? Array.from(value) : value)));
