// A map of numbers over two axes, strong in colour where they are large; the number under the pointer, or under the arrow keys, is read out.
//
//   mount(root, emit) -> { update(data), destroy() }      data is figures/bits.py: heat(); emits nothing.
import { el, shape, watchTheme } from "./dom.js";
import { formatNumber, readTheme } from "./draw.js";
import { takeaway } from "./takeaway.js";

const CELL = 24;
const TOP = 6;
const LEFT = 84;
const BELOW = 48;
const FONT = 13;
// From next to nothing to a lot: even in lightness, so that it reads without hue as well.
const SHADES = { light: [[247, 251, 255], [107, 174, 214], [8, 48, 107]], dark: [[24, 28, 44], [60, 120, 190], [222, 240, 255]] };

export function mount(root) {
  root.classList.add("dp-root", "dp-heatmap");
  const title = el("div", { class: "dp-panel-title" });
  const plot = el("div", { class: "dp-plot dp-hover", tabindex: 0, role: "application" });
  const readout = el("div", { class: "dp-readout", role: "status", "aria-live": "polite" });
  const tools = takeaway(() => ({ name: data.name, csv: data.csv, svg: plot.firstChild }));
  root.append(title, plot, readout, tools);
  let data = null;
  let at = null;
  let frame = null;
  const observer = new ResizeObserver(() => paint());
  observer.observe(plot);
  const unwatch = watchTheme(() => paint());
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerdown", point);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step || !data) return;
    event.preventDefault();
    const [column, row] = at ?? [0, 0];
    move(column + (at ? step[0] : 0), row + (at ? step[1] : 0));
  });

  function update(next) {
    if (!next) return;
    data = next;
    title.textContent = data.title;
    plot.setAttribute("aria-label", `${data.title}: ${data.unit} above the ideal by ${data.x_label} and ${data.y_label}. Arrow keys read it out.`);
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
    const known = data.values.flat().filter((value) => value !== null && value > 0);
    const most = Math.max(...known, 1e-12);
    const least = Math.max(Math.min(...known, most), most / 1000);
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
    plot.replaceChildren(svg);
    Object.assign(root.dataset, { rows, columns });
    at ? move(...at) : (readout.textContent = `From ${formatNumber(least)} to ${formatNumber(most)}, ${data.unit}. Point at a place, or use the arrow keys.`);

    function shade(value, low, high) {
      const share = Math.max(0, Math.min(1, Math.log(Math.max(value, low) / low) / Math.max(1e-9, Math.log(high / low))));
      const stops = SHADES[root.dataset.scheme] ?? SHADES.light;
      const place = share * (stops.length - 1);
      const k = Math.min(stops.length - 2, Math.floor(place));
      return `rgb(${stops[k].map((from, c) => Math.round(from + (place - k) * (stops[k + 1][c] - from))).join()})`;
    }
  }

  function point(event) {
    if (!frame) return;
    const box = plot.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - LEFT) / frame.wide);
    const row = frame.rows - 1 - Math.floor((event.clientY - box.top - TOP) / CELL);
    if (column >= 0 && column < frame.columns && row >= 0 && row < frame.rows) move(column, row);
  }

  function move(column, row) {
    at = [Math.max(0, Math.min(frame.columns - 1, column)), Math.max(0, Math.min(frame.rows - 1, row))];
    frame.cursor.setAttribute("x", LEFT + at[0] * frame.wide);
    frame.cursor.setAttribute("y", TOP + (frame.rows - 1 - at[1]) * CELL);
    frame.cursor.setAttribute("visibility", "visible");
    const value = data.values[at[1]][at[0]];
    readout.textContent = `Up to step ${formatNumber(data.x[at[0]])}, t / T = ${data.y[at[1]]}: ${value === null ? "no picture fell here" : `${formatNumber(value)} above the ideal`}`;
  }

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
