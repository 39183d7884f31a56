import assert from "node:assert/strict";
import { test } from "node:test";
import { directed, extended, extent, formatFixed, formatNumber, formatOn, formatShare, interpolate, linearTicks, logTicks, niceRange, power, valueAt } from "../../../playground/components/src/numbers.js";

test("numbers are written for reading", () => {
  const written = { 0: "0", 1: "1", 0.12345: "0.123", "-2.5": "−2.5", 1234.4: "1\u2009234", 1e-5: "10⁻⁵", 2.5e6: "2.5 · 10⁶", "-3e-7": "−3 · 10⁻⁷" };
  for (const [value, text] of Object.entries(written)) assert.equal(formatNumber(Number(value)), text);
  for (const nothing of [null, undefined, NaN, Infinity]) assert.equal(formatNumber(nothing), "–");
  assert.equal(formatNumber(0.123456, 5), "0.12346");
  assert.equal(power(-12), "10⁻¹²");
  assert.equal(formatFixed(-1.23456, 2), "−1.23");
  assert.deepEqual([0.5, 0.004].map(formatShare), ["50 %", "0.40 %"]);
});

test("what is only rounding beside the axis is zero on it", () => {
  assert.equal(formatOn(-9.99e-16, [-17, 8]), "0");
  assert.equal(formatOn(3e-5, [-1e-4, 1e-4]), "3 · 10⁻⁵");
  assert.equal(formatOn(3e-16, [1e-17, 1], true), "3 · 10⁻¹⁶"); // on a logarithmic axis everything counts
  assert.equal(formatOn(null, [0, 1]), "–");
});

test("ticks are round, even, and within the range", () => {
  assert.deepEqual(linearTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(linearTicks(-3, 7, 2), [0, 5]);
  assert.deepEqual(linearTicks(2, 2, 5), [2]);
  for (const [lo, hi] of [[0.001, 7], [1e-6, 1e6], [0.3, 0.31]]) {
    for (const ticks of [linearTicks(lo, hi, 6), logTicks(lo, hi, 6)]) {
      assert.ok(ticks.length >= 1);
      for (const tick of ticks) assert.ok(tick >= lo - 1e-3 * (hi - lo) && tick <= hi + 1e-3 * (hi - lo), `${tick} in ${lo} … ${hi}`);
    }
  }
  assert.deepEqual(logTicks(1, 1e4, 5), [1, 10, 100, 1000, 10000]);
});

test("a range holds all values that have a place on its axis", () => {
  assert.deepEqual(extent([null, 3, -1, NaN, 2]), [-1, 3]);
  assert.deepEqual(extent([0, -1, 4, 2], true), [2, 4]);
  assert.equal(extent([null]), null);
  assert.deepEqual(niceRange([], false), [0, 1]);
  assert.deepEqual(niceRange([5], false, [1, 2]), [1, 2]);
  for (const values of [[1, 2, 3], [-5, -4], [0, 0], [1e-3, 1e3]]) {
    for (const log of [false, true]) {
      const [lo, hi] = niceRange(values, log);
      for (const v of values) if (!log || v > 0) assert.ok(lo <= v && v <= hi);
    }
  }
  assert.equal(niceRange([1, 10], false)[0], 0, "zero is shown where it is near");
});

test("values between points lie on the line, and there are none in gaps or outside", () => {
  for (const [xs, ys] of [[[0, 1, 3], [0, 10, 30]], [[3, 1, 0], [30, 10, 0]]]) {
    for (const x of [0, 0.5, 1, 2, 3]) assert.equal(interpolate(xs, ys, x), 10 * x);
    for (const x of [-1, 4, null]) assert.equal(interpolate(xs, ys, x), null);
  }
  assert.equal(interpolate([0, 1, 2], [0, null, 2], 0.5), null);
  assert.equal(interpolate([0, 1, 2], [0, null, 2], 2), 2);
});

test("the value of a position is its own or that of the nearest before", () => {
  const values = [];
  values[2] = "c";
  values[5] = "f";
  assert.deepEqual([1, 2, 4, 5, 9].map((i) => valueAt(values, i)), [undefined, "c", "c", "f", "f"]);
});

test("fresh values go where they belong, and gaps stay open", () => {
  const old = ["a", "b"];
  const made = extended(old, ["e", "f"], 4, true);
  assert.deepEqual([made.length, made[1], 2 in made, made[4]], [6, "b", false, "e"]);
  assert.deepEqual(extended(made, ["B"], 1, true), ["a", "B"], "what was sent again replaces what followed");
  assert.deepEqual(extended(old, ["x"], 4, false), ["x"]);
  assert.deepEqual(old, ["a", "b"]);
});

test("an axis goes the way of its playhead", () => {
  assert.deepEqual(directed([0, 1000], [[1000, 500, 20]]), [1000, 0]);
  assert.deepEqual(directed([0, 1000], [[0, 500, 1000]]), [0, 1000]);
  assert.deepEqual(directed([0, 1000], [[1000, 20], [0, 1000]]), [0, 1000]);
  assert.deepEqual(directed([0, 1], [[], [0.5]]), [0, 1]);
});
