// The page's side: several workers that share the pictures of a request. They need no shared memory, so no special headers.
//
//   const team = new Team(workersOf(script), { most: 3 });
//   await team.load({ unet, classifier });
//   await team.sample({ program, seeds, labels }, { onFrame, signal });
//
// A worker that is lost is started again, and repeats its part, once. `rest` gives all memory back until there is something to do.
import { _ } from "../../components/src/language.js";
import { Problem } from "./problem.js";
/** @import { Answer, Done, Files, Frame, Loaded, Message, Progress, Request, WorkerLike } from "./types.js" */

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
   * Loads networks, in place of those before. The workers after the first load them when they are needed.
   * Rejects with a Problem where they cannot be loaded.
   * @param {Files} files
   * @returns {Promise<Loaded>}
   */
  async load(files) {
    for (const member of this.members) member.useFiles(files);
    return this.members[0].loaded();
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
    const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    try {
      const done = await Promise.all(parts.map((part, k) => this.members[k].sample(part, keep, either, (answer) => merge.add(k, answer))));
      const sum = (/** @type {"evaluations" | "bytes"} */ of) => done.reduce((total, each) => total + each[of], 0);
      return { ms: Math.max(...done.map(({ ms }) => ms)), evaluations: sum("evaluations"), bytes: sum("bytes") };
    } finally {
      stop.abort(); // one failed: the others need not go on
    }
  }

  /** Gives all memory back; the workers start again when they are needed. */
  rest() {
    for (const member of this.members) member.rest();
  }
}

/** @typedef {Extract<Answer, { type: "frame" | "progress" }>} Step */

/** One worker, which is started and loaded when it is needed. */
class Member {
  /** @param {() => WorkerLike} spawn */
  constructor(spawn) {
    this.spawn = spawn;
    /** @type {WorkerLike | null} */
    this.worker = null;
    /** @type {Files | null} */
    this.files = null;
    /** @type {Promise<Loaded> | null} */
    this.loading = null;
    /** @type {Map<number, { answered: (answer: Answer) => void, lost: (problem: Problem) => void }>} */
    this.waiting = new Map();
    this.id = 0;
  }

  /** @param {Files} files */
  useFiles(files) {
    this.files = files;
    this.loading = null;
  }

  /** @returns {Promise<Loaded>} */
  loaded() {
    if (!this.files) throw new Problem("request", _("No network was loaded."));
    this.loading ??= this.again(() => this.ask({ type: "load", ...this.files })).then((answer) => /** @type {Loaded} */ (answer));
    this.loading.catch(() => (this.loading = null));
    return this.loading;
  }

  /**
   * @param {Request} request @param {number[] | undefined} keep @param {AbortSignal} signal @param {(answer: Step) => void} onStep
   * @returns {Promise<Done>}
   */
  async sample(request, keep, signal, onStep) {
    signal.throwIfAborted();
    const answer = await this.again(async () => {
      await this.loaded();
      signal.throwIfAborted();
      return this.ask({ type: "sample", keep, ...request }, onStep, signal);
    });
    if (answer.type === "cancelled") throw signal.reason;
    return /** @type {Done} */ (answer);
  }

  /** Once more, with a new worker, where the worker was lost. @template T @param {() => Promise<T>} attempt @returns {Promise<T>} */
  async again(attempt) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof LostError)) throw error;
      return attempt();
    }
  }

  /**
   * Sends a message, and waits for the answer that ends it.
   * @param {Record<string, unknown>} message @param {(answer: Step) => void} [onStep] @param {AbortSignal} [signal]
   * @returns {Promise<Answer>}
   */
  ask(message, onStep = () => {}, signal) {
    const worker = (this.worker ??= this.started());
    const id = ++this.id;
    return new Promise((resolve, reject) => {
      const cancel = () => worker.postMessage(/** @type {Message} */ ({ type: "cancel", id }));
      const end = () => {
        this.waiting.delete(id);
        signal?.removeEventListener("abort", cancel);
      };
      this.waiting.set(id, {
        lost: (problem) => (end(), reject(problem)),
        answered: (answer) => {
          if (answer.type === "frame" || answer.type === "progress") return onStep(answer);
          end();
          if (answer.type === "failed") reject(new Problem(answer.kind, answer.message));
          else resolve(answer);
        },
      });
      signal?.addEventListener("abort", cancel);
      worker.postMessage(/** @type {Message} */ ({ ...message, id }));
    });
  }

  /** A new worker. */
  started() {
    const worker = this.spawn();
    worker.onmessage = ({ data }) => this.waiting.get(data.id)?.answered(data);
    worker.onerror = (event) => {
      event.preventDefault?.();
      this.lose(worker);
    };
    worker.onmessageerror = () => this.lose(worker);
    return worker;
  }

  /** @param {WorkerLike} worker */
  lose(worker) {
    if (worker !== this.worker) return;
    this.rest();
  }

  rest() {
    this.worker?.terminate();
    this.worker = null;
    this.loading = null;
    for (const { lost } of [...this.waiting.values()]) lost(new LostError());
  }
}

/** The worker ended without an answer. */
class LostError extends Problem {
  constructor() {
    super("worker", _("The network in this browser was stopped before it had finished."));
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
    this.onFrame({ step, steps, t, x: joined(frames.map(({ x }) => x)), x0: joined(frames.map(({ x0 }) => x0)), noise: joined(frames.map(({ noise }) => noise)) });
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
