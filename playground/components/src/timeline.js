// The timeline: lanes of pictures, one playhead, panels that move with it. Everything here runs in the reader's
// browser: no request is made while the playhead moves.
//
//   mount(root, emit) -> { update(data), destroy() }
//
// `data` is Timeline.to_payload() (model.py), or the bytes of Timeline.to_message(). Emits "pick" {id, lane, picture, position}, picture being null when it is
// given up, and "position" (a number) when the playhead comes to rest, if data.report_position.
import { deckButton, deckView } from "./deck.js";
import { el, watchTheme } from "./dom.js";
import { readTheme } from "./draw.js";
import { laneView, saveFrame, sizeLanes, zoomView } from "./lanes.js";
import { messageStamp, readMessage } from "./message.js";
import { PANELS } from "./panels.js";
import { stripView } from "./strip.js";
import { decodeLanes, tileLane } from "./tiles.js";

export function mount(root, emit) {
  let destroyed = false;
  let theme = null;
  let meta = null; // the latest payload that was applied, without its pictures
  let stamp = ""; // of the latest message of bytes
  let latest = null; // the latest payload that arrived
  let queue = Promise.resolve();
  let lanes = [];
  let views = [];
  let panels = [];
  let positions = [];
  let captions = [];
  let structure = "";
  let position = 0;
  let following = false;
  let playing = null; // { since, from } while playing
  let speed = 1;
  let loop = false;
  let picked = null; // { group, picture }
  let pending = 0;
  let resting = 0;

  // --- elements ---------------------------------------------------------------------------------------------------
  root.classList.add("dp-root", "dp-timeline");
  const laneBox = el("div", { class: "dp-lanes" });
  const zoom = zoomView({ onClose: () => choose(picked?.lane, null) });
  const strip = stripView({
    onStart: () => stop(),
    onMove: (i) => moveTo(i, true),
    onEnd: () => rested(),
  });
  const live = el("span", { class: "dp-live", hidden: true });
  const follow = el("button", { type: "button", class: "dp-chip", "data-action": "follow", hidden: true, onclick: () => followNewest() }, "Follow the newest");
  const deck = deckView({
    strip,
    speeds: [0.5, 1, 2, 4],
    on: { toggle: () => (playing ? stop() : start()), step, speed: setSpeed, loop: (wanted) => (loop = wanted) },
    status: [live, follow],
    extras: [deckButton("save", "Save this frame as a picture", () => saveFrame(lanes, position, fileName()))],
  });
  const { where } = deck;
  const caption = el("div", { class: "dp-caption" });
  const panelBox = el("div", { class: "dp-panels dp-beside" });
  const moreBox = el("div", { class: "dp-panels dp-more" });
  const spoken = el("div", { class: "dp-spoken", "aria-live": "polite" });
  const message = el("div", { class: "dp-message", role: "status" }, "Loading pictures …");
  const body = el("div", { class: "dp-body", hidden: true }, laneBox, deck.node, caption, zoom.node, panelBox, moreBox);
  root.append(message, body, spoken);

  root.addEventListener("keydown", (event) => meta && deck.key(event));
  const unwatch = watchTheme(() => restyle());
  const observer = new ResizeObserver(() => layout());
  observer.observe(root);

  // --- data -------------------------------------------------------------------------------------------------------
  function update(given) {
    if (!given) return;
    let data = given;
    if (given instanceof Uint8Array) {
      const mark = messageStamp(given);
      data = mark === stamp ? latest : readMessage(given);
      stamp = mark;
    }
    if (data === latest) {
      restyle();
      return;
    }
    latest = data;
    queue = queue.then(async () => {
      // Something newer replaces this altogether.
      if (destroyed || (latest !== data && (latest.id !== data.id || !latest.live))) return;
      try {
        const decoded = await decodeLanes(data.lanes);
        if (!destroyed) apply(data, decoded);
      } catch (error) {
        message.hidden = false;
        message.textContent = "These pictures could not be read. Please run this again.";
        console.error(error);
      }
    });
  }

  function apply(data, decoded) {
    const fresh = !meta || meta.id !== data.id || (data.live && data.first === 0 && !meta.live);
    const adding = data.live && !fresh;
    const wasLive = meta?.live ?? false;
    const oldCount = meta ? count() : 0;
    const first = adding ? data.first : data.live ? data.first : 0;
    if (fresh) picked = null;
    if (!adding) {
      positions = [];
      captions = [];
    }
    data.positions.forEach((p, i) => (positions[first + i] = p));
    data.captions.forEach((text, i) => (captions[first + i] = text));
    meta = { ...data, lanes: data.lanes.map((lane) => ({ ...lane, sheets: null })) };

    const wanted = JSON.stringify([data.pick, data.lanes.map((l) => [l.key, l.title, l.help, l.group, l.tile, l.grid, l.pictures])]);
    if (!adding || wanted !== structure) {
      const old = lanes;
      lanes = data.lanes.map((lane) => tileLane(lane));
      if (wanted !== structure || views.length !== lanes.length) build();
      else views.forEach((view, i) => view.use(lanes[i]));
      old.forEach((lane) => lane.close());
      structure = wanted;
    }
    lanes.forEach((lane, i) => lane.add(data.lanes[i], decoded[i], first));
    setPanels(data, first, adding);

    if (fresh) {
      stop();
      following = data.live;
      position = data.live || data.start_at === "last" ? newest() : 0;
    } else if (data.live ? following : wasLive && following) {
      position = newest();
    } else if (!data.live && !wasLive && count() !== oldCount && oldCount === 1 && data.start_at === "last") {
      position = newest();  // it stood at its end, and so it does when more comes
    } else if (!data.live && !wasLive && count() !== oldCount && oldCount > 1) {
      position = Math.round((position / (oldCount - 1)) * (count() - 1));
    }
    if (!data.live) following = false;
    position = clamp(position);
    message.hidden = true;
    body.hidden = false;
    showPick();
    restyle();
    if (fresh && data.autoplay && !data.live && !matchMedia("(prefers-reduced-motion: reduce)").matches) start();
  }

  function build() {
    views = lanes.map((lane) => laneView(lane, { pick: meta.pick, onPick: choose, onCursor: (text) => (spoken.textContent = text) }));
    const groups = new Map();
    views.forEach((view) => {
      const name = view.lane.meta.group;
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(view.node);
    });
    laneBox.replaceChildren(
      ...[...groups].map(([name, nodes]) =>
        el("section", { class: "dp-group", "data-group": name }, name ? el("div", { class: "dp-group-name" }, name) : null, el("div", { class: "dp-group-lanes" }, ...nodes)),
      ),
    );
  }

  function setPanels(data, first, adding) {
    const kinds = data.panels.map((p) => p.kind).join();
    if (panels.map((p) => p.kind).join() !== kinds) {
      panels = data.panels.map((p) => ({ kind: p.kind, ...PANELS[p.kind]() }));
      panelBox.replaceChildren();
      moreBox.replaceChildren();
    }
    panels.forEach((panel, i) => panel.set(data.panels[i], first, adding));
  }

  // --- playhead ---------------------------------------------------------------------------------------------------
  const count = () => Math.max(meta.total, positions.length);
  const newest = () => Math.max(0, positions.length - 1);
  // What belongs to i, or to the nearest before it: a message with frames may have been overtaken by the next.
  const known = (values, i) => {
    while (i > 0 && values[i] === undefined) i--;
    return values[i];
  };
  const clamp = (i) => Math.max(0, Math.min(newest(), i));

  function moveTo(i, byReader) {
    const to = clamp(Math.round(i));
    if (byReader && meta.live) following = to >= newest();
    if (to === position) return;
    position = to;
    request();
  }

  function step(by) {
    stop();
    moveTo(by === -Infinity ? 0 : by === Infinity ? newest() : position + by, true);
    rested();
  }

  // Tells the server where the playhead rests, once it does.
  function rested() {
    request();
    if (!meta.report_position) return;
    clearTimeout(resting);
    resting = setTimeout(() => emit("position", position), 250);
  }

  function start() {
    if (!meta || newest() === 0) return;
    if (position >= newest()) position = 0;
    following = false;
    playing = { since: performance.now(), from: position };
    request();
  }

  function stop() {
    if (!playing) return;
    playing = null;
    rested();
  }

  function setSpeed(value) {
    speed = value;
    if (playing) playing = { since: performance.now(), from: position };
  }

  function followNewest() {
    stop();
    following = true;
    moveTo(newest(), false);
    request();
  }

  function advance(now) {
    const ahead = playing.from + Math.floor(((now - playing.since) / 1000) * meta.fps * speed);
    if (ahead <= newest()) position = Math.max(position, ahead);
    else if (loop && !meta.live) {
      // The last frame stays a moment: it is the result.
      position = newest();
      playing = { since: now + 600, from: 0, hold: true };
    } else {
      position = newest();
      if (meta.live) following = true;
      stop();
    }
  }

  // --- drawing ----------------------------------------------------------------------------------------------------
  function request() {
    if (!pending && !destroyed) pending = requestAnimationFrame(frame);
  }

  function frame(now) {
    pending = 0;
    if (destroyed || !meta) return;
    if (playing) {
      if (playing.hold && now >= playing.since) {
        playing = { since: now, from: 0 };
        position = 0;
      } else if (!playing.hold) advance(now);
      request();
    }
    draw();
  }

  function draw() {
    for (const view of views) view.draw(position);
    zoom.draw(position);
    for (const panel of panels) panel.draw(position, theme);
    const here = known(positions, position) ?? { t: "", text: "" };
    if (where.textContent !== here.text) where.textContent = here.text;
    const text = known(captions, position) ?? "";
    if (caption.textContent !== text) caption.textContent = text;
    strip.place(position, count(), here.text);
    deck.playing(Boolean(playing));
    follow.hidden = !meta.live || following;
    Object.assign(root.dataset, { position, count: count(), loaded: positions.length, t: here.t, playing: String(Boolean(playing)), live: String(meta.live) });
  }

  function restyle() {
    if (destroyed || !root.isConnected) return;
    const next = readTheme(root);
    if (theme && next.stamp !== theme.stamp) panels.forEach((panel) => panel.invalidate());
    theme = next;
    layout();
  }

  function layout() {
    if (destroyed || !meta || !theme || body.hidden) return;
    const width = root.clientWidth;
    if (!width) return;
    root.dataset.layout = panels.length && lanes.length <= 2 && width >= 720 ? "beside" : "below";
    arrangePanels(width);
    root.dataset.narrow = String(width < 520);
    root.dataset.lanes = lanes.length;
    sizeLanes(views, views.map((view) => view.node.clientWidth));
    live.hidden = !meta.live;
    live.textContent = `${positions.length} of ${count()} frames`;
    caption.hidden = !captions.length;
    strip.paint({ lane: lanes[0], picture: picked && lanes[0] && picked.picture < lanes[0].meta.pictures ? picked.picture : null, loaded: positions.length, count: count(), theme, label: meta.label });
    draw();
  }

  // Beside the lanes stands what fits into one row of charts; the rest goes below, so that the playhead stays near.
  function arrangePanels(width) {
    const beside = root.dataset.layout === "beside";
    const laneWidth = lanes.length === 1 ? 384 : Math.max(360, 0.46 * width);
    let room = beside ? Math.max(1, Math.floor((width - laneWidth) / 316)) : Infinity;
    let full = false;
    for (const panel of panels) {
      full ||= panel.kind !== "equation" && room-- < 1;
      // Beside two lanes there is room for a chart or for a formula in one line, not for both.
      const wide = beside && lanes.length === 2 && panel.kind === "equation";
      const box = full || wide ? moreBox : panelBox;
      if (panel.node.parentElement !== box) box.append(panel.node);
    }
    panelBox.hidden = !panelBox.childElementCount;
    moreBox.hidden = !moreBox.childElementCount;
    for (const box of [panelBox, moreBox]) evenRows(box, box === panelBox && beside ? width - laneWidth - 28 : width);
  }

  // As many columns as fit, but no more than rows of equal length need: four charts make two rows of two, not three and one.
  function evenRows(box, width) {
    const charts = [...box.children].filter((node) => !node.classList.contains("dp-equation")).length;
    const fit = Math.max(1, Math.floor((width + 26) / (290 + 26)));
    const columns = charts ? Math.ceil(charts / Math.ceil(charts / fit)) : 1;
    box.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
  }

  // --- picking, keys, saving --------------------------------------------------------------------------------------
  function choose(lane, k) {
    if (!lane) return;
    const same = picked && picked.group === lane.group && picked.picture === k;
    const had = picked;
    picked = k === null || same ? null : { lane, group: lane.group, picture: k };
    showPick();
    layout();
    if (picked || had) emit("pick", { id: meta.id, lane: lane.key, picture: picked ? k : null, position });
  }

  function showPick() {
    const inGroup = (lane) => picked && lane.meta.group === picked.group && picked.picture < lane.meta.pictures;
    for (const view of views) view.highlight(inGroup(view.lane) ? picked.picture : null);
    zoom.show(picked ? lanes.filter(inGroup) : [], picked ? picked.picture : null);
    root.dataset.picked = picked ? picked.picture : "";
  }

  const fileName = () => `${meta.id}-t${known(positions, position)?.t ?? position}`.replace(/[^A-Za-z0-9._-]+/g, "-") + ".png";

  function destroy() {
    destroyed = true;
    cancelAnimationFrame(pending);
    clearTimeout(resting);
    observer.disconnect();
    unwatch();
    lanes.forEach((lane) => lane.close());
    root.replaceChildren();
  }

  return { update, destroy };
}
