// The worker: opens networks, and samples with them. team.js is its other end.
//
// It is sent objects with a `type` and, but for "unload", an `id` that its answers carry. Requests are carried out one after the other;
// "cancel" works at once, or after the network evaluation that is under way (of 16 pictures, or 1000 points).
//
//   load      { id, …Files }                              instead of what was loaded
//               → loaded { id, relaxed, bytes, ms }      whether with relaxed SIMD; bytes of memory
//   sample    { id, keep?: steps, …Request }              `keep`: steps whose pictures are sent; by default all
//               → frame { id, …Frame } for each step as it comes, 0 … steps, or progress { id, step, steps, t } for one that is
//                 not kept; then done { id, ms, evaluations, bytes }: how often the network evaluated a picture, and its memory
//   cancel    { id }  → cancelled { id }, in place of done
//   unload    { }     gives the memory back
//
// What cannot be done is answered by failed { id, kind, message }: one sentence in the reader's language.
import { _ } from "../../components/src/language.js";
import { decodeBytes } from "../../components/src/base64.js";
import { run } from "./machine.js";
import { NoisyClassifier } from "./noisy_classifier.js";
import { PointMLP } from "./point_mlp.js";
import { noWebAssembly, Problem } from "./problem.js";
import { UNet } from "./unet.js";
/** @import { Answer, Files, LoadMessage, Message, Modules, Networks, SampleMessage, WorkerScope } from "./types.js" */

/** What the script of script.py calls; the modules are in base64. @param {WorkerScope} scope @param {{ plain: string, relaxed: string }} modules */
export function start(scope, modules) {
  serve(scope, { plain: decodeBytes(modules.plain), relaxed: decodeBytes(modules.relaxed) });
}

/** @param {WorkerScope} scope @param {Modules} modules */
export function serve(scope, modules) {
  const worker = new SamplingWorker(modules, (answer) => scope.postMessage(answer));
  scope.onmessage = ({ data }) => worker.receive(data);
}

class SamplingWorker {
  /** @param {Modules} modules @param {(answer: Answer) => void} answer */
  constructor(modules, answer) {
    this.modules = modules;
    this.answer = answer;
    /** @type {Networks | null} */
    this.networks = null;
    /** Requests that have not ended, and whether they were cancelled. @type {Map<number, boolean>} */
    this.pending = new Map();
    this.last = Promise.resolve();
  }

  /** @param {Message} message */
  receive(message) {
    if (message.type === "cancel") {
      if (this.pending.has(message.id)) this.pending.set(message.id, true);
      return;
    }
    if (message.type !== "unload") this.pending.set(message.id, false);
    this.last = this.last.then(() => this.carryOut(message));
  }

  /** @param {Exclude<Message, { type: "cancel" }>} message */
  async carryOut(message) {
    if (message.type === "unload") {
      this.networks = null;
      return;
    }
    const { id } = message;
    try {
      await (message.type === "load" ? this.load(message) : this.sample(message));
    } catch (error) {
      const { kind, message: text } = problemOf(error);
      this.answer({ type: "failed", id, kind, message: text });
    } finally {
      this.pending.delete(id);
    }
  }

  /** @param {LoadMessage} message */
  async load({ id, ...files }) {
    const started = performance.now();
    this.networks = null; // its memory is free before the next one's is taken
    const { networks, relaxed } = files.points ? { networks: { network: new PointMLP(files.points) }, relaxed: false } : await openPictures(this.modules, files);
    this.networks = networks;
    this.answer({ type: "loaded", id, relaxed, bytes: this.bytes, ms: performance.now() - started });
  }

  get bytes() {
    return (this.networks?.network.bytes ?? 0) + (this.networks?.classifier?.bytes ?? 0);
  }

  /** @param {SampleMessage} message */
  async sample({ id, keep, ...request }) {
    if (!this.networks) throw new Problem("request", _("No network was loaded."));
    const started = performance.now();
    const evaluated = () => this.networks?.network.evaluated ?? 0;
    const before = evaluated();
    const kept = keep && new Set(keep);
    for (const frame of run(this.networks, request)) {
      if (frame === null) await nextTask();
      else if (kept && !kept.has(frame.step)) this.answer({ type: "progress", id, step: frame.step, steps: frame.steps, t: frame.t });
      else this.answer({ type: "frame", id, ...frame });
      if (this.pending.get(id)) {
        this.answer({ type: "cancelled", id });
        return;
      }
    }
    this.answer({ type: "done", id, ms: performance.now() - started, evaluations: evaluated() - before, bytes: this.bytes });
  }
}

/** @param {unknown} error */
function problemOf(error) {
  if (error instanceof Problem) return error;
  if (error instanceof RangeError) return new Problem("memory", _("This browser does not give the memory that these images need."));
  return new Problem("worker", _("The network in this browser failed: {error}.", { error: String(error) }));
}

/** The networks of pictures. @param {Modules} modules @param {Files} files */
async function openPictures(modules, { unet, classifier, memory }) {
  if (!unet) throw new Problem("request", _("No network was loaded."));
  const { module, relaxed } = await compile(modules);
  const network = await UNet.open(module, unet, memory);
  return { relaxed, networks: { network, classifier: classifier && (await NoisyClassifier.open(module, classifier, memory)) } };
}

/** The module for this browser. Throws a Problem where there is none. @param {Modules} modules */
async function compile({ plain, relaxed }) {
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(plain)) throw noWebAssembly();
  const hasRelaxed = WebAssembly.validate(relaxed);
  try {
    return { module: await WebAssembly.compile(hasRelaxed ? relaxed : plain), relaxed: hasRelaxed };
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw new Problem("browser", _("This page may not run WebAssembly, which the network needs."));
  }
}

/** After what has arrived by now was received; timers would wait for 4 ms. @returns {Promise<void>} */
function nextTask() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
