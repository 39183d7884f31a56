// "Share this view": a link to the lab as it is now, in which controls are locked or hidden. No server is asked.
/** @import { ShareView } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
import { chip, component, el, options } from "./dom.js";
import { _ } from "./language.js";
import { readTheme, watchAppearance } from "./theme.js";

const ONLY = "only"; // names in the address, as labs/shared/link_view.py has them
const LOCK = "lock";
const NONE = "none";
const OF_LESSON = ["lesson", "at"];

/** @param {HTMLElement} root @param {Emit} _emit @returns {Component<ShareView>} */
export function mount(root, _emit) {
  /** @type {ShareView | null} */
  let shown = null;
  /** @type {Map<string, string>} */
  const choices = new Map(); // "shown", "locked" or "hidden", by the name of the control
  root.classList.add("dp-root", "dp-share");
  const all = el("select", { "aria-label": _("All controls"), onchange: () => setAll(all.value) });
  const list = el("div", { class: "dp-share-list" });
  const link = el("input", { type: "text", readonly: true, "aria-label": _("Link to this view") });
  const said = el("span", { role: "status" });
  const box = el(
    "details",
    { ontoggle: renew },
    el("summary", {}, _("Share this view …")),
    el("p", {}, _("The link opens this lab as it is now. Choose what its readers may change.")),
    el("label", { class: "dp-share-row" }, el("b", {}, _("All controls")), all),
    list,
    el("div", { class: "dp-share-link" }, link, chip(_("Copy the link"), () => void copy(), { "data-action": "copy" })),
    said,
  );
  root.append(box);
  const unwatch = watchAppearance(root, () => readTheme(root));
  const states = () => /** @type {[string, string][]} */ ([["shown", _("can be changed")], ["locked", _("shown, locked")], ["hidden", _("hidden")]]);

  /** @param {string} state */
  function setAll(state) {
    for (const [name] of shown?.controls ?? []) choices.set(name, state);
    draw();
  }

  function draw() {
    if (!shown) return;
    all.replaceChildren(...options(states()));
    list.replaceChildren(
      ...shown.controls.map(([name, title]) => {
        const select = el("select", { "data-control": name, onchange: () => (choices.set(name, select.value), renew()) }, ...options(states()));
        select.value = choices.get(name) ?? "shown";
        return el("label", { class: "dp-share-row" }, el("span", {}, title), select);
      }),
    );
    renew();
  }

  function renew() {
    if (!shown) return;
    root.hidden = new URLSearchParams(location.search).has(OF_LESSON[0]); // a lesson decides this itself
    const names = shown.controls.map(([name]) => name);
    const drawn = names.filter((name) => choices.get(name) !== "hidden");
    const locked = names.filter((name) => choices.get(name) === "locked");
    const url = new URL(location.href);
    for (const name of [ONLY, LOCK, ...OF_LESSON]) url.searchParams.delete(name);
    if (drawn.length < names.length) url.searchParams.set(ONLY, drawn.join(",") || NONE);
    if (locked.length) url.searchParams.set(LOCK, locked.join(","));
    link.value = url.href;
    said.textContent = "";
  }

  async function copy() {
    renew();
    try {
      await navigator.clipboard.writeText(link.value);
    } catch {
      link.select(); // where the browser allows no copying, the reader does it
      document.execCommand("copy");
    }
    said.textContent = _("Copied.");
  }

  /** @param {ShareView} given */
  function update(given) {
    const isOther = JSON.stringify(given.controls) !== JSON.stringify(shown?.controls);
    shown = given;
    if (isOther) draw();
  }
  return component(root, update, unwatch);
}
