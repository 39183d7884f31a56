// The U-Net of engine/models/unet.py: safetensors in, pictures out. unet.c does the arithmetic, this module walks the graph.
import { _ } from "../../components/src/language.js";
import { ACTIVATIONS, Blocks } from "./blocks.js";
import { Memory } from "./memory.js";
import { Problem } from "./problem.js";
import { attends, checkShapes, unetShapes } from "./shapes.js";
import { readSafetensors } from "./safetensors.js";
import { embed } from "./time_embedding.js";
import { Weights } from "./weights.js";
/** @import { Arithmetic, Network, NetworkFiles, UNetConfig } from "./types.js" */
/** @import { Block } from "./memory.js" */
/** @import { Picture } from "./blocks.js" */
/** @import { Shapes } from "./shapes.js" */

/** Bytes that the memory of one network may grow to. */
export const MOST_MEMORY = 1e9;

/**
 * A network's weights in a memory of their own. Throws a Problem where they cannot be.
 * @param {WebAssembly.Module} module  of unet.c
 * @param {UNetConfig} config
 * @param {Shapes} shapes  of the weights
 * @param {ArrayBuffer} file  a safetensors file
 * @param {number} most  bytes that it may grow to
 * @param {number} [tiles]  of convolutions, see `Blocks`
 */
export async function openBlocks(module, config, shapes, file, most, tiles) {
  const tensors = readSafetensors(file);
  checkShapes(shapes, tensors);
  const head = config.attention_head_dim;
  if (config.block_out_channels.some((width) => width % 8) || (head !== null && head % 4)) {
    throw new Problem("network", _("Only networks whose widths are multiples of 8, and heads of 4, run in a browser."));
  }
  const instance = await WebAssembly.instantiate(module, {});
  const c = /** @type {Arithmetic} */ (/** @type {unknown} */ (instance.exports));
  const memory = new Memory(c.memory, c.__heap_base.value, most);
  return new Blocks(c, memory, new Weights(c, memory, tensors), config, tiles);
}

/** Pictures at once: its working memory, and how long it takes to stop, are bounded by it. */
const MOST_AT_ONCE = 16;

/** @implements {Network} */
export class UNet {
  /** @param {Blocks} blocks */
  constructor(blocks) {
    /** @type {Blocks} */
    this.blocks = blocks;
    /** @type {UNetConfig} */
    this.config = blocks.config;
    const { in_channels, sample_size } = this.config;
    this.evaluated = 0;
    this.shape = [in_channels, sample_size, sample_size];
    this.classes = this.config.num_class_embeds ?? 0;
    this.learnsVariance = this.config.out_channels === 2 * in_channels;
    this.mostAtOnce = MOST_AT_ONCE;
    this.restart = () => {};
    this.forward(new Float32Array(in_channels * sample_size ** 2), [0], [0]); // arranges all weights
    blocks.weights.forget();
    this.restart = blocks.memory.mark();
  }

  /**
   * @param {WebAssembly.Module} module
   * @param {NetworkFiles<UNetConfig>} files
   * @param {number} [most]  bytes that its memory may grow to
   * @param {number} [tiles]  of convolutions, see `Blocks`
   */
  static async open(module, { config, weights }, most = MOST_MEMORY, tiles = undefined) {
    return new UNet(await openBlocks(module, config, unetShapes(config), weights, most, tiles));
  }

  get bytes() {
    return this.blocks.memory.memory.buffer.byteLength;
  }

  /**
   * The output of the network for B pictures.
   * @param {Float32Array} x  B × C × H × W, as torch has them
   * @param {ArrayLike<number>} times  one for each, as diffusers counts: t − 1; may be fractional
   * @param {ArrayLike<number>} classes  one for each; they have no effect where the network knows none
   * @returns {Float32Array<ArrayBuffer>} B × out_channels × H × W
   */
  forward(x, times, classes) {
    const { blocks } = this;
    if (blocks.B !== times.length) this.restart();
    blocks.B = times.length;
    try {
      const output = this.output(x, times, classes);
      this.evaluated += times.length;
      return output;
    } catch (error) {
      blocks.B = 0; // what it had taken is given back before the next evaluation
      throw error;
    }
  }

  /** @param {Float32Array} x @param {ArrayLike<number>} times @param {ArrayLike<number>} classes */
  output(x, times, classes) {
    const { blocks, config } = this;
    const embedding = embed(blocks, times, classes);
    /** @type {Picture[]} */
    const skips = [];
    let h = blocks.conv("conv_in", bordered(blocks, x), config.sample_size);
    skips.push(h);
    h = this.down(h, embedding, skips);
    h = blocks.attention("mid_block.attentions.0", blocks.resnet("mid_block.resnets.0", [h], embedding));
    const middle = h;
    h = blocks.resnet("mid_block.resnets.1", [h], embedding);
    blocks.release(middle);
    h = this.up(h, embedding, skips);
    const last = blocks.conv("conv_out", blocks.normed("conv_norm_out", [h], { ...blocks.plan("conv_out", h.H), act: ACTIVATIONS.silu }), h.H);
    const output = unbordered(blocks, last, config.out_channels);
    blocks.release(h);
    blocks.release(last);
    blocks.memory.give(embedding);
    return output;
  }

  /** @param {Picture} h @param {Block} embedding @param {Picture[]} skips */
  down(h, embedding, skips) {
    const { blocks, config } = this;
    for (let i = 0; i < config.block_out_channels.length; i++) {
      const block = "down_blocks." + i;
      const conv = block + ".downsamplers.0.conv";
      for (let j = 0; j < config.layers_per_block; j++) {
        h = blocks.resnet(`${block}.resnets.${j}`, [h], embedding);
        if (attends(config, i)) h = blocks.attention(`${block}.attentions.${j}`, h);
        skips.push(h);
      }
      if (blocks.weights.has(conv + ".weight")) {
        h = blocks.conv(conv, blocks.padded(h, h.H + 2), h.H / 2, { stride: 2, shift: 1 - config.downsample_padding });
        skips.push(h);
      }
    }
    return h;
  }

  /** @param {Picture} h @param {Block} embedding @param {Picture[]} skips */
  up(h, embedding, skips) {
    const { blocks, config } = this;
    const resolutions = config.block_out_channels.length;
    for (let i = 0; i < resolutions; i++) {
      const block = "up_blocks." + i;
      const conv = block + ".upsamplers.0.conv";
      for (let j = 0; j <= config.layers_per_block; j++) {
        const parts = [h, /** @type {Picture} */ (skips.pop())];
        h = blocks.resnet(`${block}.resnets.${j}`, parts, embedding);
        for (const part of parts) blocks.release(part);
        if (attends(config, resolutions - 1 - i)) h = blocks.attention(`${block}.attentions.${j}`, h);
      }
      if (blocks.weights.has(conv + ".weight")) {
        const small = h;
        h = blocks.conv(conv, blocks.padded(small, blocks.plan(conv, 2 * small.H).side, 2), 2 * small.H);
        blocks.release(small);
      }
    }
    return h;
  }
}

/** Pictures as torch has them, as the first convolution reads them. @param {Blocks} blocks @param {Float32Array} x */
export function bordered(blocks, x) {
  const { in_channels: C, sample_size: H } = blocks.config;
  const out = blocks.picture(blocks.plan("conv_in", H).side, C);
  const pixels = blocks.memory.floats(out.at, blocks.B * out.H * out.H * C).fill(0);
  let from = 0;
  for (let b = 0; b < blocks.B; b++)
    for (let channel = 0; channel < C; channel++)
      for (let row = 1; row <= H; row++)
        for (let at = ((b * out.H + row) * out.H + 1) * C + channel, end = at + H * C; at < end; at += C) pixels[at] = x[from++];
  return out;
}

/** The first `C` channels, as torch has them. @param {Blocks} blocks @param {Picture} picture @param {number} C */
export function unbordered(blocks, picture, C) {
  const area = picture.H ** 2;
  const numbers = blocks.memory.floats(picture.at, blocks.B * area * picture.C);
  const out = new Float32Array(blocks.B * C * area);
  let to = 0;
  for (let b = 0; b < blocks.B; b++)
    for (let channel = 0; channel < C; channel++)
      for (let i = 0; i < area; i++) out[to++] = numbers[(b * area + i) * picture.C + channel];
  return out;
}
