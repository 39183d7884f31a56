"""Follows a job on a Streamlit page: its buttons, its progress, and each result as it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from playground.labs.shared.job import Job, JobState
from playground.labs.shared.view import JobView, job_view
from playground.streamlit_ui import memory, page

T = TypeVar("T")
POLL = 0.4
"""Seconds between two readings of a running job's state."""


def buttons(key: str, view: JobView, more: Callable[[DeltaGenerator], object] = lambda row: None) -> tuple[bool, bool]:
    """The two buttons of a job, start and stop, and what `more` draws beside them. Returns which of the two was pressed."""
    row = st.container(horizontal=True, vertical_alignment="center")
    started = row.button(view.start.label, type="primary", disabled=not view.start.is_enabled, key=f"{key}/start")
    stopped = row.button(view.stop.label, icon="⏹️", width=120, disabled=not view.stop.is_enabled, key=f"{key}/stop")
    more(row)
    return started, stopped


def begin(key: str, job: Job[T]) -> Job[T]:
    """Keep a job in the session, in place of the one before it, which is stopped."""
    job.replace(st.session_state.get(key))
    st.session_state[key] = job
    memory.begun(key.split("/")[0])
    return job


def state_of(job: Job[T] | None) -> JobState[T] | None:
    """The state of a job that may not be there."""
    return None if job is None else job.state


def follow(
    job: Job[T], draw: Callable[[T], Any], unit: str = "", draw_before: Callable[[T], Any] | None = None
) -> None:
    """Show the job: `draw` gets each result as it comes. The page runs again when the job has ended.

    Until the first one comes, the result of the job before stays, dimmed, drawn by `draw_before` (by default `draw`).

    The results stand in a fragment before and after the end, so that their widgets keep their state and their events arrive.
    Where other parts of the page depend on such an event, `draw` asks for a run of the whole page.
    """
    running = job.state.is_running
    st.fragment(_shown, run_every=POLL if running else None)(job, draw, unit, draw_before or draw, running)


def _shown(job: Job[T], draw: Callable[[T], Any], unit: str, draw_before: Callable[[T], Any], running: bool) -> None:
    state = job.state
    if running and not state.is_running:
        st.rerun()
    view = job_view(state, start="", unit=unit)
    status(view)
    dim(view.is_waiting)
    if state.result is not None:
        draw(state.result)
    elif job.before is not None:
        draw_before(job.before)


def dim(is_old: bool) -> None:
    """Dim what follows in the same place, where it is the result of earlier settings."""
    st.html(f'<i class="dp-mark {"dp-old" if is_old else ""}"></i>')


def status(view: JobView) -> None:
    """The status line of a job."""
    if view.facts:
        page.facts(view.facts)
    if view.error:
        st.error(view.error)
    elif view.fraction is not None:
        st.progress(view.fraction, text=view.status)
    elif view.status:
        st.caption(view.status)
