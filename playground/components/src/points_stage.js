// The points stage: particles on their way from noise to data, at screen rate, with no request while the playhead moves.
//
//   mount(root) -> { update(bytes), destroy() }      bytes is Stage.to_message() (stage.py); emits nothing.
// A particle that is clicked on is told to the microscope of the same page, and both stand at the same step (together.js).
import { el, markup, watchTheme } from "./dom.js";
import { fitCanvas, readTheme } from "./draw.js";
import { messageStamp, readStage } from "./message.js";
import { playerView } from "./player.js";
import { SHAPES, addShape, paintScene, placesAt, scale } from "./scene.js";
import { csvOf, download, svgOf } from "./stage_saves.js";
import { together } from "./together.js";

const MOST = 540; // pixels of a side
const THUMB = 120;
const LAYERS = { data: "Data", trails: "Trails", density: "Density", arrows: "Arrows", overlay: "Overlaid" };
const LAYER_HELP = {
  data: "The points that the cloud is to become",
  trails: "The way of a few particles so far",
  density: "Where the particles are many",
  arrows: "Where the denoiser would move a particle that is there now: the direction of the score",
  overlay: "Both clouds in one picture",
};

export function mount(root) {
  root.classList.add("dp-root", "dp-points");
  const shown = { data: true, trails: true, density: false, arrows: false, overlay: false };
  let stage = null;
  let theme = null;
  let stamp = "";
  let picked = null; // the number of a particle that is pointed at
  let pinned = null; // of the one that was chosen
  let said = null; // t, as the others know it
  let cursor = null; // where the keyboard's pointer stands, in the units of the data
  let following = false;
  let views = [];
  let thumbs = new Map();
  let pending = 0;

  const viewBox = el("div", { class: "dp-points-views" });
  const legend = el("div", { class: "dp-legend" });
  const readout = el("div", { class: "dp-readout", "aria-live": "polite" });
  const layers = el("div", { class: "dp-layers", role: "group", "aria-label": "What is shown" });
  for (const [name, title] of Object.entries(LAYERS)) {
    const node = el("button", { type: "button", class: "dp-toggle", "data-layer": name, title: LAYER_HELP[name], "aria-pressed": String(shown[name]), onclick: () => toggle(name) }, title);
    layers.append(node);
  }
  const kinds = el("select", { class: "dp-select", "aria-label": "Take away", title: "Take this moment away", onchange: () => takeAway() });
  for (const [value, title] of [["", "Save"], ["png", "PNG"], ["svg", "SVG"], ["csv", "CSV"]]) kinds.append(el("option", { value }, title));
  const player = playerView({ onChange: () => request(), onReader: (atEnd) => (following = atEnd), extras: [kinds] });
  const message = el("div", { class: "dp-message", role: "status" }, "Waiting for the particles …");
  const body = el("div", { class: "dp-points-body", hidden: true }, layers, viewBox, player.node, el("div", { class: "dp-points-foot" }, legend, readout));
  root.append(message, body);
  root.addEventListener("keydown", (event) => onKey(event));
  const unwatch = watchTheme(() => restyle());
  const others = together((id, place) => stage && id === stage.id && follow(place));
  const observer = new ResizeObserver(() => layout());
  observer.observe(root);

  function update(bytes) {
    if (!(bytes instanceof Uint8Array)) return;
    const mark = messageStamp(bytes);
    if (mark === stamp) return restyle();
    stamp = mark;
    const before = stage;
    stage = readStage(bytes);
    const fresh = !before || before.id !== stage.id;
    if (fresh) {
      player.stop();
      picked = pinned = null;
      following = stage.live;
    } else if (picked !== null && picked >= stage.clouds[0].x.shape[1]) picked = null;
    thumbs = new Map();
    const end = stage.positions.length - 1;
    const to = fresh ? (stage.live || stage.start_at === "last" ? end : 0) : following ? end : player.position;
    message.hidden = true;
    body.hidden = false;
    player.set({ texts: stage.positions.map((p) => p.text), fps: stage.fps, position: to });
    build();
    restyle();
    const place = fresh && others.told(stage.id);
    if (place) follow(place);
    if (fresh && pinned === null && stage.autoplay && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.start();
  }

  // The reader has chosen elsewhere on the page.
  function follow({ particle, t }) {
    pinned = particle >= 0 && particle < stage.clouds[0].x.shape[1] ? particle : null;
    if (pinned !== null) {
      const distance = (i) => Math.abs(stage.positions[i].t - t);
      const to = stage.positions.reduce((best, _, i) => (distance(i) < distance(best) ? i : best), 0);
      said = stage.positions[to].t;
      player.to(to);
    }
    request();
  }

  // The one that is pointed at becomes the chosen one.
  function pin() {
    if (picked === null || !stage.ways) return;
    player.stop();
    pinned = picked;
    tell();
    request();
  }

  function tell() {
    said = stage.positions[Math.round(player.position)].t;
    others.say(stage.id, { particle: pinned, t: said });
  }

  // One picture for each cloud, or one for both.
  function build() {
    const apart = stage.clouds.length > 1 && !shown.overlay;
    const entries = stage.clouds.map((cloud, number) => ({ cloud, number, hollow: shown.overlay && number === 1 }));
    const groups = apart ? entries.map((entry) => [entry]) : [entries];
    while (views.length > groups.length) views.pop().node.remove();
    while (views.length < groups.length) views.push(newView());
    views.forEach((view, i) => {
      view.entries = groups[i];
      view.title.replaceChildren(...groups[i].map(({ cloud, number, hollow }) => heading(cloud, number, hollow)));
      view.canvas.setAttribute("aria-label", `${stage.label}: ${view.title.textContent}. Arrow keys move a pointer, Enter chooses the particle there, Escape takes the pointer away.`);
    });
    layers.querySelector("[data-layer=trails]").hidden = !stage.ways;
    layers.querySelector("[data-layer=overlay]").hidden = stage.clouds.length < 2;
    layers.querySelector("[data-layer=arrows]").hidden = !stage.clouds.some((cloud) => cloud.arrows);
    const names = stage.labels || stage.data_labels ? stage.class_names : [];
    legend.replaceChildren(...names.map((name, k) => el("span", { class: "dp-legend-entry" }, swatch(SHAPES[k], k), name)));
    legend.hidden = !names.length;
  }

  function heading(cloud, number, hollow) {
    const mark = stage.clouds.length > 1 && shown.overlay ? swatch("circle", stage.labels ? 5 : number, hollow) : null;
    return el("div", { class: "dp-points-heading" }, el("div", { class: "dp-lane-title" }, mark, markup(cloud.title).fragment), el("div", { class: "dp-lane-help" }, markup(cloud.note).fragment));
  }

  function swatch(shape, k, hollow = false) {
    const canvas = el("canvas", { class: "dp-mark", "aria-hidden": "true" });
    const g = fitCanvas(canvas, 14, 14);
    const colors = (theme ?? readTheme(root)).series;
    const path = new Path2D();
    addShape(path, shape, 7, 7, 4.4);
    g.fillStyle = g.strokeStyle = colors[k % 6];
    g.lineWidth = 1.5;
    hollow ? g.stroke(path) : g.fill(path);
    return canvas;
  }

  function newView() {
    const canvas = el("canvas", { class: "dp-points-canvas", role: "application", tabindex: "0" });
    const view = { canvas, title: el("div"), entries: [], size: 0 };
    view.node = el("figure", { class: "dp-points-view" }, view.title, canvas);
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      const unit = (2 * stage.reach) / box.width;
      pick(view, (event.clientX - box.left) * unit - stage.reach, stage.reach - (event.clientY - box.top) * unit, event.pointerType === "touch" ? 0.8 : 0.35);
    };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.dataset.pointer = "";
      point(event);
      pin();
    });
    canvas.addEventListener("keydown", () => delete canvas.dataset.pointer);
    canvas.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && choose(null));
    viewBox.append(view.node);
    return view;
  }

  // The particle nearest to a place, if there is one within reach of it.
  function pick(view, x, y, within) {
    let [best, nearest] = [null, within * within];
    for (const { cloud } of view.entries) {
      const places = placesAt(cloud, player.position);
      for (let k = 0; k < places.length / 2; k++) {
        const d = (places[2 * k] - x) ** 2 + (places[2 * k + 1] - y) ** 2;
        if (d < nearest) [best, nearest] = [k, d];
      }
    }
    choose(best);
  }

  function choose(k) {
    if (k === picked) return;
    picked = k;
    request();
  }

  function onKey(event) {
    if (!stage) return;
    const view = views.find((one) => one.canvas === event.target);
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (view && moves[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const far = event.shiftKey ? 0.5 : 0.12;
      cursor = (cursor ?? [0, 0]).map((v, axis) => Math.max(-stage.reach, Math.min(stage.reach, v + far * moves[event.key][axis])));
      pick(view, cursor[0], cursor[1], Infinity);
      event.preventDefault();
      event.stopPropagation();
    } else if (view && event.key === "Enter") pin();
    else if (event.key === "Escape") {
      cursor = null;
      choose(null);
    } else player.key(event);
  }

  function toggle(name) {
    shown[name] = !shown[name];
    layers.querySelector(`[data-layer=${name}]`).setAttribute("aria-pressed", String(shown[name]));
    thumbs = new Map();
    build();
    layout();
  }

  function restyle() {
    if (!root.isConnected || !stage) return;
    const next = readTheme(root);
    const other = theme && next.stamp !== theme.stamp;
    theme = next;
    if (other) {
      thumbs = new Map();
      build();
    }
    layout();
  }

  function layout() {
    const width = root.clientWidth;
    if (!stage || !theme || !width || body.hidden) return;
    root.dataset.narrow = String(width < 520);
    const apart = views.length > 1 && width >= 560;
    const size = Math.floor(Math.min(MOST, apart ? (width - 24) / 2 : width));
    for (const view of views) view.size = size;
    viewBox.style.gridTemplateColumns = `repeat(${apart ? 2 : 1}, ${size}px)`;
    player.node.style.maxWidth = body.style.maxWidth = `${apart ? 2 * size + 24 : Math.max(size, Math.min(width, MOST))}px`;
    player.paint(lane, theme, stage.label);
    draw();
  }

  // What the strip shows: the first cloud, small.
  const lane = {
    meta: { tile: [THUMB, THUMB], pictures: 1 },
    picture: { w: THUMB, h: THUMB },
    tile(i) {
      if (!thumbs.has(i)) {
        const bitmap = document.createElement("canvas");
        bitmap.width = bitmap.height = THUMB;
        paintScene(bitmap.getContext("2d"), theme, stage, THUMB, i, [{ cloud: stage.clouds[0], number: 0, hollow: false }], {}, null);
        thumbs.set(i, { bitmap, x: 0, y: 0 });
      }
      return thumbs.get(i);
    },
  };

  function request() {
    pending ||= requestAnimationFrame(() => {
      pending = 0;
      draw();
    });
  }

  function draw() {
    if (!stage || !theme || !views[0]?.size) return;
    for (const view of views) {
      const g = fitCanvas(view.canvas, view.size, view.size);
      paintScene(g, theme, stage, view.size, player.position, view.entries, shown, picked ?? pinned);
      if (cursor && document.activeElement !== view.canvas && root.getRootNode().activeElement !== view.canvas) cursor = null;
      if (cursor) crosshair(g, scale(stage, view.size));
    }
    const i = Math.round(player.position);
    if (!stage.ways) readout.textContent = "";
    else if ((picked ?? pinned) === null) readout.textContent = player.playing ? "" : "Point at a particle to see its way and what the denoiser makes of it; click, or press Enter, to take its step apart.";
    else readout.textContent = described(i);
    if (pinned !== null && stage.positions[i].t !== said) tell();
    Object.assign(root.dataset, { position: i, count: stage.positions.length, t: stage.positions[i].t, playing: String(player.playing), particles: stage.clouds[0].x.shape[1], clouds: stage.clouds.length, picked: picked ?? pinned ?? "", id: stage.id });
  }

  function crosshair(g, { X, Y }) {
    g.strokeStyle = theme.accent;
    g.lineWidth = 2;
    g.beginPath();
    g.arc(X(cursor[0]), Y(cursor[1]), 9, 0, 7);
    g.stroke();
  }

  function described(i) {
    const k = picked ?? pinned;
    const say = (values) => `(${[0, 1].map((axis) => values[2 * k + axis].toFixed(2).replace("-", "−")).join(", ")})`;
    const parts = stage.clouds.map((cloud, number) => {
      const x = say(placesAt(cloud, i));
      const x0 = cloud.x0 ? `, x̂0 = ${say(placesAt(cloud, i, cloud.x0.values))}` : "";
      return `${stage.clouds.length > 1 ? `${"AB"[number]}: ` : ""}x = ${x}${x0}`;
    });
    const label = stage.labels && stage.labels.values[k] >= 0 ? `, ${stage.class_names[stage.labels.values[k]]}` : "";
    return `Particle ${k}${label}, ${stage.positions[i].text}: ${parts.join("; ")}. ${stage.clouds[0].x0 ? "The cross is x̂0." : ""}`;
  }

  function takeAway() {
    const kind = kinds.value;
    kinds.value = "";
    if (!stage || !kind) return;
    const name = `points-t${stage.positions[Math.round(player.position)].t}`;
    if (kind === "csv") return download(new Blob([csvOf(stage, player.position)], { type: "text/csv" }), `${name}.csv`);
    views.forEach((view, n) => {
      const file = views.length > 1 ? `${name}-${"AB"[n]}` : name;
      if (kind === "png") view.canvas.toBlob((blob) => download(blob, `${file}.png`));
      else download(new Blob([svgOf(theme, stage, view.size, player.position, view.entries, shown, picked)], { type: "image/svg+xml" }), `${file}.svg`);
    });
  }

  return {
    update,
    destroy() {
      cancelAnimationFrame(pending);
      player.destroy();
      observer.disconnect();
      unwatch();
      others.leave();
      root.replaceChildren();
    },
  };
}
