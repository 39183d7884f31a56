// Horizontal bars, each stacked of named segments with their errors; a bar that is far too long is broken off and says so.
// Emits nothing.
/** @import { BarSegment, StackedBar, StackedBars } from "../payloads.js" */
/** @import { Component, Theme } from "./types.js" */
/** @import { Attributes } from "./dom.js" */
import { component, el, markup, plainText, shape } from "./dom.js";
import { exportButtons } from "./exports.js";
import { _ } from "./language.js";
import { formatNumber, linearTicks } from "./numbers.js";
import { readTheme, watchAppearance } from "./theme.js";

const BAR = 34;
const ROW = 82;
const TOP = 8;
const AXIS = 46;
const FONT = 14;
// Segments differ in hatching too: the angle of the lines, and their distance; null for none.
/** @type {([angle: number, distance: number] | null)[]} */
const HATCH = [null, [45, 9], [-45, 9], [0, 6], [90, 5], [90, 10]];

/** @param {HTMLElement} root @returns {Component<StackedBars | null>} */
export function mount(root) {
  root.classList.add("dp-root", "dp-stacked");
  const legend = el("div", { class: "dp-legend" });
  const plot = el("div", { class: "dp-plot" });
  const readout = el("div", { class: "dp-readout", role: "status", "aria-live": "polite" });
  const note = el("div", { class: "dp-readout" });
  const tools = exportButtons(() => ({ name: data.name, csv: data.csv, svg: drawing }));
  root.append(legend, plot, readout, note, tools);
  /** @type {StackedBars} */
  let data;
  /** @type {SVGSVGElement} */
  let drawing;
  let chosen = ""; // the key of a segment
  const unwatch = watchAppearance(plot, paint);

  /** @param {StackedBars | null} next */
  function update(next) {
    if (!next) return;
    data = next;
    note.textContent = data.note;
    paint();
  }

  function paint() {
    const width = plot.clientWidth;
    if (!data || !width || !root.isConnected) return;
    const theme = readTheme(root);
    const height = TOP + ROW * data.bars.length + AXIS;
    const scale = (width - 14) / data.most;
    const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "font-family": theme.font });
    svg.append(shape("rect", { width, height, fill: theme.bg }), patterns(theme));
    axis(svg, theme, width, height, scale);
    data.bars.forEach((bar, row) => drawBar(svg, theme, bar, TOP + row * ROW, scale));
    const focused = plot.contains(/** @type {Document | ShadowRoot} */ (root.getRootNode()).activeElement);
    drawing = svg;
    plot.replaceChildren(svg);
    Object.assign(root.dataset, { bars: data.bars.length, total: data.bars.map((bar) => bar.total.toFixed(4)).join() });
    if (focused && chosen) /** @type {SVGElement | null} */ (svg.querySelector(`[data-key="${chosen}"]`))?.focus();
    say();
    drawLegend(theme);
  }

  /** @param {SVGElement} svg @param {Theme} theme @param {number} width @param {number} height @param {number} scale */
  function axis(svg, theme, width, height, scale) {
    const bottom = height - AXIS;
    for (const tick of linearTicks(0, data.most, Math.max(3, width / 110))) {
      const x = 1 + tick * scale;
      svg.append(
        shape("line", { x1: x, x2: x, y1: TOP, y2: bottom, stroke: theme.border }),
        label(formatNumber(tick), { x, y: bottom + 18, fill: theme.muted, "text-anchor": tick ? "middle" : "start" }),
      );
    }
    svg.append(label(data.label, { x: width / 2, y: bottom + 38, fill: theme.muted, "text-anchor": "middle" }));
  }

  /** @param {SVGElement} svg @param {Theme} theme @param {StackedBar} bar @param {number} top @param {number} scale */
  function drawBar(svg, theme, bar, top, scale) {
    const broken = bar.total > data.most;
    const error = bar.error === null ? "" : ` ± ${formatNumber(bar.error, 2)}`;
    const head = label(bar.title, { x: 1, y: top + 22, fill: theme.text, "font-weight": 600 });
    const value = `${formatNumber(bar.total, 4)}${error}`;
    head.append(shape("tspan", { dx: 10, "font-weight": 400 }, value));
    svg.append(head);
    let at = 0;
    bar.segments.forEach((part, k) => {
      const begin = Math.min(at, data.most);
      at += part.value;
      const wide = Math.max(0, (Math.min(at, data.most) - begin) * scale);
      const key = `${bar.title}/${k}`;
      const box = { x: 1 + begin * scale, y: top + 30, width: Math.max(wide, 0.5), height: BAR };
      const segment = shape(
        "g",
        { tabindex: 0, role: "img", "aria-label": plainText(words(bar, part)), "data-key": key, onpointerenter: pick, onfocus: pick, onclick: pick },
        shape("rect", { ...box, fill: color(theme, part.kind), stroke: theme.bg, "stroke-width": 1.5 }),
        shape("rect", { ...box, fill: HATCH[part.kind] ? `url(#dp-hatch-${part.kind})` : "none" }),
      );
      if (wide > 62) {
        const text = label(formatNumber(part.value), { x: box.x + wide / 2, y: box.y + 22, fill: theme.bg, "text-anchor": "middle" });
        text.setAttribute("style", `paint-order: stroke; stroke: ${color(theme, part.kind)}; stroke-width: 6px; font-weight: 600`);
        segment.append(text);
      }
      svg.append(segment);
      function pick() {
        chosen = key;
        say();
      }
    });
    if (broken) svg.append(tear(theme, 1 + data.most * scale, top + 30));
    else if (bar.error !== null) {
      const [low, high, middle] = [bar.total - bar.error, bar.total + bar.error, top + 30 + BAR + 8].map((v, i) => (i < 2 ? 1 + v * scale : v));
      const path = `M${low} ${middle}H${high}M${low} ${middle - 6}v12M${high} ${middle - 6}v12`;
      svg.append(shape("path", { d: path, stroke: theme.text, "stroke-width": 2, fill: "none" }));
    }
  }

  /**
   * Where a bar is broken off: a jagged edge in the colour of the page.
   * @param {Theme} theme @param {number} x @param {number} y
   */
  function tear(theme, x, y) {
    const teeth = [0, 1, 2, 3, 4].map((k) => `l${k % 2 ? 9 : -9} ${BAR / 5}`).join("");
    return shape("path", { d: `M${x - 14} ${y}${teeth}`, stroke: theme.bg, "stroke-width": 6, fill: "none" });
  }

  /** @param {Theme} theme */
  function patterns(theme) {
    const defs = shape("defs");
    HATCH.forEach((hatch, kind) => {
      if (!hatch) return;
      const [angle, distance] = hatch;
      const size = { width: distance, height: distance, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})` };
      const line = shape("line", { x1: 0, x2: distance, y1: 1, y2: 1, stroke: theme.bg, "stroke-width": 1.6, "stroke-opacity": 0.55 });
      defs.append(shape("pattern", { id: `dp-hatch-${kind}`, ...size }, line));
    });
    return defs;
  }

  /** @param {Theme} theme */
  function drawLegend(theme) {
    /** @type {Map<number, string[]>} */
    const names = new Map();
    for (const { kind, name } of data.bars.flatMap((bar) => bar.segments)) {
      const known = names.get(kind) ?? [];
      if (!known.includes(name)) names.set(kind, [...known, name]);
    }
    legend.replaceChildren(
      ...[...names].sort(([a], [b]) => a - b).map(([kind, parts]) => {
        const swatch = shape("svg", { width: 24, height: 16, "aria-hidden": "true" }, patterns(theme));
        swatch.append(
          shape("rect", { width: 24, height: 16, rx: 3, fill: color(theme, kind) }),
          shape("rect", { width: 24, height: 16, rx: 3, fill: HATCH[kind] ? `url(#dp-hatch-${kind})` : "none" }),
        );
        return el("span", { class: "dp-legend-entry" }, swatch, el("span", {}, markup(parts.join(", ")).fragment));
      }),
    );
  }

  function say() {
    const [title, k] = chosen.split(/\/(?=\d+$)/);
    const bar = data.bars.find((one) => one.title === title);
    const part = bar?.segments[Number(k)];
    readout.replaceChildren(part ? markup(words(bar, part)).fragment : _("Point at a part of a bar, or step through them with Tab."));
  }

  /** @param {StackedBar} bar @param {BarSegment} part */
  function words(bar, part) {
    const error = part.error === null ? "" : ` ± ${formatNumber(part.error, 2)}`;
    const share = ((100 * part.value) / bar.total).toFixed(1);
    return _("{title}, {name}: {value}{error} bits per dimension, {share} % of the bar", { title: bar.title, name: part.name, value: formatNumber(part.value, 4), error, share });
  }

  const color = (/** @type {Theme} */ theme, /** @type {number} */ kind) => theme.series[kind % 6];
  const label = (/** @type {string} */ text, /** @type {Attributes} */ attributes) => shape("text", { "font-size": FONT, ...attributes }, text);

  return component(root, update, unwatch);
}
