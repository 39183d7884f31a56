// A curve that the reader draws: points moved by pointer, finger or keys, or a new curve in one stroke. It never rises.
// Emits "points" {points: [[x, y], ...], base} when a change is finished.
/** @import { CurveEditor } from "../payloads.js" */
/** @import { Component, Emit, Frame, Point, Theme } from "./types.js" */
import { axes, fitCanvas, polyline } from "./chart_drawing.js";
import { component, el, plainText } from "./dom.js";
import { _ } from "./language.js";
import { legendEntry } from "./legend.js";
import { monotoneCurve, simplify } from "./monotone.js";
import { clamp, formatNumber } from "./numbers.js";
import { readTheme, watchAppearance } from "./theme.js";

const MIN = 3;
const MAX = 12;
const APART = 0.005; // least distance of two points in x
const EDITOR_HEIGHT = 340;

/** @param {HTMLElement} root @param {Emit} emit @returns {Component<CurveEditor | null>} */
export function mount(root, emit) {
  root.classList.add("dp-root", "dp-curve-editor");
  const legend = el("div", { class: "dp-legend" });
  const canvas = el("canvas", { "aria-hidden": "true" });
  const handles = el("div", { class: "dp-handles" });
  const plot = el("div", { class: "dp-plot dp-draw" }, canvas, handles);
  const status = el("div", { class: "dp-note", role: "status" });
  root.append(legend, plot, status);
  const HELP = _("Drag a point, or draw a new curve in one stroke. Double-click adds a point, Delete removes it; the arrow keys move it.");
  /** @type {CurveEditor} */
  let data;
  /** @type {Point[]} */
  let points = [];
  /** @type {Theme} */
  let theme;
  /** @type {Frame} */
  let frame;
  /** @type {Point[] | null} */
  let stroke = null; // while a curve is drawn
  let dragging = -1;
  let emitted = "";
  let keyTimer = 0;
  const unwatch = watchAppearance(plot, restyle);

  /** @param {CurveEditor | null} next */
  function update(next) {
    if (!next) return;
    const given = JSON.stringify(next.points);
    // What comes back is either the reader's own curve, or new points that the page set.
    if (!data || (next.base !== data.base && given !== JSON.stringify(points))) {
      if (dragging < 0 && !stroke) points = next.points.map(copy);
    }
    data = next;
    emitted = JSON.stringify(points);
    legend.replaceChildren(
      legendEntry(_("your curve"), "var(--dp-s0)", "line"),
      ...data.references.map((l, i) => legendEntry(l.name, `var(--dp-s${1 + (i % 5)})`, "dashed")),
    );
    status.textContent = HELP;
    restyle();
  }

  function restyle() {
    if (!data || !root.isConnected) return;
    theme = readTheme(root);
    paint();
  }

  const round = (/** @type {number} */ v) => Math.round(v * 1000) / 1000;
  /** @returns {Point} */
  const copy = (/** @type {Point} */ [x, y]) => [x, y];

  /**
   * Moves point k as far as its neighbours let it: the first stays at (0, 1), the last at x = 1, none rises.
   * @param {number} k @param {number} x @param {number} y
   */
  function move(k, x, y) {
    if (k === 0) return;
    const last = k === points.length - 1;
    const before = points[k - 1];
    const after = points[k + 1] ?? [1 + APART, 0];
    points[k] = [
      last ? 1 : round(clamp(x, before[0] + APART, after[0] - APART)),
      round(clamp(y, last ? 0 : after[1], before[1])),
    ];
  }

  /** @param {number} x @param {number} y */
  function add(x, y) {
    if (points.length >= MAX) return hint(_("A curve has at most {MAX} points.", { MAX }));
    const k = points.findIndex((p) => p[0] > x);
    if (k < 1 || x - points[k - 1][0] < APART || points[k][0] - x < APART) return undefined;
    points.splice(k, 0, [x, y]);
    move(k, x, y);
    paint();
    focus(k);
    return finish();
  }

  /** @param {number} k */
  const focus = (k) => /** @type {HTMLElement | undefined} */ (handles.children[k])?.focus();

  /** @param {number} k */
  function remove(k) {
    if (k === 0 || k === points.length - 1) return hint(_("The two ends stay."));
    if (points.length <= MIN) return hint(_("A curve has at least {MIN} points.", { MIN }));
    points.splice(k, 1);
    paint();
    focus(Math.min(k, points.length - 1));
    return finish();
  }

  /** @param {string} text */
  function hint(text) {
    status.textContent = text;
  }

  function finish() {
    const now = JSON.stringify(points);
    if (now === emitted) return;
    emitted = now;
    status.textContent = HELP;
    emit("points", { points: points.map(copy), base: data.base });
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  function paint() {
    const width = plot.clientWidth;
    if (!width) return;
    const height = Math.min(EDITOR_HEIGHT, Math.max(260, width * 0.62));
    const g = fitCanvas(canvas, width, height);
    frame = axes(g, theme, width, height, { x: [0, 1], y: [0, 1], xLabel: plainText(data.x_label), yLabel: plainText(data.y_label), inset: 8 });
    const { X, Y } = frame;
    g.lineJoin = "round";
    g.setLineDash([6, 5]);
    g.lineWidth = 2;
    g.globalAlpha = 0.7;
    data.references.forEach((l, i) => {
      g.strokeStyle = theme.series[1 + (i % 5)];
      polyline(g, frame, l.x, l.y);
    });
    g.setLineDash([]);
    g.globalAlpha = stroke ? 0.35 : 1;
    g.strokeStyle = theme.s0;
    g.lineWidth = 3;
    const value = monotoneCurve(points);
    g.beginPath();
    const n = Math.max(2, Math.round(frame.rect.w / 2));
    for (let i = 0; i <= n; i++) g.lineTo(X(i / n), Y(value(i / n)));
    g.stroke();
    g.globalAlpha = 1;
    if (stroke) {
      g.beginPath();
      for (const [x, y] of stroke) g.lineTo(X(x), Y(y));
      g.stroke();
    }
    place();
    Object.assign(root.dataset, { points: points.length, curve: JSON.stringify(points) });
  }

  function place() {
    while (handles.children.length > points.length) handles.lastElementChild?.remove();
    while (handles.children.length < points.length) handles.append(handle());
    handles.hidden = Boolean(stroke);
    points.forEach(([x, y], k) => {
      const node = /** @type {HTMLElement} */ (handles.children[k]);
      node.style.transform = `translate(${frame.X(x)}px, ${frame.Y(y)}px)`;
      node.classList.toggle("dp-fixed", k === 0);
      node.setAttribute("aria-label", _("Point {k} of {count}", { k: k + 1, count: points.length }));
      node.setAttribute("aria-valuenow", String(y));
      node.setAttribute("aria-valuetext", _("t/T {x}, value {y}", { x: formatNumber(x), y: formatNumber(y) }));
    });
  }

  function handle() {
    const node = el("div", { class: "dp-handle", role: "slider", tabindex: "0", "aria-valuemin": "0", "aria-valuemax": "1" });
    node.addEventListener("keydown", (event) => {
      const k = [...handles.children].indexOf(node);
      const d = event.shiftKey ? 0.05 : 0.01;
      const by = /** @type {Record<string, Point>} */ ({ ArrowLeft: [-d, 0], ArrowRight: [d, 0], ArrowUp: [0, d], ArrowDown: [0, -d] })[event.key];
      if (by) {
        move(k, points[k][0] + by[0], points[k][1] + by[1]);
        paint();
        clearTimeout(keyTimer);
        keyTimer = setTimeout(finish, 400);
      } else if (event.key === "Delete" || event.key === "Backspace") remove(k);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    node.addEventListener("blur", () => {
      clearTimeout(keyTimer);
      if (data && dragging < 0) finish();
    });
    return node;
  }

  // --- pointer ----------------------------------------------------------------------------------------------------
  /** @returns {Point} */
  const toCurve = (/** @type {MouseEvent} */ event) => {
    const r = plot.getBoundingClientRect();
    const { rect } = frame;
    return [
      round(clamp((event.clientX - r.left - rect.x) / rect.w, 0, 1)),
      round(clamp(1 - (event.clientY - r.top - rect.y) / rect.h, 0, 1)),
    ];
  };
  /** @type {{ x: number, y: number, at: Point } | null} */
  let begun = null; // where a stroke may begin, until the pointer has moved far enough

  plot.addEventListener("pointerdown", (event) => {
    if (!frame || event.button !== 0) return;
    plot.setPointerCapture(event.pointerId);
    const node = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".dp-handle"));
    dragging = node ? [...handles.children].indexOf(node) : -1;
    if (node) node.focus({ preventScroll: true });
    else begun = { x: event.clientX, y: event.clientY, at: toCurve(event) };
    event.preventDefault();
  });
  plot.addEventListener("pointermove", (event) => {
    if (dragging >= 0) {
      move(dragging, ...toCurve(event));
      paint();
    } else if (begun) {
      if (!stroke && Math.hypot(event.clientX - begun.x, event.clientY - begun.y) < 8) return;
      stroke ??= [begun.at];
      const at = toCurve(event);
      const end = stroke[stroke.length - 1];
      // A stroke goes on in the direction in which it began, and only ever down towards larger t.
      const right = stroke.length < 2 ? at[0] >= begun.at[0] : stroke[1][0] >= stroke[0][0];
      if (right ? at[0] > end[0] : at[0] < end[0]) stroke.push([at[0], right ? Math.min(at[1], end[1]) : Math.max(at[1], end[1])]);
      paint();
    }
  });
  const release = () => {
    const drawn = stroke;
    const dragged = dragging >= 0;
    stroke = null;
    begun = null;
    dragging = -1;
    if (drawn && drawn.length > 2) takeStroke(drawn[0][0] <= drawn[1][0] ? drawn : drawn.reverse());
    else if (drawn) paint();
    if (drawn || dragged) finish();
  };
  plot.addEventListener("pointerup", release);
  plot.addEventListener("pointercancel", release);
  plot.addEventListener("dblclick", (event) => {
    if (!frame) return;
    const [x, y] = toCurve(event);
    const onPoint = points.some((p) => Math.hypot(frame.X(p[0]) - frame.X(x), frame.Y(p[1]) - frame.Y(y)) < 18);
    if (!onPoint) add(x, y);
  });

  /**
   * The stroke replaces the curve where it went; what lies left and right of it stays, pressed down or held up by it.
   * @param {Point[]} drawn
   */
  function takeStroke(drawn) {
    const from = drawn[0][0];
    const to = drawn[drawn.length - 1][0];
    /** @type {Point[]} */
    const left = points.filter((p) => p[0] < from - 0.02).map(([x, y]) => [x, Math.max(y, drawn[0][1])]);
    /** @type {Point[]} */
    const right = points.filter((p) => p[0] > to + 0.02).map(([x, y]) => [x, Math.min(y, drawn[drawn.length - 1][1])]);
    const whole = [...left, ...drawn, ...right];
    if (whole[0][0] <= 0.02) whole[0] = [0, 1];
    else whole.unshift([0, 1]);
    const end = whole[whole.length - 1];
    if (end[0] >= 0.98) whole[whole.length - 1] = [1, end[1]];
    else whole.push([1, end[1]]);
    points = simplify(whole, MIN, MAX, APART).map(([x, y]) => [round(x), round(y)]);
    paint();
  }

  return component(root, update, () => clearTimeout(keyTimer), unwatch);
}
