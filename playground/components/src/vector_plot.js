// A step of one particle drawn in the plane: its vectors head to tail, its positions and estimates, and the data behind it.
/** @import { Pen, Point, Theme } from "./types.js" */
import { line } from "./chart_drawing.js";
import { colorNumber } from "./equation.js";
import { clamp } from "./numbers.js";

/** @typedef {{ x: number, y: number, half: number }} View  a square: its middle and half of its side */
/** @typedef {{ kind: string, label: string, from: Point, to: Point, raw: Point }} Arrow  raw: before it was weighted */
/** @typedef {{ kind: string, label: string, at: Point, mark: string }} Spot */
/** @typedef {{ kind: string, at: Point, radius: number, dashed: boolean }} Ring */
/**
 * @typedef {object} Scene
 * @property {Float32Array} data  x, y, x, y, …
 * @property {[row: number, weight: number][]} weights  posterior weights of rows of the data
 * @property {Point[]} trajectory
 * @property {number} now  which of its points the step leaves
 * @property {Arrow[]} arrows
 * @property {Spot[]} spots
 * @property {Ring[]} rings
 */

const TURN = 2 * Math.PI;
const [ROW, EDGE] = [19, 12]; // of labels: from line to line, and from the middle of one to the border

/**
 * From the plane to pixels.
 * @param {View} view @param {number} size @returns {(place: Point) => Point}
 */
const mapOf = (view, size) => ([x, y]) => [((x - view.x + view.half) / (2 * view.half)) * size, ((view.y + view.half - y) / (2 * view.half)) * size];

/**
 * @param {Pen} g @param {Theme} theme @param {number} size @param {View} view @param {Scene} scene
 * @param {string | null} hot  the kind of part that is pointed at
 */
export function paintPlane(g, theme, size, view, scene, hot) {
  const map = mapOf(view, size);
  const faint = (/** @type {string} */ kind) => (hot && kind !== hot ? 0.22 : 1);
  const color = (/** @type {string} */ kind) => theme.series[colorNumber(kind)];
  g.save();
  g.beginPath();
  g.rect(0, 0, size, size);
  g.clip();
  g.fillStyle = theme.surface;
  g.fillRect(0, 0, size, size);
  dots(g, theme, map, scene);
  path(g, theme, map, scene.trajectory.slice(0, scene.now + 1), []);
  path(g, theme, map, scene.trajectory.slice(scene.now), [2, 4]);
  cross(g, theme.muted, map([0, 0]), 5, 1.2);
  for (const ring of scene.rings) {
    g.globalAlpha = faint(ring.kind);
    stroke(g, color(ring.kind), 1.6, ring.dashed ? [5, 4] : []);
    g.beginPath();
    g.arc(...map(ring.at), Math.max(0, (ring.radius * size) / (2 * view.half)), 0, TURN);
    g.stroke();
  }
  /** @type {[text: string, at: Point, kind: string, below: number][]} */
  const labels = [];
  for (const part of scene.arrows) {
    const strong = part.kind === hot;
    g.globalAlpha = faint(part.kind);
    if (strong) {
      // Before it was weighted: from the same tail, so that it is seen how much of it counts.
      /** @type {Point} */
      const end = [part.from[0] + part.raw[0], part.from[1] + part.raw[1]];
      stroke(g, color(part.kind), 1.6, [3, 4]);
      segment(g, map(part.from), map(end));
      ring(g, map(end), 4);
    }
    arrow(g, color(part.kind), map(part.from), map(part.to), strong ? 4.5 : 2.6);
    const [from, to] = [map(part.from), map(part.to)];
    if (distance(from, to) > 26 || strong) labels.push([part.label, [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2], part.kind, -9]);
  }
  for (const spot of scene.spots) {
    const at = map(spot.at);
    g.globalAlpha = faint(spot.kind);
    marker(g, theme, color(spot.kind), at, spot.mark);
    if (spot.kind === hot) {
      stroke(g, color(spot.kind), 2.5, []);
      ring(g, at, 13);
    }
    labels.push([spot.label, at, spot.kind, 15]);
  }
  /** @type {Label[]} */
  const taken = [];
  for (const [text, at, kind, below] of labels) {
    g.globalAlpha = faint(kind);
    label(g, theme, color(kind), text, at, below, size, taken);
  }
  g.restore();
}

/** @param {Point} a @param {Point} b */
export const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

/**
 * The kind of the part whose arrow or spot is nearest to a place on the canvas, if one is near.
 * @param {Point} place @param {View} view @param {number} size @param {Scene} scene
 */
export function partAt(place, view, size, scene) {
  const map = mapOf(view, size);
  /** @type {string | null} */
  let best = null;
  let nearest = 12;
  for (const { kind, at } of scene.spots) {
    const d = distance(map(at), place);
    if (d < nearest) [best, nearest] = [kind, d];
  }
  for (const { kind, from, to } of scene.arrows) {
    const [a, b] = [map(from), map(to)];
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const along = Math.max(0, Math.min(1, ((place[0] - a[0]) * dx + (place[1] - a[1]) * dy) / Math.max(1e-9, dx * dx + dy * dy)));
    const d = distance([a[0] + along * dx, a[1] + along * dy], place);
    if (d < nearest - 4) [best, nearest] = [kind, d];
  }
  return best;
}

/** @param {Pen} g @param {Theme} theme @param {(place: Point) => Point} map @param {Scene} scene */
function dots(g, theme, map, { data, weights }) {
  g.fillStyle = theme.muted;
  g.globalAlpha = 0.45;
  g.beginPath();
  for (let k = 0; k < data.length; k += 2) {
    const [x, y] = map([data[k], data[k + 1]]);
    g.rect(x - 1, y - 1, 2, 2);
  }
  g.fill();
  const most = Math.max(1e-12, ...weights.map(([, weight]) => weight));
  g.fillStyle = theme.series[2];
  g.globalAlpha = 0.6;
  for (const [row, weight] of weights) {
    g.beginPath();
    g.arc(...map([data[2 * row], data[2 * row + 1]]), 1 + 4.5 * Math.sqrt(weight / most), 0, TURN);
    g.fill();
  }
  g.globalAlpha = 1;
}

/** @param {Pen} g @param {Theme} theme @param {(place: Point) => Point} map @param {Point[]} places @param {number[]} dash */
function path(g, theme, map, places, dash) {
  g.globalAlpha = 0.55;
  stroke(g, theme.text, 1.2, dash);
  g.beginPath();
  places.forEach((place, k) => (k ? g.lineTo(...map(place)) : g.moveTo(...map(place))));
  g.stroke();
  g.globalAlpha = 1;
}

/** @param {Pen} g @param {string} color @param {number} width @param {number[]} dash */
function stroke(g, color, width, dash) {
  g.strokeStyle = color;
  g.lineWidth = width;
  g.lineCap = "round";
  g.setLineDash(dash);
}

/** @param {Pen} g @param {Point} a @param {Point} b */
const segment = (g, a, b) => line(g, ...a, ...b);

/** @param {Pen} g @param {Point} at @param {number} radius */
function ring(g, at, radius) {
  g.setLineDash([]);
  g.beginPath();
  g.arc(...at, radius, 0, TURN);
  g.stroke();
}

/** @param {Pen} g @param {string} color @param {Point} a @param {Point} b @param {number} width */
function arrow(g, color, a, b, width) {
  const length = distance(a, b);
  if (length < 0.5) return;
  const head = Math.min(11, 0.6 * length);
  const [ux, uy] = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
  stroke(g, color, width, []);
  segment(g, a, [b[0] - 0.7 * head * ux, b[1] - 0.7 * head * uy]);
  g.fillStyle = color;
  g.beginPath();
  g.moveTo(...b);
  g.lineTo(b[0] - head * ux - 0.5 * head * uy, b[1] - head * uy + 0.5 * head * ux);
  g.lineTo(b[0] - head * ux + 0.5 * head * uy, b[1] - head * uy - 0.5 * head * ux);
  g.fill();
}

/** @param {Pen} g @param {string} color @param {Point} at @param {number} r @param {number} width */
function cross(g, color, [x, y], r, width) {
  stroke(g, color, width, []);
  segment(g, [x - r, y], [x + r, y]);
  segment(g, [x, y - r], [x, y + r]);
}

/** @param {Pen} g @param {Theme} theme @param {string} color @param {Point} at @param {string} shape */
function marker(g, theme, color, at, shape) {
  if (shape === "plus") return cross(g, color, at, 7, 2.4);
  if (shape === "cross") {
    stroke(g, color, 2.4, []);
    segment(g, [at[0] - 5, at[1] - 5], [at[0] + 5, at[1] + 5]);
    return segment(g, [at[0] + 5, at[1] - 5], [at[0] - 5, at[1] + 5]);
  }
  stroke(g, shape === "dot" ? theme.text : color, 2, []);
  g.fillStyle = shape === "dot" ? color : theme.bg;
  g.beginPath();
  g.arc(...at, 6, 0, TURN);
  g.fill();
  g.stroke();
}

/** @typedef {[x: number, y: number, half: number]} Label  its middle, and half of its width */

/**
 * The height at which a label covers no other: where it belongs, or in the nearest row above or below that is free.
 * @param {Label} label @param {number} size @param {Label[]} taken
 */
export function freeHeight([x, y, half], size, taken) {
  const isFree = (/** @type {number} */ at) => taken.every(([left, top, wide]) => Math.abs(x - left) >= half + wide + 2 || Math.abs(at - top) >= ROW);
  const start = clamp(y, EDGE, size - EDGE);
  for (let k = 0; k < (2 * size) / ROW; k++) {
    const at = start + ROW * Math.ceil(k / 2) * (k % 2 ? 1 : -1);
    if (at >= EDGE && at <= size - EDGE && isFree(at)) return at;
  }
  return start;
}

/**
 * A name beside its place.
 * @param {Pen} g @param {Theme} theme @param {string} color @param {string} text @param {Point} at @param {number} below
 * @param {number} size @param {Label[]} taken
 */
function label(g, theme, color, text, at, below, size, taken) {
  if (at[0] < 0 || at[1] < 0 || at[0] > size || at[1] > size) return;
  g.font = `600 15px ${theme.font}`;
  g.textAlign = "center";
  g.textBaseline = "middle";
  const half = g.measureText(text).width / 2;
  const x = Math.max(half + 3, Math.min(size - half - 3, at[0]));
  const y = freeHeight([x, at[1] + below, half], size, taken);
  taken.push([x, y, half]);
  g.setLineDash([]);
  g.lineJoin = "round";
  g.lineWidth = 4;
  g.strokeStyle = theme.surface;
  g.strokeText(text, x, y);
  g.fillStyle = color;
  g.fillText(text, x, y);
}
