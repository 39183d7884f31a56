// The timeline: lanes of pictures, one playhead, panels that move with it. No request is made while the playhead moves.
//
// Emits "pick" {id, lane, picture, position}, picture being null when none is picked any more, and "position" (a number) when the
// playhead comes to rest, if data.report_position. Playhead and picked picture are in the address (view_link.js): position.picture.lane.
/** @import { Lane, Position, Timeline } from "../payloads.js" */
/** @import { Component, Emit, Theme } from "./types.js" */
/** @import { DecodedSheet, PictureLane } from "./tiles.js" */
/** @import { Panel } from "./panels.js" */
import { chip, el, iconButton, markup, onNextFrame } from "./dom.js";
import { publishFacts } from "./facts.js";
import { offerPicture } from "./class_picture.js";
import { frameCanvas, laneView, saveFrame, sizeLanes, zoomView } from "./lanes.js";
import { _ } from "./language.js";
import { messageStamp, readMessage } from "./message.js";
import { arrangePanels, PANELS } from "./panels.js";
import { valueAt } from "./numbers.js";
import { playerView } from "./player.js";
import { onPredictions, predictionsOn } from "./predictions.js";
import { readTheme, watchAppearance } from "./theme.js";
import { decodeLanes, tileLane } from "./tiles.js";
import { numbersOf, viewLink } from "./view_link.js";

const REST = 250; // milliseconds

/** @param {HTMLElement} root @param {Emit} emit @returns {Component<Timeline | Uint8Array | null>} */
export function mount(root, emit) {
  let isDestroyed = false;
  /** @type {Theme | null} */
  let theme = null;
  /** @type {Timeline | null} */
  let meta = null; // the payload that is shown; its tiles are in `lanes`
  let stamp = ""; // of the latest message of bytes
  /** @type {Timeline | null} */
  let latest = null; // the latest payload that arrived
  let queue = Promise.resolve();
  /** @type {PictureLane[]} */
  let lanes = [];
  /** @type {ReturnType<typeof laneView>[]} */
  let views = [];
  /** @type {({ kind: string } & Panel)[]} */
  let panels = [];
  /** @type {Position[]} */
  let positions = [];
  /** @type {string[]} */
  let captions = [];
  let structure = "";
  let following = false;
  /** @type {{ lane: Lane, picture: number } | null} */
  let picked = null;
  let resting = 0;
  const drawing = onNextFrame(() => meta && theme && draw(meta, theme));
  const link = viewLink("timeline", root, (view) => {
    wanted = numbersOf(view) ?? [start()];
    goToWanted();
  });
  let wanted = numbersOf(link.initial); // of the address, until the reader moves: [position, picture, lane]

  // --- elements ---------------------------------------------------------------------------------------------------
  root.classList.add("dp-root", "dp-timeline");
  const laneBox = el("div", { class: "dp-lanes" });
  const zoom = zoomView({ onClose: () => picked && choose(picked.lane, null) });
  const live = el("span", { class: "dp-live", hidden: true });
  const follow = chip(_("Follow the newest frame"), followNewest, { "data-action": "follow", hidden: true });
  const player = playerView({
    speeds: [0.5, 1, 2, 4],
    isStepped: true,
    canLoop: () => !meta?.live,
    onChange: drawing.request,
    onReader(isAtEnd) {
      if (meta?.live) following = isAtEnd;
    },
    onRest: rested,
    status: [live, follow],
    extras: [iconButton("save", _("Save this frame as an image"), () => saveFrame(lanes, player.position, fileName()))],
  });
  const caption = el("div", { class: "dp-caption" });
  const panelBox = el("div", { class: "dp-panels dp-beside" });
  const moreBox = el("div", { class: "dp-panels dp-more" });
  const spoken = el("div", { class: "dp-spoken", "aria-live": "polite" });
  const message = el("div", { class: "dp-message", role: "status" }, _("Loading images …"));
  const body = el("div", { class: "dp-body", hidden: true }, laneBox, player.node, caption, zoom.node, panelBox, moreBox);
  root.append(message, body, spoken);
  root.addEventListener("keydown", (event) => meta && player.key(event));
  const unwatch = watchAppearance(root, restyle);
  const unpredict = onPredictions(drawing.request);
  offerPicture(() => {
    const canvas = meta && !meta.live ? frameCanvas(lanes.slice(0, 1), meta.positions.length - 1) : null;
    return canvas && meta ? { id: meta.id, canvas } : null;
  });

  // --- data -------------------------------------------------------------------------------------------------------
  /** @param {Timeline | Uint8Array | null} given */
  function update(given) {
    if (!given) return;
    const data = given instanceof Uint8Array ? readOnce(given) : given;
    if (data === latest) return restyle();
    latest = data;
    queue = queue.then(async () => {
      // Something newer replaces this altogether.
      if (isDestroyed || (latest && latest !== data && (latest.id !== data.id || !latest.live))) return;
      try {
        const decoded = await decodeLanes(data.lanes);
        if (!isDestroyed) apply(data, decoded);
      } catch (error) {
        message.hidden = false;
        message.textContent = _("These images could not be read. Please run this again.");
        console.error(error);
      }
    });
  }

  /** @param {Uint8Array} bytes @returns {Timeline} */
  function readOnce(bytes) {
    const next = messageStamp(bytes);
    if (next === stamp && latest) return latest;
    stamp = next;
    return readMessage(bytes);
  }

  /** @param {Timeline} data @param {DecodedSheet[][]} decoded */
  function apply(data, decoded) {
    const before = meta && { live: meta.live, count: count() };
    const isFresh = !meta || meta.id !== data.id || (data.live && data.first === 0 && !meta.live);
    const isAdding = data.live && !isFresh;
    const first = data.live ? data.first : 0;
    if (isFresh) picked = null;
    if (!isAdding) [positions, captions] = [[], []];
    data.positions.forEach((p, i) => (positions[first + i] = p));
    data.captions.forEach((text, i) => (captions[first + i] = text));
    meta = data;
    useLanes(data, decoded, first, isAdding);
    setPanels(data, first, isAdding);

    let position = player.position;
    const last = newest();
    if (isFresh || !before) {
      player.stop();
      following = data.live;
      position = data.live && typeof data.start_at !== "number" ? last : start();
    } else if (following && (data.live || before.live)) position = last;
    else if (!data.live && !before.live && count() !== before.count) {
      // It stood at its end, and so it does when more comes; else it keeps its share of the whole.
      if (before.count > 1) position = Math.round((position / (before.count - 1)) * (count() - 1));
      else if (data.start_at === "last") position = last;
    }
    if (!data.live) following = false;
    message.hidden = true;
    body.hidden = false;
    player.set({ texts: positions.map((p) => p.text), fps: data.fps, position, total: count() });
    showPick();
    goToWanted();
    restyle();
    if (isFresh && !wanted && data.autoplay && !data.live && !matchMedia("(prefers-reduced-motion: reduce)").matches) player.start();
  }

  /** @param {Timeline} data @param {DecodedSheet[][]} decoded @param {number} first @param {boolean} isAdding */
  function useLanes(data, decoded, first, isAdding) {
    const next = JSON.stringify([data.pick, data.lanes.map((l) => [l.key, l.title, l.help, l.group, l.group_title, l.tile, l.grid, l.pictures, l.axes])]);
    if (!isAdding || next !== structure) {
      const old = lanes;
      lanes = data.lanes.map(tileLane);
      if (next !== structure || views.length !== lanes.length) build(data);
      else views.forEach((view, i) => view.use(lanes[i]));
      old.forEach((lane) => lane.close());
      structure = next;
    }
    lanes.forEach((lane, i) => lane.add(data.lanes[i], decoded[i], first));
  }

  /** @param {Timeline} data */
  function build(data) {
    views = lanes.map((lane) => laneView(lane, { pick: data.pick, onPick: choose, onCursor: (text) => (spoken.textContent = text) }));
    /** @type {Map<string, HTMLElement[]>} */
    const groups = new Map();
    const titles = new Map(data.lanes.map((lane) => [lane.group, lane.group_title]));
    for (const view of views) groups.set(view.lane.meta.group, [...(groups.get(view.lane.meta.group) ?? []), view.node]);
    laneBox.replaceChildren(
      ...[...groups].map(([name, nodes]) =>
        el("section", { class: "dp-group", "data-group": name }, name ? el("div", { class: "dp-group-name" }, markup(titles.get(name) || name).fragment) : null, el("div", { class: "dp-group-lanes" }, ...nodes)),
      ),
    );
  }

  /** @param {Timeline} data @param {number} first @param {boolean} isAdding */
  function setPanels(data, first, isAdding) {
    if (panels.map((p) => p.kind).join() !== data.panels.map((p) => p.kind).join()) {
      panels = data.panels.map(({ kind }) => ({ kind, ...PANELS[kind]() }));
      panelBox.replaceChildren();
      moreBox.replaceChildren();
    }
    panels.forEach((panel, i) => panel.set(data.panels[i], first, isAdding));
  }

  // --- playhead ---------------------------------------------------------------------------------------------------
  const count = () => Math.max(meta?.total ?? 0, positions.length);
  const newest = () => Math.max(0, positions.length - 1);

  function start() {
    const at = meta?.start_at;
    return typeof at === "number" ? at : at === "last" ? newest() : 0;
  }

  // Where the address asks for: at once, or as soon as it has come.
  function goToWanted() {
    if (!meta || !wanted || (meta.live && positions.length <= wanted[0])) return;
    const [position, picture, number] = wanted;
    following = false;
    player.moveTo(position);
    const lane = lanes[number]?.meta;
    const before = picked;
    picked = lane && meta.pick && picture < lane.pictures ? { lane, picture } : null;
    showPick();
    if (picked || before) told();
    drawing.request();
  }

  // What the address says: nothing where a reader would find it anyway.
  function view() {
    const position = Math.round(player.position);
    if (picked) return [position, picked.picture, lanes.findIndex((lane) => lane.meta.key === picked?.lane.key)].join(".");
    return position === start() ? "" : String(position);
  }

  // The server hears where the playhead rests, once it does.
  function rested() {
    wanted = null;
    drawing.request();
    if (!meta?.report_position) return;
    clearTimeout(resting);
    resting = setTimeout(() => emit("position", player.position), REST);
  }

  function followNewest() {
    following = true;
    player.moveTo(newest());
    drawing.request();
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  /** @param {Timeline} data @param {Theme} theme */
  function draw(data, theme) {
    const position = player.position;
    for (const view of views) view.draw(position);
    zoom.draw(position);
    const guesses = predictionsOn("t").map(({ value, label }) => ({ position: nearest(value), label }));
    player.guess(guesses);
    for (const panel of panels) panel.draw(position, theme, guesses);
    const text = valueAt(captions, position) ?? "";
    if (caption.textContent !== text) caption.textContent = text;
    follow.hidden = !data.live || following;
    const t = valueAt(positions, position)?.t ?? "";
    if (!wanted && !following && !player.isPlaying) link.write(view());
    if (typeof t === "number") publishFacts({ t, position: Math.round(position) });
    Object.assign(root.dataset, { position, count: count(), loaded: positions.length, t, playing: String(player.isPlaying), live: String(data.live) });
  }

  /** @param {number} t  the position that is nearest to it */
  function nearest(t) {
    const distance = positions.map((p) => Math.abs(p.t - t));
    return distance.indexOf(Math.min(...distance));
  }

  function restyle() {
    if (isDestroyed || !root.isConnected) return;
    const next = readTheme(root);
    if (theme && next.stamp !== theme.stamp) panels.forEach((panel) => panel.invalidate());
    theme = next;
    if (meta && !body.hidden && root.clientWidth) layout(meta, root.clientWidth);
  }

  /** @param {Timeline} data @param {number} width */
  function layout(data, width) {
    // Beside two lanes there must be room for two charts: they come in pairs.
    const isBeside = lanes.length <= 2 && width >= (lanes.length === 2 ? 1170 : 720);
    root.dataset.layout = panels.length && isBeside ? "beside" : "below";
    arrangePanels(panels, panelBox, moreBox, { width, lanes: lanes.length, isBeside: root.dataset.layout === "beside" });
    root.dataset.narrow = String(width < 520);
    root.dataset.lanes = String(lanes.length);
    sizeLanes(views, views.map((view) => view.node.clientWidth));
    live.hidden = !data.live;
    live.textContent = _("{shown} of {all} frames", { shown: positions.length, all: count() });
    caption.hidden = !captions.length;
    const [lane = null] = lanes;
    player.paint({ lane, picture: picked && lane && picked.picture < lane.meta.pictures ? picked.picture : null, label: data.label });
    if (theme) draw(data, theme);
  }

  // --- picking, saving --------------------------------------------------------------------------------------------
  /** @param {Lane} lane @param {number | null} k */
  function choose(lane, k) {
    if (!meta) return;
    const before = picked;
    wanted = null;
    picked = k === null || (before?.lane.group === lane.group && before.picture === k) ? null : { lane, picture: k };
    showPick();
    restyle();
    if (picked || before) told(lane);
  }

  /** @param {Lane | undefined} [lane] */
  function told(lane = picked?.lane) {
    emit("pick", { id: meta?.id, lane: (lane ?? lanes[0]?.meta)?.key, picture: picked?.picture ?? null, position: player.position });
  }

  function showPick() {
    const k = picked?.picture ?? null;
    const inGroup = (/** @type {PictureLane} */ lane) => picked !== null && lane.meta.group === picked.lane.group && picked.picture < lane.meta.pictures;
    for (const view of views) view.highlight(inGroup(view.lane) ? k : null);
    zoom.show(lanes.filter(inGroup), k);
    root.dataset.picked = String(k ?? "");
  }

  const fileName = () => `${meta?.id}-t${valueAt(positions, player.position)?.t ?? player.position}`.replace(/[^A-Za-z0-9._-]+/g, "-") + ".png";

  function destroy() {
    isDestroyed = true;
    drawing.cancel();
    player.destroy();
    clearTimeout(resting);
    unwatch();
    unpredict();
    link.leave();
    lanes.forEach((lane) => lane.close());
    root.replaceChildren();
  }

  return { update, destroy };
}
