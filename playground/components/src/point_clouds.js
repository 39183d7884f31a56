// Particles on their trajectories from noise to data, at screen rate, with no request while the playhead moves. Emits nothing; the
// playhead and the layers are in the address (view_link.js): position.layers, layers as the sum of 1, 2, 4, … in the order of LAYERS.
//
// The microscope of the same page shows the particle that is clicked on, at the same step (shared_cursor.js).
/** @import { Cloud, PointClouds } from "../payloads.js" */
/** @import { Component, Point, Theme } from "./types.js" */
/** @import { Entry, Scale, Shape } from "./point_clouds_drawing.js" */
/** @import { Place } from "./shared_cursor.js" */
/** @import { Tile } from "./tiles.js" */
import { fitCanvas } from "./chart_drawing.js";
import { component, el, markup, onNextFrame } from "./dom.js";
import { saveCanvas, saveText } from "./download.js";
import { saveMenu, saveSvg } from "./exports.js";
import { publishFacts } from "./facts.js";
import { messageStamp, readMessage } from "./message.js";
import { _ } from "./language.js";
import { clamp } from "./numbers.js";
import { heightBeside, playerView } from "./player.js";
import { SHAPES, paintClouds, paintMark, positionsAt, scale } from "./point_clouds_drawing.js";
import { cloudsCsv, cloudsSvg, labelOf } from "./point_clouds_files.js";
import { sharedCursor } from "./shared_cursor.js";
import { tuple } from "./step_sums.js";
import { context2d, readTheme, watchAppearance } from "./theme.js";
import { numbersOf, viewLink } from "./view_link.js";

const MOST = 760; // pixels of a side
const THUMB = 120;
/** @typedef {keyof typeof LAYERS} Layer */
const LAYERS = { data: _("Data"), trails: _("Trails"), density: _("Density"), arrows: _("Arrows"), overlay: _("Overlaid") };
const LAYER_HELP = {
  data: _("The points of the data distribution"),
  trails: _("The trajectories of a few particles so far"),
  density: _("Density of the particles"),
  arrows: _("Score times σ, which is −ε̂ of the denoiser, at each place"),
  overlay: _("Both clouds in one figure"),
};

/** Data and trails. */
const AT_FIRST = 3;

const layerNames = () => /** @type {Layer[]} */ (Object.keys(LAYERS));

/** @typedef {{ canvas: HTMLCanvasElement, title: HTMLElement, node: HTMLElement, entries: Entry[], size: number }} View */

/** @param {HTMLElement} root @returns {Component<Uint8Array | PointClouds>}  a message, or clouds that the browser has computed */
export function mount(root) {
  root.classList.add("dp-root", "dp-points");
  /** @type {Record<Layer, boolean>} */
  const shown = { data: false, trails: false, density: false, arrows: false, overlay: false }; // until the address is read
  /** @type {PointClouds} */
  let data;
  /** @type {Theme} */
  let theme;
  /** Of what is shown. @type {unknown} */
  let stamp = null;
  /** @type {number | null} */
  let hovered = null; // the number of the particle that is pointed at
  /** @type {number | null} */
  let chosen = null; // of the one that was chosen
  /** @type {number | null} */
  let published = null; // t, as the other components know it
  /** @type {Point | null} */
  let cursor = null; // where the keyboard's pointer stands, in the units of the data
  let following = false;
  /** @type {View[]} */
  let views = [];
  /** @type {Map<number, Tile>} */
  let thumbs = new Map();
  const drawing = onNextFrame(draw);
  const link = viewLink("clouds", root, (view) => {
    showLayers(view);
    if (data) player.moveTo(positionOf(view) ?? start());
  });
  const positionOf = (/** @type {string} */ view) => numbersOf(view.split(".")[0])?.[0];
  let wanted = positionOf(link.initial); // of the address, until it has come

  const viewBox = el("div", { class: "dp-points-views" });
  const legend = el("div", { class: "dp-legend" });
  const readout = el("div", { class: "dp-readout", "aria-live": "polite" });
  const layers = el("div", { class: "dp-layers", role: "group", "aria-label": _("Displayed layers") });
  for (const name of layerNames()) {
    const node = el("button", { type: "button", class: "dp-toggle", "data-layer": name, title: LAYER_HELP[name], "aria-pressed": String(shown[name]), onclick: () => toggle(name) }, LAYERS[name]);
    layers.append(node);
  }
  const saves = saveMenu(_("Save this step"), [["png", "PNG"], ["svg", "SVG"], ["csv", "CSV"]], save);
  const player = playerView({ speeds: [0.25, 0.5, 1, 2, 4], onChange: drawing.request, onReader: (isAtEnd) => (following = isAtEnd), extras: [saves] });
  const message = el("div", { class: "dp-message", role: "status" }, _("Waiting for the particles …"));
  const body = el("div", { class: "dp-points-body", hidden: true }, layers, viewBox, player.node, el("div", { class: "dp-points-foot" }, legend, readout));
  root.append(message, body);
  root.addEventListener("keydown", onKey);
  const unwatch = watchAppearance(root, restyle);
  const shared = sharedCursor((id, place) => data && id === data.id && follow(place));

  /** @param {Uint8Array | PointClouds} next */
  function update(next) {
    const isMessage = next instanceof Uint8Array;
    if (!isMessage && !("clouds" in next)) return;
    const mark = isMessage ? messageStamp(next) : next;
    if (mark === stamp) return restyle();
    stamp = mark;
    const before = data;
    data = isMessage ? readMessage(next) : next;
    const isFresh = !before || before.id !== data.id;
    if (isFresh) {
      player.stop();
      hovered = chosen = null;
      following = data.live;
    } else if (hovered !== null && hovered >= data.clouds[0].x.shape[1]) hovered = null;
    thumbs = new Map();
    const end = data.positions.length - 1;
    const isThere = wanted !== undefined && wanted <= end;
    if (isThere) following = false;
    const to = isThere ? wanted ?? end : isFresh ? (data.live ? end : start()) : following ? end : Math.min(end, player.position);
    if (isThere || !data.live) wanted = undefined;
    message.hidden = true;
    body.hidden = false;
    player.node.hidden = end < 1;
    player.set({ texts: data.positions.map((p) => p.text), fps: data.fps, position: to });
    build();
    restyle();
    const place = isFresh ? shared.latest(data.id) : null;
    if (place) follow(place);
    if (isFresh && !isThere && chosen === null && data.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.start();
  }

  const start = () => (data.start_at === "last" ? data.positions.length - 1 : 0);

  /**
   * The reader has chosen elsewhere on the page.
   * @param {Place} place
   */
  function follow({ particle, t }) {
    chosen = particle !== null && particle >= 0 && particle < data.clouds[0].x.shape[1] ? particle : null;
    if (chosen !== null && t !== null) {
      const distance = (/** @type {number} */ i) => Math.abs(data.positions[i].t - t);
      const to = data.positions.reduce((best, _item, i) => (distance(i) < distance(best) ? i : best), 0);
      published = data.positions[to].t;
      player.moveTo(to);
    }
    drawing.request();
  }

  // The one that is pointed at becomes the chosen one.
  function chooseHovered() {
    if (hovered === null || !data.has_trajectories) return;
    player.stop();
    chosen = hovered;
    publish();
    drawing.request();
  }

  function publish() {
    published = data.positions[Math.round(player.position)].t;
    shared.publish(data.id, { particle: chosen, t: published });
  }

  const layerButton = (/** @type {Layer} */ name) => /** @type {HTMLElement} */ (layers.querySelector(`[data-layer=${name}]`));

  // One picture for each cloud, or one for both.
  function build() {
    const isSplit = data.clouds.length > 1 && !shown.overlay;
    const entries = data.clouds.map((cloud, number) => ({ cloud, number, hollow: shown.overlay && number === 1 }));
    const groups = isSplit ? entries.map((entry) => [entry]) : [entries];
    views.splice(groups.length).forEach((view) => view.node.remove());
    while (views.length < groups.length) views.push(newView());
    views.forEach((view, i) => {
      view.entries = groups[i];
      view.title.replaceChildren(...groups[i].map(({ cloud, number, hollow }) => heading(cloud, number, hollow)));
      view.canvas.setAttribute("aria-label", _("{label}: {titles}. Arrow keys move a pointer, Enter chooses the particle there, Escape takes the pointer away.", { label: data.label, titles: [...view.title.querySelectorAll(".dp-lane-title, .dp-lane-help")].map((part) => part.textContent).filter(Boolean).join(", ") }));
    });
    layerButton("trails").hidden = !data.has_trajectories;
    layerButton("overlay").hidden = data.clouds.length < 2;
    layerButton("arrows").hidden = !data.clouds.some((cloud) => cloud.arrows);
    const names = data.labels || data.data_labels ? data.class_names : [];
    legend.replaceChildren(...names.map((name, k) => el("span", { class: "dp-legend-entry" }, swatch(SHAPES[k], k), name)));
    legend.hidden = !names.length;
  }

  /** @param {Cloud} cloud @param {number} number @param {boolean} hollow */
  function heading(cloud, number, hollow) {
    const mark = data.clouds.length > 1 && shown.overlay ? swatch("circle", data.labels ? 5 : number, hollow) : null;
    return el("div", { class: "dp-points-heading" }, el("div", { class: "dp-lane-title" }, mark, markup(cloud.title).fragment), el("div", { class: "dp-lane-help" }, markup(cloud.note).fragment));
  }

  /** @param {Shape} shape @param {number} k  the number of a colour */
  function swatch(shape, k, hollow = false) {
    const canvas = el("canvas", { class: "dp-mark", "aria-hidden": "true" });
    paintMark(canvas, shape, (theme ?? readTheme(root)).series[k % 6], hollow);
    return canvas;
  }

  function newView() {
    const canvas = el("canvas", { class: "dp-points-canvas", role: "application", tabindex: "0" });
    const title = el("div");
    /** @type {View} */
    const view = { canvas, title, node: el("figure", { class: "dp-points-view" }, title, canvas), entries: [], size: 0 };
    const point = (/** @type {PointerEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      const unit = (2 * data.half_width) / box.width;
      pick(view, [(event.clientX - box.left) * unit - data.half_width, data.half_width - (event.clientY - box.top) * unit], event.pointerType === "touch" ? 0.8 : 0.35);
    };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.dataset.pointer = "";
      point(event);
      chooseHovered();
    });
    canvas.addEventListener("keydown", () => delete canvas.dataset.pointer);
    canvas.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && hover(null));
    viewBox.append(view.node);
    return view;
  }

  /**
   * Points at the particle nearest to a place, if one is near.
   * @param {View} view @param {Point} place @param {number} within
   */
  function pick(view, [x, y], within) {
    /** @type {number | null} */
    let best = null;
    let nearest = within * within;
    for (const { cloud } of view.entries) {
      const places = positionsAt(cloud, player.position);
      for (let k = 0; k < places.length / 2; k++) {
        const d = (places[2 * k] - x) ** 2 + (places[2 * k + 1] - y) ** 2;
        if (d < nearest) [best, nearest] = [k, d];
      }
    }
    hover(best);
  }

  /** @param {number | null} k */
  function hover(k) {
    if (k === hovered) return;
    hovered = k;
    drawing.request();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (!data) return;
    const view = views.find((one) => one.canvas === event.target);
    const by = /** @type {Record<string, Point>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] })[event.key];
    if (view && by && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const far = event.shiftKey ? 0.5 : 0.12;
      const [x, y] = cursor ?? [0, 0];
      const inside = (/** @type {number} */ v) => clamp(v, -data.half_width, data.half_width);
      cursor = [inside(x + far * by[0]), inside(y + far * by[1])];
      pick(view, cursor, Infinity);
      event.preventDefault();
      event.stopPropagation();
    } else if (view && event.key === "Enter") chooseHovered();
    else if (event.key === "Escape") {
      cursor = null;
      hover(null);
    } else player.key(event);
  }

  /** @param {Layer} name */
  function toggle(name) {
    shown[name] = !shown[name];
    relayer();
  }

  function relayer() {
    for (const name of layerNames()) layerButton(name).setAttribute("aria-pressed", String(shown[name]));
    thumbs = new Map();
    if (!data) return;
    build();
    layout();
  }

  const layersShown = () => layerNames().reduce((sum, name, k) => sum + (shown[name] ? 2 ** k : 0), 0);

  /** @param {string} view  of an address */
  function showLayers(view) {
    const sum = numbersOf(view.split(".")[1] ?? "")?.[0] ?? AT_FIRST;
    layerNames().forEach((name, k) => (shown[name] = Math.floor(sum / 2 ** k) % 2 === 1));
    relayer();
  }

  // Where the newest cloud is followed, the address names none.
  function view(/** @type {number} */ i) {
    const layered = layersShown() === AT_FIRST ? "" : `.${layersShown()}`;
    return `${following || i === start() ? "" : i}${layered}`;
  }

  function restyle() {
    if (!root.isConnected || !data) return;
    const next = readTheme(root);
    const other = theme && next.stamp !== theme.stamp;
    theme = next;
    if (other) {
      thumbs = new Map();
      build();
    }
    layout();
  }

  function layout() {
    const width = root.clientWidth;
    if (!data || !theme || !width || body.hidden) return;
    root.dataset.narrow = String(width < 520);
    const isSplit = views.length > 1 && width >= 560;
    const size = Math.floor(Math.min(MOST, heightBeside(), isSplit ? (width - 24) / 2 : width));
    for (const view of views) view.size = size;
    viewBox.style.gridTemplateColumns = `repeat(${isSplit ? 2 : 1}, ${size}px)`;
    player.node.style.maxWidth = body.style.maxWidth = `${isSplit ? 2 * size + 24 : Math.max(size, Math.min(width, 540))}px`;
    player.paint({ lane, picture: null, label: data.label });
    draw();
  }

  // What the strip shows: the first cloud, small.
  const lane = {
    meta: { tile: /** @type {Point} */ ([THUMB, THUMB]), pictures: 1 },
    picture: { w: THUMB, h: THUMB },
    /** @param {number} i */
    tile(i) {
      const known = thumbs.get(i);
      if (known) return known;
      const bitmap = el("canvas", { width: THUMB, height: THUMB });
      paintClouds(context2d(bitmap), theme, data, THUMB, i, [{ cloud: data.clouds[0], number: 0, hollow: false }], {}, null);
      const tile = { number: i, bitmap, x: 0, y: 0 };
      thumbs.set(i, tile);
      return tile;
    },
  };

  function draw() {
    if (!data || !theme || !views[0]?.size) return;
    for (const view of views) {
      const g = fitCanvas(view.canvas, view.size, view.size);
      paintClouds(g, theme, data, view.size, player.position, view.entries, shown, hovered ?? chosen);
      if (cursor && document.activeElement !== view.canvas && /** @type {ShadowRoot} */ (root.getRootNode()).activeElement !== view.canvas) cursor = null;
      if (cursor) ring(g, scale(data, view.size), cursor);
    }
    const i = Math.round(player.position);
    const k = hovered ?? chosen;
    const hint = _("Point at a particle to see its trajectory and its x̂₀; click, or press Enter, for the decomposition of its step.");
    if (!data.has_trajectories) readout.textContent = "";
    else if (k === null) readout.textContent = player.isPlaying ? "" : hint;
    else readout.textContent = described(i, k);
    if (chosen !== null && data.positions[i].t !== published) publish();
    if (wanted === undefined && !player.isPlaying) link.write(view(i));
    publishFacts({ t: data.positions[i].t, position: i });
    Object.assign(root.dataset, { position: i, count: data.positions.length, t: data.positions[i].t, playing: String(player.isPlaying), layers: layersShown(), particles: data.clouds[0].x.shape[1], clouds: data.clouds.length, picked: k ?? "", id: data.id });
  }

  /** @param {CanvasRenderingContext2D} g @param {Scale} scale @param {Point} at */
  function ring(g, { X, Y }, at) {
    g.strokeStyle = theme.accent;
    g.lineWidth = 2;
    g.beginPath();
    g.arc(X(at[0]), Y(at[1]), 9, 0, 7);
    g.stroke();
  }

  /** @param {number} i @param {number} k */
  function described(i, k) {
    const point = (/** @type {Float32Array} */ values) => tuple([values[2 * k], values[2 * k + 1]], 2);
    const parts = data.clouds.map((cloud, number) => {
      const x = point(positionsAt(cloud, i));
      const x0 = cloud.x0 ? `, x̂₀ = ${point(positionsAt(cloud, i, cloud.x0.values))}` : "";
      return data.clouds.length > 1 ? _("{name}: {value}", { name: "AB"[number], value: `x = ${x}${x0}` }) : `x = ${x}${x0}`;
    });
    const label = labelOf(data, k);
    const cross = data.clouds[0].x0 ? _("The cross is x̂₀.") : "";
    const named = [_("Particle {k}", { k }), ...(label ? [label] : []), data.positions[i].text];
    const name = named.reduce((one, place) => _("{name}, {place}", { name: one, place }));
    return _("{name}: {value}", { name, value: _("{word}.", { word: parts.join(_("; ")) }) }) + (cross && ` ${cross}`);
  }

  /** @param {string} kind */
  function save(kind) {
    if (!data) return;
    const { position } = player;
    const name = `points-t${data.positions[Math.round(position)].t}`;
    if (kind === "csv") return saveText(`${name}.csv`, "text/csv", cloudsCsv(data, position));
    views.forEach((view, n) => {
      const file = views.length > 1 ? `${name}-${"AB"[n]}` : name;
      if (kind === "png") saveCanvas(`${file}.png`, view.canvas);
      else saveSvg(file, cloudsSvg(theme, data, view.size, position, view.entries, shown, hovered));
    });
  }

  showLayers(link.initial);
  return component(root, update, drawing.cancel, player.destroy, unwatch, shared.leave, link.leave);
}
