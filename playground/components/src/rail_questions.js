// The questions of a lesson: how each kind is answered, whether an answer is right, and how it reads.
/** @import { RailQuestion } from "../payloads.js" */
import { el, iconButton, markup, plainText } from "./dom.js";
import { _ } from "./language.js";

/** @typedef {number | number[]} Answer  a choice's number, a number, or the order of things by their places in the right one */

/** @param {RailQuestion} question @param {Answer} answer */
export function isRight(question, answer) {
  if (question.number) return Math.abs(Number(answer) - question.number.answer) <= question.number.within;
  if (question.order) return Array.isArray(answer) && answer.every((item, k) => item === k);
  return question.choices[Number(answer)]?.right ?? false;
}

/**
 * A number as its slider has it: with as many decimals.
 * @param {NonNullable<RailQuestion["number"]>} number @param {number} value
 */
function onSlider(number, value) {
  const decimals = Math.max(0, Math.ceil(-Math.log10(number.step) - 1e-9));
  return `${value.toFixed(decimals)}${number.unit && ` ${number.unit}`}`;
}

/** @param {RailQuestion} question @param {Answer} answer */
export function inWords(question, answer) {
  if (question.number) return onSlider(question.number, Number(answer));
  if (question.order) return (Array.isArray(answer) ? answer : []).map((item) => plainText(question.order?.items[item] ?? "")).join(" → ");
  return plainText(question.choices[Number(answer)]?.text ?? "");
}

/** @param {RailQuestion} question */
export function rightInWords(question) {
  if (question.number) return onSlider(question.number, question.number.answer);
  if (question.order) return inWords(question, question.order.items.map((_item, k) => k));
  return inWords(question, question.choices.findIndex((choice) => choice.right));
}

/**
 * What is said of an answer.
 * @param {RailQuestion} question @param {Answer} answer
 */
export const whyOf = (question, answer) => (question.number ?? question.order ?? question.choices[Number(answer)])?.why ?? "";

/**
 * Whether an order is not the right one at the beginning: places, mixed the same way for everybody.
 * @param {number} count
 */
function mixed(count) {
  const places = Array.from({ length: count }, (_item, k) => k);
  return count === 2 ? [1, 0] : [...places.slice(1).filter((k) => k % 2), 0, ...places.slice(1).filter((k) => !(k % 2))];
}

/**
 * Where a question is answered.
 * @param {RailQuestion} question @param {string} name  of the group, unique on the page
 * @param {(answer: Answer | null) => void} onAnswer  null while nothing is chosen
 */
export function questionView(question, name, onAnswer) {
  const id = `dp-${name}`;
  const text = el("div", { class: "dp-question-text", id }, markup(question.text).fragment);
  const body = question.number ? sliderView(question.number, id, onAnswer) : question.order ? orderView(question.order.items, onAnswer) : choicesView(question, name, onAnswer);
  return el("div", { class: "dp-question", role: question.number ? null : question.order ? "group" : "radiogroup", "aria-labelledby": id }, text, body);
}

/** @param {RailQuestion} question @param {string} name @param {(answer: Answer) => void} onAnswer */
function choicesView(question, name, onAnswer) {
  const rows = question.choices.map((choice, k) => el("label", { class: "dp-choice" }, el("input", { type: "radio", name, value: k, onchange: () => onAnswer(k) }), el("span", {}, markup(choice.text).fragment)));
  return el("div", { class: "dp-choices" }, ...rows);
}

/** @param {NonNullable<RailQuestion["number"]>} number @param {string} labelledBy @param {(answer: Answer) => void} onAnswer */
function sliderView(number, labelledBy, onAnswer) {
  const middle = number.low + Math.round((number.high - number.low) / 2 / number.step) * number.step;
  const shown = el("output", {}, onSlider(number, middle));
  const slider = el("input", { type: "range", min: number.low, max: number.high, step: number.step, value: middle, "aria-labelledby": labelledBy, "aria-valuetext": onSlider(number, middle) });
  const moved = () => {
    shown.textContent = onSlider(number, Number(slider.value));
    slider.setAttribute("aria-valuetext", shown.textContent);
    onAnswer(Number(slider.value));
  };
  slider.addEventListener("input", moved);
  onAnswer(middle); // it may be right where it stands
  return el("div", { class: "dp-slider" }, slider, shown);
}

/** @param {readonly string[]} items @param {(answer: Answer) => void} onAnswer */
function orderView(items, onAnswer) {
  let order = mixed(items.length);
  const list = el("ol", { class: "dp-order" });
  /** @param {number} from @param {number} by */
  function move(from, by) {
    const to = from + by;
    if (to < 0 || to >= order.length) return;
    order = order.map((item, k) => (k === from ? order[to] : k === to ? order[from] : item));
    draw();
    /** @type {HTMLElement | null} */ (list.children[to]?.querySelector(by < 0 ? "[data-action=up]" : "[data-action=down]"))?.focus();
    onAnswer(order);
  }
  function draw() {
    list.replaceChildren(
      ...order.map((item, k) => {
        const title = plainText(items[item]);
        const up = iconButton("back", _("Move “{title}” up", { title }), () => move(k, -1));
        const down = iconButton("forward", _("Move “{title}” down", { title }), () => move(k, 1));
        up.dataset.action = "up";
        down.dataset.action = "down";
        up.toggleAttribute("aria-disabled", k === 0);
        down.toggleAttribute("aria-disabled", k === order.length - 1);
        return el("li", {}, el("span", {}, markup(items[item]).fragment), up, down);
      }),
    );
  }
  draw();
  onAnswer(order);
  return list;
}
