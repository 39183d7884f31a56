"""The Gradio app as a whole: its pages and its theme."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import gradio as gr
from gradio.components import Navbar

from engine.language import _
from playground.gradio_ui import api, compat, home, page
from playground.labs.shared import text
from playground.serving import zerogpu
from playground.serving.request_queue import request_queue

KEPT = (600, 3600)
"""Seconds: how often the files that visitors sent are checked, and at what age they are deleted."""


def build() -> gr.Blocks:
    """All pages. Nothing here imports torch: it loads behind the first paint."""
    demo: gr.Blocks
    with gr.Blocks(title=text.PLAYGROUND, analytics_enabled=False, delete_cache=KEPT) as demo:
        _navigation(_("Start"))
        home.build(demo)
        demo.unload(_left)
        api.build()
        for address, title in page.PAGES.items():
            compat.start_page(demo, address, title)
            _navigation(title)
            if address == "training" and zerogpu.is_zerogpu():
                gr.HTML(page.listed([_(zerogpu.TRAINING)], "info"))
            import_module(f"playground.gradio_ui.{address}").build(demo)
    compat.describe_once(demo)
    return demo


def appearance() -> dict[str, Any]:
    """Theme, CSS and footer links, as arguments of `launch`."""
    return {"theme": page.theme(), "css": page.css(), "footer_links": ["api", "settings"]}


def _navigation(title: str) -> None:
    """The row of links, the way past it, and the name of the tab, which Gradio would call alike on every page."""
    Navbar(main_page_name=_("Start"))
    name = f"document.title = {json.dumps(f'{title} · {text.PLAYGROUND}')};{_SKIP_LINK}"
    gr.HTML("", html_template="", js_on_load=name, apply_default_css=False, visible="hidden")


_SKIP_LINK = """
const skip = document.createElement("a");
Object.assign(skip, { className: "dp-skip", href: "#", textContent: "Skip to main content" });
skip.addEventListener("click", (event) => {
  event.preventDefault();
  const main = document.querySelector("h1");
  main.tabIndex = -1;
  main.focus();
});
document.body.prepend(skip);
document.querySelector(".nav-holder nav")?.setAttribute("aria-label", "Labs");
for (const link of document.querySelectorAll(".nav-holder a.active")) link.setAttribute("aria-current", "page");
"""


def _left(request: gr.Request) -> None:
    """A tab was closed, or is being loaded again."""
    if request.session_hash:
        request_queue().detach(request.session_hash)
