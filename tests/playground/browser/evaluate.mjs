// Evaluates networks in Node: node evaluate.mjs FOLDER. The folder holds cases.json, and gets one file of float32 for each answer.
import { compiled, floats, network, readJson, write } from "./files.mjs";
import { NoisyClassifier } from "../../../playground/browser/src/noisy_classifier.js";
import { UNet } from "../../../playground/browser/src/unet.js";

const [folder] = process.argv.slice(2);
for (const { name, module, tiles, batches } of readJson(`${folder}/cases.json`)) {
  const files = network(`${folder}/${name}`);
  const net = await (files.config.unet ? NoisyClassifier : UNet).open(await compiled(module), files, undefined, tiles);
  batches.forEach(({ times, classes, signal }, k) => {
    const x = floats(`${folder}/${name}-${k}.x`);
    write(`${folder}/${name}-${module}-${k}.y`, net instanceof UNet ? net.forward(x, times, classes) : net.gradient(x, times[0], signal, classes));
  });
}
