"""The Gradio app as a whole: its pages and its theme."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import gradio as gr
from gradio.components import Navbar

from engine.language import LANGUAGES, _, asks, language
from playground.course import text as course_text
from playground.course.view import CONTENTS, TEACH, lesson_links
from playground.gradio_ui import api, compat, course, home, page
from playground.labs.home import text as labs
from playground.labs.home.view import next_links
from playground.labs.shared import text
from playground.serving import zerogpu
from playground.serving.reader_language import PARAMETER
from playground.serving.request_queue import request_queue

KEPT = (600, 3600)
"""Seconds: how often the files that visitors sent are checked, and at what age they are deleted."""


asks(compat.language_of_event)


def build() -> compat.Blocks:
    """All pages. Nothing here imports torch: it loads behind the first paint."""
    demo: compat.Blocks
    first = compat.next_id()
    with compat.Blocks(title=text.PLAYGROUND, analytics_enabled=False, delete_cache=KEPT) as demo:
        _navigation(_("Start"))
        home.build(demo)
        demo.unload(_left)
        api.build()
        compat.start_page(demo, CONTENTS, course_text.NAME)
        _navigation(course_text.NAME)
        course.build()
        for address, _icon, title, _about in labs.LABS:
            compat.start_page(demo, address, title)
            _navigation(title)
            if address == "training" and zerogpu.is_zerogpu():
                gr.HTML(page.listed([_(zerogpu.TRAINING)], "info"))
            course.rail(demo, address)
            import_module(f"playground.gradio_ui.{address}").build(demo)
            page.next_labs([*next_links(address), *lesson_links(address)])
        compat.start_page(demo, TEACH, course_text.TEACH)
        _navigation(course_text.TEACH)
        course.teach()
    demo.rebuild, demo.first_id = build, first
    compat.describe_once(demo)
    return demo


def appearance() -> dict[str, Any]:
    """Theme, CSS and footer links, as arguments of `launch`."""
    return {"theme": page.theme(), "css": page.css(), "footer_links": ["api", "settings"]}


def _navigation(title: str) -> None:
    """The row of links, the way past it, the choice of a language, and the name of the tab, which Gradio calls alike."""
    Navbar(main_page_name=_("Start"))
    other = next(tag for tag in LANGUAGES if tag != language())
    said = {
        "title": f"{title} · {_(text.PLAYGROUND)}",
        "skip": _("Skip to main content"),
        "labs": _("Labs"),
        "language": language(),
        "other": other,
        "otherName": LANGUAGES[other],
        "parameter": PARAMETER,
    }
    script = f"const said = {json.dumps(said)};{_HEAD}"
    gr.HTML("", html_template="", js_on_load=script, apply_default_css=False, visible="hidden")


_HEAD = """
document.title = said.title;
document.documentElement.lang = said.language;
const skip = document.createElement("a");
Object.assign(skip, { className: "dp-skip", href: "#", textContent: said.skip });
skip.addEventListener("click", (event) => {
  event.preventDefault();
  const main = document.querySelector("h1");
  main.tabIndex = -1;
  main.focus();
});
document.body.prepend(skip);
document.querySelector(".nav-holder nav")?.setAttribute("aria-label", said.labs);
for (const link of document.querySelectorAll(".nav-holder a.active")) link.setAttribute("aria-current", "page");
// The language is in the link, so that it goes along where a link is sent on, and from page to page.
const spoken = (address, tag) => {
  const url = new URL(address, location.href);
  url.searchParams.set(said.parameter, tag);
  return url.href;
};
if (said.language !== "en" && !new URLSearchParams(location.search).has(said.parameter)) {
  history.replaceState(history.state, "", spoken(location.href, said.language));
}
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const tag = new URLSearchParams(location.search).get(said.parameter);
  if (!link || !tag || link.origin !== location.origin || link.download || link.classList.contains("dp-language")) return;
  if (!link.getAttribute("href").startsWith("#")) link.href = spoken(link.href, tag);
}, true);
const choice = document.createElement("a");
Object.assign(choice, { className: "dp-language", href: "#", textContent: said.otherName, lang: said.other });
choice.addEventListener("click", (event) => {
  event.preventDefault();
  location.assign(spoken(location.href, said.other));
});
document.body.append(choice);
"""


def _left(request: gr.Request) -> None:
    """A tab was closed, or is being loaded again."""
    if request.session_hash:
        request_queue().detach(request.session_hash)
