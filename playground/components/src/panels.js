// The panels that move with the playhead: histograms, curves with a marker, equations with their numbers in them.
/** @import { CurvePanel, EquationPanel, HistogramPanel, Line } from "../payloads.js" */
/** @import { Frame, LineStyle, Pen, Theme } from "./types.js" */
/** @import { Guess } from "./scrubber.js" */
import { algorithmView } from "./algorithm.js";
import { decodeFloats } from "./base64.js";
import { axes, clip, dot, fitCanvas, line, pill, polyline, verticalLine } from "./chart_drawing.js";
import { chartSvg } from "./chart_svg.js";
import { el, markup, plainText, write } from "./dom.js";
import { csvOf } from "./download.js";
import { exportMenu, fileName } from "./exports.js";
import { _ } from "./language.js";
import { legendEntry } from "./legend.js";
import { clamp, directed, extended, extent, formatNumber, formatOn, interpolate, niceRange, valueAt } from "./numbers.js";
import { tellValues } from "./symbols.js";

/**
 * set: new data from position `first` on; isAdding says that what was there before stays.
 * @typedef {object} Panel
 * @property {HTMLElement} node
 * @property {(data: any, first: number, isAdding: boolean) => void} set
 * @property {(position: number, theme: Theme, guesses?: Guess[]) => void} draw
 * @property {() => void} invalidate  the colours have changed
 */

/** @typedef {{ name: string, slot: keyof Theme, style?: LineStyle }} Entry  of a legend; slot: the name of a colour of the theme */

const PANEL_HEIGHT = 230;
const SPIKE = 2.2; // heights of the reference; what is higher is cut off

/**
 * A canvas with a part that only changes with size, colours and data, painted once, and a part for each position.
 * @param {string} kind
 * @param {() => (string | number)[][]} numbers  the rows of its CSV
 */
function chart(kind, numbers) {
  const title = el("div", { class: "dp-panel-title" });
  const legend = el("div", { class: "dp-legend" });
  const canvas = el("canvas", { role: "img", "aria-label": _("No data yet") });
  const plot = el("div", { class: "dp-plot" }, canvas);
  /** @type {(() => SVGSVGElement) | null} */
  let latest = null; // what was painted last, as SVG
  const tools = exportMenu(() => {
    if (!latest) throw new Error(_("Nothing is drawn yet."));
    return { name: fileName(plainText(titleMarkup)), csv: csvOf(numbers()), svg: latest() };
  });
  const node = el("figure", { class: `dp-panel dp-${kind}` }, el("div", { class: "dp-chart-head" }, title, tools), legend, plot);
  const back = document.createElement("canvas");
  let key = "";
  /** @type {Frame | null} */
  let frame = null;
  let titleMarkup = "";
  /** @type {Entry[]} */
  let entries = [];
  return {
    node,
    invalidate() {
      key = "";
    },
    /** @param {string} given @param {Entry[]} legends */
    head(given, legends) {
      titleMarkup = given;
      entries = legends;
      write(title, given);
      canvas.setAttribute("aria-label", plainText(given));
      legend.replaceChildren(...entries.map(({ name, slot, style }) => legendEntry(name, `var(--dp-${slot})`, style ?? "line")));
      legend.hidden = !entries.length;
    },
    /**
     * @param {Theme} theme @param {(g: Pen, width: number, height: number) => Frame} still
     * @param {(g: Pen, frame: Frame, width: number) => void} moving
     */
    paint(theme, still, moving) {
      const width = plot.clientWidth;
      if (!width) return;
      latest = () =>
        chartSvg(theme, width, PANEL_HEIGHT, {
          title: titleMarkup,
          entries: entries.map((entry) => ({ ...entry, style: entry.style ?? "line", color: String(theme[entry.slot]) })),
          plot: (pen, wide) => moving(pen, still(pen, wide, PANEL_HEIGHT), wide),
        });
      const next = `${width}|${window.devicePixelRatio}|${theme.stamp}`;
      if (!frame || next !== key) {
        frame = still(fitCanvas(back, width, PANEL_HEIGHT), width, PANEL_HEIGHT);
        key = next;
      }
      const g = fitCanvas(canvas, width, PANEL_HEIGHT);
      g.drawImage(back, 0, 0, width, PANEL_HEIGHT);
      moving(g, frame, width);
    },
  };
}

/**
 * The rows of a table: a head, and one for each point of each line.
 * @param {{ x_label: string, y_label: string }} data @param {{ name: string, x: (number | null)[], y: ArrayLike<number | null> }[]} lines
 */
function tableOf(data, lines) {
  /** @type {(string | number)[][]} */
  const rows = [["series", data.x_label, data.y_label]];
  for (const l of lines) l.x.forEach((x, k) => rows.push([plainText(l.name), x ?? "", l.y[k] ?? ""]));
  return rows;
}

/** @returns {Panel} */
function histogram() {
  /** @type {HistogramPanel} */
  let data;
  /** @type {Float32Array[]} */
  let rows = [];
  let here = 0;
  let top = 1;
  const view = chart("histogram", () => {
    const y = valueAt(rows, here) ?? new Float32Array();
    const bars = { name: _("this step"), x: Array.from(y, (_item, b) => (data.edges[b] + data.edges[b + 1]) / 2), y };
    return tableOf(data, [bars, ...(data.reference ? [data.reference] : [])]);
  });
  return {
    node: view.node,
    invalidate: view.invalidate,
    set(/** @type {HistogramPanel} */ next, first, isAdding) {
      data = next;
      const values = decodeFloats(next.density);
      const [count, bins] = next.density.shape;
      rows = extended(rows, Array.from({ length: count }, (_item, i) => values.subarray(i * bins, (i + 1) * bins)), first, isAdding);
      const most = rows.reduce((sofar, row) => Math.max(sofar, extent(row ?? [])?.[1] ?? 0), 0);
      // A spike (the black of a digit) would press everything else flat: it is cut off, and its height written on it.
      const reference = extent(next.reference?.y ?? [])?.[1] ?? 0;
      top = (reference ? Math.min(Math.max(most, reference), SPIKE * reference) : most || 1) * 1.08;
      view.head(next.title, [{ name: _("this step"), slot: "s0" }, ...(next.reference ? [/** @type {Entry} */ ({ name: next.reference.name, slot: "text", style: "thin" })] : [])]);
      view.invalidate();
    },
    draw(position, theme) {
      const { edges } = data;
      here = position;
      view.paint(
        theme,
        (g, w, h) => axes(g, theme, w, h, { x: [edges[0], edges[edges.length - 1]], y: [0, top], xLabel: data.x_label, yLabel: data.y_label }),
        (g, frame, width) => {
          const row = valueAt(rows, position);
          if (!row) return;
          const spike = bars(g, theme, frame, edges, row, top);
          if (data.reference) {
            g.strokeStyle = theme.text;
            g.lineWidth = 2;
            polyline(g, frame, data.reference.x, data.reference.y);
          }
          if (spike >= 0) pill(g, theme, `↑ ${formatNumber(row[spike])}`, frame.X(edges[spike + 1]) - 6, frame.rect.y + 12, theme.s0, width);
        },
      );
    },
  };
}

/**
 * The bars of a histogram. Returns which one is cut off most, −1 if none is.
 * @param {Pen} g @param {Theme} theme @param {Frame} frame @param {number[]} edges @param {Float32Array} row @param {number} top
 */
function bars(g, theme, { X, Y, rect }, edges, row, top) {
  g.fillStyle = theme.s0;
  g.globalAlpha = 0.78;
  let spike = -1;
  for (let b = 0; b < row.length; b++) {
    if (!(row[b] > 0)) continue;
    const x0 = X(edges[b]);
    const y0 = Math.max(rect.y, Y(row[b]));
    if (row[b] > top && (spike < 0 || row[b] > row[spike])) spike = b;
    g.fillRect(x0 + 0.5, y0, Math.max(1, X(edges[b + 1]) - x0 - 1), rect.y + rect.h - y0);
  }
  g.globalAlpha = 1;
  return spike;
}

/** @param {Line} line @param {number} i */
const colorNumber = (line, i) => (line.color ?? i) % 6;

/** @returns {Panel} */
function curve() {
  /** @type {CurvePanel} */
  let data;
  /** @type {(number | null)[]} */
  let marker = [];
  const view = chart("curve", () => tableOf(data, data.lines));
  const range = () => niceRange(data.lines.flatMap((l) => l.y), data.log_y, data.y_range);
  return {
    node: view.node,
    invalidate: view.invalidate,
    set(/** @type {CurvePanel} */ next, first, isAdding) {
      data = next;
      marker = extended(marker, next.marker, first, isAdding);
      const entries = next.lines.map((l, i) => /** @type {Entry} */ ({ name: l.name, slot: `s${colorNumber(l, i)}`, style: l.dashed ? "dashed" : "line" }));
      view.head(next.title, entries.length > 1 ? entries : []);
      view.invalidate();
    },
    draw(position, theme, guesses = []) {
      view.paint(
        theme,
        (g, w, h) => {
          const xs = extent(data.lines.flatMap((l) => l.x));
          const x = xs && xs[0] < xs[1] ? xs : /** @type {[number, number]} */ ([0, 1]);
          const frame = axes(g, theme, w, h, { x: directed(x, [marker]), y: range(), logY: data.log_y, xLabel: data.x_label, yLabel: data.y_label });
          g.save();
          clip(g, frame.rect);
          g.lineWidth = 2.5;
          g.lineJoin = "round";
          data.lines.forEach((l, i) => {
            g.strokeStyle = theme.series[colorNumber(l, i)];
            g.setLineDash(l.dashed ? [7, 5] : []);
            polyline(g, frame, l.x, l.y, false, data.log_y);
          });
          g.restore();
          return frame;
        },
        (g, frame, width) => {
          for (const guess of guesses) guessLine(g, theme, frame, valueAt(marker, guess.position) ?? null, guess.label, width);
          markers(g, theme, frame, data, range(), valueAt(marker, position) ?? null, width);
        },
      );
    },
  };
}

/**
 * What the reader has predicted, as a line with its name at the foot.
 * @param {Pen} g @param {Theme} theme @param {Frame} frame @param {number | null} x @param {string} label @param {number} width
 */
function guessLine(g, theme, { X, rect }, x, label, width) {
  if (x === null) return;
  g.strokeStyle = theme.s3;
  g.lineWidth = 2;
  g.setLineDash([6, 4]);
  line(g, X(x), rect.y, X(x), rect.y + rect.h);
  g.setLineDash([]);
  pill(g, theme, label, X(x), rect.y + rect.h - 14, theme.s3, width);
}

/**
 * A dot on each line at one x, with its value beside it.
 * @param {Pen} g @param {Theme} theme @param {Frame} frame @param {CurvePanel} data @param {[number, number]} y @param {number | null} x
 * @param {number} width
 */
function markers(g, theme, { X, Y, rect }, data, y, x, width) {
  if (x === null) return;
  verticalLine(g, theme, rect, X(x));
  const bottom = rect.y + rect.h;
  const dots = data.lines.flatMap((l, i) => {
    const value = interpolate(l.x, l.y, x);
    if (value === null || (data.log_y && value <= 0)) return [];
    return [{ value, at: clamp(Y(clamp(value, ...y)), rect.y, bottom), color: theme.series[colorNumber(l, i)] }];
  });
  for (const { at, color } of dots) dot(g, theme, X(x), at, color);
  let last = -Infinity;
  for (const { value, at, color } of dots.sort((a, b) => a.at - b.at)) {
    last = Math.max(last + 24, clamp(at - 4, rect.y + 12, bottom - 12));
    pill(g, theme, formatOn(value, y, data.log_y), X(x), last, color, width);
  }
}

/** @returns {Panel} */
function equation() {
  const title = el("div", { class: "dp-panel-title" });
  const body = el("div", { class: "dp-formula" });
  const node = el("figure", { class: "dp-panel dp-equation" }, title, body);
  /** @type {Record<string, HTMLElement[]>} */
  let slots = {};
  /** @type {Record<string, string[]>} */
  let values = {};
  /** @type {string | null} */
  let template = null;
  /** @type {Record<string, string>} */
  let now = {};
  let here = 0;
  tellValues(node, (key) => valueAt(values[now[key]] ?? [], here));
  return {
    node,
    invalidate() {},
    set(/** @type {EquationPanel} */ next, first, isAdding) {
      write(title, next.title);
      title.hidden = !next.title;
      now = next.now;
      if (next.template !== template) {
        const made = markup(next.template);
        body.replaceChildren(made.fragment);
        slots = made.slots;
        template = next.template;
      }
      values = Object.fromEntries(Object.entries(next.values).map(([name, texts]) => [name, extended(values[name] ?? [], texts, first, isAdding)]));
      for (const [name, texts] of Object.entries(values)) {
        // Room for the longest text, so that the formula stands still while its numbers change.
        const longest = texts.reduce((sofar, text) => Math.max(sofar, text?.length ?? 0), 0);
        for (const slot of slots[name] ?? []) slot.style.minWidth = `${longest * 0.5}em`;
      }
    },
    draw(position) {
      here = position;
      for (const [name, nodes] of Object.entries(slots)) {
        const text = valueAt(values[name] ?? [], position) ?? "";
        for (const slot of nodes) if (slot.textContent !== text) slot.textContent = text;
      }
    },
  };
}

export const PANELS = { histogram, curve, equation, algorithm: algorithmView };

/** @param {string} kind */
const isFormula = (kind) => kind === "equation" || kind === "algorithm";

/**
 * Beside the lanes stands what fits into one row of charts; the rest goes below, so that the playhead stays near.
 * @param {({ kind: string } & Panel)[]} panels @param {HTMLElement} besideBox @param {HTMLElement} belowBox
 * @param {{ width: number, lanes: number, isBeside: boolean }} layout
 */
export function arrangePanels(panels, besideBox, belowBox, { width, lanes, isBeside }) {
  const laneWidth = lanes === 1 ? 384 : Math.max(360, 0.46 * width);
  let room = isBeside ? Math.max(1, Math.floor((width - laneWidth) / 316)) : Infinity;
  let isFull = false;
  for (const panel of panels) {
    isFull ||= !isFormula(panel.kind) && room-- < 1;
    // Beside two lanes there is room for a chart or for a formula in one line, not for both.
    const isWide = isBeside && lanes === 2 && isFormula(panel.kind);
    const box = isFull || isWide ? belowBox : besideBox;
    if (panel.node.parentElement !== box) box.append(panel.node);
  }
  for (const box of [besideBox, belowBox]) {
    box.hidden = !box.childElementCount;
    evenRows(box, box === besideBox && isBeside ? width - laneWidth - 28 : width);
  }
}

/**
 * As many columns as fit, but no more than rows of equal length need: four charts make two rows of two, not three and one.
 * @param {HTMLElement} box @param {number} width
 */
function evenRows(box, width) {
  const charts = [...box.children].filter((node) => !node.classList.contains("dp-equation")).length;
  const fit = Math.max(1, Math.floor((width + 26) / (290 + 26)));
  const columns = charts ? Math.ceil(charts / Math.ceil(charts / fit)) : 1;
  box.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
}
