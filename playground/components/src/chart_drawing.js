// Axes, lines and marks for the canvases of all components.
/** @import { Frame, Mark, Pen, Point, Range, Rect, Theme } from "./types.js" */
import { clamp, formatNumber, linearTicks, logTicks, power } from "./numbers.js";
import { context2d } from "./theme.js";

export const FONT_SIZE = 14;

/**
 * A context in CSS pixels on a canvas with as many pixels as the screen has, emptied.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height
 */
export function fitCanvas(canvas, width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const w = Math.max(1, Math.round(width * ratio));
  const h = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const g = context2d(canvas);
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return g;
}

/**
 * Draws grid, ticks and labels.
 * `x` is its value at the left and at the right: time steps fall from left to right where a trajectory goes that way.
 * The y label stands above the axis, upright: it reads at a projector's distance and takes no width.
 * @param {Pen} g @param {Theme} theme @param {number} width @param {number} height
 * @param {{ x: Range, y: Range, logX?: boolean, logY?: boolean, xLabel?: string, yLabel?: string, inset?: number }} what @returns {Frame}
 */
export function axes(g, theme, width, height, { x, y, logX = false, logY = false, xLabel = "", yLabel = "", inset = 0 }) {
  const fraction = (/** @type {number} */ v, /** @type {Range} */ [lo, hi], /** @type {boolean} */ log) => (log ? Math.log(v / lo) / Math.log(hi / lo) : (v - lo) / (hi - lo));
  g.font = `${FONT_SIZE}px ${theme.font}`;
  const yTicks = logY ? logTicks(y[0], y[1], 5) : linearTicks(y[0], y[1], Math.max(2, Math.min(5, height / 45)));
  const label = (/** @type {number} */ v, /** @type {boolean} */ log, /** @type {number[]} */ ticks) => (log && ticks.every((t) => isPower(t)) ? power(Math.round(Math.log10(v))) : formatNumber(v));
  const yTexts = yTicks.map((v) => label(v, logY, yTicks));
  const left = Math.ceil(Math.max(20, ...yTexts.map((text) => g.measureText(text).width))) + 10 + inset;
  const top = yLabel ? 28 : 10;
  const right = 14;
  const bottom = xLabel ? 46 : 26;
  const rect = { x: left, y: top, w: Math.max(10, width - left - right), h: Math.max(10, height - top - bottom) };
  const X = (/** @type {number} */ v) => rect.x + fraction(v, x, logX) * rect.w;
  const Y = (/** @type {number} */ v) => rect.y + rect.h - fraction(v, y, logY) * rect.h;
  const unX = (/** @type {number} */ px) => {
    const f = (px - rect.x) / rect.w;
    return logX ? x[0] * (x[1] / x[0]) ** f : x[0] + f * (x[1] - x[0]);
  };
  g.lineWidth = 1;
  g.strokeStyle = theme.border;
  g.fillStyle = theme.muted;
  g.textBaseline = "middle";
  g.textAlign = "right";
  yTicks.forEach((v, i) => {
    const py = Math.round(Y(v)) + 0.5;
    line(g, rect.x, py, rect.x + rect.w, py);
    g.fillText(yTexts[i], rect.x - 8 - inset, py);
  });
  const [low, high] = x[0] < x[1] ? x : [x[1], x[0]];
  const xTicks = logX ? logTicks(low, high, rect.w / 70) : linearTicks(low, high, Math.max(2, Math.min(8, rect.w / 62)));
  g.textBaseline = "alphabetic";
  g.textAlign = "center";
  for (const v of xTicks) {
    const px = X(v);
    line(g, Math.round(px) + 0.5, rect.y + rect.h, Math.round(px) + 0.5, rect.y + rect.h + 5);
    const text = label(v, logX, xTicks);
    const half = g.measureText(text).width / 2;
    g.fillText(text, clamp(px, half, width - half - 1), rect.y + rect.h + 20);
  }
  g.strokeStyle = theme.muted;
  line(g, rect.x, rect.y + rect.h + 0.5, rect.x + rect.w, rect.y + rect.h + 0.5);
  if (xLabel) g.fillText(xLabel, rect.x + rect.w / 2, height - 6);
  if (yLabel) {
    g.textAlign = "left";
    g.fillText(yLabel, 0, 15);
  }
  return { X, Y, unX, rect };
}

/** @param {number} v */
function isPower(v) {
  const e = Math.log10(v);
  return Math.abs(e - Math.round(e)) < 1e-6;
}

/** @param {Pen} g @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
export function line(g, x0, y0, x1, y1) {
  g.beginPath();
  g.moveTo(x0, y0);
  g.lineTo(x1, y1);
  g.stroke();
}

/**
 * A line over x[], y[] with gaps where there is no value (or none on a logarithmic axis).
 * @param {Pen} g @param {Pick<Frame, "X" | "Y">} frame @param {(number | null)[]} x @param {(number | null)[]} y
 */
export function polyline(g, { X, Y }, x, y, logX = false, logY = false) {
  g.beginPath();
  let pen = false;
  for (let i = 0; i < x.length; i++) {
    const at = onAxes(x[i], y[i], logX, logY);
    if (at && pen) g.lineTo(X(at[0]), Y(at[1]));
    else if (at) g.moveTo(X(at[0]), Y(at[1]));
    pen = at !== null;
  }
  g.stroke();
}

/**
 * A point, or null where it has no place on the axes.
 * @param {number | null | undefined} x @param {number | null | undefined} y @returns {Point | null}
 */
export function onAxes(x, y, logX = false, logY = false) {
  if (x === null || y === null || x === undefined || y === undefined || (logX && !(x > 0)) || (logY && !(y > 0))) return null;
  return [x, y];
}

/** @param {Pen} g @param {Theme} theme @param {number} x @param {number} y @param {string} color */
export function dot(g, theme, x, y, color, radius = 5.5) {
  g.beginPath();
  g.arc(x, y, radius, 0, 2 * Math.PI);
  g.fillStyle = color;
  g.fill();
  g.lineWidth = 2;
  g.strokeStyle = theme.bg;
  g.stroke();
}

/**
 * One of the shapes that distinguish series without their colour, of about the same area.
 * @param {Pen} g @param {Theme} theme @param {Mark} shape @param {number} x @param {number} y @param {string} color
 */
export function mark(g, theme, shape, x, y, color, r = 5) {
  g.beginPath();
  if (shape === "square") g.rect(x - r, y - r, 2 * r, 2 * r);
  else if (shape === "triangle") polygon(g, [[x, y - 1.3 * r], [x + 1.25 * r, y + r], [x - 1.25 * r, y + r]]);
  else if (shape === "diamond") polygon(g, [[x, y - 1.4 * r], [x + 1.4 * r, y], [x, y + 1.4 * r], [x - 1.4 * r, y]]);
  else g.arc(x, y, 1.1 * r, 0, 2 * Math.PI);
  g.fillStyle = color;
  g.fill();
  g.lineWidth = 2;
  g.strokeStyle = theme.bg;
  g.stroke();
}

/** @param {Pen} g @param {Point[]} points */
function polygon(g, points) {
  points.forEach(([x, y], k) => (k ? g.lineTo(x, y) : g.moveTo(x, y)));
  g.closePath();
}

/**
 * Text on a pill of the background's colour, kept inside [0, width].
 * @param {Pen} g @param {Theme} theme @param {string} text @param {number} x @param {number} y @param {string} color @param {number} width
 */
export function pill(g, theme, text, x, y, color, width) {
  g.font = `600 ${FONT_SIZE}px ${theme.font}`;
  const w = g.measureText(text).width + 12;
  const px = Math.max(1, x + 10 + w > width ? x - 10 - w : x + 10);
  g.globalAlpha = 0.88;
  g.fillStyle = theme.bg;
  g.beginPath();
  g.roundRect(px, y - 11, w, 22, 6);
  g.fill();
  g.globalAlpha = 1;
  g.fillStyle = color;
  g.textAlign = "left";
  g.textBaseline = "middle";
  g.fillText(text, px + 6, y + 0.5);
}

/**
 * Nothing is drawn outside of the rectangle from here on.
 * @param {Pen} g @param {Rect} rect
 */
export function clip(g, rect, margin = 2) {
  g.beginPath();
  g.rect(rect.x - margin, rect.y - margin, rect.w + 2 * margin, rect.h + 2 * margin);
  g.clip();
}

/**
 * A dashed vertical line over the whole height of a chart.
 * @param {Pen} g @param {Theme} theme @param {Rect} rect
 * @param {number} x  in pixels
 */
export function verticalLine(g, theme, rect, x) {
  g.strokeStyle = theme.muted;
  g.lineWidth = 1.5;
  g.setLineDash([3, 4]);
  line(g, x, rect.y, x, rect.y + rect.h);
  g.setLineDash([]);
}
