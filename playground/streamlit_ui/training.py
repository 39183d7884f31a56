"""The training page."""

import streamlit as st


def show() -> None:
    """Draw the page."""
    st.markdown("## training")
