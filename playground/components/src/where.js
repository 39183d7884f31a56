// Where a lab samples: in this browser, or on the server. The choice is remembered; the first time the faster one is chosen, by a
// few images that this browser samples anyway. Emits "where", "browser" or "server", and what the sampler emits.
/** @import { Where } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
import { component, el } from "./dom.js";
import { _ } from "./language.js";
import { mount as mountSampler } from "./live_sampler.js";
import { mount as mountSweep } from "./live_sweep.js";
import { readTheme, watchAppearance } from "./theme.js";

const CHOICE = "dp-where"; // in localStorage
const SLOW = 60; // milliseconds for an image and network evaluation; a slower browser leaves it to a server that was not measured
const HOPELESS = ["browser", "network", "memory"]; // kinds of problems that trying again does not solve

/** @typedef {Exclude<Where["chosen"], "">} Place */

let names = 0;

/** @param {HTMLElement} root @param {Emit} emit @returns {Component<Where>} */
export function mount(root, emit) {
  /** @type {Where | null} */
  let data = null;
  /** What was chosen here, until the page knows it. @type {Where["chosen"]} */
  let told = "";
  /** What was emitted to the page and is not answered; meanwhile nothing else is emitted. @type {Where["chosen"]} */
  let unanswered = "";
  let isTrial = false;
  let problem = ""; // of this browser
  let speed = 0; // of this browser
  /** Of the lab what is sampled here. @type {{ update(data: any): void, again(): void, destroy(): void } | null} */
  let sampler = null;

  root.classList.add("dp-root", "dp-place");
  root.dataset.least = "20"; // pixels: of its room, see room.py
  const name = `dp-place-${++names}`;
  const radio = (/** @type {Place} */ place) => el("input", { type: "radio", name, value: place, onchange: () => choose(place, true) });
  const radios = { browser: radio("browser"), server: radio("server") };
  const said = el("span", { class: "dp-place-said", role: "status" });
  const line = el(
    "fieldset",
    { class: "dp-place-line", hidden: true },
    el("legend", {}, _("Where")),
    el("label", {}, radios.browser, _("this browser")),
    el("label", {}, radios.server, _("the server")),
    said,
  );
  const figure = el("div", {});
  root.append(line, figure);
  const unwatch = watchAppearance(root, () => readTheme(root));

  /** @param {Where} next */
  function update(next) {
    const drawn = data?.drawn;
    data = next;
    if (next.chosen === unanswered || next.why) unanswered = "";
    if (next.chosen === told || next.why) told = "";
    if (told) tell();
    if (!next.chosen && !told && !isTrial) begin(next);
    else draw();
    if (drawn !== undefined && drawn !== next.drawn) sampler?.again();
  }

  /** The page does not know yet. @param {Where} its */
  function begin(its) {
    const before = remembered();
    if (before) return choose(before, false);
    isTrial = Boolean(its.sampler ?? its.sweep);
    draw();
  }

  /** @param {Place} place @param {boolean} isForGood */
  function choose(place, isForGood) {
    if (isForGood) remember(place);
    if (isForGood && place === "browser") problem = "";
    [told, isTrial] = [place, false];
    draw();
    tell();
  }

  function tell() {
    if (unanswered || !told) return;
    const place = (unanswered = told);
    setTimeout(() => emit("where", place)); // a page may not listen while it mounts this
  }

  function draw() {
    if (!data) return;
    const place = told || data.chosen || (isTrial ? "browser" : "server");
    line.hidden = !data.chosen && !told && !isTrial;
    radios.browser.disabled = data.why !== "";
    radios.browser.checked = place === "browser";
    radios.server.checked = place === "server";
    said.textContent = problem || data.why || (isTrial ? _("Finding out which is faster …") : speeds(data));
    root.dataset.place = isTrial ? "" : place;
    if (place === "server") {
      sampler?.destroy();
      sampler = null;
      figure.replaceChildren();
    } else if (data.sampler ?? data.sweep) {
      sampler ??= (data.sweep ? mountSweep : mountSampler)(figure.appendChild(el("div", {})), heard);
      sampler.update(data.sampler ?? data.sweep);
    }
  }

  /** What the sampler emits. @param {string} event @param {any} value */
  function heard(event, value) {
    if (event === "speed") measured(value);
    else if (event === "problem") failed(value);
    else emit(event, value);
  }

  /** @param {number} ms */
  function measured(ms) {
    speed = ms;
    if (!data) return;
    if (isTrial) choose(ms <= serverTime(data) ? "browser" : "server", true);
    else said.textContent = problem || speeds(data);
  }

  /** @param {{ kind: string, message: string }} its */
  function failed({ kind, message }) {
    if (!isTrial && !HOPELESS.includes(kind)) return; // it may be tried again
    problem = message;
    choose("server", false);
  }

  /** @param {Where} its */
  const serverTime = ({ server_ms, waiting }) => (server_ms ?? SLOW) * (1 + waiting);

  /** @param {Where} its */
  function speeds({ server_ms, waiting }) {
    const words = [];
    const [here, there] = [inWords(speed), inWords(server_ms ?? 0)];
    if (speed && server_ms !== null) words.push(_("This browser: {here} ms for an image and network evaluation; the server: {there} ms.", { here, there }));
    else if (speed) words.push(_("This browser: {here} ms for an image and network evaluation.", { here }));
    else if (server_ms !== null) words.push(_("The server: {there} ms for an image and network evaluation.", { there }));
    if (waiting > 1) words.push(_("{waiting} drawings are under way there.", { waiting }));
    return words.join(" ");
  }

  return component(root, update, unwatch, () => sampler?.destroy());
}

/** @param {number} ms */
const inWords = (ms) => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));

/** @returns {Where["chosen"]} */
function remembered() {
  try {
    const kept = localStorage.getItem(CHOICE);
    return kept === "browser" || kept === "server" ? kept : "";
  } catch {
    return ""; // a browser may refuse
  }
}

/** @param {Place} place */
function remember(place) {
  try {
    localStorage.setItem(CHOICE, place);
  } catch {
    // it is chosen for this page alone
  }
}
