// How a figure is taken away: its numbers as CSV, and itself as SVG or PNG. All of it in the browser.
import { el } from "./dom.js";
import { saveBlob, saveText } from "./save.js";

const PNG_SCALE = 2; // of the PNG

// figure() gives { name, csv, svg }: text, and an element whose colours are written out.
const KINDS = {
  CSV: ({ name, csv }) => saveText(`${name}.csv`, "text/csv", csv),
  SVG: ({ name, svg }) => saveText(`${name}.svg`, "image/svg+xml", svgText(svg)),
  PNG: async ({ name, svg }) => saveBlob(`${name}.png`, await pngOf(svg)),
};

// As buttons, for below a figure.
export function takeaway(figure) {
  const button = ([kind, save]) => el("button", { type: "button", class: "dp-chip", onclick: () => save(figure()) }, kind);
  return el("div", { class: "dp-takeaway" }, ...Object.entries(KINDS).map(button));
}

// As one small list, for beside a title.
export function takeawayMenu(figure) {
  const kinds = el("select", { class: "dp-select dp-save", "aria-label": "Take away", title: "Take this figure away", onchange: () => take() });
  for (const kind of ["", ...Object.keys(KINDS)]) kinds.append(el("option", { value: kind }, kind || "Save"));
  function take() {
    const save = KINDS[kinds.value];
    kinds.value = "";
    if (save) save(figure());
  }
  return kinds;
}

// What a file is called after its title.
export function fileName(title) {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 48).replace(/^-+|-+$/g, "") || "figure";
}

export function svgText(svg) {
  return new XMLSerializer().serializeToString(svg);
}

async function pngOf(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(svg))}`;
  await image.decode();
  const canvas = el("canvas");
  canvas.width = PNG_SCALE * svg.width.baseVal.value;
  canvas.height = PNG_SCALE * svg.height.baseVal.value;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
