// A step of one particle drawn in the plane: its vectors head to tail, the places it is about, and the data behind it.
//
//   paintPlane(g, theme, size, view, scene, hot)
//
// view: {x, y, half}, a square. scene: {data, thoughts: [[row, weight]], way: [[x, y]], now, arrows: [{kind, label, from, to, raw}],
// spots: [{kind, label, at, mark}], rings: [{at, radius, kind, dashed}]}; hot: the kind of part that is pointed at, or null.
import { hueNumber } from "./equation.js";

const TURN = 2 * Math.PI;

export const mapOf = (view, size) => ([x, y]) => [((x - view.x + view.half) / (2 * view.half)) * size, ((view.y + view.half - y) / (2 * view.half)) * size];

export function paintPlane(g, theme, size, view, scene, hot) {
  const map = mapOf(view, size);
  const faint = (kind) => (hot && kind !== hot ? 0.22 : 1);
  const color = (kind) => theme.series[hueNumber(kind)];
  g.save();
  g.beginPath();
  g.rect(0, 0, size, size);
  g.clip();
  g.fillStyle = theme.surface;
  g.fillRect(0, 0, size, size);
  dots(g, theme, map, scene);
  path(g, theme, map, scene.way.slice(0, scene.now + 1), []);
  path(g, theme, map, scene.way.slice(scene.now), [2, 4]);
  cross(g, theme.muted, map([0, 0]), 5, 1.2);
  for (const ring of scene.rings) {
    g.globalAlpha = faint(ring.kind);
    stroke(g, color(ring.kind), 1.6, ring.dashed ? [5, 4] : []);
    g.beginPath();
    g.arc(...map(ring.at), Math.max(0, (ring.radius * size) / (2 * view.half)), 0, TURN);
    g.stroke();
  }
  const labels = [];
  for (const part of scene.arrows) {
    const strong = part.kind === hot;
    g.globalAlpha = faint(part.kind);
    if (strong) {
      // Before it was weighted: from the same tail, so that it is seen how much of it counts.
      const end = [part.from[0] + part.raw[0], part.from[1] + part.raw[1]];
      stroke(g, color(part.kind), 1.6, [3, 4]);
      segment(g, map(part.from), map(end));
      ring(g, map(end), 4);
    }
    arrow(g, color(part.kind), map(part.from), map(part.to), strong ? 4.5 : 2.6);
    const middle = [0, 1].map((axis) => (part.from[axis] + part.to[axis]) / 2);
    if (Math.hypot(...[0, 1].map((axis) => map(part.to)[axis] - map(part.from)[axis])) > 26 || strong) labels.push([part.label, map(middle), part.kind, -9]);
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
  const taken = [];
  for (const [text, at, kind, below] of labels) {
    g.globalAlpha = faint(kind);
    label(g, theme, color(kind), text, at, below, size, taken);
  }
  g.restore();
}

// The part whose arrow or spot is nearest to a place on the canvas, if one is near.
export function partAt(place, view, size, scene) {
  const map = mapOf(view, size);
  let [best, nearest] = [null, 12];
  for (const { kind, at } of scene.spots) {
    const d = Math.hypot(map(at)[0] - place[0], map(at)[1] - place[1]);
    if (d < nearest) [best, nearest] = [kind, d];
  }
  for (const { kind, from, to } of scene.arrows) {
    const [a, b] = [map(from), map(to)];
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const along = Math.max(0, Math.min(1, ((place[0] - a[0]) * dx + (place[1] - a[1]) * dy) / Math.max(1e-9, dx * dx + dy * dy)));
    const d = Math.hypot(a[0] + along * dx - place[0], a[1] + along * dy - place[1]);
    if (d < nearest - 4) [best, nearest] = [kind, d];
  }
  return best;
}

function dots(g, theme, map, { data, thoughts }) {
  g.fillStyle = theme.muted;
  g.globalAlpha = 0.45;
  g.beginPath();
  for (let k = 0; k < data.length; k += 2) {
    const [x, y] = map([data[k], data[k + 1]]);
    g.rect(x - 1, y - 1, 2, 2);
  }
  g.fill();
  const most = Math.max(1e-12, ...thoughts.map(([, weight]) => weight));
  g.fillStyle = theme.series[2];
  g.globalAlpha = 0.6;
  for (const [row, weight] of thoughts) {
    g.beginPath();
    g.arc(...map([data[2 * row], data[2 * row + 1]]), 1 + 4.5 * Math.sqrt(weight / most), 0, TURN);
    g.fill();
  }
  g.globalAlpha = 1;
}

function path(g, theme, map, places, dash) {
  g.globalAlpha = 0.55;
  stroke(g, theme.text, 1.2, dash);
  g.beginPath();
  places.forEach((place, k) => (k ? g.lineTo(...map(place)) : g.moveTo(...map(place))));
  g.stroke();
  g.globalAlpha = 1;
}

function stroke(g, color, width, dash) {
  g.strokeStyle = color;
  g.lineWidth = width;
  g.lineCap = "round";
  g.setLineDash(dash);
}

function segment(g, a, b) {
  g.beginPath();
  g.moveTo(...a);
  g.lineTo(...b);
  g.stroke();
}

function ring(g, at, radius) {
  g.setLineDash([]);
  g.beginPath();
  g.arc(...at, radius, 0, TURN);
  g.stroke();
}

function arrow(g, color, a, b, width) {
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
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

function cross(g, color, [x, y], r, width) {
  stroke(g, color, width, []);
  segment(g, [x - r, y], [x + r, y]);
  segment(g, [x, y - r], [x, y + r]);
}

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

// A name beside its place, moved down until it covers no other.
function label(g, theme, color, text, at, below, size, taken) {
  g.font = `600 15px ${theme.font}`;
  g.textAlign = "center";
  g.textBaseline = "middle";
  const half = g.measureText(text).width / 2;
  const x = Math.max(half + 3, Math.min(size - half - 3, at[0]));
  let y = at[1] + below;
  if (at[0] < 0 || at[1] < 0 || at[0] > size || at[1] > size) return;
  const covers = () => taken.some(([left, top, wide]) => Math.abs(x - left) < half + wide + 2 && Math.abs(y - top) < 15);
  while (covers() && y < size - 24) y += 5;
  y = Math.max(10, Math.min(size - 10, y));
  taken.push([x, y, half]);
  g.setLineDash([]);
  g.lineJoin = "round";
  g.lineWidth = 4;
  g.strokeStyle = theme.surface;
  g.strokeText(text, x, y);
  g.fillStyle = color;
  g.fillText(text, x, y);
}
