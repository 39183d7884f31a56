// Helpers for building elements. Text from the server only ever becomes text nodes.
import { markSymbols } from "./symbols.js";

/** @typedef {Node | string | null | undefined} Child */
/**
 * @typedef {{ [name: string]: unknown, onclick?: (event: MouseEvent) => void, onchange?: (event: Event) => void, oninput?: (event: Event) => void }} Attributes
 */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]  null, undefined and false leave one out; names that begin with "on" are listeners
 * @param {...Child} children @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * An SVG element.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag @param {Attributes} [attributes] @param {...Child} children @returns {SVGElementTagNameMap[K]}
 */
export function shape(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/**
 * @template {Element} E
 * @param {E} node @param {Attributes} attributes @param {Child[]} children
 */
function fill(node, attributes = {}, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined) node.append(child);
  return node;
}

const ICONS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h3.6v14H7zM13.4 5H17v14h-3.6z",
  first: "M6 5.5h2.2v13H6zM19 5.5v13L9.4 12z",
  last: "M15.8 5.5H18v13h-2.2zM5 5.5v13l9.6-6.5z",
  back: "M15.6 5.4 17 6.9 11.4 12l5.6 5.1-1.4 1.5L8.4 12z",
  forward: "M8.4 5.4 7 6.9l5.6 5.1L7 17.1l1.4 1.5 7.2-6.6z",
  loop: "M17 3.5 21 7.5l-4 4V8.6H8A3.4 3.4 0 0 0 4.6 12v.6H2.5V12A5.5 5.5 0 0 1 8 6.5h9zM7 20.5l-4-4 4-4v2.9h9a3.4 3.4 0 0 0 3.4-3.4v-.6h2.1v.6a5.5 5.5 0 0 1-5.5 5.5H7z",
  save: "M11 3.5h2v9l3.3-3.3 1.4 1.4L12 16.3l-5.7-5.7 1.4-1.4 3.3 3.3zM4.5 15h2v3.5h11V15h2v5.5h-15z",
  close: "m6.9 5.5 5.1 5.1 5.1-5.1 1.4 1.4-5.1 5.1 5.1 5.1-1.4 1.4-5.1-5.1-5.1 5.1-1.4-1.4 5.1-5.1-5.1-5.1z",
};
/** @typedef {keyof typeof ICONS} Icon */

/** @param {HTMLElement} button @param {Icon} name */
export function setIcon(button, name) {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  button.replaceChildren(shape("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, shape("path", { d: ICONS[name] })));
}

/**
 * A button with an icon, and a label for those who do not see it.
 * @param {Icon} name @param {string} label @param {() => void} action
 */
export function iconButton(name, label, action) {
  const node = el("button", { type: "button", class: "dp-button", "aria-label": label, title: label, "data-action": name, onclick: action });
  setIcon(node, name);
  return node;
}

/**
 * A small button with words on it.
 * @param {string} label @param {() => void} action @param {Attributes} [attributes]
 */
export function chip(label, action, attributes) {
  return el("button", { type: "button", class: "dp-chip", onclick: action, ...attributes }, label);
}

/**
 * A list of choices, for a <select>.
 * @param {Iterable<[value: string | number, title: string]>} choices
 */
export const options = (choices) => [...choices].map(([value, title]) => el("option", { value }, title));

// The markup of titles and equations: these tags without attributes, {placeholders}, and nothing else.
const TAGS = /** @type {const} */ ({ i: "i", b: "b", sub: "sub", sup: "sup", sqrt: "span", line: "span" });

/** @param {string | null | undefined} text */
export function markup(text) {
  const fragment = document.createDocumentFragment();
  /** @type {Record<string, HTMLElement[]>} */
  const slots = {};
  /** @type {{ tag: string, node: ParentNode }[]} */
  const stack = [{ tag: "", node: fragment }];
  const top = () => stack[stack.length - 1].node;
  for (const part of String(text ?? "").split(/(<\/?[a-z]+>|\{[A-Za-z_][A-Za-z0-9_]*\})/)) {
    if (!part) continue;
    const tag = /^<(\/?)([a-z]+)>$/.exec(part);
    const slot = /^\{(\w+)\}$/.exec(part);
    if (tag && !tag[1] && Object.hasOwn(TAGS, tag[2])) {
      const name = /** @type {keyof typeof TAGS} */ (tag[2]);
      const node = el(TAGS[name]);
      top().append(node);
      if (name === "sqrt") {
        const inside = el("span", { class: "dp-radicand" });
        node.className = "dp-sqrt";
        node.append(el("span", { class: "dp-radical" }, "√"), inside);
        stack.push({ tag: name, node: inside });
      } else {
        if (name === "line") node.className = "dp-line-of";
        stack.push({ tag: name, node });
      }
    } else if (tag && tag[1] && stack.length > 1 && stack[stack.length - 1].tag === tag[2]) {
      stack.pop();
    } else if (slot) {
      const node = el("span", { class: "dp-value" });
      (slots[slot[1]] ??= []).push(node);
      top().append(node);
    } else top().append(document.createTextNode(part));
  }
  markSymbols(fragment);
  return { fragment, slots };
}

/** @type {WeakMap<Element, string>} */
const written = new WeakMap();

/**
 * Writes a text with markup into an element, unless it stands there: what has the focus in it keeps it.
 * @param {Element} node @param {string} text
 */
export function write(node, text) {
  if (written.get(node) === text) return;
  written.set(node, text);
  node.replaceChildren(markup(text).fragment);
}

/**
 * What stands in a text with markup, without it.
 * @param {string} text
 */
export const plainText = (text) => markup(text).fragment.textContent ?? "";

/**
 * The row and column of a grid over an element where a pointer is; outside, the nearest.
 * @param {MouseEvent} event @param {Element} node @param {number} rows @param {number} columns @returns {[number, number]}
 */
export function cellAt(event, node, rows, columns) {
  const box = node.getBoundingClientRect();
  const within = (/** @type {number} */ share, /** @type {number} */ n) => Math.max(0, Math.min(n - 1, Math.floor(share * n)));
  return [within((event.clientY - box.top) / box.height, rows), within((event.clientX - box.left) / box.width, columns)];
}

/**
 * An element that is dragged over: from the press of a pointer to its release. Reached by pointer, it takes the keys but needs no ring.
 * @param {HTMLElement} node
 * @param {{ onStart?: () => boolean | void, onMove: (event: PointerEvent) => void, onEnd?: () => void }} on  onStart may refuse with false
 */
export function draggable(node, { onStart, onMove, onEnd }) {
  let dragging = false;
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || onStart?.() === false) return;
    dragging = true;
    node.setPointerCapture(event.pointerId);
    node.dataset.pointer = "";
    node.focus({ preventScroll: true });
    onMove(event);
    event.preventDefault();
  });
  node.addEventListener("pointermove", (event) => dragging && onMove(event));
  const end = () => {
    if (dragging) onEnd?.();
    dragging = false;
  };
  node.addEventListener("pointerup", end);
  node.addEventListener("pointercancel", end);
  for (const kind of ["keydown", "blur"]) node.addEventListener(kind, () => delete node.dataset.pointer);
}

/**
 * What `mount` returns: how a component is updated, and what ends with it.
 * @template Data
 * @param {HTMLElement} root @param {(data: Data) => void} update @param {...(() => void)} ends
 */
export function component(root, update, ...ends) {
  function destroy() {
    for (const end of ends) end();
    root.replaceChildren();
  }
  return { update, destroy };
}

/**
 * Calls once for many requests, with the next picture of the screen.
 * @param {(now: number) => void} draw
 */
export function onNextFrame(draw) {
  let pending = 0;
  return {
    request() {
      pending ||= requestAnimationFrame((now) => {
        pending = 0;
        draw(now);
      });
    },
    cancel() {
      cancelAnimationFrame(pending);
      pending = 0;
    },
  };
}
