// The first page: a recorded run, whose noisy images follow from the noise at t = T and the predictions (playground/static_site/start.py).
/** @import { Lane, StartPage, Timeline } from "../../components/payloads.js" */
/** @import { Lab } from "./types.js" */
import { mount as mountTimeline } from "../../components/src/timeline.js";
import { SeededNoise } from "../../browser/src/noise.js";
import { sheetOf, storedFrames, toBytes } from "./frame_sheets.js";
import { toUnit } from "./noised.js";

/** @param {HTMLElement} root @param {StartPage} data @returns {Lab} */
export function mount(root, data) {
  const timeline = mountTimeline(root, () => {});
  let isThere = true;

  async function change() {
    const x0 = await storedFrames(data.stored, sizeOf(data));
    if (isThere) timeline.update(startTimeline(data, x0));
  }

  function destroy() {
    isThere = false;
    timeline.destroy();
  }
  return { change, destroy };
}

/** Numbers of a frame. @param {StartPage} data */
const sizeOf = ({ seeds, shape }) => shape.reduce((product, side) => product * side, seeds.length);

/**
 * @param {StartPage} data @param {Uint8Array} x0  frames x pictures x H x W x C @returns {Timeline}
 */
export function startTimeline(data, x0) {
  const { figure, shape, seeds, signal, sigma, noise_range } = data;
  const size = sizeOf(data);
  const found = { x0, x: new Uint8ClampedArray(x0.length), noise: new Uint8ClampedArray(x0.length) };
  let x = new SeededNoise(seeds, size / seeds.length).draw();
  for (let frame = 0; frame < signal.length; frame++) {
    const prediction = toUnit(x0.subarray(frame * size, (frame + 1) * size));
    const noise = x.map((value, i) => (sigma[frame] ? (value - signal[frame] * prediction[i]) / sigma[frame] : 0));
    found.x.set(toBytes(x), frame * size);
    found.noise.set(toBytes(noise.map((value) => value / noise_range)), frame * size);
    x = noise.map((value, i) => signal[frame + 1] * prediction[i] + sigma[frame + 1] * value);
  }
  const lanes = figure.lanes.map((lane) => ({ ...lane, ...sheetOf(found[/** @type {keyof typeof found} */ (lane.key)], shape, /** @type {Lane} */ (lane)), index: lane.index }));
  return { ...figure, lanes };
}
