// The tables of a schedule, from its β_t.
//
// β_t comes from the engine (playground/static_site/tables.py), or from the curve that the reader has drawn, and that no table can have.
// What follows from it by definition is computed here, as engine/schedule.py says it: time runs t = 0 … T, and t = 0 is clean.
/** @import { ScheduleTables } from "../../components/payloads.js" */
/** @import { Point } from "../../components/src/types.js" */
import { decodeFloats } from "../../components/src/base64.js";
import { monotoneCurve } from "../../components/src/monotone.js";

/** @typedef {ReturnType<typeof columnsOf>} Columns */

/**
 * β_0 … β_T of a schedule, with β_0 = 0.
 * @param {ScheduleTables} tables @param {string} key  as schedule_key of tables.py @param {number} T
 */
export function betaOf(tables, key, T) {
  const before = tables.steps.slice(0, tables.steps.indexOf(T)).reduce((sum, steps) => sum + steps, 0);
  const begin = tables.keys.indexOf(key) * tables.beta.shape[1] + before;
  return Float64Array.of(0, ...decodeFloats(tables.beta).subarray(begin, begin + T));
}

/**
 * √ᾱ_t, √(1−ᾱ_t), √(1−β_t), √β_t, ᾱ_t, the SNR and its logarithm, and √β̃_t of the posterior, for t = 0 … T.
 * @param {Float64Array} beta
 */
export function columnsOf(beta) {
  const logAlphaBar = new Float64Array(beta.length); // its sum keeps the digits of 1 − ᾱ_t where ᾱ_t is close to 1
  for (let t = 1; t < beta.length; t++) logAlphaBar[t] = logAlphaBar[t - 1] + Math.log1p(-beta[t]);
  const variance = logAlphaBar.map((log) => -Math.expm1(log));
  const logSnr = logAlphaBar.map((log, t) => log - Math.log(Math.abs(variance[t])));
  return {
    T: beta.length - 1,
    beta,
    alphaBar: logAlphaBar.map(Math.exp),
    signal: logAlphaBar.map((log) => Math.exp(log / 2)),
    sigma: variance.map((share) => Math.sqrt(Math.abs(share))),
    keep: beta.map((share) => Math.sqrt(1 - share)),
    add: beta.map(Math.sqrt),
    logSnr,
    snr: logSnr.map(Math.exp),
    posterior: beta.map((share, t) => (t ? Math.sqrt((variance[t - 1] / variance[t]) * share) : 0)),
  };
}

/**
 * The same schedule with no signal left at T; Lin et al. 2023, https://arxiv.org/abs/2305.08891, algorithm 1.
 * @param {Float64Array} beta
 */
export function withZeroTerminalSnr(beta) {
  const { signal, T } = columnsOf(beta);
  const root = signal.map((value, t) => (t ? ((value - signal[T]) * signal[1]) / (signal[1] - signal[T]) : 1));
  return betaFrom(root.map((value) => value * value));
}

/**
 * The schedule of a drawn curve: as `from_points` of playground/labs/schedules/drawn.py, whose limits these are.
 * @param {Point[]} points @param {number} T
 * @param {{ most_beta: number, least_beta: number, least_alpha_bar: number }} limits
 */
export function drawnBeta(points, T, { most_beta, least_beta, least_alpha_bar }) {
  const curve = monotoneCurve(points);
  const alphaBar = new Float64Array(T + 1).fill(1);
  for (let t = 1; t <= T; t++) {
    const before = alphaBar[t - 1];
    alphaBar[t] = Math.min(Math.max(curve(t / T), least_alpha_bar, before * (1 - most_beta)), before * (1 - least_beta));
  }
  return betaFrom(alphaBar);
}

/** @param {Float64Array} alphaBar */
const betaFrom = (alphaBar) => alphaBar.map((value, t) => (t ? 1 - value / alphaBar[t - 1] : 0));

/**
 * The t at which there are pictures, or points of a curve: all of 0 … T, or `most` of them, evenly spaced.
 * @param {number} T @param {number} most
 */
export function shownTimes(T, most) {
  const count = Math.min(T + 1, most);
  return Array.from({ length: count }, (_item, k) => roundEven((T * k) / (count - 1)));
}

/** A half is rounded to the even number, as numpy does. @param {number} value */
function roundEven(value) {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}
