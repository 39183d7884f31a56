// The gradient of a classifier of noisy pictures (engine/models/noisy_classifier.py), for classifier guidance.
//
// On the way forward each layer leaves a function that takes the gradient of its output to that of its input. The gradient of a
// convolution or a linear layer is one too, with transposed weights, which are made when the network is opened.
import { ACTIVATIONS, Blocks } from "./blocks.js";
import { downwardShapes, norm } from "./shapes.js";
import { embed } from "./time_embedding.js";
import { bordered, MOST_MEMORY, openBlocks, unbordered } from "./unet.js";
/** @import { NetworkFiles, NoisyClassifierConfig } from "./types.js" */
/** @import { Block } from "./memory.js" */
/** @import { Picture } from "./blocks.js" */
/** @import { Shapes } from "./shapes.js" */
/** @import { Weights } from "./weights.js" */

/** @typedef {(gradient: Picture) => Picture} Back */

const TRANSPOSED = ".transposed";

/** @param {NoisyClassifierConfig} config @returns {Shapes} */
function classifierShapes({ classes, unet }) {
  const shapes = downwardShapes(unet);
  const width = /** @type {number} */ (unet.block_out_channels.at(-1));
  const side = unet.sample_size / 2 ** (unet.block_out_channels.length - 1);
  norm(shapes, "norm_out", width);
  return shapes.set("head.weight", [classes, width * side * side]).set("prior", [classes]);
}

export class NoisyClassifier {
  /** @param {Blocks} blocks @param {NoisyClassifierConfig} config */
  constructor(blocks, config) {
    /** @type {Blocks} */
    this.blocks = blocks;
    /** @type {NoisyClassifierConfig} */
    this.config = config;
    this.head = blocks.weights.numbers("head.weight");
    this.prior = blocks.weights.numbers("prior");
    addTransposed(blocks.weights);
    this.restart = () => {};
    this.gradient(new Float32Array(config.unet.in_channels * config.unet.sample_size ** 2), 0, 1, [0]); // arranges all weights
    blocks.weights.forget();
    this.restart = blocks.memory.mark();
  }

  /**
   * @param {WebAssembly.Module} module
   * @param {NetworkFiles<NoisyClassifierConfig>} files
   * @param {number} [most]  bytes that its memory may grow to
   */
  static async open(module, { config, weights }, most = MOST_MEMORY) {
    return new NoisyClassifier(await openBlocks(module, config.unet, classifierShapes(config), weights, most), config);
  }

  /** Bytes of memory that it has. */
  get bytes() {
    return this.blocks.memory.memory.buffer.byteLength;
  }

  /**
   * The gradient of log p(label | x) with respect to x.
   * @param {Float32Array} x  B × C × H × W, as torch has them
   * @param {number} time  of all of them
   * @param {number} signal  multiplies the logits
   * @param {number[]} labels  one for each
   */
  gradient(x, time, signal, labels) {
    const { blocks } = this;
    this.restart(); // everything that was worked on before
    blocks.B = labels.length;
    /** @type {Back[]} */
    const back = [];
    const h = this.forward(x, time, back);
    const last = back.reduceRight((gradient, step) => step(gradient), this.headGradient(h, signal, labels));
    return unbordered(blocks, last, blocks.config.in_channels);
  }

  /** The last activations. @param {Float32Array} x @param {number} time @param {Back[]} back */
  forward(x, time, back) {
    const { blocks } = this;
    const { block_out_channels: widths, layers_per_block: layers, sample_size: size } = blocks.config;
    const embedding = embed(blocks, Array(blocks.B).fill(time), []);
    let h = blocks.conv("conv_in", bordered(blocks, x), size);
    back.push((gradient) => convBack(blocks, "conv_in", gradient));
    for (let i = 0; i < widths.length; i++) {
      for (let j = 0; j < layers; j++) h = resnet(blocks, `down_blocks.${i}.resnets.${j}`, h, embedding, back);
      if (i < widths.length - 1) h = downsample(blocks, `down_blocks.${i}.downsamplers.0.conv`, h, back);
    }
    h = resnet(blocks, "mid_block.resnets.0", h, embedding, back);
    h = attention(blocks, "mid_block.attentions.0", h, back);
    h = resnet(blocks, "mid_block.resnets.1", h, embedding, back);
    const last = h;
    back.push((gradient) => normBack(blocks, "norm_out", last, gradient, ACTIVATIONS.silu));
    return blocks.normed("norm_out", [h], { side: h.H, pad: 0, act: ACTIVATIONS.silu });
  }

  /** Of the last activations. @param {Picture} h @param {number} signal @param {number[]} labels */
  headGradient(h, signal, labels) {
    const { blocks, head, prior } = this;
    const area = h.H * h.H;
    const inputs = area * h.C;
    const out = blocks.picture(h.H, h.C);
    labels.forEach((label, b) => {
      const values = blocks.memory.floats(h.at + 4 * b * inputs, inputs);
      const gradient = blocks.memory.floats(out.at + 4 * b * inputs, inputs).fill(0);
      const logits = Array.from(prior, (logit, k) => {
        let sum = 0;
        for (let c = 0, w = k * inputs; c < h.C; c++) for (let i = 0; i < area; i++) sum += head[w++] * values[i * h.C + c];
        return logit + signal * sum;
      });
      const most = Math.max(...logits);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
      logits.forEach((logit, k) => {
        const factor = signal * ((k === label ? 1 : 0) - Math.exp(logit - most) / total);
        for (let c = 0, w = k * inputs; c < h.C; c++) for (let i = 0; i < area; i++) gradient[i * h.C + c] += factor * head[w++];
      });
    });
    return out;
  }
}

/** @param {Blocks} blocks @param {string} name @param {Picture} x @param {Block} embedding @param {Back[]} back */
function resnet(blocks, name, x, embedding, back) {
  /** @type {Picture} */
  let between;
  const out = blocks.resnet(name, [x], embedding, (h) => (between = h));
  back.push((gradient) => {
    const h = normBack(blocks, name + ".norm2", between, convBack(blocks, name + ".conv2", gradient), blocks.act);
    const shortcut = name + ".conv_shortcut";
    const rest = blocks.weights.has(shortcut + ".weight") ? linearBack(blocks, shortcut, gradient, x.C) : gradient;
    return normBack(blocks, name + ".norm1", x, convBack(blocks, name + ".conv1", h), blocks.act, rest);
  });
  return out;
}

/** @param {Blocks} blocks @param {string} name @param {Picture} x @param {Back[]} back */
function attention(blocks, name, x, back) {
  /** @type {Block} */
  let qkv;
  const out = blocks.attention(name, x, (block) => (qkv = block));
  back.push((gradient) => {
    const { c, B, memory } = blocks;
    const { H, C } = x;
    const heads = blocks.heads(C);
    const inner = linearBack(blocks, name + ".to_out.0", gradient, C);
    const parts = blocks.picture(H, 3 * C);
    const space = memory.take(2 * (H * H + 4));
    c.attention_gradient(qkv.at, inner.at, B, H * H, C, heads, (C / heads) ** -0.5, parts.at, space.at);
    return normBack(blocks, name + ".group_norm", x, linearBack(blocks, name + ".to_qkv", parts, C), ACTIVATIONS.none, gradient);
  });
  return out;
}

/** @param {Blocks} blocks @param {string} name @param {Picture} x @param {Back[]} back */
function downsample(blocks, name, x, back) {
  const out = blocks.conv(name, blocks.padded(x, x.H + 2), x.H / 2, { stride: 2, shift: 1 - blocks.config.downsample_padding });
  back.push((gradient) => {
    const { side } = blocks.plan(name + TRANSPOSED, x.H);
    const spread = blocks.picture(side, gradient.C);
    blocks.c.dilated(gradient.at, blocks.B, gradient.H, gradient.H, gradient.C, spread.at, side, side);
    return blocks.conv(name + TRANSPOSED, spread, x.H, { bias: blocks.zeros });
  });
  return out;
}

/** @param {Blocks} blocks @param {string} name @param {Picture} gradient */
function convBack(blocks, name, gradient) {
  const { side } = blocks.plan(name + TRANSPOSED, gradient.H);
  return blocks.conv(name + TRANSPOSED, blocks.padded(gradient, side), gradient.H, { bias: blocks.zeros });
}

/** @param {Blocks} blocks @param {string} name @param {Picture} gradient @param {number} C  channels of the layer's input */
function linearBack(blocks, name, gradient, C) {
  const out = blocks.picture(gradient.H, C);
  blocks.linear([name + TRANSPOSED + ".weight"], gradient, blocks.B * gradient.H ** 2, { out });
  return out;
}

/** Through norm and activation; `rest` is added. @param {Blocks} blocks @param {string} name @param {Picture} x @param {Picture} gradient @param {number} act @param {Picture} [rest] */
function normBack(blocks, name, x, gradient, act, rest) {
  const { c, B, memory, weights, config } = blocks;
  const out = blocks.picture(x.H, x.C);
  const space = memory.take(4 * x.C);
  c.norm_gradient(x.at, gradient.at, B, x.H * x.H, x.C, config.norm_num_groups, config.norm_eps, blocks.sums(x).at,
    weights.vector(name + ".weight"), weights.vector(name + ".bias"), act, rest?.at ?? 0, space.at, out.at);
  memory.give(space);
  return out;
}

/** The transposed weights of every layer that a gradient passes. @param {Weights} weights */
function addTransposed(weights) {
  for (const [name, shape] of Object.entries(weights.shapes)) {
    const layer = name.replace(/\.weight$/, "");
    if (shape.length === 4 || layer.endsWith(".to_out.0")) weights.add(layer + TRANSPOSED + ".weight", ...transposed(shape, weights.numbers(name)));
    if (layer.endsWith(".to_q")) { // one matrix for queries, keys and values
      const C = shape[1];
      const parts = ["q", "k", "v"].map((part) => weights.numbers(layer.replace(/q$/, part) + ".weight"));
      const joined = new Float32Array(parts.flatMap((part) => [...part]));
      weights.add(layer.replace(/to_q$/, "to_qkv") + TRANSPOSED + ".weight", ...transposed([3 * C, C], joined));
    }
  }
}

/**
 * Input and output channels exchanged, and each kernel turned by 180°.
 * @param {number[]} shape @param {Float32Array} w @returns {[number[], Float32Array<ArrayBuffer>]}
 */
function transposed([N, C, ...kernel], w) {
  const taps = kernel.reduce((n, side) => n * side, 1);
  const out = new Float32Array(w.length);
  for (let n = 0; n < N; n++)
    for (let c = 0; c < C; c++)
      for (let tap = 0; tap < taps; tap++) out[(c * N + n) * taps + taps - 1 - tap] = w[(n * C + c) * taps + tap];
  return [[C, N, ...kernel], out];
}
