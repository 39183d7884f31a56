"""The first page: the recording of a sampling run, and a card for each lab."""

from __future__ import annotations

import streamlit as st

from playground.labs.home import text, view
from playground.streamlit_ui import components, page

IN_A_ROW = 4
"""Cards beside each other."""


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    try:
        components.timeline(view.first_timeline(), key="start/timeline")
    except (OSError, ValueError, KeyError):
        st.warning(text.DAMAGED)
    page.looking_at(text.LOOKING_AT)
    st.html(page.CARD_STYLE)
    for group, labs in view.lab_groups():
        st.markdown(f"## {group}")
        for first in range(0, len(labs), IN_A_ROW):
            for column, lab in zip(st.columns(IN_A_ROW), labs[first:], strict=False):
                with column:
                    page.lab_card(lab)
