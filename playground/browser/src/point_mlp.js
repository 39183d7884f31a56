// The network of points in the plane, engine/models/point_mlp.py: small enough for plain JavaScript.
import { _ } from "../../components/src/language.js";
import { Problem } from "./problem.js";
import { checkShapes } from "./shapes.js";
import { readSafetensors } from "./safetensors.js";
/** @import { Network, NetworkFiles, PointMLPConfig } from "./types.js" */

/** @typedef {{ inputs: number, outputs: number, weight: Float32Array, bias: Float32Array }} Layer */

const [TIME_WAVES, AXES] = [4, 2];

/** @implements {Network} */
export class PointMLP {
  /** @param {NetworkFiles<PointMLPConfig>} files */
  constructor({ config, weights }) {
    const { width, depth, frequencies, classes } = config;
    const tensors = readSafetensors(weights);
    /** @type {Map<string, number[]>} */
    const shapes = new Map([["waves", [AXES, frequencies]], ["time_waves", [TIME_WAVES]]]);
    /** @type {(name: string, outputs: number, inputs: number) => Layer} */
    const layer = (name, outputs, inputs) => {
      shapes.set(name + ".weight", [outputs, inputs]).set(name + ".bias", [outputs]);
      return { inputs, outputs, weight: numbers(name + ".weight"), bias: numbers(name + ".bias") };
    };
    const numbers = (/** @type {string} */ name) => {
      const tensor = tensors[name];
      if (tensor?.dtype !== "F32") throw new Problem("network", _("These weights are of another network: “{name}” does not fit.", { name }));
      return new Float32Array(tensor.bytes.slice().buffer);
    };
    this.config = config;
    this.waves = numbers("waves");
    this.timeWaves = numbers("time_waves");
    this.ofPoint = layer("of_point", width, AXES + 2 * frequencies);
    this.ofTime = layer("of_time", width, 1 + 2 * TIME_WAVES);
    this.hidden = Array.from({ length: depth - 1 }, (_layer, k) => layer(`hidden.${k}`, width, width));
    this.last = layer("last", AXES, width);
    this.ofClass = classes ? numbers("of_class.weight") : null;
    if (classes) shapes.set("of_class.weight", [classes + 1, width]);
    checkShapes(shapes, tensors);
    this.evaluated = 0;
    this.bytes = weights.byteLength;
    this.shape = [AXES];
    this.classes = classes ? classes + 1 : 0;
    this.learnsVariance = false;
    this.mostAtOnce = 1000;
  }

  /**
   * @param {Float32Array} x  B × 2
   * @param {ArrayLike<number>} times  t − 1, all alike or one for each
   * @param {ArrayLike<number>} classes
   */
  forward(x, times, classes) {
    const { config: { width, T, frequencies }, waves, ofClass } = this;
    this.evaluated += times.length;
    const out = new Float32Array(x.length);
    const [condition, h, next] = [0, 0, 0].map(() => new Float64Array(width));
    const point = new Float64Array(AXES + 2 * frequencies);
    for (let b = 0; b < times.length; b++) {
      if (b === 0 || times[b] !== times[b - 1]) apply(this.ofTime, this.timeFeatures((times[b] + 1) / T), condition);
      const [first, second] = [x[2 * b], x[2 * b + 1]];
      point[0] = first;
      point[1] = second;
      for (let k = 0; k < frequencies; k++) {
        const angle = first * waves[k] + second * waves[frequencies + k];
        point[AXES + k] = Math.sin(angle);
        point[AXES + frequencies + k] = Math.cos(angle);
      }
      apply(this.ofPoint, point, h);
      for (let i = 0; i < width; i++) h[i] = silu(h[i] + condition[i] + (ofClass ? ofClass[classes[b] * width + i] : 0));
      for (const layer of this.hidden) {
        apply(layer, h, next);
        for (let i = 0; i < width; i++) h[i] += silu(next[i]);
      }
      apply(this.last, h, out.subarray(2 * b, 2 * b + 2));
    }
    return out;
  }

  /** t / T with its sines and cosines. @param {number} share */
  timeFeatures(share) {
    return Float64Array.of(share, ...this.timeWaves.map((wave) => Math.sin(share * wave)), ...this.timeWaves.map((wave) => Math.cos(share * wave)));
  }
}

/** @param {number} x */
const silu = (x) => x / (1 + Math.exp(-x));

/** @param {Layer} layer @param {Float64Array} x @param {Float64Array | Float32Array} out */
function apply({ inputs, outputs, weight, bias }, x, out) {
  for (let o = 0, w = 0; o < outputs; o++) {
    let sum = bias[o];
    for (let i = 0; i < inputs; i++) sum += weight[w++] * x[i];
    out[o] = sum;
  }
}
