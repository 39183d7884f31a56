// A map of numbers over two axes, strong in colour where they are large; the number under the pointer, or under the arrow keys, is read out.
// Emits nothing.
/** @import { Heatmap } from "../payloads.js" */
/** @import { Component } from "./types.js" */
/** @import { Attributes } from "./dom.js" */
import { between } from "./colormap.js";
import { component, el, shape } from "./dom.js";
import { exportButtons } from "./exports.js";
import { _ } from "./language.js";
import { clamp, extent, formatNumber } from "./numbers.js";
import { readTheme, watchAppearance } from "./theme.js";

const CELL = 24;
const TOP = 6;
const LEFT = 84;
const BELOW = 48;
const FONT = 13;
// From next to nothing to a lot: even in lightness, so that it reads without hue as well.
const SHADES = { light: [[247, 251, 255], [107, 174, 214], [8, 48, 107]], dark: [[24, 28, 44], [60, 120, 190], [222, 240, 255]] };

/** @param {HTMLElement} root @returns {Component<Heatmap | null>} */
export function mount(root) {
  root.classList.add("dp-root", "dp-heatmap");
  const title = el("div", { class: "dp-panel-title" });
  const plot = el("div", { class: "dp-plot dp-hover", tabindex: 0, role: "application" });
  const readout = el("div", { class: "dp-readout", role: "status", "aria-live": "polite" });
  const tools = exportButtons(() => ({ name: data.name, csv: data.csv, svg: drawing }));
  root.append(title, plot, readout, tools);
  /** @type {Heatmap} */
  let data;
  /** @type {SVGSVGElement} */
  let drawing;
  /** @type {[column: number, row: number] | null} */
  let at = null;
  /** @type {{ wide: number, rows: number, columns: number, cursor: SVGRectElement } | null} */
  let frame = null;
  const unwatch = watchAppearance(plot, paint);
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerdown", point);
  plot.addEventListener("keydown", (event) => {
    const step = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] })[event.key];
    if (!step || !data) return;
    event.preventDefault();
    const [column, row] = at ?? [0, 0];
    move(column + (at ? step[0] : 0), row + (at ? step[1] : 0));
  });

  /** @param {Heatmap | null} next */
  function update(next) {
    if (!next) return;
    data = next;
    title.textContent = data.title;
    plot.setAttribute("aria-label", _("{title}: {unit} above the Bayes-optimal loss by {x_label} and {y_label}. Arrow keys read it out.", { title: data.title, unit: data.unit, x_label: data.x_label, y_label: data.y_label }));
    at = null;
    paint();
  }

  function paint() {
    const width = plot.clientWidth;
    if (!data || !width || !root.isConnected) return;
    const theme = readTheme(root);
    const [rows, columns] = [data.y.length, data.x.length];
    const height = TOP + rows * CELL + BELOW;
    const wide = (width - LEFT - 4) / columns;
    const [lowest, highest] = extent(data.values.flat(), true) ?? [1e-12, 1e-12];
    const most = Math.max(highest, 1e-12);
    const least = Math.max(lowest, most / 1000);
    const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "font-family": theme.font });
    svg.append(shape("rect", { width, height, fill: theme.bg }));
    data.values.forEach((line, row) => {
      const y = TOP + (rows - 1 - row) * CELL;
      svg.append(label(data.y[row], { x: LEFT - 8, y: y + 17, fill: theme.muted, "text-anchor": "end" }));
      line.forEach((value, column) => {
        const fill = value === null ? theme.surface : shade(value, least, most);
        svg.append(shape("rect", { x: LEFT + column * wide, y, width: wide + 0.4, height: CELL + 0.4, fill }));
      });
    });
    const bottom = TOP + rows * CELL;
    const every = Math.ceil(columns / Math.max(2, (width - LEFT) / 90));
    for (let column = every - 1; column < columns; column += every) {
      svg.append(label(formatNumber(data.x[column]), { x: Math.min(width - 24, LEFT + (column + 0.5) * wide), y: bottom + 18, fill: theme.muted, "text-anchor": "middle" }));
    }
    svg.append(label(data.x_label, { x: LEFT + (width - LEFT) / 2, y: bottom + 38, fill: theme.muted, "text-anchor": "middle" }));
    svg.append(label(data.y_label, { x: 2, y: bottom + 18, fill: theme.muted }));
    const cursor = shape("rect", { width: wide, height: CELL, fill: "none", stroke: theme.accent, "stroke-width": 3, visibility: "hidden" });
    svg.append(cursor);
    frame = { wide, rows, columns, cursor };
    drawing = svg;
    plot.replaceChildren(svg);
    Object.assign(root.dataset, { rows, columns });
    if (at) move(...at);
    else readout.textContent = _("From {least} to {most}, {unit}. Point at a place, or use the arrow keys.", { least: formatNumber(least), most: formatNumber(most), unit: data.unit });

  }

  /**
   * The colour of a value, on a logarithmic scale.
   * @param {number} value @param {number} low @param {number} high
   */
  function shade(value, low, high) {
    const share = clamp(Math.log(Math.max(value, low) / low) / Math.max(1e-9, Math.log(high / low)), 0, 1);
    return `rgb(${between(SHADES[root.dataset.scheme === "dark" ? "dark" : "light"], share).join()})`;
  }

  /** @param {PointerEvent} event */
  function point(event) {
    if (!frame) return;
    const box = plot.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - LEFT) / frame.wide);
    const row = frame.rows - 1 - Math.floor((event.clientY - box.top - TOP) / CELL);
    if (column >= 0 && column < frame.columns && row >= 0 && row < frame.rows) move(column, row);
  }

  /** @param {number} column @param {number} row */
  function move(column, row) {
    if (!frame) return;
    at = [Math.max(0, Math.min(frame.columns - 1, column)), Math.max(0, Math.min(frame.rows - 1, row))];
    frame.cursor.setAttribute("x", String(LEFT + at[0] * frame.wide));
    frame.cursor.setAttribute("y", String(TOP + (frame.rows - 1 - at[1]) * CELL));
    frame.cursor.setAttribute("visibility", "visible");
    const value = data.values[at[1]][at[0]];
    readout.textContent = _("{name}: {value}", { name: _("Up to step {step}, t / T = {level}", { step: formatNumber(data.x[at[0]]), level: data.y[at[1]] }), value: value === null ? _("no image had these noise levels") : _("{value} above the Bayes-optimal loss", { value: formatNumber(value) }) });
  }

  const label = (/** @type {string} */ text, /** @type {Attributes} */ attributes) => shape("text", { "font-size": FONT, ...attributes }, text);

  return component(root, update, unwatch);
}
