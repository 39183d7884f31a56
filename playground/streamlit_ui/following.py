"""Follows a job on a Streamlit page: progress and what it has brought so far, until it has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from playground.labs.shared.job import Job, in_words

T = TypeVar("T")
POLL = 0.4
"""Seconds between two looks at a running job."""


def buttons(key: str, *, start: str, icon: str, running: bool, disabled: bool = False) -> tuple[bool, bool]:
    """The two buttons of every lab that computes: begin, and stop. Returns which was pressed."""
    row = st.container(horizontal=True, vertical_alignment="center")
    begun = row.button(start, type="primary", icon=icon, disabled=disabled, key=f"{key}/start")
    stopped = row.button("Stop", icon="⏹️", width=120, disabled=not running, key=f"{key}/stop")
    return begun, stopped


def follow(job: Job[T], draw: Callable[[T], Any], what: str = "") -> None:
    """Show the job: `draw` gets each result as it comes. The page runs anew once the job has ended.

    It is a fragment before and after the end: what `draw` puts up stays as the reader left it, and what the reader does with it
    at that very moment still finds whom to tell. So `draw` asks for a new run of the page itself where others depend on it.
    """
    running = job.state.is_running
    st.fragment(_shown, run_every=POLL if running else None)(job, draw, what, running)


def _shown(job: Job[T], draw: Callable[[T], Any], what: str, running: bool) -> None:
    state = job.state
    if running and not state.is_running:
        st.rerun()
    if state.is_running:
        st.progress(state.fraction, text=in_words(state, what))
    elif state.error:
        st.error(state.error)
    else:
        st.caption(in_words(state, what))
    if state.result is not None:
        draw(state.result)
