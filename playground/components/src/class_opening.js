// Opens a class from the page for teachers: about a lesson, or about a lab whose link is given.
/** @import { ClassOpening } from "../payloads.js" */
/** @import { Component, Emit } from "./types.js" */
import { keep } from "./class_kept.js";
import { call, Refusal } from "./class_link.js";
import { component, el, options } from "./dom.js";
import { _ } from "./language.js";
import { readTheme, watchAppearance } from "./theme.js";

/** @param {HTMLElement} root @param {Emit} _emit @returns {Component<ClassOpening>} */
export function mount(root, _emit) {
  root.classList.add("dp-root", "dp-class-opening");
  const about = el("select", { "aria-label": _("What the class is about") });
  const link = el("input", { type: "text", "aria-label": _("Link of a lab"), placeholder: _("Link of a lab, as you want it") });
  const said = el("small", { role: "status" });
  const form = el("form", { class: "dp-class-form" }, about, link, el("button", { class: "dp-chip dp-next", "data-action": "open-class" }, _("Open a class")), said);
  about.addEventListener("change", () => (link.hidden = about.value !== ""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    open();
  });
  root.append(form);
  const unwatch = watchAppearance(root, () => readTheme(root));

  let permit = "";
  async function open() {
    const url = new URL(link.value.trim() || "sampling", "http://playground/");
    for (const name of ["class", "lang"]) url.searchParams.delete(name);
    const body = about.value ? { lesson: Number(about.value) } : { address: `${url.pathname.split("/").pop()}${url.search}${url.hash}` };
    try {
      const { code, secret } = await call(new URL("./class/api/open", location.href), { method: "POST", bearer: permit, body });
      keep(code, { secret });
      const language = new URLSearchParams(location.search).get("lang");
      location.assign(new URL(`./class/${code}/teacher${language ? `?lang=${language}` : ""}#${secret}`, location.href));
    } catch (refusal) {
      if (refusal instanceof Refusal) said.textContent = refusal.message;
    }
  }

  /** @param {ClassOpening} given */
  function update({ lessons, students, days, permit: given }) {
    permit = given;
    const chosen = about.value;
    about.replaceChildren(...options([...lessons.map(([number, title]) => /** @type {[string, string]} */ ([String(number), title])), ["", _("A lab, by its link")]]));
    about.value = chosen || String(lessons[0]?.[0] ?? "");
    link.hidden = about.value !== "";
    said.textContent = _("Up to {students} students. What they answer is kept on this server for {days} days, unless you delete it before.", { students, days });
  }
  return component(root, update, unwatch);
}
