// The Forward lab of the site: a picture under noise at every t, in one jump or in T steps, with the charts that move along.
// What stands in the figure is the lab's own (playground/labs/forward/view.py): the page has it for each process, without numbers.
/** @import { CurvePanel, EquationPanel, ForwardPage, HistogramPanel, Lane, ScheduleTables, Timeline } from "../../components/payloads.js" */
/** @import { Columns } from "./schedule_tables.js" */
/** @import { Strip } from "./noised.js" */
/** @import { Lab, Settings } from "./types.js" */
import { el } from "../../components/src/dom.js";
import { _ } from "../../components/src/language.js";
import { mount as mountTimeline } from "../../components/src/timeline.js";
import { sheetOf, toBytes } from "./frame_sheets.js";
import { densities, jump, steps, toUnit, varianceOf } from "./noised.js";
import { betaOf, columnsOf, shownTimes } from "./schedule_tables.js";
import { stored, storedJson } from "./stored.js";

const MOST_FRAMES = 251;

/** @param {HTMLElement} root @param {ForwardPage} data @returns {Lab} */
export function mount(root, data) {
  const figure = el("div", {});
  root.append(figure);
  const timeline = mountTimeline(figure, () => {});
  let latest = 0;

  /** @param {Settings} settings */
  async function change(settings) {
    const own = ++latest;
    const set = data.pictures[settings.data];
    const [tables, pixels] = await Promise.all([storedJson("schedule-tables"), stored(set.stored)]);
    if (own !== latest) return;
    timeline.update(forwardTimeline(data, tables, pictureOf(new Uint8Array(pixels), set, settings), settings));
  }

  function destroy() {
    latest += 1;
    timeline.destroy();
    root.replaceChildren();
  }
  return { change, destroy };
}

/**
 * The picture that settings name, of those of a set.
 * @param {Uint8Array} pixels @param {ForwardPage["pictures"][string]} set @param {Settings} settings
 */
export function pictureOf(pixels, { shape, numbers }, settings) {
  const size = shape.reduce((product, side) => product * side, 1);
  const at = Math.min(Number(settings.class_index) * numbers + Number(settings.number), pixels.length / size - 1);
  return pixels.subarray(at * size, (at + 1) * size);
}

/**
 * What the timeline shows: as `timeline` of playground/labs/forward/view.py.
 * @param {ForwardPage} data @param {ScheduleTables} tables @param {Uint8Array} picture  H x W x C
 * @param {Settings} settings @returns {Timeline}
 */
export function forwardTimeline(data, tables, picture, settings) {
  const T = Number(settings.T);
  const columns = columnsOf(betaOf(tables, data.keys[settings.schedule], T));
  const shown = shownTimes(T, MOST_FRAMES);
  const x0 = toUnit(picture);
  const variance = varianceOf(x0);
  /** @type {Record<string, Strip>} */
  const strips = { jump: jump(x0, columns, shown, Number(settings.seed)), steps: steps(x0, columns, shown, Number(settings.seed)) };
  const { figure, panels } = data.processes[settings.process];
  const shares = shown.map((t) => shareOf(variance * columns.alphaBar[t], columns.sigma[t] ** 2));
  const fill = filling(columns, shown, strips, variance);
  return {
    ...figure,
    lanes: figure.lanes.map((lane) => ({ ...lane, ...sheetOf(toBytes(strips[lane.key].x), data.pictures[settings.data].shape, /** @type {Lane} */ (lane)) })),
    positions: shown.map((t) => ({ t, text: _("t = {t} of {T}", { t, T }) })),
    captions: shares.map(caption),
    panels: figure.panels.map((panel, k) => fill(panels[k], panel)),
    start_at: shares.filter((share) => share > 0.5).length,
    fps: Math.max(12, Math.min(60, shown.length / 6)),
  };
}

/** Of a variance the share that is signal. @param {number} signal @param {number} noise */
const shareOf = (signal, noise) => (signal + noise > 0 ? signal / (signal + noise) : 1);

/** @param {number} share */
function caption(share) {
  if (share === 1) return _("The clean image x₀, without noise.");
  const percent = share >= 0.1 ? `${(100 * share).toFixed(0)} %` : share > 1e-5 ? `${rounded(100 * share)} %` : _("under 0.001 %");
  if (share > 0.55) return _("Mostly signal: {percent} of the variance of xₜ over its pixels.", { percent });
  if (share > 0.45) return _("About as much noise as signal: {percent} of the variance of xₜ over its pixels is signal.", { percent });
  if (share > 0.01) return _("Mostly noise: {percent} of the variance of xₜ over its pixels is still signal.", { percent });
  return _("Nearly pure noise: {percent} of the variance of xₜ over its pixels is signal.", { percent });
}

/** Two digits. @param {number} value */
const rounded = (value) => String(Number(value.toPrecision(2)));

/**
 * Puts the numbers into a panel.
 * @param {Columns} columns @param {number[]} shown @param {Record<string, Strip>} strips @param {number} variance  of the picture
 */
function filling(columns, shown, strips, variance) {
  const snr = shown.map((t) => columns.snr[t]);
  const ofImage = snr.map((ratio) => (variance ? variance * ratio : NaN));
  /** @type {Record<string, number[][]>} */
  const curves = {
    variances: [shown.map((t) => variance * columns.alphaBar[t]), shown.map((t) => columns.sigma[t] ** 2)],
    snr: [ofImage, snr],
    spread: [strips.jump.spread, strips.steps.spread, shown.map((t) => columns.sigma[t])],
  };
  const decimals = (/** @type {Float64Array} */ values) => shown.map((t) => values[t].toFixed(4));
  /** @type {Record<string, string[]>} */
  const numbers = {
    t: shown.map(String), before: shown.map((t) => String(Math.max(0, t - 1))), alpha_bar: decimals(columns.alphaBar), beta: decimals(columns.beta),
    signal: decimals(columns.signal), sigma: decimals(columns.sigma), keep: decimals(columns.keep), add: decimals(columns.add),
  };

  /** @param {string} name @param {Timeline["panels"][number]} panel @returns {Timeline["panels"][number]} */
  return (name, panel) => {
    if (panel.kind === "equation") return /** @type {EquationPanel} */ ({ ...panel, values: Object.fromEntries(Object.keys(panel.values).map((key) => [key, numbers[key]])) });
    if (panel.kind === "curve") {
      const title = name === "variances" ? _("Signal and noise variance; this image’s is v = {variance}", { variance: rounded(variance) }) : panel.title;
      const y_range = name === "snr" ? rangeOf([...snr, ...ofImage]) : panel.y_range;
      return /** @type {CurvePanel} */ ({ ...panel, title, y_range, marker: shown, lines: panel.lines.map((line, k) => ({ ...line, x: shown, y: curves[name][k].map(finite) })) });
    }
    const [what, process] = name.split(" ");
    const strip = strips[process];
    const { edges } = /** @type {HistogramPanel} */ (panel);
    const rows = what === "noise" ? strip.rows : shown.length;
    const density = densities(what === "noise" ? strip.noise : strip.x, rows, edges);
    const values = rows === 1 ? shown.flatMap((t) => Array.from(density, (value) => (t ? value : 0))) : density;
    if (what === "noise") for (let b = 0; b < edges.length - 1; b++) values[b] = 0; // there is none at t = 0
    return /** @type {HistogramPanel} */ ({ ...panel, density: { shape: [shown.length, edges.length - 1], f32: Float32Array.from(values) } });
  };
}

/** @param {number} value */
const finite = (value) => (Number.isFinite(value) ? value : null);

/** Whole powers of ten around ratios, from 10⁻⁶ at the lowest: as snr_range of playground/labs/shared/noising.py. @param {number[]} ratios @returns {[number, number]} */
function rangeOf(ratios) {
  const there = ratios.filter((ratio) => Number.isFinite(ratio) && ratio > 0);
  const [low, high] = [Math.floor(Math.log10(Math.min(...there))), Math.ceil(Math.log10(Math.max(...there)))];
  return [10 ** Math.max(-6, low), 10 ** Math.max(0, high)];
}
