"""The home page."""

import streamlit as st


def show() -> None:
    """Draw the page."""
    st.markdown("## home")
