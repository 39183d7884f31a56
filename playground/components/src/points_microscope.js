// The Points lab's microscope: one step of one particle as a sum of vectors, with its picture in the plane; a row for each cloud.
//
// Emits "cursor" {id, particle, frame}: another particle at once, another step when the reader has come to rest. The point clouds of
// the same id stand at the same step (shared_cursor.js).
/** @import { ParticleTrajectory, PointsMicroscope } from "../payloads.js" */
/** @import { PicturePool } from "./picture_pool.js" */
/** @import { Component, Emit, Theme } from "./types.js" */
import { decodeFloats } from "./base64.js";
import { component, el, iconButton, onNextFrame } from "./dom.js";
import { csvOf } from "./download.js";
import { exportButtons } from "./exports.js";
import { _ } from "./language.js";
import { clamp } from "./numbers.js";
import { BOTH, pointOf, stepView } from "./particle_step.js";
import { picturePool } from "./picture_pool.js";
import { sharedCursor } from "./shared_cursor.js";
import { COLUMNS, rowsAt } from "./step_sums.js";
import { svgContext } from "./svg_context.js";
import { readTheme, watchAppearance } from "./theme.js";

const REST = 350; // milliseconds
const CLOUDS_APART = 16; // between the clouds' pictures in a file

/**
 * The number of the item that is nearest to a value.
 * @template T
 * @param {T[]} list @param {(item: T) => number} key @param {number} value
 */
const nearest = (list, key, value) => list.reduce((best, item, i) => (Math.abs(key(item) - value) < Math.abs(key(list[best]) - value) ? i : best), 0);

/** @param {HTMLElement} root @param {Emit} emit @returns {Component<PointsMicroscope | null>} */
export function mount(root, emit) {
  /** @type {PointsMicroscope} */
  let data;
  /** @type {PicturePool[]} */
  let pools = [];
  /** @type {ReturnType<typeof stepView>[]} */
  let views = [];
  /** @type {Float32Array} */
  let points;
  let reach = 1; // the data and all trajectories lie within
  let step = 0; // taken by the first cloud; the nearest that there is is shown
  /** @type {number | null} */
  let requested = null; // the particle that was requested last
  /** @type {Theme} */
  let theme;
  let resting = 0;
  const drawing = onNextFrame(draw);

  root.classList.add("dp-root", "dp-points-microscope");
  const number = el("input", { type: "number", class: "dp-number", min: 0, step: 1, placeholder: "none", onchange: () => choose(number.value === "" ? -1 : Number(number.value)) });
  const slider = el("input", { type: "range", class: "dp-range", min: 0, step: 1, "aria-label": _("Step"), oninput: () => move(Number(slider.value)) });
  const where = el("div", { class: "dp-where" });
  const name = el("span", { class: "dp-lane-help" });
  const steps = el("div", { class: "dp-steps", hidden: true }, el("div", { class: "dp-buttons" }, iconButton("back", _("One step back"), () => move(index() - 1)), iconButton("forward", _("One step forward"), () => move(index() + 1))), slider, where);
  const controls = el("div", { class: "dp-controls" }, el("label", { class: "dp-particle" }, _("Particle "), number, " ", name), steps);
  const message = el("div", { class: "dp-message", role: "status" });
  const rows = el("div");
  const body = el("div", { hidden: true }, rows, exportButtons(figure));
  root.append(controls, message, body);
  say(_("Waiting for the particles …"));

  const shared = sharedCursor((id, place) => {
    if (!data || id !== data.id) return;
    if (place.particle !== null && place.particle !== data.particle) choose(place.particle, place.t);
    else if (data.trajectories.length && place.t !== null) goTo(place.t);
  });
  const unwatch = watchAppearance(root, drawing.request);

  /** @param {string} text */
  function say(text) {
    message.textContent = text;
    message.hidden = !text;
  }

  // --- data -------------------------------------------------------------------------------------------------------
  /** @param {PointsMicroscope | null} next */
  function update(next) {
    if (!next || next === data) return drawing.request();
    const { trajectories } = next;
    const isFresh = data?.id !== next.id || requested !== next.particle;
    const elsewhere = data?.id !== next.id ? shared.latest(next.id) : null; // the reader was quicker than the data
    data = next;
    requested = data.particle;
    pools = trajectories.map((trajectory) => picturePool(trajectory.pool));
    points = decodeFloats(data.data);
    reach = 1.08 * [...points, ...trajectories.flatMap(coordinates)].reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    views.splice(trajectories.length).forEach((view) => view.node.remove());
    while (views.length < trajectories.length) {
      const view = stepView();
      views.push(view);
      rows.append(view.node);
    }
    number.max = String(data.particles - 1);
    showNumber();
    number.setAttribute("aria-label", _("Particle, 0 to {particles}", { particles: data.particles - 1 }));
    name.textContent = data.name ? `class ${data.name}` : `0 … ${data.particles - 1}`;
    const isEmpty = !trajectories.length;
    steps.hidden = body.hidden = isEmpty;
    say(isEmpty ? _("No particle is chosen. Click on one in the cloud above, or type its number here.") : "");
    if (isFresh) step = data.frame;
    if (!isEmpty) slider.max = String(firstSteps().length - 1);
    const particle = elsewhere?.particle ?? -1;
    if (elsewhere && particle >= 0 && particle !== data.particle) choose(particle, elsewhere.t);
    else publish();
    drawing.request();
  }

  /**
   * All coordinates of a trajectory.
   * @param {ParticleTrajectory} trajectory @param {number} k
   */
  const coordinates = ({ thumbnails, final }, k) => [...thumbnails, final ?? 0].flatMap((index) => pointOf(pools[k], index));
  const showNumber = () => (number.value = data.particle < 0 ? "" : String(data.particle));
  const firstSteps = () => data.trajectories[0].steps;
  const index = () => nearest(firstSteps(), (one) => one.step, step);

  // --- what the reader does ---------------------------------------------------------------------------------------
  /**
   * @param {number} particle  −1 for none
   * @param {number | null} [t]
   */
  function choose(particle, t = null) {
    if (!data) return;
    if (!Number.isInteger(particle) || particle < -1 || particle >= data.particles) {
      showNumber();
      return say(_("There are particles 0 to {particles}.", { particles: data.particles - 1 }));
    }
    clearTimeout(resting);
    requested = particle;
    const frame = t === null ? step : frameAt(t);
    step = frame;
    say(particle < 0 ? "" : _("Waiting for particle {particle} …", { particle }));
    emit("cursor", { id: data.id, particle, frame });
  }

  /**
   * Of the steps of the first cloud, the one that leaves nearest to t.
   * @param {number} t
   */
  const frameAt = (t) => nearest(data.times.slice(0, -1), (time) => time, t);

  /** @param {number} to */
  function move(to) {
    if (!data?.trajectories.length) return;
    step = firstSteps()[clamp(to, 0, firstSteps().length - 1)].step;
    publish();
    rested();
    drawing.request();
  }

  /** @param {number} t */
  function goTo(t) {
    const to = frameAt(t);
    if (to === step) return;
    step = to;
    rested();
    drawing.request();
  }

  const publish = () => shared.publish(data.id, { particle: data.particle, t: data.trajectories.length ? firstSteps()[index()].t : null });

  function rested() {
    clearTimeout(resting);
    resting = setTimeout(() => emit("cursor", { id: data.id, particle: data.particle, frame: step }), REST);
  }

  // The pictures of this step, one cloud below the other; the numbers of every step.
  function figure() {
    const all = data.trajectories.flatMap(({ name: cloud, steps: own }, k) => BOTH.flatMap((pixel, axis) => rowsAt(own, pools[k], pixel).map((row) => [cloud, "xy"[axis], ...row])));
    const sheets = views.map((view) => view.sheet);
    const width = Math.max(...sheets.map((sheet) => sheet.width));
    const height = sheets.reduce((sum, sheet) => sum + sheet.height + CLOUDS_APART, 0);
    const pen = svgContext(width, height);
    pen.fillStyle = theme.bg;
    pen.fillRect(0, 0, width, height);
    let top = 0;
    for (const sheet of sheets) {
      pen.save();
      pen.translate(0, top);
      sheet.draw(pen);
      pen.restore();
      top += sheet.height + CLOUDS_APART;
    }
    return { name: `particle-${data.particle}`, csv: csvOf([["cloud", "coordinate", ...COLUMNS], ...all]), svg: pen.svg };
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  function draw() {
    if (!root.isConnected || !data || !root.clientWidth) return;
    theme = readTheme(root);
    root.dataset.narrow = String(root.clientWidth < 520);
    Object.assign(root.dataset, { particle: data.particle, trajectories: data.trajectories.length });
    if (!data.trajectories.length) return;
    const i = index();
    const here = firstSteps()[i];
    slider.value = String(i);
    slider.setAttribute("aria-valuetext", here.text);
    where.textContent = `t = ${here.t}`;
    data.trajectories.forEach((trajectory, k) => {
      const at = k ? nearest(trajectory.steps, (one) => one.t, here.t) : i;
      views[k].draw({ trajectory, at, pool: pools[k], points, reach, theme, width: root.clientWidth });
    });
    Object.assign(root.dataset, { step: here.step, t: here.t });
  }

  return component(root, update, drawing.cancel, () => clearTimeout(resting), shared.leave, unwatch);
}
