// Draws a moment of the point clouds on any canvas: data, density, arrows, trails, particles, and one of them closer.
/** @import { Cloud, Floats, PointClouds, VectorField } from "../payloads.js" */
/** @import { Path, Pen, Point, Theme } from "./types.js" */
import { fitCanvas, line } from "./chart_drawing.js";
import { el } from "./dom.js";
import { pathFor } from "./svg_context.js";
import { context2d } from "./theme.js";

/** @typedef {{ cloud: Cloud, number: number, hollow: boolean }} Entry  number: of its colour */
/** @typedef {{ particles?: boolean, data?: boolean, trails?: boolean, density?: boolean, arrows?: boolean }} Layers  which are shown */
/** @typedef {{ X: (x: number) => number, Y: (y: number) => number }} Scale */
/** @typedef {"circle" | "square" | "triangle" | "diamond" | "plus" | "bar"} Shape */

const TRAILS = 28;
const CELLS = 56;

/** @type {Shape[]} */
export const SHAPES = ["circle", "square", "triangle", "diamond", "plus", "bar"];

/**
 * Adds one of the shapes that distinguish classes without their colour, all of about the same area.
 * @param {Path} path @param {Shape} shape @param {number} x @param {number} y @param {number} r
 */
export function addShape(path, shape, x, y, r) {
  if (shape === "square") path.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
  else if (shape === "triangle") throughCorners(path, [[x, y - 1.3 * r], [x + 1.2 * r, y + 0.9 * r], [x - 1.2 * r, y + 0.9 * r]]);
  else if (shape === "diamond") throughCorners(path, [[x, y - 1.4 * r], [x + 1.2 * r, y], [x, y + 1.4 * r], [x - 1.2 * r, y]]);
  else if (shape === "plus") {
    path.rect(x - 1.4 * r, y - 0.45 * r, 2.8 * r, 0.9 * r);
    path.rect(x - 0.45 * r, y - 1.4 * r, 0.9 * r, 2.8 * r);
  } else if (shape === "bar") path.rect(x - 1.5 * r, y - 0.55 * r, 3 * r, 1.1 * r);
  else {
    path.moveTo(x + r, y);
    path.arc(x, y, r, 0, 2 * Math.PI);
  }
}

/**
 * A small canvas becomes the mark of a class.
 * @param {HTMLCanvasElement} canvas @param {Shape} shape @param {string} color
 */
export function paintMark(canvas, shape, color, hollow = false) {
  const g = fitCanvas(canvas, 14, 14);
  const path = new Path2D();
  addShape(path, shape, 7, 7, 4.4);
  g.fillStyle = g.strokeStyle = color;
  g.lineWidth = 1.5;
  if (hollow) g.stroke(path);
  else g.fill(path);
}

/** @param {Path} path @param {Point[]} corners */
function throughCorners(path, corners) {
  corners.forEach(([x, y], k) => (k ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
}

/**
 * Where each particle is at a position between two frames: x, y, x, y, …
 * @param {Cloud} cloud @param {number} position
 */
export function positionsAt(cloud, position, values = cloud.x.values) {
  const size = 2 * cloud.x.shape[1];
  const f = frameAt(cloud, position);
  const from = Math.floor(f);
  const part = f - from;
  const a = values.subarray(from * size, (from + 1) * size);
  if (part < 1e-6) return a;
  const b = values.subarray((from + 1) * size, (from + 2) * size);
  const places = new Float32Array(size);
  for (let i = 0; i < size; i++) places[i] = a[i] + part * (b[i] - a[i]);
  return places;
}

/**
 * The frame that a cloud shows at a position, with its share of the next.
 * @param {Cloud} cloud @param {number} position
 */
export function frameAt(cloud, position) {
  const i = Math.min(cloud.frame_index.length - 1, Math.floor(position));
  const next = cloud.frame_index[Math.min(cloud.frame_index.length - 1, i + 1)];
  return cloud.frame_index[i] + (position - i) * (next - cloud.frame_index[i]);
}

/** @param {PointClouds} clouds @param {number} size  of a side in pixels @returns {Scale} */
export const scale = ({ half_width: half }, size) => ({
  X: (x) => ((x + half) / (2 * half)) * size,
  Y: (y) => ((half - y) / (2 * half)) * size,
});

/** @param {PointClouds} data @param {number} size */
function particleRadius(data, size) {
  const crowd = Math.sqrt(2000 / Math.max(200, data.clouds[0].x.shape[1]));
  return Math.max(1.3, Math.min(4.5, (size / 240) * crowd));
}

/**
 * @param {Pen} g @param {Theme} theme @param {PointClouds} data @param {number} size @param {number} position @param {Entry[]} clouds
 * @param {Layers} shown
 * @param {number | null} picked  the number of a particle
 */
export function paintClouds(g, theme, data, size, position, clouds, shown, picked) {
  const map = scale(data, size);
  g.fillStyle = theme.surface;
  g.fillRect(0, 0, size, size);
  if (shown.density) for (const { cloud, number } of clouds) paintDensity(g, theme, data, size, positionsAt(cloud, position), number);
  if (shown.data) paintData(g, theme, data, map);
  if (shown.arrows && clouds[0].cloud.arrows) paintField(g, theme, size, clouds[0].cloud.arrows, position);
  if (shown.trails && data.has_trajectories) for (const entry of clouds) paintTrails(g, theme, data, map, entry, position);
  if (shown.particles !== false) for (const entry of clouds) paintParticles(g, theme, data, size, map, entry, positionsAt(entry.cloud, position));
  if (picked !== null && data.has_trajectories) for (const entry of clouds) paintPicked(g, theme, data, map, entry, position, picked);
}

/**
 * The colour of a particle.
 * @param {Theme} theme @param {PointClouds} data @param {number} k
 * @param {number} number  of its cloud
 */
function colorOf(theme, data, k, number) {
  const label = data.labels ? data.labels.values[k] : -1;
  return theme.series[label >= 0 ? label % 6 : data.class_names.length ? 5 : number];
}

/** @param {Pen} g @param {Theme} theme @param {PointClouds} data @param {Scale} scale */
function paintData(g, theme, data, { X, Y }) {
  const { values, shape } = data.data;
  const radius = shape[0] > 800 ? 1.3 : 2;
  g.globalAlpha = 0.42;
  for (const [label, rows] of byLabel(data.data_labels, values.length / 2)) {
    const path = pathFor(g);
    for (const k of rows) addShape(path, SHAPES[Math.max(0, label)], X(values[2 * k]), Y(values[2 * k + 1]), radius);
    g.fillStyle = label >= 0 ? theme.series[label % 6] : theme.muted;
    g.fill(path);
  }
  g.globalAlpha = 1;
}

/**
 * @param {Pen} g @param {Theme} theme @param {PointClouds} data @param {number} size @param {Scale} scale @param {Entry} entry
 * @param {Float32Array} places
 */
function paintParticles(g, theme, data, size, { X, Y }, { number, hollow }, places) {
  const r = particleRadius(data, size);
  g.globalAlpha = 0.85;
  g.lineWidth = 1.2;
  for (const [label, rows] of byLabel(data.labels, places.length / 2)) {
    const path = pathFor(g);
    for (const k of rows) addShape(path, SHAPES[Math.max(0, label)], X(places[2 * k]), Y(places[2 * k + 1]), r);
    g.fillStyle = g.strokeStyle = colorOf(theme, data, rows[0], number);
    if (hollow) g.stroke(path);
    else g.fill(path);
  }
  g.globalAlpha = 1;
}

/** @type {WeakMap<Floats, Map<number, number[]>>} */
const grouped = new WeakMap();

/**
 * The rows of each label; one group where there are none.
 * @param {Floats | null} labels @param {number} count
 */
function byLabel(labels, count) {
  const known = labels && grouped.get(labels);
  if (known) return known;
  /** @type {Map<number, number[]>} */
  const groups = new Map();
  for (let k = 0; k < count; k++) {
    const label = labels ? labels.values[k] : -1;
    const rows = groups.get(label);
    if (rows) rows.push(k);
    else groups.set(label, [k]);
  }
  if (labels) grouped.set(labels, groups);
  return groups;
}

/** @param {Pen} g @param {Theme} theme @param {PointClouds} data @param {Scale} map @param {Entry} entry @param {number} position */
function paintTrails(g, theme, data, map, { cloud, number, hollow }, position) {
  const count = cloud.x.shape[1];
  g.globalAlpha = 0.65;
  g.lineWidth = 1.3;
  g.lineJoin = "round";
  g.setLineDash(hollow ? [4, 3] : []);
  for (let n = 0; n < Math.min(TRAILS, count); n++) {
    const k = Math.floor((n * count) / Math.min(TRAILS, count));
    g.strokeStyle = colorOf(theme, data, k, number);
    g.stroke(pathOf(g, cloud, map, k, 0, frameAt(cloud, position)));
  }
  g.setLineDash([]);
  g.globalAlpha = 1;
}

/**
 * The trajectory of particle k between two frames, or shares of them; a path for g.
 * @param {Pen} g @param {Cloud} cloud @param {Scale} scale @param {number} k @param {number} from @param {number} to
 */
function pathOf(g, cloud, { X, Y }, k, from, to) {
  const [, count] = cloud.x.shape;
  const { values } = cloud.x;
  const path = pathFor(g);
  /** @returns {Point} */
  const point = (/** @type {number} */ f) => {
    const i = Math.floor(f);
    const j = Math.min(cloud.x.shape[0] - 1, i + 1);
    const at = (/** @type {number} */ frame, /** @type {number} */ axis) => values[2 * (frame * count + k) + axis];
    return [X(at(i, 0) + (f - i) * (at(j, 0) - at(i, 0))), Y(at(i, 1) + (f - i) * (at(j, 1) - at(i, 1)))];
  };
  path.moveTo(...point(from));
  for (let f = Math.floor(from) + 1; f < to; f++) path.lineTo(...point(f));
  path.lineTo(...point(to));
  return path;
}

/**
 * One particle with its whole trajectory, and x̂0.
 * @param {Pen} g @param {Theme} theme @param {PointClouds} data @param {Scale} map @param {Entry} entry @param {number} position
 * @param {number} k
 */
function paintPicked(g, theme, data, map, { cloud, number, hollow }, position, k) {
  const places = positionsAt(cloud, position);
  const [x, y] = [map.X(places[2 * k]), map.Y(places[2 * k + 1])];
  const now = frameAt(cloud, position);
  const color = colorOf(theme, data, k, number);
  g.lineJoin = "round";
  for (const [from, to, dash] of /** @type {[number, number, number[]][]} */ ([[0, now, []], [now, cloud.x.shape[0] - 1, [2, 4]]])) {
    const path = pathOf(g, cloud, map, k, from, to);
    g.setLineDash(dash);
    g.lineWidth = 4;
    g.strokeStyle = theme.bg;
    g.stroke(path);
    g.lineWidth = 2;
    g.strokeStyle = color;
    g.stroke(path);
  }
  if (cloud.x0) {
    const x0 = positionsAt(cloud, Math.floor(position), cloud.x0.values);
    const [x0x, x0y] = [map.X(x0[2 * k]), map.Y(x0[2 * k + 1])];
    g.setLineDash([5, 4]);
    g.lineWidth = 1.6;
    g.strokeStyle = theme.text;
    line(g, x, y, x0x, x0y);
    g.setLineDash([]);
    g.lineWidth = 2.4;
    line(g, x0x - 6, x0y - 6, x0x + 6, x0y + 6);
    line(g, x0x + 6, x0y - 6, x0x - 6, x0y + 6);
  }
  g.setLineDash([]);
  const path = pathFor(g);
  addShape(path, data.labels ? SHAPES[Math.max(0, data.labels.values[k])] : "circle", x, y, 6);
  g.fillStyle = hollow ? theme.bg : color;
  g.fill(path);
  g.lineWidth = 2;
  g.strokeStyle = hollow ? color : theme.text;
  g.stroke(path);
}

/** @param {Pen} g @param {Theme} theme @param {number} size @param {VectorField} field @param {number} position */
function paintField(g, theme, size, { grid, vectors, level_index: levels }, position) {
  const level = levels[Math.round(position)];
  const cell = size / grid;
  g.strokeStyle = theme.text;
  g.globalAlpha = 0.6;
  g.lineWidth = 1.2;
  g.beginPath();
  for (let n = 0; n < grid * grid; n++) {
    let [vx, vy] = [vectors.values[2 * (level * grid * grid + n)], -vectors.values[2 * (level * grid * grid + n) + 1]];
    const length = Math.hypot(vx, vy);
    if (length < 0.03) continue;
    const fit = (Math.min(1, length) / length) * cell * 0.86;
    [vx, vy] = [vx * fit, vy * fit];
    const [x, y] = [((n % grid) + 0.5) * cell - vx / 2, size - (Math.floor(n / grid) + 0.5) * cell - vy / 2];
    g.moveTo(x, y);
    g.lineTo(x + vx, y + vy);
    g.moveTo(x + 0.62 * vx - 0.22 * vy, y + 0.62 * vy + 0.22 * vx);
    g.lineTo(x + vx, y + vy);
    g.lineTo(x + 0.62 * vx + 0.22 * vy, y + 0.62 * vy - 0.22 * vx);
  }
  g.stroke();
  g.globalAlpha = 1;
}

/** @type {HTMLCanvasElement | null} */
let cells = null;

/**
 * How many particles there are where: counted in cells, smoothed, drawn in one colour, darker where there are more.
 * @param {Pen} g @param {Theme} theme @param {PointClouds} data @param {number} size @param {Float32Array} places @param {number} number
 */
function paintDensity(g, theme, data, size, places, number) {
  const half = data.half_width;
  let counts = new Float32Array(CELLS * CELLS);
  for (let i = 0; i < places.length; i += 2) {
    const x = Math.floor(((places[i] + half) / (2 * half)) * CELLS);
    const y = Math.floor(((half - places[i + 1]) / (2 * half)) * CELLS);
    if (x >= 0 && y >= 0 && x < CELLS && y < CELLS) counts[y * CELLS + x]++;
  }
  for (let round = 0; round < 2; round++) counts = blurred(blurred(counts, 1), CELLS);
  const most = counts.reduce((a, b) => Math.max(a, b), 1e-9);
  cells ??= el("canvas", { width: CELLS, height: CELLS });
  const pen = context2d(cells);
  pen.fillStyle = theme.series[data.class_names.length ? 5 : number];
  pen.fillRect(0, 0, CELLS, CELLS);
  const image = pen.getImageData(0, 0, CELLS, CELLS);
  for (let i = 0; i < counts.length; i++) image.data[4 * i + 3] = 235 * Math.sqrt(counts[i] / most);
  pen.putImageData(image, 0, 0);
  g.imageSmoothingEnabled = true;
  g.drawImage(cells, 0, 0, size, size);
}

/**
 * Smoothed along one axis.
 * @param {Float32Array} counts @param {number} stride
 */
function blurred(counts, stride) {
  const result = new Float32Array(counts.length);
  for (let i = 0; i < counts.length; i++) {
    const along = stride === 1 ? i % CELLS : Math.floor(i / CELLS);
    result[i] = counts[i] / 2 + ((along ? counts[i - stride] : 0) + (along < CELLS - 1 ? counts[i + stride] : 0)) / 4;
  }
  return result;
}
