"""The course: the page that lists the lessons, and the rail beside a lab. Progress is in the browser."""

from __future__ import annotations

import gradio as gr

from playground.course import text, view
from playground.gradio_ui import components, page
from playground.gradio_ui.following import QUIET
from playground.labs.shared import link_view
from playground.labs.shared.controls import Controls


def build() -> None:
    """Draw the page that lists the lessons."""
    page.head(text.TITLE, text.LEAD)
    components.component("course_contents", "course-contents", initial=components.value(view.contents()))


def rail(demo: gr.Blocks) -> None:
    """Draw the lesson that the link names beside the lab, which a style places."""
    shown = components.component("rail", "course-rail")

    def opened(request: gr.Request) -> object:
        return components.value(view.rail(request.query_params.get(link_view.LESSON)))

    demo.load(opened, None, shown, **QUIET)


def share(model: type[Controls], lab: str) -> None:
    """Draw what makes a link to this lab in which controls are locked or hidden."""
    components.component("share_view", f"{lab}-share", initial=components.value(view.share(model)))
