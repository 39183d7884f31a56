// The names and shapes of a network's weights, by its config: those of diffusers' UNet2DModel, as engine/models/unet.py has them.
import { _ } from "../../components/src/language.js";
import { ACTIVATIONS } from "./blocks.js";
import { Problem } from "./problem.js";
/** @import { UNetConfig } from "./types.js" */
/** @import { Tensor } from "./safetensors.js" */

/** @typedef {Map<string, number[]>} Shapes */

/** @param {UNetConfig} config @returns {Shapes} */
export function unetShapes(config) {
  const shapes = downwardShapes(config);
  const { block_out_channels: widths, layers_per_block: layers, in_channels, out_channels, num_class_embeds } = config;
  if (num_class_embeds !== null) shapes.set("class_embedding.weight", [num_class_embeds, 4 * widths[0]]);
  const skips = [widths[0]];
  widths.forEach((width, i) => skips.push(...Array(layers + (i < widths.length - 1 ? 1 : 0)).fill(width)));
  let below = /** @type {number} */ (widths.at(-1));
  widths.toReversed().forEach((width, i) => {
    const block = "up_blocks." + i;
    for (let j = 0; j <= layers; j++) {
      resnet(shapes, `${block}.resnets.${j}`, (j ? width : below) + /** @type {number} */ (skips.pop()), width, 4 * widths[0]);
      if (attends(config, widths.length - 1 - i)) attention(shapes, `${block}.attentions.${j}`, width);
    }
    if (i < widths.length - 1) layer(shapes, block + ".upsamplers.0.conv", [width, width, 3, 3]);
    below = width;
  });
  norm(shapes, "conv_norm_out", widths[0]);
  layer(shapes, "conv_out", [out_channels, widths[0], 3, 3]);
  layer(shapes, "conv_in", [widths[0], in_channels, 3, 3]);
  return shapes;
}

/** Throws a Problem for settings that are those of no network. @param {UNetConfig} config */
function checkConfig(config) {
  const { block_out_channels: widths = [], attention_head_dim: head, sample_size, norm_num_groups, act_fn } = config ?? {};
  const fits = {
    block_out_channels: widths.length > 0,
    sample_size: sample_size % 2 ** (widths.length - 1) === 0,
    norm_num_groups: widths.every((width) => width % norm_num_groups === 0),
    attention_head_dim: head === null || widths.every((width) => width % head === 0),
    act_fn: act_fn in ACTIVATIONS,
  };
  const wrong = Object.entries(fits).find(([, isSo]) => !isSo);
  if (wrong) throw new Problem("network", _("These are the settings of no network: “{name}” does not fit.", { name: wrong[0] }));
}

/** Whether the blocks of a resolution (0 is the finest) have self-attention. @param {UNetConfig} config @param {number} resolution */
export function attends(config, resolution) {
  return config.attention[resolution] ?? false;
}

/** Of the time, the way down and the middle. @param {UNetConfig} config @returns {Shapes} */
export function downwardShapes(config) {
  checkConfig(config);
  const { block_out_channels: widths, layers_per_block: layers, in_channels } = config;
  const time = 4 * widths[0];
  /** @type {Shapes} */
  const shapes = new Map();
  layer(shapes, "conv_in", [widths[0], in_channels, 3, 3]);
  layer(shapes, "time_embedding.linear_1", [time, widths[0]]);
  layer(shapes, "time_embedding.linear_2", [time, time]);
  widths.forEach((width, i) => {
    const block = "down_blocks." + i;
    for (let j = 0; j < layers; j++) {
      resnet(shapes, `${block}.resnets.${j}`, j ? width : widths[Math.max(0, i - 1)], width, time);
      if (attends(config, i)) attention(shapes, `${block}.attentions.${j}`, width);
    }
    if (i < widths.length - 1) layer(shapes, block + ".downsamplers.0.conv", [width, width, 3, 3]);
  });
  const width = /** @type {number} */ (widths.at(-1));
  attention(shapes, "mid_block.attentions.0", width);
  for (const j of [0, 1]) resnet(shapes, "mid_block.resnets." + j, width, width, time);
  return shapes;
}

/** @param {Shapes} shapes @param {string} name @param {number[]} weight */
function layer(shapes, name, weight) {
  shapes.set(name + ".weight", weight).set(name + ".bias", [weight[0]]);
}

/** @param {Shapes} shapes @param {string} name @param {number} width */
export function norm(shapes, name, width) {
  layer(shapes, name, [width]);
}

/** @param {Shapes} shapes @param {string} name @param {number} from @param {number} to @param {number} time */
function resnet(shapes, name, from, to, time) {
  norm(shapes, name + ".norm1", from);
  layer(shapes, name + ".conv1", [to, from, 3, 3]);
  layer(shapes, name + ".time_emb_proj", [to, time]);
  norm(shapes, name + ".norm2", to);
  layer(shapes, name + ".conv2", [to, to, 3, 3]);
  if (from !== to) layer(shapes, name + ".conv_shortcut", [to, from, 1, 1]);
}

/** @param {Shapes} shapes @param {string} name @param {number} width */
function attention(shapes, name, width) {
  norm(shapes, name + ".group_norm", width);
  for (const part of ["to_q", "to_k", "to_v", "to_out.0"]) layer(shapes, `${name}.${part}`, [width, width]);
}

/**
 * Throws a Problem where the weights are not those of such a network.
 * @param {Shapes} shapes @param {Record<string, Tensor>} tensors
 */
export function checkShapes(shapes, tensors) {
  const wrong = [...new Set([...shapes.keys(), ...Object.keys(tensors)])].find((name) => String(shapes.get(name)) !== String(tensors[name]?.shape));
  if (wrong) throw new Problem("network", _("These weights are of another network: “{name}” does not fit.", { name: wrong }));
}
