// Samples in Node: node run_programs.mjs FOLDER. The folder holds requests.json, and gets the frames of each as float32.
import { compiled, floats, network, readJson, write } from "./files.mjs";
import { run } from "../../../playground/browser/src/machine.js";
import { SeededNoise } from "../../../playground/browser/src/noise.js";
import { NoisyClassifier } from "../../../playground/browser/src/noisy_classifier.js";
import { PointMLP } from "../../../playground/browser/src/point_mlp.js";
import { UNet } from "../../../playground/browser/src/unet.js";

const [folder] = process.argv.slice(2);
const { module: name, networks, classifier, programs, noise } = readJson(`${folder}/requests.json`);
const module = await compiled(name);
const unets = {};
for (const name of networks) {
  const files = network(`${folder}/${name}`);
  unets[name] = files.config.frequencies ? new PointMLP(files) : await UNet.open(module, files);
}
const guide = classifier && (await NoisyClassifier.open(module, network(`${folder}/${classifier}`)));

for (const { name, network, start, draws, ...request } of programs) {
  if (start) {
    const [x, x0, noise] = ["x", "x0", "noise"].map((part) => floats(`${folder}/${start}.${part}`));
    request.start = { x, previous: { x0, noise }, draws };
  }
  const frames = [...run({ network: unets[network], classifier: guide }, request)].filter((frame) => frame !== null);
  write(`${folder}/${name}.frames`, Buffer.concat(frames.flatMap(({ x, x0, noise }) => [x, x0, noise].map((picture) => Buffer.from(picture.buffer)))));
}
for (const { name, seeds, size, draws } of noise ?? []) {
  const source = new SeededNoise(seeds, size);
  write(`${folder}/${name}.noise`, Buffer.concat(Array.from({ length: draws }, () => Buffer.from(source.draw().buffer))));
}
