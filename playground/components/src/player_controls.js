// The buttons and the keys of a playhead.
import { el, iconButton, options, setIcon } from "./dom.js";
import { _ } from "./language.js";

/**
 * @param {object} options
 * @param {HTMLElement} options.scrubber  stands above the buttons
 * @param {number[]} options.speeds  factors to choose from
 * @param {{ toggle(): void, step(by: number): void, speed(factor: number): void, loop(whether: boolean): void }} options.on
 *   step moves by frames, ±Infinity to an end
 * @param {HTMLElement[]} options.status  beside the words of `where`
 * @param {HTMLElement[]} options.extras  options at the end
 */
export function playerControls({ scrubber, speeds, on, status, extras }) {
  const play = iconButton("play", _("Play"), () => on.toggle());
  play.classList.add("dp-play");
  const where = el("div", { class: "dp-where" });
  const speed = el("select", { class: "dp-select", "aria-label": _("Speed"), title: _("Speed"), onchange: () => on.speed(Number(speed.value)) });
  speed.append(...options(speeds.map((factor) => [factor, `${factor}×`])));
  speed.value = "1";
  const repeat = iconButton("loop", _("Repeat"), () => {
    const pressed = repeat.getAttribute("aria-pressed") !== "true";
    repeat.setAttribute("aria-pressed", String(pressed));
    on.loop(pressed);
  });
  repeat.setAttribute("aria-pressed", "false");
  const transport = el(
    "div",
    { class: "dp-buttons dp-transport" },
    iconButton("first", _("First frame"), () => on.step(-Infinity)),
    iconButton("back", _("One frame back"), () => on.step(-1)),
    play,
    iconButton("forward", _("One frame forward"), () => on.step(1)),
    iconButton("last", _("Last frame"), () => on.step(Infinity)),
  );
  const controls = el("div", { class: "dp-controls" }, transport, el("div", { class: "dp-status" }, where, ...status), el("div", { class: "dp-buttons dp-options" }, speed, repeat, ...extras));
  const node = el("div", { class: "dp-player" }, scrubber, controls);

  /** @param {boolean} isPlaying */
  function showPlaying(isPlaying) {
    setIcon(play, isPlaying ? "pause" : "play");
    const label = isPlaying ? _("Pause") : _("Play");
    if (play.title === label) return;
    play.title = label;
    play.setAttribute("aria-label", label);
  }

  /**
   * Acts on a key of the playhead.
   * @param {KeyboardEvent} event
   */
  function key(event) {
    const { tagName } = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || tagName === "SELECT") return;
    const jump = event.shiftKey ? 10 : 1;
    /** @type {Record<string, number>} */
    const steps = { ArrowLeft: -jump, ArrowDown: -jump, ArrowRight: jump, ArrowUp: jump, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
    if (event.key in steps) on.step(steps[event.key]);
    else if (event.key === " " && tagName !== "BUTTON") on.toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return { node, where, showPlaying, key };
}
