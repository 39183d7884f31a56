import { el } from "./dom.js";
import { fitCanvas } from "./draw.js";

// The strip of small frames and the track below it: one slider, dragged anywhere.

export function stripView({ onStart, onMove, onEnd }) {
  const thumbs = el("canvas", { class: "dp-thumbs" });
  const loadedBar = el("div", { class: "dp-loaded" });
  const fill = el("div", { class: "dp-fill" });
  const track = el("div", { class: "dp-track" }, loadedBar, fill);
  const head = el("div", { class: "dp-head" }, el("div", { class: "dp-line" }), el("div", { class: "dp-knob" }));
  const node = el("div", { class: "dp-strip", role: "slider", tabindex: "0", "aria-orientation": "horizontal", "aria-valuemin": "0" }, thumbs, track, head);
  let count = 1;
  let width = 1;
  let dragging = false;

  const toIndex = (event) => {
    const rect = node.getBoundingClientRect();
    return Math.round(((event.clientX - rect.left) / Math.max(1, rect.width)) * (count - 1));
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragging = true;
    node.setPointerCapture(event.pointerId);
    // Reached by pointer, the slider takes the keys but needs no ring around it.
    node.dataset.pointer = "";
    node.focus({ preventScroll: true });
    onStart();
    onMove(toIndex(event));
    event.preventDefault();
  });
  node.addEventListener("pointermove", (event) => dragging && onMove(toIndex(event)));
  const end = () => {
    if (!dragging) return;
    dragging = false;
    onEnd();
  };
  for (const name of ["keydown", "blur"]) node.addEventListener(name, () => delete node.dataset.pointer);
  node.addEventListener("pointerup", end);
  node.addEventListener("pointercancel", end);

  return {
    node,
    place(position, total, text) {
      count = total;
      const x = count > 1 ? (position / (count - 1)) * width : 0;
      head.style.transform = `translateX(${x}px)`;
      fill.style.transform = `scaleX(${width ? x / width : 0})`;
      node.setAttribute("aria-valuenow", position);
      node.setAttribute("aria-valuetext", text);
    },
    // Evenly spaced frames of the first lane. Where a frame holds many pictures, one of them is shown: it reads better.
    paint({ lane, picture, loaded, count: total, label }) {
      count = total;
      width = node.clientWidth;
      node.setAttribute("aria-valuemax", count - 1);
      node.setAttribute("aria-label", label);
      loadedBar.style.transform = `scaleX(${count > 1 ? Math.max(0, loaded - 1) / (count - 1) : 1})`;
      thumbs.hidden = !lane;
      if (!lane || !width) return;
      const [tileW, tileH] = lane.meta.tile;
      const one = picture !== null || lane.meta.pictures > 4;
      const aspect = one ? lane.picture.w / lane.picture.h : tileW / tileH;
      const height = Math.max(34, Math.min(60, width / 12 / aspect));
      const n = Math.max(2, Math.min(count, Math.round(width / (height * aspect + 3))));
      const cell = width / n;
      const g = fitCanvas(thumbs, width, height);
      const w = Math.min(cell - 3, height * aspect);
      const h = w / aspect;
      // Pictures that are made smaller are smoothed, those that are enlarged keep their pixels.
      g.imageSmoothingEnabled = (one ? lane.picture.h : tileH) > h * (window.devicePixelRatio || 1);
      g.imageSmoothingQuality = "high";
      for (let c = 0; c < n; c++) {
        const i = n > 1 ? Math.round((c / (n - 1)) * (count - 1)) : 0;
        const x = n > 1 ? (c / (n - 1)) * (width - w) : 0;
        const y = (height - h) / 2;
        g.save();
        g.beginPath();
        g.roundRect(x, y, w, h, 4);
        const tile = i < loaded ? lane.tile(i) : null;
        if (tile) {
          g.clip();
          if (one) lane.copy(g, tile, picture ?? 0, x, y, w, h);
          else g.drawImage(tile.bitmap, tile.x, tile.y, tileW, tileH, x, y, w, h);
        } else {
          g.fillStyle = getComputedStyle(track).backgroundColor;
          g.fill();
        }
        g.restore();
      }
    },
  };
}
