// One worker of a team: it is started and loaded when it is needed, and started again where it is lost.
import { _ } from "../../components/src/language.js";
import { Problem } from "./problem.js";
/** @import { Answer, Done, Files, Loaded, Message, Request, WorkerLike } from "./types.js" */

/** @typedef {Extract<Answer, { type: "frame" | "progress" }>} Step */

export class Member {
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

  /** Loads the files, if that was not done. @returns {Promise<Loaded>} */
  loaded() {
    if (!this.files) throw new Problem("request", _("No network was loaded."));
    if (!this.loading) {
      const loading = this.ask({ type: "load", ...this.files }).then((answer) => /** @type {Loaded} */ (answer));
      loading.catch(() => (this.loading = this.loading === loading ? null : this.loading));
      this.loading = loading;
    }
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
    const worker = this.spawned();
    worker.onmessage = ({ data }) => this.waiting.get(data.id)?.answered(data);
    worker.onerror = (event) => {
      event.preventDefault?.();
      this.lose(worker);
    };
    worker.onmessageerror = () => this.lose(worker);
    return worker;
  }

  spawned() {
    try {
      return this.spawn();
    } catch {
      throw new Problem("browser", _("This browser starts no worker for this page, which the network needs."));
    }
  }

  /** @param {WorkerLike} worker */
  lose(worker) {
    if (worker === this.worker) this.rest();
  }

  /** Ends the worker; what waits for it begins again. */
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
