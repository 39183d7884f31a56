// The Sampling lab of the site: this browser samples, while the hand moves few pictures in few steps, and all when it rests. Two
// sides from the same noise are shown side by side. What needs the training images is a recording.
/** @import { Timeline } from "../../components/payloads.js" */
/** @import { Frame } from "../../browser/src/types.js" */
/** @import { SamplingPage } from "../../components/payloads.js" */
/** @import { Lab, Settings } from "./types.js" */
import { el } from "../../components/src/dom.js";
import { _ } from "../../components/src/language.js";
import { frameTimeline, wholeTimeline } from "../../components/src/live_frames.js";
import { mount as mountTimeline } from "../../components/src/timeline.js";
import { compared } from "./comparison.js";
import { spoken, storedJson } from "./stored.js";
import { teamOf } from "./teams.js";

const COARSE = { count: 4, steps: "5" }; // while a control moves
/** @typedef {{ title: string, frames: Frame[], evaluations: number }} Side */

/** @param {HTMLElement} root @param {SamplingPage} data @returns {Lab} */
export function mount(root, data) {
  root.classList.add("dp-root");
  const status = el("div", { class: "dp-caption", role: "status" }, _("The network is being loaded …"));
  const figure = el("div", {});
  root.append(status, figure);
  const timeline = mountTimeline(figure, () => {});
  let under = new AbortController();
  let number = 0; // of the sampling, so that nothing of an older one is drawn
  let isFirst = true;

  /** @param {Settings} settings @param {boolean} isMoving */
  async function change(settings, isMoving) {
    under.abort();
    under = new AbortController();
    const own = ++number;
    if (data.recorded[settings.model]) return replay(settings.model);
    try {
      if (isFirst || isMoving) await draw(settings, own, true);
      isFirst = false;
      if (!isMoving && own === number) await draw(settings, own, false);
    } catch (problem) {
      if (own === number && !under.signal.aborted) say(/** @type {Error} */ (problem).message);
    }
  }

  /** @param {string} model  an exact denoiser, whose pictures were computed when the site was built */
  async function replay(model) {
    const own = number;
    const shown = await storedJson(spoken(data.recorded[model]));
    if (own !== number) return;
    timeline.update(shown);
    say(_("A recording: the exact denoiser looks at all training images, which needs Python."));
    tell("finished", shown.positions.length - 1);
  }

  /** @param {Settings} settings @param {number} own @param {boolean} isCoarse */
  async function draw(settings, own, isCoarse) {
    tell("running", 0);
    const [team, programs] = await Promise.all([teamOf(data.network), storedJson(data.programs)]);
    const count = isCoarse ? Math.min(COARSE.count, Number(settings.count)) : Number(settings.count);
    const began = performance.now();
    /** @type {Side[]} */
    const sides = [];
    for (const prefix of settings.compare === "1" ? ["", "b_"] : [""]) {
      const one = sideOf(settings, prefix, isCoarse);
      const program = programs[one.key];
      const seeds = Array.from({ length: count }, (_picture, k) => Number(settings.seed) + k);
      const classes = data.class_names.length;
      const labels = classes ? seeds.map((_seed, k) => (settings.labels === "none" ? -1 : settings.labels === "one" ? Number(settings.label) : k % classes)) : undefined;
      /** @type {Timeline[]} */
      const shown = [];
      /** @type {Frame[]} */
      const frames = [];
      const onFrame = (/** @type {Frame} */ frame) => {
        if (own !== number) return;
        frames[frame.step] = frame;
        shown[frame.step] = frameTimeline(`${own} ${isCoarse} ${prefix}`, frame, count, program.shape);
        timeline.update(shown[frame.step]);
      };
      const { evaluations } = await team.sample({ program, seeds, labels, scale: one.scale }, { signal: under.signal, onFrame });
      if (own !== number) return;
      sides.push({ title: one.title, frames, evaluations: evaluations / count });
      timeline.update(wholeTimeline(shown));
    }
    if (sides.length > 1) timeline.update(compared(`${own} ${isCoarse}`, sides, count, programs[sideOf(settings, "", isCoarse).key].shape));
    Object.assign(root.dataset, { drawn: isCoarse ? "coarse" : "whole", seed: settings.seed, ms: Math.round(performance.now() - began) });
    say(_("{count} images: {seconds} s in this browser. A change draws again by itself.", { count, seconds: ((performance.now() - began) / 1000).toFixed(2) }));
    if (!isCoarse) tell("finished", sides.reduce((sum, { frames }) => sum + frames.length - 1, 0));
  }

  /** The program of one side, its scale, and both in words. @param {Settings} settings @param {string} prefix @param {boolean} isCoarse */
  function sideOf(settings, prefix, isCoarse) {
    const of = (/** @type {string} */ name, usual = "") => settings[prefix + name] ?? usual;
    const steps = isCoarse ? COARSE.steps : of("steps");
    const sampler = of("sampler", Object.keys(data.samplers)[0]); // a page of one recipe has one
    const variant = { ddim: of("eta", data.eta), ddpm: of("variance", data.variance) }[sampler] ?? "";
    const isLabelled = data.class_names.length > 0 && settings.labels !== "none";
    const scale = isLabelled ? Number(of("scale")) : 1;
    const title = _("{sampler}, {steps} steps", { sampler: data.samplers[sampler], steps });
    return { key: [sampler, variant, steps, scale === 1 ? "plain" : "guided"].join(" "), scale: scale === 1 ? undefined : scale, title: isLabelled ? _("{title}, guidance scale {scale}", { title, scale }) : title };
  }

  /** What a lesson may ask of the lab. @param {string} state @param {number} done  steps */
  const tell = (state, done) => (root.dataset.facts = JSON.stringify({ state, done, seconds: number }));
  const say = (/** @type {string} */ words) => (status.textContent = words);

  function destroy() {
    under.abort();
    number += 1;
    timeline.destroy();
    root.replaceChildren();
  }
  return { change, destroy };
}
