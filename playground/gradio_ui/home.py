"""The first page: digits appear out of noise, and four doors."""

from __future__ import annotations

import gradio as gr

from playground.gradio_ui import components, page
from playground.labs.home import text, view


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    try:
        components.timeline("start-timeline", view.first_timeline())
    except (OSError, ValueError, KeyError):
        gr.HTML(page.listed([text.DAMAGED]))
    page.looking_at(text.LOOKING_AT)
    doors = "".join(
        f'<a class="dp-door" href="./{name}"><b>{icon} {title}</b><span>{about}</span></a>'
        for name, icon, title, about in text.DOORS
    )
    gr.HTML(f'<div class="dp-doors">{doors}</div>', apply_default_css=False)
