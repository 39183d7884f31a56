// The weights of a network in WebAssembly's memory, arranged as unet.c reads them. Each is arranged once, when it is first used.
import { Memory } from "./memory.js";
/** @import { Arithmetic } from "./types.js" */
/** @import { Tensor } from "./safetensors.js" */

/** @param {number} n */
export const upTo8 = (n) => (n + 7) & ~7;

export class Weights {
  /**
   * @param {Arithmetic} c
   * @param {Memory} memory
   * @param {Record<string, Tensor>} tensors
   */
  constructor(c, memory, tensors) {
    this.c = c;
    this.memory = memory;
    this.tensors = tensors;
    /** @type {Map<string, number>} */
    this.arranged = new Map();
    /** @type {Record<string, number[]>} */
    this.shapes = Object.fromEntries(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
  }

  /** Weights that are made of others. @param {string} name @param {number[]} shape @param {Float32Array<ArrayBuffer>} numbers */
  add(name, shape, numbers) {
    this.tensors[name] = { shape, dtype: "F32", bytes: new Uint8Array(numbers.buffer) };
    this.shapes[name] = shape;
  }

  /** Lets go of the file, once everything has been used. */
  forget() {
    this.tensors = {};
  }

  /** @param {string} name */
  has(name) {
    return name in this.shapes;
  }

  /** @param {string} key @param {() => number} make */
  once(key, make) {
    let at = this.arranged.get(key);
    if (at === undefined) this.arranged.set(key, (at = make()));
    return at;
  }

  /** The numbers of a tensor, in a block that the caller gives back. @param {string} name */
  raw(name) {
    const { dtype, bytes, shape } = this.tensors[name];
    const count = bytes.length / (dtype === "F16" ? 2 : 4);
    const block = this.memory.take(count);
    const source = dtype === "F16" ? this.memory.take(count / 2) : block;
    new Uint8Array(this.memory.memory.buffer, source.at, bytes.length).set(bytes);
    if (dtype === "F16") {
      this.c.widen(source.at, block.at, count);
      this.memory.give(source);
    }
    return { ...block, count, shape };
  }

  /** A copy of a tensor's numbers. @param {string} name */
  numbers(name) {
    const block = this.raw(name);
    const copy = this.memory.floats(block.at, block.count).slice();
    this.memory.give(block);
    return copy;
  }

  /** Numbers that stay in memory. @param {ArrayLike<number>} numbers */
  keep(numbers) {
    const { at } = this.memory.take(numbers.length);
    this.memory.floats(at, numbers.length).set(numbers);
    return at;
  }

  /** The sum of vectors of one size, with zeros up to a multiple of 8: biases that are added anyway. @param {...string} names */
  vector(...names) {
    return this.once("vector " + names, () => {
      const parts = names.map((name) => this.numbers(name));
      const sum = new Float32Array(upTo8(parts[0].length));
      for (const part of parts) part.forEach((value, i) => (sum[i] += value));
      return this.keep(sum);
    });
  }

  /** Vectors one after the other. @param {string[]} names */
  joined(names) {
    return this.once("joined " + names, () => this.keep(names.flatMap((name) => [...this.numbers(name)])));
  }

  /**
   * A matrix or 1 × 1 convolution, of which input channels `from` to `to` are used; several matrices side by side.
   * @param {string[]} names @param {number} from @param {number} to
   */
  matrix(names, from, to) {
    return this.once(`matrix ${names} ${from}`, () => {
      const block = this.memory.take(names.reduce((sum, name) => sum + upTo8(this.shapes[name][0]) * (to - from), 0));
      let { at } = block;
      for (const name of names) {
        const w = this.raw(name);
        const [N, K] = w.shape;
        this.c.pack(w.at, N, K, from, to - from, 1, at);
        at += 4 * upTo8(N) * (to - from);
        this.memory.give(w);
      }
      return block.at;
    });
  }

  /** A 3 × 3 kernel, for Winograd's F(m × m, 3 × 3) or, where m is 0, direct convolution. @param {string} name @param {number} m */
  kernel(name, m) {
    return this.once(`kernel ${name}`, () => {
      const w = this.raw(name);
      const [N, C] = w.shape;
      const block = this.memory.take((m ? (m + 2) ** 2 : 9) * C * upTo8(N));
      if (m) this.c.pack_winograd(m, w.at, N, C, block.at);
      else this.c.pack(w.at, N, C, 0, C, 9, block.at);
      this.memory.give(w);
      return block.at;
    });
  }
}
