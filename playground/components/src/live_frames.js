// Frames of a sampler in this browser as what the timeline shows.
/** @import { Lane, Timeline } from "../payloads.js" */
/** @import { Frame } from "../../browser/src/types.js" */
import { gridShape, tileOf } from "./frame_tiles.js";
import { _ } from "./language.js";

/**
 * A frame as what the timeline adds to those that it has.
 * @param {string} id @param {Frame} frame @param {number} count  of pictures
 * @param {readonly number[]} shape  of one @returns {Timeline}
 */
export function frameTimeline(id, frame, count, shape) {
  return {
    id, live: true, first: frame.step, total: frame.steps + 1, positions: [{ t: frame.t, text: _("step {step}, t = {t}", { step: frame.step, t: frame.t }) }],
    lanes: [laneOf("x", _("<i>x</i><sub>t</sub>, the noisy image"), [frame.x], count, shape, [frame.step]), laneOf("x0", _("<i>x̂</i><sub>0</sub>, the prediction"), [frame.x0], count, shape, [frame.step])],
    captions: [], panels: [], start_at: "last", fps: 15, pick: true, report_position: false, autoplay: false, label: _("Steps of the sampler"),
  };
}

/**
 * A lane of pictures, numbers from −1 to 1: one tile for each of `all`, the first with the number index[0] where they are new frames.
 * @param {string} key @param {string} title @param {Float32Array[]} all @param {number} count @param {readonly number[]} shape
 * @param {number[]} index @returns {Lane}
 */
export function laneOf(key, title, all, count, shape, index) {
  const grid = gridShape(count);
  const tiles = all.map((values) => tileOf(values, count, shape, grid));
  const first = all.length === index.length ? index[0] : 0;
  return {
    key, title, help: "", group: "", group_title: "", axes: null, grid, pictures: count, index,
    tile: [tiles[0].width, tiles[0].height], columns: 1, sheets: tiles.map((tile, k) => ({ png: /** @type {any} */ (tile), first: first + k, count: 1 })),
  };
}

/** All of it, once it has ended. @param {Timeline[]} frames @returns {Timeline} */
export function wholeTimeline(frames) {
  const [first] = frames;
  const lanes = first.lanes.map((lane, k) => ({ ...lane, index: frames.flatMap((one) => one.lanes[k].index), sheets: frames.flatMap((one) => one.lanes[k].sheets) }));
  return { ...first, live: false, first: 0, positions: frames.flatMap((one) => one.positions), lanes };
}
