// Pictures under noise: x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε with the factors of a table and the noise of a seed, as
// playground/labs/forward/job.py; and what the charts measure of them.
/** @import { Columns } from "./schedule_tables.js" */
import { SeededNoise } from "../../browser/src/noise.js";

const STEPS = 2 ** 31; // the seed of the T steps is that much larger, see playground/labs/shared/noising.py
const MEASURED = 3000; // about so many values are measured: small pictures are noised several times

/**
 * A picture at F values of t. x: F · D, as it is shown. noise: (x_t − √ᾱ_t x_0) / √(1−ᾱ_t) of all copies, in `rows` rows, 1 where it
 * never changes. spread: the standard deviation of x_t − √ᾱ_t x_0.
 * @typedef {{ x: Float32Array, noise: Float32Array, rows: number, spread: number[] }} Strip
 */

/** 0 … 255 as −1 … 1. @param {Uint8Array} picture */
export const toUnit = (picture) => Float32Array.from(picture, (value) => Math.fround(value / 127.5) - 1);

/** Of how many copies the noise is measured. @param {number} size  of a picture */
const copiesOf = (size) => Math.max(1, Math.round(MEASURED / size));

/**
 * One ε for every t.
 * @param {Float32Array} x0 @param {Columns} columns @param {number[]} shown @param {number} seed @returns {Strip}
 */
export function jump(x0, columns, shown, seed) {
  const noise = new SeededNoise([seed], copiesOf(x0.length) * x0.length);
  const epsilon = noise.draw();
  const spread = shown.map((t) => columns.sigma[t] * deviation(noise.draw())); // with noise of its own for each t
  return { x: weighted(x0, columns, shown, () => epsilon), noise: epsilon, rows: 1, spread };
}

/**
 * √ᾱ_t x_0 + √(1−ᾱ_t) ε at the shown t.
 * @param {Float32Array} x0 @param {Pick<Columns, "signal" | "sigma">} columns @param {number[]} shown
 * @param {(frame: number) => Float32Array} noiseAt
 */
export function weighted(x0, { signal, sigma }, shown, noiseAt) {
  const x = new Float32Array(shown.length * x0.length);
  shown.forEach((t, frame) => {
    const noise = noiseAt(frame);
    for (let i = 0; i < x0.length; i++) x[frame * x0.length + i] = signal[t] * x0[i] + sigma[t] * noise[i];
  });
  return x;
}

/**
 * The chain of T steps from x_0: z_t = √(1−β_t) z_{t−1} + √β_t ε_t is what they add.
 * @param {Float32Array} x0 @param {Columns} columns @param {number[]} shown @param {number} seed @returns {Strip}
 */
export function steps(x0, columns, shown, seed) {
  const { T, keep, add, sigma } = columns;
  const size = copiesOf(x0.length) * x0.length;
  const fresh = new SeededNoise([seed + STEPS], size);
  const z = new Float32Array(size);
  const noise = new Float32Array(shown.length * size);
  const spread = [0];
  for (let t = 1, frame = 1; t <= T; t++) {
    const epsilon = fresh.draw();
    for (let i = 0; i < size; i++) z[i] = keep[t] * z[i] + add[t] * epsilon[i];
    if (t !== shown[frame]) continue;
    spread.push(deviation(z));
    for (let i = 0; i < size; i++) noise[frame * size + i] = z[i] / sigma[t];
    frame += 1;
  }
  const x = weighted(x0, columns, shown, (frame) => noise.subarray(frame * size, (frame + 1) * size));
  return { x, noise, rows: shown.length, spread };
}

/** @param {Float32Array} values */
function deviation(values) {
  let [sum, squares] = [0, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  return Math.sqrt(squares / values.length - (sum / values.length) ** 2);
}

/** The variance of a picture over its values. @param {Float32Array} x0 */
export const varianceOf = (x0) => deviation(x0) ** 2;

/**
 * Each row of values as a histogram, whose areas are 1; what lies outside is counted in the first and the last bin.
 * @param {Float32Array} values @param {number} rows @param {number[]} edges  evenly spaced
 */
export function densities(values, rows, edges) {
  const bins = edges.length - 1;
  const width = (edges[bins] - edges[0]) / bins;
  const [scale, shift] = [Math.fround(1 / width), Math.fround(edges[0] / width)];
  const size = values.length / rows;
  const made = new Float32Array(rows * bins);
  for (let i = 0; i < values.length; i++) {
    const cell = Math.fround(Math.fround(values[i] * scale) - shift);
    made[Math.floor(i / size) * bins + Math.floor(Math.min(bins - 1, Math.max(0, cell)))] += 1;
  }
  return made.map((count) => count / (size * width));
}
