// One cloud's row of the Points lab's microscope: the sum with the particle's two coordinates, and its picture, far and near.
//
//   stepView() -> { node, draw({way, at, pool, points, reach, theme, width}), sheet }
//
// sheet: {width, height, draw(pen)}, the two pictures under their names, to be taken away.
// at: which cut of the way; reach: how far the whole picture goes, unless an arrow goes further.
import { el, markup } from "./dom.js";
import { fitCanvas } from "./draw.js";
import { chipView, equationView, share, tuple, valuesAt, written } from "./equation.js";
import { paintPlane, partAt } from "./plane.js";

export const BOTH = [[0, 0, 0], [0, 1, 0]]; // x and y, as pixels of the pool
const MARKS = { x: "dot", next: "ring", x0: "cross", exact: "cross", posterior: "plus" };
const LARGEST = 420;
const SHEET_GAP = 16;
const SHEET_HEAD = 54;
const NAMED = 3; // points whose weights are told

export function stepView() {
  let last = null;
  let scene = null;
  let hot = null;
  let more = []; // {kind, chip}
  const title = el("div", { class: "dp-lane-title" });
  const sums = equationView({ onHot: light });
  const others = el("div", { class: "dp-sum dp-more-parts" });
  const whole = pictureView("The terms head to tail, from the middle");
  const near = pictureView("The step from near by");
  const pictures = el("div", { class: "dp-plane-pair" }, whole.node, near.node);
  const facts = el("dl", { class: "dp-facts" });
  const thinking = el("p", { class: "dp-lane-help" });
  const node = el("section", { class: "dp-step" }, title, sums.node, others, pictures, facts, thinking);

  function pictureView(caption) {
    const canvas = el("canvas", { class: "dp-plane", role: "img" });
    const view = { canvas, caption, size: 0, at: { x: 0, y: 0, half: 1 }, node: el("figure", {}, canvas, el("figcaption", { class: "dp-lane-help" }, caption)) };
    canvas.addEventListener("pointermove", (event) => light(scene && partAt([event.offsetX, event.offsetY], view.at, view.size, scene)));
    canvas.addEventListener("pointerleave", () => light(null));
    return view;
  }

  // A term, its arrow and its place are strong together.
  function light(kind) {
    if (kind === hot) return;
    hot = kind;
    sums.hot(kind);
    for (const part of more) part.chip.button.classList.toggle("dp-hot", part.kind === kind);
    node.dataset.hot = kind ?? "";
    if (last) paint();
  }

  function draw(given) {
    last = given;
    const { way, at, pool, width } = given;
    const cut = way.cuts[at];
    title.replaceChildren(markup(way.label).fragment, el("span", { class: "dp-step-where" }, cut.text));
    sums.draw(cut.equations, pool, BOTH);
    drawMore(cut, pool);
    facts.replaceChildren(...cut.facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
    thinking.textContent = `${cut.thinking} ${heaviest(cut.thoughts, given.points)}`;
    scene = sceneOf(given, cut);
    const apart = width >= 560;
    const size = Math.floor(Math.min(LARGEST, apart ? (width - 20) / 2 : width));
    const extent = Math.max(given.reach, ...scene.arrows.flatMap(({ to }) => to.map((v) => 1.08 * Math.abs(v))));
    Object.assign(whole, { size, at: { x: 0, y: 0, half: extent } });
    Object.assign(near, { size, at: nearView(scene) });
    paint();
  }

  function drawMore(cut, pool) {
    if (more.map((part) => part.kind).join() !== cut.more.map((shown) => shown.kind).join()) {
      more = cut.more.map(({ kind }) => ({ kind, chip: chipView(kind, light) }));
      others.replaceChildren(...more.map((part) => part.chip.button));
      others.hidden = !more.length;
    }
    cut.more.forEach((shown, i) => {
      const { chip } = more[i];
      chip.top.replaceChildren(markup(shown.symbol).fragment, ` = ${tuple(BOTH.map((place) => pool.at(shown.picture, ...place)))}`);
      chip.bottom.textContent = chip.button.title = shown.title;
    });
  }

  function paint() {
    for (const view of [whole, near]) {
      paintPlane(fitCanvas(view.canvas, view.size, view.size), last.theme, view.size, view.at, scene, hot);
      view.canvas.setAttribute("aria-label", `${view.caption}. ${scene.spots.map(({ label, at }) => `${label} at ${tuple(at)}`).join(", ")}.`);
    }
  }

  // Both pictures beside each other, as they are shown, but with nothing pointed at.
  const sheet = {
    get width() {
      return 2 * whole.size + SHEET_GAP;
    },
    get height() {
      return whole.size + SHEET_HEAD;
    },
    draw(pen) {
      const { way, at, theme } = last;
      pen.font = `600 16px ${theme.font}`;
      pen.fillStyle = theme.text;
      pen.fillMarkup(`${way.label}, ${way.cuts[at].text}`, 4, 20);
      [whole, near].forEach((view, k) => {
        pen.save();
        pen.translate(k * (view.size + SHEET_GAP), 0);
        pen.font = `14px ${theme.font}`;
        pen.fillStyle = theme.muted;
        pen.fillText(view.caption, 4, 44);
        pen.translate(0, SHEET_HEAD);
        paintPlane(pen, theme, view.size, view.at, scene, null);
        pen.restore();
      });
    },
  };

  return { node, draw, sheet };
}

// A symbol as text for a canvas: x<sub>116</sub> is x₁₁₆.
function plain(symbol) {
  const { fragment } = markup(symbol);
  for (const low of fragment.querySelectorAll("sub")) low.textContent = low.textContent.replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
  return fragment.textContent;
}

// The points with the most posterior weight, in words.
function heaviest(thoughts, points) {
  const named = thoughts.slice(0, NAMED).map(([row, weight]) => `${share(weight)} on (${[0, 1].map((axis) => written(points[2 * row + axis], 2)).join(", ")})`);
  return named.length ? `Most posterior weight: ${named.join(", ")}.` : "";
}

// What there is to be drawn of a step; see plane.js.
function sceneOf({ way, at, pool, points }, cut) {
  const place = (picture) => BOTH.map((pixel) => pool.at(picture, ...pixel));
  const [step, ...more] = cut.equations;
  const values = BOTH.map((pixel) => valuesAt(step, pool, pixel).terms);
  const arrows = [];
  step.terms.forEach((term, i) => {
    const from = arrows.at(-1)?.to ?? [0, 0];
    const to = from.map((v, axis) => v + values[axis][i].product);
    arrows.push({ kind: term.kind, label: `${written(term.coefficient, 2)} ${plain(term.symbol)}`, from, to, raw: place(term.picture) });
  });
  const known = new Map();
  for (const shown of [step.result, ...more.map(({ result }) => result), ...cut.more, ...cut.equations.flatMap(({ terms }) => terms)]) {
    if (MARKS[shown.kind] && !known.has(shown.kind)) known.set(shown.kind, shown);
  }
  // Where the exact denoiser moves the cloud itself, its answer is the very same place.
  const same = known.has("exact") && known.has("x0") && close(place(known.get("exact").picture), place(known.get("x0").picture));
  if (same) known.delete("exact");
  const spots = [...known.values()].map((shown) => ({ kind: shown.kind, label: plain(shown.symbol), at: place(shown.picture), mark: MARKS[shown.kind] }));
  const mean = arrows.filter(({ kind }) => !kind.startsWith("fresh")).at(-1)?.to ?? [0, 0];
  const posterior = spots.find(({ kind }) => kind === "posterior")?.at ?? mean;
  return {
    data: points,
    thoughts: cut.thoughts,
    way: [...way.film, way.outcome].map(place),
    now: at,
    arrows,
    spots,
    rings: [
      { at: posterior, radius: way.posterior_std[at], kind: "posterior", dashed: true },
      { at: mean, radius: way.std[at], kind: "fresh", dashed: false },
    ].filter(({ radius }) => radius > 0),
  };
}

const close = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) < 1e-3;

// A square around the two ends of the step and the mean, with some room.
function nearView({ spots }) {
  const near = spots.filter(({ kind }) => ["x", "next", "posterior"].includes(kind)).map(({ at }) => at);
  const [x, y] = [0, 1].map((axis) => (Math.min(...near.map((at) => at[axis])) + Math.max(...near.map((at) => at[axis]))) / 2);
  const apart = Math.max(...near.map((at) => Math.max(Math.abs(at[0] - x), Math.abs(at[1] - y))));
  return { x, y, half: Math.max(0.02, 1.7 * apart) };
}
