import assert from "node:assert/strict";
import { test } from "node:test";
import { monotoneCurve, simplify } from "../../../playground/components/src/monotone.js";
import { formatPoints, parsePoints } from "../../../playground/components/src/drawn_points.js";

const CURVE = [[0, 1], [0.2, 0.9], [0.5, 0.5], [0.8, 0.1], [1, 0]];

test("a curve meets its points and never rises between them", () => {
  const value = monotoneCurve(CURVE);
  for (const [x, y] of CURVE) assert.ok(Math.abs(value(x) - y) < 1e-12);
  let before = 1;
  for (let i = 0; i <= 1000; i++) {
    const y = value(i / 1000);
    assert.ok(y <= before + 1e-12 && y >= -1e-12);
    before = y;
  }
});

test("a level stretch stays level", () => {
  const value = monotoneCurve([[0, 1], [0.3, 0.5], [0.6, 0.5], [1, 0]]);
  for (const x of [0.3, 0.4, 0.5, 0.6]) assert.equal(value(x), 0.5);
});

test("a stroke becomes few points that keep its shape and never rise", () => {
  const stroke = Array.from({ length: 200 }, (_, i) => [i / 199, 1 - (i / 199) ** 2]);
  const points = simplify(stroke, 3, 12, 0.005);
  assert.ok(points.length >= 3 && points.length <= 12);
  assert.deepEqual([points[0], points.at(-1)], [[0, 1], [1, 0]]);
  const value = monotoneCurve(points);
  for (const [x, y] of stroke) assert.ok(Math.abs(value(x) - y) < 0.02);
  for (let k = 1; k < points.length; k++) assert.ok(points[k][0] > points[k - 1][0] && points[k][1] <= points[k - 1][1]);
  assert.equal(simplify([[0, 1], [1, 0]], 3, 12, 0.005).length, 3);
});

test("drawn points survive the way into a link and back", () => {
  const points = [[0, 0, 0], [1, 1, 0], [0.25, 0.75, 2]];
  const text = formatPoints(points, 4);
  assert.match(text, /^[A-Za-z0-9_.-]+$/);
  const back = parsePoints(text);
  assert.equal(back.length, points.length);
  back.forEach((point, k) => point.forEach((v, axis) => assert.ok(Math.abs(v - points[k][axis]) <= 0.5 / 4095)));
  assert.equal(formatPoints(back, 4), text);
  assert.deepEqual(parsePoints(""), []);
});
