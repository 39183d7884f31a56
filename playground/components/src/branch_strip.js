// The tree of trajectories: one strip for each, all from noise (left) to picture (right). A fork begins where it leaves.
/** @import { Branch, StepView } from "../payloads.js" */
/** @import { PicturePool } from "./picture_pool.js" */
import { fitCanvas } from "./chart_drawing.js";
import { draggable, el } from "./dom.js";
import { _ } from "./language.js";
import { context2d } from "./theme.js";

const HEIGHT = 46;

/**
 * The number of the step that is nearest to a share of the trajectory.
 * @param {StepView[]} steps
 * @param {number} progress  0 … 1
 */
const nearestStep = (steps, progress) =>
  steps.reduce((best, step, i) => (Math.abs(step.progress - progress) < Math.abs(steps[best].progress - progress) ? i : best), 0);

/** @param {number} number @param {{ onMove: (branch: number, index: number) => void, onEnd: () => void }} on */
export function branchStrip(number, { onMove, onEnd }) {
  const name = el("b");
  const label = el("span");
  const from = el("span", { class: "dp-branch-from" });
  const thumbnails = el("canvas", { class: "dp-thumbnails" });
  const head = el("div", { class: "dp-branch-head" });
  const strip = el("div", { class: "dp-branch-strip" }, thumbnails, head);
  const final = el("canvas", { class: "dp-final", width: HEIGHT, height: HEIGHT, "aria-hidden": "true" });
  const slider = el("div", { class: "dp-branch-slider", role: "slider", tabindex: "0", "aria-orientation": "horizontal", "aria-valuemin": "0" }, strip, final);
  const node = el("div", { class: "dp-branch", "data-branch": number }, el("div", { class: "dp-branch-title" }, name, label, from), slider);
  /** @type {Branch} */
  let branch;

  draggable(slider, {
    onStart: () => branch?.steps.length > 0,
    onMove(event) {
      const rect = strip.getBoundingClientRect();
      onMove(number, nearestStep(branch.steps, (event.clientX - rect.left) / Math.max(1, rect.width)));
    },
    onEnd,
  });

  /** @param {CanvasRenderingContext2D} g @param {PicturePool} pool @param {number} width */
  function paintThumbnails(g, pool, width) {
    const { steps } = branch;
    const begin = steps[0].progress * width;
    const n = Math.max(1, Math.min(steps.length, Math.floor((width - begin) / (HEIGHT + 2))));
    const room = (width - begin) / n;
    const side = Math.min(HEIGHT, room - 2);
    g.imageSmoothingEnabled = false;
    for (let k = 0; k < n; k++) {
      const progress = (begin + (k + 0.5) * room) / width;
      const nearest = nearestStep(steps, progress);
      if (Math.abs(steps[nearest].progress - progress) * width > 2 * room) continue; // not yet there
      pool.draw(g, branch.thumbnails[nearest], 1, begin + k * room + 1, (HEIGHT - side) / 2, side, side);
    }
    if (branch.parent === null) return;
    // The twig: down from the strip above, and along.
    g.save();
    g.strokeStyle = getComputedStyle(node).color;
    g.globalAlpha = 0.55;
    g.lineWidth = 2;
    g.beginPath();
    g.moveTo(Math.max(1, begin - 9), 0);
    g.lineTo(Math.max(1, begin - 9), HEIGHT / 2);
    g.lineTo(begin, HEIGHT / 2);
    g.stroke();
    g.restore();
  }

  return {
    node,
    /**
     * @param {Branch} next
     * @param {string} parentName  "" for none
     */
    set(next, parentName) {
      branch = next;
      name.textContent = next.name;
      label.textContent = next.label;
      from.textContent = parentName ? _("leaves {parent} at t = {t}", { parent: parentName, t: next.steps[0]?.t }) : "";
    },
    /** @param {PicturePool} pool */
    paint(pool) {
      const width = strip.clientWidth;
      if (!width || !branch.steps.length) return;
      paintThumbnails(fitCanvas(thumbnails, width, HEIGHT), pool, width);
      const g = context2d(final);
      g.imageSmoothingEnabled = false;
      g.clearRect(0, 0, HEIGHT, HEIGHT);
      if (branch.final !== null) pool.draw(g, branch.final, 1, 0, 0, HEIGHT, HEIGHT);
    },
    /** @param {boolean} isChosen @param {StepView} step @param {number} index */
    place(isChosen, step, index) {
      node.classList.toggle("dp-chosen", isChosen);
      head.hidden = !isChosen;
      head.style.left = `${100 * step.progress}%`;
      slider.setAttribute("aria-valuemax", String(branch.steps.length - 1));
      slider.setAttribute("aria-valuenow", String(isChosen ? index : 0));
      slider.setAttribute("aria-valuetext", isChosen ? step.text : _("not chosen"));
      slider.setAttribute("aria-label", _("{name}: {value}", { name: branch.name, value: branch.label }));
    },
  };
}
