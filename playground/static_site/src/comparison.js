// Two sides from the same noise on one playhead, and how far they are from each other: as playground/labs/sampling/comparison.py.
/** @import { Lane, Timeline } from "../../components/payloads.js" */
/** @import { Frame } from "../../browser/src/types.js" */
/** @import { Side } from "./sampling.js" */
import { _ } from "../../components/src/language.js";
import { frameTimeline, laneOf } from "../../components/src/live_frames.js";

/**
 * @param {string} id @param {Side[]} sides  A and B @param {number} count  of pictures @param {readonly number[]} shape
 * @returns {Timeline}
 */
export function compared(id, sides, count, shape) {
  const leader = sides.reduce((most, side) => (side.frames.length > most.frames.length ? side : most)).frames;
  const index = sides.map(({ frames }) => leader.map(({ t }) => nearest(frames, t)));
  const lanes = sides.flatMap(({ title, frames, evaluations }, k) => {
    const name = k === 0 ? "A" : "B";
    const group_title = _("{side}: {in_words}; {counted} network evaluations", { side: name, in_words: title, counted: Math.round(evaluations) });
    const lane = (/** @type {"x" | "x0"} */ key, /** @type {string} */ words) => ({ ...laneOf(`${key} ${name}`, words, frames.map((frame) => frame[key]), count, shape, frames.map((_frame, i) => i)), index: index[k], group: name, group_title });
    return [lane("x", _("<i>x</i><sub>t</sub>, the noisy image")), lane("x0", _("<i>x̂</i><sub>0</sub>, the prediction"))];
  });
  const apart = leader.map((_frame, i) => difference(sides[0].frames[index[0][i]].x0, sides[1].frames[index[1][i]].x0));
  /** @type {Lane} */
  const between = { ...laneOf("difference", _("<i>x̂</i><sub>0</sub> of B − <i>x̂</i><sub>0</sub> of A"), apart, count, shape, leader.map((_frame, i) => i)), help: _("From −1 to 1; grey is 0."), group: "B − A" };
  const positions = leader.flatMap((frame) => frameTimeline(id, frame, count, shape).positions);
  return { ...frameTimeline(id, leader[0], count, shape), live: false, first: 0, total: leader.length, positions, lanes: [...lanes, between], captions: apart.map((one) => inWords(one, count)) };
}

/** @param {Frame[]} frames @param {number} t */
const nearest = (frames, t) => frames.reduce((best, frame, k) => (Math.abs(frame.t - t) < Math.abs(frames[best].t - t) ? k : best), 0);

/** @param {Float32Array} a @param {Float32Array} b */
const difference = (a, b) => b.map((value, i) => value - a[i]);

/** The root mean square of each picture, their mean and its standard error. @param {Float32Array} apart @param {number} count */
function inWords(apart, count) {
  const size = apart.length / count;
  const rms = Array.from({ length: count }, (_picture, k) => Math.sqrt(apart.subarray(k * size, (k + 1) * size).reduce((sum, value) => sum + value * value, 0) / size));
  const mean = rms.reduce((sum, value) => sum + value, 0) / count;
  const error = count > 1 ? Math.sqrt(rms.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1) / count) : 0;
  const change = count > 1 ? _(" ± {error} (standard error over {count} images)", { error: error.toFixed(3), count }) : "";
  return _("RMS difference of x̂₀ between B and A, from the same noise: {difference}{change}.", { difference: mean.toFixed(3), change });
}
