// Particles whose trajectories a trained network in the reader's browser computes: a few while a control moves, all when it rests.
//
// It takes a `LivePoints` (playground/labs/points/live.py makes it): the network, a program of each cloud for every number of steps
// and every eta that can be chosen, the data, and the settings to begin with. It needs no server: all is in the payload.
//
// Emits "moved" {id, steps, eta, scale} when the hand has come to rest.
/** @import { LivePoints, PointClouds } from "../payloads.js" */
/** @import { Computed, Settings } from "./live_clouds.js" */
/** @import { Component, Emit } from "./types.js" */
import { Problem } from "../../browser/src/problem.js";
import { networkOf } from "../../browser/src/sent_network.js";
import { Team, workerCount, workersOf } from "../../browser/src/team.js";
import { chip, component, el } from "./dom.js";
import { _ } from "./language.js";
import { cloudsOf, computed } from "./live_clouds.js";
import { slider } from "./live_controls.js";
import { mount as mountClouds } from "./point_clouds.js";

const REST = 300; // milliseconds without a change after which all is computed
const COARSE = 300; // particles while a control moves

/** @param {HTMLElement} root @param {Emit} emit @returns {Component<LivePoints>} */
export function mount(root, emit) {
  /** @type {LivePoints} */
  let data;
  /** @type {Team | null} */
  let team = null;
  let loaded = ""; // hash of the network that the team has
  /** @type {Settings} */
  let now = { steps: 0, eta: 0, scale: 1 };
  let under = new AbortController(); // what is being sampled
  let [isRunning, isStale, isMoving, resting] = [false, false, false, 0];
  /** @type {PointClouds | null} */
  let shown = null;

  root.classList.add("dp-root", "dp-live-points");
  const form = el("div", { class: "dp-live-controls" });
  const status = el("div", { class: "dp-caption", role: "status" }, _("The network is being loaded …"));
  const figure = el("div", {});
  root.append(form, status, figure);
  /** @type {ReturnType<typeof mountClouds> | null} */
  let clouds = null; // until there is something to show, for the address belongs to those that are seen

  /** @param {LivePoints} given */
  function update(given) {
    const before = data;
    if (given === before) return;
    data = given;
    const own = { steps: data.steps, eta: data.eta, scale: data.scale };
    // What comes back of a move that was emitted changes nothing but names.
    if (before && shown && before.network.hash === data.network.hash && before.seed === data.seed && JSON.stringify(own) === JSON.stringify(now) && sameClouds(before, data)) {
      shown.id = given.id;
      data = { ...before, id: given.id };
      return;
    }
    now = own;
    drawForm();
    under.abort();
    compute(false);
  }

  function drawForm() {
    const { steps_choices: steps, eta_choices: etas } = data;
    /** @type {(name: "steps" | "eta", title: string, choices: number[]) => HTMLElement} */
    const among = (name, title, choices) => {
      const control = slider(name, title, { min: 0, max: choices.length - 1, step: 1 }, (k) => moved({ [name]: choices[k] }), (k) => String(choices[k]));
      control.set(choices.indexOf(now[name]));
      return control.node;
    };
    const scale = slider("scale", _("Guidance scale"), { min: 0, max: 8, step: 0.1 }, (value) => moved({ scale: value }));
    scale.set(now.scale);
    form.replaceChildren(among("steps", _("Steps"), steps), ...(etas.length ? [among("eta", "η", etas)] : []), ...(data.can_guide ? [scale.node] : []));
  }

  /** @param {Partial<Settings>} change */
  function moved(change) {
    now = { ...now, ...change };
    compute(true);
    clearTimeout(resting);
    resting = setTimeout(() => {
      compute(false);
      emit("moved", { id: data.id, ...now });
    }, REST);
  }

  // --- sampling -----------------------------------------------------------------------------------------------------
  /** @param {boolean} isCoarse */
  async function compute(isCoarse) {
    [isStale, isMoving] = [true, isCoarse];
    if (isRunning) return isCoarse ? undefined : under.abort(); // a few particles are soon there, and are seen
    isRunning = true;
    while (isStale) {
      isStale = false;
      under = new AbortController();
      try {
        await load();
        await draw(isMoving, under.signal);
      } catch (problem) {
        if (!under.signal.aborted) sayProblem(problem);
      }
    }
    isRunning = false;
  }

  async function load() {
    const { network, script } = data;
    if (network.hash === loaded) return;
    say(_("The network is being loaded …"));
    team ??= new Team(workersOf(script), { most: workerCount() });
    await team.load({ points: await networkOf(network) });
    loaded = network.hash;
  }

  /** @param {boolean} isCoarse @param {AbortSignal} signal */
  async function draw(isCoarse, signal) {
    const [its, own] = [data, now];
    const count = isCoarse ? Math.min(COARSE, its.particles) : its.particles;
    const began = performance.now();
    /** @type {Computed[]} */
    const found = [];
    for (const cloud of its.clouds) found.push(await computed(/** @type {Team} */ (team), its, cloud, own, { count, signal, withArrows: !isCoarse }));
    signal.throwIfAborted();
    clouds ??= mountClouds(figure);
    clouds.update((shown = cloudsOf({ ...its, id: data.id }, own, found, count)));
    Object.assign(root.dataset, { drawn: isCoarse ? "coarse" : "whole", steps: own.steps, eta: own.eta, scale: own.scale });
    if (!isCoarse) say(_("{count} particles in this browser: {seconds} s.", { count, seconds: ((performance.now() - began) / 1000).toFixed(2) }));
  }

  /** @param {unknown} problem */
  function sayProblem(problem) {
    say(/** @type {Error} */ (problem).message);
    if (problem instanceof Problem && problem.kind === "weights") status.append(" ", chip(_("Try again"), () => compute(false), { "data-action": "again" }));
  }

  const say = (/** @type {string} */ words) => (status.textContent = words);

  return component(root, update, () => under.abort(), () => clearTimeout(resting), () => team?.rest(), () => clouds?.destroy());
}

/** Whether they differ in settings alone that the controls have. @param {LivePoints} a @param {LivePoints} b */
const sameClouds = (a, b) => JSON.stringify([a.data, a.labels, a.particles, a.clouds.map(({ plans }) => Object.values(plans)[0])]) === JSON.stringify([b.data, b.labels, b.particles, b.clouds.map(({ plans }) => Object.values(plans)[0])]);
