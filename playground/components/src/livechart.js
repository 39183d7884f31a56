// A line chart for what moves by itself: every update carries all points and is drawn at once, without a blink. Emits nothing.
/** @import { LiveChart, Series } from "../payloads.js" */
/** @import { Component, Frame, Pen, Theme } from "./types.js" */
import { axes, clip, dot, fitCanvas, mark, onAxes, polyline, verticalLine } from "./chart_drawing.js";
import { chartSvg } from "./chart_svg.js";
import { component, el, onNextFrame, plainText, write } from "./dom.js";
import { csvOf } from "./download.js";
import { exportMenu, fileName } from "./exports.js";
import { _ } from "./language.js";
import { legendEntry } from "./legend.js";
import { directed, extent, formatNumber, niceRange } from "./numbers.js";
import { readTheme, watchAppearance } from "./theme.js";

const CHART_HEIGHT = 300;
const MARKS_APART = 90;
const MARK_REACH = 9; // a mark at the edge is drawn whole

/** @param {Series} s @param {number} i */
const colorNumber = (s, i) => (s.color ?? i) % 6;

/** @param {HTMLElement} root @returns {Component<LiveChart | null>} */
export function mount(root) {
  root.classList.add("dp-root", "dp-livechart");
  const title = el("div", { class: "dp-panel-title" });
  const legend = el("div", { class: "dp-legend" });
  const canvas = el("canvas", { role: "img", "aria-label": _("No data yet") });
  const over = el("canvas", { class: "dp-over" });
  const tip = el("div", { class: "dp-tip", hidden: true });
  const empty = el("div", { class: "dp-empty", hidden: true });
  const plot = el("div", { class: "dp-plot dp-hover" }, canvas, over, tip, empty);
  const note = el("div", { class: "dp-note" });
  const tools = exportMenu(() => figure());
  root.append(el("div", { class: "dp-chart-head" }, title, tools), legend, plot, note);
  /** @type {LiveChart} */
  let data;
  /** @type {Theme} */
  let theme;
  /** @type {Frame | null} */
  let frame = null;
  /** @type {number | null} */
  let hover = null; // x of the pointer
  const drawing = onNextFrame(crosshair);
  const unwatch = watchAppearance(plot, restyle);
  const onPointer = (/** @type {PointerEvent} */ event) => {
    hover = event.clientX - plot.getBoundingClientRect().left;
    drawing.request();
  };
  plot.addEventListener("pointermove", onPointer);
  plot.addEventListener("pointerdown", onPointer);
  plot.addEventListener("pointerleave", () => {
    hover = null;
    drawing.request();
  });

  /** @param {LiveChart | null} next */
  function update(next) {
    if (!next) return;
    data = next;
    write(title, data.title);
    title.hidden = !data.title;
    legend.replaceChildren(...data.series.map((s, i) => legendEntry(s.name, `var(--dp-s${colorNumber(s, i)})`, s.style, s.mark)));
    write(note, data.note);
    note.hidden = !data.note;
    restyle();
  }

  function restyle() {
    if (!data || !root.isConnected) return;
    theme = readTheme(root);
    paint();
  }


  function paint() {
    const width = plot.clientWidth;
    if (!width) return;
    const points = data.series.reduce((sum, s) => sum + s.y.filter((v) => v !== null).length, 0);
    Object.assign(root.dataset, { points, series: data.series.length });
    empty.hidden = points > 0;
    tools.hidden = !points;
    empty.textContent = data.empty || _("Nothing to draw yet.");
    canvas.style.visibility = points > 0 ? "visible" : "hidden";
    canvas.setAttribute("aria-label", description());
    plotted(fitCanvas(canvas, width, CHART_HEIGHT), width);
    crosshair();
  }

  /**
   * Axes and series, on the canvas or into a file.
   * @param {Pen} g @param {number} width
   */
  function plotted(g, width) {
    const x = xRange();
    const y = niceRange(data.series.flatMap((s) => [...s.y, ...(s.low ?? []), ...(s.high ?? [])]), data.log_y, data.y_range);
    const made = axes(g, theme, width, CHART_HEIGHT, { x, y, logX: data.log_x, logY: data.log_y, xLabel: data.x_label, yLabel: data.y_label });
    frame = made;
    g.save();
    clip(g, made.rect, MARK_REACH);
    g.lineJoin = "round";
    data.series.forEach((s, i) => {
      const color = theme.series[colorNumber(s, i)];
      g.strokeStyle = g.fillStyle = color;
      band(g, made, s);
      const points = s.x.map((_item, k) => placeOf(made, s, k));
      if (s.style === "dots") {
        g.globalAlpha = s.x.length > 60 ? 0.55 : 1;
        for (const at of points) {
          if (!at) continue;
          g.beginPath();
          g.arc(...at, 2.5, 0, 7);
          g.fill();
        }
        g.globalAlpha = 1;
        return;
      }
      g.lineWidth = s.style === "dashed" ? 2 : 2.5;
      g.setLineDash(s.style === "dashed" ? [7, 5] : []);
      polyline(g, made, s.x, s.y, data.log_x, data.log_y);
      g.setLineDash([]);
      if (s.mark) marks(g, made, s, i, color);
      else if (points.length === 1 && points[0]) dot(g, theme, ...points[0], color, 4);
    });
    g.restore();
  }

  function figure() {
    const entries = data.series.map((s, i) => ({ name: s.name, color: theme.series[colorNumber(s, i)], style: s.style, mark: s.mark }));
    const svg = chartSvg(theme, plot.clientWidth, CHART_HEIGHT, { title: data.title, entries, plot: plotted });
    paint(); // the axes are those of the screen again
    return { name: fileName(plainText(data.title)), csv: csvOf(numbers()), svg };
  }

  // A row for each point; the ends of the band are empty where a series has none.
  function numbers() {
    /** @type {(string | number)[][]} */
    const rows = [["series", data.x_label, data.y_label, "low", "high"]];
    for (const s of data.series) {
      const name = plainText(s.name);
      s.x.forEach((x, k) => rows.push([name, x, s.y[k], s.low?.[k], s.high?.[k]].map((value) => value ?? "")));
    }
    return rows;
  }

  /**
   * Where point k of a series stands, in pixels; null where it has no place on the axes.
   * @param {Frame} frame @param {Series} s @param {number} k @returns {[number, number] | null}
   */
  function placeOf(frame, s, k, values = s.y) {
    const at = onAxes(s.x[k], values[k], data.log_x, data.log_y);
    return at && [frame.X(at[0]), frame.Y(at[1])];
  }

  /** @returns {[number, number]} */
  function xRange() {
    const range = extent(data.series.flatMap((s) => s.x), data.log_x);
    if (!range) return data.log_x ? [1, 10] : [0, 1];
    const [lo, hi] = range;
    if (lo === hi) return data.log_x ? [lo / 2, hi * 2] : [lo - 0.5, hi + 0.5];
    return directed([lo, hi], data.series.map((s) => s.x));
  }

  /**
   * A mark on the last point, and on others so far from each other that they do not crowd; each series begins elsewhere.
   * @param {Pen} g @param {Frame} frame @param {Series} s @param {number} i @param {string} color
   */
  function marks(g, frame, s, i, color) {
    const points = s.x.flatMap((_item, k) => [placeOf(frame, s, k)].filter((at) => at !== null));
    const from = frame.rect.x + (i % 4) * (MARKS_APART / 4);
    let before = -Infinity;
    points.forEach((at, k) => {
      if (k < points.length - 1 && (at[0] < from || at[0] - before < MARKS_APART)) return;
      mark(g, theme, s.mark, ...at, color);
      before = at[0];
    });
  }

  /** @param {Pen} g @param {Frame} frame @param {Series} s */
  function band(g, frame, s) {
    const { low, high } = s;
    if (!low || !high) return;
    const upper = s.x.map((_item, k) => placeOf(frame, s, k, high));
    const lower = s.x.map((_item, k) => placeOf(frame, s, k, low));
    g.globalAlpha = 0.16;
    g.beginPath();
    upper.forEach((at, k) => at && lower[k] && g.lineTo(...at));
    for (let k = s.x.length - 1; k >= 0; k--) {
      const at = lower[k];
      if (at && upper[k]) g.lineTo(...at);
    }
    g.fill();
    g.globalAlpha = 1;
  }

  /**
   * The number of the point of a series whose x is nearest, and that x; null where it has none.
   * @param {Series} s @param {number} x
   */
  function nearest(s, x) {
    /** @type {{ k: number, x: number } | null} */
    let best = null;
    s.x.forEach((own, k) => {
      if (own !== null && s.y[k] !== null && (best === null || Math.abs(own - x) < Math.abs(best.x - x))) best = { k, x: own };
    });
    return /** @type {{ k: number, x: number } | null} */ (best);
  }

  function crosshair() {
    drawing.cancel();
    if (!frame) return;
    const width = plot.clientWidth;
    const g = fitCanvas(over, width, CHART_HEIGHT);
    const { rect, X, unX } = frame;
    tip.hidden = true;
    if (hover === null || hover < rect.x - 12 || hover > rect.x + rect.w + 12) return;
    const x = unX(Math.min(rect.x + rect.w, Math.max(rect.x, hover)));
    const rows = data.series.flatMap((s, i) => {
      const point = nearest(s, x);
      return point ? [{ s, i, ...point }] : [];
    });
    if (!rows.length) return;
    const at = rows.reduce((best, row) => (Math.abs(row.x - x) < Math.abs(best.x - x) ? row : best)).x;
    verticalLine(g, theme, rect, X(at));
    for (const { s, k, i } of rows) {
      const place = placeOf(frame, s, k);
      if (place && place[1] >= rect.y - 1 && place[1] <= rect.y + rect.h + 1) dot(g, theme, ...place, theme.series[colorNumber(s, i)]);
    }
    tip.replaceChildren(
      el("div", { class: "dp-tip-x" }, `${data.x_label} ${formatNumber(at, 4)}`),
      ...rows.map(({ s, k, i }) => el("div", { class: "dp-tip-row" }, legendEntry(s.name, `var(--dp-s${colorNumber(s, i)})`, s.style, s.mark), el("b", {}, formatNumber(s.y[k], 4)))),
    );
    tip.hidden = false;
    const w = tip.offsetWidth;
    tip.style.left = `${Math.max(0, X(at) + 14 + w > width ? X(at) - 14 - w : X(at) + 14)}px`;
    tip.style.top = `${rect.y + 4}px`;
  }

  function description() {
    const last = data.series.map((s) => {
      const k = s.y.findLastIndex((v) => v !== null);
      return k < 0 ? null : _("{name}: {y} at {x}", { name: plainText(s.name), y: formatNumber(s.y[k]), x: formatNumber(s.x[k], 4) });
    });
    return [plainText(data.title), ...last.filter(Boolean)].join(". ");
  }

  return component(root, update, drawing.cancel, unwatch);
}
