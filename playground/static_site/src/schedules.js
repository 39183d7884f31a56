// The Schedules lab of the site: the same picture under the same noise with every schedule, their curves, and what is left of the
// picture at T. What stands in the figure is the lab's own (playground/labs/schedules/view.py), without its numbers.
/** @import { CurvePanel, Lane, ScheduleTables, SchedulesPage, Timeline } from "../../components/payloads.js" */
/** @import { Component, Point } from "../../components/src/types.js" */
/** @import { Columns } from "./schedule_tables.js" */
/** @import { Lab, Settings } from "./types.js" */
import { mount as mountEditor } from "../../components/src/curve_editor.js";
import { el, markup } from "../../components/src/dom.js";
import { _ } from "../../components/src/language.js";
import { mount as mountTimeline } from "../../components/src/timeline.js";
import { leadTo } from "../../components/src/view_link.js";
import { SeededNoise } from "../../browser/src/noise.js";
import { pictureOf } from "./forward.js";
import { sheetOf, toBytes } from "./frame_sheets.js";
import { gaugeView, stripsView, verdictOf } from "./gauges.js";
import { toUnit, weighted } from "./noised.js";
import { betaOf, columnsOf, drawnBeta, shownTimes, withZeroTerminalSnr } from "./schedule_tables.js";
import { stored, storedJson } from "./stored.js";

const [MOST_FRAMES, MOST_POINTS] = [101, 251];
const COLUMNS = 11; // pictures in a strip
const QUANTITIES = /** @type {const} */ (["beta", "alphaBar", "logSnr", "posterior"]); // of the panels

/** @param {HTMLElement} root @param {SchedulesPage} data @returns {Lab} */
export function mount(root, data) {
  const [strips, gauges, figure, draw, said] = [el("div", {}), el("div", { class: "site-gauges" }), el("div", {}), el("div", {}), el("div", {})];
  const caption = (/** @type {string} */ name) => el("div", {}, ...data.captions[name].map((line, k) => paragraph(line, k)));
  const whole = el("div", {}, strips, caption("strips"), draw, el("h2", {}, data.words.gauges), gauges, caption("gauges"), figure, caption("curves"));
  root.classList.add("dp-root");
  whole.hidden = true; // until there is something to show
  root.append(said, whole);
  const timeline = mountTimeline(figure, () => {});
  /** @type {Component<any> | null} */
  let editor = null;
  let latest = 0;

  /** @param {Settings} settings */
  async function change(settings) {
    const own = ++latest;
    const set = data.pictures[settings.data];
    const [tables, pixels] = await Promise.all([storedJson("schedule-tables"), stored(set.stored)]);
    if (own !== latest) return;
    const shown = shownOf(data, tables, pictureOf(new Uint8Array(pixels), set, settings), settings);
    said.replaceChildren(...shown.problems.map((words) => el("p", { class: "site-notice", role: "status" }, words)));
    whole.hidden = !shown.timeline.lanes.length;
    edit(settings, tables);
    if (whole.hidden) return;
    strips.replaceChildren(stripsView(data, shown.strips, set.shape));
    gauges.replaceChildren(...shown.verdicts.map((verdict) => gaugeView(data, verdict, ask)));
    timeline.update(shown.timeline);
  }

  /** The editor of the drawn curve, where one is drawn. @param {Settings} settings @param {ScheduleTables} tables */
  function edit(settings, tables) {
    const { points } = pointsOf(settings.points, data.example);
    if (settings.drawn !== "1") {
      editor?.destroy();
      editor = null;
      return draw.replaceChildren();
    }
    if (!editor) {
      const place = el("div", {});
      draw.replaceChildren(el("h2", {}, data.words.draw), place, caption("drawn"));
      editor = mountEditor(place, (_name, value) => ask({ points: /** @type {{ points: Point[] }} */ (value).points.map((point) => point.map(short).join(",")).join("; ") }));
    }
    const others = schedulesOf(data, tables, { ...settings, linear: "1", cosine: "1", sigmoid: "1", drawn: "0" });
    const at = shownTimes(Number(settings.T), MOST_POINTS);
    const references = Object.entries(others).map(([name, { alphaBar, T }]) => ({ name: data.titles[name], x: at.map((t) => t / T), y: at.map((t) => alphaBar[t]), color: null, dashed: false }));
    editor.update({ points, references, x_label: "t / T", y_label: "<i>ᾱ</i>", base: JSON.stringify(points) });
  }

  /** Other settings, as the reader would choose them. @param {Settings} changes */
  function ask(changes) {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
    leadTo(url);
  }

  function destroy() {
    latest += 1;
    editor?.destroy();
    timeline.destroy();
    root.replaceChildren();
  }
  return { change, destroy };
}

/** Four digits. @param {number} value */
const short = (value) => String(Number(value.toPrecision(4)));

/** A line of a caption. @param {string} line @param {number} k */
function paragraph(line, k) {
  const text = `<b>${[_("See:"), _("Try:"), _("Why:")][k]}</b> ${line.replace(/\*\*(.+?)\*\*/g, "<b>$1</b>").replace(/_(?:\{([^}]*)\}|(\w+))/g, "<sub>$1$2</sub>")}`;
  return el("p", { class: "dp-looking-at" }, markup(text).fragment);
}

/**
 * The points of a drawn curve, as parse_points of playground/labs/schedules/drawn.py; those of `example`, and why, where they are none.
 * @param {string} text @param {string} example @returns {{ points: Point[], problem: string }}
 */
export function pointsOf(text, example) {
  const points = text.split(";").filter((pair) => pair.trim()).map((pair) => /** @type {Point} */ (pair.split(",").map((number) => (number.trim() ? Number(number) : NaN))));
  const isCurve = points.length >= 3 && points.length <= 12 && points.every((pair, k) => {
    const [x, y] = pair;
    const [left, above] = k ? points[k - 1] : [-1, 1];
    return pair.length === 2 && x > left && x <= 1 && y >= 0 && y <= above;
  });
  if (isCurve && points[0][0] === 0 && points[0][1] === 1 && points[points.length - 1][0] === 1) return { points, problem: "" };
  return { points: pointsOf(example, example).points, problem: _("These are no points of a falling curve; the one of “{example}” is shown.", { example }) };
}

/**
 * The schedules that are shown, by name.
 * @param {SchedulesPage} data @param {ScheduleTables} tables @param {Settings} settings
 * @returns {Record<string, Columns>}
 */
export function schedulesOf(data, tables, settings) {
  const T = Number(settings.T);
  /** @type {Record<string, () => Float64Array>} */
  const makers = {
    linear: () => betaOf(tables, `linear ${settings.rescale}`, T),
    cosine: () => betaOf(tables, `cosine ${Number(settings.s)}`, T),
    sigmoid: () => betaOf(tables, "sigmoid", T),
    drawn: () => drawnBeta(pointsOf(settings.points, data.example).points, T, data.limits),
  };
  const shown = Object.keys(data.titles).filter((name) => settings[name] === "1");
  return Object.fromEntries(shown.map((name) => {
    const beta = makers[name]();
    return [name, columnsOf([name, "all"].includes(settings.zero) ? withZeroTerminalSnr(beta) : beta)];
  }));
}

/**
 * All that the page shows for some settings.
 * @param {SchedulesPage} data @param {ScheduleTables} tables @param {Uint8Array} picture  H x W x C @param {Settings} settings
 */
export function shownOf(data, tables, picture, settings) {
  const schedules = schedulesOf(data, tables, settings);
  const names = Object.keys(schedules);
  const { shape } = data.pictures[settings.data];
  const x0 = toUnit(picture);
  const epsilon = new SeededNoise([Number(settings.seed)], x0.length).draw(); // the same for all
  const noised = (/** @type {string} */ name, /** @type {number[]} */ times) => toBytes(weighted(x0, schedules[name], times, () => epsilon));
  const stops = shownTimes(Number(settings.T), COLUMNS);
  return {
    problems: [settings.drawn === "1" ? pointsOf(settings.points, data.example).problem : "", names.length ? "" : data.words.none].filter(Boolean),
    strips: names.map((name) => ({ name, pictures: noised(name, stops) })),
    verdicts: names.map((name) => verdictOf(data, name, schedules[name], settings, shape)),
    timeline: schedulesTimeline(data, schedules, noised, shape, Number(settings.T)),
  };
}

/**
 * What the timeline shows: as `timeline` of playground/labs/schedules/view.py.
 * @param {SchedulesPage} data @param {Record<string, Columns>} schedules
 * @param {(name: string, times: number[]) => Uint8ClampedArray} noised
 * @param {readonly number[]} shape @param {number} T @returns {Timeline}
 */
function schedulesTimeline({ figure, titles }, schedules, noised, shape, T) {
  const [shown, at] = [shownTimes(T, MOST_FRAMES), shownTimes(T, MOST_POINTS)];
  const all = Object.keys(titles);
  const isShown = (/** @type {unknown} */ _item, /** @type {number} */ k) => all[k] in schedules;
  const panels = /** @type {CurvePanel[]} */ (figure.panels).map((panel, q) => ({
    ...panel,
    marker: shown,
    lines: panel.lines.map((line, k) => ({ ...line, x: at, y: at.map((t) => finite(schedules[all[k]]?.[QUANTITIES[q]][t])) })).filter(isShown),
  }));
  return {
    ...figure,
    panels,
    lanes: figure.lanes.filter(isShown).map((lane) => ({ ...lane, ...sheetOf(noised(lane.key, shown), shape, /** @type {Lane} */ (lane)) })),
    positions: shown.map((t) => ({ t, text: _("t = {t} of {T}", { t, T }) })),
    start_at: Math.floor(shown.length / 2),
    fps: Math.max(12, shown.length / 6),
  };
}

/** @param {number | undefined} value */
const finite = (value) => (Number.isFinite(value) ? /** @type {number} */ (value) : null);
