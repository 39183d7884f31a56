import { el, setIcon } from "./dom.js";

// The strip, the buttons and the keys of a playhead. Where it stands, and how it plays, is the business of whoever makes it.
//
//   deckView({ strip, speeds, on, status, extras }) -> { node, where, playing(is), key(event) }
//
// on: toggle() plays or pauses, step(by) moves by frames (±Infinity to an end), speed(factor), loop(whether). `status` stands beside
// the words of `where`, `extras` are options at the end. `key` acts on a key and says whether it was one of the playhead's.
export function deckView({ strip, speeds, on, status = [], extras = [] }) {
  const play = deckButton("play", "Play", () => on.toggle());
  play.classList.add("dp-play");
  const where = el("div", { class: "dp-where" });
  const speed = el("select", { class: "dp-select", "aria-label": "Speed", title: "Speed", onchange: () => on.speed(Number(speed.value)) });
  for (const factor of speeds) speed.append(el("option", { value: factor }, `${factor}×`));
  speed.value = "1";
  const again = deckButton("loop", "Repeat", () => {
    const wanted = again.getAttribute("aria-pressed") !== "true";
    again.setAttribute("aria-pressed", String(wanted));
    on.loop(wanted);
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
        deckButton("first", "First frame", () => on.step(-Infinity)),
        deckButton("back", "One frame back", () => on.step(-1)),
        play,
        deckButton("forward", "One frame forward", () => on.step(1)),
        deckButton("last", "Last frame", () => on.step(Infinity)),
      ),
      el("div", { class: "dp-status" }, where, ...status),
      el("div", { class: "dp-buttons dp-options" }, speed, again, ...extras),
    ),
  );

  function playing(is) {
    setIcon(play, is ? "pause" : "play");
    const label = is ? "Pause" : "Play";
    if (play.title === label) return;
    play.title = label;
    play.setAttribute("aria-label", label);
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return false;
    const jump = event.shiftKey ? 10 : 1;
    if (event.key === "ArrowLeft" || event.key === "ArrowDown") on.step(-jump);
    else if (event.key === "ArrowRight" || event.key === "ArrowUp") on.step(jump);
    else if (event.key === "PageDown") on.step(-10);
    else if (event.key === "PageUp") on.step(10);
    else if (event.key === "Home") on.step(-Infinity);
    else if (event.key === "End") on.step(Infinity);
    else if (event.key === " " && event.target.tagName !== "BUTTON") on.toggle();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  return { node, where, playing, key };
}

export function deckButton(name, label, action) {
  const node = el("button", { type: "button", class: "dp-button", "aria-label": label, title: label, "data-action": name, onclick: action });
  setIcon(node, name);
  return node;
}
