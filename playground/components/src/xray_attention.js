// An attention block: for the position under the pointer, its weights over all other positions. They stand in the address
// (view_link.js): position.block.head.image.
/** @import { XRay } from "../payloads.js" */
import { decodeBytes } from "./base64.js";
import { COLORMAPS, colorbar, enlarge, raster } from "./colormap.js";
import { cellAt, chip, el, options } from "./dom.js";
import { csvOf, saveCanvas, saveText } from "./download.js";
import { _ } from "./language.js";
import { clamp, formatNumber } from "./numbers.js";
import { numbersOf, viewLink } from "./view_link.js";

/** @param {HTMLElement} root */
export function attentionView(root) {
  const head = el("h2");
  const select = (/** @type {string} */ label, /** @type {() => void} */ onchange) => el("select", { class: "dp-select", "aria-label": label, onchange });
  const blocks = select(_("Attention block"), () => (readBlock(), look()));
  const heads = select(_("Head"), () => look());
  const picture = select(_("Image under the attention map"), () => look());
  const asking = el("canvas", { class: "dp-pixels dp-pickable", tabindex: 0, role: "application" });
  const weights = el("canvas", { class: "dp-pixels", role: "img", "aria-label": _("Attention weights of that position") });
  const scale = el("div", { class: "dp-colormap" });
  const readout = el("output", { class: "dp-xray-read" });
  const help = el("p", { class: "dp-xray-help" });
  const saves = el("span", { class: "dp-xray-save" }, chip("PNG", () => saveCanvas("attention.png", weights)), chip("CSV", () => saveText("attention.csv", "text/csv", csv())));
  const body = el(
    "div",
    {},
    el("div", { class: "dp-xray-choices" }, blocks, heads, picture),
    el("div", { class: "dp-xray-pair" }, el("figure", {}, asking, el("figcaption", {}, _("Query position: point here"))), el("figure", {}, weights, el("figcaption", {}, _("Its attention weights")))),
    el("div", { class: "dp-xray-under" }, scale, readout),
  );
  const node = el("section", {}, el("div", { class: "dp-xray-head" }, head, saves), body, help);
  /** @type {XRay} */
  let data;
  /** @type {Uint8Array} */
  let maps;
  /** @type {Float32Array} */
  let tops;
  let query = -1;
  /** @type {HTMLImageElement[]} */
  let images = [];
  let width = 0;

  const current = () => data.attention[Math.max(0, blocks.selectedIndex)];
  const point = (/** @type {PointerEvent} */ event) => {
    if (!data?.attention.length) return;
    const [h, w] = current().size;
    const [y, x] = cellAt(event, asking, h, w);
    if (query === y * w + x) return;
    query = y * w + x;
    look();
  };
  asking.addEventListener("pointermove", point);
  asking.addEventListener("pointerdown", point);
  asking.addEventListener("keydown", (event) => {
    if (!data?.attention.length) return;
    const [h, w] = current().size;
    const step = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] })[event.key];
    if (!step) return;
    event.preventDefault();
    query = clamp(Math.floor(query / w) + step[1], 0, h - 1) * w + clamp((query % w) + step[0], 0, w - 1);
    look();
  });
  const link = viewLink("attention", root, (view) => data?.attention.length && (show(numbersOf(view)), paint()));
  /** @type {number[] | null} */
  let wanted = numbersOf(link.initial); // of the address, until it has come

  /** @param {XRay} next */
  function set(next) {
    const before = { block: data && current()?.name, head: heads.value, picture: picture.selectedIndex };
    data = next;
    head.textContent = data.words.attention;
    const isThere = data.attention.length > 0;
    body.hidden = saves.hidden = !isThere;
    help.textContent = isThere ? data.words.attention_help : data.words.no_attention;
    images = data.pictures.map((p) => {
      const image = new Image();
      image.onload = paint;
      image.src = p.src;
      return image;
    });
    if (!isThere) return;
    blocks.replaceChildren(...options(data.attention.map((a) => [a.name, a.title])));
    blocks.selectedIndex = Math.max(0, data.attention.findIndex((a) => a.name === before.block));
    blocks.hidden = data.attention.length < 2;
    picture.replaceChildren(...options([["x", _("over x_t")], ["x0", _("over x̂₀")], ["noise", _("over ε̂")]]));
    picture.selectedIndex = before.picture < 0 ? 1 : before.picture;
    readBlock();
    heads.value = [...heads.options].some((o) => o.value === before.head) ? before.head : "0";
    if (wanted) show(wanted);
    wanted = null;
  }

  /** @param {number[] | null} view  position, block, head and image of an address; null for what is shown at first */
  function show(view) {
    const [position = -1, block = 0, head = 0, image = 1] = view ?? [];
    blocks.selectedIndex = block < blocks.options.length ? block : 0;
    query = position;
    readBlock();
    if (head < heads.options.length) heads.value = String(head);
    picture.selectedIndex = image < picture.options.length ? image : 1;
  }

  // The reader has chosen what to see.
  function look() {
    paint();
    const seen = [query, blocks.selectedIndex, Number(heads.value), picture.selectedIndex].join(".");
    link.write(seen === [middle(), 0, 0, 1].join(".") ? "" : seen);
  }

  function middle() {
    const [h, w] = current().size;
    return Math.floor(h / 2) * w + Math.floor(w / 2);
  }

  function readBlock() {
    const a = current();
    maps = decodeBytes(a.u8);
    tops = new Float32Array(decodeBytes(a.top).buffer);
    const single = Array.from({ length: a.heads }, (_item, k) => /** @type {[number, string]} */ ([k + 1, _("head {k} of {of}", { k: k + 1, of: a.of })]));
    heads.replaceChildren(...options([[0, a.of > 1 ? _("mean of {of} heads", { of: a.of }) : _("the only head")], ...single]));
    heads.value = "0";
    if (query < 0 || query >= a.size[0] * a.size[1]) query = middle();
  }

  function paint() {
    if (!data?.attention.length || !width) return;
    const [h, w] = current().size;
    const n = h * w;
    const side = Math.min(280, (width - 20) / 2);
    const tall = (side * h) / w;
    const row = Number(heads.value) * n + query;
    const bytes = maps.subarray(row * n, row * n + n);
    paintQuery(bytes, side, tall);
    ring(enlarge(weights, raster(w, h, (i) => bytes[i], COLORMAPS.amount), side, tall), side, tall);
    colorbar(scale, COLORMAPS.amount, [0, 50 * tops[row], 100 * tops[row]], " %");
    const best = bytes.indexOf(Math.max(...bytes));
    const place = (/** @type {number} */ k) => _("row {row}, column {column}", { row: Math.floor(k / w), column: k % w });
    readout.textContent = _("Query at {query}: the largest weight, {share} %, is that of {best} (uniform: {even} % each)", { query: place(query), share: formatNumber(100 * tops[row], 2), best: place(best), even: formatNumber(100 / n, 2) });
    asking.setAttribute("aria-label", readout.textContent);
    Object.assign(node.dataset, { query, head: heads.value, image: picture.selectedIndex });
  }

  /**
   * The picture: the larger the weight of a position, the clearer it is; the rest lies in the dark.
   * @param {Uint8Array} bytes @param {number} side @param {number} tall
   */
  function paintQuery(bytes, side, tall) {
    const [h, w] = current().size;
    const image = images[Math.max(0, picture.selectedIndex)];
    const g = enlarge(asking, image.complete && image.naturalWidth ? image : el("canvas", { width: 1, height: 1 }), side, tall);
    for (let i = 0; i < h * w; i++) {
      g.fillStyle = `rgba(8, 12, 32, ${0.78 * (1 - bytes[i] / 255)})`;
      g.fillRect(((i % w) * side) / w, (Math.floor(i / w) * tall) / h, side / w + 0.3, tall / h + 0.3);
    }
    ring(g, side, tall);
  }

  /** @param {CanvasRenderingContext2D} g @param {number} side @param {number} tall */
  function ring(g, side, tall) {
    const [h, w] = current().size;
    const [x, y] = [((query % w) * side) / w, (Math.floor(query / w) * tall) / h];
    for (const [style, line] of /** @type {[string, number][]} */ ([["#000", 4], ["#fff", 2]])) {
      g.strokeStyle = style;
      g.lineWidth = line;
      g.strokeRect(x + 2, y + 2, Math.max(3, side / w - 4), Math.max(3, tall / h - 4));
    }
  }

  function csv() {
    const [h, w] = current().size;
    const n = h * w;
    const name = heads.value === "0" ? "mean" : heads.value;
    const first = Number(heads.value) * n;
    const rows = Array.from({ length: n * n }, (_item, i) => {
      const [q, k] = [Math.floor(i / n), i % n];
      return [name, Math.floor(q / w), q % w, Math.floor(k / w), k % w, ((maps[(first + q) * n + k] / 255) * tops[first + q]).toPrecision(4)];
    });
    return csvOf([["head", "from_row", "from_column", "to_row", "to_column", "weight"], ...rows]);
  }

  /** @param {number} room */
  function draw(room) {
    width = room;
    paint();
  }

  return { node, set, draw, leave: link.leave };
}
