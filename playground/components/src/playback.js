// A clock that moves a position through frames. It stands between two of them only while it runs.
import { onNextFrame } from "./dom.js";

const HOLD = 0.8; // seconds for which the last frame stays before it begins again: it is the result

/**
 * @param {object} options
 * @param {() => number} options.last  the last position there is
 * @param {() => number} options.fps
 * @param {(position: number) => void} options.onChange  it has moved, started or stopped
 * @param {() => void} [options.onEnd]  it has come to the last position and stops there
 * @param {() => boolean} [options.canLoop]
 * @param {boolean} [options.isStepped]  it never stands between two frames
 */
export function playback({ last, fps, onChange, onEnd, canLoop = () => true, isStepped = false }) {
  let position = 0;
  let speed = 1;
  let loop = false;
  /** @type {{ since: number, from: number } | null} */
  let running = null;
  const frames = onNextFrame(advance);

  /** @param {number} to */
  function moveTo(to) {
    position = Math.max(0, Math.min(last(), to));
    if (running) restart();
    onChange(position);
  }

  function start() {
    if (last() === 0) return;
    if (position >= last()) position = 0;
    restart();
    onChange(position);
  }

  // From here on, at this speed.
  function restart(since = performance.now()) {
    running = { since, from: position };
    frames.request();
  }

  function stop() {
    if (!running) return false;
    running = null;
    frames.cancel();
    moveTo(Math.round(position));
    return true;
  }

  /** @param {number} now */
  function advance(now) {
    if (!running) return;
    const rate = fps() * speed;
    const ahead = running.from + (Math.max(0, now - running.since) / 1000) * rate;
    const end = last();
    position = Math.min(end, isStepped ? Math.floor(ahead) : ahead);
    if (ahead >= end && !(loop && canLoop())) {
      stop();
      onEnd?.();
      return;
    }
    if (ahead > end + HOLD * rate) {
      position = 0;
      restart(now);
    }
    frames.request();
    onChange(position);
  }

  return {
    moveTo,
    start,
    stop,
    get position() {
      return position;
    },
    get isPlaying() {
      return running !== null;
    },
    /** @param {number} factor */
    setSpeed(factor) {
      speed = factor;
      if (running) restart();
    },
    /** @param {boolean} whether */
    setLoop(whether) {
      loop = whether;
    },
    cancel: () => frames.cancel(),
  };
}
