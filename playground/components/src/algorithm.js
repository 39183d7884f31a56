// The lines of an algorithm: those that are carried out at the playhead are highlighted, and have their numbers below them.
/** @import { Algorithm, AlgorithmPanel } from "../payloads.js" */
/** @import { Panel } from "./panels.js" */
/** @import { Component } from "./types.js" */
import { component, el, markup, write } from "./dom.js";
import { extended, valueAt } from "./numbers.js";
import { tellValues } from "./symbols.js";
import { readTheme, watchAppearance } from "./theme.js";

/** @returns {Panel} */
export function algorithmView() {
  const title = el("div", { class: "dp-panel-title" });
  const list = el("ol", { class: "dp-algorithm-lines" });
  const source = el("div", { class: "dp-algorithm-source" });
  const node = el("figure", { class: "dp-panel dp-equation dp-algorithm" }, title, list, source);
  /** @type {Record<string, HTMLElement[]>} */
  let slots = {};
  /** @type {Record<string, string[]>} */
  let values = {};
  /** @type {number[][]} */
  let current = [];
  let shown = "";
  /** @type {Record<string, string>} */
  let now = {};
  let here = 0;
  tellValues(node, (key) => valueAt(values[now[key]] ?? [], here));

  /** @param {AlgorithmPanel["lines"][number]} line */
  function lineView(line) {
    const numbers = markup(line.numbers);
    for (const [name, nodes] of Object.entries(numbers.slots)) (slots[name] ??= []).push(...nodes);
    const text = el("div", { class: "dp-algorithm-text" }, markup(line.text).fragment);
    const below = line.numbers ? el("div", { class: "dp-algorithm-numbers" }, numbers.fragment) : null;
    return el("li", { style: `--dp-indent: ${line.indent}` }, text, below);
  }

  return {
    node,
    invalidate() {},
    set(/** @type {AlgorithmPanel} */ next, first, isAdding) {
      write(title, next.title);
      source.textContent = next.source;
      now = next.now;
      const structure = JSON.stringify(next.lines);
      if (structure !== shown) {
        slots = {};
        list.replaceChildren(...next.lines.map(lineView));
      }
      shown = structure;
      current = extended(current, next.current, first, isAdding);
      values = Object.fromEntries(Object.entries(next.values).map(([name, texts]) => [name, extended(values[name] ?? [], texts, first, isAdding)]));
    },
    draw(position) {
      here = position;
      const lines = valueAt(current, position) ?? [];
      [...list.children].forEach((line, number) => {
        const isCurrent = lines.includes(number);
        line.classList.toggle("dp-current", isCurrent);
        if (isCurrent) line.setAttribute("aria-current", "step");
        else line.removeAttribute("aria-current");
      });
      for (const [name, nodes] of Object.entries(slots)) {
        const text = valueAt(values[name] ?? [], position) ?? "";
        for (const slot of nodes) if (slot.textContent !== text) slot.textContent = text;
      }
    },
  };
}

/**
 * An algorithm by itself: what happens now. Emits nothing.
 * @param {HTMLElement} root @returns {Component<Algorithm | null>}
 */
export function mount(root) {
  root.classList.add("dp-root");
  const view = algorithmView();
  root.append(view.node);
  const unwatch = watchAppearance(root, () => {
    if (root.isConnected) readTheme(root);
    root.dataset.narrow = String(root.clientWidth < 520);
  });
  return component(
    root,
    (/** @type {Algorithm | null} */ data) => {
      if (!data) return;
      view.set(data.panel, 0, false);
      view.draw(0, readTheme(root));
    },
    unwatch,
  );
}
