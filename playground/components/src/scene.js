// Draws a moment of the points stage on any canvas: data, density, arrows, trails, particles, and one of them closer.

import { pathFor } from "./svg_pen.js";

const TRAILS = 28;
const CELLS = 56;

export const SHAPES = ["circle", "square", "triangle", "diamond", "plus", "bar"];

// Adds one of the shapes that tell classes apart without their colour, all of about the same area.
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

function throughCorners(path, corners) {
  corners.forEach(([x, y], k) => (k ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
}

// Where each particle is at a position between two moments: Float32Array of x, y, x, y, …
export function placesAt(cloud, position, values = cloud.x.values) {
  const size = 2 * cloud.x.shape[1];
  const f = momentAt(cloud, position);
  const from = Math.floor(f);
  const part = f - from;
  const a = values.subarray(from * size, (from + 1) * size);
  if (part < 1e-6) return a;
  const b = values.subarray((from + 1) * size, (from + 2) * size);
  const places = new Float32Array(size);
  for (let i = 0; i < size; i++) places[i] = a[i] + part * (b[i] - a[i]);
  return places;
}

export function momentAt(cloud, position) {
  const i = Math.min(cloud.at.length - 1, Math.floor(position));
  const next = cloud.at[Math.min(cloud.at.length - 1, i + 1)];
  return cloud.at[i] + (position - i) * (next - cloud.at[i]);
}

export const scale = (stage, size) => ({
  X: (x) => ((x + stage.reach) / (2 * stage.reach)) * size,
  Y: (y) => ((stage.reach - y) / (2 * stage.reach)) * size,
});

export function particleRadius(stage, size) {
  const crowd = Math.sqrt(2000 / Math.max(200, stage.clouds[0].x.shape[1]));
  return Math.max(1.3, Math.min(4.5, (size / 240) * crowd));
}

// clouds: [{ cloud, number, hollow }]; shown: which layers; picked: the number of a particle or null.
export function paintScene(g, theme, stage, size, position, clouds, shown, picked) {
  const map = scale(stage, size);
  g.fillStyle = theme.surface;
  g.fillRect(0, 0, size, size);
  if (shown.density) for (const { cloud, number } of clouds) density(g, theme, stage, size, placesAt(cloud, position), number);
  if (shown.data) dataPoints(g, theme, stage, size, map);
  if (shown.arrows && clouds[0].cloud.arrows) arrowField(g, theme, stage, size, clouds[0].cloud.arrows, position);
  if (shown.trails && stage.ways) for (const entry of clouds) trails(g, theme, stage, map, entry, position);
  if (shown.particles !== false) for (const entry of clouds) particles(g, theme, stage, size, map, entry, placesAt(entry.cloud, position));
  if (picked !== null && stage.ways) for (const entry of clouds) closer(g, theme, stage, map, entry, position, picked);
}

export function colorOf(theme, stage, k, number) {
  const label = stage.labels ? stage.labels.values[k] : -1;
  return theme.series[label >= 0 ? label % 6 : stage.class_names.length ? 5 : number];
}

function dataRadius(stage) {
  return stage.data.shape[0] > 800 ? 1.3 : 2;
}

function dataPoints(g, theme, stage, size, { X, Y }) {
  const { values } = stage.data;
  g.globalAlpha = 0.42;
  for (const [label, rows] of byLabel(stage.data_labels, values.length / 2)) {
    const path = pathFor(g);
    for (const k of rows) addShape(path, SHAPES[Math.max(0, label)], X(values[2 * k]), Y(values[2 * k + 1]), dataRadius(stage));
    g.fillStyle = label >= 0 ? theme.series[label % 6] : theme.muted;
    g.fill(path);
  }
  g.globalAlpha = 1;
}

function particles(g, theme, stage, size, { X, Y }, { number, hollow }, places) {
  const r = particleRadius(stage, size);
  g.globalAlpha = 0.85;
  g.lineWidth = 1.2;
  for (const [label, rows] of byLabel(stage.labels, places.length / 2)) {
    const path = pathFor(g);
    for (const k of rows) addShape(path, SHAPES[Math.max(0, label)], X(places[2 * k]), Y(places[2 * k + 1]), r);
    g.fillStyle = g.strokeStyle = colorOf(theme, stage, rows[0], number);
    if (hollow) g.stroke(path);
    else g.fill(path);
  }
  g.globalAlpha = 1;
}

// The rows of each label; one group where there are none.
function byLabel(labels, count) {
  if (labels?.groups) return labels.groups;
  const groups = new Map();
  for (let k = 0; k < count; k++) {
    const label = labels ? labels.values[k] : -1;
    if (!groups.has(label)) groups.set(label, []);
    groups.get(label).push(k);
  }
  if (labels) labels.groups = groups;
  return groups;
}

function trails(g, theme, stage, map, { cloud, number, hollow }, position) {
  const count = cloud.x.shape[1];
  g.globalAlpha = 0.65;
  g.lineWidth = 1.3;
  g.lineJoin = "round";
  g.setLineDash(hollow ? [4, 3] : []);
  for (let n = 0; n < Math.min(TRAILS, count); n++) {
    const k = Math.floor((n * count) / Math.min(TRAILS, count));
    g.strokeStyle = colorOf(theme, stage, k, number);
    g.stroke(pathOf(g, cloud, map, k, 0, momentAt(cloud, position)));
  }
  g.setLineDash([]);
  g.globalAlpha = 1;
}

// The way of particle k between two moments, which may lie between frames; a path for g.
export function pathOf(g, cloud, { X, Y }, k, from, to) {
  const [, count] = cloud.x.shape;
  const { values } = cloud.x;
  const path = pathFor(g);
  const point = (f) => {
    const i = Math.floor(f);
    const j = Math.min(cloud.x.shape[0] - 1, i + 1);
    const at = (frame, axis) => values[2 * (frame * count + k) + axis];
    return [X(at(i, 0) + (f - i) * (at(j, 0) - at(i, 0))), Y(at(i, 1) + (f - i) * (at(j, 1) - at(i, 1)))];
  };
  path.moveTo(...point(from));
  for (let f = Math.floor(from) + 1; f < to; f++) path.lineTo(...point(f));
  path.lineTo(...point(to));
  return path;
}

// One particle with its whole way, and x̂0: what the denoiser expects it to become.
function closer(g, theme, stage, map, { cloud, number, hollow }, position, k) {
  const places = placesAt(cloud, position);
  const [x, y] = [map.X(places[2 * k]), map.Y(places[2 * k + 1])];
  const now = momentAt(cloud, position);
  const color = colorOf(theme, stage, k, number);
  g.lineJoin = "round";
  for (const [path, dash] of [[pathOf(g, cloud, map, k, 0, now), []], [pathOf(g, cloud, map, k, now, cloud.x.shape[0] - 1), [2, 4]]]) {
    g.setLineDash(dash);
    g.lineWidth = 4;
    g.strokeStyle = theme.bg;
    g.stroke(path);
    g.lineWidth = 2;
    g.strokeStyle = color;
    g.stroke(path);
  }
  if (cloud.x0) {
    const guess = placesAt(cloud, Math.floor(position), cloud.x0.values);
    const [gx, gy] = [map.X(guess[2 * k]), map.Y(guess[2 * k + 1])];
    g.setLineDash([5, 4]);
    g.lineWidth = 1.6;
    g.strokeStyle = theme.text;
    g.beginPath();
    g.moveTo(x, y);
    g.lineTo(gx, gy);
    g.stroke();
    g.setLineDash([]);
    g.lineWidth = 2.4;
    g.beginPath();
    g.moveTo(gx - 6, gy - 6);
    g.lineTo(gx + 6, gy + 6);
    g.moveTo(gx + 6, gy - 6);
    g.lineTo(gx - 6, gy + 6);
    g.stroke();
  }
  g.setLineDash([]);
  const path = pathFor(g);
  addShape(path, stage.labels ? SHAPES[Math.max(0, stage.labels.values[k])] : "circle", x, y, 6);
  g.fillStyle = hollow ? theme.bg : color;
  g.fill(path);
  g.lineWidth = 2;
  g.strokeStyle = hollow ? color : theme.text;
  g.stroke(path);
}

function arrowField(g, theme, stage, size, { grid, vectors, at }, position) {
  const level = at[Math.round(position)];
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

const heat = document.createElement("canvas");

// How many particles there are where: counted in cells, smoothed, drawn in one colour, darker where there are more.
function density(g, theme, stage, size, places, number) {
  let counts = new Float32Array(CELLS * CELLS);
  for (let i = 0; i < places.length; i += 2) {
    const x = Math.floor(((places[i] + stage.reach) / (2 * stage.reach)) * CELLS);
    const y = Math.floor(((stage.reach - places[i + 1]) / (2 * stage.reach)) * CELLS);
    if (x >= 0 && y >= 0 && x < CELLS && y < CELLS) counts[y * CELLS + x]++;
  }
  for (let round = 0; round < 2; round++) counts = blurred(blurred(counts, 1), CELLS);
  const most = counts.reduce((a, b) => Math.max(a, b), 1e-9);
  heat.width = heat.height = CELLS;
  const pen = heat.getContext("2d");
  pen.fillStyle = theme.series[stage.class_names.length ? 5 : number];
  pen.fillRect(0, 0, CELLS, CELLS);
  const image = pen.getImageData(0, 0, CELLS, CELLS);
  for (let i = 0; i < counts.length; i++) image.data[4 * i + 3] = 235 * Math.sqrt(counts[i] / most);
  pen.putImageData(image, 0, 0);
  g.imageSmoothingEnabled = true;
  g.drawImage(heat, 0, 0, size, size);
}

function blurred(counts, stride) {
  const result = new Float32Array(counts.length);
  for (let i = 0; i < counts.length; i++) {
    const along = stride === 1 ? i % CELLS : Math.floor(i / CELLS);
    result[i] = counts[i] / 2 + ((along ? counts[i - stride] : 0) + (along < CELLS - 1 ? counts[i + stride] : 0)) / 4;
  }
  return result;
}
