// Symbols of texts with markup: an <i>, with the <sub> after it, that stands in the table of symbols. Pointed at, focused or tapped it
// opens a card: name, definition, value now, equation and paper, and the line of engine/ that computes it. Escape closes it.
import { _ } from "./language.js";

/** @typedef {{ name: string, about: string, source: string, code: string }} Meaning  see playground/labs/shared/symbols.py, which writes the table here */

/** @type {Record<string, Meaning>} */
const SYMBOLS = {};

const LINGER = 150; // milliseconds in which the pointer may go from a symbol to its card
const TAKEN = "button, a, summary, label, select, .dp-legend-entry, [role=button], [data-plain]"; // the keys do something else there

/** @type {WeakMap<Element, (key: string) => string | undefined>} */
const values = new WeakMap();
/** @type {{ node: HTMLElement, card: HTMLElement } | null} */
let opened = null;
let closing = 0;
let count = 0;

/**
 * Within this element, what a symbol is now: its key is written as in the table, such as "ᾱ_t".
 * @param {Element} node @param {(key: string) => string | undefined} value
 */
export const tellValues = (node, value) => void values.set(node, value);

/**
 * The keys under which a symbol may stand in the table, the narrower one first: "x_0", "x".
 * @param {string} letter @param {string} low  what stands below it
 */
export function keysOf(letter, low) {
  const base = letter.normalize("NFC").trim();
  return low ? [`${base}_${low.normalize("NFC")}`, base] : [base];
}

/** @param {ParentNode} fragment  of a text with markup */
export function markSymbols(fragment) {
  for (const node of fragment.querySelectorAll("i")) {
    const next = node.nextSibling;
    const keys = keysOf(node.textContent ?? "", next?.nodeName === "SUB" ? (next.textContent ?? "") : "");
    const key = keys.find((each) => Object.hasOwn(SYMBOLS, each));
    if (key) mark(node, key, keys[0]);
  }
}

/** @param {HTMLElement} node @param {string} key @param {string} exact */
function mark(node, key, exact) {
  const meaning = SYMBOLS[key];
  node.className = "dp-symbol";
  node.dataset.symbol = exact;
  const show = () => open(node, meaning, exact);
  node.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show());
  node.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && closeSoon());
  node.addEventListener("focus", show);
  node.addEventListener("blur", close);
  node.addEventListener("click", show);
  // The first of its kind in a figure is reached with Tab; where it will stand is not known before.
  queueMicrotask(() => {
    const figure = node.closest("figure, .dp-root");
    if (!figure || node.closest(TAKEN) || figure.querySelector(`[data-symbol="${CSS.escape(exact)}"][tabindex]`)) return;
    node.tabIndex = 0;
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", _("{name}: {value}", { name: exact.replace("_", ""), value: meaning.name }));
  });
}

/** @param {HTMLElement} node @param {Meaning} meaning @param {string} key */
function open(node, meaning, key) {
  clearTimeout(closing);
  const root = node.closest(".dp-root");
  if (opened?.node === node || !(root instanceof HTMLElement)) return;
  close();
  const card = document.createElement("div");
  Object.assign(card, { className: "dp-symbol-card", id: `dp-symbol-${++count}` });
  card.setAttribute("role", "tooltip");
  const now = valueOf(node, key);
  /** @type {[string, string, string][]} */
  const parts = [
    ["b", "", meaning.name],
    ["span", "", meaning.about],
    ["span", "dp-symbol-now", now ? _("Now: {value}", { value: now }) : ""],
    ["small", "", meaning.source],
    ["code", "", meaning.code],
  ];
  for (const [tag, name, text] of parts) {
    const part = Object.assign(document.createElement(tag), { className: name });
    part.append(...(tag === "code" ? [text] : lowered(text)));
    if (text) card.append(part);
  }
  card.addEventListener("pointerenter", () => clearTimeout(closing));
  card.addEventListener("pointerleave", closeSoon);
  root.append(card);
  const [from, within] = [node.getBoundingClientRect(), root.getBoundingClientRect()];
  card.style.left = `${Math.max(0, Math.min(from.left - within.left, within.width - card.offsetWidth))}px`;
  card.style.top = `${from.bottom - within.top + 8}px`;
  node.setAttribute("aria-describedby", card.id);
  opened = { node, card };
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("pointerdown", onPointer, true);
}

/**
 * A text in which x_t and x_{t−1} have subscripts.
 * @param {string} text
 */
const lowered = (text) => text.split(/_(\{[^}]*\}|[\p{L}\d]+)/u).map((part, k) => (k % 2 ? Object.assign(document.createElement("sub"), { textContent: part.replace(/[{}]/g, "") }) : part));

/** @param {Element} node @param {string} key */
function valueOf(node, key) {
  for (let at = /** @type {Element | null} */ (node); at; at = at.parentElement) {
    const text = values.get(at)?.(key);
    if (text) return text;
  }
  return "";
}

function close() {
  clearTimeout(closing);
  opened?.card.remove();
  opened?.node.removeAttribute("aria-describedby");
  opened = null;
  document.removeEventListener("keydown", onKey, true);
  document.removeEventListener("pointerdown", onPointer, true);
}

function closeSoon() {
  clearTimeout(closing);
  closing = setTimeout(close, LINGER);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  close();
}

/** @param {PointerEvent} event */
function onPointer(event) {
  const path = event.composedPath();
  if (opened && !path.includes(opened.card) && !path.includes(opened.node)) close();
}
