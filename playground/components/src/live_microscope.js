// The microscope with its trajectories computed in the reader's browser: moving a control forks the trajectory at the chosen step.
//
// It takes a `LiveMicroscope` (playground/labs/microscope/live.py makes it): the network, every step of every sampler that can be
// chosen as a program and as a sum, and the settings to begin with. It needs no server: all is in the payload.
// Another payload with the same id may change seed, label, scale, sampler and forks; what is computed already stays.
//
// Emits "cursor" as microscope.js does, and "forks" {version, forks} when the reader has forked and come to rest: a text as in links.
/** @import { LiveMicroscope, Microscope } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
/** @import { Fork, Settings } from "./live_branches.js" */
import { Problem } from "../../browser/src/problem.js";
import { networkOf } from "../../browser/src/sent_network.js";
import { Team, workersOf } from "../../browser/src/team.js";
import { chip, component, el } from "./dom.js";
import { _ } from "./language.js";
import { changesBetween, forkLabel, LiveBranch, ownSettings, readForks, settingsAfter, trajectoryOf, writeForks } from "./live_branches.js";
import { choice, slider } from "./live_controls.js";
import { mount as mountMicroscope } from "./microscope.js";

const REST = 350; // milliseconds
const LONGEST = 700; // milliseconds for which a fork that is no longer wanted may go on, so that something is seen while a hand moves

/** @param {HTMLElement} root @param {Emit} emit @returns {Component<LiveMicroscope>} */
export function mount(root, emit) {
  /** @type {LiveMicroscope} */
  let data;
  /** @type {Team | null} */
  let team = null;
  /** @type {Promise<unknown> | null} */
  let loading = null;
  /** @type {Fork[]} */
  let forks = [];
  /** The trajectory and its forks, and what each was computed from. @type {{ key: string, branch: LiveBranch }[]} */
  let found = [];
  /** Where the last fork was made that still follows the controls. @type {string | null} */
  let open = null;
  let under = new AbortController(); // what is being sampled
  let [isRunning, isStale, begun, resting] = [false, false, 0, 0];
  /** @type {Settings} */
  let wanted;
  /** @type {Partial<Record<"sampling" | "label" | "scale" | "seed", { node: HTMLElement, set: (value: any) => void }>>} */
  let controls = {};

  root.classList.add("dp-root", "dp-live-microscope");
  const figure = el("div", {});
  const place = el("p", { class: "dp-fork-place" });
  const form = el("div", { class: "dp-live-controls" });
  const undo = chip(_("Remove the last fork"), remove, { "data-action": "undo" });
  const status = el("div", { class: "dp-caption", role: "status" }, _("The network is being loaded …"));
  const panel = el("section", { class: "dp-fork", hidden: true, "aria-label": _("Fork") }, place, form, el("div", { class: "dp-buttons" }, undo));
  root.append(status, figure);
  const onCursor = (/** @type {string} */ name, /** @type {unknown} */ value) => (settle(), emit(name, value));
  const microscope = mountMicroscope(figure, onCursor, panel);

  /** @param {LiveMicroscope} given */
  function update(given) {
    if (given === data) return;
    const isOther = !data || data.id !== given.id;
    const before = isOther ? null : JSON.stringify([ownSettings(data), data.base]);
    data = given;
    if (before === JSON.stringify([ownSettings(data), data.base])) return;
    forks = readForks(data.forks);
    open = null;
    if (isOther) begin();
    compute();
  }

  function begin() {
    under.abort();
    found = [];
    team ??= new Team(workersOf(data.script), { most: 1 }); // one picture at a time
    loading = null;
    drawForm();
  }

  // --- forks --------------------------------------------------------------------------------------------------------
  /** The settings of every branch. */
  function settings() {
    const all = [ownSettings(data)];
    for (const fork of forks) all.push(settingsAfter(all[fork.parent], fork.changes));
    return all;
  }

  /** Where the cursor is; the reader's, as the figure shows it. */
  const cursor = () => ({ branch: Number(figure.dataset.branch ?? 0), step: Number(figure.dataset.step ?? 0) });
  const placeOf = ({ branch, step } = cursor()) => `${branch}@${step}`;

  function drawForm() {
    const { trajectories, class_names: names } = data;
    const samplings = trajectories.map(({ name, changes: { eta, variance } }, k) => /** @type {[number, string]} */ ([k, [name, eta && `η = ${eta}`, variance && _("variance {title}", { title: data.variances[variance] })].filter(Boolean).join(_(", "))]));
    controls = {
      sampling: choice("sampler", _("Sampler after the fork"), samplings, (k) => changed(trajectories[Number(k)].changes)),
      ...(names.length && {
        label: choice("label", _("Class after the fork"), [[-1, _("none")], ...names.map((name, k) => /** @type {[number, string]} */ ([k, name]))], (label) => changed({ label: Number(label) })),
        scale: slider("scale", _("Guidance scale after the fork"), { min: 0, max: 8, step: 0.1 }, (scale) => changed({ scale })),
      }),
      seed: slider("seed", _("Seed after the fork"), { min: 0, max: 100, step: 1 }, (seed) => changed({ seed })),
    };
    form.replaceChildren(...Object.values(controls).map(({ node }) => node));
  }

  /** The controls say what the branch at the cursor has, unless the last fork follows them. */
  function settle() {
    const here = cursor();
    if (placeOf(here) === open) return;
    open = null;
    wanted = { ...(settings()[here.branch] ?? settings()[0]) };
    setControls();
  }

  function setControls() {
    const here = cursor();
    const branch = found[here.branch]?.branch;
    controls.sampling?.set(data.trajectories.indexOf(/** @type {any} */ (trajectoryOf(data, wanted))));
    for (const name of /** @type {const} */ (["label", "scale", "seed"])) controls[name]?.set(wanted[name]);
    const isFull = forks.length >= data.most_forks && open === null;
    place.textContent = isFull
      ? _("{most} forks fit on the page: remove one first.", { most: data.most_forks })
      : _("Fork: move a control, and {name} continues from step {step} with that setting. Another step begins another fork.", { name: branch?.words.name ?? "", step: here.step });
    form.inert = isFull;
    undo.toggleAttribute("disabled", !forks.length);
  }

  /** @param {Partial<Settings> | Record<string, string>} change */
  function changed(change) {
    const here = cursor();
    if (open !== placeOf(here)) settle();
    wanted = { ...wanted, ...change };
    if (!found[here.branch]) return setControls(); // the cursor is on none of them
    const changes = changesBetween(data, settings()[here.branch], wanted);
    if (open !== null) forks.pop();
    open = changes.length ? placeOf(here) : null;
    if (changes.length) forks.push({ parent: here.branch, step: here.step, changes });
    setControls();
    compute();
    rest();
  }

  function remove() {
    forks.pop();
    open = null;
    settle();
    compute();
    rest();
  }

  function rest() {
    clearTimeout(resting);
    resting = setTimeout(() => emit("forks", { version: data.version, forks: writeForks(forks) }), REST);
  }

  // --- sampling -----------------------------------------------------------------------------------------------------
  async function compute() {
    isStale = true;
    if (isRunning) {
      if (performance.now() - begun > LONGEST) under.abort();
      return;
    }
    isRunning = true;
    while (isStale) {
      isStale = false;
      under = new AbortController();
      begun = performance.now();
      try {
        await (loading ??= load());
        await sampleAll(under.signal);
      } catch (problem) {
        if (!under.signal.aborted) sayProblem(problem);
      }
    }
    isRunning = false;
  }

  /** The network of `data`. */
  async function load() {
    say(_("The network is being loaded …"));
    const { network } = data;
    try {
      await /** @type {Team} */ (team).load({ unet: await networkOf(network) });
    } catch (problem) {
      loading = null;
      throw problem;
    }
  }

  /** @param {unknown} problem */
  function sayProblem(problem) {
    say(/** @type {Error} */ (problem).message);
    if (problem instanceof Problem && problem.kind === "weights") status.append(" ", chip(_("Try again"), compute, { "data-action": "again" }));
  }

  /** Every branch that is not there yet. @param {AbortSignal} signal */
  async function sampleAll(signal) {
    const all = settings();
    found.length = Math.min(found.length, all.length);
    for (const [k, own] of all.entries()) {
      const fork = k ? forks[k - 1] : null;
      const key = fork ? `${found[fork.parent]?.key};${fork.step}:${JSON.stringify(own)}` : JSON.stringify(own);
      const words = fork ? { name: _("fork {number}", { number: k }), label: forkLabel(data, fork), parent: fork.parent } : { name: _("the trajectory"), label: trajectoryOf(data, own)?.title ?? "", parent: null };
      if (found[k]?.key === key && found[k].branch.isDone) {
        found[k].branch.words = words;
        continue;
      }
      const from = fork && found[fork.parent].branch.forkAt(fork.step, own);
      if (!trajectoryOf(data, own) || (fork && !from)) throw new Error(_("There is nothing to fork at step {step}: what is forked there ends with it.", { step: fork?.step ?? 0 }));
      const branch = new LiveBranch(data, own, words, from);
      found[k] = { key, branch };
      await /** @type {Team} */ (team).sample(branch.request, { signal, onFrame: (frame) => (branch.add(frame), show()) }).then(({ ms }) => timed(branch.steps.length, ms));
    }
    show();
    root.dataset.drawn = found.map(({ key }) => key).join(" ");
  }

  /** @param {number} steps @param {number} ms */
  function timed(steps, ms) {
    root.dataset.ms = String(Math.round(ms));
    say(_("{steps} steps in this browser: {seconds} s.", { steps, seconds: (ms / 1000).toFixed(2) }));
  }

  function show() {
    const branches = found.map(({ branch }) => branch.branch);
    const { id, cursor, base, home, version } = data;
    microscope.update(/** @type {Microscope} */ ({ id, branches, cursor, revision: base, home, version, atlas: null, captions: [] }));
    if (!branches[0].steps.length || !panel.hidden) return;
    panel.hidden = false;
    requestAnimationFrame(settle); // once the figure says where its cursor is
  }

  const say = (/** @type {string} */ words) => (status.textContent = words);

  return component(root, update, () => under.abort(), () => clearTimeout(resting), () => team?.rest(), () => microscope.destroy());
}
