// What a class has answered to a question, as bars: how many chose what, or where on the slider.
/** @import { RailQuestion } from "../payloads.js" */
/** @import { Answer } from "./rail_questions.js" */
import { el, markup } from "./dom.js";
import { _ } from "./language.js";
import { inWords, isRight } from "./rail_questions.js";

const BINS = 12;

/**
 * @typedef {{ label: string, count: number, right: boolean }} Bar
 */

/**
 * One bar for each choice, for each of at most 12 ranges of a slider, or for each order that was given, the most frequent first.
 * @param {RailQuestion} question @param {Answer[]} answers @returns {Bar[]}
 */
export function barsOf(question, answers) {
  if (question.number) return binsOf(question.number, answers.map(Number));
  if (question.choices.length) return question.choices.map((choice, k) => ({ label: choice.text, count: answers.filter((one) => one === k).length, right: choice.right }));
  const counts = new Map();
  for (const one of answers) counts.set(JSON.stringify(one), (counts.get(JSON.stringify(one)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([text, count]) => ({ label: inWords(question, JSON.parse(text)), count, right: isRight(question, JSON.parse(text)) }));
}

/** @param {NonNullable<RailQuestion["number"]>} number @param {number[]} values @returns {Bar[]} */
function binsOf({ low, high, step, answer }, values) {
  const steps = Math.round((high - low) / step) + 1;
  const wide = Math.ceil(steps / BINS); // steps of the slider in one bar
  const binOf = (/** @type {number} */ value) => Math.floor(Math.min(steps - 1, Math.max(0, Math.round((value - low) / step))) / wide);
  const text = (/** @type {number} */ k) => `${Number((low + k * step).toPrecision(6))}`;
  return Array.from({ length: Math.ceil(steps / wide) }, (_one, bin) => ({
    label: wide === 1 ? text(bin) : `${text(bin * wide)} … ${text(Math.min(steps - 1, bin * wide + wide - 1))}`,
    count: values.filter((value) => binOf(value) === bin).length,
    right: binOf(answer) === bin,
  }));
}

/**
 * The bars; which is right is shown only where `isRevealed`.
 * @param {RailQuestion} question @param {Answer[]} answers @param {{ isRevealed: boolean }} how
 */
export function answersView(question, answers, { isRevealed }) {
  const bars = barsOf(question, answers);
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const rows = bars.map(({ label, count, right }) =>
    el("tr", { "data-right": isRevealed ? String(right) : null }, el("th", { scope: "row" }, markup(label).fragment, isRevealed && right ? el("b", {}, ` ✓ ${_("right")}`) : null), el("td", {}, el("i", { style: `width:${(100 * count) / most}%` })), el("td", { class: "dp-class-count" }, String(count))),
  );
  return el("table", { class: "dp-class-bars" }, el("caption", {}, markup(question.text).fragment), el("tbody", {}, ...rows));
}
