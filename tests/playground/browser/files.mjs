// The files that tests in Python and in Node exchange.
import fs from "node:fs";

export const bytes = (file) => new Uint8Array(fs.readFileSync(file)).buffer;
export const floats = (file) => new Float32Array(bytes(file));
export const readJson = (file) => JSON.parse(fs.readFileSync(file, "utf-8"));
export const write = (file, data) => fs.writeFileSync(file, data);

/** One of the modules that are committed. */
export const compiled = (name) => WebAssembly.compile(bytes(new URL(`../../../playground/browser/${name}`, import.meta.url)));

/** A network that node.py has written. */
export const network = (path) => ({ config: readJson(`${path}.json`), weights: bytes(`${path}.safetensors`) });
