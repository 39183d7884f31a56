// Horizontal bars, each stacked of named segments with their errors; a bar that is far too long is broken off and says so.
//
//   mount(root, emit) -> { update(data), destroy() }      data is figures/bits.py: stacked(); emits nothing.
import { el, shape, watchTheme } from "./dom.js";
import { formatNumber, linearTicks, readTheme } from "./draw.js";
import { takeaway } from "./takeaway.js";

const BAR = 34;
const ROW = 82;
const TOP = 8;
const AXIS = 46;
const FONT = 14;
// Segments are told apart by hatching too: the angle of the lines, and how far apart they are; null for none.
const HATCH = [null, [45, 9], [-45, 9], [0, 6], [90, 5], [90, 10]];

export function mount(root) {
  root.classList.add("dp-root", "dp-stacked");
  const legend = el("div", { class: "dp-legend" });
  const plot = el("div", { class: "dp-plot" });
  const readout = el("div", { class: "dp-readout", role: "status", "aria-live": "polite" });
  const note = el("div", { class: "dp-readout" });
  const tools = takeaway(() => ({ name: data.name, csv: data.csv, svg: plot.firstChild }));
  root.append(legend, plot, readout, note, tools);
  let data = null;
  let chosen = null;
  const observer = new ResizeObserver(() => paint());
  observer.observe(plot);
  const unwatch = watchTheme(() => paint());

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
    const focused = plot.contains(root.getRootNode().activeElement);
    plot.replaceChildren(svg);
    Object.assign(root.dataset, { bars: data.bars.length, total: data.bars.map((bar) => bar.total.toFixed(4)).join() });
    if (focused && chosen) svg.querySelector(`[data-key="${chosen}"]`)?.focus();
    say();
    drawLegend(theme);
  }

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
        { tabindex: 0, role: "img", "aria-label": words(bar, part), "data-key": key, onpointerenter: pick, onfocus: pick, onclick: pick },
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

  // Where a bar is broken off: a jagged edge in the colour of the page.
  function tear(theme, x, y) {
    const teeth = [0, 1, 2, 3, 4].map((k) => `l${k % 2 ? 9 : -9} ${BAR / 5}`).join("");
    return shape("path", { d: `M${x - 14} ${y}${teeth}`, stroke: theme.bg, "stroke-width": 6, fill: "none" });
  }

  function patterns(theme) {
    const defs = shape("defs");
    HATCH.forEach((hatch, kind) => {
      if (!hatch) return;
      const [angle, apart] = hatch;
      const size = { width: apart, height: apart, patternUnits: "userSpaceOnUse", patternTransform: `rotate(${angle})` };
      const line = shape("line", { x1: 0, x2: apart, y1: 1, y2: 1, stroke: theme.bg, "stroke-width": 1.6, "stroke-opacity": 0.55 });
      defs.append(shape("pattern", { id: `dp-hatch-${kind}`, ...size }, line));
    });
    return defs;
  }

  function drawLegend(theme) {
    const names = new Map();
    for (const bar of data.bars) for (const part of bar.segments) if (!names.has(part.kind)) names.set(part.kind, []);
    for (const bar of data.bars) for (const part of bar.segments) if (!names.get(part.kind).includes(part.name)) names.get(part.kind).push(part.name);
    legend.replaceChildren(
      ...[...names].sort(([a], [b]) => a - b).map(([kind, parts]) => {
        const swatch = shape("svg", { width: 24, height: 16, "aria-hidden": "true" }, patterns(theme));
        swatch.append(
          shape("rect", { width: 24, height: 16, rx: 3, fill: color(theme, kind) }),
          shape("rect", { width: 24, height: 16, rx: 3, fill: HATCH[kind] ? `url(#dp-hatch-${kind})` : "none" }),
        );
        return el("span", { class: "dp-legend-entry" }, swatch, parts.join(", "));
      }),
    );
  }

  function say() {
    const [title, k] = (chosen ?? "").split(/\/(?=\d+$)/);
    const bar = data.bars.find((one) => one.title === title);
    const part = bar?.segments[Number(k)];
    readout.textContent = part ? words(bar, part) : "Point at a part of a bar, or step through them with Tab.";
  }

  function words(bar, part) {
    const error = part.error === null ? "" : ` ± ${formatNumber(part.error, 2)}`;
    const share = ((100 * part.value) / bar.total).toFixed(1);
    return `${bar.title}, ${part.name}: ${formatNumber(part.value, 4)}${error} bits per dimension, ${share} % of the bar`;
  }

  const color = (theme, kind) => theme.series[kind % 6];
  const label = (text, attributes) => shape("text", { "font-size": FONT, ...attributes }, text);

  return {
    update,
    destroy() {
      observer.disconnect();
      unwatch();
      root.replaceChildren();
    },
  };
}
