"""The first page: the recording of a sampling run, and a card for each lab."""

from __future__ import annotations

import streamlit as st

from playground.course.view import ways_in
from playground.labs.home import text, view
from playground.streamlit_ui import components, page


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    try:
        components.timeline(view.first_timeline(), key="start/timeline")
    except (OSError, ValueError, KeyError):
        st.warning(text.DAMAGED)
    page.looking_at(text.LOOKING_AT)
    page.cards(ways_in(), "ways")
    for group, labs in view.lab_groups():
        st.markdown(f"## {group}")
        page.cards(labs)
