// Of each schedule the strip of pictures, and what its terminal SNR means for sampling: as verdicts and strips of
// playground/labs/schedules (job.py, figures.py).
/** @import { SchedulesPage } from "../../components/payloads.js" */
/** @import { Columns } from "./schedule_tables.js" */
/** @import { Settings } from "./types.js" */
import { el, markup } from "../../components/src/dom.js";
import { _ } from "../../components/src/language.js";
import { sheetOf } from "./frame_sheets.js";

const [LOW, HIGH] = [-8, 1]; // ends of the gauge, as powers of ten
const ZOOM = 3;

/** @typedef {{ name: string, snr: number, state: string, sentence: string, remedy: Settings | null, button: string }} Verdict */

/**
 * What the terminal SNR of a schedule means.
 * @param {SchedulesPage} data @param {string} name @param {Columns} columns @param {Settings} settings
 * @param {readonly number[]} shape  of the picture @returns {Verdict}
 */
export function verdictOf({ limits, verdicts, words }, name, { T, signal, sigma, snr: ratios }, settings, [height, width]) {
  const snr = ratios[T];
  const state = snr === 0 ? "zero" : snr <= limits.pure_noise_snr ? "fine" : snr > limits.visible_snr ? "wrong" : "mean";
  const pixels = height * width;
  const numbers = { leak: short(100 * signal[T]), pixels: pixels.toLocaleString("en"), times: short((signal[T] / sigma[T]) * Math.sqrt(pixels)) };
  const sentence = verdicts[state].sentence.replace(/\{(\w+)\}/g, (_whole, key) => numbers[/** @type {keyof typeof numbers} */ (key)]);
  const isGood = state === "zero" || state === "fine";
  const isUnscaled = name === "linear" && settings.rescale !== "1";
  /** @type {Settings} */
  const remedy = isUnscaled ? { rescale: "1" } : { zero: ["none", name].includes(settings.zero) ? name : "all" };
  return { name, snr, state, sentence, remedy: isGood ? null : remedy, button: isGood ? "" : isUnscaled ? words.rescale : words.zero };
}

/** Two digits. @param {number} value */
const short = (value) => String(Number(value.toPrecision(2)));

/** A ratio for reading: "0", "0.024", "3.1 · 10⁻⁵". @param {number} value */
export function ratioText(value) {
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(value));
  if (exponent >= -3) return short(value);
  const raised = String(exponent).replace(/./g, (letter) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(letter)]);
  return `${(value / 10 ** exponent).toFixed(1)} · 10${raised}`;
}

/** A verdict, and the button that corrects the settings. @param {SchedulesPage} data @param {Verdict} verdict @param {(changes: Settings) => void} ask */
export function gaugeView({ titles, colors, limits, verdicts }, { name, snr, state, sentence, remedy, button }, ask) {
  const placeOf = (/** @type {number} */ ratio) => (100 * ((ratio > 0 ? Math.log10(ratio) : LOW) - LOW)) / (HIGH - LOW);
  const [low, high] = [limits.pure_noise_snr, limits.visible_snr].map((limit) => `${placeOf(limit).toFixed(2)}%`);
  const words = _("SNR at T: {ratio}", { ratio: ratioText(snr) });
  const track = `linear-gradient(90deg, #2f9e6e 0 ${low}, #e0b030 ${low} ${high}, #d9534a ${high} 100%)`;
  const mark = (/** @type {string} */ left, /** @type {string} */ text) => el("span", { style: `left:${left}` }, text);
  const said = `${verdicts[state].icon} <b>${verdicts[state].headline}</b> ${sentence}`.replace(/_(?:\{([^}]*)\}|(\w+))/g, "<sub>$1$2</sub>");
  return el("section", { class: "site-gauge", "data-state": state, "data-schedule": name },
    el("div", { class: "dp-verdict" }, el("span", {}, keyView(colors[name]), titles[name]), el("span", {}, words)),
    el("div", { class: "dp-gauge", style: `background:${track}`, role: "img", "aria-label": `${titles[name]}: ${words}` },
      el("i", { style: `left:${Math.min(98.5, Math.max(1.5, placeOf(snr))).toFixed(2)}%` })),
    el("div", { class: "dp-scale" }, mark("0", "10⁻⁸"), mark(low, ratioText(limits.pure_noise_snr)), mark(high, String(limits.visible_snr)), mark("100%", "10")),
    el("p", {}, markup(said).fragment),
    remedy && el("button", { type: "button", class: "dp-chip", onclick: () => ask(remedy) }, button),
  );
}

/** @param {string} color */
const keyView = (color) => el("span", { class: "dp-key", style: `background:${color}` });

/**
 * A row of pictures for each schedule, under a scale of t/T from 0 to 1.
 * @param {SchedulesPage} data @param {{ name: string, pictures: Uint8ClampedArray }[]} rows  each frames x H x W x C
 * @param {readonly number[]} shape
 */
export function stripsView({ titles, colors }, rows, [height, width, channels]) {
  const count = rows[0].pictures.length / (height * width * channels);
  const ticks = Array.from({ length: count }, (_item, k) => el("span", {}, String(k / (count - 1))));
  return el("div", { class: "dp-strips dp-settled" },
    el("div", { class: "dp-corner" }, "t / T"),
    el("div", { class: "dp-ticks" }, ...ticks),
    ...rows.flatMap(({ name, pictures }) => {
      const title = titles[name];
      const image = el("img", { src: addressOf(pictures, count, [height, width, channels]), width: count * width * ZOOM, height: height * ZOOM, alt: "", style: "image-rendering: pixelated" });
      return [el("div", { class: "dp-name" }, keyView(colors[name]), title), el("div", { class: "dp-row", role: "img", "aria-label": _("{schedule}: the image at t/T from 0 to 1", { schedule: title }) }, image)];
    }),
  );
}

/** A row of pictures as an address that holds it. @param {Uint8ClampedArray} pictures @param {number} count @param {readonly number[]} shape */
function addressOf(pictures, count, shape) {
  const [{ png }] = sheetOf(pictures, shape, { grid: [1, count], pictures: count }).sheets;
  const row = /** @type {ImageData} */ (/** @type {unknown} */ (png));
  const canvas = el("canvas", { width: row.width, height: row.height });
  canvas.getContext("2d")?.putImageData(row, 0, 0);
  return canvas.toDataURL();
}
