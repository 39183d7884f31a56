"""Who looks at the page: the visitor of this session, to be handed to the labs."""

from __future__ import annotations

import streamlit as st

from playground.policy.visitor import Visitor, visitor_of

SECRET = "visitor"
"""Under which the session keeps what the browser sent."""


def current() -> Visitor:
    """The visitor of this session; one who owns nothing until the browser has sent its secret."""
    return visitor_of(st.session_state.get(SECRET))
