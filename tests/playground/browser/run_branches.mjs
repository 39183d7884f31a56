// Samples the trajectories and forks of the microscope in Node: node run_branches.mjs FOLDER. The folder holds payloads.json, by name, and
// gets NAME.json, the branches, and NAME-NUMBER.pool, the pictures of each as float32.
import { decodeBytes } from "../../../playground/components/src/base64.js";
import { forkLabel, LiveBranch, ownSettings, readForks, settingsAfter, trajectoryOf, writeForks } from "../../../playground/components/src/live_branches.js";
import { compiled, readJson, write } from "./files.mjs";
import { run } from "../../../playground/browser/src/machine.js";
import { UNet } from "../../../playground/browser/src/unet.js";

const [folder] = process.argv.slice(2);
const module = await compiled("unet-relaxed.wasm");
for (const [name, payload] of Object.entries(readJson(`${folder}/payloads.json`))) {
  const network = await UNet.open(module, { config: JSON.parse(payload.network.config), weights: decodeBytes(payload.network.base64).buffer });
  const settings = [ownSettings(payload)];
  const branches = [new LiveBranch(payload, settings[0], { name: "", label: trajectoryOf(payload, settings[0]).title, parent: null })];
  const sample = (branch) => [...run({ network }, branch.request)].forEach((frame) => frame && branch.add(frame));
  sample(branches[0]);
  const forks = readForks(payload.forks);
  if (writeForks(forks) !== payload.forks) throw new Error("forks are not written as they were read");
  for (const fork of forks) {
    const own = settingsAfter(settings[fork.parent], fork.changes);
    settings.push(own);
    branches.push(new LiveBranch(payload, own, { name: "", label: forkLabel(payload, fork), parent: fork.parent }, branches[fork.parent].forkAt(fork.step, own)));
    sample(branches.at(-1));
  }
  branches.forEach(({ branch }, number) => write(`${folder}/${name}-${number}.pool`, Buffer.from(branch.pool.f32.buffer)));
  write(`${folder}/${name}.json`, JSON.stringify(branches.map(({ branch: { pool, ...others } }) => others)));
}
