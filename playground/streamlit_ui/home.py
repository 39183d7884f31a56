"""The first page: the recording of a sampling run, and a card for each lab."""

from __future__ import annotations

import streamlit as st

from playground.labs.home import text, view
from playground.streamlit_ui import components, page

IN_A_ROW = 3
"""Cards beside each other."""


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    try:
        components.timeline(view.first_timeline(), key="start/timeline")
    except (OSError, ValueError, KeyError):
        st.warning(text.DAMAGED)
    page.looking_at(text.LOOKING_AT)
    for first in range(0, len(text.LABS), IN_A_ROW):
        for column, (name, icon, title, about) in zip(st.columns(IN_A_ROW), text.LABS[first:], strict=False):
            with column, st.container(border=True, height="stretch"):
                st.page_link(st.session_state["pages"][name], label=f"**{title}**", icon=icon)
                st.markdown(about)
