// Computes the clouds of the Points lab in Node: node run_clouds.mjs FOLDER. The folder holds payloads.json, by name, and gets
// NAME.json, what point_clouds.js shows, and NAME-NUMBER.x, .x0 and .vectors of each cloud as float32.
import { decodeBytes } from "../../../playground/components/src/base64.js";
import { cloudsOf, computed } from "../../../playground/components/src/live_clouds.js";
import { readJson, write } from "./files.mjs";
import { run } from "../../../playground/browser/src/machine.js";
import { PointMLP } from "../../../playground/browser/src/point_mlp.js";

const [folder] = process.argv.slice(2);
for (const [name, { now, ...payload }] of Object.entries(readJson(`${folder}/payloads.json`))) {
  const network = new PointMLP({ config: JSON.parse(payload.network.config), weights: decodeBytes(payload.network.base64).buffer });
  const team = { sample: async (request, { keep, onFrame }) => [...run({ network }, request)].forEach((frame) => frame && keep.includes(frame.step) && onFrame(frame)) };
  const count = payload.particles;
  const found = [];
  for (const cloud of payload.clouds) found.push(await computed(team, payload, cloud, now, { count, withArrows: true }));
  found.forEach((one, number) => Object.entries(one).forEach(([part, values]) => write(`${folder}/${name}-${number}.${part}`, Buffer.from(values.buffer))));
  write(`${folder}/${name}.json`, JSON.stringify(cloudsOf(payload, now, found, count)));
}
