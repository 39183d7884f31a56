// The tree of walks: one strip for each, all on the same way from noise (left) to picture (right). A fork begins where it leaves.
import { el } from "./dom.js";
import { fitCanvas } from "./draw.js";

const HEIGHT = 46;

export function branchView(number, { onMove, onEnd }) {
  const name = el("b", {});
  const label = el("span", {});
  const from = el("span", { class: "dp-branch-from" });
  const film = el("canvas", { class: "dp-film" });
  const head = el("div", { class: "dp-branch-head" });
  const strip = el("div", { class: "dp-branch-strip" }, film, head);
  const outcome = el("canvas", { class: "dp-outcome", width: HEIGHT, height: HEIGHT, "aria-hidden": "true" });
  const slider = el("div", { class: "dp-branch-slider", role: "slider", tabindex: "0", "aria-orientation": "horizontal", "aria-valuemin": "0" }, strip, outcome);
  const node = el("div", { class: "dp-branch", "data-branch": number }, el("div", { class: "dp-branch-title" }, name, label, from), slider);
  let branch = null;
  let dragging = false;

  // The cut whose place on the way is nearest to the pointer.
  function nearest(event) {
    const rect = strip.getBoundingClientRect();
    const way = (event.clientX - rect.left) / Math.max(1, rect.width);
    let best = 0;
    branch.cuts.forEach((cut, i) => {
      if (Math.abs(cut.way - way) < Math.abs(branch.cuts[best].way - way)) best = i;
    });
    return best;
  }
  slider.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !branch?.cuts.length) return;
    dragging = true;
    slider.setPointerCapture(event.pointerId);
    slider.dataset.pointer = "";
    slider.focus({ preventScroll: true });
    onMove(number, nearest(event));
    event.preventDefault();
  });
  slider.addEventListener("pointermove", (event) => dragging && onMove(number, nearest(event)));
  for (const kind of ["pointerup", "pointercancel"]) {
    slider.addEventListener(kind, () => {
      if (dragging) onEnd();
      dragging = false;
    });
  }
  for (const kind of ["keydown", "blur"]) slider.addEventListener(kind, () => delete slider.dataset.pointer);

  return {
    node,
    set(next, parentName, at) {
      branch = next;
      name.textContent = next.name;
      label.textContent = next.label;
      from.textContent = parentName ? `leaves ${parentName} at t = ${at}` : "";
    },
    paint(pool) {
      const width = strip.clientWidth;
      if (!width || !branch.cuts.length) return;
      const g = fitCanvas(film, width, HEIGHT);
      const { cuts } = branch;
      const begin = cuts[0].way * width;
      const n = Math.max(1, Math.min(cuts.length, Math.floor((width - begin) / (HEIGHT + 2))));
      const room = (width - begin) / n;
      const side = Math.min(HEIGHT, room - 2);
      g.imageSmoothingEnabled = false;
      for (let k = 0; k < n; k++) {
        const way = (begin + (k + 0.5) * room) / width;
        let best = 0;
        cuts.forEach((cut, i) => {
          if (Math.abs(cut.way - way) < Math.abs(cuts[best].way - way)) best = i;
        });
        if (Math.abs(cuts[best].way - way) * width > 2 * room) continue; // not yet there
        pool.draw(g, branch.film[best], 1, begin + k * room + 1, (HEIGHT - side) / 2, side, side);
      }
      if (branch.parent !== null) {
        // The twig: down from the walk above, and along.
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
      const o = outcome.getContext("2d");
      o.imageSmoothingEnabled = false;
      o.clearRect(0, 0, HEIGHT, HEIGHT);
      if (branch.outcome !== null) pool.draw(o, branch.outcome, 1, 0, 0, HEIGHT, HEIGHT);
    },
    place(chosen, cut, index) {
      node.classList.toggle("dp-chosen", chosen);
      head.hidden = !chosen;
      head.style.left = `${100 * cut.way}%`;
      slider.setAttribute("aria-valuemax", branch.cuts.length - 1);
      slider.setAttribute("aria-valuenow", chosen ? index : 0);
      slider.setAttribute("aria-valuetext", chosen ? cut.text : "not chosen");
      slider.setAttribute("aria-label", `${branch.name}: ${branch.label}`);
    },
  };
}
