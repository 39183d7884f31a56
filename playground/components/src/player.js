// A playhead with its scrubber, buttons and keys, for a timeline and for particles.
/** @import { Frames } from "./scrubber.js" */
import { valueAt } from "./numbers.js";
import { playback } from "./playback.js";
import { playerControls } from "./player_controls.js";
import { scrubberView } from "./scrubber.js";

/** The height that a figure may have so that it and its player stand in the window together. */
export const heightBeside = () => Math.max(260, window.innerHeight - 330);

/**
 * @param {object} options @param {number[]} options.speeds @param {(position: number) => void} options.onChange
 * @param {(isAtEnd: boolean) => void} options.onReader  the reader has moved it, or it has run to its end
 * @param {() => void} [options.onRest]  a move of the reader's has ended
 * @param {() => boolean} [options.canLoop]
 * @param {boolean} [options.isStepped]  see `playback`
 * @param {HTMLElement[]} [options.status] @param {HTMLElement[]} [options.extras]
 */
export function playerView({ speeds, onChange, onReader, onRest = () => {}, canLoop, isStepped, status = [], extras = [] }) {
  /** @type {string[]} */
  let texts = [""]; // with gaps, while messages are missing
  let total = 1;
  let fps = 12;

  const last = () => Math.max(0, texts.length - 1);
  const clock = playback({ last, fps: () => fps, onChange: changed, onEnd: () => (onReader(true), onRest()), canLoop, isStepped });
  const scrubber = scrubberView({ onStart: stop, onMove: byReader, onEnd: onRest });
  const controls = playerControls({
    scrubber: scrubber.node,
    speeds,
    on: { toggle: () => (clock.isPlaying ? stop() : start()), step, speed: clock.setSpeed, loop: clock.setLoop },
    status,
    extras,
  });

  /** @param {number} to */
  function byReader(to) {
    onReader(to >= last());
    clock.moveTo(to);
  }

  /** @param {number} by */
  function step(by) {
    clock.stop();
    byReader(by === -Infinity ? 0 : by === Infinity ? last() : clock.position + by);
    onRest();
  }

  function start() {
    if (last() === 0) return;
    onReader(false);
    clock.start();
  }

  function stop() {
    if (clock.stop()) onRest();
  }

  /** @param {number} position */
  function changed(position) {
    const here = Math.round(position);
    const text = valueAt(texts, here) ?? "";
    if (controls.where.textContent !== text) controls.where.textContent = text;
    scrubber.place(here, total, text);
    controls.showPlaying(clock.isPlaying);
    onChange(position);
  }

  return {
    node: controls.node,
    key: controls.key,
    start,
    stop,
    get position() {
      return clock.position;
    },
    get isPlaying() {
      return clock.isPlaying;
    },
    /**
     * The texts of all positions, and where to stand.
     * @param {{ texts: string[], fps: number, position: number, total?: number }} given
     */
    set({ texts: given, fps: rate, position, total: count = given.length }) {
      texts = given;
      fps = rate;
      total = count;
      clock.moveTo(position);
    },
    /**
     * As when the reader steps there.
     * @param {number} position
     */
    moveTo(position) {
      clock.stop();
      clock.moveTo(position);
    },
    guess: scrubber.guess,
    /** @param {Pick<Frames, "lane" | "picture" | "label">} frames */
    paint(frames) {
      scrubber.paint({ ...frames, loaded: texts.length, count: total });
      changed(clock.position);
    },
    destroy: () => clock.cancel(),
  };
}
