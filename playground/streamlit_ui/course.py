"""The course: the page that lists the lessons, and the rail beside a lab. Progress is in the browser."""

from __future__ import annotations

import streamlit as st

from playground.classroom import text as class_text
from playground.classroom import view as class_view
from playground.course import text, view
from playground.labs.shared import link_view
from playground.labs.shared.controls import Controls
from playground.streamlit_ui import components, page


def show() -> None:
    """Draw the page that lists the lessons."""
    page.head(text.TITLE, text.LEAD)
    components.figure("course_contents", view.contents().to_payload(), key="learn/contents")


def teach() -> None:
    """Draw the page for teachers."""
    page.head(text.TEACH_TITLE, text.TEACH_LEAD)
    st.markdown(f"## {class_text.OPEN}\n\n{class_text.OPEN_ABOUT}")
    components.figure("class_opening", class_view.opening().to_payload(), key="teach/class")
    st.markdown(f"## {text.TEACH_LESSONS}\n\n{text.TEACH_LESSONS_ABOUT}")
    page.cards(view.lesson_links())
    st.markdown(f"## {text.TEACH_LABS}\n\n{text.TEACH_LABS_ABOUT}")
    st.markdown(f"## {text.TEACH_ROOM}\n\n{text.TEACH_ROOM_ABOUT}")


def rail(lab: str) -> None:
    """Draw the lesson that the link names beside the lab, which a style places, and the bar of the class."""
    if link_view.CLASS in st.query_params:
        with st.container(key="class-bar"):
            components.figure(
                "class_bar", class_view.bar(st.query_params[link_view.CLASS], lab).to_payload(), key="class/bar"
            )
    lesson = view.rail(st.query_params.get(link_view.LESSON))
    if lesson is not None:
        with st.container(key="course-rail"):
            components.figure("rail", lesson.to_payload(), key="course/rail")


def share(model: type[Controls], lab: str) -> None:
    """Draw what makes a link to this lab in which controls are locked or hidden."""
    components.figure("share_view", view.share(model).to_payload(), key=f"{lab}/share")
