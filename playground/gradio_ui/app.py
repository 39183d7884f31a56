"""The Gradio app as a whole: its pages, and how they look."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import gradio as gr

from playground.gradio_ui import api, home, page
from playground.gradio_ui.described import describe_once
from playground.labs.shared import text
from playground.serving import zerogpu
from playground.serving.request_queue import request_queue

KEPT = (600, 3600)
"""Seconds: how often what visitors have sent is looked through, and how old it becomes."""


def build() -> gr.Blocks:
    """All pages. Nothing here imports torch: it loads behind the first paint."""
    with gr.Blocks(title=text.PLAYGROUND, analytics_enabled=False, delete_cache=KEPT) as demo:
        _navigation()
        home.build(demo)
        demo.unload(_left)
        api.build()
        for address, title in page.PAGES.items():
            _route(demo, address, title)
            _navigation()
            if address == "training" and zerogpu.is_zerogpu():
                gr.HTML(page.listed([zerogpu.TRAINING], "info"))
            import_module(f"playground.gradio_ui.{address}").build(demo)
    describe_once(demo)
    return demo


def _route(demo: gr.Blocks, address: str, title: str) -> None:
    """What is drawn from here on stands on a page of its own, as after `with demo.route(title, address)`.

    At the end of each such block Gradio makes its whole server anew, with a description of every component there is so far:
    for ten pages that was a fifth of the time until the first could be seen.
    """
    demo.pages.append((address, title, True))
    demo.current_page = address


def looks() -> dict[str, Any]:
    """What `launch` is given so that the app looks as it should."""
    return {"theme": page.theme(), "css": page.css(), "footer_links": ["api", "settings"]}


def _navigation() -> None:
    gr.Navbar(main_page_name="Start")


def _left(request: gr.Request) -> None:
    """A tab was closed, or is being loaded again."""
    if request.session_hash:
        request_queue().detach(request.session_hash)
