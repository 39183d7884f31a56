// A line chart for what moves by itself: every update carries all points and is drawn at once, without a blink.
//
//   mount(root, emit) -> { update(data), destroy() }      data is LiveChart.to_payload() (chart.py); emits nothing.
import { el, markup, watchTheme } from "./dom.js";
import { chartFile } from "./chart_file.js";
import { axes, dot, fitCanvas, formatNumber, mark, niceRange, polyline, readTheme } from "./draw.js";
import { clip, legendEntry } from "./panels.js";
import { csvOf } from "./save.js";
import { fileName, takeawayMenu } from "./takeaway.js";

const CHART_HEIGHT = 300;
const MARKS_APART = 90;
const MARK_REACH = 9; // a mark at the edge is drawn whole

const hue = (s, i) => (s.color ?? i) % 6;

export function mount(root) {
  root.classList.add("dp-root", "dp-livechart");
  const title = el("div", { class: "dp-panel-title" });
  const legend = el("div", { class: "dp-legend" });
  const canvas = el("canvas", { role: "img" });
  const over = el("canvas", { class: "dp-over" });
  const tip = el("div", { class: "dp-tip", hidden: true });
  const empty = el("div", { class: "dp-empty", hidden: true });
  const plot = el("div", { class: "dp-plot dp-hover" }, canvas, over, tip, empty);
  const note = el("div", { class: "dp-note" });
  const tools = takeawayMenu(() => figure());
  root.append(el("div", { class: "dp-chart-head" }, title, tools), legend, plot, note);
  let data = null;
  let theme = null;
  let frame = null;
  let hover = null;
  let pending = 0;

  const observer = new ResizeObserver(() => paint());
  observer.observe(plot);
  const unwatch = watchTheme(() => restyle());
  const onPointer = (event) => {
    hover = event.clientX - plot.getBoundingClientRect().left;
    pending ||= requestAnimationFrame(crosshair);
  };
  plot.addEventListener("pointermove", onPointer);
  plot.addEventListener("pointerdown", onPointer);
  plot.addEventListener("pointerleave", () => {
    hover = null;
    pending ||= requestAnimationFrame(crosshair);
  });

  function update(next) {
    if (!next) return;
    data = next;
    title.replaceChildren(markup(data.title).fragment);
    title.hidden = !data.title;
    legend.replaceChildren(...data.series.map((s, i) => legendEntry(s.name, `var(--dp-s${hue(s, i)})`, s.style, s.mark)));
    note.replaceChildren(markup(data.note).fragment);
    note.hidden = !data.note;
    restyle();
  }

  function restyle() {
    if (!data || !root.isConnected) return;
    theme = readTheme(root);
    paint();
  }

  function* all(key) {
    for (const s of data.series) {
      yield* s[key];
      if (key === "y" && s.low) {
        yield* s.low;
        yield* s.high;
      }
    }
  }

  function paint() {
    const width = plot.clientWidth;
    if (!data || !theme || !width) return;
    const points = data.series.reduce((sum, s) => sum + s.y.filter((v) => v !== null).length, 0);
    Object.assign(root.dataset, { points, series: data.series.length });
    empty.hidden = points > 0;
    tools.hidden = !points;
    empty.textContent = data.empty;
    canvas.style.visibility = points > 0 ? "visible" : "hidden";
    canvas.setAttribute("aria-label", description());
    plotted(fitCanvas(canvas, width, CHART_HEIGHT), width);
    crosshair();
  }

  // Axes and series, on the canvas or into a file.
  function plotted(g, width) {
    const x = xRange();
    const y = niceRange(all("y"), data.log_y, data.y_range);
    const log = [data.log_x, data.log_y];
    frame = axes(g, theme, width, CHART_HEIGHT, { x, y, logX: log[0], logY: log[1], xLabel: data.x_label, yLabel: data.y_label });
    g.save();
    clip(g, frame.rect, MARK_REACH);
    g.lineJoin = "round";
    data.series.forEach((s, i) => {
      const color = theme.series[hue(s, i)];
      g.strokeStyle = g.fillStyle = color;
      if (s.low) band(g, s, log);
      if (s.style === "dots") {
        g.globalAlpha = s.x.length > 60 ? 0.55 : 1;
        for (let k = 0; k < s.x.length; k++) {
          if (!shown(s.x[k], s.y[k], log)) continue;
          g.beginPath();
          g.arc(frame.X(s.x[k]), frame.Y(s.y[k]), 2.5, 0, 7);
          g.fill();
        }
        g.globalAlpha = 1;
        return;
      }
      g.lineWidth = s.style === "dashed" ? 2 : 2.5;
      g.setLineDash(s.style === "dashed" ? [7, 5] : []);
      polyline(g, frame, s.x, s.y, log[0], log[1]);
      g.setLineDash([]);
      if (s.mark) marks(g, s, i, log, color);
      else if (s.x.length === 1 && shown(s.x[0], s.y[0], log)) dot(g, theme, frame.X(s.x[0]), frame.Y(s.y[0]), color, 4);
    });
    g.restore();
  }

  function figure() {
    const entries = data.series.map((s, i) => ({ name: s.name, color: theme.series[hue(s, i)], style: s.style, mark: s.mark }));
    const svg = chartFile(theme, plot.clientWidth, CHART_HEIGHT, { title: data.title, entries, plot: plotted });
    paint(); // the axes are those of the screen again
    return { name: fileName(title.textContent), csv: csvOf(numbers()), svg };
  }

  // A row for each point; the ends of the band are empty where a series has none.
  function numbers() {
    const rows = [["series", data.x_label, data.y_label, "low", "high"]];
    for (const s of data.series) {
      const name = markup(s.name).fragment.textContent;
      s.x.forEach((x, k) => rows.push([name, x, s.y[k], s.low?.[k], s.high?.[k]].map((value) => value ?? "")));
    }
    return rows;
  }

  const shown = (x, y, [logX, logY]) => x !== null && y !== null && (!logX || x > 0) && (!logY || y > 0);

  function xRange() {
    let lo = Infinity;
    let hi = -Infinity;
    for (const v of all("x")) {
      if (v === null || (data.log_x && v <= 0)) continue;
      lo = Math.min(lo, v);
      hi = Math.max(hi, v);
    }
    if (lo > hi) return data.log_x ? [1, 10] : [0, 1];
    if (lo === hi) return data.log_x ? [lo / 2, hi * 2] : [lo - 0.5, hi + 0.5];
    return [lo, hi];
  }

  // A mark on the last point, and on others so far apart that they do not crowd; each series begins elsewhere.
  function marks(g, s, i, log, color) {
    const points = s.x.map((_, k) => k).filter((k) => shown(s.x[k], s.y[k], log));
    const from = frame.rect.x + (i % 4) * (MARKS_APART / 4);
    let before = -Infinity;
    for (const k of points) {
      const x = frame.X(s.x[k]);
      const last = k === points[points.length - 1];
      if (!last && (x < from || x - before < MARKS_APART)) continue;
      mark(g, theme, s.mark, x, frame.Y(s.y[k]), color);
      before = x;
    }
  }

  function band(g, s, log) {
    g.globalAlpha = 0.16;
    g.beginPath();
    const ok = s.x.map((_, k) => shown(s.x[k], s.low[k], log) && shown(s.x[k], s.high[k], log));
    let first = true;
    for (let k = 0; k < s.x.length; k++) {
      if (!ok[k]) continue;
      if (first) g.moveTo(frame.X(s.x[k]), frame.Y(s.high[k]));
      else g.lineTo(frame.X(s.x[k]), frame.Y(s.high[k]));
      first = false;
    }
    for (let k = s.x.length - 1; k >= 0; k--) if (ok[k]) g.lineTo(frame.X(s.x[k]), frame.Y(s.low[k]));
    g.fill();
    g.globalAlpha = 1;
  }

  function nearest(s, x) {
    let best = -1;
    for (let k = 0; k < s.x.length; k++) {
      if (s.x[k] === null || s.y[k] === null) continue;
      if (best < 0 || Math.abs(s.x[k] - x) < Math.abs(s.x[best] - x)) best = k;
    }
    return best;
  }

  function crosshair() {
    cancelAnimationFrame(pending);
    pending = 0;
    if (!frame) return;
    const width = plot.clientWidth;
    const g = fitCanvas(over, width, CHART_HEIGHT);
    const { rect, X, Y, unX } = frame;
    const inside = hover !== null && hover >= rect.x - 12 && hover <= rect.x + rect.w + 12;
    tip.hidden = true;
    if (!inside) return;
    const x = unX(Math.min(rect.x + rect.w, Math.max(rect.x, hover)));
    const rows = [];
    let at = null;
    data.series.forEach((s, i) => {
      const k = nearest(s, x);
      if (k < 0) return;
      if (at === null || Math.abs(s.x[k] - x) < Math.abs(at - x)) at = s.x[k];
      rows.push({ s, k, i });
    });
    if (!rows.length) return;
    g.strokeStyle = theme.muted;
    g.setLineDash([3, 4]);
    g.beginPath();
    g.moveTo(X(at), rect.y);
    g.lineTo(X(at), rect.y + rect.h);
    g.stroke();
    g.setLineDash([]);
    for (const { s, k, i } of rows) {
      if (!shown(s.x[k], s.y[k], [data.log_x, data.log_y])) continue;
      const py = Y(s.y[k]);
      if (py >= rect.y - 1 && py <= rect.y + rect.h + 1) dot(g, theme, X(s.x[k]), py, theme.series[hue(s, i)]);
    }
    tip.replaceChildren(
      el("div", { class: "dp-tip-x" }, `${data.x_label} ${formatNumber(at, 4)}`),
      ...rows.map(({ s, k, i }) => el("div", { class: "dp-tip-row" }, legendEntry(s.name, `var(--dp-s${hue(s, i)})`, s.style, s.mark), el("b", {}, formatNumber(s.y[k], 4)))),
    );
    tip.hidden = false;
    const w = tip.offsetWidth;
    tip.style.left = `${Math.max(0, X(at) + 14 + w > width ? X(at) - 14 - w : X(at) + 14)}px`;
    tip.style.top = `${rect.y + 4}px`;
  }

  function description() {
    const last = data.series.map((s) => {
      const k = s.y.findLastIndex((v) => v !== null);
      return k < 0 ? null : `${markup(s.name).fragment.textContent}: ${formatNumber(s.y[k])} at ${formatNumber(s.x[k], 4)}`;
    });
    return [title.textContent, ...last.filter(Boolean)].join(". ");
  }

  return {
    update,
    destroy() {
      cancelAnimationFrame(pending);
      observer.disconnect();
      unwatch();
      root.replaceChildren();
    },
  };
}
