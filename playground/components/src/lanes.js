// The big pictures: one canvas for each lane at the pictures' own resolution, enlarged by CSS without smoothing.
/** @import { Axes, Lane } from "../payloads.js" */
/** @import { PictureLane } from "./tiles.js" */
import { saveCanvas } from "./download.js";
import { cellAt, el, iconButton, markup } from "./dom.js";
import { _ } from "./language.js";
import { heightBeside } from "./player.js";
import { context2d } from "./theme.js";

/** @typedef {ReturnType<typeof laneView>} LaneView */

const GAP = 1; // pixels of the picture between two pictures of a grid

/**
 * @param {PictureLane} source
 * @param {{ pick: boolean, onPick: (lane: Lane, picture: number | null) => void, onCursor: (text: string) => void }} options
 */
export function laneView(source, { pick, onPick, onCursor }) {
  let lane = source;
  const { meta, picture } = lane;
  const [, columns] = meta.grid;
  const usedRows = Math.ceil(meta.pictures / columns);
  const native = { w: columns * picture.w + (columns - 1) * GAP, h: usedRows * picture.h + (usedRows - 1) * GAP };
  const canvas = el("canvas", { "data-lane": meta.key, width: native.w, height: native.h });
  const g = context2d(canvas);
  const picked = el("div", { class: "dp-picked", hidden: true });
  const cursor = el("div", { class: "dp-cursor", hidden: true });
  const stage = el("div", { class: "dp-stage" }, canvas, cursor, picked);
  const title = el("div", { class: "dp-lane-title" }, markup(meta.title).fragment);
  const plain = title.textContent ?? "";
  const head = el("div", { class: "dp-lane-head" }, title);
  if (meta.help) head.append(el("div", { class: "dp-lane-help" }, markup(meta.help).fragment));
  const axes = meta.axes ? axesAround(stage, meta.axes) : null;
  const node = el("figure", { class: "dp-lane" }, head, axes?.node ?? stage);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", plain);
  /** @type {number | null} */
  let drawn = null;
  let at = -1;

  const box = (/** @type {number} */ k) => ({ x: (k % columns) * (picture.w + GAP), y: Math.floor(k / columns) * (picture.h + GAP) });
  /** @param {HTMLElement} mark @param {number | null} k */
  function place(mark, k) {
    mark.hidden = k === null || k < 0 || k >= meta.pictures;
    if (k === null || mark.hidden) return;
    const { x, y } = box(k);
    mark.style.left = `${(100 * x) / native.w}%`;
    mark.style.top = `${(100 * y) / native.h}%`;
    mark.style.width = `${(100 * picture.w) / native.w}%`;
    mark.style.height = `${(100 * picture.h) / native.h}%`;
  }
  /** @param {MouseEvent} event */
  function hit(event) {
    const [row, column] = cellAt(event, canvas, usedRows, columns);
    const k = row * columns + column;
    return k < meta.pictures ? k : -1;
  }

  if (pick) {
    stage.tabIndex = 0;
    stage.classList.add("dp-pickable");
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label", _("{plain}: arrow keys choose an image, Enter selects it", { plain }));
    stage.addEventListener("pointermove", (event) => event.pointerType === "mouse" && place(cursor, hit(event)));
    stage.addEventListener("pointerleave", () => place(cursor, null));
    stage.addEventListener("click", (event) => {
      const k = hit(event);
      if (k >= 0) onPick(meta, k);
    });
    stage.addEventListener("keydown", (event) => {
      const step = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns })[event.key];
      if (step !== undefined) {
        at = at < 0 ? 0 : Math.min(meta.pictures - 1, Math.max(0, at + step));
        place(cursor, at);
        onCursor(_("Image {at} of {pictures}", { at: at + 1, pictures: meta.pictures }));
      } else if (event.key === "Enter") {
        if (at < 0) place(cursor, (at = 0));
        else onPick(meta, at);
      } else if (event.key === "Escape") onPick(meta, null);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    stage.addEventListener("blur", () => place(cursor, null));
  }

  return {
    node,
    get lane() {
      return lane;
    },
    native,
    most: axes ? { w: 960, h: heightBeside() } : meta.pictures === 1 ? { w: 384, h: Math.min(384, heightBeside()) } : { w: 760, h: Math.min(760, heightBeside()) },
    // What stands beside the pictures and takes its part of the width.
    margin: () => axes?.margin() ?? 0,
    highlight: (/** @type {number | null} */ k) => place(picked, k),
    // New tiles of the same kind: the old ones stay on the canvas until the next drawing.
    /** @param {PictureLane} next */
    use(next) {
      lane = next;
      drawn = null;
    },
    /** @param {number} width @param {number} height */
    resize(width, height) {
      stage.style.width = `${width}px`;
      stage.style.height = `${height}px`;
    },
    /** @param {number} position */
    draw(position) {
      const tile = lane.tile(position);
      if (!tile || tile.number === drawn) return;
      drawn = tile.number;
      g.clearRect(0, 0, native.w, native.h);
      for (let k = 0; k < meta.pictures; k++) {
        const { x, y } = box(k);
        lane.copy(g, tile, k, x, y);
      }
      canvas.dataset.tile = String(tile.number);
    },
  };
}

// Titles and labels around a grid: what its columns and its rows stand for.
/** @param {HTMLElement} stage @param {Axes} axes */
function axesAround(stage, { across, columns, down, rows }) {
  const labels = (/** @type {string[]} */ names, /** @type {string} */ kind) => el("div", { class: `dp-axis dp-axis-${kind}` }, ...names.map((name) => el("span", {}, name)));
  const side = labels(rows, "down");
  const corner = el("div", { class: "dp-axis-titles" }, el("span", {}, `${across} →`), el("span", {}, `${down} ↓`));
  const top = labels(columns, "across");
  top.style.gridTemplateColumns = `repeat(${columns.length}, minmax(0, 1fr))`;
  side.style.gridTemplateRows = `repeat(${rows.length}, minmax(0, 1fr))`;
  const node = el("div", { class: "dp-axes" }, corner, el("div"), top, side, stage);
  return { node, margin: () => Math.ceil(side.getBoundingClientRect().width) + 8 };
}

// How large the canvases are shown: whole multiples of a pixel where that costs little, and equal lanes equally large.
/** @param {LaneView[]} views @param {number[]} widths */
export function sizeLanes(views, widths) {
  const scales = new Map();
  const ratio = window.devicePixelRatio || 1;
  views.forEach((view, i) => {
    const key = `${view.native.w}×${view.native.h}`;
    const scale = Math.min(widths[i] - view.margin(), view.most.w) / view.native.w;
    scales.set(key, Math.min(scales.get(key) ?? Infinity, scale, view.most.h / view.native.h));
  });
  for (const view of views) {
    const scale = scales.get(`${view.native.w}×${view.native.h}`) ?? 1;
    const whole = Math.floor(scale * ratio + 1e-6) / ratio;
    const shown = whole >= 0.8 * scale ? whole : scale;
    view.resize(Math.max(8, view.native.w * shown), Math.max(8, view.native.h * shown));
  }
}

// The picked picture from every lane of its group, enlarged, moving with the playhead.
/** @param {{ onClose: () => void }} on */
export function zoomView({ onClose }) {
  const list = el("div", { class: "dp-zoom-list" });
  const title = el("div", { class: "dp-zoom-title" });
  const close = iconButton("close", _("Close the enlarged image"), onClose);
  const node = el("div", { class: "dp-zoom", hidden: true }, el("div", { class: "dp-zoom-head" }, title, close), list);
  /** @type {{ lane: PictureLane, g: CanvasRenderingContext2D, k: number }[]} */
  let shown = [];
  return {
    node,
    /** @param {PictureLane[]} lanes @param {number | null} k */
    show(lanes, k) {
      node.hidden = k === null || !lanes.length;
      shown = [];
      list.replaceChildren();
      if (k === null || node.hidden) return;
      title.textContent = _("Image {k}", { k: k + 1 });
      for (const lane of lanes) {
        const canvas = el("canvas", { width: lane.picture.w, height: lane.picture.h });
        const factor = Math.max(1, Math.round(128 / Math.max(lane.picture.w, lane.picture.h)));
        canvas.style.width = `${lane.picture.w * factor}px`;
        list.append(el("figure", {}, canvas, el("figcaption", {}, markup(lane.meta.title).fragment)));
        shown.push({ lane, g: context2d(canvas), k });
      }
    },
    /** @param {number} position */
    draw(position) {
      for (const { lane, g, k } of shown) {
        const tile = lane.tile(position);
        if (tile) lane.copy(g, tile, k, 0, 0);
      }
    },
  };
}

/**
 * Everything that the lanes show there, side by side and enlarged without smoothing; null for nothing.
 * @param {PictureLane[]} lanes @param {number} position
 */
export function frameCanvas(lanes, position) {
  const tiles = lanes.flatMap((lane) => {
    const tile = lane.tile(position);
    return tile ? [{ lane, tile }] : [];
  });
  if (!tiles.length) return null;
  const gap = 4;
  const width = tiles.reduce((sum, { lane }) => sum + lane.meta.tile[0] + gap, -gap);
  const height = Math.max(...tiles.map(({ lane }) => lane.meta.tile[1]));
  const scale = Math.max(1, Math.min(4, Math.floor(8192 / Math.max(width, height))));
  const canvas = el("canvas", { width: width * scale, height: height * scale });
  const g = context2d(canvas);
  g.imageSmoothingEnabled = false;
  let x = 0;
  for (const { lane, tile } of tiles) {
    const [w, h] = lane.meta.tile;
    g.drawImage(tile.bitmap, tile.x, tile.y, w, h, x * scale, 0, w * scale, h * scale);
    x += w + gap;
  }
  return canvas;
}

/**
 * The same as a PNG to keep.
 * @param {PictureLane[]} lanes @param {number} position @param {string} name
 */
export function saveFrame(lanes, position, name) {
  const canvas = frameCanvas(lanes, position);
  if (canvas) saveCanvas(name, canvas);
}
