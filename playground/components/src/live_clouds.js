// Clouds of particles that a network in the browser computes, as point_clouds.js shows them. Needs no page.
/** @import { LiveCloud, LivePoints, PackedFloats, PointClouds } from "../payloads.js" */
/** @import { Done, Frame, Request } from "../../browser/src/types.js" */
import { decodeFloats } from "./base64.js";
import { _ } from "./language.js";

/** @typedef {{ steps: number, eta: number, scale: number }} Settings */
/** What is computed of a cloud: x and x̂0 of its frames, and the vectors of its arrows. @typedef {{ x: Float32Array<ArrayBuffer>, x0: Float32Array<ArrayBuffer>, vectors: Float32Array<ArrayBuffer> | null }} Computed */
/** What `Team` does. @typedef {{ sample(request: Request, options: { keep: number[], onFrame: (frame: Frame) => void, signal?: AbortSignal }): Promise<Done> }} Sampler */

/**
 * @param {Sampler} team @param {LivePoints} its @param {LiveCloud} cloud @param {Settings} now
 * @param {{ count: number, withArrows: boolean, signal?: AbortSignal }} options  `count` of the particles
 * @returns {Promise<Computed>}
 */
export async function computed(team, its, cloud, now, { count, withArrows, signal }) {
  const plan = planOf(cloud, now);
  const scale = cloud.scale ?? now.scale;
  const program = scale === 1 || !plan.guided ? plan.plain : plan.guided;
  const guided = program.guided ? scale : undefined;
  const seeds = Array.from({ length: count }, (_particle, k) => its.seed + k);
  const labels = its.labels?.slice(0, count);
  const [x, x0] = [0, 0].map(() => new Float32Array(plan.shown.length * 2 * count));
  const onFrame = (/** @type {Frame} */ frame) => {
    const at = 2 * count * plan.shown.indexOf(frame.step);
    x.set(frame.x, at);
    x0.set(frame.x0, at);
  };
  await team.sample({ program, seeds, labels, scale: guided }, { signal, keep: plan.shown, onFrame });
  if (!withArrows) return { x, x0, vectors: null };
  const grid = decodeFloats(its.grid);
  const none = new Float32Array(grid.length);
  const places = Array(grid.length / 2).fill(0);
  const one = its.labels?.every((label) => label === its.labels?.[0]) ? its.labels[0] : -1;
  const vectors = new Float32Array(plan.arrows.length * grid.length);
  for (const [k, at] of plan.arrows.entries()) {
    const step = { ...program, steps: [program.steps[plan.shown[at]]] };
    const start = { x: grid, previous: { x0: none, noise: none }, draws: 0 };
    const request = { program: step, seeds: places, labels: labels && places.map(() => one), scale: guided, start };
    await team.sample(request, { signal, keep: [0], onFrame: ({ step, noise }) => step || vectors.set(noise.map((value) => -value / 2), k * grid.length) });
  }
  return { x, x0, vectors };
}

/** @param {LiveCloud} cloud @param {Settings} now */
const planOf = ({ plans }, { steps, eta }) => plans[`${steps} ${eta}`] ?? plans[String(steps)];

/** @param {PackedFloats} packed */
const floats = (packed) => ({ shape: packed.shape, values: decodeFloats(packed) });

/**
 * What point_clouds.js shows.
 * @param {LivePoints} its @param {Settings} now @param {Computed[]} found @param {number} count  of the particles
 * @returns {PointClouds}
 */
export function cloudsOf(its, now, found, count) {
  const plans = its.clouds.map((cloud) => planOf(cloud, now));
  const clouds = its.clouds.map((cloud, k) => {
    const plan = plans[k];
    const shape = [plan.shown.length, count, 2];
    const { x, x0, vectors } = found[k];
    const title = cloud.title.replace("{steps}", String(plan.plain.steps.length)).replace("{scale}", String(cloud.scale ?? now.scale));
    const arrows = vectors && { grid: its.grid_side, vectors: { shape: [plan.arrows.length, its.grid_side ** 2, 2], values: vectors }, level_index: plan.level_index };
    return { key: cloud.key, title, x: { shape, values: x }, frame_index: plan.frame_index, x0: { shape, values: x0 }, arrows, note: "" };
  });
  return {
    id: its.id, clouds, positions: plans[0].t.map((t) => ({ t, text: _("t = {t} of {T}", { t, T: its.T }) })),
    data: floats(its.data), data_labels: its.data_labels && floats(its.data_labels),
    labels: its.labels && { shape: [count], values: Float32Array.from(its.labels.slice(0, count)) }, class_names: its.class_names,
    has_trajectories: true, live: false, start_at: "first", fps: its.fps[String(now.steps)], autoplay: true, label: _("Particles from noise to data"), half_width: its.half_width,
  };
}
