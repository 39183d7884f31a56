import { deckView } from "./deck.js";
import { stripView } from "./strip.js";

// Strip, buttons and keys of one playhead that may stand between two positions while it plays; at rest it stands on one.
//
//   playerView({ onChange(position), onReader(atEnd), extras }) -> { node, set, to, paint, start, stop, key, position, playing, destroy }

export function playerView({ onChange, onReader, extras = [] }) {
  let texts = [""];
  let fps = 12;
  let position = 0;
  let playing = null; // { since, from } while playing
  let speed = 1;
  let loop = false;
  let pending = 0;

  const strip = stripView({ onStart: () => stop(), onMove: (i) => go(i), onEnd: () => {} });
  const deck = deckView({
    strip,
    speeds: [0.25, 0.5, 1, 2, 4],
    on: { toggle: () => (playing ? stop() : start()), step, speed: setSpeed, loop: (wanted) => (loop = wanted) },
    extras,
  });
  const { node, where, key } = deck;

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
    deck.playing(Boolean(playing));
    onChange(position);
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
