// A sampler in the reader's browser: seed, label, guidance scale and steps as controls, and a timeline that follows the hand.
//
// While a control moves, few pictures are sampled in few steps; when the hand rests, all of them in all steps. What was under way
// is given up. Nothing is asked of a server.
/** @import { LiveSampler, Timeline } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
import { Problem } from "../../browser/src/problem.js";
import { networkOf } from "../../browser/src/sent_network.js";
import { Team, workerCount, workersOf } from "../../browser/src/team.js";
import { chip, component, el, options } from "./dom.js";
import { _ } from "./language.js";
import { frameTimeline, wholeTimeline } from "./live_frames.js";
import { mount as mountTimeline } from "./timeline.js";

const REST = 300; // milliseconds without a change after which all is sampled
const COARSE = 4; // pictures while a control moves
const SCALES = { min: 0, max: 8, step: 0.1 };
const EACH = -1; // the label that stands for each class in turn

/** @param {HTMLElement} root @param {Emit} _emit @returns {Component<LiveSampler>} */
export function mount(root, _emit) {
  /** @type {LiveSampler | null} */
  let data = null;
  /** @type {Team | null} */
  let team = null;
  let under = new AbortController(); // what is being sampled
  let resting = 0;
  let number = 0; // of the sampling, so that none of an older one is drawn

  root.classList.add("dp-root", "dp-live-sampler");
  const controls = el("div", { class: "dp-live-controls" });
  const status = el("div", { class: "dp-caption", role: "status" }, _("The network is being loaded …"));
  const figure = el("div", {});
  /** @type {Component<Timeline | Uint8Array | null> | null} */
  let timeline = null; // until there is something to show, for the address belongs to those that are seen
  root.append(controls, status, figure);

  /** @type {{ seed: number, label: number, scale: number, steps: string, count: number }} */
  let now = { seed: 0, label: EACH, scale: 1, steps: "10", count: 4 };

  /** @param {LiveSampler} given */
  function update(given) {
    if (data && given.id === data.id) return;
    if (data) under.abort();
    timeline ??= mountTimeline(figure, () => {});
    data = given;
    now = { seed: data.seed, label: data.label, scale: data.scale, steps: String(data.steps), count: data.count };
    draw(data);
    begin(data);
  }

  /** @param {LiveSampler} given */
  async function begin(given) {
    say(_("The network is being loaded …"));
    team ??= new Team(workersOf(given.script), { most: workerCount() });
    try {
      const unet = await networkOf(given.network);
      if (given !== data) return;
      await team.load({ unet });
    } catch (problem) {
      if (given !== data) return;
      say(/** @type {Error} */ (problem).message);
      if (problem instanceof Problem && problem.kind === "weights") status.append(" ", chip(_("Try again"), () => begin(given), { "data-action": "again" }));
      return;
    }
    if (given !== data) return;
    sample(false);
  }

  // --- controls -----------------------------------------------------------------------------------------------------
  /** @param {LiveSampler} given */
  function draw(given) {
    const steps = Object.keys(given.programs).sort((a, b) => Number(a) - Number(b));
    const labels = /** @type {[number, string][]} */ ([[EACH, _("each class in turn")], ...given.class_names.map((name, k) => /** @type {const} */ ([k, name]))]);
    controls.replaceChildren(
      slider("seed", _("Seed"), { min: given.seed, max: given.seed + 200, step: 1 }),
      slider("scale", _("Guidance scale"), SCALES, !given.class_names.length),
      choice("label", _("Class"), labels, !given.class_names.length),
      choice("steps", _("Steps"), steps.map((each) => [each, each])),
      choice("count", _("Images"), [1, 4, 9, 16].map((each) => [each, String(each)])),
    );
  }

  /** @param {"seed" | "scale"} name @param {string} title @param {{ min: number, max: number, step: number }} range @param {boolean} [isHidden] */
  function slider(name, title, range, isHidden = false) {
    const inWords = (/** @type {number} */ value) => String(Number(value.toFixed(1)));
    const shown = el("output", {}, inWords(now[name]));
    const input = el("input", { type: "range", ...range, value: now[name], "data-setting": name });
    input.addEventListener("input", () => {
      now[name] = Number(input.value);
      shown.textContent = inWords(now[name]);
      moved();
    });
    return el("label", { hidden: isHidden }, el("span", {}, title, " ", shown), input);
  }

  /** @param {"label" | "steps" | "count"} name @param {string} title @param {Iterable<[string | number, string]>} choices @param {boolean} [isHidden] */
  function choice(name, title, choices, isHidden = false) {
    const select = el("select", { "data-setting": name }, ...options(choices));
    select.value = String(now[name]);
    select.addEventListener("change", () => {
      now = { ...now, [name]: name === "steps" ? select.value : Number(select.value) };
      sample(false);
    });
    return el("label", { hidden: isHidden }, el("span", {}, title), select);
  }

  function moved() {
    sample(true);
    clearTimeout(resting);
    resting = setTimeout(() => sample(false), REST);
  }

  // --- sampling -----------------------------------------------------------------------------------------------------
  /** @param {boolean} isCoarse */
  async function sample(isCoarse) {
    if (!team || !data) return;
    const given = data;
    under.abort();
    under = new AbortController();
    const own = ++number;
    /** @type {Timeline[]} */
    const shown = [];
    const fewest = Object.keys(data.programs).sort((a, b) => Number(a) - Number(b))[0];
    const program = data.programs[isCoarse ? fewest : now.steps];
    const count = isCoarse ? Math.min(COARSE, now.count) : now.count;
    const seeds = Array.from({ length: count }, (_picture, k) => now.seed + k);
    const classes = data.class_names.length;
    const labels = classes ? seeds.map((_seed, k) => (now.label === EACH ? k % classes : now.label)) : undefined;
    const scale = program.guided ? now.scale : undefined;
    try {
      const done = await team.sample({ program, seeds, labels, scale }, { signal: under.signal, onFrame: (frame) => own === number && timeline?.update(shown[frame.step] = frameTimeline(`${given.id} ${own}`, frame, count, program.shape)) });
      if (own !== number) return;
      timeline?.update(wholeTimeline(shown));
      Object.assign(root.dataset, { ms: Math.round(done.ms), drawn: isCoarse ? "coarse" : "whole", seed: seeds[0], scale });
      say(_("{count} images in {steps} steps: {seconds} s in this browser.", { count, steps: program.steps.length, seconds: (done.ms / 1000).toFixed(2) }));
    } catch (problem) {
      if (own === number && !under.signal.aborted) say(/** @type {Error} */ (problem).message);
    }
  }

  const say = (/** @type {string} */ words) => (status.textContent = words);

  return component(root, update, () => under.abort(), () => clearTimeout(resting), () => team?.rest(), () => timeline?.destroy());
}
