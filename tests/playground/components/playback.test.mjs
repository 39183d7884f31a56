import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { playback } from "../../../playground/components/src/playback.js";
import { rowsAt, tuple, valuesAt } from "../../../playground/components/src/step_sums.js";

let now = 0;
let frames = [];
globalThis.requestAnimationFrame = (draw) => frames.push(draw);
globalThis.cancelAnimationFrame = (id) => (frames[id - 1] = () => {});
Object.defineProperty(globalThis, "performance", { value: { now: () => now } });
beforeEach(() => ([now, frames] = [0, []]));

/** Lets time pass, a frame every 20 ms. */
function pass(milliseconds) {
  for (const end = now + milliseconds; now < end; ) {
    now += 20;
    const due = frames;
    frames = [];
    for (const draw of due) draw(now);
  }
}

function clock(options = {}) {
  const seen = [];
  const it = playback({ last: () => 10, fps: () => 10, onChange: (position) => seen.push(position), ...options });
  return { it, seen };
}

test("it runs to the end, stops there and says so", () => {
  let ended = 0;
  const { it } = clock({ onEnd: () => ended++ });
  it.start();
  pass(500);
  assert.ok(it.isPlaying);
  assert.ok(Math.abs(it.position - 5) < 0.3);
  pass(1000);
  assert.deepEqual([it.isPlaying, it.position, ended], [false, 10, 1]);
  it.start();
  assert.equal(it.position, 0, "from the end it begins again");
});

test("stopped between two frames it rests on the nearest; stepped it is never between", () => {
  const { it } = clock();
  it.start();
  pass(260);
  assert.notEqual(it.position, Math.round(it.position));
  it.stop();
  assert.equal(it.position, 3);
  const stepped = clock({ isStepped: true });
  stepped.it.start();
  pass(700);
  for (const position of stepped.seen) assert.ok(Number.isInteger(position));
});

test("it repeats after a moment at the end, but not where it may not", () => {
  const { it } = clock();
  it.setLoop(true);
  it.start();
  pass(1500);
  assert.deepEqual([it.isPlaying, it.position], [true, 10]);
  pass(700);
  assert.ok(it.isPlaying && it.position < 6);
  const live = clock({ canLoop: () => false });
  live.it.setLoop(true);
  live.it.start();
  pass(1500);
  assert.equal(live.it.isPlaying, false);
});

test("another speed counts from where it stands, and a move keeps it running", () => {
  const { it } = clock({ last: () => 1000 });
  it.start();
  pass(1000);
  it.setSpeed(4);
  pass(1000);
  assert.ok(Math.abs(it.position - 50) < 2);
  it.moveTo(200);
  pass(100);
  assert.ok(it.isPlaying && Math.abs(it.position - 204) < 2);
  it.moveTo(5000);
  assert.equal(it.position, 1000);
});

test("a step is the sum of its products, with a coefficient for all pixels or for each", () => {
  const pictures = [[2, 3], [10, 20], [0.5, -1]];
  const pool = { at: (k, [, column]) => pictures[k][column] };
  const picture = (index, kind) => ({ kind, symbol: kind, title: kind, index, vmax: 1 });
  const equation = { name: "step", result: picture(0, "next"), terms: [{ ...picture(0, "x"), coefficient: 2, coefficient_map: null }, { ...picture(1, "noise"), coefficient: 0, coefficient_map: 2 }] };
  assert.equal(valuesAt(equation, pool, [0, 0]).sum, 2 * 2 + 0.5 * 10);
  assert.equal(valuesAt(equation, pool, [0, 1]).sum, 2 * 3 - 20);
  const rows = rowsAt([{ step: 1, t: 9, equations: [equation] }], pool, [0, 0]);
  assert.deepEqual(rows[1], [1, 9, "step", "noise", 0.5, 10, 5, 9]);
  assert.deepEqual([tuple([1, 1], 2, true), tuple([1, -2], 1)], ["1.00", "(1.0, −2.0)"]);
});
