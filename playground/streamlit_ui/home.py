"""The first page: digits appear out of noise, and four doors."""

from __future__ import annotations

import streamlit as st

from playground.labs import start
from playground.streamlit_ui import components, page

DOORS = (
    (
        "forward",
        "➡️",
        "Forward",
        "Take a picture apart. Add noise, step by step or in one jump, until nothing is left of it.",
    ),
    ("schedules", "📉", "Schedules", "How fast should the noise come in? Linear, cosine, sigmoid, or drawn by you."),
    (
        "sampling",
        "🎲",
        "Sampling",
        "Go the way back. Choose a sampler, the number of steps, how much guidance. Compare two.",
    ),
    (
        "training",
        "🏋️",
        "Training",
        "Teach a small network of your own, watch it learn, and sample from it while it does.",
    ),
)


def show() -> None:
    """Draw the page."""
    page.head(
        "Diffusion playground",
        "These ten digits were not taken from anywhere. A small neural network drew them, by looking at **pure noise** and "
        "asking fifty times: *what could be underneath?* Drag along the strip to see it happen.",
    )
    try:
        components.timeline(start.first_timeline(), key="start/timeline")
    except (OSError, ValueError, KeyError):
        st.warning("The recording of the first screen is missing or damaged. The labs work without it.")
    page.looking_at(
        "left, what is being denoised; in the middle, what the network believes is underneath; right, the noise it would "
        "take away. It was recorded from the Sampling lab, where you can make your own."
    )
    columns = st.columns(len(DOORS))
    for column, (name, icon, title, text) in zip(columns, DOORS, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.page_link(st.session_state["pages"][name], label=f"**{title}**", icon=icon)
            st.markdown(text)
