// Numbers for reading, and the ranges and ticks of axes. Nothing here needs a page.

/** @type {Record<string, string>} */
const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/** @param {number} exponent */
export function power(exponent) {
  return "10" + [...String(exponent)].map((digit) => SUPERSCRIPT[digit]).join("");
}

/**
 * A number for reading: three or four digits, a real minus, powers of ten where decimals would be long.
 * @param {number | null | undefined} value
 */
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

/**
 * A value as a chart writes it: what is nothing but rounding beside the ends of its axis is 0.
 * @param {number | null | undefined} value @param {[number, number]} axis @param {boolean} [log]
 */
export function formatOn(value, [low, high], log = false, digits = 3) {
  return formatNumber(!log && Math.abs(value ?? 0) < 1e-9 * (high - low) ? value && 0 : value, digits);
}

/**
 * With a fixed number of decimals.
 * @param {number} value
 */
export const formatFixed = (value, decimals = 3) => (Number.isFinite(value) ? value.toFixed(decimals).replace("-", "−") : "–");

/** @param {number} share */
export const formatShare = (share) => `${(100 * share).toFixed(share >= 0.01 ? 0 : 2)} %`;

/**
 * @param {number} lo @param {number} hi
 * @param {number} count  how many there should be, about
 */
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

/** @param {number} lo  positive @param {number} hi @param {number} count */
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

/**
 * The least and the largest value; null where there is none. On a logarithmic axis only positive ones count.
 * @param {Iterable<number | null | undefined>} values @returns {[number, number] | null}
 */
export function extent(values, log = false) {
  let lo = Infinity;
  let hi = -Infinity;
  for (const v of values) {
    if (v === null || v === undefined || !Number.isFinite(v) || (log && v <= 0)) continue;
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  return lo > hi ? null : [lo, hi];
}

/**
 * The range that holds all values, a little wider, on round numbers where it is linear.
 * @param {Iterable<number | null>} values @param {boolean} log
 * @param {[number, number] | null} [fixed]  given, it is the range
 * @returns {[number, number]}
 */
export function niceRange(values, log, fixed) {
  if (fixed) return fixed;
  const range = extent(values, log);
  if (!range) return log ? [0.1, 1] : [0, 1];
  const [lo, hi] = range;
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

/**
 * y at x between the nearest two points; null outside and in gaps.
 * @param {(number | null)[]} xs  rising or falling, without gaps
 * @param {(number | null)[]} ys @param {number | null} x
 */
export function interpolate(xs, ys, x) {
  const n = xs.length;
  const at = (/** @type {number} */ k) => xs[k] ?? NaN;
  if (!n || x === null || x < Math.min(at(0), at(n - 1)) || x > Math.max(at(0), at(n - 1))) return null;
  const up = at(n - 1) >= at(0);
  let lo = 0;
  let hi = n - 1;
  while (hi - lo > 1) {
    const mid = (lo + hi) >> 1;
    if (up ? at(mid) <= x : at(mid) >= x) lo = mid;
    else hi = mid;
  }
  const [low, high] = [ys[lo], ys[hi]];
  if (xs[lo] === x || lo === hi) return low;
  if (xs[hi] === x) return high;
  if (low === null || high === null) return null;
  return low + ((high - low) * (x - at(lo))) / (at(hi) - at(lo));
}

/**
 * What belongs to position i, or to the nearest before it that is there: while frames arrive, some may be missing.
 * @template T
 * @param {ArrayLike<T>} values @param {number} i @returns {T | undefined}
 */
export function valueAt(values, i) {
  for (let k = Math.min(i, values.length - 1); k >= 0; k--) if (values[k] !== undefined) return values[k];
  return undefined;
}

/**
 * Values with fresh ones from `first` on. While messages are missing, there are gaps.
 * @template T
 * @param {T[]} old @param {T[]} fresh @param {number} first
 * @param {boolean} isAdding  else the old ones go
 * @returns {T[]}
 */
export function extended(old, fresh, first, isAdding) {
  const result = isAdding ? old.slice(0, first) : [];
  fresh.forEach((value, i) => (result[(isAdding ? first : 0) + i] = value));
  return result;
}

/**
 * A range as an axis has it: from right to left where all of these fall, as time steps do along a trajectory from noise to data.
 * @param {[number, number]} range @param {(number | null)[][]} along @returns {[number, number]}
 */
export function directed([low, high], along) {
  const known = along.map((values) => values.filter((v) => v !== null && v !== undefined)).filter((values) => values.length > 1);
  const falls = known.length > 0 && known.every((values) => /** @type {number} */ (values[0]) > /** @type {number} */ (values[values.length - 1]));
  return falls ? [high, low] : [low, high];
}
