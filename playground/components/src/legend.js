// An entry of a legend on the page.
/** @import { LineStyle, Mark } from "./types.js" */
import { el, markup } from "./dom.js";

const GLYPHS = { circle: "●", square: "■", triangle: "▲", diamond: "◆" };

/** @param {string} name @param {string} color @param {LineStyle} style @param {Mark} [mark] */
export function legendEntry(name, color, style, mark = "") {
  const glyph = mark
    ? el("span", { class: "dp-glyph", "aria-hidden": "true", style: `color: ${color}` }, GLYPHS[mark])
    : el("span", { class: `dp-swatch dp-swatch-${style}`, style: `--dp-swatch: ${color}` });
  return el("span", { class: "dp-legend-entry" }, glyph, el("span", {}, markup(name).fragment));
}
