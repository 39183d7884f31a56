// What went wrong, in one sentence for the reader.

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
