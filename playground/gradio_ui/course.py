"""The course: the page that lists the lessons, and the rail beside a lab. Progress is in the browser."""

from __future__ import annotations

import gradio as gr

from playground.classroom import text as class_text
from playground.classroom import view as class_view
from playground.course import text, view
from playground.gradio_ui import components, page
from playground.gradio_ui.following import QUIET
from playground.labs.shared import link_view
from playground.labs.shared.controls import Controls


def build() -> None:
    """Draw the page that lists the lessons."""
    page.head(text.TITLE, text.LEAD)
    components.component("course_contents", "course-contents", initial=components.value(view.contents()))


def teach() -> None:
    """Draw the page for teachers."""
    page.head(text.TEACH_TITLE, text.TEACH_LEAD)
    gr.Markdown(f"## {class_text.OPEN}\n\n{class_text.OPEN_ABOUT}")
    components.component("class_opening", "class-opening", initial=components.value(class_view.opening()))
    gr.Markdown(f"## {text.TEACH_LESSONS}\n\n{text.TEACH_LESSONS_ABOUT}")
    gr.HTML(page.lab_cards(view.lesson_links()), apply_default_css=False)
    gr.Markdown(f"## {text.TEACH_LABS}\n\n{text.TEACH_LABS_ABOUT}")
    gr.Markdown(f"## {text.TEACH_ROOM}\n\n{text.TEACH_ROOM_ABOUT}")


def rail(demo: gr.Blocks, lab: str) -> None:
    """Draw the lesson that the link names beside the lab, which a style places, and the bar of the class."""
    shown = components.component("rail", "course-rail")
    bar = components.component("class_bar", "class-bar")

    def opened(request: gr.Request) -> tuple[object, object]:
        link = request.query_params
        lesson, code = view.rail(link.get(link_view.LESSON)), class_view.bar(link.get(link_view.CLASS), lab)
        return components.value(lesson), components.value(code if code.code else None)

    demo.load(opened, None, [shown, bar], **QUIET)


def share(model: type[Controls], lab: str) -> None:
    """Draw what makes a link to this lab in which controls are locked or hidden."""
    components.component("share_view", f"{lab}-share", initial=components.value(view.share(model)))
