// A sampler in the reader's browser: controls that answer while they are moved, and a timeline that follows the hand.
//
// While a control moves, few pictures are sampled in few steps; when the hand rests, all of them in all steps. What was under way
// is given up. Nothing is asked of a server. Emits, for a page that has one: "moved" {seed, scale, label} when the hand rests,
// "pick" {side, number, step, pixels} or null, "speed" in milliseconds for an image and network evaluation, and "problem" {kind, message}.
/** @import { LiveSampler, Timeline } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
import { Problem } from "../../browser/src/problem.js";
import { chip, component, el, options } from "./dom.js";
import { publishFacts } from "./facts.js";
import { gridShape } from "./frame_tiles.js";
import { _ } from "./language.js";
import { LiveTeam } from "./live_team.js";
import { saveWithRecipe } from "./recipe_png.js";
import { SampledTimeline } from "./sampled_timeline.js";
import { mount as mountTimeline } from "./timeline.js";

const REST = 300; // milliseconds without a change after which all is sampled
const AWAY = 60_000; // milliseconds in the background after which the memory is given back
const COARSE = 4; // pictures while a control moves
const SCALES = { min: 0, max: 8, step: 0.1 };
const SEEDS = 200; // from the first
const EACH = -1; // the label that stands for each class in turn

/** @param {HTMLElement} root @param {Emit} emit @returns {Component<LiveSampler> & { again(): void }} */
export function mount(root, emit) {
  /** @type {LiveSampler | null} */
  let data = null;
  const live = new LiveTeam();
  /** What is being sampled. @type {AbortController | null} */
  let under = null;
  let resting = 0;
  let away = 0;
  let number = 0; // of the sampling, so that none of an older one is drawn
  /** @type {SampledTimeline | null} */
  let shown = null;
  let isPicked = false;

  root.classList.add("dp-root", "dp-live-sampler");
  const controls = el("div", { class: "dp-live-controls" });
  const status = el("div", { class: "dp-caption", role: "status" });
  const buttons = el("div", { class: "dp-live-buttons" });
  const figure = el("div", {});
  /** @type {Component<Timeline | Uint8Array | null> | null} */
  let timeline = null; // until there is something to show, for the address belongs to those that are seen
  root.append(controls, el("div", { class: "dp-live-line" }, status, buttons), figure);

  /** @type {{ seed: number, label: number, scale: number, steps: string, count: number }} */
  let now = { seed: 0, label: EACH, scale: 1, steps: "10", count: 4 };
  const given = (/** @type {LiveSampler} */ { seed, label, scale, steps, count }) => ({ seed, label, scale, steps: String(steps), count });
  const isNow = (/** @type {ReturnType<typeof given>} */ other) => JSON.stringify(other) === JSON.stringify(now);

  /** @param {LiveSampler} next */
  function update(next) {
    const before = data;
    data = next;
    const isOther = next.id !== before?.id;
    // What comes back of a move that was emitted changes nothing, and a hand that moves is not led back.
    if (!isOther && (resting || isNow(given(next)) || JSON.stringify(given(next)) === JSON.stringify(before && given(before)))) return;
    clearTimeout(resting);
    resting = 0;
    now = given(next);
    draw(next);
    if (isOther) begin(next, !before);
    else sample(false);
  }

  /** @param {LiveSampler} its @param {boolean} isFirst */
  async function begin(its, isFirst) {
    under?.abort();
    try {
      await live.load(its, () => say(_("The network is being loaded …")));
    } catch (problem) {
      if (its.id === data?.id) fail(/** @type {Error} */ (problem), () => begin(its, isFirst));
      return;
    }
    if (its.id !== data?.id) return;
    if (isFirst && !(await sample(true))) return;
    if (its.id === data?.id) sample(false);
  }

  // --- controls -----------------------------------------------------------------------------------------------------
  /** @param {LiveSampler} its */
  function draw(its) {
    const steps = Object.keys(its.plans).sort((a, b) => Number(a) - Number(b));
    const labels = /** @type {[number, string][]} */ ([[EACH, _("each class in turn")], ...its.class_names.map((name, k) => /** @type {const} */ ([k, name]))]);
    const isGuided = its.class_names.length && Object.values(its.plans).some(({ sides }) => sides.A.program.guided);
    /** @type {Record<string, () => HTMLElement | null>} */
    const all = {
      seed: () => slider("seed", _("Seed"), { min: its.seed, max: its.seed + SEEDS, step: 1 }),
      scale: () => (isGuided ? slider("scale", its.titles.B ? _("Guidance scale of A") : _("Guidance scale"), SCALES) : null),
      label: () => (its.class_names.length ? choice("label", _("Class"), labels) : null),
      steps: () => choice("steps", _("Steps"), steps.map((each) => [each, each])),
      count: () => choice("count", _("Images"), [1, 4, 9, 16].map((each) => [each, String(each)])),
    };
    const focused = /** @type {HTMLElement | null} */ (/** @type {Document | ShadowRoot} */ (root.getRootNode()).activeElement)?.dataset.setting;
    const drawn = /** @type {Node[]} */ (its.controls.map((name) => all[name]()).filter(Boolean));
    controls.replaceChildren(...drawn);
    if (focused) /** @type {HTMLElement | null} */ (controls.querySelector(`[data-setting="${focused}"]`))?.focus();
  }

  /** @param {"seed" | "scale"} name @param {string} title @param {{ min: number, max: number, step: number }} range */
  function slider(name, title, range) {
    const inWords = (/** @type {number} */ value) => String(Number(value.toFixed(1)));
    const output = el("output", {}, inWords(now[name]));
    const input = el("input", { type: "range", ...range, value: now[name], "data-setting": name });
    input.addEventListener("input", () => {
      now[name] = Number(input.value);
      output.textContent = inWords(now[name]);
      moved();
    });
    return el("label", {}, el("span", {}, title, " ", output), input);
  }

  /** @param {"label" | "steps" | "count"} name @param {string} title @param {Iterable<[string | number, string]>} choices */
  function choice(name, title, choices) {
    const select = el("select", { "data-setting": name }, ...options(choices));
    select.value = String(now[name]);
    select.addEventListener("change", () => {
      now = { ...now, [name]: name === "steps" ? select.value : Number(select.value) };
      rest();
    });
    return el("label", {}, el("span", {}, title), select);
  }

  function moved() {
    sample(true);
    clearTimeout(resting);
    resting = setTimeout(rest, REST);
  }

  function rest() {
    resting = 0;
    emit("moved", { seed: now.seed, scale: now.scale, label: now.label });
    // A page compiles another program where guidance begins or ends.
    if (data?.plans[now.steps].sides.A.program.guided || now.scale === data?.scale) sample(false);
  }

  // --- sampling -----------------------------------------------------------------------------------------------------
  /** Whether it came to its end. @param {boolean} isCoarse */
  async function sample(isCoarse) {
    const { team, loaded } = live;
    if (!team || !data || !loaded) return false;
    under?.abort();
    const stop = (under = new AbortController());
    const own = ++number;
    const isOwn = () => own === number;
    const fewest = Object.keys(data.plans).sort((a, b) => Number(a) - Number(b))[0];
    const plan = data.plans[isCoarse ? fewest : now.steps];
    const count = isCoarse ? Math.min(COARSE, now.count) : now.count;
    const seeds = Array.from({ length: count }, (_picture, k) => now.seed + k);
    const classes = data.class_names.length;
    const labels = classes ? seeds.map((_seed, k) => (now.label === EACH ? k % classes : now.label)) : undefined;
    shown = new SampledTimeline({ id: `${data.id}-${own}`, plan, titles: data.titles, count, grid: count === data.count ? data.grid : gridShape(count) });
    if (isPicked) emit("pick", null);
    isPicked = false;
    const total = Object.values(plan.sides).reduce((sum, { program }) => sum + program.steps.length, 0);
    const began = performance.now();
    /** @type {number[]} */
    const times = []; // of the steps of A
    let [done, evaluations] = [0, 0];
    if (!isCoarse) buttons.replaceChildren(chip(_("Stop"), halt, { "data-action": "stop" }));
    Object.assign(root.dataset, { drawn: "", seed: seeds[0], scale: now.scale });
    facts("running", 0, began);
    /** @param {number} step @param {string} side */
    const progress = (step, side) => {
      if (!isOwn()) return;
      if (side === "A" && step) times.push(performance.now());
      if (step) done++;
      if (!isCoarse) say(_("{done} of {total} steps", { done, total }));
    };
    try {
      for (const [side, { program, shown: keep }] of Object.entries(plan.sides)) {
        const scale = side === "A" && program.guided ? now.scale : undefined;
        const sampled = await team.sample(
          { program, seeds, labels, scale },
          {
            signal: stop.signal,
            keep,
            onProgress: ({ step }) => progress(step, side),
            onFrame(frame) {
              progress(frame.step, side);
              if (isOwn()) show(shown?.add(side, frame) ?? null);
            },
          },
        );
        if (side === "A") evaluations = sampled.evaluations / program.steps.length;
      }
    } catch (problem) {
      if (isOwn() && !stop.signal.aborted) fail(/** @type {Error} */ (problem), () => sample(isCoarse));
      return false;
    }
    if (!isOwn()) return false;
    show(shown.whole());
    const seconds = (performance.now() - began) / 1000;
    Object.assign(root.dataset, { ms: Math.round(1000 * seconds), drawn: isCoarse ? "coarse" : "whole" });
    facts("finished", done, began);
    if (times.length > 1) emit("speed", (times[times.length - 1] - times[0]) / (times.length - 1) / evaluations);
    say(_("{count} images in {steps} steps: {seconds} s in this browser.", { count, steps: plan.sides.A.program.steps.length, seconds: seconds.toFixed(2) }));
    if (!isCoarse) buttons.replaceChildren(...files());
    return true;
  }

  /** @param {Timeline | null} part */
  function show(part) {
    if (!part) return;
    timeline ??= mountTimeline(figure, told);
    timeline.update(part);
  }

  /** What the timeline emits. @param {string} name @param {any} value */
  function told(name, value) {
    if (name !== "pick" || !shown || value.id !== shown.id) return;
    isPicked = value.picture !== null;
    if (!isPicked) return emit("pick", null);
    const side = shown.sides.find((one) => shown && shown.sides.length > 1 && value.lane.endsWith(one)) ?? "A";
    const { shown: steps, index } = shown.plan.sides[side];
    emit("pick", { side, number: value.picture, step: steps[index[value.position]], pixels: btoa(String.fromCharCode(...shown.pixels(side, value.picture))) });
  }

  function halt() {
    number++;
    under?.abort();
    show(shown?.whole() ?? null);
    facts("stopped", 0, performance.now());
    say(_("Stopped"));
    buttons.replaceChildren(chip(_("Draw again"), () => sample(false), { "data-action": "again" }));
  }

  /** @param {Error} problem @param {() => void} again */
  function fail(problem, again) {
    const kind = problem instanceof Problem ? problem.kind : "worker";
    facts("failed", 0, performance.now());
    say(problem.message);
    buttons.replaceChildren(chip(_("Try again"), again, { "data-action": "again" }));
    emit("problem", { kind, message: problem.message });
  }

  /** To save the pictures of each side. */
  function files() {
    const its = data;
    const of = shown;
    if (!its || !of) return [];
    const name = (/** @type {string} */ side) => (of.sides.length > 1 ? _("Images of {side} (PNG)", { side }) : _("Images (PNG)"));
    return of.sides.map((side) => {
      const tile = /** @type {ImageData} */ (of.frames[side].at(-1)?.tiles.x0);
      const { labels: _before, ...recipe } = JSON.parse(its.recipes[side]);
      const classes = its.class_names.length;
      const seeds = Array.from({ length: of.count }, (_picture, k) => now.seed + k);
      const labels = classes ? { labels: seeds.map((_seed, k) => (now.label === EACH ? k % classes : now.label)) } : {};
      const own = side === "A" ? { steps: Number(now.steps), ...(of.plan.sides.A.program.guided ? { scale: now.scale } : {}) } : {};
      const all = JSON.stringify({ ...recipe, ...own, seeds, ...labels });
      return chip(name(side), () => void saveWithRecipe(`samples-${of.id}${side}.png`, tile, all), { "data-action": `save${side}`, title: _("With the recipe inside: it opens in the lab, and on the command line.") });
    });
  }

  /** What a lesson may ask. @param {string} state @param {number} done @param {number} since */
  const facts = (state, done, since) => publishFacts({ state, done, seconds: (performance.now() - since) / 1000 });
  const say = (/** @type {string} */ words) => (status.textContent = words);

  // In the background work goes on; when there is none for long, the memory is free for others until it is needed.
  function onVisibility() {
    clearTimeout(away);
    if (document.hidden) away = setTimeout(() => root.dataset.drawn && live.team?.rest(), AWAY);
  }
  document.addEventListener("visibilitychange", onVisibility);

  function end() {
    number++;
    under?.abort();
    clearTimeout(resting);
    clearTimeout(away);
    document.removeEventListener("visibilitychange", onVisibility);
    data = null;
    live.team?.rest();
    timeline?.destroy();
    publishFacts({ state: "", done: 0, seconds: 0 });
  }
  return { ...component(root, update, end), again: () => void sample(false) };
}
