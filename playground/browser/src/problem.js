// What went wrong, in one sentence for the reader.
import { _ } from "../../components/src/language.js";

/** @typedef {"browser" | "weights" | "network" | "memory" | "request" | "worker"} ProblemKind */

export class Problem extends Error {
  /**
   * @param {ProblemKind} kind  what it is about: this browser, weights that are damaged, a network that does not run here or is
   *   another than the config says, memory that is refused, a request that does not fit, or a worker that was lost
   * @param {string} message  one sentence in the reader's language
   */
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** Where networks cannot run at all. */
export const noWebAssembly = () => new Problem("browser", _("This browser has no WebAssembly with SIMD, which the network needs: a version of 2023 or later has it."));
