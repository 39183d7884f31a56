// How a figure is saved: its numbers as CSV, and itself as SVG or PNG. All of it in the browser.
/** @typedef {{ name: string, csv: string, svg: SVGSVGElement }} Figure  its colours are written out */
import { saveCanvas, saveText } from "./download.js";
import { el, options } from "./dom.js";
import { _ } from "./language.js";
import { context2d } from "./theme.js";

const PNG_SCALE = 2; // of the PNG

/** @type {Record<string, (figure: Figure) => unknown>} */
const KINDS = {
  CSV: ({ name, csv }) => saveText(`${name}.csv`, "text/csv", csv),
  SVG: ({ name, svg }) => saveSvg(name, svg),
  PNG: async ({ name, svg }) => saveCanvas(`${name}.png`, await canvasOf(svg)),
};

/**
 * As buttons, for below a figure.
 * @param {() => Figure} figure
 */
export function exportButtons(figure) {
  const buttons = Object.entries(KINDS).map(([kind, save]) => el("button", { type: "button", class: "dp-chip", onclick: () => save(figure()) }, kind));
  return el("div", { class: "dp-export" }, ...buttons);
}

/**
 * As one small list, for beside a title.
 * @param {() => Figure} figure
 */
export function exportMenu(figure) {
  return saveMenu(_("Save this figure"), Object.keys(KINDS).map((kind) => [kind, kind]), (kind) => KINDS[kind](figure()));
}

/**
 * A list that begins with "Save" and calls `save` with what is chosen in it.
 * @param {string} title @param {[value: string, title: string][]} kinds @param {(kind: string) => void} save
 */
export function saveMenu(title, kinds, save) {
  const node = el("select", { class: "dp-select dp-save", "aria-label": title, title, onchange: chosen }, ...options([["", _("Save")], ...kinds]));
  function chosen() {
    const kind = node.value;
    node.value = "";
    if (kind) save(kind);
  }
  return node;
}

/**
 * What a file is called after its title.
 * @param {string} title
 */
export function fileName(title) {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 48).replace(/^-+|-+$/g, "") || "figure";
}

/** @param {string} name @param {SVGSVGElement} svg */
export function saveSvg(name, svg) {
  saveText(`${name}.svg`, "image/svg+xml", svgText(svg));
}

/** @param {SVGSVGElement} svg */
const svgText = (svg) => new XMLSerializer().serializeToString(svg);

/** @param {SVGSVGElement} svg */
async function canvasOf(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(svg))}`;
  await image.decode();
  const canvas = el("canvas", { width: PNG_SCALE * svg.width.baseVal.value, height: PNG_SCALE * svg.height.baseVal.value });
  context2d(canvas).drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}
