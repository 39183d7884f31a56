// One cloud's row of the Points lab's microscope: the sum with the particle's two coordinates, and its picture, far and near.
/** @import { ParticleTrajectory, PoolPicture, StepView } from "../payloads.js" */
/** @import { PicturePool, Pixel } from "./picture_pool.js" */
/** @import { Point, SvgPen, Theme } from "./types.js" */
/** @import { Arrow, Scene, View } from "./vector_plot.js" */
import { fitCanvas } from "./chart_drawing.js";
import { el, markup, plainText } from "./dom.js";
import { equationView, termView } from "./equation.js";
import { _ } from "./language.js";
import { formatFixed, formatShare } from "./numbers.js";
import { tuple, valuesAt } from "./step_sums.js";
import { distance, paintPlane, partAt } from "./vector_plot.js";

/**
 * @typedef {object} ParticleStep
 * @property {ParticleTrajectory} trajectory
 * @property {number} at  which of its steps
 * @property {PicturePool} pool
 * @property {Float32Array} points  the data: x, y, x, y, …
 * @property {number} reach  how far the whole picture goes, unless an arrow goes further
 * @property {Theme} theme
 * @property {number} width
 */

/** @type {Pixel[]} x and y, as pixels of the pool */
export const BOTH = [[0, 0, 0], [0, 1, 0]];
/** @type {Record<string, string>} */
const MARKS = { x: "dot", next: "ring", x0: "cross", exact: "cross", posterior: "plus" };
const LARGEST = 420;
const SHEET_GAP = 16;
const SHEET_HEAD = 54;
const NAMED = 3; // points whose weights are written out

export function stepView() {
  /** @type {ParticleStep | null} */
  let last = null;
  /** @type {Scene | null} */
  let scene = null;
  /** @type {string | null} */
  let hot = null;
  /** @type {{ kind: string, term: ReturnType<typeof termView> }[]} */
  let more = [];
  const title = el("div", { class: "dp-lane-title" });
  const sums = equationView({ onHighlight: highlight });
  const others = el("div", { class: "dp-sum dp-more-parts" });
  const whole = pictureView(_("The terms head to tail, from the origin"));
  const near = pictureView(_("The step, enlarged"));
  const pictures = el("div", { class: "dp-plane-pair" }, whole.node, near.node);
  const facts = el("dl", { class: "dp-facts" });
  const weights = el("p", { class: "dp-lane-help" });
  const node = el("section", { class: "dp-step" }, title, sums.node, others, pictures, facts, weights);

  /** @param {string} caption */
  function pictureView(caption) {
    const canvas = el("canvas", { class: "dp-plane", role: "img" });
    const node = el("figure", {}, canvas, el("figcaption", { class: "dp-lane-help" }, caption));
    const view = { canvas, caption, size: 0, at: /** @type {View} */ ({ x: 0, y: 0, half: 1 }), node };
    canvas.addEventListener("pointermove", (event) => highlight(scene && partAt([event.offsetX, event.offsetY], view.at, view.size, scene)));
    canvas.addEventListener("pointerleave", () => highlight(null));
    return view;
  }

  /**
   * A term, its arrow and its place are highlighted together.
   * @param {string | null} kind
   */
  function highlight(kind) {
    if (kind === hot) return;
    hot = kind;
    sums.highlight(kind);
    for (const part of more) part.term.button.classList.toggle("dp-hot", part.kind === kind);
    node.dataset.hot = kind ?? "";
    paint();
  }

  /** @param {ParticleStep} given */
  function draw(given) {
    last = given;
    const { trajectory, at, pool, width } = given;
    const step = trajectory.steps[at];
    title.replaceChildren(markup(trajectory.label).fragment, el("span", { class: "dp-step-where" }, step.text));
    sums.draw(step.equations, pool, BOTH);
    drawMore(step, pool);
    facts.replaceChildren(...step.facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
    weights.textContent = `${step.posterior_text} ${heaviest(step.posterior_weights, given.points)}`;
    scene = sceneOf(given, step);
    const size = Math.floor(Math.min(LARGEST, width >= 560 ? (width - 20) / 2 : width));
    const extent = Math.max(given.reach, ...scene.arrows.flatMap(({ to }) => to.map((v) => 1.08 * Math.abs(v))));
    Object.assign(whole, { size, at: { x: 0, y: 0, half: extent } });
    Object.assign(near, { size, at: nearView(scene) });
    paint();
  }

  /** @param {StepView} step @param {PicturePool} pool */
  function drawMore({ other_pictures: pictures }, pool) {
    if (more.map((part) => part.kind).join() !== pictures.map((shown) => shown.kind).join()) {
      more = pictures.map(({ kind }) => ({ kind, term: termView(kind, highlight) }));
      others.replaceChildren(...more.map((part) => part.term.button));
      others.hidden = !more.length;
    }
    pictures.forEach((shown, i) => {
      const { term } = more[i];
      term.top.replaceChildren(markup(shown.symbol).fragment, ` = ${tuple(pointOf(pool, shown.index))}`);
      term.bottom.textContent = term.button.title = shown.title;
    });
  }

  function paint() {
    if (!last || !scene) return;
    for (const view of [whole, near]) {
      paintPlane(fitCanvas(view.canvas, view.size, view.size), last.theme, view.size, view.at, scene, hot);
      view.canvas.setAttribute("aria-label", `${view.caption}. ${spotsText(scene)}.`);
    }
  }

  // Both pictures beside each other, as they are shown, but with nothing highlighted: {width, height, draw(pen)}.
  const sheet = {
    get width() {
      return 2 * whole.size + SHEET_GAP;
    },
    get height() {
      return whole.size + SHEET_HEAD;
    },
    /** @param {SvgPen} pen */
    draw(pen) {
      if (!last || !scene) return;
      const { trajectory, at, theme } = last;
      const drawn = scene;
      pen.font = `600 16px ${theme.font}`;
      pen.fillStyle = theme.text;
      pen.fillMarkup(_("{name}, {place}", { name: trajectory.label, place: trajectory.steps[at].text }), 4, 20);
      [whole, near].forEach((view, k) => {
        pen.save();
        pen.translate(k * (view.size + SHEET_GAP), 0);
        pen.font = `14px ${theme.font}`;
        pen.fillStyle = theme.muted;
        pen.fillText(view.caption, 4, 44);
        pen.translate(0, SHEET_HEAD);
        paintPlane(pen, theme, view.size, view.at, drawn, null);
        pen.restore();
      });
    },
  };

  return { node, draw, sheet };
}

/**
 * A picture of two pixels as a point.
 * @param {PicturePool} pool @param {number} index @returns {Point}
 */
export const pointOf = (pool, index) => [pool.at(index, BOTH[0]), pool.at(index, BOTH[1])];

/** @param {Scene} scene */
const spotsText = ({ spots }) => spots.map(({ label, at }) => _("{label} at {place}", { label, place: tuple(at) })).join(_("; "));

/**
 * A symbol as text for a canvas: x<sub>116</sub> is x₁₁₆.
 * @param {string} symbol
 */
function plain(symbol) {
  const { fragment } = markup(symbol);
  for (const low of fragment.querySelectorAll("sub")) low.textContent = (low.textContent ?? "").replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]);
  return fragment.textContent ?? "";
}

/**
 * The points with the most posterior weight, in words.
 * @param {[row: number, weight: number][]} weights @param {Float32Array} points
 */
function heaviest(weights, points) {
  const named = weights.slice(0, NAMED).map(([row, weight]) => _("{share} on {place}", { share: formatShare(weight), place: tuple([points[2 * row], points[2 * row + 1]], 2) }));
  return named.length ? _("Most posterior weight: {names}.", { names: named.join(_("; ")) }) : "";
}

/**
 * What there is to be drawn of a step.
 * @param {ParticleStep} given @param {StepView} step @returns {Scene}
 */
function sceneOf({ trajectory, at, pool, points }, step) {
  const arrows = arrowsOf(step, pool);
  const spots = spotsOf(step).map((shown) => ({ kind: shown.kind, label: plain(shown.symbol), at: pointOf(pool, shown.index), mark: MARKS[shown.kind] }));
  // Where the exact denoiser moves the cloud itself, its x̂0 is the very same place.
  const [exact, x0] = ["exact", "x0"].map((kind) => spots.find((spot) => spot.kind === kind));
  if (exact && x0 && distance(exact.at, x0.at) < 1e-3) spots.splice(spots.indexOf(exact), 1);
  /** @type {Point} */
  const mean = arrows.filter(({ kind }) => !kind.startsWith("fresh")).at(-1)?.to ?? [0, 0];
  const posterior = spots.find(({ kind }) => kind === "posterior")?.at ?? mean;
  return {
    data: points,
    weights: step.posterior_weights,
    trajectory: [...trajectory.thumbnails, trajectory.final ?? 0].map((index) => pointOf(pool, index)),
    now: at,
    arrows,
    spots,
    rings: [
      { at: posterior, radius: trajectory.posterior_std[at], kind: "posterior", dashed: true },
      { at: mean, radius: trajectory.std[at], kind: "fresh", dashed: false },
    ].filter(({ radius }) => radius > 0),
  };
}

/**
 * The terms of a step, head to tail.
 * @param {StepView} step @param {PicturePool} pool
 */
function arrowsOf({ equations: [equation] }, pool) {
  const [x, y] = BOTH.map((pixel) => valuesAt(equation, pool, pixel).terms);
  /** @type {Arrow[]} */
  const arrows = [];
  equation.terms.forEach((term, i) => {
    const from = arrows.at(-1)?.to ?? [0, 0];
    const label = `${formatFixed(term.coefficient, 2)} ${plain(term.symbol)}`;
    arrows.push({ kind: term.kind, label, from, to: [from[0] + x[i].product, from[1] + y[i].product], raw: pointOf(pool, term.index) });
  });
  return arrows;
}

/**
 * The pictures of a step that have a mark, one of each kind.
 * @param {StepView} step
 */
function spotsOf({ equations, other_pictures: others }) {
  /** @type {PoolPicture[]} */
  const all = [...equations.map(({ result }) => result), ...others, ...equations.flatMap(({ terms }) => terms)];
  return all.filter(({ kind }, i) => MARKS[kind] && all.findIndex((one) => one.kind === kind) === i);
}

/**
 * A square around the two ends of the step and the mean, with some room.
 * @param {Scene} scene @returns {View}
 */
function nearView({ spots }) {
  const near = spots.filter(({ kind }) => ["x", "next", "posterior"].includes(kind)).map(({ at }) => at);
  const [x, y] = [0, 1].map((axis) => (Math.min(...near.map((at) => at[axis])) + Math.max(...near.map((at) => at[axis]))) / 2);
  const extent = Math.max(...near.map((at) => Math.max(Math.abs(at[0] - x), Math.abs(at[1] - y))));
  return { x, y, half: Math.max(0.02, 1.7 * extent) };
}
