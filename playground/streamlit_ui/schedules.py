"""The schedules page."""

import streamlit as st


def show() -> None:
    """Draw the page."""
    st.markdown("## schedules")
