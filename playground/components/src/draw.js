// Axes, ticks, numbers and colours for the canvases of all components.

export const FONT_SIZE = 14;

const NAMES = ["text", "muted", "bg", "surface", "border", "accent", "s0", "s1", "s2", "s3", "s4", "s5"];

// The colours that CSS resolves to here, as canvas can use them. Also marks the root as dark or light.
export function readTheme(root) {
  const probe = document.createElement("span");
  probe.style.display = "none";
  root.append(probe);
  const read = (name) => {
    probe.style.color = `var(--dp-${name})`;
    return getComputedStyle(probe).color;
  };
  const scheme = luminance(read("bg")) < 0.4 ? "dark" : "light";
  if (root.dataset.scheme !== scheme) root.dataset.scheme = scheme;
  const theme = Object.fromEntries(NAMES.map((name) => [name, read(name)]));
  probe.remove();
  theme.font = getComputedStyle(root).fontFamily || "sans-serif";
  theme.series = [theme.s0, theme.s1, theme.s2, theme.s3, theme.s4, theme.s5];
  theme.stamp = NAMES.map((name) => theme[name]).join() + theme.font;
  return theme;
}

function luminance(color) {
  const pixel = document.createElement("canvas");
  pixel.width = pixel.height = 1;
  const g = pixel.getContext("2d", { willReadFrequently: true });
  g.fillStyle = "#fff";
  g.fillRect(0, 0, 1, 1);
  g.fillStyle = color;
  g.fillRect(0, 0, 1, 1);
  const [r, green, b] = g.getImageData(0, 0, 1, 1).data;
  return (0.2126 * r + 0.7152 * green + 0.0722 * b) / 255;
}

// A context in CSS pixels on a canvas with as many pixels as the screen has.
export function fitCanvas(canvas, width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const w = Math.max(1, Math.round(width * ratio));
  const h = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return g;
}

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export function power(exponent) {
  return "10" + [...String(exponent)].map((digit) => SUPERSCRIPT[digit]).join("");
}

// A number for reading: three or four digits, a real minus, powers of ten where decimals would be long.
export function formatNumber(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (size >= 1e5 || size < 1e-3) {
    const exponent = Math.floor(Math.log10(size) + 1e-12);
    const mantissa = Number((value / 10 ** exponent).toPrecision(Math.min(3, digits)));
    text = mantissa === 1 ? power(exponent) : `${mantissa} · ${power(exponent)}`;
  } else if (size >= 1000) text = Math.round(value).toLocaleString("en-US").replaceAll(",", "\u2009");
  else text = String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

export function linearTicks(lo, hi, count) {
  const span = hi - lo;
  if (!(span > 0)) return [lo];
  const raw = span / Math.max(1, count);
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= raw * 0.999) ?? 10 * unit;
  const ticks = [];
  for (let k = Math.ceil(lo / step - 1e-9); k <= Math.floor(hi / step + 1e-9); k++) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

export function logTicks(lo, hi, count) {
  const a = Math.ceil(Math.log10(lo) - 1e-9);
  const b = Math.floor(Math.log10(hi) + 1e-9);
  if (b - a < 1) {
    const ticks = [];
    for (let e = a - 1; e <= b + 1; e++) for (const m of [1, 2, 5]) ticks.push(m * 10 ** e);
    const inside = ticks.filter((t) => t >= lo * 0.999 && t <= hi * 1.001);
    return inside.length >= 2 ? inside : linearTicks(lo, hi, count).filter((t) => t > 0);
  }
  const every = Math.max(1, Math.ceil((b - a + 1) / Math.max(2, count)));
  const ticks = [];
  for (let e = Math.ceil(a / every) * every; e <= b; e += every) ticks.push(10 ** e);
  return ticks;
}

// The range that holds all values, a little wider, on round numbers where it is linear.
export function niceRange(values, log, fixed) {
  if (fixed) return fixed;
  let lo = Infinity;
  let hi = -Infinity;
  for (const v of values) {
    if (v === null || !Number.isFinite(v) || (log && v <= 0)) continue;
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  if (lo > hi) return log ? [0.1, 1] : [0, 1];
  if (log) {
    const margin = Math.max(0.03, 0.05 * Math.log10(hi / lo));
    return [lo / 10 ** margin, hi * 10 ** margin];
  }
  if (lo === hi) return lo === 0 ? [0, 1] : [Math.min(0, 2 * lo), Math.max(0, 2 * hi)];
  const span = hi - lo;
  const low = lo >= 0 && lo < 0.35 * hi ? 0 : lo - 0.05 * span;
  const high = hi <= 0 && hi > 0.35 * lo ? 0 : hi + 0.05 * span;
  return [low, high];
}

// Draws grid, ticks and labels; returns X(v), Y(v), their inverse for x, and the plot's rectangle.
// The y label stands above the axis, upright: it reads at a projector's distance and takes no width.
export function axes(g, theme, width, height, { x, y, logX = false, logY = false, xLabel = "", yLabel = "", inset = 0 }) {
  const fraction = (v, [lo, hi], log) => (log ? Math.log(v / lo) / Math.log(hi / lo) : (v - lo) / (hi - lo));
  g.font = `${FONT_SIZE}px ${theme.font}`;
  const yTicks = logY ? logTicks(y[0], y[1], 5) : linearTicks(y[0], y[1], Math.max(2, Math.min(5, height / 45)));
  const label = (v, log, ticks) => (log && ticks.every((t) => isPower(t)) ? power(Math.round(Math.log10(v))) : formatNumber(v));
  const yTexts = yTicks.map((v) => label(v, logY, yTicks));
  const left = Math.ceil(Math.max(20, ...yTexts.map((text) => g.measureText(text).width))) + 10 + inset;
  const top = yLabel ? 28 : 10;
  const right = 14;
  const bottom = xLabel ? 46 : 26;
  const rect = { x: left, y: top, w: Math.max(10, width - left - right), h: Math.max(10, height - top - bottom) };
  const X = (v) => rect.x + fraction(v, x, logX) * rect.w;
  const Y = (v) => rect.y + rect.h - fraction(v, y, logY) * rect.h;
  const unX = (px) => {
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
  const xTicks = logX ? logTicks(x[0], x[1], rect.w / 70) : linearTicks(x[0], x[1], Math.max(2, Math.min(8, rect.w / 62)));
  g.textBaseline = "alphabetic";
  g.textAlign = "center";
  for (const v of xTicks) {
    const px = X(v);
    line(g, Math.round(px) + 0.5, rect.y + rect.h, Math.round(px) + 0.5, rect.y + rect.h + 5);
    const text = label(v, logX, xTicks);
    const half = g.measureText(text).width / 2;
    g.fillText(text, Math.min(Math.max(px, half), width - half - 1), rect.y + rect.h + 20);
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

function isPower(v) {
  const e = Math.log10(v);
  return Math.abs(e - Math.round(e)) < 1e-6;
}

function line(g, x0, y0, x1, y1) {
  g.beginPath();
  g.moveTo(x0, y0);
  g.lineTo(x1, y1);
  g.stroke();
}

// A polyline over x[], y[] with gaps where there is no value (or none on a log axis).
export function polyline(g, { X, Y }, x, y, logX, logY) {
  g.beginPath();
  let pen = false;
  for (let i = 0; i < x.length; i++) {
    const ok = x[i] !== null && y[i] !== null && (!logX || x[i] > 0) && (!logY || y[i] > 0);
    if (ok && pen) g.lineTo(X(x[i]), Y(y[i]));
    else if (ok) g.moveTo(X(x[i]), Y(y[i]));
    pen = ok;
  }
  g.stroke();
}

// y at x between the nearest two points; null outside and in gaps.
export function interpolate(xs, ys, x) {
  const n = xs.length;
  if (!n || x === null || x < Math.min(xs[0], xs[n - 1]) || x > Math.max(xs[0], xs[n - 1])) return null;
  const up = xs[n - 1] >= xs[0];
  let lo = 0;
  let hi = n - 1;
  while (hi - lo > 1) {
    const mid = (lo + hi) >> 1;
    if (up ? xs[mid] <= x : xs[mid] >= x) lo = mid;
    else hi = mid;
  }
  if (xs[lo] === x || lo === hi) return ys[lo];
  if (xs[hi] === x) return ys[hi];
  if (ys[lo] === null || ys[hi] === null) return null;
  return ys[lo] + ((ys[hi] - ys[lo]) * (x - xs[lo])) / (xs[hi] - xs[lo]);
}

export function dot(g, theme, x, y, color, radius = 5.5) {
  g.beginPath();
  g.arc(x, y, radius, 0, 2 * Math.PI);
  g.fillStyle = color;
  g.fill();
  g.lineWidth = 2;
  g.strokeStyle = theme.bg;
  g.stroke();
}

// One of the shapes that tell series apart without their colour, of about the same area.
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

function polygon(g, points) {
  points.forEach(([x, y], k) => (k ? g.lineTo(x, y) : g.moveTo(x, y)));
  g.closePath();
}

// Text on a pill of the background's colour, kept inside [0, width].
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
