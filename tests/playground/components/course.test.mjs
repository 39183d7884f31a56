// The course in the browser: facts of a lab, answers and whether they are right, and progress that a browser keeps.
import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";

/** @type {Map<string, string>} */
let kept = new Map();
globalThis.localStorage = /** @type {any} */ ({ getItem: (/** @type {string} */ name) => kept.get(name) ?? null, setItem: (/** @type {string} */ name, /** @type {string} */ value) => kept.set(name, value) });
globalThis.window = /** @type {any} */ (new EventTarget());
globalThis.location = /** @type {any} */ ({ pathname: "/app/forward", search: "?T=500&schedule=cosine" });
globalThis.document = /** @type {any} */ ({ querySelectorAll: () => [{ dataset: { facts: '{"state":"finished","done":20}' } }] });

const { factsNow, holds, publishFacts } = await import("../../../playground/components/src/facts.js");
const { exported, importProgress, lessonProgress, readProgress, resetProgress, writePlace, writeStep } = await import("../../../playground/components/src/course_progress.js");
const { inWords, isRight, rightInWords } = await import("../../../playground/components/src/rail_questions.js");

beforeEach(() => {
  kept = new Map();
});

test("facts are what the address, the server and the figures say, the address without defaults", () => {
  publishFacts({ t: 259 });
  const facts = factsNow({ T: "200", seed: "0" });
  assert.deepEqual(facts, { "forward.t": 259, "forward.T": "500", "forward.schedule": "cosine", "forward.seed": "0", "forward.state": "finished", "forward.done": 20 });
});

test("a condition holds for a value, within bounds, and never for what is not known", () => {
  const facts = { "forward.t": 259, "forward.schedule": "cosine", "forward.T": "500" };
  const one = { fact: "forward.t", is_: null, least: 250, most: 268 };
  assert.equal(holds(one, facts), true);
  assert.equal(holds({ ...one, least: 260 }, facts), false);
  assert.equal(holds({ ...one, least: null, most: 258 }, facts), false);
  assert.equal(holds({ fact: "forward.schedule", is_: "cosine", least: null, most: null }, facts), true);
  assert.equal(holds({ fact: "forward.schedule", is_: "linear", least: null, most: null }, facts), false);
  assert.equal(holds({ fact: "forward.T", is_: null, least: 300, most: null }, facts), true);
  assert.equal(holds({ ...one, fact: "forward.position" }, facts), false);
});

const number = { text: "", hint: "", choices: [], order: null, number: { low: 0, high: 1, step: 0.01, unit: "bits", answer: 0.6, within: 0.05, mark: "", why: "" } };
const order = { text: "", hint: "", choices: [], number: null, order: { items: ["<i>a</i>", "b", "c"], why: "" } };

test("a number is right within its tolerance, an order in one way only, a choice as it is marked", () => {
  assert.equal(isRight(number, 0.64), true);
  assert.equal(isRight(number, 0.66), false);
  assert.equal(isRight(order, [0, 1, 2]), true);
  assert.equal(isRight(order, [1, 0, 2]), false);
  const choices = { ...number, number: null, choices: [{ text: "a", right: false, why: "" }, { text: "b", right: true, why: "" }] };
  assert.equal(isRight(choices, 1), true);
  assert.equal(isRight(choices, 0), false);
});

test("a number reads with the decimals of its slider, and its unit", () => {
  assert.equal(inWords(number, 0.5), "0.50 bits");
  assert.equal(rightInWords(number), "0.60 bits");
});

test("progress of lessons and steps is kept, exported, imported and reset", () => {
  writePlace(2, 3);
  writeStep(2, 3, { answers: [500], done: true });
  writeStep(2, 3, { text: "高斯" });
  assert.deepEqual(lessonProgress(2), { at: 3, steps: { 3: { answers: [500], done: true, text: "高斯" } } });
  assert.deepEqual(lessonProgress(1), { at: 0, steps: {} });
  const file = exported(readProgress());
  resetProgress();
  assert.deepEqual(readProgress(), {});
  assert.equal(importProgress(file), true);
  assert.equal(lessonProgress(2).steps[3].text, "高斯");
});

test("what is no progress of the course is refused and changes nothing", () => {
  writePlace(1, 2);
  for (const text of ["", "[]", "null", "{}", '{"version":2,"lessons":{"1":{"at":0,"steps":{}}}}', '{"version":1,"lessons":{"1":{"at":"0"}}}', '{"version":1,"lessons":7}']) assert.equal(importProgress(text), false, text);
  assert.equal(lessonProgress(1).at, 2);
});

test("a browser that keeps nothing, or something else, begins anew", () => {
  kept.set("dp-course", "not JSON");
  assert.deepEqual(readProgress(), {});
  localStorage.setItem = () => {
    throw new Error("full");
  };
  writePlace(1, 2);
});
