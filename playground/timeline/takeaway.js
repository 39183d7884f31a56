// Buttons under a figure that is drawn as SVG: its numbers as CSV, and itself as SVG or PNG. All of it in the browser.
import { el } from "./dom.js";

const PNG_SCALE = 2; // of the PNG

// figure() gives { name, csv, svg }, svg an element whose colours are written out, or null.
export function takeaway(figure) {
  const button = (label, act) => el("button", { type: "button", class: "dp-chip", onclick: act }, label);
  return el(
    "div",
    { class: "dp-takeaway" },
    button("CSV", () => saveAs(`${figure().name}.csv`, new Blob([figure().csv], { type: "text/csv" }))),
    button("SVG", () => saveAs(`${figure().name}.svg`, new Blob([svgText(figure().svg)], { type: "image/svg+xml" }))),
    button("PNG", async () => saveAs(`${figure().name}.png`, await pngOf(figure().svg))),
  );
}

function saveAs(name, blob) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
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

const SVG = "http://www.w3.org/2000/svg";

// An SVG element; text is only ever text.
export function shape(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}
