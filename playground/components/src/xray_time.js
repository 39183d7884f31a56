// The embedding of the time: how similar two times are to the network, and how much each block adds of one.
/** @import { XRay } from "../payloads.js" */
import { decodeBytes, decodeSignedBytes } from "./base64.js";
import { COLORMAPS, colorbar, enlarge, raster } from "./colormap.js";
import { cellAt, chip, el } from "./dom.js";
import { csvOf, saveText } from "./download.js";
import { _ } from "./language.js";
import { formatNumber } from "./numbers.js";

export function timeView() {
  const head = el("h2");
  const similarities = heatView();
  const norms = heatView();
  const help = el("p", { class: "dp-xray-help" });
  const save = el("span", { class: "dp-xray-save" }, chip("CSV", () => saveText("time-embedding.csv", "text/csv", csv())));
  const node = el("section", {}, el("div", { class: "dp-xray-head" }, head, save), el("div", { class: "dp-xray-pair dp-xray-time" }, similarities.node, norms.node), help);
  /** @type {XRay} */
  let data;

  /** @param {XRay} next */
  function set(next) {
    data = next;
    head.textContent = data.words.time;
    help.textContent = data.words.time_help;
  }

  // The values of both maps, in their own units.
  function values() {
    const { similarity, norms: sizes } = data.time;
    const signed = Array.from(decodeSignedBytes(similarity.i8), (v) => (v / 127) * similarity.max);
    return { signed, amounts: Array.from(decodeBytes(sizes.u8), (v) => (v / 255) * sizes.max) };
  }

  /** @param {number} width */
  function draw(width) {
    const { t, at, similarity, norms: sizes, blocks } = data.time;
    const { signed, amounts } = values();
    const side = Math.min(360, width >= 760 ? width / 2 - 30 : width - 4);
    similarities.draw({
      title: data.words.similarity, shape: similarity.shape, max: similarity.max, values: signed, isSigned: true, t, at, side, tall: side,
      say: (v, x, y) => _("t = {y} and t = {x}: {v}", { y: t[y], x: t[x], v: formatNumber(v, 3) }),
    });
    norms.draw({
      title: data.words.norms, shape: sizes.shape, max: sizes.max, values: amounts, isSigned: false, t, at, names: blocks,
      side: Math.min(side, width >= 760 ? width / 2 - 230 : width - 190), tall: Math.max(120, 24 * blocks.length),
      say: (v, x, y) => _("{name}: {value}", { name: _("{name}, {place}", { name: blocks[y], place: `t = ${t[x]}` }), value: formatNumber(v, 3) }),
    });
  }

  function csv() {
    const { t, blocks } = data.time;
    const { signed, amounts } = values();
    const row = (/** @type {number[]} */ from, /** @type {number} */ y) => t.map((_item, x) => from[y * t.length + x].toPrecision(3));
    return csvOf([
      ["what", "row", ...t.map((v) => `t=${v}`)],
      ...t.map((v, y) => ["cosine", `t=${v}`, ...row(signed, y)]),
      ...blocks.map((name, y) => ["size", name, ...row(amounts, y)]),
    ]);
  }

  return { node, set, draw };
}

/**
 * @typedef {object} Heat
 * @property {string} title
 * @property {number[]} shape  rows, columns
 * @property {number} max
 * @property {number[]} values
 * @property {boolean} isSigned  from −max; then both axes are times
 * @property {number[]} t
 * @property {number} at  which time is now
 * @property {string[]} [names]  of the rows
 * @property {number} side
 * @property {number} tall
 * @property {(value: number, column: number, row: number) => string} say
 */

function heatView() {
  const title = el("figcaption", { class: "dp-panel-title" });
  const canvas = el("canvas", { class: "dp-pixels", role: "img" });
  const axis = el("div", { class: "dp-heat-axis" });
  const rowNames = el("div", { class: "dp-heat-rows" });
  const scale = el("div", { class: "dp-colormap" });
  const readout = el("output", { class: "dp-xray-read" }, "\u00a0");
  const node = el("figure", {}, title, el("div", { class: "dp-heat-body" }, canvas, rowNames), axis, scale, readout);

  /** @param {Heat} heat */
  function draw({ title: words, shape: [rows, columns], max, values, isSigned, t, at, names = [], side, tall, say }) {
    const colormap = isSigned ? COLORMAPS.signed : COLORMAPS.amount;
    title.textContent = words;
    canvas.setAttribute("aria-label", words);
    const level = (/** @type {number} */ i) => (isSigned ? 127.5 + (127 * values[i]) / max : (255 * values[i]) / max);
    const g = enlarge(canvas, raster(columns, rows, level, colormap), side, tall);
    const x = ((at + 0.5) / columns) * side;
    for (const [style, line] of /** @type {[string, number][]} */ ([["#000", 4], ["#fff", 2]])) {
      g.strokeStyle = style;
      g.lineWidth = line;
      g.beginPath();
      if (isSigned) g.arc(x, ((at + 0.5) / rows) * tall, 6, 0, 7);
      else {
        g.moveTo(x, 0);
        g.lineTo(x, tall);
      }
      g.stroke();
    }
    rowNames.style.height = `${tall}px`;
    rowNames.replaceChildren(...names.map((name) => el("span", {}, name)));
    axis.style.width = `${side}px`;
    axis.replaceChildren(el("span", {}, `t = ${t[0]}`), el("span", {}, `t = ${t[t.length - 1]}`));
    colorbar(scale, colormap, isSigned ? [-max, 0, max] : [0, max / 2, max]);
    canvas.onpointermove = canvas.onpointerdown = (event) => {
      const [row, column] = cellAt(event, canvas, rows, columns);
      readout.textContent = say(values[row * columns + column], column, row);
    };
  }

  return { node, draw };
}
