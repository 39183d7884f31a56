// A step as a sum: terms with today's numbers at one pixel or at several (the coordinates of a point), and a picture for each.
// A term and its picture light up together.
import { el, markup } from "./dom.js";

const HUES = { x: 0, x0: 2, noise: 1, fresh: 3, next: 0, posterior: 4, true: 4, difference: 5, exact: 5 };
export const hueNumber = (kind) => HUES[kind.split(" ")[0]] ?? 5;
const hue = (kind) => `var(--dp-s${hueNumber(kind)})`;
export const written = (value, digits = 3) => (Number.isFinite(value) ? value.toFixed(digits).replace("-", "−") : "–");

export const share = (weight) => (weight >= 0.01 ? `${(100 * weight).toFixed(0)} %` : `${(100 * weight).toFixed(2)} %`);

const coefficientAt = (term, pool, at) => (term.each === null ? term.coefficient : pool.at(term.each, ...at));

// Value of every term at a pixel, and their sum.
export function valuesAt(equation, pool, at) {
  const terms = equation.terms.map((term) => {
    const coefficient = coefficientAt(term, pool, at);
    const value = pool.at(term.picture, ...at);
    return { kind: term.kind, coefficient, value, product: coefficient === 0 ? 0 : coefficient * value };
  });
  return { terms, sum: terms.reduce((sum, term) => sum + term.product, 0), result: pool.at(equation.result.picture, ...at) };
}

// The numbers of all cuts at one pixel, as rows under COLUMNS.
export const COLUMNS = ["step", "t", "equation", "part", "coefficient", "value", "product", "sum of the products"];
export function rowsAt(cuts, pool, at) {
  const rows = [];
  for (const cut of cuts) {
    for (const equation of cut.equations) {
      const { terms, sum } = valuesAt(equation, pool, at);
      for (const term of terms) rows.push([cut.step, cut.t, equation.name, term.kind, term.coefficient, term.value, term.product, sum]);
    }
  }
  return rows;
}

// A number, or a vector of several; numbers that are all alike are one where `alike` says so.
export function tuple(values, digits = 3, alike = false) {
  const texts = values.map((value) => written(value, digits));
  return texts.length === 1 || (alike && texts.every((text) => text === texts[0])) ? texts[0] : `(${texts.join(", ")})`;
}

// A part of a sum that can be pointed at.
export function chipView(kind, onHot, extra = "") {
  const top = el("span", { class: "dp-term-top" });
  const bottom = el("span", { class: "dp-term-bottom" });
  const bar = el("i", { class: "dp-term-bar" });
  const button = el("button", { type: "button", class: `dp-term ${extra}`, "data-kind": kind, style: `--dp-of: ${hue(kind)}` }, top, bottom, bar);
  button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && onHot(kind));
  button.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && onHot(null));
  button.addEventListener("focus", () => onHot(kind));
  button.addEventListener("blur", () => onHot(null));
  return { button, top, bottom, bar };
}

export function equationView({ onHot }) {
  const node = el("div", { class: "dp-sums" });
  let shown = "";
  let parts = []; // {equation, result, terms: [{top, bottom, bar}]}

  function build(equations) {
    parts = equations.map((equation) => {
      const result = chipView(equation.result.kind, onHot, "dp-result");
      const terms = equation.terms.map((term) => ({ ...chipView(term.kind, onHot), sign: el("span", { class: "dp-sign" }) }));
      const name = el("div", { class: "dp-sum-name" }, equation.name);
      // A sign goes to the next line with what it belongs to.
      const signed = terms.map((term) => el("span", { class: "dp-signed" }, term.sign, term.button));
      const line = el("div", { class: "dp-sum" }, el("span", { class: "dp-signed" }, result.button, el("span", { class: "dp-sign" }, "=")), ...signed);
      return { box: el("div", {}, name, line), result, terms };
    });
    node.replaceChildren(...parts.map((part) => part.box));
  }

  return {
    node,
    // places: where in the pictures the numbers are read, [[row, column, channel], …].
    draw(equations, pool, places) {
      const structure = JSON.stringify(equations.map((e) => [e.name, e.result.kind, e.terms.map((t) => t.kind)]));
      if (structure !== shown) build(equations);
      shown = structure;
      equations.forEach((equation, k) => {
        const { result, terms } = parts[k];
        const found = places.map((at) => valuesAt(equation, pool, at));
        const lengths = equation.terms.map((_, i) => Math.hypot(...found.map(({ terms }) => terms[i].product)));
        const most = Math.max(1e-9, ...lengths);
        result.top.replaceChildren(markup(equation.result.symbol).fragment);
        result.bottom.textContent = tuple(found.map(({ sum }) => sum));
        result.button.title = equation.result.title;
        equation.terms.forEach((term, i) => {
          const here = found.map((values) => values.terms[i]);
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
    hot: (kind) => node.querySelectorAll(".dp-term").forEach((term) => term.classList.toggle("dp-hot", term.dataset.kind === kind)),
  };
}

// One picture of the sum, enlarged, with the pixel that is looked at.
export function cardView(kind, { onHot, onPixel, onRest }) {
  const canvas = el("canvas", { role: "img" });
  const pixel = el("div", { class: "dp-pixel" });
  const stage = el("div", { class: "dp-card-stage", tabindex: "0" }, canvas, pixel);
  const symbol = el("div", { class: "dp-card-symbol" });
  const about = el("div", { class: "dp-card-about" });
  const value = el("div", { class: "dp-card-value" });
  const node = el("figure", { class: "dp-part", "data-kind": kind, style: `--dp-of: ${hue(kind)}` }, stage, el("figcaption", {}, symbol, value, about));
  let size = [1, 1];

  const hit = (event) => {
    const rect = canvas.getBoundingClientRect();
    const cell = (at, length, n) => Math.max(0, Math.min(n - 1, Math.floor((at / length) * n)));
    return [cell(event.clientY - rect.top, rect.height, size[0]), cell(event.clientX - rect.left, rect.width, size[1])];
  };
  stage.addEventListener("pointermove", (event) => (event.pointerType === "mouse" || event.buttons) && onPixel(hit(event), event.pointerType !== "mouse"));
  stage.addEventListener("pointerdown", (event) => onPixel(hit(event), true));
  stage.addEventListener("pointerup", onRest);
  stage.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && onPixel(null, false));
  stage.addEventListener("keydown", (event) => {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!by) return;
    onPixel(null, true, by);
    event.preventDefault();
    event.stopPropagation();
  });
  node.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && onHot(kind));
  node.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && onHot(null));
  stage.addEventListener("focus", () => onHot(kind));
  stage.addEventListener("blur", () => onHot(null));

  return {
    node,
    kind,
    canvas,
    draw(shown, pool, at) {
      size = [pool.height, pool.width];
      if (canvas.width !== pool.width || canvas.height !== pool.height) Object.assign(canvas, { width: pool.width, height: pool.height });
      pool.draw(canvas.getContext("2d"), shown.picture, shown.reach, 0, 0, pool.width, pool.height);
      symbol.replaceChildren(markup(shown.symbol).fragment);
      if (about.textContent !== shown.title) about.textContent = shown.title;
      value.textContent = written(pool.at(shown.picture, ...at));
      stage.setAttribute("aria-label", `${symbol.textContent}, ${shown.title}: ${value.textContent} at row ${at[0]}, column ${at[1]}. Arrow keys move the pixel.`);
      Object.assign(pixel.style, { left: `${(100 * at[1]) / size[1]}%`, top: `${(100 * at[0]) / size[0]}%`, width: `${100 / size[1]}%`, height: `${100 / size[0]}%` });
    },
    hot: (on) => node.classList.toggle("dp-hot", on),
  };
}
