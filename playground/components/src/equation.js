// A step as a sum: terms with their numbers at one pixel or at several (the coordinates of a point), and a picture for each.
// A term and its picture are highlighted together.
/** @import { Equation, PoolPicture } from "../payloads.js" */
/** @import { PicturePool, Pixel } from "./picture_pool.js" */
import { cellAt, el, markup } from "./dom.js";
import { _ } from "./language.js";
import { formatFixed } from "./numbers.js";
import { tuple, valuesAt } from "./step_sums.js";
import { context2d } from "./theme.js";

/** @typedef {(kind: string | null) => void} OnHighlight  a kind of part is pointed at, or none */

/** @type {Record<string, number>} */
const COLORS = { x: 0, x0: 2, noise: 1, fresh: 3, next: 0, posterior: 4, true: 4, difference: 5, exact: 5 };
/** @param {string} kind */
export const colorNumber = (kind) => COLORS[kind.split(" ")[0]] ?? 5;
/** @param {string} kind */
const color = (kind) => `var(--dp-s${colorNumber(kind)})`;

/** @param {Element} node @param {string} kind @param {OnHighlight} onHighlight */
function highlightOnHover(node, kind, onHighlight) {
  node.addEventListener("pointerenter", (event) => /** @type {PointerEvent} */ (event).pointerType === "mouse" && onHighlight(kind));
  node.addEventListener("pointerleave", (event) => /** @type {PointerEvent} */ (event).pointerType === "mouse" && onHighlight(null));
}

/** @param {Element} node @param {string} kind @param {OnHighlight} onHighlight */
function highlightOnFocus(node, kind, onHighlight) {
  node.addEventListener("focus", () => onHighlight(kind));
  node.addEventListener("blur", () => onHighlight(null));
}

/**
 * A part of a sum that can be pointed at.
 * @param {string} kind @param {OnHighlight} onHighlight
 */
export function termView(kind, onHighlight, extra = "") {
  const top = el("span", { class: "dp-term-top" });
  const bottom = el("span", { class: "dp-term-bottom" });
  const bar = el("i", { class: "dp-term-bar" });
  const button = el("button", { type: "button", class: `dp-term ${extra}`, "data-kind": kind, style: `--dp-of: ${color(kind)}` }, top, bottom, bar);
  highlightOnHover(button, kind, onHighlight);
  highlightOnFocus(button, kind, onHighlight);
  return { button, top, bottom, bar };
}

/** @param {{ onHighlight: OnHighlight }} on */
export function equationView({ onHighlight }) {
  const node = el("div", { class: "dp-sums" });
  let shown = "";
  /** @type {ReturnType<typeof build>[]} */
  let parts = [];

  /** @param {Equation} equation */
  function build(equation) {
      const result = termView(equation.result.kind, onHighlight, "dp-result");
      const terms = equation.terms.map((term) => ({ ...termView(term.kind, onHighlight), sign: el("span", { class: "dp-sign" }) }));
      const name = el("div", { class: "dp-sum-name" }, equation.name);
      // A sign goes to the next line with what it belongs to.
      const signed = terms.map((term) => el("span", { class: "dp-signed" }, term.sign, term.button));
      const line = el("div", { class: "dp-sum" }, el("span", { class: "dp-signed" }, result.button, el("span", { class: "dp-sign" }, "=")), ...signed);
      return { box: el("div", {}, name, line), result, terms };
  }

  return {
    node,
    /** @param {Equation[]} equations @param {PicturePool} pool @param {Pixel[]} pixels  where the numbers are read */
    draw(equations, pool, pixels) {
      const structure = JSON.stringify(equations.map((e) => [e.name, e.result.kind, e.terms.map((t) => t.kind)]));
      if (structure !== shown) {
        parts = equations.map(build);
        node.replaceChildren(...parts.map((part) => part.box));
      }
      shown = structure;
      equations.forEach((equation, k) => {
        const { result, terms } = parts[k];
        const values = pixels.map((pixel) => valuesAt(equation, pool, pixel));
        const lengths = equation.terms.map((_item, i) => Math.hypot(...values.map(({ terms }) => terms[i].product)));
        const most = Math.max(1e-9, ...lengths);
        result.top.replaceChildren(markup(equation.result.symbol).fragment);
        result.bottom.textContent = tuple(values.map(({ sum }) => sum));
        result.button.title = equation.result.title;
        equation.terms.forEach((term, i) => {
          const here = values.map(({ terms }) => terms[i]);
          const size = tuple(here.map(({ coefficient }) => Math.abs(coefficient)), 4, true);
          const products = here.map(({ coefficient, value }) => Math.abs(coefficient) * value);
          terms[i].sign.textContent = here[0].coefficient < 0 ? "−" : i ? "+" : "";
          terms[i].top.replaceChildren(`${size} × `, markup(term.symbol).fragment);
          terms[i].bottom.replaceChildren(el("span", {}, `${size} × ${tuple(here.map(({ value }) => value))}`), " ", el("span", {}, `= ${tuple(products)}`));
          terms[i].bar.style.width = `${(100 * lengths[i]) / most}%`;
          terms[i].button.title = term.title;
        });
      });
    },
    /** @param {string | null} kind */
    highlight(kind) {
      for (const term of node.querySelectorAll(".dp-term")) term.classList.toggle("dp-hot", term.getAttribute("data-kind") === kind);
    },
  };
}

/** @typedef {ReturnType<typeof cardView>} CardView */
/**
 * One picture of the sum, enlarged, with the pixel whose numbers are shown.
 * @param {string} kind @param {object} on @param {OnHighlight} on.onHighlight
 * @param {(pixel: [number, number] | null, isChosen: boolean, by?: number[]) => void} on.onPixel  pointed at, or moved by rows and columns
 * @param {() => void} on.onRest
 */
export function cardView(kind, { onHighlight, onPixel, onRest }) {
  const canvas = el("canvas", { "aria-hidden": "true" }); // the stage around it has the name
  const pixel = el("div", { class: "dp-pixel" });
  const stage = el("div", { class: "dp-card-stage", role: "group", tabindex: "0" }, canvas, pixel);
  const symbol = el("div", { class: "dp-card-symbol" });
  const about = el("div", { class: "dp-card-about" });
  const value = el("div", { class: "dp-card-value" });
  const node = el("figure", { class: "dp-part", "data-kind": kind, style: `--dp-of: ${color(kind)}` }, stage, el("figcaption", {}, symbol, value, about));
  /** @type {[number, number]} */
  let size = [1, 1];

  const hit = (/** @type {PointerEvent} */ event) => cellAt(event, canvas, ...size);
  stage.addEventListener("pointermove", (event) => (event.pointerType === "mouse" || event.buttons) && onPixel(hit(event), event.pointerType !== "mouse"));
  stage.addEventListener("pointerdown", (event) => onPixel(hit(event), true));
  stage.addEventListener("pointerup", onRest);
  stage.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && onPixel(null, false));
  stage.addEventListener("keydown", (event) => {
    const by = /** @type {Record<string, number[]>} */ ({ ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] })[event.key];
    if (!by) return;
    onPixel(null, true, by);
    event.preventDefault();
    event.stopPropagation();
  });
  highlightOnHover(node, kind, onHighlight);
  highlightOnFocus(stage, kind, onHighlight);

  return {
    node,
    kind,
    canvas,
    /** @param {PoolPicture} shown @param {PicturePool} pool @param {Pixel} at */
    draw(shown, pool, at) {
      size = [pool.height, pool.width];
      if (canvas.width !== pool.width || canvas.height !== pool.height) Object.assign(canvas, { width: pool.width, height: pool.height });
      pool.draw(context2d(canvas), shown.index, shown.vmax, 0, 0, pool.width, pool.height);
      symbol.replaceChildren(markup(shown.symbol).fragment);
      if (about.textContent !== shown.title) about.textContent = shown.title;
      value.textContent = formatFixed(pool.at(shown.index, at));
      stage.setAttribute("aria-label", _("{symbol}, {title}: {value} at row {row}, column {column}. Arrow keys move the pixel.", { symbol: symbol.textContent, title: shown.title, value: value.textContent, row: at[0], column: at[1] }));
      Object.assign(pixel.style, { left: `${(100 * at[1]) / size[1]}%`, top: `${(100 * at[0]) / size[0]}%`, width: `${100 / size[1]}%`, height: `${100 / size[0]}%` });
    },
    highlight: (/** @type {boolean} */ on) => node.classList.toggle("dp-hot", on),
  };
}
