// Trajectories that are sampled in the browser, as the branches of microscope.js, and the forks of them. Needs no page.
/** @import { Branch, LiveMicroscope, LiveStep, LiveTrajectory, PoolPicture, StepView } from "../payloads.js" */
/** @import { Frame, Request, Start } from "../../browser/src/types.js" */
import { _ } from "./language.js";

/** What a fork may change. @typedef {{ sampler: string, eta: string, variance: string, seed: number, label: number, scale: number }} Settings */
/** Branch number `parent` is left at its step `step`, with these changes. @typedef {{ parent: number, step: number, changes: [name: string, value: string][] }} Fork */

/** The forks of a link, as labs/microscope/forks.py writes them. @param {string} text @returns {Fork[]} */
export function readForks(text) {
  return [...text.matchAll(/(\d+)@(\d+):([^;]*)/g)].map(([, parent, step, changes]) => ({
    parent: Number(parent),
    step: Number(step),
    changes: changes.split(",").filter(Boolean).map((pair) => /** @type {[string, string]} */ (pair.split("="))),
  }));
}

/** The other way round. @param {Fork[]} forks */
export const writeForks = (forks) => forks.map(({ parent, step, changes }) => `${parent}@${step}:${changes.map((pair) => pair.join("=")).join(",")}`).join(";");

/** Of the trajectory itself. @param {LiveMicroscope} payload @returns {Settings} */
export const ownSettings = ({ sampler, eta, variance, seed, label, scale }) => ({ sampler, eta, variance, seed, label, scale });

/** The trajectory with these settings, if there is one. @param {LiveMicroscope} payload @param {Settings} settings */
export const trajectoryOf = ({ trajectories }, settings) =>
  trajectories.find(({ changes }) => Object.entries(changes).every(([name, value]) => settings[/** @type {"sampler"} */ (name)] === value));

/** The settings after a fork. @param {Settings} before @param {Fork["changes"]} changes @returns {Settings} */
export function settingsAfter(before, changes) {
  const given = /** @type {Record<string, string>} */ (Object.fromEntries(changes));
  const label = Number(given.label ?? before.label);
  const scale = given.scale ?? (label < 0 && "label" in given ? 1 : before.scale); // where there is no label, none has an effect
  const { sampler = before.sampler, variance = before.variance } = given;
  return { sampler, eta: String(Number(given.eta ?? before.eta)), variance, seed: Number(given.seed ?? before.seed), label, scale: Number(scale) };
}

/** The changes from one to the other. @param {LiveMicroscope} payload @param {Settings} before @param {Settings} after @returns {Fork["changes"]} */
export function changesBetween(payload, before, after) {
  const own = Object.keys(trajectoryOf(payload, after)?.changes ?? {});
  const names = /** @type {(keyof Settings)[]} */ ([...own, "label", "scale", "seed"]).filter((name) => after[name] !== before[name] && !(name === "scale" && after.label < 0));
  return names.map((name) => [name, String(after[name])]);
}

/** A fork in a few words, as labs/microscope/forks.py has it. @param {LiveMicroscope} payload @param {Fork} fork */
export function forkLabel(payload, { changes }) {
  const words = changes.map(([name, value]) => {
    if (name === "sampler") return payload.trajectories.find((one) => one.changes.sampler === value)?.name ?? value;
    if (name === "variance") return _("variance {title}", { title: payload.variances[value] ?? value });
    if (name === "label") return Number(value) < 0 ? _("no class") : _("class {known}", { known: payload.class_names[Number(value)] ?? value });
    return `${{ eta: "η", scale: _("scale"), seed: _("seed") }[name] ?? name} ${value}`;
  });
  return words.join(_(", ")) || _("nothing changed");
}

/** Whether frames predict alike, so that a step may use the one before it. @param {Settings} a @param {Settings} b */
const sameDenoiser = (a, b) => a.label === b.label && a.scale === b.scale;

/** One trajectory as its frames come. */
export class LiveBranch {
  /**
   * @param {LiveMicroscope} payload @param {Settings} settings  of one of its trajectories
   * @param {{ name: string, label: string, parent: number | null }} words  as `Branch` has them
   * @param {{ begin: number, start: Start } | null} from  where it leaves another: step of the whole trajectory, and frame; null for noise
   */
  constructor(payload, settings, words, from = null) {
    this.payload = payload;
    this.settings = settings;
    this.words = words;
    this.from = from;
    const { steps, restarts } = /** @type {LiveTrajectory} */ (trajectoryOf(payload, settings));
    this.begin = from?.begin ?? 0;
    const first = from && !from.start.previous ? restarts[this.begin] : null;
    this.steps = [first ?? steps[this.begin], ...steps.slice(this.begin + 1)];
    /** By the number of steps taken. @type {Map<number, Start>} */
    this.starts = new Map();
    /** @type {StepView[]} */
    this.views = [];
    /** @type {number[]} */
    this.thumbnails = [];
    /** @type {number | null} */
    this.final = null;
    /** The frame whose step is not complete before the next one comes. @type {Frame | null} */
    this.latest = null;
    this.shown = shownOf(this.steps.length, payload);
    const [channels, height, width] = payload.shape;
    this.size = channels * height * width;
    const rooms = [...this.shown].reduce((sum, k) => sum + roomOf(this.steps[k]), 1);
    this.pool = new Float32Array(rooms * this.size);
    this.filled = 0;
  }

  /** What is to be sampled. @returns {Request} */
  get request() {
    const { shape, classes, guided, class_names: names } = this.payload;
    const { seed, label, scale } = this.settings;
    const program = { shape, classes, guided, classifier: false, steps: this.steps.map((step) => step.program) };
    return { program, seeds: [seed], labels: names.length ? [label] : undefined, scale: guided ? scale : undefined, start: this.from?.start };
  }

  get isDone() {
    return this.final !== null;
  }

  /** @param {Frame} frame */
  add(frame) {
    const before = this.latest;
    if (before && this.shown.has(before.step)) this.show(before, frame.x);
    const draws = this.steps.slice(0, frame.step).reduce((sum, { program }) => sum + program.code.filter(({ op }) => op === "draw").length, this.from?.start.draws ?? 1);
    const previous = before ? { x0: before.x0, noise: before.noise } : this.from?.start.previous;
    if (frame.step < frame.steps) this.starts.set(frame.step, { x: frame.x, previous, draws });
    else this.final = this.put(frame.x);
    this.latest = frame;
  }

  /** What a fork with these settings begins with; null before there is such a step. @param {number} step @param {Settings} settings */
  forkAt(step, settings) {
    const start = this.starts.get(step);
    if (!start) return null;
    const previous = sameDenoiser(this.settings, settings) ? start.previous : undefined;
    const draws = this.settings.seed === settings.seed ? start.draws : 0;
    return { begin: this.begin + step, start: { x: start.x, previous, draws } };
  }

  /** @param {Float32Array} picture */
  put(picture) {
    this.pool.set(picture, this.filled * this.size);
    return this.filled++;
  }

  /** The step that leaves a frame. @param {Frame} frame @param {Float32Array} following */
  show(frame, following) {
    const step = this.steps[frame.step];
    const before = this.starts.get(frame.step)?.previous;
    /** @type {Record<string, Float32Array | undefined>} */
    const pictures = { ...frame.parts, x: frame.x, x0: frame.x0, noise: frame.noise, next: following, "x0 previous": before?.x0, "noise previous": before?.noise };
    const picture = (/** @type {string} */ kind, t = frame.t) => {
      const { symbol, title, vmax } = this.payload.parts[kind];
      return /** @type {PoolPicture} */ ({ kind, symbol: symbol.replace("{t}", String(t)), title, index: this.put(/** @type {Float32Array} */ (pictures[kind])), vmax });
    };
    const terms = Object.entries(step.terms).map(([kind, coefficient]) => {
      const weights = frame.parts[`${kind} weight`];
      return { ...picture(kind), coefficient: weights ? weights[0] : coefficient, coefficient_map: weights ? this.put(weights) : null };
    });
    const weights = new Float64Array(Object.entries(frame.parts).find(([name]) => name.endsWith(" weight"))?.[1] ?? []);
    const std = (weights.reduce((sum, weight) => sum + weight, 0) / weights.length).toFixed(4);
    const text = _("step {step} of {steps}, t = {t} → {to}", { step: frame.step, steps: frame.steps, t: frame.t, to: step.to });
    this.views.push({
      step: frame.step, t: frame.t, progress: step.progress, text, posterior_weights: [], posterior_text: "",
      equations: [{ name: _("The step"), result: picture("next", step.to), terms }],
      other_pictures: step.others.map((kind) => picture(kind)),
      facts: step.facts.map(([name, value]) => [name, value.replace("{std}", std)]),
    });
    const x0 = [...terms, ...this.views[this.views.length - 1].other_pictures].find(({ kind }) => kind === "x0");
    this.thumbnails.push(/** @type {PoolPicture} */ (x0).index);
  }

  /** So far. @returns {Branch} */
  get branch() {
    const shape = [this.pool.length / this.size, ...this.payload.shape];
    return { ...this.words, pool: { shape, f32: this.pool }, steps: [...this.views], thumbnails: [...this.thumbnails], final: this.final, is_standalone: false };
  }
}

/** Pictures of a step: the sum, its terms and their weights, and those beside it. @param {LiveStep} step */
const roomOf = ({ program, terms, others }) => 1 + Object.keys(terms).length + others.length + Object.keys(program.parts).filter((name) => name.endsWith(" weight")).length;

/** Numbers of the steps that are shown, of so many: evenly spaced ones. @param {number} steps @param {LiveMicroscope} payload */
function shownOf(steps, { most_steps: most }) {
  const count = Math.min(steps, most);
  return new Set(Array.from({ length: count }, (_step, k) => Math.round(count < 2 ? 0 : (k * (steps - 1)) / (count - 1))));
}
