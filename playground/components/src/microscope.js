// The microscope: strips of trajectories that branch, and below them one step as a sum of pictures. Pointing and scrubbing need no request.
//
// Emits "cursor" {version, branch, step, row, column} when the reader has come to rest.
/** @import { Microscope, PoolPicture, StepView } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
/** @import { CardView } from "./equation.js" */
/** @import { PicturePool, Pixel } from "./picture_pool.js" */
import { branchStrip } from "./branch_strip.js";
import { chip, component, el, iconButton, onNextFrame } from "./dom.js";
import { csvOf, saveText } from "./download.js";
import { cardView, equationView } from "./equation.js";
import { savePictures, saveDrawing } from "./microscope_files.js";
import { _ } from "./language.js";
import { clamp, formatFixed, formatShare } from "./numbers.js";
import { atlasPictures, picturePool } from "./picture_pool.js";
import { COLUMNS, rowsAt, valuesAt } from "./step_sums.js";
import { watchAppearance } from "./theme.js";

const REST = 350; // milliseconds
const CHANNELS = [_("red"), _("green"), _("blue")];

/**
 * @param {HTMLElement} root @param {Emit} emit
 * @param {HTMLElement | null} [below]  what stands below the strips
 * @returns {Component<Microscope | null>}
 */
export function mount(root, emit, below = null) {
  /** @type {Microscope} */
  let data;
  /** @type {PicturePool[]} */
  let pools = [];
  /** @type {ReturnType<typeof branchStrip>[]} */
  let rows = [];
  /** @type {CardView[]} */
  let cards = [];
  let branch = 0;
  let step = 0; // as requested; the nearest that there is is shown
  /** @type {[row: number, column: number] | null} */
  let pixel = null; // the chosen one
  /** @type {[row: number, column: number] | null} */
  let hover = null; // the one under the pointer
  let channel = 0;
  /** @type {ReturnType<typeof atlasPictures> | null} */
  let drawAtlas = null;
  let resting = 0;
  let paintStrips = true;
  const drawing = onNextFrame(draw);
  const path = location.pathname;

  root.classList.add("dp-root", "dp-microscope");
  const tree = el("div", { class: "dp-tree" });
  const where = el("div", { class: "dp-where" });
  const colours = el("div", { class: "dp-buttons dp-channels", hidden: true });
  colours.append(...CHANNELS.map((name, c) => chip(name, () => ((channel = c), request()))));
  const controls = el(
    "div",
    { class: "dp-controls" },
    el("div", { class: "dp-buttons" }, iconButton("back", _("One step back"), () => move(-1)), iconButton("forward", _("One step forward"), () => move(1))),
    el("div", { class: "dp-status" }, where),
    colours,
  );
  const sums = equationView({ onHighlight: highlight });
  const facts = el("dl", { class: "dp-facts" });
  const parts = el("div", { class: "dp-parts" });
  const posterior = el("div", { class: "dp-posterior" });
  const saves = el(
    "div",
    { class: "dp-export" },
    chip(_("Images of this step (PNG)"), () => savePictures(shown()), { "data-action": "png" }),
    chip(_("Images and sum of this step (SVG)"), () => saveDrawing(shown()), { "data-action": "svg" }),
    chip(_("This pixel at every step (CSV)"), saveNumbers, { "data-action": "csv" }),
  );
  const spoken = el("div", { class: "dp-spoken", "aria-live": "polite" });
  const message = el("div", { class: "dp-message", role: "status" }, _("Waiting for the first step …"));
  const body = el("div", { hidden: true }, tree, below, controls, sums.node, parts, facts, posterior, saves);
  root.append(message, body, spoken);

  const unwatch = watchAppearance(root, () => request(true));

  // --- data -------------------------------------------------------------------------------------------------------
  /** @param {Microscope | null} next */
  function update(next) {
    if (!next || next === data) return;
    const isFresh = !data || data.id !== next.id;
    const isMoved = isFresh || data.version !== next.version;
    data = next;
    pools = data.branches.map((b, i) => (pools[i]?.packed.f32 === b.pool.f32 ? pools[i] : picturePool(b.pool)));
    drawAtlas = data.atlas && atlasPictures(data.atlas);
    if (isMoved) {
      const { row, column } = data.cursor;
      ({ branch, step } = data.cursor);
      if (row >= 0 && column >= 0) pixel = [row, column];
    }
    while (rows.length < data.branches.length) {
      rows.push(branchStrip(rows.length, { onMove: choose, onEnd: rested }));
    }
    rows = rows.slice(0, data.branches.length);
    rows.forEach((row, i) => {
      const b = data.branches[i];
      row.set(b, b.parent === null ? "" : data.branches[b.parent].name);
    });
    if (tree.childElementCount !== rows.length || isFresh) tree.replaceChildren(...rows.map((row) => row.node));
    request(true);
  }

  const chosen = () => Math.min(branch, data.branches.length - 1);
  function index(b = chosen()) {
    const { steps } = data.branches[b];
    return steps.reduce((best, one, i) => (Math.abs(one.step - step) < Math.abs(steps[best].step - step) ? i : best), 0);
  }

  /**
   * The pixel whose numbers are shown: the one under the pointer, the chosen one, or the middle.
   * @returns {[row: number, column: number, channel: number]}
   */
  function at() {
    const pool = pools[chosen()];
    const [row, column] = hover ?? pixel ?? [Math.floor(pool.height / 2), Math.floor(pool.width / 2)];
    return [Math.min(row, pool.height - 1), Math.min(column, pool.width - 1), Math.min(channel, pool.channels - 1)];
  }

  // --- what the reader does ---------------------------------------------------------------------------------------
  /** @param {number} b @param {number} i */
  function choose(b, i) {
    branch = b;
    step = data.branches[b].steps[i].step;
    request();
  }

  /** @param {number} by  ±Infinity to an end */
  function move(by) {
    if (!data) return;
    const { steps } = data.branches[chosen()];
    step = steps[clamp(index() + by, 0, steps.length - 1)].step;
    request();
    rested();
  }

  /** @param {[row: number, column: number] | null} place @param {boolean} isChosen @param {number[]} [by] */
  function pointAt(place, isChosen, by) {
    if (by) {
      const [row, column] = at();
      const pool = pools[chosen()];
      place = [clamp(row + by[0], 0, pool.height - 1), clamp(column + by[1], 0, pool.width - 1)];
    }
    hover = isChosen ? null : place;
    if (isChosen && place) {
      pixel = place;
      rested();
    }
    request();
  }

  /** "Back", "forward" or the next step of a lesson: the cursor goes to where the address says. */
  function led() {
    if (!data || location.pathname !== path) return;
    const given = new URLSearchParams(location.search);
    const at = (/** @type {string} */ name, /** @type {number} */ usual) => Number(given.get(name) ?? usual);
    const row = at("row", data.home.row);
    const column = at("column", data.home.column);
    branch = at("branch", data.home.branch);
    step = at("frame", data.home.step);
    pixel = row >= 0 && column >= 0 ? [row, column] : null;
    rested();
    request();
  }
  window.addEventListener("popstate", led);

  /** @param {string | null} kind */
  function highlight(kind) {
    sums.highlight(kind);
    cards.forEach((card) => card.highlight(card.kind === kind));
  }

  root.addEventListener("keydown", (event) => {
    const row = /** @type {Element} */ (event.target).closest(".dp-branch");
    const by = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity })[event.key];
    if (!row || by === undefined || !data) return;
    branch = Number(row.getAttribute("data-branch"));
    move(by);
    event.preventDefault();
  });

  function rested() {
    clearTimeout(resting);
    resting = setTimeout(() => {
      const b = chosen();
      const [row, column] = pixel ?? [-1, -1];
      const here = data.branches[b].steps[index()];
      if (here) emit("cursor", { version: data.version, branch: b, step: here.step, row, column });
    }, REST);
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  function request(all = false) {
    paintStrips ||= all;
    drawing.request();
  }

  function draw() {
    const b = data ? chosen() : 0;
    const here = data?.branches[b]?.steps[index()];
    message.hidden = Boolean(here);
    body.hidden = !here;
    if (!here) return;
    const pool = pools[b];
    if (paintStrips) rows.forEach((row, i) => row.paint(pools[i]));
    paintStrips = false;
    rows.forEach((row, i) => data.branches[i].steps.length && row.place(i === b, i === b ? here : data.branches[i].steps[0], index(i)));
    where.textContent = _("{name}: {value}", { name: data.branches[b].name, value: here.text });
    colours.hidden = pool.channels !== 3;
    [...colours.children].forEach((node, c) => node.setAttribute("aria-pressed", String(c === channel)));
    sums.draw(here.equations, pool, [at()]);
    drawCards(here, pool);
    facts.replaceChildren(...[pixelFact(), ...here.facts].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
    drawPosterior(here);
    Object.assign(root.dataset, { branch: b, step: here.step, t: here.t, branches: data.branches.length, pixel: at().slice(0, 2).join() });
  }

  /** @returns {[string, string]} */
  const pixelFact = () => [_("pixel"), _("row {row}, column {column}", { row: at()[0], column: at()[1] }) + (colours.hidden ? "" : `, ${CHANNELS[channel]}`)];

  /**
   * The pictures of a step, one of each kind.
   * @param {StepView} here
   */
  function pictures(here) {
    /** @type {PoolPicture[]} */
    const all = [...here.equations.flatMap((equation) => [equation.result, ...equation.terms]), ...here.other_pictures];
    return all.filter((shown, i) => all.findIndex((other) => other.kind === shown.kind) === i);
  }

  /** @param {StepView} here @param {PicturePool} pool */
  function drawCards(here, pool) {
    const all = pictures(here);
    if (all.map((shown) => shown.kind).join("|") !== cards.map((card) => card.kind).join("|")) {
      const had = new Map(cards.map((card) => [card.kind, card]));
      cards = all.map((shown) => had.get(shown.kind) ?? cardView(shown.kind, { onHighlight: highlight, onPixel: pointAt, onRest: rested }));
      parts.replaceChildren(...cards.map((card) => card.node));
    }
    all.forEach((shown, i) => cards[i].draw(shown, pool, at()));
  }

  let drawnPosterior = "";
  /** @param {StepView} here */
  function drawPosterior({ posterior_weights: weights, posterior_text: text }) {
    const next = JSON.stringify([weights, text, data.id]);
    if (next === drawnPosterior) return;
    drawnPosterior = next;
    posterior.hidden = !weights.length;
    const figures = weights.filter(([, weight]) => weight >= 0.0005 || weights[0][1] < 0.01).map(([picture, weight]) => {
      const caption = data.captions[picture];
      const canvas = el("canvas", { role: "img", "aria-label": _("a training image {caption}", { caption }) });
      drawAtlas?.(canvas, picture);
      const bar = el("div", { class: "dp-weight" }, el("i", { style: `width:${100 * weight}%` }));
      return el("figure", {}, canvas, bar, el("figcaption", {}, formatShare(weight), caption ? el("span", {}, `: ${caption}`) : null));
    });
    posterior.replaceChildren(el("p", {}, text), el("div", { class: "dp-posterior-row" }, ...figures));
  }

  // --- files --------------------------------------------------------------------------------------------------------
  function shown() {
    const b = chosen();
    const here = data.branches[b].steps[index()];
    return { name: `step-${b}-${here.step}`, step: here, pictures: pictures(here), pool: pools[b], pixel: at() };
  }

  function saveNumbers() {
    const { step: here, pool, pixel: place } = shown();
    const rows = rowsAt(data.branches[chosen()].steps, pool, place);
    saveText(`pixel-${place.slice(0, 2).join("-")}.csv`, "text/csv", csvOf([COLUMNS, ...rows]));
    spoken.textContent = _("Saved {count} lines; the sum here is {sum}", { count: rows.length, sum: formatFixed(valuesAt(here.equations[0], pool, place).sum) });
  }

  return component(root, update, drawing.cancel, () => clearTimeout(resting), () => window.removeEventListener("popstate", led), unwatch);
}
