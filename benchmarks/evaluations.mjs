// Evaluates a network in Node each time it gets a line: node evaluations.mjs FOLDER. A line is "MODULE PICTURES", the answer the
// milliseconds of the processor and of the clock that one evaluation of so many pictures took.
import fs from "node:fs";
import readline from "node:readline";
import { UNet } from "../playground/browser/src/unet.js";

const [folder] = process.argv.slice(2);
const bytes = (file) => new Uint8Array(fs.readFileSync(file)).buffer;
const files = { config: JSON.parse(fs.readFileSync(`${folder}/config.json`, "utf-8")), weights: bytes(`${folder}/weights.safetensors`) };
const opened = new Map();

async function networkOf(name) {
  if (!opened.has(name)) {
    const began = performance.now();
    const module = await WebAssembly.compile(bytes(new URL(`../playground/browser/${name}.wasm`, import.meta.url)));
    const net = await UNet.open(module, files);
    opened.set(name, { net, load: performance.now() - began });
  }
  return opened.get(name);
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [name, pictures] = line.split(" ");
  const { net, load } = await networkOf(name);
  const x = new Float32Array(net.shape.reduce((a, b) => a * b) * Number(pictures)).fill(0.3);
  const times = Array(Number(pictures)).fill(500);
  const [used, began] = [process.cpuUsage(), performance.now()];
  net.forward(x, times, times.map((_time, k) => (net.classes ? k % net.classes : 0)));
  const { user, system } = process.cpuUsage(used);
  console.log([(user + system) / 1000, performance.now() - began, load, net.bytes].join(" "));
}
