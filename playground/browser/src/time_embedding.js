// What the networks know of the time and of the class, as engine/models/unet.py has it.
import { ACTIVATIONS, Blocks } from "./blocks.js";
/** @import { Block } from "./memory.js" */

/**
 * The embedding of the times, and of the classes where there are any, activated: [B][4 · first width].
 * @param {Blocks} blocks
 * @param {ArrayLike<number>} times
 * @param {ArrayLike<number>} classes
 */
export function embed(blocks, times, classes) {
  const { c, B, memory, weights } = blocks;
  const E = 4 * blocks.config.block_out_channels[0];
  const [one, two] = ["time_embedding.linear_1", "time_embedding.linear_2"];
  const sines = sinesOf(blocks, times);
  const hidden = blocks.linear([one + ".weight"], sines, B, { bias: weights.vector(one + ".bias") });
  c.activation(hidden.at, B * E, ACTIVATIONS.silu);
  const rows = memory.take(B * E);
  const table = weights.has("class_embedding.weight") ? weights.vector("class_embedding.weight") : 0;
  for (let b = 0; b < B; b++) {
    const row = memory.floats(rows.at + 4 * b * E, E);
    if (table) row.set(memory.floats(table + 4 * classes[b] * E, E));
    else row.fill(0);
  }
  blocks.linear([two + ".weight"], hidden, B, { bias: weights.vector(two + ".bias"), rest: rows.at, out: rows });
  c.activation(rows.at, B * E, blocks.act);
  memory.give(sines);
  memory.give(hidden);
  return rows;
}

/**
 * Sines and cosines of the times, rounded where torch rounds: `timestep_embedding`.
 * @param {Blocks} blocks @param {ArrayLike<number>} times @returns {Block}
 */
function sinesOf({ B, memory, config }, times) {
  const { flip_sin_to_cos: flip, freq_shift: shift, block_out_channels: [width] } = config;
  const half = width / 2;
  const round = Math.fround;
  const block = memory.take(B * width);
  const numbers = memory.floats(block.at, B * width);
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < half; i++) {
      const frequency = round(Math.exp(round(round(-Math.log(10000) * i) / (half - shift))));
      const angle = round(round(times[b]) * frequency);
      numbers[b * width + i + (flip ? half : 0)] = Math.sin(angle);
      numbers[b * width + i + (flip ? 0 : half)] = Math.cos(angle);
    }
  }
  return block;
}
