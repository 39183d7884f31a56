// A pad on which the reader draws points: a spray that scatters them, or a line along which they lie.
//
//   mount(root, emit) -> { update(data), destroy() }
//
// `data` is {text, most, kinds, base}: the points as labs/points_drawn.py writes them, and what changes when they are other ones
// than those that were drawn here (by default the text itself). Emits "points" {text, base} after every stroke.
import { el, watchTheme } from "./dom.js";
import { fitCanvas, readTheme } from "./draw.js";
import { SHAPES, addShape } from "./scene.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const MOST = 360;
const SPREAD = 0.028; // of a spray, in widths of the pad
const APART = 0.012; // between two points of a line

function pointsOf(text) {
  const points = [];
  text.split(".").forEach((letters, kind) => {
    for (let i = 0; i + 4 <= letters.length; i += 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map((k) => ALPHABET.indexOf(letters[i + k]));
      points.push([(64 * a + b) / 4095, (64 * c + d) / 4095, kind]);
    }
  });
  return points;
}

function textOf(points, kinds) {
  const parts = Array.from({ length: kinds }, () => "");
  const two = (v) => ALPHABET[v >> 6] + ALPHABET[v & 63];
  for (const [x, y, kind] of points) parts[kind] += two(Math.round(4095 * x)) + two(Math.round(4095 * y));
  return parts.join(".").replace(/\.+$/, "");
}

export function mount(root, emit) {
  root.classList.add("dp-root", "dp-pad");
  let points = [];
  let undone = []; // how many points there were before each stroke
  let known = null; // the text that both sides have
  let base = null; // names what came last from outside: what an edit belongs to
  let most = 600;
  let kinds = 4;
  let kind = 0;
  let tool = "spray";
  let stroke = null; // the last place of the stroke that is being drawn
  let cursor = null;
  let size = 0;
  let theme = null;

  const canvas = el("canvas", { class: "dp-pad-canvas", tabindex: "0", role: "application", "aria-label": "Drawing pad. Arrow keys move a pen, Space puts points there." });
  const status = el("div", { class: "dp-pad-status", role: "status" });
  const tools = el("div", { class: "dp-layers", role: "radiogroup", "aria-label": "Tool" });
  const colors = el("div", { class: "dp-layers", role: "radiogroup", "aria-label": "Class of what is drawn" });
  const undo = el("button", { type: "button", class: "dp-toggle", onclick: () => takeBack() }, "Undo");
  const clear = el("button", { type: "button", class: "dp-toggle", onclick: () => change(() => (points = [])) }, "Clear");
  for (const [name, title] of [["spray", "Spray"], ["line", "Line"]]) {
    tools.append(el("button", { type: "button", role: "radio", class: "dp-toggle", "data-tool": name, onclick: () => ((tool = name), paint()) }, title));
  }
  tools.append(undo, clear);
  root.append(tools, colors, canvas, status);
  const unwatch = watchTheme(() => restyle());
  const observer = new ResizeObserver(() => restyle());
  observer.observe(root);

  function update(data) {
    if (!data) return;
    most = data.most;
    kinds = data.kinds;
    if (colors.childElementCount !== kinds) {
      colors.replaceChildren(...Array.from({ length: kinds }, (_, k) => el("button", { type: "button", role: "radio", class: "dp-toggle", "data-kind": k, onclick: () => ((kind = k), paint()) }, el("canvas", { class: "dp-mark", "aria-hidden": "true" }), String(k + 1))));
    }
    // What comes back is older than what has been drawn since; only what is new from outside replaces it.
    if ((data.base ?? data.text) !== base && data.text !== known) {
      known = data.text;
      points = pointsOf(data.text);
      undone = [];
    }
    base = data.base ?? data.text;
    restyle();
  }

  const place = (event) => {
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
    tool === "spray" ? spray(stroke, 6) : add(stroke);
    paint();
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) along(place(one));
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
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) cursor = (cursor ?? [0.5, 0.5]).map((v, axis) => Math.max(0, Math.min(1, v + (event.shiftKey ? 0.1 : 0.03) * moves[event.key][axis])));
    else if (event.key === " " || event.key === "Enter") change(() => (tool === "spray" ? spray((cursor ??= [0.5, 0.5]), 8) : add((cursor ??= [0.5, 0.5]))));
    else return;
    event.preventDefault();
    event.stopPropagation();
    paint();
  });

  // From the last place of the stroke to this one.
  function along(to) {
    const far = Math.hypot(to[0] - stroke[0], to[1] - stroke[1]);
    const count = Math.floor(far / (tool === "spray" ? 0.018 : APART));
    for (let n = 1; n <= count; n++) {
      const at = [0, 1].map((axis) => stroke[axis] + ((to[axis] - stroke[axis]) * n) / count);
      tool === "spray" ? spray(at, 2) : add(at);
    }
    if (count) stroke = to;
  }

  function spray(at, count) {
    for (let n = 0; n < count; n++) {
      const [r, angle] = [SPREAD * Math.sqrt(-2 * Math.log(1 - Math.random())), 2 * Math.PI * Math.random()];
      add([at[0] + r * Math.cos(angle), at[1] + r * Math.sin(angle)]);
    }
  }

  function add([x, y]) {
    if (points.length < most && x >= 0 && x <= 1 && y >= 0 && y <= 1) points.push([x, y, kind]);
  }

  function change(action) {
    undone.push(points.slice());
    action();
    paint();
    send();
  }

  function takeBack() {
    if (!undone.length) return;
    points = undone.pop();
    paint();
    send();
  }

  function send() {
    const text = textOf(points, kinds);
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
    for (const node of tools.querySelectorAll("[data-tool]")) node.setAttribute("aria-checked", String(node.dataset.tool === tool));
    for (const node of colors.children) {
      node.setAttribute("aria-checked", String(Number(node.dataset.kind) === kind));
      const pen = fitCanvas(node.firstChild, 14, 14);
      const path = new Path2D();
      addShape(path, SHAPES[node.dataset.kind], 7, 7, 4.4);
      pen.fillStyle = theme.series[node.dataset.kind];
      pen.fill(path);
    }
    undo.disabled = !undone.length;
    clear.disabled = !points.length;
    const full = points.length >= most ? " More do not fit into the link." : "";
    status.textContent = points.length ? `${points.length} points.${full}` : "Draw here with the mouse, a pen or a finger.";
    root.dataset.points = points.length;
  }

  return {
    update,
    destroy() {
      observer.disconnect();
      unwatch();
      root.replaceChildren();
    },
  };
}
