// The layers and blocks of the networks, on a batch of pictures in WebAssembly's memory.
//
// A picture is [H][W][C] there. What a 3 × 3 convolution reads has a border of zeros, see unet.c.
import { Memory } from "./memory.js";
import { upTo8, Weights } from "./weights.js";
/** @import { Arithmetic, UNetConfig } from "./types.js" */
/** @import { Block } from "./memory.js" */

/** @typedef {Block & { H: number, C: number, sums?: Block }} Picture  a batch of H × H pictures with C channels */
/** @typedef {{ stride?: number, bias?: number, step?: number, rest?: number, shift?: number }} ConvOptions */
/** @typedef {{ bias?: number, rest?: number, from?: number, to?: number, out?: Block }} LinearOptions */
/** @typedef {{ side: number, pad: number, act?: number }} NormOptions */

export const ACTIVATIONS = { none: 0, silu: 1, relu: 2 };

/** Past so many numbers of weights the larger tiles of Winograd's convolution, which keep four times the weights, do not pay. */
const LARGE = 2e7;
const SCRATCH = 1 << 17;

export class Blocks {
  /**
   * @param {Arithmetic} c
   * @param {Memory} memory
   * @param {Weights} weights
   * @param {UNetConfig} config
   * @param {number} [tiles]  m of Winograd's convolution F(m × m, 3 × 3): 2 or 4
   */
  constructor(c, memory, weights, config, tiles) {
    this.c = c;
    this.memory = memory;
    this.weights = weights;
    this.config = config;
    this.act = ACTIVATIONS[config.act_fn];
    const shapes = Object.values(weights.shapes);
    const size = shapes.reduce((sum, shape) => sum + shape.reduce((n, side) => n * side, 1), 0);
    this.winograd = tiles ?? (size > LARGE ? 2 : 4);
    this.room = Math.max(SCRATCH, ...shapes.filter((shape) => shape[2] === 3).map(([N, C]) => (this.winograd + 2) ** 2 * (4 * (N + C) + 32)));
    this.scratch = memory.take(this.room);
    this.zeros = weights.keep(new Float32Array(Math.max(...shapes.map(([N]) => upTo8(N)))));
    /** Pictures in the batch. */
    this.B = 0;
  }

  /** @param {number} H @param {number} C @returns {Picture} */
  picture(H, C) {
    return { ...this.memory.take(this.B * H * H * C), H, C };
  }

  /** @param {Picture} x */
  release(x) {
    this.memory.give(x);
    if (x.sums) this.memory.give(x.sums);
  }

  /**
   * How a convolution is computed: m of Winograd's, or 0 for directly; and the side of what it reads, border included.
   * @param {string} name @param {number} H @param {number} [stride]
   */
  plan(name, H, stride = 1) {
    const [N, C] = this.weights.shapes[name + ".weight"];
    const m = stride === 1 && C % 8 === 0 && N % 8 === 0 ? this.winograd : 0;
    return { m, side: (m ? Math.ceil(H / m) * m : H) + 2, pad: 1 };
  }

  /**
   * A 3 × 3 convolution to H × H pixels. It reads what `normed` or `padded` has made for it, and gives that back.
   * @param {string} name @param {Picture} input @param {number} H @param {ConvOptions} [options]
   */
  conv(name, input, H, { stride = 1, bias = this.weights.vector(name + ".bias"), step = 0, rest = 0, shift = 0 } = {}) {
    const { c, B, scratch, room } = this;
    const { m } = this.plan(name, H, stride);
    const [n, C] = this.weights.shapes[name + ".weight"];
    const N = upTo8(n);
    const out = this.picture(H, N);
    const w = this.weights.kernel(name + ".weight", m);
    const side = input.H;
    if (m === 4) c.winograd4(input.at, B, H, H, C, w, N, bias, step, rest, out.at, scratch.at, room);
    else if (m === 2) c.winograd2(input.at, B, H, H, C, w, N, bias, step, rest, out.at, scratch.at, room);
    else c.conv(input.at + 4 * shift * (side + 1) * C, B, side, side, C, stride, w, N, bias, step, rest, out.at, H, H);
    this.memory.give(input);
    return out;
  }

  /**
   * A linear layer, or several side by side, of `rows` rows.
   * @param {string[]} names @param {Block} x @param {number} rows @param {LinearOptions} [options]
   */
  linear(names, x, rows, { bias = this.zeros, rest = 0, from = 0, to = this.weights.shapes[names[0]][1], out } = {}) {
    const N = names.reduce((sum, name) => sum + this.weights.shapes[name][0], 0);
    out ??= this.memory.take(rows * N);
    this.c.gemm(x.at, rows, to - from, this.weights.matrix(names, from, to), N, bias, rest, out.at);
    return out;
  }

  /** The sums over each channel that a norm needs. @param {Picture} x */
  sums(x) {
    if (!x.sums) {
      x.sums = this.memory.take(this.B * 2 * x.C);
      this.c.sums(x.at, this.B, x.H, x.H, x.C, x.sums.at);
    }
    return x.sums;
  }

  /**
   * GroupNorm and activation of one picture, or of two as if concatenated, in a border of zeros. The result's H counts it.
   * @param {string} name @param {Picture[]} xs @param {NormOptions} options
   */
  normed(name, xs, { side, pad, act = this.act }) {
    const { c, B, memory, weights, config } = this;
    const { H } = xs[0];
    const C = xs.reduce((sum, x) => sum + x.C, 0);
    const [first, second] = xs.map((x) => this.sums(x));
    const coefficients = memory.take(B * 2 * C);
    const out = this.picture(side, C);
    c.norm(first.at, xs[0].C, second?.at ?? 0, xs[1]?.C ?? 0, B, H * H, config.norm_num_groups, config.norm_eps,
      weights.vector(name + ".weight"), weights.vector(name + ".bias"), coefficients.at);
    let at = 0;
    for (const x of xs) {
      c.normed(x.at, B, H, H, x.C, coefficients.at + at, act, out.at + at, side, side, pad, C);
      at += 4 * x.C;
    }
    memory.give(coefficients);
    return out;
  }

  /** In a border of zeros, every pixel `up` × `up` times. The result's H counts the border. @param {Picture} x @param {number} side @param {number} [up] */
  padded(x, side, up = 1) {
    const out = this.picture(side, x.C);
    this.c.padded(x.at, this.B, x.H, x.H, x.C, up, out.at, side, side);
    return out;
  }

  /**
   * Norm, activation and convolution, twice; the time is added in between, the input at the end.
   * @param {string} name @param {Picture[]} xs  one picture, or two that are concatenated @param {Block} embedding
   * @param {(h: Picture) => void} [done]  takes what is between the two convolutions; by default it is given back
   */
  resnet(name, xs, embedding, done = (h) => this.release(h)) {
    const { weights, memory, B } = this;
    const [{ H }] = xs;
    const [conv1, conv2] = [name + ".conv1", name + ".conv2"];
    const C = weights.shapes[conv1 + ".weight"][0];
    const offsets = this.linear([name + ".time_emb_proj.weight"], embedding, B, { bias: weights.vector(name + ".time_emb_proj.bias", conv1 + ".bias") });
    const h = this.conv(conv1, this.normed(name + ".norm1", xs, this.plan(conv1, H)), H, { bias: offsets.at, step: C });
    memory.give(offsets);
    const shortcut = name + ".conv_shortcut";
    const rest = weights.has(shortcut + ".weight") ? this.shortcut(shortcut, xs, C) : xs[0];
    const out = this.conv(conv2, this.normed(name + ".norm2", [h], this.plan(conv2, H)), H, { rest: rest.at });
    done(h);
    if (rest !== xs[0]) memory.give(rest);
    return out;
  }

  /** A 1 × 1 convolution; what is concatenated is multiplied part by part, and added. @param {string} name @param {Picture[]} xs @param {number} C */
  shortcut(name, xs, C) {
    const [{ H }] = xs;
    const out = this.picture(H, C);
    let from = 0;
    for (const x of xs) {
      const first = from === 0;
      this.linear([name + ".weight"], x, this.B * H * H, { out, from, to: from + x.C, rest: first ? 0 : out.at, bias: first ? this.weights.vector(name + ".bias") : this.zeros });
      from += x.C;
    }
    return out;
  }

  /** @param {number} C */
  heads(C) {
    return C / (this.config.attention_head_dim ?? C);
  }

  /**
   * Self-attention over the pixels, added to the input.
   * @param {string} name @param {Picture} x
   * @param {(qkv: Block) => void} [done]  takes the queries, keys and values; by default they and the input are given back
   */
  attention(name, x, done) {
    const { c, B, memory, weights } = this;
    const { H, C } = x;
    const heads = this.heads(C);
    const h = this.normed(name + ".group_norm", [x], { side: H, pad: 0, act: ACTIVATIONS.none });
    const parts = ["q", "k", "v"].map((part) => `${name}.to_${part}`);
    const qkv = this.linear(parts.map((part) => part + ".weight"), h, B * H * H, { bias: weights.joined(parts.map((part) => part + ".bias")) });
    const space = memory.take((C / heads + 1) * (H * H + 4));
    c.attention(qkv.at, B, H * H, C, heads, (C / heads) ** -0.5, h.at, space.at);
    const out = this.picture(H, C);
    this.linear([name + ".to_out.0.weight"], h, B * H * H, { out, rest: x.at, bias: weights.vector(name + ".to_out.0.bias") });
    memory.give(h);
    memory.give(space);
    if (done) done(qkv);
    else {
      memory.give(qkv);
      this.release(x);
    }
    return out;
  }
}
