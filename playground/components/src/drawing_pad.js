// A pad on which the reader draws points: a spray that scatters them, or a line along which they lie.
// Emits "points" {text, base} after every stroke.
/** @import { DrawingPad } from "../payloads.js" */
/** @import { Component, Emit, Point, Theme } from "./types.js" */
import { fitCanvas } from "./chart_drawing.js";
import { component, el } from "./dom.js";
import { formatPoints, parsePoints } from "./drawn_points.js";
import { _ } from "./language.js";
import { clamp } from "./numbers.js";
import { SHAPES, addShape, paintMark } from "./point_clouds_drawing.js";
import { readTheme, watchAppearance } from "./theme.js";

const MOST = 360; // pixels of a side
const SPREAD = 0.028; // of a spray, in widths of the pad
const APART = 0.012; // between two points of a line

/** @import { DrawnPoint } from "./drawn_points.js" */
/** @param {HTMLElement} root @param {Emit} emit @returns {Component<DrawingPad | null>} */
export function mount(root, emit) {
  root.classList.add("dp-root", "dp-pad");
  /** @type {DrawnPoint[]} */
  let points = [];
  /** @type {DrawnPoint[][]} */
  let undone = []; // the points before each stroke
  /** @type {string | null} */
  let known = null; // the text that both sides have
  /** @type {string | number | null} */
  let base = null; // names what came last from outside: what an edit belongs to
  let most = 600;
  let kinds = 4;
  let kind = 0;
  let tool = "spray";
  /** @type {Point | null} */
  let stroke = null; // the last place of the stroke that is being drawn
  /** @type {Point | null} */
  let cursor = null;
  let size = 0;
  /** @type {Theme} */
  let theme;

  const canvas = el("canvas", { class: "dp-pad-canvas", tabindex: "0", role: "application", "aria-label": _("Drawing pad. Arrow keys move a pen, Space puts points there.") });
  const status = el("div", { class: "dp-pad-status", role: "status" });
  const tools = el("div", { class: "dp-layers", role: "radiogroup", "aria-label": _("Tool") });
  const colors = el("div", { class: "dp-layers", role: "radiogroup", "aria-label": _("Class of what is drawn") });
  const undo = el("button", { type: "button", class: "dp-toggle", onclick: () => takeBack() }, _("Undo"));
  const clear = el("button", { type: "button", class: "dp-toggle", onclick: () => change(() => (points = [])) }, _("Clear"));
  for (const [name, title] of [["spray", _("Spray")], ["line", _("Line")]]) {
    tools.append(el("button", { type: "button", role: "radio", class: "dp-toggle", "data-tool": name, onclick: () => ((tool = name), paint()) }, title));
  }
  tools.append(undo, clear);
  root.append(tools, colors, canvas, status);
  const unwatch = watchAppearance(root, restyle);

  /** @param {DrawingPad | null} data */
  function update(data) {
    if (!data) return;
    most = data.most;
    kinds = data.kinds;
    if (colors.childElementCount !== kinds) {
      colors.replaceChildren(...Array.from({ length: kinds }, (_item, k) => el("button", { type: "button", role: "radio", class: "dp-toggle", "data-kind": k, onclick: () => ((kind = k), paint()) }, el("canvas", { class: "dp-mark", "aria-hidden": "true" }), String(k + 1))));
    }
    // What comes back is older than what has been drawn since; only what is new from outside replaces it.
    if ((data.base ?? data.text) !== base && data.text !== known) {
      known = data.text;
      points = parsePoints(data.text);
      undone = [];
    }
    base = data.base ?? data.text;
    restyle();
  }

  /** @returns {Point} */
  const place = (/** @type {PointerEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    undone.push(points.slice());
    cursor = null;
    stroke = place(event);
    put(stroke, 6);
    paint();
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) stroke = along(stroke, place(one));
    paint();
  });
  const end = () => {
    if (!stroke) return;
    stroke = null;
    send();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("blur", () => ((cursor = null), paint()));
  canvas.addEventListener("keydown", (event) => {
    const moves = /** @type {Record<string, Point>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = moves[event.key];
    const [x, y] = cursor ?? [0.5, 0.5];
    const step = event.shiftKey ? 0.1 : 0.03;
    if (by) cursor = [clamp(x + step * by[0], 0, 1), clamp(y + step * by[1], 0, 1)];
    else if (event.key === " " || event.key === "Enter") change(() => put((cursor = [x, y]), 8));
    else return;
    event.preventDefault();
    event.stopPropagation();
    paint();
  });

  /**
   * From one place of the stroke to the next. Returns the place it has reached: a short move waits for more.
   * @param {Point} from @param {Point} to
   */
  function along(from, to) {
    const far = Math.hypot(to[0] - from[0], to[1] - from[1]);
    const count = Math.floor(far / (tool === "spray" ? 0.018 : APART));
    for (let n = 1; n <= count; n++) put([from[0] + ((to[0] - from[0]) * n) / count, from[1] + ((to[1] - from[1]) * n) / count], 2);
    return count ? to : from;
  }

  /** @param {Point} at @param {number} count  of points in a spray */
  function put(at, count) {
    if (tool === "spray") spray(at, count);
    else add(at);
  }

  /** @param {Point} at @param {number} count */
  function spray(at, count) {
    for (let n = 0; n < count; n++) {
      const [r, angle] = [SPREAD * Math.sqrt(-2 * Math.log(1 - Math.random())), 2 * Math.PI * Math.random()];
      add([at[0] + r * Math.cos(angle), at[1] + r * Math.sin(angle)]);
    }
  }

  /** @param {Point} at */
  function add([x, y]) {
    if (points.length < most && x >= 0 && x <= 1 && y >= 0 && y <= 1) points.push([x, y, kind]);
  }

  /** @param {() => void} action */
  function change(action) {
    undone.push(points.slice());
    action();
    paint();
    send();
  }

  function takeBack() {
    points = undone.pop() ?? points;
    paint();
    send();
  }

  function send() {
    const text = formatPoints(points, kinds);
    if (text === known) return;
    known = text;
    emit("points", { text, base });
  }

  function restyle() {
    if (!root.isConnected) return;
    theme = readTheme(root);
    size = Math.min(MOST, root.clientWidth);
    paint();
  }

  function paint() {
    if (!theme || !size) return;
    const g = fitCanvas(canvas, size, size);
    for (let k = 0; k < kinds; k++) {
      const path = new Path2D();
      for (const [x, y, of] of points) if (of === k) addShape(path, SHAPES[k], x * size, (1 - y) * size, 2.6);
      g.fillStyle = theme.series[k];
      g.fill(path);
    }
    if (cursor) {
      g.strokeStyle = theme.accent;
      g.lineWidth = 2;
      g.beginPath();
      g.arc(cursor[0] * size, (1 - cursor[1]) * size, 9, 0, 7);
      g.stroke();
    }
    for (const node of tools.querySelectorAll("[data-tool]")) node.setAttribute("aria-checked", String(node.getAttribute("data-tool") === tool));
    [...colors.children].forEach((node, k) => {
      node.setAttribute("aria-checked", String(k === kind));
      paintMark(/** @type {HTMLCanvasElement} */ (node.firstChild), SHAPES[k], theme.series[k]);
    });
    undo.disabled = !undone.length;
    clear.disabled = !points.length;
    const full = points.length >= most ? _(" More do not fit into the link.") : "";
    status.textContent = points.length ? _("{count} points.", { count: points.length }) + full : _("Draw here with the mouse, a pen or a finger.");
    root.dataset.points = String(points.length);
  }

  return component(root, update, unwatch);
}
