// The labels of the vectors of a step: none covers another, and all stand inside the figure.
import assert from "node:assert/strict";
import { test } from "node:test";
import { freeHeight } from "../../../playground/components/src/vector_plot.js";

const SIZE = 320;

test("labels that belong to one place stand one below the other, at every border", () => {
  for (const y of [0, 5, 100, 316, 320]) {
    const taken = [];
    for (let k = 0; k < 9; k++) taken.push([150, freeHeight([150, y, 40], SIZE, taken), 40]);
    const heights = taken.map(([, at]) => at).sort((a, b) => a - b);
    heights.slice(1).forEach((at, k) => assert.ok(at - heights[k] >= 18, `${heights}`));
    assert.ok(heights[0] >= 10 && heights.at(-1) <= SIZE - 10, `${heights}`);
  }
});

test("a label that covers none stays where it belongs", () => {
  assert.equal(freeHeight([100, 60, 20], SIZE, [[160, 60, 30]]), 60);
});
