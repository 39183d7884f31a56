// Workers and their team, in one thread: each worker is `serve` with a scope of its own, and what is sent is copied.
import assert from "node:assert/strict";
import { test } from "node:test";
import { serve } from "../../../playground/browser/src/worker.js";
import { run } from "../../../playground/browser/src/machine.js";
import { Problem } from "../../../playground/browser/src/problem.js";
import { Team } from "../../../playground/browser/src/team.js";
import { bytes, readJson } from "./files.mjs";

const here = (path) => new URL(`../../../${path}`, import.meta.url);
const digits = { config: { ...readJson(here("assets/checkpoints/digits/unet/config.json")), attention: [] }, weights: bytes(here("assets/checkpoints/digits/unet/diffusion_pytorch_model.safetensors")) };
const modules = { plain: bytes(here("playground/browser/unet.wasm")), relaxed: bytes(here("playground/browser/unet-relaxed.wasm")) };

/** A worker in this thread. `lostAt`: it is lost with its answer of that number. */
class LocalWorker {
  constructor(log, { lostAt = Infinity, own = modules } = {}) {
    this.log = log;
    this.answers = 0;
    this.scope = {
      postMessage: (answer) => {
        log.answers.push(answer.type);
        if (this.ended) return;
        if (++this.answers === lostAt) return this.onerror({});
        this.onmessage({ data: structuredClone(answer) });
      },
    };
    serve(this.scope, own);
  }
  postMessage(message) {
    this.log.messages.push(message.type);
    const data = structuredClone(message);
    setImmediate(() => this.ended || this.scope.onmessage({ data }));
  }
  terminate() {
    this.ended = true;
    this.log.ended++;
  }
}

const newLog = () => ({ messages: [], answers: [], ended: 0, started: 0 });
const team = (most, log = newLog(), options = () => ({})) => new Team(() => new LocalWorker(log, options(log.started++)), { most });

const step = (t, next) => ({
  t,
  code: [
    { op: "evaluate", to: ["cond", "uncond"], source: "x", time: t - 1, labels: ["own", "none"] },
    { op: "guide", to: "v", cond: "cond", uncond: "uncond", scale: 2 },
    { op: "sum", to: "all", of: { x: 0.6, v: -0.8 }, plus: 0 },
    { op: "clamp", to: "x0", source: "all", low: -1, high: 1 },
    { op: "sum", to: "noise", of: { x: 1, x0: -0.5 }, plus: 0 },
    { op: "draw", to: "fresh" },
    { op: "sum", to: "next", of: { x0: next, noise: 0.4, fresh: 0.1 }, plus: 0 },
  ],
  x0: "x0", noise: "noise", next: "next",
});
const program = { shape: [1, 28, 28], classes: 10, guided: true, classifier: false, steps: [step(900, 0.5), step(500, 0.8), step(100, 1)] };
const request = { program, seeds: [1, 2, 3, 4, 5], labels: [0, 9, -1, 3, 3] };

async function framesOf(team, request, options = {}) {
  const frames = [];
  const done = await team.sample(request, { ...options, onFrame: (frame) => frames.push(frame) });
  return { frames, done };
}

test("several workers draw what one draws, and every frame comes once, in order", async () => {
  const [one, three] = [team(1), team(3)];
  for (const each of [one, three]) await each.load({ unet: digits });
  const [a, b] = [await framesOf(one, request), await framesOf(three, request)];
  assert.deepEqual(a.frames.map(({ step }) => step), [0, 1, 2, 3]);
  assert.deepEqual(b.frames, a.frames);
  assert.deepEqual(a.frames.map(({ t }) => t), [900, 500, 100, 0]);
  for (const { done } of [a, b]) assert.equal(done.evaluations, 3 * 2 * 5);
  assert.deepEqual(a.frames[3].x0, a.frames[3].x);
});

test("a picture depends on its own seed and label alone, and a batch of any size is drawn", async () => {
  const alone = team(1);
  await alone.load({ unet: digits });
  const many = await framesOf(alone, { program, seeds: Array.from({ length: 21 }, (_seed, k) => k), labels: Array(21).fill(4) });
  const single = await framesOf(alone, { program, seeds: [20], labels: [4] });
  assert.deepEqual(many.frames[3].x.slice(20 * 784), single.frames[3].x);
});

test("frames that nobody keeps are only counted", async () => {
  const each = team(2);
  await each.load({ unet: digits });
  const counted = [];
  const { frames } = await framesOf(each, request, { keep: [0, 3], onProgress: ({ step, t }) => counted.push([step, t]) });
  assert.deepEqual(frames.map(({ step }) => step), [0, 3]);
  assert.deepEqual(counted, [[1, 500], [2, 100]]);
});

test("what is cancelled stops within one evaluation, and the next request is carried out", async () => {
  const log = newLog();
  const each = team(2, log);
  await each.load({ unet: digits });
  const stop = new AbortController();
  const frames = [];
  const sampling = each.sample(request, { signal: stop.signal, onFrame: (frame) => (frames.push(frame), stop.abort(new Error("enough"))) });
  await assert.rejects(sampling, /enough/);
  assert.equal(frames.length, 1);
  await assert.rejects(each.sample(request, { signal: stop.signal }), /enough/);
  assert.equal((await framesOf(each, request)).frames.length, 4);
  assert.ok(log.answers.includes("cancelled"));
});

test("a lost worker is started again and repeats its part; what is lost twice is said", async () => {
  const log = newLog();
  const expected = team(1);
  await expected.load({ unet: digits });
  const each = team(2, log, (number) => ({ lostAt: number === 1 ? 4 : Infinity })); // its third frame is the fourth answer
  await each.load({ unet: digits });
  assert.deepEqual((await framesOf(each, request)).frames, (await framesOf(expected, request)).frames);
  assert.deepEqual([log.started, log.ended], [3, 1]);

  const hopeless = team(1, newLog(), () => ({ lostAt: 2 }));
  await hopeless.load({ unet: digits });
  await assert.rejects(framesOf(hopeless, request), { kind: "worker" });
});

test("memory is given back, and taken again when there is something to do", async () => {
  const log = newLog();
  const each = team(2, log);
  await each.load({ unet: digits });
  const before = await framesOf(each, request);
  each.rest();
  assert.equal(log.ended, 2);
  assert.deepEqual((await framesOf(each, request)).frames, before.frames);
  assert.equal(log.started, 4);
});

test("memory does not grow with the number of requests, nor beyond that of 16 pictures", async () => {
  const each = team(1);
  await each.load({ unet: digits });
  const sizes = {};
  for (const count of [1, 16, 40, 7, 40, 1]) {
    const few = { ...program, steps: program.steps.slice(0, 1) };
    const { done } = await framesOf(each, { program: few, seeds: Array(count).fill(0), labels: Array(count).fill(1) });
    (sizes[count] ??= []).push(done.bytes);
  }
  assert.equal(new Set(sizes[40]).size, 1);
  assert.equal(sizes[40][0], sizes[16][0]);
  assert.ok(sizes[40][0] < 6e7, `${sizes[40]} bytes`);
});

test("with little memory fewer pictures are drawn at once", async () => {
  const [each, plenty] = [team(1), team(1)];
  await plenty.load({ unet: digits });
  const { bytes } = await each.load({ unet: digits });
  await each.load({ unet: digits, memory: bytes + 2e6 });
  const many = { program, seeds: Array.from({ length: 16 }, (_seed, k) => k), labels: Array(16).fill(7) };
  const [{ frames, done }, { frames: expected, done: roomy }] = [await framesOf(each, many), await framesOf(plenty, many)];
  assert.deepEqual(frames, expected);
  assert.ok(done.bytes <= bytes + 2e6 + 65536 && done.bytes < roomy.bytes, `${done.bytes}`);
});

test("the classifier too is given fewer pictures where memory is refused", () => {
  const asked = [];
  const classifier = {
    config: { classes: 3 },
    gradient: (x, _time, _signal, labels) => {
      if (labels.length > 2) throw new Problem("memory", "Refused.");
      asked.push(labels);
      return x.map((value) => 2 * value);
    },
  };
  const network = { shape: [2], classes: 0, mostAtOnce: 16 };
  const code = [{ op: "gradient", to: "g", source: "x", time: 1, signal: 1 }];
  const guided = { shape: [2], classes: 0, guided: false, classifier: true, steps: [{ t: 1, code, x0: "g", noise: "g", next: "g" }] };
  const frames = [...run({ network, classifier }, { program: guided, seeds: [1, 2, 3, 4, 5], labels: [0, 1, -1, 2, 0] })].filter(Boolean);
  assert.deepEqual(asked, [[0, 1], [2, 0]]);
  assert.deepEqual([...frames[1].x], [...frames[0].x].map((value, i) => (i === 4 || i === 5 ? 0 : Math.fround(2 * value))));
});

test("what is wrong is said in one sentence, and the next request is carried out", async () => {
  const each = team(1);
  const failing = async (files, kind, sentence) => assert.rejects(each.load(files), { kind, message: sentence });
  await assert.rejects(async () => each.sample(request), { kind: "request" });
  await failing({ unet: { ...digits, weights: digits.weights.slice(0, -10) } }, "weights", /cut short: only \d+ bytes/);
  await failing({ unet: { ...digits, weights: digits.weights.slice(0, 5) } }, "weights", /cut short/);
  await failing({ unet: { ...digits, weights: new TextEncoder().encode("{".repeat(5000)).buffer } }, "weights", /cut short|safetensors/);
  await failing({ unet: { ...digits, config: { ...digits.config, block_out_channels: [24, 48, 64] } } }, "network", /another network: “\w/);
  await failing({ unet: { ...digits, config: { ...digits.config, attention_head_dim: 2 } } }, "network", /multiples of 8/);
  await failing({ unet: digits, memory: 3e6 }, "memory", /more than \d+ MB of memory/);

  await each.load({ unet: digits });
  const refused = async (change, kind) => assert.rejects(each.sample({ ...request, ...change }), { kind });
  await refused({ labels: [0, 1, 2, 3, 10] }, "request");
  await refused({ labels: [0] }, "request");
  await refused({ program: { ...program, shape: [3, 28, 28] } }, "network");
  await refused({ program: { ...program, classifier: true } }, "network");
  await refused({ start: { x: new Float32Array(5), draws: 1 } }, "request");
  assert.equal((await framesOf(each, request)).frames.length, 4);
});

/** The file with one of its numbers changed. */
function changed(file, name, number) {
  const copy = file.slice(0);
  const size = Number(new DataView(copy).getBigUint64(0, true));
  const [at] = JSON.parse(new TextDecoder().decode(new Uint8Array(copy, 8, size)))[name].data_offsets;
  new DataView(copy).setFloat32(8 + size + at, number, true);
  return copy;
}

test("weights that are no numbers, and settings that fit no network, are said", async () => {
  const each = team(1);
  const refused = async (files, kind, sentence) => assert.rejects(each.load({ unet: { ...digits, ...files } }), { kind, message: sentence });
  for (const number of [NaN, Infinity, -Infinity]) {
    for (const name of ["class_embedding.weight", "conv_out.bias"]) await refused({ weights: changed(digits.weights, name, number) }, "weights", new RegExp(`“${name}”.*NaN or infinite`));
  }
  for (const [name, value] of [["sample_size", 27], ["norm_num_groups", 5], ["act_fn", "gelu"], ["block_out_channels", undefined], ["attention_head_dim", 20]]) {
    await refused({ config: { ...digits.config, [name]: value } }, "network", new RegExp(`“${name}”`));
  }
  await refused({ config: undefined }, "network", /\.$/);
  await each.load({ unet: { ...digits, weights: changed(digits.weights, "conv_out.bias", 0.5) } });
});

test("a thousand samplings that are given up leave nothing behind", async () => {
  const each = team(2);
  await each.load({ unet: digits });
  const before = await framesOf(each, request);
  for (let k = 0; k < 1000; k++) {
    const stop = new AbortController();
    const sampling = each.sample(k % 20 ? request : { ...request, seeds: [k], labels: [1] }, { signal: stop.signal, onFrame: () => stop.abort() });
    if (k % 20) queueMicrotask(() => stop.abort()); // some when the first frame is there, most before
    await assert.rejects(sampling, { name: "AbortError" });
  }
  const after = await framesOf(each, request);
  assert.deepEqual(after.frames, before.frames);
  assert.equal(after.done.bytes, before.done.bytes);
  for (const { waiting } of each.members) assert.equal(waiting.size, 0);
});

test("samplings that overtake each other are all given up but the last", async () => {
  const each = team(1);
  await each.load({ unet: digits });
  const ended = [];
  let stop = new AbortController();
  for (let k = 0; k < 100; k++) {
    stop.abort();
    stop = new AbortController();
    ended.push(each.sample({ ...request, seeds: [k], labels: [1] }, { signal: stop.signal }).then(() => k, () => null));
  }
  assert.deepEqual((await Promise.all(ended)).filter((k) => k !== null), [99]);
});

test("memory that the browser refuses is said", async (context) => {
  const { instantiate } = WebAssembly;
  context.after(() => (WebAssembly.instantiate = instantiate));
  WebAssembly.instantiate = async () => {
    throw new RangeError("WebAssembly.Memory(): could not allocate memory");
  };
  const each = team(1);
  await assert.rejects(each.load({ unet: digits }), { kind: "memory", message: /memory.*\.$/ });
  WebAssembly.instantiate = instantiate;
  await each.load({ unet: digits });
  assert.equal((await framesOf(each, request)).frames.length, 4);
});

test("networks of points are checked too", async () => {
  const each = team(1);
  const config = { T: 100, width: 8, depth: 2, frequencies: 4, classes: 0 };
  await assert.rejects(each.load({ points: { config, weights: digits.weights } }), { kind: "network", message: /another network: “waves”/ });
  await assert.rejects(each.load({}), { kind: "request" });
});

test("without SIMD in WebAssembly the browser says so", async () => {
  const without = team(1, newLog(), () => ({ own: { plain: new Uint8Array(8), relaxed: new Uint8Array(8) } }));
  await assert.rejects(without.load({ unet: digits }), { kind: "browser", message: /no WebAssembly with SIMD/ });
});

test("a browser without WebAssembly, or one that may not use it, and one that starts no workers, say so", async (context) => {
  const { WebAssembly: known } = globalThis;
  context.after(() => (globalThis.WebAssembly = known));
  const said = { kind: "browser", message: /^[A-Z][^.]*\.$/ };
  globalThis.WebAssembly = undefined;
  await assert.rejects(team(1).load({ unet: digits }), said);
  const refusing = () => Promise.reject(new known.CompileError("violates the following Content Security policy directive"));
  globalThis.WebAssembly = { ...known, validate: known.validate, compile: refusing, instantiate: refusing };
  await assert.rejects(team(1).load({ unet: digits }), said);
  globalThis.WebAssembly = known;
  const none = new Team(() => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  }, { most: 1 });
  await assert.rejects(none.load({ unet: digits }), said);
});
