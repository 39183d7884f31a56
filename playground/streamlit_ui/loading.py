"""Waits for the engine, which loads behind the first paint, and says so."""

from __future__ import annotations

import streamlit as st

from playground import preload
from playground.labs.shared import text


def wait() -> None:
    """Hold a page that needs the engine until it is there, and say so meanwhile."""
    if not preload.start().is_set():
        with st.spinner(text.WAKING):
            preload.wait()
