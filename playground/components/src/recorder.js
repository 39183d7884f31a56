import { el, markup, setIcon, watchTheme } from "./dom.js";
import { readTheme } from "./draw.js";
import { messageStamp, readMessage } from "./message.js";
import { saveCanvas } from "./save.js";
import { stripView } from "./strip.js";
import { decodeLanes, tileLane } from "./tiles.js";

// One field of pictures and two playheads: how long the network had trained, how far it had denoised. Everything is here
// once the tiles have come; moving either asks the server nothing.

const GAP = 1;

export function mount(root, emit) {
  root.classList.add("dp-root", "dp-recorder");
  let meta = null;
  let lane = null;
  let trained = [];
  let stamp = "";
  let at = [0, 0]; // trained, denoised
  let picked = 0;
  let theme = null;
  let destroyed = false;
  let playing = null;
  let follows = true;
  let queue = Promise.resolve();

  const field = el("canvas", { class: "dp-pixels dp-pickable", tabindex: 0, role: "application" });
  const fieldTitle = el("div", { class: "dp-lane-title" });
  const map = el("canvas", { class: "dp-pixels dp-flight-map", tabindex: 0, role: "application" });
  const mapTitle = el("div", { class: "dp-lane-title" });
  const axes = [axis(0, "How long it had trained"), axis(1, "How far it had denoised")];
  const where = el("p", { class: "dp-flight-where", "aria-live": "polite" });
  const save = (label, canvas, name) => el("button", { type: "button", class: "dp-chip", onclick: () => saveCanvas(name, canvas) }, label);
  root.replaceChildren(
    el("div", { class: "dp-flight-pair" },
      el("figure", {}, fieldTitle, field),
      el("figure", {}, mapTitle, el("div", { class: "dp-flight-y" }, "training ↓"), map, el("div", { class: "dp-flight-x" }, "denoising →")),
    ),
    where,
    el("div", { class: "dp-deck" }, axes[0].node, axes[1].node),
    el("div", { class: "dp-xray-choices dp-flight-save" }, save("PNG of the field", field, "field.png"), save("PNG of the map", map, "training-and-denoising.png")),
  );
  const observer = new ResizeObserver(() => restyle());
  observer.observe(root);
  const unwatch = watchTheme(restyle);

  // --- data -------------------------------------------------------------------------------------------------------
  function update(bytes) {
    const next = messageStamp(bytes);
    if (next === stamp) return;
    stamp = next;
    const data = readMessage(bytes);
    // In the order in which they came, though some take longer to decode.
    queue = queue.then(async () => {
      const decoded = await decodeLanes(data.lanes);
      if (!destroyed) take(data, decoded[0]);
    });
  }

  function take(data, decoded) {
    const fresh = !meta || meta.id !== data.id;
    if (fresh) {
      stop();
      lane?.close();
      lane = tileLane(data.lanes[0]);
      trained = [];
      picked = 0;
      follows = true;
    }
    meta = data;
    lane.add(data.lanes[0], decoded, 0);
    trained = data.trained;
    if (fresh) at = [0, data.denoised.length - 1];
    if (follows) at[0] = newest();
    fieldTitle.replaceChildren(markup(data.lanes[0].title).fragment);
    restyle();
  }

  const counts = () => [meta.total, meta.denoised.length];
  const there = (i) => i < trained.length;
  const newest = () => trained.length - 1;
  const tile = (i, j) => lane.tile(i * meta.denoised.length + j);

  // --- moving -----------------------------------------------------------------------------------------------------
  function move(which, to) {
    const last = which === 0 ? newest() : counts()[1] - 1;
    const i = Math.max(0, Math.min(last, to));
    if (which === 0) follows = false;
    if (at[which] === i) return;
    at[which] = i;
    draw();
  }

  function key(event, keys) {
    const found = keys[event.key];
    if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    stop();
    const [which, by] = found;
    move(which, by === -Infinity ? 0 : by === Infinity ? Infinity : at[which] + by * (event.shiftKey ? 5 : 1));
  }

  const both = { ArrowLeft: [1, -1], ArrowRight: [1, 1], ArrowUp: [0, -1], ArrowDown: [0, 1], Home: [1, -Infinity], End: [1, Infinity], PageUp: [0, -Infinity], PageDown: [0, Infinity] };

  function axis(which, words) {
    const strip = stripView({ onStart: stop, onMove: (i) => move(which, i), onEnd() {} });
    const one = { ArrowLeft: [which, -1], ArrowDown: [which, -1], ArrowRight: [which, 1], ArrowUp: [which, 1], Home: [which, -Infinity], End: [which, Infinity] };
    strip.node.addEventListener("keydown", (event) => key(event, one));
    const play = el("button", { type: "button", class: "dp-button", "aria-label": `Play: ${words}`, onclick: () => (playing?.which === which ? stop() : start(which)) });
    setIcon(play, "play");
    const value = el("span", { class: "dp-where" });
    const node = el("div", { class: "dp-flight-axis" }, el("div", { class: "dp-flight-head" }, play, el("span", {}, words), value), strip.node);
    return { node, strip, play, value, words };
  }

  function start(which) {
    stop();
    const last = () => (which === 0 ? newest() : counts()[1] - 1);
    if (at[which] >= last()) move(which, 0);
    const timer = setInterval(() => (at[which] >= last() ? stop() : move(which, at[which] + 1)), which === 0 ? 450 : 120);
    playing = { which, timer };
    setIcon(axes[which].play, "pause");
  }

  function stop() {
    if (!playing) return;
    clearInterval(playing.timer);
    setIcon(axes[playing.which].play, "play");
    playing = null;
  }

  function cellOf(event, canvas, rows, columns) {
    const box = canvas.getBoundingClientRect();
    const within = (share, n) => Math.max(0, Math.min(n - 1, Math.floor(share * n)));
    return [within((event.clientY - box.top) / box.height, rows), within((event.clientX - box.left) / box.width, columns)];
  }

  let dragging = false;
  const drag = (event) => {
    const [i, j] = cellOf(event, map, ...counts());
    move(0, i);
    move(1, j);
  };
  map.addEventListener("pointerdown", (event) => {
    stop();
    dragging = true;
    map.setPointerCapture(event.pointerId);
    drag(event);
  });
  map.addEventListener("pointermove", (event) => dragging && drag(event));
  for (const name of ["pointerup", "pointercancel"]) map.addEventListener(name, () => (dragging = false));
  map.addEventListener("keydown", (event) => key(event, both));
  field.addEventListener("click", (event) => {
    const [rows, columns] = lane.meta.grid;
    const [i, j] = cellOf(event, field, rows, columns);
    pick(i * columns + j);
  });
  field.addEventListener("keydown", (event) => {
    const columns = lane.meta.grid[1];
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    pick(picked + by);
  });

  function pick(k) {
    picked = Math.max(0, Math.min(lane.meta.pictures - 1, k));
    restyle();
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  function restyle() {
    if (destroyed || !meta || !root.isConnected || !root.clientWidth) return;
    theme = readTheme(root);
    root.dataset.narrow = String(root.clientWidth < 620);
    drawMap();
    draw();
  }

  // One picture at all pairs of times: drawn once, and again only when another picture is picked or more tiles come.
  let background = null;
  function drawMap() {
    const [rows, columns] = counts();
    const { w, h } = lane.picture;
    background = el("canvas", { width: columns * (w + GAP) - GAP, height: rows * (h + GAP) - GAP });
    const g = background.getContext("2d");
    g.fillStyle = theme.surface;
    g.fillRect(0, 0, background.width, background.height);
    for (let i = 0; i < rows; i++) {
      if (!there(i)) continue;
      for (let j = 0; j < columns; j++) lane.copy(g, tile(i, j), picked, j * (w + GAP), i * (h + GAP));
    }
    const name = meta.names[picked] ? ` (${meta.names[picked]})` : "";
    mapTitle.textContent = `Picture ${picked + 1}${name} at every moment`;
  }

  function draw() {
    if (!meta || !theme || !there(at[0])) return;
    drawField();
    const [rows, columns] = counts();
    const { w, h } = lane.picture;
    Object.assign(map, { width: background.width, height: background.height });
    const g = map.getContext("2d");
    g.drawImage(background, 0, 0);
    for (const [style, line] of [["#000", 5], ["#fff", 2.5]]) {
      g.strokeStyle = style;
      g.lineWidth = line;
      g.strokeRect(at[1] * (w + GAP) + 1, at[0] * (h + GAP) + 1, w - 2, h - 2);
    }
    const texts = [trained[at[0]].text, meta.denoised[at[1]].text];
    where.textContent = `${texts[0]}, ${texts[1]}`;
    map.setAttribute("aria-label", `Both times at once; arrow keys move. ${where.textContent}`);
    field.setAttribute("aria-label", `Pictures after ${where.textContent}; arrow keys pick one`);
    axes.forEach((it, which) => {
      const count = which === 0 ? rows : columns;
      const view = { meta: lane.meta, picture: lane.picture, copy: lane.copy, tile: (i) => (which === 0 ? (there(i) ? tile(i, at[1]) : null) : tile(at[0], i)) };
      it.strip.paint({ lane: view, picture: picked, loaded: which === 0 ? trained.length : columns, count, theme, label: it.words });
      it.strip.place(at[which], count, texts[which]);
      it.value.textContent = texts[which];
    });
    Object.assign(root.dataset, { trained: at[0], denoised: at[1], loaded: trained.length, total: rows, picked, id: meta.id });
  }

  function drawField() {
    const [rows, columns] = lane.meta.grid;
    const { w, h } = lane.picture;
    Object.assign(field, { width: columns * (w + GAP) - GAP, height: rows * (h + GAP) - GAP });
    const g = field.getContext("2d");
    const now = tile(...at);
    for (let k = 0; k < lane.meta.pictures; k++) lane.copy(g, now, k, (k % columns) * (w + GAP), Math.floor(k / columns) * (h + GAP));
    g.strokeStyle = theme.accent;
    g.lineWidth = 2;
    g.strokeRect((picked % columns) * (w + GAP) + 1, Math.floor(picked / columns) * (h + GAP) + 1, w - 2, h - 2);
  }

  function destroy() {
    destroyed = true;
    stop();
    observer.disconnect();
    unwatch();
    lane?.close();
    root.replaceChildren();
  }

  return { update, destroy };
}
