"""Follows a job on a Streamlit page: progress and what it has brought so far, until it has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from playground.labs.job import Job, Look, in_words

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
    """Show the job: `draw` gets each result as it comes. The page runs anew once the job has ended."""
    if job.look.running:
        st.fragment(_running, run_every=POLL)(job, draw, what)
    else:
        with st.container():  # as a fragment has one: another place would put the components up anew, as they began
            _shown(job.look, draw, what)


def _running(job: Job[T], draw: Callable[[T], Any], what: str) -> None:
    look = job.look
    if not look.running:
        st.rerun()
    st.progress(look.share, text=in_words(look, what))
    if look.result is not None:
        draw(look.result)


def _shown(look: Look[T], draw: Callable[[T], Any], what: str) -> None:
    if look.error:
        st.error(look.error)
    else:
        st.caption(in_words(look, what))
    if look.result is not None:
        draw(look.result)
