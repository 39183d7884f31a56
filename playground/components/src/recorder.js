// The training × sampling map: a grid of pictures and two playheads, how long the network had trained and how far it had denoised.
// Moving either needs no request once the tiles have come. Emits nothing; where they stand is in the address (view_link.js):
// trained.denoised.picture.
/** @import { Position, TrainingSamplingMap } from "../payloads.js" */
/** @import { Component, Theme } from "./types.js" */
/** @import { DecodedSheet, PictureLane, Tile } from "./tiles.js" */
import { cellAt, chip, draggable, el, markup, iconButton, setIcon } from "./dom.js";
import { saveCanvas } from "./download.js";
import { _ } from "./language.js";
import { messageStamp, readMessage } from "./message.js";
import { clamp } from "./numbers.js";
import { playback } from "./playback.js";
import { scrubberView } from "./scrubber.js";
import { context2d, readTheme, watchAppearance } from "./theme.js";
import { decodeLanes, tileLane } from "./tiles.js";
import { numbersOf, viewLink } from "./view_link.js";

const GAP = 1;
const [TRAINED, DENOISED] = [0, 1];
const RATES = [2.2, 8.3]; // positions per second

/** @param {HTMLElement} root @returns {Component<TrainingSamplingMap | Uint8Array>} */
export function mount(root) {
  root.classList.add("dp-root", "dp-recorder");
  /** @type {TrainingSamplingMap} */
  let meta;
  /** @type {PictureLane} */
  let lane;
  /** @type {Position[]} */
  let trained = [];
  let stamp = "";
  let picked = 0;
  /** @type {Theme} */
  let theme;
  let isDestroyed = false;
  let follows = true; // the newest training step
  let queue = Promise.resolve();
  const link = viewLink("map", root, (view) => {
    wanted = numbersOf(view);
    if (wanted) goToWanted();
    else reset();
  });
  let wanted = numbersOf(link.initial); // of the address, until it has come

  const field = el("canvas", { class: "dp-pixels dp-pickable", tabindex: 0, role: "application" });
  const fieldTitle = el("div", { class: "dp-lane-title" });
  const map = el("canvas", { class: "dp-pixels dp-map", tabindex: 0, role: "application" });
  const mapTitle = el("div", { class: "dp-lane-title" });
  const axes = [axisView(TRAINED, _("Training step")), axisView(DENOISED, _("Denoising step"))];
  const where = el("p", { class: "dp-map-where", "aria-live": "polite" });
  const parts = [
    el("div", { class: "dp-map-pair" },
      el("figure", {}, fieldTitle, field),
      el("figure", {}, mapTitle, el("div", { class: "dp-map-y" }, _("training ↓")), map, el("div", { class: "dp-map-x" }, _("denoising →"))),
    ),
    where,
    el("div", { class: "dp-player" }, axes[0].node, axes[1].node),
    el("div", { class: "dp-xray-choices dp-map-save" }, chip(_("Save the images (PNG)"), () => saveCanvas("pictures.png", field)), chip(_("Save the map (PNG)"), () => saveCanvas("training-and-denoising.png", map))),
  ];
  root.replaceChildren(el("div", { class: "dp-message", role: "status" }, _("Loading images …")));
  const unwatch = watchAppearance(root, restyle);

  // --- data -------------------------------------------------------------------------------------------------------
  /** @param {TrainingSamplingMap | Uint8Array} given */
  function update(given) {
    const next = given instanceof Uint8Array ? messageStamp(given) : given.id;
    if (next === stamp) return;
    stamp = next;
    /** @type {TrainingSamplingMap} */
    const data = given instanceof Uint8Array ? readMessage(given) : given;
    // In the order in which they came, though some take longer to decode.
    queue = queue.then(async () => {
      const [decoded] = await decodeLanes([data.lane]);
      if (!isDestroyed) apply(data, decoded);
    });
  }

  /** @param {TrainingSamplingMap} data @param {DecodedSheet[]} decoded */
  function apply(data, decoded) {
    const isFresh = !meta || meta.id !== data.id;
    if (!meta) root.replaceChildren(...parts);
    if (isFresh) {
      stop();
      lane?.close();
      lane = tileLane(data.lane);
      trained = [];
    }
    meta = data;
    lane.add(data.lane, decoded, 0);
    trained = data.trained;
    if (isFresh) reset();
    else if (follows) axes[TRAINED].clock.moveTo(lastOf(TRAINED));
    goToWanted();
    fieldTitle.replaceChildren(markup(data.lane.title).fragment);
    restyle();
  }

  const counts = () => [meta.total, meta.denoised.length];
  const lastOf = (/** @type {number} */ which) => (meta ? [trained.length, meta.denoised.length][which] - 1 : 0);
  const isThere = (/** @type {number} */ i) => i < trained.length;
  const position = (/** @type {number} */ which) => axes[which].clock.position;
  const tile = (/** @type {number} */ i, /** @type {number} */ j) => lane.tile(i * meta.denoised.length + j);

  // The newest images, all denoised.
  function reset() {
    picked = 0;
    follows = true;
    if (!meta) return;
    axes[DENOISED].clock.moveTo(lastOf(DENOISED));
    axes[TRAINED].clock.moveTo(lastOf(TRAINED));
    restyle();
  }

  function goToWanted() {
    if (!meta || !wanted || !isThere(wanted[TRAINED])) return;
    const [i, j, k = 0] = wanted;
    wanted = null;
    move(TRAINED, i);
    move(DENOISED, j);
    pick(k);
  }

  // --- moving -----------------------------------------------------------------------------------------------------
  /** @param {number} which @param {number} to */
  function move(which, to) {
    if (which === TRAINED) follows = false;
    axes[which].clock.moveTo(to);
  }

  /** @typedef {Record<string, [which: number, by: number]>} Keys */
  /** @param {KeyboardEvent} event @param {Keys} keys */
  function key(event, keys) {
    const step = keys[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    stop();
    const [which, by] = step;
    move(which, position(which) + by * (event.shiftKey ? 5 : 1));
  }

  /** @type {Keys} */
  const both = { ArrowLeft: [1, -1], ArrowRight: [1, 1], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [1, -Infinity], End: [1, Infinity], PageUp: [0, -Infinity], PageDown: [0, Infinity] };

  /** @param {number} which @param {string} label */
  function axisView(which, label) {
    const clock = playback({ last: () => lastOf(which), fps: () => RATES[which], onChange: changed, isStepped: true });
    const scrubber = scrubberView({ onStart: stop, onMove: (i) => move(which, i) });
    /** @type {Keys} */
    const one = { ArrowLeft: [which, -1], ArrowDown: [which, -1], ArrowRight: [which, 1], ArrowUp: [which, 1], Home: [which, -Infinity], End: [which, Infinity] };
    scrubber.node.addEventListener("keydown", (event) => key(event, one));
    const play = iconButton("play", _("Play: {label}", { label }), () => (clock.isPlaying ? stop() : start(which)));
    const value = el("span", { class: "dp-where" });
    const node = el("div", { class: "dp-map-axis" }, el("div", { class: "dp-map-axis-head" }, play, el("span", {}, label), value), scrubber.node);
    return { node, scrubber, play, value, label, clock };
  }

  /** @param {number} which */
  function start(which) {
    stop();
    if (which === TRAINED) follows = false;
    axes[which].clock.start();
  }

  function stop() {
    for (const axis of axes) axis.clock.stop();
  }

  function changed() {
    for (const axis of axes) setIcon(axis.play, axis.clock.isPlaying ? "pause" : "play");
    draw();
  }

  draggable(map, {
    onStart: stop,
    onMove(event) {
      const [rows, columns] = counts();
      const [i, j] = cellAt(event, map, rows, columns);
      move(TRAINED, i);
      move(DENOISED, j);
    },
  });
  map.addEventListener("keydown", (event) => key(event, both));
  field.addEventListener("click", (event) => {
    const [rows, columns] = lane.meta.grid;
    const [i, j] = cellAt(event, field, rows, columns);
    pick(i * columns + j);
  });
  field.addEventListener("keydown", (event) => {
    const columns = lane.meta.grid[1];
    const by = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns })[event.key];
    if (by === undefined) return;
    event.preventDefault();
    pick(picked + by);
  });

  /** @param {number} k */
  function pick(k) {
    picked = clamp(k, 0, lane.meta.pictures - 1);
    restyle();
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  function restyle() {
    if (isDestroyed || !meta || !root.isConnected || !root.clientWidth) return;
    theme = readTheme(root);
    root.dataset.narrow = String(root.clientWidth < 620);
    drawMap();
    draw();
  }

  // One picture at all pairs of times: drawn once, and again only when another picture is picked or more tiles come.
  /** @type {HTMLCanvasElement} */
  let background;
  function drawMap() {
    const [rows, columns] = counts();
    const { w, h } = lane.picture;
    background = el("canvas", { width: columns * (w + GAP) - GAP, height: rows * (h + GAP) - GAP });
    const g = context2d(background);
    g.fillStyle = theme.surface;
    g.fillRect(0, 0, background.width, background.height);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns && isThere(i); j++) copy(g, tile(i, j), picked, j * (w + GAP), i * (h + GAP));
    }
    const name = meta.names[picked] ? ` (${meta.names[picked]})` : "";
    mapTitle.textContent = _("Image {picked}{name} at every training and denoising step", { picked: picked + 1, name });
  }

  /** @param {CanvasRenderingContext2D} g @param {Tile | null} source @param {number} k @param {number} x @param {number} y */
  const copy = (g, source, k, x, y) => source && lane.copy(g, source, k, x, y);

  function draw() {
    const at = axes.map((axis) => axis.clock.position);
    if (!meta || !theme || !background || !isThere(at[TRAINED])) return;
    drawField(tile(at[TRAINED], at[DENOISED]));
    const [rows, columns] = counts();
    const { w, h } = lane.picture;
    Object.assign(map, { width: background.width, height: background.height });
    const g = context2d(map);
    g.drawImage(background, 0, 0);
    for (const [style, line] of /** @type {[string, number][]} */ ([["#000", 5], ["#fff", 2.5]])) {
      g.strokeStyle = style;
      g.lineWidth = line;
      g.strokeRect(at[1] * (w + GAP) + 1, at[0] * (h + GAP) + 1, w - 2, h - 2);
    }
    const texts = [trained[at[0]].text, meta.denoised[at[1]].text];
    where.textContent = _("{name}, {place}", { name: texts[0], place: texts[1] });
    map.setAttribute("aria-label", _("Training step by denoising step; arrow keys move. {place}", { place: where.textContent }));
    field.setAttribute("aria-label", _("Images: {place}; arrow keys choose one", { place: where.textContent }));
    axes.forEach((it, which) => {
      const count = which === TRAINED ? rows : columns;
      const along = (/** @type {number} */ i) => (which === DENOISED ? tile(at[TRAINED], i) : isThere(i) ? tile(i, at[DENOISED]) : null);
      it.scrubber.paint({ lane: { ...lane, tile: along }, picture: picked, loaded: which === TRAINED ? trained.length : columns, count, label: it.label });
      it.scrubber.place(at[which], count, texts[which]);
      it.value.textContent = texts[which];
    });
    const isDefault = follows && at[DENOISED] === lastOf(DENOISED) && !picked;
    if (!wanted && !axes.some((axis) => axis.clock.isPlaying)) link.write(isDefault ? "" : [...at, picked].join("."));
    Object.assign(root.dataset, { trained: at[0], denoised: at[1], loaded: trained.length, total: rows, picked, id: meta.id });
  }

  /** @param {Tile | null} now */
  function drawField(now) {
    const [rows, columns] = lane.meta.grid;
    const { w, h } = lane.picture;
    Object.assign(field, { width: columns * (w + GAP) - GAP, height: rows * (h + GAP) - GAP });
    const g = context2d(field);
    for (let k = 0; k < lane.meta.pictures; k++) copy(g, now, k, (k % columns) * (w + GAP), Math.floor(k / columns) * (h + GAP));
    g.strokeStyle = theme.accent;
    g.lineWidth = 2;
    g.strokeRect((picked % columns) * (w + GAP) + 1, Math.floor(picked / columns) * (h + GAP) + 1, w - 2, h - 2);
  }

  function destroy() {
    isDestroyed = true;
    for (const axis of axes) axis.clock.cancel();
    unwatch();
    link.leave();
    lane?.close();
    root.replaceChildren();
  }

  return { update, destroy };
}
