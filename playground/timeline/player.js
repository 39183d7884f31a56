import { el, setIcon } from "./dom.js";
import { stripView } from "./strip.js";

// Strip, buttons and keys of one playhead that may stand between two positions while it plays; at rest it stands on one.
//
//   playerView({ onChange(position), onReader(atEnd), extras }) -> { node, set, to, paint, start, stop, key, position, playing, destroy }

const SPEEDS = [0.25, 0.5, 1, 2, 4];

export function playerView({ onChange, onReader, extras = [] }) {
  let texts = [""];
  let fps = 12;
  let position = 0;
  let playing = null; // { since, from } while playing
  let speed = 1;
  let loop = false;
  let pending = 0;

  const strip = stripView({ onStart: () => stop(), onMove: (i) => go(i), onEnd: () => {} });
  const button = (name, label, action) => {
    const node = el("button", { type: "button", class: "dp-button", "aria-label": label, title: label, "data-action": name, onclick: action });
    setIcon(node, name);
    return node;
  };
  const play = button("play", "Play", () => (playing ? stop() : start()));
  play.classList.add("dp-play");
  const where = el("div", { class: "dp-where" });
  const speedBox = el("select", { class: "dp-select", "aria-label": "Speed", title: "Speed", onchange: () => setSpeed(Number(speedBox.value)) });
  for (const s of SPEEDS) speedBox.append(el("option", { value: s }, `${s}×`));
  speedBox.value = "1";
  const again = button("loop", "Repeat", () => {
    loop = !loop;
    again.setAttribute("aria-pressed", String(loop));
  });
  again.setAttribute("aria-pressed", "false");
  const node = el(
    "div",
    { class: "dp-deck" },
    strip.node,
    el(
      "div",
      { class: "dp-controls" },
      el(
        "div",
        { class: "dp-buttons dp-transport" },
        button("first", "First frame", () => step(-Infinity)),
        button("back", "One frame back", () => step(-1)),
        play,
        button("forward", "One frame forward", () => step(1)),
        button("last", "Last frame", () => step(Infinity)),
      ),
      el("div", { class: "dp-status" }, where),
      el("div", { class: "dp-buttons dp-options" }, speedBox, again, ...extras),
    ),
  );

  const last = () => texts.length - 1;
  const rest = () => Math.round(position);

  function go(to, byReader = true) {
    position = Math.max(0, Math.min(last(), to));
    if (byReader) onReader?.(position >= last());
    changed();
  }

  function step(by) {
    stop();
    go(by === -Infinity ? 0 : by === Infinity ? last() : rest() + by);
  }

  function start() {
    if (last() === 0) return;
    if (position >= last()) position = 0;
    onReader?.(false);
    playing = { since: performance.now(), from: position };
    pending ||= requestAnimationFrame(frame);
    changed();
  }

  function stop() {
    if (!playing) return;
    playing = null;
    position = rest();
    changed();
  }

  function setSpeed(value) {
    speed = value;
    if (playing) playing = { since: performance.now(), from: position };
  }

  function frame(now) {
    pending = 0;
    if (!playing) return;
    const ahead = playing.from + (Math.max(0, now - playing.since) / 1000) * fps * speed;
    if (ahead < last()) position = ahead;
    else {
      position = last();
      // The last frame stays a moment: it is the result.
      if (loop && ahead > last() + 0.8 * fps * speed) playing = { since: now, from: 0 };
      else if (!loop) playing = null;
    }
    if (playing) pending = requestAnimationFrame(frame);
    changed();
  }

  function changed() {
    const text = texts[rest()] ?? "";
    if (where.textContent !== text) where.textContent = text;
    strip.place(rest(), texts.length, text);
    setIcon(play, playing ? "pause" : "play");
    const label = playing ? "Pause" : "Play";
    play.title = label;
    play.setAttribute("aria-label", label);
    onChange(position);
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return false;
    const jump = event.shiftKey ? 10 : 1;
    if (event.key === "ArrowLeft" || event.key === "ArrowDown") step(-jump);
    else if (event.key === "ArrowRight" || event.key === "ArrowUp") step(jump);
    else if (event.key === "PageDown") step(-10);
    else if (event.key === "PageUp") step(10);
    else if (event.key === "Home") step(-Infinity);
    else if (event.key === "End") step(Infinity);
    else if (event.key === " " && event.target.tagName !== "BUTTON") playing ? stop() : start();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  return {
    node,
    key,
    start,
    stop,
    get position() {
      return position;
    },
    get playing() {
      return Boolean(playing);
    },
    // The texts of all positions, and where to stand.
    set({ texts: given, fps: rate, position: to }) {
      texts = given;
      fps = rate;
      node.hidden = texts.length < 2;
      if (playing) playing = { since: performance.now(), from: Math.min(position, last()) };
      go(to, false);
    },
    // As when the reader steps there.
    to(position) {
      stop();
      go(position, false);
    },
    paint: (lane, theme, label) => strip.paint({ lane, picture: null, loaded: texts.length, count: texts.length, theme, label }),
    destroy: () => cancelAnimationFrame(pending),
  };
}
