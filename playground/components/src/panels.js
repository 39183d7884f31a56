import { chartFile } from "./chart_file.js";
import { axes, dot, fitCanvas, formatNumber, interpolate, niceRange, pill, polyline } from "./draw.js";
import { decodeFloats, el, markup } from "./dom.js";
import { csvOf } from "./save.js";
import { fileName, takeawayMenu } from "./takeaway.js";

// The panels that move with the playhead. Each: { node, set(data, first, live), draw(position, theme), invalidate() }.

const PANEL_HEIGHT = 230;

function splice(old, fresh, first) {
  const result = first > 0 ? old.slice(0, first) : [];
  for (let i = 0; i < fresh.length; i++) result[first + i] = fresh[i];
  return result;
}

// The last known value at or before i: while frames arrive, some may be missing.
function at(values, i) {
  for (let j = Math.min(i, values.length - 1); j >= 0; j--) if (values[j] !== undefined) return values[j];
  return undefined;
}

// A canvas with a part that only changes with size, colours and data, painted once, and a part for each position. numbers() gives the
// rows of its CSV.
function chart(kind, numbers) {
  const title = el("div", { class: "dp-panel-title" });
  const legend = el("div", { class: "dp-legend" });
  const canvas = el("canvas", { role: "img" });
  let latest = null; // what was painted last
  const tools = takeawayMenu(() => {
    const { theme, still, moving, entries } = latest;
    const width = canvas.parentElement.clientWidth;
    const plot = (pen, wide) => moving(pen, still(pen, wide, PANEL_HEIGHT), wide);
    const colored = entries.map((entry) => ({ ...entry, color: theme[entry.slot] }));
    const svg = chartFile(theme, width, PANEL_HEIGHT, { title: titled, entries: colored, plot });
    return { name: fileName(title.textContent), csv: csvOf(numbers()), svg };
  });
  const node = el("figure", { class: `dp-panel dp-${kind}` }, el("div", { class: "dp-chart-head" }, title, tools), legend, el("div", { class: "dp-plot" }, canvas));
  const back = document.createElement("canvas");
  let key = "";
  let frame = null;
  let titled = "";
  let legends = [];
  return {
    node,
    canvas,
    invalidate: () => (key = ""),
    // entries: [{ name, slot, style }], slot being the name of a colour of the theme.
    head(data, entries) {
      titled = data.title;
      legends = entries;
      title.replaceChildren(markup(data.title).fragment);
      canvas.setAttribute("aria-label", title.textContent);
      legend.replaceChildren(...entries.map(({ name, slot, style }) => legendEntry(name, `var(--dp-${slot})`, style ?? "line")));
      legend.hidden = !entries.length;
    },
    paint(theme, still, moving) {
      const width = canvas.parentElement.clientWidth;
      if (!width) return;
      latest = { theme, still, moving, entries: legends };
      const wanted = `${width}|${window.devicePixelRatio}|${theme.stamp}`;
      if (wanted !== key) {
        const g = fitCanvas(back, width, PANEL_HEIGHT);
        frame = still(g, width, PANEL_HEIGHT);
        key = wanted;
      }
      const g = fitCanvas(canvas, width, PANEL_HEIGHT);
      g.drawImage(back, 0, 0, width, PANEL_HEIGHT);
      moving(g, frame, width);
    },
  };
}

// The rows of a table: a head, and one for each point of each line.
function pointsOf(data, lines) {
  const rows = [["series", data.x_label, data.y_label]];
  for (const l of lines) l.x.forEach((x, k) => rows.push([markup(l.name).fragment.textContent, x ?? "", l.y[k] ?? ""]));
  return rows;
}

const GLYPHS = { circle: "●", square: "■", triangle: "▲", diamond: "◆" };

export function legendEntry(name, color, style, mark = "") {
  const swatch = el("span", { class: `dp-swatch dp-swatch-${style}` });
  swatch.style.setProperty("--dp-swatch", color);
  const glyph = mark ? el("span", { class: "dp-glyph", "aria-hidden": "true" }, GLYPHS[mark]) : null;
  glyph?.style.setProperty("color", color);
  return el("span", { class: "dp-legend-entry" }, glyph ?? swatch, el("span", {}, markup(name).fragment));
}

function histogram() {
  const view = chart("histogram", () => {
    const row = at(rows, here) ?? [];
    const bars = { name: "here", x: [...row].map((_, b) => (data.edges[b] + data.edges[b + 1]) / 2), y: row };
    return pointsOf(data, [bars, ...(data.reference ? [data.reference] : [])]);
  });
  let data = null;
  let rows = [];
  let here = 0;
  let top = 1;
  return {
    node: view.node,
    invalidate: view.invalidate,
    set(next, first, live) {
      data = next;
      const values = decodeFloats(next.density);
      const bins = next.density.shape[1];
      const fresh = [];
      for (let i = 0; i < next.density.shape[0]; i++) fresh.push(values.subarray(i * bins, (i + 1) * bins));
      rows = splice(live ? rows : [], fresh, live ? first : 0);
      let most = 0;
      for (const row of rows) if (row) for (const v of row) if (v > most) most = v;
      // A spike (the black of a digit) would press everything else flat: it is cut off, and its height written on it.
      const reference = next.reference ? Math.max(...next.reference.y.filter((v) => v !== null)) : 0;
      top = (reference ? Math.min(Math.max(most, reference), 2.2 * reference) : most || 1) * 1.08;
      view.head(next, [
        { name: "here", slot: "s0" },
        ...(next.reference ? [{ name: next.reference.name, slot: "text", style: "thin" }] : []),
      ]);
      view.invalidate();
    },
    draw(position, theme) {
      const edges = data.edges;
      here = position;
      view.paint(
        theme,
        (g, w, h) => axes(g, theme, w, h, { x: [edges[0], edges[edges.length - 1]], y: [0, top], xLabel: data.x_label, yLabel: data.y_label }),
        (g, { X, Y, rect }, width) => {
          const row = at(rows, position);
          if (!row) return;
          g.fillStyle = theme.s0;
          g.globalAlpha = 0.78;
          let cut = -1;
          for (let b = 0; b < row.length; b++) {
            if (!(row[b] > 0)) continue;
            const x0 = X(edges[b]);
            const y0 = Math.max(rect.y, Y(row[b]));
            if (row[b] > top && (cut < 0 || row[b] > row[cut])) cut = b;
            g.fillRect(x0 + 0.5, y0, Math.max(1, X(edges[b + 1]) - x0 - 1), rect.y + rect.h - y0);
          }
          g.globalAlpha = 1;
          if (data.reference) {
            g.strokeStyle = theme.text;
            g.lineWidth = 2;
            polyline(g, { X, Y }, data.reference.x, data.reference.y);
          }
          if (cut >= 0) pill(g, theme, `↑ ${formatNumber(row[cut])}`, X(edges[cut + 1]) - 6, rect.y + 12, theme.s0, width);
        },
      );
    },
  };
}

const slot = (line, i) => (line.color ?? i) % 6;

function curve() {
  const view = chart("curve", () => pointsOf(data, data.lines));
  let data = null;
  let marker = [];
  return {
    node: view.node,
    invalidate: view.invalidate,
    set(next, first, live) {
      data = next;
      marker = splice(live ? marker : [], next.marker, live ? first : 0);
      view.head(next, next.lines.length > 1 ? next.lines.map((l, i) => ({ name: l.name, slot: `s${slot(l, i)}`, style: l.dashed ? "dashed" : "line" })) : []);
      view.invalidate();
    },
    draw(position, theme) {
      view.paint(
        theme,
        (g, w, h) => {
          const x = niceX(data.lines.flatMap((l) => l.x));
          const y = niceRange(data.lines.flatMap((l) => l.y), data.log_y, data.y_range);
          const frame = axes(g, theme, w, h, { x, y, logY: data.log_y, xLabel: data.x_label, yLabel: data.y_label });
          g.save();
          clip(g, frame.rect);
          g.lineWidth = 2.5;
          g.lineJoin = "round";
          data.lines.forEach((l, i) => {
            g.strokeStyle = theme.series[slot(l, i)];
            g.setLineDash(l.dashed ? [7, 5] : []);
            polyline(g, frame, l.x, l.y, false, data.log_y);
          });
          g.restore();
          return { ...frame, y };
        },
        (g, { X, Y, rect, y }, width) => {
          const mx = at(marker, position);
          if (mx === undefined || mx === null) return;
          g.strokeStyle = theme.muted;
          g.setLineDash([3, 4]);
          g.lineWidth = 1.5;
          g.beginPath();
          g.moveTo(X(mx), rect.y);
          g.lineTo(X(mx), rect.y + rect.h);
          g.stroke();
          g.setLineDash([]);
          const marks = [];
          data.lines.forEach((l, i) => {
            const v = interpolate(l.x, l.y, mx);
            if (v === null || (data.log_y && v <= 0)) return;
            const py = Math.min(rect.y + rect.h, Math.max(rect.y, Y(Math.min(y[1], Math.max(y[0], v)))));
            marks.push({ v, py, color: theme.series[slot(l, i)] });
          });
          marks.forEach((m) => dot(g, theme, X(mx), m.py, m.color));
          marks.sort((a, b) => a.py - b.py);
          let last = -Infinity;
          for (const m of marks) {
            last = Math.max(last + 24, Math.min(rect.y + rect.h - 12, Math.max(rect.y + 12, m.py - 4)));
            pill(g, theme, formatNumber(m.v), X(mx), last, m.color, width);
          }
        },
      );
    },
  };
}

function niceX(values) {
  let lo = Infinity;
  let hi = -Infinity;
  for (const v of values) {
    if (v === null) continue;
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  return lo < hi ? [lo, hi] : [0, 1];
}

export function clip(g, rect, margin = 2) {
  g.beginPath();
  g.rect(rect.x - margin, rect.y - margin, rect.w + 2 * margin, rect.h + 2 * margin);
  g.clip();
}

function equation() {
  const title = el("div", { class: "dp-panel-title" });
  const body = el("div", { class: "dp-formula" });
  const node = el("figure", { class: "dp-panel dp-equation" }, title, body);
  let slots = {};
  let values = {};
  let template = null;
  return {
    node,
    invalidate() {},
    set(next, first, live) {
      title.replaceChildren(markup(next.title).fragment);
      title.hidden = !next.title;
      if (next.template !== template) {
        const made = markup(next.template);
        body.replaceChildren(made.fragment);
        slots = made.slots;
        template = next.template;
      }
      const merged = {};
      for (const [name, texts] of Object.entries(next.values)) {
        merged[name] = splice(live ? (values[name] ?? []) : [], texts, live ? first : 0);
        // Room for the longest text, so that the formula stands still while its numbers change.
        const longest = Math.max(0, ...merged[name].map((text) => (text ? text.length : 0)));
        for (const slot of slots[name] ?? []) slot.style.minWidth = `${longest * 0.5}em`;
      }
      values = merged;
    },
    draw(position) {
      for (const [name, nodes] of Object.entries(slots)) {
        const text = at(values[name] ?? [], position) ?? "";
        for (const slot of nodes) if (slot.textContent !== text) slot.textContent = text;
      }
    },
  };
}

export const PANELS = { histogram, curve, equation };
