// One contender in a page of its own: `ours` with so many workers, or `onnx` with so many threads. Both leave `work`, a function of a
// number of pictures, that gives the milliseconds of one picture and evaluation.
import { Team, workersOf } from "../playground/browser/src/team.js";

const EVALUATIONS = 6; // of each picture, one after the other

const bytesOf = async (path) => (await fetch(path)).arrayBuffer();

export async function ours({ script, config, program, classes, count }) {
  const team = new Team(workersOf(script), { most: count });
  await team.load({ unet: { config, weights: await bytesOf("/weights.safetensors") } });
  window.work = async (pictures) => {
    const seeds = Array.from({ length: pictures }, (_picture, k) => k);
    const began = performance.now();
    const { evaluations } = await team.sample({ program, seeds, labels: classes ? seeds.map((seed) => seed % classes) : undefined }, { keep: [] });
    return (performance.now() - began) / evaluations;
  };
}

export async function onnx({ config, count }) {
  const { env, InferenceSession, Tensor } = await import("/onnx/ort.wasm.min.mjs");
  if (count > 1 && !crossOriginIsolated) throw new Error("There is no shared memory, which threads need.");
  env.wasm.numThreads = count;
  const session = await InferenceSession.create(new Uint8Array(await bytesOf("/unet.onnx")), { executionProviders: ["wasm"] });
  const { in_channels, sample_size: side, num_class_embeds: classes } = config;
  window.work = async (pictures) => {
    const given = {
      x: new Tensor("float32", new Float32Array(pictures * in_channels * side ** 2).fill(0.3), [pictures, in_channels, side, side]),
      timestep: new Tensor("float32", new Float32Array(pictures).fill(500), [pictures]),
      ...(classes && { classes: new Tensor("int64", BigInt64Array.from({ length: pictures }, (_picture, k) => BigInt(k % classes)), [pictures]) }),
    };
    const began = performance.now();
    for (let k = 0; k < EVALUATIONS; k++) await session.run(given);
    return (performance.now() - began) / (EVALUATIONS * pictures);
  };
}
