// What the pages of a class make of answers and results.
import assert from "node:assert/strict";
import { test } from "node:test";
import { barsOf } from "../../../playground/components/src/class_answers.js";
import { listOf } from "../../../playground/components/src/class_sweep_form.js";
import { changedIn, statistics } from "../../../playground/components/src/class_wall.js";

const question = { text: "?", hint: "", choices: [], number: null, order: null };

test("every answer on a slider falls into one bar, its ends included", () => {
  const number = { low: 0, high: 1000, step: 10, unit: "", answer: 259, within: 30, mark: "t", why: "" };
  const answers = [0, 5, 250, 259.4, 999, 1000, 1000];
  const bars = barsOf({ ...question, number }, answers);
  assert.ok(bars.length <= 12);
  assert.equal(bars.reduce((sum, bar) => sum + bar.count, 0), answers.length);
  assert.equal(bars.filter((bar) => bar.right).length, 1);
  assert.equal(bars.at(-1).count, 3);
  assert.equal(bars[0].count, 2);
  assert.equal(bars.find((bar) => bar.right).count, 2);
});

test("a slider of few steps has a bar for each", () => {
  const number = { low: 1, high: 4, step: 0.5, unit: "", answer: 2, within: 0, mark: "", why: "" };
  const bars = barsOf({ ...question, number }, [1.5, 1.5, 4]);
  assert.deepEqual(bars.map((bar) => bar.label), ["1", "1.5", "2", "2.5", "3", "3.5", "4"]);
  assert.deepEqual(bars.map((bar) => bar.count), [0, 2, 0, 0, 0, 0, 1]);
});

test("choices stand in their order", () => {
  const choices = [{ text: "a", right: false, why: "" }, { text: "b", right: true, why: "" }];
  assert.deepEqual(barsOf({ ...question, choices }, [1, 1, 0]), [{ label: "a", count: 1, right: false }, { label: "b", count: 2, right: true }]);
});

test("mean and standard error", () => {
  assert.deepEqual(statistics([3]), { count: 1, mean: 3, error: 0 });
  const { mean, error } = statistics([1, 2, 3, 4]);
  assert.equal(mean, 2.5);
  assert.ok(Math.abs(error - Math.sqrt(5 / 3 / 4)) < 1e-12);
});

test("the settings in which results differ", () => {
  const result = (address) => ({ number: 1, task: "wall", address, facts: {}, changed: 0, has_picture: 0 });
  assert.deepEqual(changedIn([result("sampling?seed=1&steps=5&class=x"), result("sampling?seed=2&steps=5&lang=zh")]), ["seed"]);
  assert.deepEqual(changedIn([result("sampling?scale=3"), result("sampling")]), ["scale"]);
  assert.deepEqual(changedIn([result("sampling?seed=1")]), []);
});

test("values as a teacher writes them", () => {
  assert.deepEqual(listOf("1, 2,5"), ["1", "2", "5"]);
  assert.deepEqual(listOf(" 1、2；3，ddim "), ["1", "2；3", "ddim"].flatMap((one) => one.split("；")));
  assert.deepEqual(listOf(""), []);
});
