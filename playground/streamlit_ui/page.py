"""What all pages share: the heading, the lead, the line below a figure."""

from __future__ import annotations

import streamlit as st


def head(title: str, lead: str) -> None:
    """The title of a lab and the one sentence that says what one can do here."""
    st.markdown(f"## {title}")
    st.markdown(lead)


def looking_at(text: str) -> None:
    """The line under a figure that says what it shows."""
    st.caption(f"**What am I looking at?** {text}")
