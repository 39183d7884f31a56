"""The first page: the recording of a sampling run, and a card for each lab."""

from __future__ import annotations

import gradio as gr

from playground.course.view import ways_in
from playground.gradio_ui import components, page
from playground.labs.home import text, view


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    try:
        components.component("timeline", "start-timeline", initial=components.value(view.first_timeline()))
    except (OSError, ValueError, KeyError):
        gr.HTML(page.listed([text.DAMAGED]))
    page.looking_at(text.LOOKING_AT)
    groups = "".join(f"<h2>{group}</h2>{page.lab_cards(labs)}" for group, labs in view.lab_groups())
    gr.HTML(f'<div class="prose">{page.lab_cards(ways_in())}{groups}</div>', apply_default_css=False)
