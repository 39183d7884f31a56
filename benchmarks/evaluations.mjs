// Evaluates a network in Node each time it gets a line: node evaluations.mjs FOLDER [FOLDER OF ONNXRUNTIME-WEB]. A line is one of
//
//   NAME PICTURES     of unet, unet-relaxed and onnx: milliseconds of the processor and of the clock that one evaluation of so many
//                     pictures took; those of the processor until it was loaded, and bytes of its memory now
//   products NAME     multiplications of one evaluation of a picture
//   product NAME      multiplications a second of that module's own matrix product, with operands in the first-level cache
//
// The answer is numbers.
import fs from "node:fs";
import readline from "node:readline";
import { UNet } from "../playground/browser/src/unet.js";

const [folder, runtime] = process.argv.slice(2);
const bytes = (file) => new Uint8Array(fs.readFileSync(file)).buffer;
const moduleOf = (name) => WebAssembly.compile(bytes(new URL(`../playground/browser/${name}.wasm`, import.meta.url)));
const read = () => ({ config: JSON.parse(fs.readFileSync(`${folder}/config.json`, "utf-8")), weights: bytes(`${folder}/weights.safetensors`) });
const { in_channels, sample_size, num_class_embeds } = read().config;

/** What `count` pictures are given to a network as. */
const given = (count) => ({ x: new Float32Array(count * in_channels * sample_size ** 2).fill(0.3), times: Array(count).fill(500), classes: Array.from({ length: count }, (_picture, k) => k % num_class_embeds) });

async function openOurs(name) {
  const net = await UNet.open(await moduleOf(name), read());
  return { net, evaluate: ({ x, times, classes }) => net.forward(x, times, classes), bytes: () => net.bytes };
}

async function openOnnx() {
  const { Memory } = WebAssembly;
  const memories = [];
  WebAssembly.Memory = function (limits) {
    memories.push(new Memory(limits));
    return memories.at(-1);
  };
  const { env, InferenceSession, Tensor } = await import(`${runtime}/ort.wasm.min.mjs`);
  env.wasm.numThreads = 1;
  const session = await InferenceSession.create(new Uint8Array(bytes(`${folder}/unet.onnx`)), { executionProviders: ["wasm"] });
  WebAssembly.Memory = Memory;
  const evaluate = ({ x, times, classes }) => session.run({
    x: new Tensor("float32", x, [times.length, in_channels, sample_size, sample_size]),
    timestep: new Tensor("float32", Float32Array.from(times), [times.length]),
    classes: new Tensor("int64", BigInt64Array.from(classes, BigInt), [times.length]),
  });
  return { evaluate, bytes: () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0) };
}

const opened = new Map();

async function open(name) {
  if (!opened.has(name)) {
    let network;
    const [load] = await measured(async () => (network = await (name === "onnx" ? openOnnx() : openOurs(name))));
    opened.set(name, { ...network, load });
  }
  return opened.get(name);
}

async function measured(work) {
  const [used, began] = [process.cpuUsage(), performance.now()];
  await work();
  const { user, system } = process.cpuUsage(used);
  return [(user + system) / 1000, performance.now() - began];
}

async function evaluation(name, pictures) {
  const { evaluate, load, bytes: size } = await open(name);
  const input = given(Number(pictures));
  return [...(await measured(() => evaluate(input))), load, size()];
}

const COUNTS = {
  gemm: (_a, M, K, _w, N) => M * K * N,
  conv: (_in, B, _Hp, _Wp, C, _stride, _w, N, _bias, _step, _rest, _out, H, W) => 9 * B * H * W * C * N,
  winograd2: (_in, B, H, W, C, _u, N) => 16 * B * Math.ceil(H / 2) * Math.ceil(W / 2) * C * N,
  winograd4: (_in, B, H, W, C, _u, N) => 36 * B * Math.ceil(H / 4) * Math.ceil(W / 4) * C * N,
  attention: (_qkv, B, L, C) => 2 * B * L * L * C,
};

async function products(name) {
  const { net: { blocks }, evaluate } = await open(name);
  const { c } = blocks;
  let sum = 0;
  const counted = Object.entries(COUNTS).map(([called, count]) => [called, (...values) => ((sum += count(...values)), c[called](...values))]);
  blocks.c = { ...c, ...Object.fromEntries(counted) };
  evaluate(given(1));
  blocks.c = c;
  return [sum];
}

const [M, K, N, TIMES] = [64, 96, 64, 200];
const instances = new Map();

async function product(name) {
  if (!instances.has(name)) instances.set(name, await WebAssembly.instantiate(await moduleOf(name), {}));
  const { gemm, memory, __heap_base } = instances.get(name).exports;
  const [a, w, bias, out] = [0, M * K, (M + N) * K, (M + N) * K + N].map((at) => ((__heap_base.value + 63) & ~63) + 4 * at);
  if (memory.buffer.byteLength < out + 4 * M * N) memory.grow(2);
  const [used] = await measured(() => {
    for (let k = 0; k < TIMES; k++) gemm(a, M, K, w, N, bias, 0, out);
  });
  return [(1000 * M * K * N * TIMES) / used];
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [what, which] = line.split(" ");
  console.log((await (what === "products" ? products(which) : what === "product" ? product(which) : evaluation(what, which))).join(" "));
}
