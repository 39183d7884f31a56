// The memory of a WebAssembly module, handed out in blocks.
import { _ } from "../../components/src/language.js";
import { Problem } from "./problem.js";

/** @typedef {{ at: number, size: number }} Block */

const PAGE = 65536;

/** Blocks come from the top; one that is given back is used again for the next request of the same size. */
export class Memory {
  /**
   * @param {WebAssembly.Memory} memory
   * @param {number} base  the first free byte
   * @param {number} most  bytes it may grow to
   */
  constructor(memory, base, most) {
    this.memory = memory;
    this.most = most;
    this.top = (base + 63) & ~63;
    /** @type {Map<number, number[]>} */
    this.free = new Map();
  }

  /**
   * A block of `count` numbers. Throws a Problem where the browser, or the limit, refuses it.
   * @param {number} count
   * @returns {Block}
   */
  take(count) {
    const size = (4 * count + 63) & ~63;
    const spare = this.free.get(size)?.pop();
    if (spare !== undefined) return { at: spare, size };
    const at = this.top;
    this.grow(at + size);
    this.top = at + size;
    return { at, size };
  }

  /** @param {number} end  bytes that are needed */
  grow(end) {
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return;
    try {
      if (end > this.most) throw new RangeError();
      this.memory.grow(missing);
    } catch {
      throw new Problem("memory", _("This network needs more than {megabytes} MB of memory, which this browser does not give.", { megabytes: Math.floor(Math.min(end, this.most) / 1e6) }));
    }
  }

  /** @param {Block} block */
  give({ at, size }) {
    const spare = this.free.get(size);
    if (spare) spare.push(at);
    else this.free.set(size, [at]);
  }

  /** What there is now stays; the function that is returned gives everything that was taken since back at once. */
  mark() {
    const { top } = this;
    const free = [...this.free].map(([size, list]) => /** @type {[number, number[]]} */ ([size, [...list]]));
    return () => {
      this.top = top;
      this.free = new Map(free.map(([size, list]) => [size, [...list]]));
    };
  }

  /** @param {number} at @param {number} count */
  floats(at, count) {
    return new Float32Array(this.memory.buffer, at, count);
  }
}
