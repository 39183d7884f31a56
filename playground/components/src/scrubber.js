// The strip of small frames and the track below it: one slider, dragged anywhere.
/** @import { Lane } from "../payloads.js" */
/** @import { PictureLane, Tile } from "./tiles.js" */
import { fitCanvas } from "./chart_drawing.js";
import { draggable, el } from "./dom.js";
import { _ } from "./language.js";

/**
 * What the small frames show: evenly spaced frames of a lane. Where a frame holds many pictures, one of them is shown: it reads better.
 * @typedef {object} Frames
 * @property {{ meta: Pick<Lane, "tile" | "pictures">, picture: { w: number, h: number }, tile: (i: number) => Tile | null, copy?: PictureLane["copy"] } | null} lane
 * @property {number | null} picture  which of a frame's pictures; null for the first, or all of a few
 * @property {number} loaded  how many positions there are so far
 * @property {number} count  how many there will be
 * @property {string} label  of the slider
 */

/** @typedef {{ position: number, label: string }} Guess  a place that the reader of a lesson has predicted */

/** @param {{ onStart: () => void, onMove: (position: number) => void, onEnd?: () => void }} on */
export function scrubberView({ onStart, onMove, onEnd }) {
  const frames = el("canvas", { class: "dp-scrubber-frames" });
  const loadedBar = el("div", { class: "dp-loaded" });
  const fill = el("div", { class: "dp-fill" });
  const track = el("div", { class: "dp-track" }, loadedBar, fill);
  const guesses = el("div", { class: "dp-guesses" });
  const playhead = el("div", { class: "dp-playhead" }, el("div", { class: "dp-line" }), el("div", { class: "dp-knob" }));
  const node = el("div", { class: "dp-scrubber", role: "slider", tabindex: "0", "aria-label": _("Position"), "aria-orientation": "horizontal", "aria-valuemin": "0" }, frames, track, guesses, playhead);
  /** @type {Guess[]} */
  let guessed = [];
  let count = 1;
  let width = 1;

  draggable(node, {
    onStart,
    onMove(event) {
      const rect = node.getBoundingClientRect();
      onMove(Math.round(((event.clientX - rect.left) / Math.max(1, rect.width)) * (count - 1)));
    },
    onEnd,
  });

  function showGuesses() {
    guesses.replaceChildren(...guessed.map(({ position, label }) => el("div", { class: "dp-guess", style: `left: ${count > 1 ? (100 * position) / (count - 1) : 0}%` }, el("span", {}, label))));
  }

  return {
    node,
    /** @param {Guess[]} given  what the reader has predicted */
    guess(given) {
      guessed = given;
      showGuesses();
    },
    /** @param {number} position @param {number} total @param {string} text */
    place(position, total, text) {
      count = total;
      const x = count > 1 ? (position / (count - 1)) * width : 0;
      playhead.style.transform = `translateX(${x}px)`;
      fill.style.transform = `scaleX(${width ? x / width : 0})`;
      node.setAttribute("aria-valuenow", String(position));
      node.setAttribute("aria-valuetext", text);
    },
    /** @param {Frames} given */
    paint({ lane, picture, loaded, count: total, label }) {
      count = total;
      showGuesses();
      width = node.clientWidth;
      node.setAttribute("aria-valuemax", String(count - 1));
      node.setAttribute("aria-label", label);
      loadedBar.style.transform = `scaleX(${count > 1 ? Math.max(0, loaded - 1) / (count - 1) : 1})`;
      frames.hidden = !lane;
      if (!lane || !width) return;
      const [tileW, tileH] = lane.meta.tile;
      const one = picture !== null || lane.meta.pictures > 4;
      const aspect = one ? lane.picture.w / lane.picture.h : tileW / tileH;
      const height = Math.max(34, Math.min(60, width / 12 / aspect));
      const n = Math.max(2, Math.min(count, Math.round(width / (height * aspect + 3))));
      const g = fitCanvas(frames, width, height);
      const w = Math.min(width / n - 3, height * aspect);
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
          if (one && lane.copy) lane.copy(g, tile, picture ?? 0, x, y, w, h);
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
