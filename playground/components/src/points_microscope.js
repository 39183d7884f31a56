// The Points lab's microscope: one step of one particle as a sum of vectors, with its picture in the plane; a row for each cloud.
//
//   mount(root, emit) -> { update(data), destroy() }
//
// `data` is PointsBench.to_payload() (points_bench.py). Emits "place" {id, particle, frame}: another particle at once, another
// step when the reader has come to rest. The stage of the same id and this stand at the same step (together.js).
import { decodeFloats, el, icon, watchTheme } from "./dom.js";
import { readTheme } from "./draw.js";
import { COLUMNS, rowsAt } from "./equation.js";
import { picturePool } from "./floats.js";
import { BOTH, stepView } from "./points_step.js";
import { csvOf } from "./save.js";
import { svgPen } from "./svg_pen.js";
import { takeaway } from "./takeaway.js";
import { together } from "./together.js";

const REST = 350;
const CLOUDS_APART = 16; // between the clouds' pictures in a file

export function mount(root, emit) {
  let data = null;
  let pools = [];
  let views = [];
  let points = null;
  let reach = 1; // the data and all ways lie within
  let step = 0; // taken by the first cloud; the nearest cut is shown
  let asked = null; // the particle that was asked for last
  let theme = null;
  let pending = 0;
  let resting = 0;

  root.classList.add("dp-root", "dp-points-microscope");
  const button = (name, label, action) => el("button", { type: "button", class: "dp-button", "aria-label": label, title: label, "data-action": name, onclick: action }, icon(name));
  const number = el("input", { type: "number", class: "dp-number", min: 0, step: 1, placeholder: "none", onchange: () => ask(number.value === "" ? -1 : Number(number.value)) });
  const slider = el("input", { type: "range", class: "dp-range", min: 0, step: 1, "aria-label": "Step", oninput: () => move(Number(slider.value)) });
  const where = el("div", { class: "dp-where" });
  const name = el("span", { class: "dp-lane-help" });
  const steps = el("div", { class: "dp-steps", hidden: true }, el("div", { class: "dp-buttons" }, button("back", "One step back", () => move(index() - 1)), button("forward", "One step forward", () => move(index() + 1))), slider, where);
  const deck = el("div", { class: "dp-controls" }, el("label", { class: "dp-particle" }, "Particle ", number, " ", name), steps);
  const message = el("div", { class: "dp-message", role: "status" });
  const rows = el("div");
  const body = el("div", { hidden: true }, rows, takeaway(figure));
  root.append(deck, message, body);
  say("Waiting for the particles …");

  const others = together((id, place) => {
    if (!data || id !== data.id) return;
    if (place.particle !== null && place.particle !== data.particle) ask(place.particle, place.t);
    else if (data.ways.length) goTo(place.t);
  });
  const observer = new ResizeObserver(() => request());
  observer.observe(root);
  const unwatch = watchTheme(() => request());

  function say(text) {
    message.textContent = text;
    message.hidden = !text;
  }

  // --- data -------------------------------------------------------------------------------------------------------
  function update(next) {
    if (!next || next === data) return request();
    const fresh = data?.id !== next.id || asked !== next.particle;
    const heard = data?.id !== next.id ? others.told(next.id) : null; // the reader was quicker than the data
    data = next;
    asked = data.particle;
    pools = data.ways.map((way) => picturePool(way.pool));
    points = decodeFloats(data.data);
    reach = 1.08 * [points, ...data.ways.flatMap((way, k) => [...way.film, way.outcome].map((n) => [pools[k].at(n, 0, 0), pools[k].at(n, 0, 1)]))].flatMap((some) => [...some]).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    while (views.length > data.ways.length) views.pop().node.remove();
    while (views.length < data.ways.length) {
      views.push(stepView());
      rows.append(views.at(-1).node);
    }
    number.max = data.particles - 1;
    number.value = data.particle < 0 ? "" : data.particle;
    number.setAttribute("aria-label", `Particle, 0 to ${data.particles - 1}`);
    name.textContent = data.name ? `class ${data.name}` : `0 … ${data.particles - 1}`;
    const empty = !data.ways.length;
    steps.hidden = body.hidden = empty;
    say(empty ? "No particle is chosen. Click on one in the cloud above, or type its number here." : "");
    if (fresh) step = data.frame;
    if (!empty) slider.max = cuts().length - 1;
    if (heard?.particle >= 0 && heard.particle !== data.particle) ask(heard.particle, heard.t);
    else tell();
    request();
  }

  const cuts = () => data.ways[0].cuts;
  const nearest = (list, key, value) => list.reduce((best, cut, i) => (Math.abs(cut[key] - value) < Math.abs(list[best][key] - value) ? i : best), 0);
  const index = () => nearest(cuts(), "step", step);

  // --- what the reader does ---------------------------------------------------------------------------------------
  function ask(particle, t = null) {
    if (!data) return;
    if (!Number.isInteger(particle) || particle < -1 || particle >= data.particles) {
      number.value = data.particle < 0 ? "" : data.particle;
      return say(`There are particles 0 to ${data.particles - 1}.`);
    }
    clearTimeout(resting);
    asked = particle;
    const frame = t === null ? step : frameAt(t);
    step = frame;
    say(particle < 0 ? "" : `Particle ${particle} is on its way …`);
    emit("place", { id: data.id, particle, frame });
  }

  // Of the steps of the first cloud, the one that leaves nearest to t.
  const frameAt = (t) => nearest(data.times.slice(0, -1).map((time) => ({ time })), "time", t);

  function move(to) {
    if (!data?.ways.length) return;
    step = cuts()[Math.max(0, Math.min(cuts().length - 1, to))].step;
    tell();
    rested();
    request();
  }

  function goTo(t) {
    const to = frameAt(t);
    if (to === step) return;
    step = to;
    rested();
    request();
  }

  const tell = () => others.say(data.id, { particle: data.particle, t: data.ways.length ? cuts()[index()].t : null });

  function rested() {
    clearTimeout(resting);
    resting = setTimeout(() => emit("place", { id: data.id, particle: data.particle, frame: step }), REST);
  }

  // The pictures of this step, one cloud below the other; the numbers of every step.
  function figure() {
    const of = (way, k, axis) => rowsAt(way.cuts, pools[k], BOTH[axis]).map((row) => [way.name, "xy"[axis], ...row]);
    const all = data.ways.flatMap((way, k) => [...of(way, k, 0), ...of(way, k, 1)]);
    const sheets = views.map((view) => view.sheet);
    const width = Math.max(...sheets.map((sheet) => sheet.width));
    const height = sheets.reduce((sum, sheet) => sum + sheet.height + CLOUDS_APART, 0);
    const pen = svgPen(width, height);
    pen.fillStyle = theme.bg;
    pen.fillRect(0, 0, width, height);
    let top = 0;
    for (const sheet of sheets) {
      pen.save();
      pen.translate(0, top);
      sheet.draw(pen);
      pen.restore();
      top += sheet.height + CLOUDS_APART;
    }
    return { name: `particle-${data.particle}`, csv: csvOf([["cloud", "coordinate", ...COLUMNS], ...all]), svg: pen.svg };
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  function request() {
    pending ||= requestAnimationFrame(draw);
  }

  function draw() {
    pending = 0;
    if (!root.isConnected || !data || !root.clientWidth) return;
    theme = readTheme(root);
    root.dataset.narrow = String(root.clientWidth < 520);
    Object.assign(root.dataset, { particle: data.particle, ways: data.ways.length });
    if (!data.ways.length) return;
    const i = index();
    const cut = cuts()[i];
    slider.value = i;
    slider.setAttribute("aria-valuetext", cut.text);
    where.textContent = `t = ${cut.t}`;
    data.ways.forEach((way, k) => {
      const at = k ? nearest(way.cuts, "t", cut.t) : i;
      views[k].draw({ way, at, pool: pools[k], points, reach, theme, width: root.clientWidth });
    });
    Object.assign(root.dataset, { step: cut.step, t: cut.t });
  }

  return {
    update,
    destroy() {
      cancelAnimationFrame(pending);
      clearTimeout(resting);
      others.leave();
      observer.disconnect();
      unwatch();
      root.replaceChildren();
    },
  };
}
