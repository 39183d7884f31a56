// The frames of the network in this browser as a timeline: what labs/sampling/view.py makes of the server's.
/** @import { AlgorithmPanel, Lane, Plan, Timeline } from "../payloads.js" */
/** @import { Frame } from "../../browser/src/types.js" */
import { tileOf } from "./frame_tiles.js";
import { _ } from "./language.js";

const NOISE_RANGE = 3; // as in labs/shared/picture.py

/** @typedef {"x" | "x0" | "noise"} Kind */
/** @typedef {{ step: number, t: number, tiles: Record<Kind, ImageData> }} Shown */
/** @typedef {{ id: string, plan: Plan, titles: Record<string, string>, count: number, grid: [number, number] }} Trajectory */

/** Title and explanation of each lane. @returns {[Kind, string, string][]} */
const lanesInWords = () => [
  ["x", _("<i>x</i><sub>t</sub>, the noisy image"), _("At t = 0 it is the sample.")],
  ["x0", _("<i>x̂</i><sub>0</sub>, the prediction"), _("Of the clean image.")],
  ["noise", _("<i>ε̂</i>, the predicted noise"), _("Grey is 0. At t = 0 it is that of the last step.")],
];

export class SampledTimeline {
  /** @param {Trajectory} trajectory */
  constructor({ id, plan, titles, count, grid }) {
    this.id = id;
    this.plan = plan;
    this.titles = titles;
    this.count = count;
    this.grid = grid;
    this.sides = Object.keys(plan.sides);
    this.positions = Math.max(...Object.values(plan.sides).map(({ index }) => index.length));
    /** The frames so far. @type {Record<string, Shown[]>} */
    this.frames = Object.fromEntries(this.sides.map((side) => [side, []]));
  }

  /**
   * What a timeline adds to what it has, with the next frame of a side; null where the whole has another order.
   * @param {string} side @param {Frame} frame @returns {Timeline | null}
   */
  add(side, frame) {
    const { program, index } = this.plan.sides[side];
    const tile = (/** @type {Float32Array} */ values) => tileOf(values, this.count, program.shape, this.grid);
    const shown = { step: frame.step, t: frame.t, tiles: { x: tile(frame.x), x0: tile(frame.x0), noise: tile(frame.noise.map((value) => value / NOISE_RANGE)) } };
    const k = this.frames[side].push(shown) - 1;
    if (index.some((number, i) => number !== i) || index.length < this.positions) return null;
    const lanes = this.lanes((lane, kind, of) => ({ ...lane, index: of === side ? [this.tileNumber(kind, k, side)] : [], sheets: of === side ? [sheet(shown.tiles[kind], k)] : [] }), shown.tiles.x);
    return this.timeline({ live: true, first: k, positions: [position(shown)], lanes, panels: this.plan.panels.map((panel) => part(panel, k, k + 1)) });
  }

  /** All of it; of a trajectory that was stopped what there is, null for nothing. @returns {Timeline | null} */
  whole() {
    const sides = this.sides.filter((side) => this.frames[side].length);
    if (!sides.length) return null;
    const leader = sides.reduce((one, other) => (this.plan.sides[other].index.length && this.frames[other].length > this.frames[one].length ? other : one));
    const there = this.frames[leader];
    const lanes = this.lanes((lane, kind, side) => {
      const frames = this.frames[side];
      const index = there.map((_frame, i) => this.tileNumber(kind, Math.min(this.plan.sides[side].index[i], frames.length - 1), side));
      return { ...lane, index, sheets: frames.map(({ tiles }, k) => sheet(tiles[kind], k)) };
    }, there[0].tiles.x, sides);
    const captions = lanes.at(-1)?.key === "difference" ? this.addDifference(/** @type {Lane} */ (lanes.at(-1)), there.length) : [];
    return this.timeline({ live: false, first: 0, positions: there.map(position), lanes, captions, panels: this.plan.panels.map((panel) => part(panel, 0, there.length)) });
  }

  /** Nothing is predicted at t = 0. @param {Kind} kind @param {number} k @param {string} side */
  tileNumber(kind, k, side) {
    return kind === "noise" && k && !this.frames[side][k].t ? k - 1 : k;
  }

  /**
   * @param {(lane: Lane, kind: Kind, side: string) => Lane} fill @param {ImageData} tile
   * @returns {Lane[]}
   */
  lanes(fill, tile, sides = this.sides) {
    const isCompared = this.sides.length > 1;
    const base = { axes: null, grid: this.grid, pictures: this.count, index: [], tile: /** @type {[number, number]} */ ([tile.width, tile.height]), columns: 1, sheets: [] };
    const lanes = lanesInWords().flatMap(([kind, title, help]) =>
      sides.map((side) => fill({ ...base, key: isCompared ? kind + side : kind, title, help, group: isCompared ? side : "", group_title: this.titles[side] ?? "" }, kind, side)),
    );
    if (sides.length < 2) return lanes;
    const title = _("<i>x̂</i><sub>0</sub> of B − <i>x̂</i><sub>0</sub> of A");
    return [...lanes, { ...base, key: "difference", title, help: _("From −1 to 1; grey is 0."), group: "B − A", group_title: "" }];
  }

  /** The difference of both sides at each position, and its size in words: as labs/sampling/comparison.py. @param {Lane} lane @param {number} positions */
  addDifference(lane, positions) {
    const at = (/** @type {string} */ side, /** @type {number} */ i) => this.frames[side][Math.min(this.plan.sides[side].index[i], this.frames[side].length - 1)].tiles.x0;
    const captions = [];
    for (let i = 0; i < positions; i++) {
      const { tile, squares } = difference(at("A", i), at("B", i), this.count, this.grid);
      lane.index.push(i);
      lane.sheets.push(sheet(tile, i));
      captions.push(inWords(squares.map(Math.sqrt)));
    }
    return captions;
  }

  /** @param {Pick<Timeline, "live" | "first" | "positions" | "lanes" | "panels"> & { captions?: string[] }} own @returns {Timeline} */
  timeline(own) {
    return {
      id: this.id, total: own.live ? this.positions : null, captions: [], start_at: "last", fps: 15, pick: true, report_position: false, autoplay: false,
      label: _("Sampling trajectory, from noise to image"), ...own, panels: /** @type {Timeline["panels"]} */ (own.panels),
    };
  }

  /** The last image of that number, as rows of pixels of so many channels. @param {string} side @param {number} number */
  pixels(side, number) {
    const [channels, height, width] = this.plan.sides[side].program.shape;
    const tile = /** @type {Shown} */ (this.frames[side].at(-1)).tiles.x0;
    const bytes = new Uint8Array(height * width * channels);
    const [row, column] = [Math.floor(number / this.grid[1]) * height, (number % this.grid[1]) * width];
    for (let i = 0; i < height * width; i++) {
      const from = 4 * ((row + Math.floor(i / width)) * tile.width + column + (i % width));
      for (let c = 0; c < channels; c++) bytes[i * channels + c] = tile.data[from + c];
    }
    return bytes;
  }
}

/** @param {ImageData} tile @param {number} first @returns {Lane["sheets"][number]} */
const sheet = (tile, first) => ({ png: /** @type {any} */ (tile), first, count: 1 });

/** @param {Shown} shown */
const position = ({ step, t }) => ({ t, text: _("step {step}, t = {t}", { step, t }) });

/** The same panel at some of its positions. @param {AlgorithmPanel} panel @param {number} from @param {number} to */
function part(panel, from, to) {
  const values = Object.fromEntries(Object.entries(panel.values).map(([name, texts]) => [name, texts.slice(from, to)]));
  return { ...panel, current: panel.current.slice(from, to), values };
}

/**
 * B − A as pixels, and of each image the mean square on the scale −1 … 1.
 * @param {ImageData} a @param {ImageData} b @param {number} count @param {[number, number]} grid
 */
function difference(a, b, count, [rows, columns]) {
  const tile = new ImageData(a.width, a.height);
  const [width, height] = [a.width / columns, a.height / rows];
  const squares = new Array(count).fill(0);
  for (let i = 0; i < a.width * a.height; i++) {
    const k = Math.floor(Math.floor(i / a.width) / height) * columns + Math.floor((i % a.width) / width);
    if (k >= count) continue;
    for (let c = 0; c < 3; c++) {
      const apart = b.data[4 * i + c] - a.data[4 * i + c];
      tile.data[4 * i + c] = apart + 128; // clamped
      squares[k] += (apart / 127.5) ** 2 / (3 * width * height);
    }
    tile.data[4 * i + 3] = 255;
  }
  return { tile, squares };
}

/** @param {number[]} rms  of each image */
function inWords(rms) {
  const count = rms.length;
  const mean = rms.reduce((sum, each) => sum + each, 0) / count;
  const variance = rms.reduce((sum, each) => sum + (each - mean) ** 2, 0) / Math.max(1, count - 1);
  const change = count > 1 ? _(" ± {error} (standard error over {count} images)", { error: Math.sqrt(variance / count).toFixed(3), count }) : "";
  return _("RMS difference of x̂₀ between B and A, from the same noise: {difference}{change}.", { difference: mean.toFixed(3), change });
}
