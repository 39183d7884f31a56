// Carries out a program of playground/browser/program.py: the network's evaluations, and sums of what comes out.
import { _ } from "../../components/src/language.js";
import { SeededNoise } from "./noise.js";
import { Problem } from "./problem.js";
/** @import { Clamp, Evaluate, Gradient, Guide, Program, Rescale, ScaleByExp, Sum, Threshold } from "../../components/payloads.js" */
/** @import { Frame, Networks, Request, Start } from "./types.js" */

/**
 * Samples, one frame after the other, the noise first and the finished pictures last: as `engine.sampling.sample`.
 *
 * It yields null before each evaluation of a network, which may take long: a caller that is to stop then drops the generator.
 * @param {Networks} networks
 * @param {Request} request
 * @returns {Generator<Frame | null, void, void>}
 */
export function* run(networks, request) {
  checkRequest(networks, request);
  const { program, start } = request;
  const machine = new Machine(networks, request);
  let x = start ? start.x : machine.noise.draw();
  for (let drawn = start ? 0 : 1; drawn < (start?.draws ?? 0); drawn++) machine.noise.draw();
  /** @type {Map<string, Float32Array<ArrayBuffer>>} */
  let registers = new Map(start?.previous ? [["previous x0", start.previous.x0], ["previous noise", start.previous.noise]] : []);
  for (const [step, { t, code, x0, noise, next, parts }] of program.steps.entries()) {
    registers.set("x", x);
    machine.registers = registers;
    for (const instruction of code) yield* machine.carryOut(instruction);
    const more = Object.entries(parts ?? {}).map(([name, register]) => [name, machine.get(register)]);
    const frame = { step, steps: program.steps.length, t, x, x0: machine.get(x0), noise: machine.get(noise), parts: Object.fromEntries(more) };
    x = machine.get(next);
    registers = new Map([["previous x0", frame.x0], ["previous noise", frame.noise]]);
    yield frame;
  }
  yield { step: program.steps.length, steps: program.steps.length, t: 0, x, x0: x, noise: new Float32Array(x.length), parts: {} };
}

/** Throws a Problem for a request that these networks cannot carry out. @param {Networks} networks @param {Request} request */
function checkRequest({ network, classifier }, { program, seeds, labels, scale, start }) {
  const numbers = seeds.length * sizeOf(program);
  const fits = String(program.shape) === String(network.shape)
    && (program.classes === 0) === (network.classes === 0) && program.classes <= network.classes;
  if (!fits) throw new Problem("network", _("This is the recipe of another network than the one that was loaded."));
  if (program.classifier && !classifier) throw new Problem("network", _("The classifier that guides this recipe was not loaded."));
  const counts = [labels, Array.isArray(scale) ? scale : undefined].every((list) => list === undefined || list.length === seeds.length);
  if (!seeds.length || !counts) throw new Problem("request", _("Each image needs one seed, and one label or none at all."));
  const known = program.classes || classifier?.config.classes || 0;
  const wrong = labels?.find((label) => label < -1 || label >= known);
  if (wrong !== undefined) throw new Problem("request", _("This model has no class {label}.", { label: wrong }));
  const needed = start && [start.x, start.previous?.x0, start.previous?.noise];
  if (needed?.some((picture) => picture && picture.length !== numbers)) throw new Problem("request", _("The images to start from are not as many as the seeds."));
}

/** Numbers of one picture. @param {Program} program */
const sizeOf = (program) => program.shape.reduce((product, side) => product * side, 1);

class Machine {
  /** @param {Networks} networks @param {Request} request */
  constructor({ network, classifier }, { program, seeds, labels, scale }) {
    this.network = network;
    this.classifier = classifier;
    this.program = program;
    this.count = seeds.length;
    this.size = sizeOf(program);
    this.labels = labels;
    this.scale = scale;
    this.noise = new SeededNoise(seeds, this.size);
    /** @type {Map<string, Float32Array<ArrayBuffer>>} */
    this.registers = new Map();
  }

  /** @param {string} name */
  get(name) {
    return /** @type {Float32Array<ArrayBuffer>} */ (this.registers.get(name));
  }

  /** @param {Program["steps"][number]["code"][number]} instruction @returns {Generator<null, void, void>} */
  *carryOut(instruction) {
    switch (instruction.op) {
      case "evaluate": return yield* this.evaluate(instruction);
      case "gradient": return yield* this.gradient(instruction);
      case "sum": return this.sum(instruction);
      case "guide": return this.guide(instruction);
      case "rescale": return this.rescale(instruction);
      case "clamp": return this.clamp(instruction);
      case "threshold": return this.threshold(instruction);
      case "scale_by_exp": return this.scaleByExp(instruction);
      case "draw": this.registers.set(instruction.to, this.noise.draw());
    }
  }

  /** @param {Evaluate} instruction @returns {Generator<null, void, void>} */
  *evaluate({ to, source, time, labels }) {
    const x = this.get(source);
    const { classes } = this.program;
    const rows = labels.flatMap((kind) => Array.from({ length: this.count }, (_row, b) => ({ b, label: kind === "own" ? this.labels?.[b] ?? -1 : -1 })));
    const { network } = this;
    const width = (network.learnsVariance ? 2 : 1) * this.size; // of an output
    const outputs = to.map(() => new Float32Array(this.count * this.size));
    const variances = to.map(() => (network.learnsVariance ? new Float32Array(this.count * this.size) : null));
    yield* this.inParts(rows, (part, first) => {
      const output = network.forward(this.pictures(x, part.map(({ b }) => b)), part.map(() => time), part.map(({ label }) => (label < 0 ? classes : label)));
      part.forEach(({ b }, k) => {
        const which = Math.floor((first + k) / this.count);
        outputs[which].set(output.subarray(k * width, k * width + this.size), b * this.size);
        variances[which]?.set(output.subarray(k * width + this.size, (k + 1) * width), b * this.size);
      });
    });
    to.forEach((name, which) => {
      this.registers.set(name, outputs[which]);
      const variance = variances[which];
      if (variance) this.registers.set(name + " variance", variance);
    });
  }

  /**
   * Hands out rows, as many at a time as the network takes, and fewer where their memory is refused.
   * @template Row @param {Row[]} rows @param {(part: Row[], first: number) => void} work @returns {Generator<null, void, void>}
   */
  *inParts(rows, work) {
    const { network } = this;
    for (let first = 0, count = 0; first < rows.length; first += count) {
      yield null;
      count = Math.min(network.mostAtOnce, rows.length - first);
      try {
        work(rows.slice(first, first + count), first);
      } catch (error) {
        if (!(error instanceof Problem && error.kind === "memory") || count === 1) throw error;
        network.mostAtOnce = count >> 1;
        count = 0;
      }
    }
  }

  /** Some pictures of a batch. @param {Float32Array} x @param {number[]} which */
  pictures(x, which) {
    const out = new Float32Array(which.length * this.size);
    which.forEach((b, k) => out.set(x.subarray(b * this.size, (b + 1) * this.size), k * this.size));
    return out;
  }

  /** @param {Gradient} instruction @returns {Generator<null, void, void>} */
  *gradient({ to, source, time, signal }) {
    const x = this.get(source);
    const out = new Float32Array(x.length);
    const labelled = [...(this.labels ?? []).keys()].filter((b) => /** @type {number[]} */ (this.labels)[b] >= 0);
    yield* this.inParts(labelled, (part) => {
      const gradient = /** @type {NonNullable<Networks["classifier"]>} */ (this.classifier).gradient(this.pictures(x, part), time, signal, part.map((b) => /** @type {number[]} */ (this.labels)[b]));
      part.forEach((b, k) => out.set(gradient.subarray(k * this.size, (k + 1) * this.size), b * this.size));
    });
    this.registers.set(to, out);
  }

  /** @param {Sum} instruction */
  sum({ to, of, plus }) {
    const parts = Object.entries(of).map(([name, weight]) => ({ weight, picture: this.get(name) }));
    const out = new Float32Array(this.count * this.size);
    for (let i = 0; i < out.length; i++) {
      let total = plus;
      for (let k = 0; k < parts.length; k++) total += parts[k].weight * parts[k].picture[i];
      out[i] = total;
    }
    this.registers.set(to, out);
  }

  /** @param {Guide} instruction */
  guide({ to, cond, uncond, scale }) {
    const [c, u, wanted] = [this.get(cond), this.get(uncond), this.scale ?? scale];
    this.registers.set(to, c.map((value, i) => u[i] + (typeof wanted === "number" ? wanted : wanted[Math.floor(i / this.size)]) * (value - u[i])));
  }

  /** @param {Rescale} instruction */
  rescale({ to, source, like, share }) {
    this.eachPicture(to, source, (picture, b) => {
      const factor = deviation(this.picture(like, b)) / Math.max(deviation(picture), 1e-12);
      return picture.map((value) => value * (1 - share + share * factor));
    });
  }

  /** @param {Clamp} instruction */
  clamp({ to, source, low, high }) {
    this.registers.set(to, this.get(source).map((value) => Math.min(high, Math.max(low, value))));
  }

  /** @param {Threshold} instruction */
  threshold({ to, source, quantile: share }) {
    this.eachPicture(to, source, (picture) => {
      const limit = Math.max(1, quantile(picture.map(Math.abs).sort(), share));
      return picture.map((value) => Math.min(limit, Math.max(-limit, value)) / limit);
    });
  }

  /** @param {ScaleByExp} instruction */
  scaleByExp({ to, source, by, slope, offset }) {
    const exponent = this.get(by);
    this.registers.set(to, this.get(source).map((value, i) => value * Math.exp(slope * exponent[i] + offset)));
  }

  /** @param {string} name @param {number} b */
  picture(name, b) {
    return this.get(name).subarray(b * this.size, (b + 1) * this.size);
  }

  /** @param {string} to @param {string} source @param {(picture: Float32Array, b: number) => Float32Array} change */
  eachPicture(to, source, change) {
    const out = new Float32Array(this.count * this.size);
    for (let b = 0; b < this.count; b++) out.set(change(this.picture(source, b), b), b * this.size);
    this.registers.set(to, out);
  }
}

/** Standard deviation of all numbers of a picture. @param {Float32Array} picture */
function deviation(picture) {
  const mean = picture.reduce((sum, value) => sum + value, 0) / picture.length;
  return Math.sqrt(picture.reduce((sum, value) => sum + (value - mean) ** 2, 0) / picture.length);
}

/** Between the two nearest of sorted numbers, linearly, as torch does. @param {Float32Array} sorted @param {number} share */
function quantile(sorted, share) {
  const rank = Math.fround(Math.fround(share) * (sorted.length - 1));
  const below = Math.floor(rank);
  return sorted[below] + (rank - below) * (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]);
}
