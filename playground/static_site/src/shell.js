// A page of the site: its controls, its lab, and a lesson beside it. The address is the state, as in the apps.
//
// Each page is a file of its own. In a site that is one file each is a <template>, and the address names it: ?page=sampling.
/** @import { Component } from "../../components/src/types.js" */
/** @import { Rail } from "../../components/payloads.js" */
/** @import { Lab, PageData, Settings } from "./types.js" */
import { el } from "../../components/src/dom.js";
import { _ } from "../../components/src/language.js";
import { mount as mountRail } from "../../components/src/rail.js";
import { controlsView, read, written } from "./controls.js";
import { LABS } from "./labs.js";
import { spoken, storedJson } from "./stored.js";

const WIDE = "(min-width: 900px)"; // where the settings stand beside the figure

/** Draws the page that the address asks for, and follows it. */
export function start() {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  const isOneFile = Boolean(document.querySelector("template[data-page]"));
  /** @type {Page | null} */
  let page = null;
  /** @type {Component<Rail> | null} */
  let rail = null;
  let opening = Promise.resolve();

  const query = () => new URLSearchParams(location.search);
  const name = () => (isOneFile ? (query().get("page") ?? "") : (document.documentElement.dataset.lab ?? ""));

  async function follow() {
    if (!page || page.name !== name()) {
      page?.destroy();
      document.documentElement.dataset.lab = name();
      const template = /** @type {HTMLTemplateElement | null} */ (document.querySelector(`template[data-page="${CSS.escape(name())}"]`));
      if (template) main.replaceChildren(template.content.cloneNode(true));
      page = pageView(name(), main, await storedJson(spoken(`page-${name() || "start"}`)), failed);
      for (const link of document.querySelectorAll("nav a[data-page]")) {
        if (link.getAttribute("data-page") === name()) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    }
    page.follow();
    await lesson();
    document.documentElement.dataset.ready = name();
  }

  /** The rail comes and goes with the lesson that the address names. */
  async function lesson() {
    const asked = query().get("lesson");
    const known = asked === null ? undefined : (await storedJson(spoken("lessons")))[asked];
    const holder = /** @type {HTMLElement} */ (document.getElementById("course-rail"));
    document.documentElement.toggleAttribute("data-lesson", Boolean(known));
    if (!known) {
      rail?.destroy();
      rail = null;
      return holder.replaceChildren();
    }
    if (!rail) {
      const root = el("div", {});
      holder.replaceChildren(root);
      rail = mountRail(root, () => {});
    }
    rail.update(known);
  }

  const next = () => (opening = opening.then(follow).catch(failed));
  /** @param {Error} problem */
  function failed(problem) {
    console.error(problem);
    const place = main.querySelector(".site-notices") ?? main;
    place.append(el("p", { class: "site-notice", role: "alert" }, _("This page could not be opened whole: a file of it is missing, or the browser is too old.")));
  }
  window.addEventListener("popstate", next);
  // Of a site on a web server: from the second visit on it needs no network.
  if (!isOneFile && location.protocol.startsWith("http")) navigator.serviceWorker?.register(`${document.documentElement.dataset.base ?? ""}service_worker.js`).catch(() => {});
  if (isOneFile && !query().has("page")) history.replaceState(history.state, "", location.pathname + document.documentElement.dataset.first);
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("a[data-language]"))) {
    link.addEventListener("click", () => (link.href = link.href.split(/[?#]/)[0] + location.search + location.hash));
  }
  next();
}

/** @typedef {{ name: string, follow: () => void, destroy: () => void }} Page */

/** @param {string} name @param {HTMLElement} main @param {PageData} given @param {(problem: Error) => void} failed @returns {Page} */
function pageView(name, main, given, failed) {
  const figure = /** @type {HTMLElement} */ (main.querySelector(".site-figure"));
  const holder = /** @type {HTMLDetailsElement | null} */ (main.querySelector(".site-settings"));
  const notices = /** @type {HTMLElement} */ (main.querySelector(".site-notices"));
  const root = el("div", {});
  figure?.replaceChildren(root);
  const lab = given.lab ? LABS[given.lab](root, given.data) : null;
  const change = (/** @type {Settings} */ settings, /** @type {boolean} */ isMoving) => void lab?.change?.(settings, isMoving)?.catch(failed);
  const media = matchMedia(WIDE);
  let shown = "";

  /** @param {Settings} settings @param {boolean} isMoving */
  function changed(settings, isMoving) {
    if (given.controls && !isMoving) {
      const query = written(given.controls, settings, new URLSearchParams(location.search));
      history.pushState(history.state, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
      notices.replaceChildren();
      shown = JSON.stringify(settings);
    }
    change(settings, isMoving);
  }
  const controls = given.controls && controlsView(name, given.controls, changed);
  const unfold = () => holder && (holder.open = media.matches);
  if (controls) holder?.append(controls.node);
  unfold();
  media.addEventListener("change", unfold);

  return {
    name,
    follow() {
      const query = new URLSearchParams(location.search);
      if (!given.controls || !controls) {
        if (!shown) change({}, false);
        shown = "once";
        return;
      }
      const { settings, problems } = read(given.controls, query);
      controls.show(settings, query);
      if (holder) holder.hidden = controls.node.hidden;
      notices.replaceChildren(...problems.map((words) => el("p", { class: "site-notice", role: "status" }, words)));
      if (shown === JSON.stringify(settings)) return;
      shown = JSON.stringify(settings);
      change(settings, false);
    },
    destroy() {
      media.removeEventListener("change", unfold);
      lab?.destroy();
    },
  };
}
