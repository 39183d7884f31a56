// The page's side: several workers that share the pictures of a request. They need no shared memory, so no special headers.
//
//   const team = new Team(workersOf(script), { most: 3 });
//   await team.load({ unet, classifier });
//   await team.sample({ program, seeds, labels }, { onFrame, signal });
//
// A worker that is lost is started again, and repeats its part, once. `rest` gives all memory back until there is something to do.
import { Member } from "./member.js";
import { noWebAssembly } from "./problem.js";
/** @import { Done, Files, Frame, Loaded, Progress, Request, WorkerLike } from "./types.js" */
/** @import { Step } from "./member.js" */

/** @typedef {{ onFrame?: (frame: Frame) => void, onProgress?: (progress: Progress) => void, keep?: number[], signal?: AbortSignal }} Options */

/** A function that starts a worker from the script of script.py. @param {string} script @returns {() => WorkerLike} */
export function workersOf(script) {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  return () => new Worker(address);
}

/** How many workers share a batch on this machine: all processors but one, which draws the page. */
export function workerCount() {
  return Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1));
}

export class Team {
  /**
   * @param {() => WorkerLike} spawn  starts a worker
   * @param {{ most?: number }} [options]  how many there may be
   */
  constructor(spawn, { most = workerCount() } = {}) {
    this.members = Array.from({ length: most }, () => new Member(spawn));
  }

  /**
   * Loads networks, in place of those before, and resolves when the first worker has them; the others load them after that.
   * Rejects with a Problem where they cannot be loaded.
   * @param {Files} files
   * @returns {Promise<Loaded>}
   */
  async load(files) {
    if (typeof WebAssembly === "undefined") throw noWebAssembly();
    for (const member of this.members) member.useFiles(files);
    const [first, ...others] = this.members;
    const loaded = await first.again(() => first.loaded());
    for (const member of others) member.loaded().catch(() => {}); // said when it is needed
    return loaded;
  }

  /**
   * Samples. Rejects with a Problem where that fails, and with the signal's reason where it is aborted.
   * @param {Request} request
   * @param {Options} [options]  `onFrame` is called with each frame as soon as all workers have it; `keep`: only with these steps, and
   *   `onProgress` with the others
   * @returns {Promise<Done>}
   */
  async sample(request, { onFrame = () => {}, onProgress = () => {}, keep, signal } = {}) {
    const parts = split(request, this.members.length);
    const merge = new Merge(parts.length, onFrame, onProgress);
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    try {
      const done = await Promise.all(parts.map((part, k) => this.members[k].sample(part, keep, stop.signal, (answer) => merge.add(k, answer))));
      const sum = (/** @type {"evaluations" | "bytes"} */ of) => done.reduce((total, each) => total + each[of], 0);
      return { ms: Math.max(...done.map(({ ms }) => ms)), evaluations: sum("evaluations"), bytes: sum("bytes") };
    } finally {
      signal?.removeEventListener("abort", abort);
      stop.abort(); // one failed: the others need not go on
    }
  }

  /** Gives all memory back; the workers start again when they are needed. */
  rest() {
    for (const member of this.members) member.rest();
  }
}

/** Puts the frames of all parts together: each when the last part of it comes. */
class Merge {
  /** @param {number} count @param {(frame: Frame) => void} onFrame @param {(progress: Progress) => void} onProgress */
  constructor(count, onFrame, onProgress) {
    this.count = count;
    this.onFrame = onFrame;
    this.onProgress = onProgress;
    /** @type {Map<number, Step[]>} */
    this.steps = new Map();
    this.next = 0;
  }

  /** @param {number} part @param {Step} answer */
  add(part, answer) {
    if (answer.step < this.next) return; // a worker that was lost repeats its part
    const parts = this.steps.get(answer.step) ?? [];
    this.steps.set(answer.step, parts);
    parts[part] = answer;
    while (this.isWhole(this.next)) this.pass(/** @type {Step[]} */ (this.steps.get(this.next)));
  }

  /** @param {number} step */
  isWhole(step) {
    const parts = this.steps.get(step);
    return parts !== undefined && Object.keys(parts).length === this.count;
  }

  /** @param {Step[]} parts */
  pass(parts) {
    this.steps.delete(this.next++);
    const { step, steps, t } = parts[0];
    if (parts[0].type === "progress") return this.onProgress({ step, steps, t });
    const frames = /** @type {Frame[]} */ (/** @type {unknown} */ (parts));
    const more = Object.keys(frames[0].parts).map((name) => [name, joined(frames.map(({ parts }) => parts[name]))]);
    this.onFrame({ step, steps, t, x: joined(frames.map(({ x }) => x)), x0: joined(frames.map(({ x0 }) => x0)), noise: joined(frames.map(({ noise }) => noise)), parts: Object.fromEntries(more) });
  }
}

/** @param {Float32Array<ArrayBuffer>[]} parts */
function joined(parts) {
  if (parts.length === 1) return parts[0];
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A request in as equal parts as possible, one for each worker. @param {Request} request @param {number} workers @returns {Request[]} */
function split(request, workers) {
  const { seeds, labels, scale, start } = request;
  const count = Math.max(1, Math.min(workers, seeds.length));
  const bound = (/** @type {number} */ k) => Math.round((k * seeds.length) / count);
  return Array.from({ length: count }, (_part, k) => {
    const [from, to] = [bound(k), bound(k + 1)];
    const pictures = (/** @type {Float32Array<ArrayBuffer>} */ x) => x.slice((from * x.length) / seeds.length, (to * x.length) / seeds.length);
    return {
      ...request,
      seeds: seeds.slice(from, to),
      labels: labels?.slice(from, to),
      scale: Array.isArray(scale) ? scale.slice(from, to) : scale,
      start: start && { ...start, x: pictures(start.x), previous: start.previous && { x0: pictures(start.previous.x0), noise: pictures(start.previous.noise) } },
    };
  });
}
