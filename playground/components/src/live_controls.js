// Controls of figures that the browser computes itself: each is a label with what it changes.
import { el, options } from "./dom.js";

/**
 * @param {string} name @param {string} title @param {{ min: number, max: number, step: number }} range
 * @param {(value: number) => void} onInput  while it is dragged
 * @param {(value: number) => string} [inWords]
 */
export function slider(name, title, range, onInput, inWords = (value) => String(Number(value.toFixed(2)))) {
  const shown = el("output");
  const input = el("input", { type: "range", ...range, "data-setting": name });
  input.addEventListener("input", () => {
    shown.textContent = inWords(Number(input.value));
    onInput(Number(input.value));
  });
  const node = el("label", {}, el("span", {}, title, " ", shown), input);
  /** @param {number} value  one beyond its ends moves them */
  function set(value) {
    input.min = String(Math.min(Number(input.min), value));
    input.max = String(Math.max(Number(input.max), value));
    input.value = String(value);
    shown.textContent = inWords(value);
  }
  return { node, set };
}

/**
 * @param {string} name @param {string} title @param {Iterable<[value: string | number, title: string]>} choices
 * @param {(value: string) => void} onChange
 */
export function choice(name, title, choices, onChange) {
  const select = el("select", { "data-setting": name }, ...options(choices));
  select.addEventListener("change", () => onChange(select.value));
  const set = (/** @type {string | number} */ value) => (select.value = String(value));
  return { node: el("label", {}, el("span", {}, title), select), set };
}
