// The U-Net as SVG: blocks that can be pointed at and chosen, and skips that can be switched.
/** @import { XRay, XRayBlock, XRaySkip } from "../payloads.js" */
/** @import { Theme } from "./types.js" */
import { shape } from "./dom.js";
import { _ } from "./language.js";
import { clamp } from "./numbers.js";

/** @typedef {{ block: XRayBlock, x: number, y: number, w: number, h: number }} BlockPlace */
/** @typedef {{ skip: XRaySkip, x1: number, x2: number, y: number }} SkipPlace */

const ROW = 52;
const BOX = 40;
/** @type {Record<string, "s0" | "s1" | "s2" | "s3" | "s5">} */
const TINT = { residual: "s0", attention: "s1", down: "s2", up: "s2", time: "s3", class: "s3", input: "s5", output: "s5" };

/**
 * Where everything stands. Each row is a skip: its source on the left, its target on the right.
 * @param {XRay} data @param {number} width
 */
function layout(data, width) {
  const pad = 6;
  const gap = Math.max(54, Math.min(170, 0.2 * width));
  const column = Math.min(330, (width - 2 * pad - gap) / 2);
  const left = (width - 2 * column - gap) / 2;
  const right = left + column + gap;
  const by = new Map(data.blocks.map((block) => [block.name, block]));
  const blockOf = (/** @type {string} */ name) => /** @type {XRayBlock} */ (by.get(name));
  /** @type {BlockPlace[]} */
  const boxes = [];
  /** @type {{ top: number, bottom: number, label: string }[]} */
  const bands = [];
  const place = (/** @type {string[]} */ names, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ w) => {
    const each = (w - 4 * (names.length - 1)) / names.length;
    names.forEach((name, i) => boxes.push({ block: blockOf(name), x: x + i * (each + 4), y, w: each, h: BOX }));
  };
  const namesOf = (/** @type {string} */ part) => data.blocks.filter((b) => b.part === part).map((b) => b.name);
  const [lefts, rights] = cellsOf(data, namesOf("down"), namesOf("up"));
  const embeddings = namesOf("embedding");
  place(embeddings, width / 2 - embeddings.length * 42, 4, embeddings.length * 84);
  let y = 4 + BOX + 12;
  let resolution = -1;
  /** @type {SkipPlace[]} */
  const skips = [];
  data.skips.forEach((skip, i) => {
    const { size } = blockOf(skip.source);
    if (size[0] !== resolution) {
      if (bands.length) bands[bands.length - 1].bottom = y - 4;
      bands.push({ top: y, bottom: y, label: `${size[0]} × ${size[1]}` });
      resolution = size[0];
      y += 24;
    }
    place(lefts[i], left, y, column);
    place(rights[i], right, y, column);
    skips.push({ skip, x1: left + column, x2: right, y: y + BOX / 2 });
    y += ROW;
  });
  const middle = namesOf("middle");
  const w = Math.min(width - 2 * pad, Math.max(column, 84 * middle.length));
  place(middle, (width - w) / 2, y + 8, w);
  bands[bands.length - 1].bottom = y + BOX + 14;
  return { boxes, bands, skips, left, right, column, height: y + BOX + 20, width, pad };
}

/**
 * The blocks of each row: on the way down a row ends with the source of a skip, on the way up it begins with its target.
 * @param {XRay} data @param {string[]} down @param {string[]} up
 */
function cellsOf(data, down, up) {
  const sources = new Set(data.skips.map((s) => s.source));
  const targets = new Set(data.skips.map((s) => s.target));
  /** @type {string[][]} */
  const lefts = [[]];
  for (const name of down) {
    lefts[lefts.length - 1].push(name);
    if (sources.has(name)) lefts.push([]);
  }
  /** @type {string[][]} */
  const rights = [];
  for (const name of up) {
    if (targets.has(name)) rights.push([name]);
    else rights[rights.length - 1].push(name);
  }
  return [lefts.filter((cell) => cell.length), rights.reverse()];
}

/**
 * @param {object} on @param {(part: XRayBlock | XRaySkip | null) => void} on.onPoint @param {(name: string) => void} on.onChoose
 * @param {(skip: number) => void} on.onToggle
 */
export function unetDrawing({ onPoint, onChoose, onToggle }) {
  const node = shape("svg", { class: "dp-unet", role: "group", "aria-label": _("The network as a drawing") });
  /** @type {XRay} */
  let data;
  let focus = "";

  /** @param {XRay} next @param {number} width @param {Theme} theme @param {string} chosen */
  function draw(next, width, theme, chosen) {
    data = next;
    const places = layout(data, width);
    const root = /** @type {Document | ShadowRoot} */ (node.getRootNode());
    const focused = node.contains(root.activeElement) ? focus : "";
    node.setAttribute("viewBox", `0 0 ${places.width} ${places.height}`);
    node.setAttribute("width", String(places.width));
    node.setAttribute("height", String(places.height));
    node.setAttribute("font-family", theme.font);
    const most = Math.max(...data.blocks.map((b) => b.parameters));
    node.replaceChildren(
      ...places.bands.map((band) =>
        shape("g", {},
          shape("rect", { x: 1, y: band.top, width: places.width - 2, height: band.bottom - band.top, rx: 8, fill: theme.surface }),
          text(band.label, places.width / 2, band.top + 16, theme.muted, 13, "middle"),
        ),
      ),
      ...arrows(places, theme),
      ...places.skips.map((place) => skipView(place, theme)),
      ...places.boxes.map((place) => boxView(place, theme, chosen, most)),
    );
    if (focused) setFocus(focused);
  }

  /** @param {string} name */
  function setFocus(name) {
    focus = name;
    /** @type {SVGElement | null} */ (node.querySelector(`[data-name="${CSS.escape(name)}"]`))?.focus({ preventScroll: true });
  }

  /** @param {string} words @param {number} x @param {number} y @param {string} fill @param {number} size @param {string} anchor */
  const text = (words, x, y, fill, size, anchor, weight = 400) =>
    shape("text", { x, y, fill, "font-size": size, "text-anchor": anchor, "font-weight": weight }, words);

  /** @param {ReturnType<typeof layout>} places @param {Theme} theme */
  function arrows(places, theme) {
    /** @type {SVGElement[]} */
    const made = [];
    const arrow = (/** @type {number} */ x, /** @type {number} */ y, /** @type {boolean} */ up) => shape("path", { d: up ? `M${x} ${y - 4}l4 6h-8z` : `M${x} ${y + 3}l4 -6h-8z`, fill: theme.muted });
    places.skips.slice(1).forEach((place) => {
      const y = place.y - BOX / 2 - 7;
      made.push(arrow(places.left + places.column / 2, y, false), arrow(places.right + places.column / 2, y, true));
    });
    return made;
  }

  /** @param {BlockPlace} place @param {Theme} theme @param {string} chosen @param {number} most  parameters of the largest block */
  function boxView({ block, x, y, w, h }, theme, chosen, most) {
    const tint = theme[TINT[block.kind]];
    const on = block.name === chosen;
    const share = Math.max(2, (w - 12) * (block.parameters / most));
    const view = shape("g", {
      class: "dp-unet-block", role: "button", tabindex: on ? 0 : -1, "data-name": block.name,
      "aria-pressed": String(on), "aria-label": _("{title}, {parameters} parameters", { title: block.title, parameters: words(block.parameters) }),
    },
      shape("rect", { class: "dp-unet-box", x, y, width: w, height: h, rx: 6, fill: theme.bg, stroke: tint, "stroke-width": on ? 4 : 1.5 }),
      shape("rect", { x, y, width: w, height: h, rx: 6, fill: tint, "fill-opacity": on ? 0.34 : 0.14, "pointer-events": "none" }),
      text(block.short, x + w / 2, y + (w < 34 ? 24 : 16), theme.text, w < 34 ? 10.5 : 13, "middle", 600),
      ...(w < 34 ? [] : [text(w < 62 ? String(block.channels) : `${block.channels} ch`, x + w / 2, y + 30, theme.text, 12, "middle")]),
      shape("rect", { x: x + 6, y: y + h - 5, width: Math.min(w - 12, share), height: 3, rx: 1.5, fill: tint, "pointer-events": "none" }),
    );
    pointable(view, block, block.name);
    view.addEventListener("click", () => { focus = block.name; onChoose(block.name); });
    view.addEventListener("keydown", (event) => blockKey(event, block));
    return view;
  }

  /** @param {SVGElement} view @param {XRayBlock | XRaySkip} part @param {string} name */
  function pointable(view, part, name) {
    view.addEventListener("pointerenter", () => onPoint(part));
    view.addEventListener("pointerleave", () => onPoint(null));
    view.addEventListener("focus", () => {
      focus = name;
      onPoint(part);
    });
  }

  /** @param {KeyboardEvent} event @param {XRayBlock} block */
  function blockKey(event, block) {
    const order = data.blocks.map((b) => b.name);
    const at = order.indexOf(block.name);
    const to = /** @type {Record<string, number>} */ ({ ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: order.length - 1, Enter: at, " ": at })[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const name = order[clamp(to, 0, order.length - 1)];
    onChoose(name);
    setFocus(name);
  }

  /** @param {SkipPlace} place @param {Theme} theme */
  function skipView({ skip, x1, x2, y }, theme) {
    const colour = skip.off ? theme.muted : theme.text;
    const middle = (x1 + x2) / 2;
    const name = `skip ${skip.number}`;
    const view = shape("g", {
      class: "dp-unet-skip", role: "switch", tabindex: 0, "data-name": name, "data-skip": skip.number,
      "aria-checked": String(!skip.off), "aria-label": skip.title,
    },
      shape("rect", { x: x1, y: y - BOX / 2, width: x2 - x1, height: BOX, fill: "transparent" }),
      shape("line", { x1: x1 + 3, x2: x2 - 9, y1: y, y2: y, stroke: colour, "stroke-width": skip.off ? 1.5 : 2.5, "stroke-dasharray": skip.off ? "3 5" : null }),
      shape("path", { d: `M${x2 - 3} ${y}l-8 -5v10z`, fill: colour, "fill-opacity": skip.off ? 0.4 : 1 }),
      shape("rect", { class: "dp-unet-knob", x: middle - 17, y: y - 13, width: 34, height: 26, rx: 13, fill: skip.off ? theme.bg : theme.text, stroke: colour, "stroke-width": 1.5 }),
      text(skip.off ? "off" : String(skip.number), middle - 2, y + 5, skip.off ? theme.text : theme.bg, 13, "middle", 600),
    );
    pointable(view, skip, name);
    view.addEventListener("click", () => onToggle(skip.number));
    view.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      onToggle(skip.number);
    });
    return view;
  }

  return { node, draw };
}

/** @param {number} count */
export const words = (count) => count.toLocaleString("en-US");
