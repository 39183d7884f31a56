"""Whether the reader has their own browser compute what it can."""

from __future__ import annotations

import streamlit as st

from playground.labs.shared import link_view, text

WANTED = "in-browser"
"""The same in all labs."""


def is_wanted(lab: str) -> bool:
    """Whether the reader wants it, who is asked here. A step of a lesson is computed on the server."""
    if link_view.ONLY in st.query_params:
        return False
    in_sampling = st.session_state.get("sampling/where") == "browser"  # what was chosen there is chosen here too
    before = st.session_state.get("in-browser", in_sampling)
    wanted = st.toggle(text.IN_BROWSER, before, key=f"{lab}/in-browser", help=text.IN_BROWSER_HELP)
    st.session_state["in-browser"] = wanted
    return wanted
