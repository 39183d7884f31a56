// A sweep in the reader's browser: a grid of cells, batch after batch, as labs/guidance/sweep.py has it of the server.
// Emits "speed" and "problem", as live_sampler.js.
/** @import { LiveSweep, SweepBatch, Timeline } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
/** @import { Frame } from "../../browser/src/types.js" */
import { Problem } from "../../browser/src/problem.js";
import { chip, component, el } from "./dom.js";
import { publishFacts } from "./facts.js";
import { tileOf } from "./frame_tiles.js";
import { _ } from "./language.js";
import { LiveTeam } from "./live_team.js";
import { mount as mountTimeline } from "./timeline.js";

const TRIAL = 500; // milliseconds after which the speed is shown
const BLANK = 128; // the grey of a cell that has no picture yet

/** @param {HTMLElement} root @param {Emit} emit @returns {Component<LiveSweep> & { again(): void }} */
export function mount(root, emit) {
  /** @type {LiveSweep | null} */
  let data = null;
  const live = new LiveTeam();
  /** @type {AbortController | null} */
  let under = null;
  /** The pictures at each position. @type {{ x0: ImageData[], x: ImageData[] } | null} */
  let kept = null;
  let number = 0;
  root.classList.add("dp-root", "dp-live-sweep");
  const status = el("div", { class: "dp-caption", role: "status" });
  const buttons = el("div", { class: "dp-live-buttons" });
  const figure = el("div", {});
  root.append(el("div", { class: "dp-live-line" }, status, buttons), figure);
  /** @type {Component<Timeline | Uint8Array | null> | null} */
  let timeline = null;

  /** @param {LiveSweep} next */
  function update(next) {
    const before = data;
    data = next;
    if (next.id !== before?.id) draw(next);
    else if (next.show !== before.show && root.dataset.drawn) show(next, next.show);
  }

  /** @param {LiveSweep} its */
  async function draw(its) {
    under?.abort();
    const stop = (under = new AbortController());
    const own = ++number;
    root.dataset.drawn = "";
    const began = performance.now();
    facts("running", 0, began);
    buttons.replaceChildren(chip(_("Stop"), halt, { "data-action": "stop" }));
    try {
      await live.load(its, () => say(_("The network is being loaded …")));
      if (own !== number) return;
      const made = (kept = { x0: its.positions.map(() => blank(its)), x: its.positions.map(() => blank(its)) });
      await sample(its, made, stop.signal);
      if (own !== number) return;
    } catch (problem) {
      if (own === number && !stop.signal.aborted) fail(/** @type {Error} */ (problem), its);
      return;
    }
    root.dataset.drawn = "whole";
    show(its, its.show);
    const cells = its.batches.reduce((sum, batch) => sum + batch.cells.length, 0);
    facts("finished", cells, began);
    say(_("{cells} cells: {seconds} s in this browser.", { cells, seconds: ((performance.now() - began) / 1000).toFixed(1) }));
    buttons.replaceChildren();
  }

  /** @param {LiveSweep} its @param {{ x0: ImageData[], x: ImageData[] }} made @param {AbortSignal} signal */
  async function sample(its, made, signal) {
    const total = its.batches.reduce((sum, { program, cells }) => sum + program.steps.length * cells.length, 0);
    const now = blank(its);
    let done = 0;
    let isTold = its.batches.every(({ program }) => program.steps.length < 2);
    if (isTold) emit("speed", 0); // nothing to measure
    for (const batch of its.batches) {
      const { program, seeds, labels, scales } = batch;
      let second = 0; // when the second step began: the first one waits for workers
      const evaluations = program.steps[0].code.reduce((sum, one) => sum + (one.op === "evaluate" ? one.labels.length : 0), 0) * seeds.length;
      await live.team?.sample(
        { program, seeds, labels: labels.length ? labels : undefined, scale: program.guided ? scales : undefined },
        {
          signal,
          onFrame(frame) {
            if (signal.aborted) return;
            place(its, batch, frame, made, now);
            done += frame.step ? batch.cells.length : 0;
            if (frame.step === 1) second = performance.now();
            const elapsed = performance.now() - second;
            if (!isTold && frame.step > 1 && (elapsed > TRIAL || frame.step === frame.steps)) {
              isTold = true;
              emit("speed", elapsed / (frame.step - 1) / evaluations);
            }
            say(_("{done} of {total} cell steps", { done, total }));
            paint(timelineOf(its, [now], "x0"));
          },
        },
      );
    }
  }

  /** @param {LiveSweep} its @param {string} kind */
  function show(its, kind) {
    if (kept) paint(timelineOf(its, kind === "x" ? kept.x : kept.x0, kind));
  }

  /** @param {Timeline} shown */
  function paint(shown) {
    timeline ??= mountTimeline(figure, () => {});
    timeline.update(shown);
  }

  function halt() {
    number++;
    under?.abort();
    facts("stopped", 0, performance.now());
    say(_("Stopped"));
    buttons.replaceChildren(chip(_("Draw again"), again, { "data-action": "again" }));
  }

  /** @param {Error} problem @param {LiveSweep} its */
  function fail(problem, its) {
    facts("failed", 0, performance.now());
    say(problem.message);
    buttons.replaceChildren(chip(_("Try again"), () => draw(its), { "data-action": "again" }));
    emit("problem", { kind: problem instanceof Problem ? problem.kind : "worker", message: problem.message });
  }

  const again = () => void (data && draw(data));
  const say = (/** @type {string} */ words) => (status.textContent = words);
  /** What a lesson may ask. @param {string} state @param {number} done @param {number} since */
  const facts = (state, done, since) => publishFacts({ state, done, seconds: (performance.now() - since) / 1000 });

  function end() {
    number++;
    under?.abort();
    live.team?.rest();
    timeline?.destroy();
    publishFacts({ state: "", done: 0, seconds: 0 });
  }
  return { ...component(root, update, end), again };
}

/** Pixels of a cell: its images stand side by side. @param {LiveSweep} its */
function cellOf({ batches, images }) {
  const [, height, width] = batches[0].program.shape;
  return { height, width: width * images };
}

/** @param {LiveSweep} its */
function blank(its) {
  const { height, width } = cellOf(its);
  const tile = new ImageData(width * its.axes.columns.length, height * its.axes.rows.length);
  for (let i = 0; i < tile.data.length; i++) tile.data[i] = i % 4 === 3 ? 255 : BLANK;
  return tile;
}

/**
 * A frame of a batch into the cells of the positions that show its step, and its x̂₀ into what is shown meanwhile.
 * @param {LiveSweep} its @param {SweepBatch} batch @param {Frame} frame @param {{ x0: ImageData[], x: ImageData[] }} made @param {ImageData} now
 */
function place(its, batch, frame, made, now) {
  const positions = batch.shown.flatMap((step, position) => (step === frame.step ? [position] : []));
  const { program, cells } = batch;
  for (const kind of /** @type {const} */ (["x0", "x"])) {
    const pictures = tileOf(frame[kind], cells.length * its.images, program.shape, [cells.length, its.images]); // a row for each cell
    cells.forEach((cell, k) => {
      for (const position of positions) copy(its, pictures, k, made[kind][position], cell);
      if (kind === "x0") copy(its, pictures, k, now, cell);
    });
  }
}

/** @param {LiveSweep} its @param {ImageData} from @param {number} row @param {ImageData} to @param {number} cell */
function copy(its, from, row, to, cell) {
  const { height, width } = cellOf(its);
  const columns = its.axes.columns.length;
  const [x, y] = [(cell % columns) * width, Math.floor(cell / columns) * height];
  for (let line = 0; line < height; line++) {
    const start = 4 * (row * height + line) * from.width;
    to.data.set(from.data.subarray(start, start + 4 * width), 4 * ((y + line) * to.width + x));
  }
}

/** @param {LiveSweep} its @param {ImageData[]} tiles @param {string} kind @returns {Timeline} */
function timelineOf(its, tiles, kind) {
  const { axes, positions, id } = its;
  const isWhole = tiles.length === positions.length;
  const grid = /** @type {[number, number]} */ ([axes.rows.length, axes.columns.length]);
  const title = kind === "x" ? _("noisy <i>x</i><sub>t</sub>") : _("<i>x̂</i><sub>0</sub> prediction");
  const sheets = tiles.map((tile, first) => ({ png: /** @type {any} */ (tile), first, count: 1 }));
  return {
    id: isWhole ? `${id}-${kind}` : `${id}-live`, live: false, first: 0, total: null, captions: [], panels: [], fps: 12, pick: false, report_position: false, autoplay: false,
    start_at: isWhole ? "last" : "first",
    positions: isWhole ? positions : [{ t: 0, text: _("being sampled") }],
    label: isWhole ? _("Sweep, from noise to image") : _("Sweep so far"),
    lanes: [{ key: "grid", title, help: "", group: "", group_title: "", axes, grid, pictures: grid[0] * grid[1], index: tiles.map((_tile, k) => k), tile: [tiles[0].width, tiles[0].height], columns: 1, sheets }],
  };
}
