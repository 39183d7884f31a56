// Evaluates networks in Node: node evaluate.mjs FOLDER. The folder holds cases.json, and gets one file of float32 for each answer.
import fs from "node:fs";
import { UNet } from "../../../playground/browser/src/unet.js";

const [folder] = process.argv.slice(2);
const bytes = (file) => new Uint8Array(fs.readFileSync(file)).buffer;
const compiled = (name) => WebAssembly.compile(bytes(new URL(`../../../playground/browser/${name}`, import.meta.url)));

for (const { name, module, config, batches } of JSON.parse(fs.readFileSync(`${folder}/cases.json`))) {
  const net = await UNet.open(await compiled(module), { config, weights: bytes(`${folder}/${name}.safetensors`) });
  batches.forEach(({ times, classes }, k) => {
    const output = net.forward(new Float32Array(bytes(`${folder}/${name}-${k}.x`)), times, classes);
    fs.writeFileSync(`${folder}/${name}-${module}-${k}.y`, output);
  });
}
