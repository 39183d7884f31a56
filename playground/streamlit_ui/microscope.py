"""The Microscope page: layout only, the lab itself is playground/labs/microscope."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from playground.labs.microscope import controls as settings
from playground.labs.microscope import forks, live_view, text, view
from playground.labs.microscope.branches import Microscopy, Task
from playground.labs.microscope.controls import MicroscopeControls
from playground.labs.microscope.job import Examination
from playground.labs.microscope.live_view import LiveView
from playground.labs.shared import link_view
from playground.labs.shared.controls import checked
from playground.labs.shared.view import Notice, job_view
from playground.streamlit_ui import components, following, in_browser, open_model, page, visitor, widgets

if TYPE_CHECKING:
    from engine.models.opened import Model

LAB = "microscope"
LIVE = f"{LAB}/live"
"""What the reader's browser was given."""


def show() -> None:
    """Draw the page."""
    controls = widgets.lab(MicroscopeControls, LAB, text, lambda who: settings.rules(who, open_model.available(who)))
    if in_browser.is_wanted(LAB) and _shown_in_browser(controls):
        return
    job: Examination | None = st.session_state.get(f"{LAB}/job")
    opened = view.opened(controls, visitor.current(), None if job is None else job.state.result)
    if isinstance(opened, Notice):
        page.notices([opened])
        return
    model, task = opened
    if job is None or job.task != task:
        job = _start(model, task)
    again, stopped = following.buttons(LAB, job_view(job.state, start=f"🔬 {text.START}"))
    if again:
        job = _start(model, replace(task, previous=None))
    if stopped:
        job.stop()
        st.rerun()
    following.follow(job, _figure, text.WHAT, lambda found: components.microscope(found.figure, key=f"{LAB}/bench"))
    state = job.state
    if not state.is_running and state.result is not None:
        _below(state.result)


def _shown_in_browser(controls: MicroscopeControls) -> bool:
    """Show it computed in the reader's browser; False, with the reason, where it cannot be."""
    shown = live_view.live_view(controls, visitor.current(), st.session_state.get(LIVE))
    if isinstance(shown, Notice):
        page.notices([shown])
        return shown.level == "error"  # which the server would say as well
    st.session_state[LIVE] = shown
    job: Examination | None = st.session_state.pop(f"{LAB}/job", None)
    if job is not None:
        job.stop()
    _live_figure(shown)
    return True


@st.fragment
def _live_figure(shown: LiveView) -> None:
    """The figure: moving and forking in it draws nothing else again."""
    on = {"cursor": _cursor_moved, "forks": _forked}
    components.live("live_microscope", shown.payload, on, key=f"{LAB}/live-bench")
    page.looking_at(text.LOOKING_AT)


def _cursor_moved(value: object) -> None:
    moved = live_view.moved(st.session_state[f"{LAB}/controls"], st.session_state[LIVE], value)
    if moved is not None:
        widgets.change(LAB, moved)


def _forked(value: object) -> None:
    forked = live_view.forked(st.session_state[f"{LAB}/controls"], st.session_state[LIVE], value)
    if forked is not None:
        controls, st.session_state[LIVE] = forked
        widgets.change(LAB, controls)


def _start(model: Model, task: Task) -> Examination:
    job = Examination(model, task)
    following.begin(f"{LAB}/job", job)
    return job


@st.fragment
def _figure(found: Microscopy) -> None:
    """The figure, and the form for a fork at its cursor: moving there draws nothing else again."""
    now: MicroscopeControls = st.session_state[f"{LAB}/controls"]
    cursor = components.microscope(found.figure, key=f"{LAB}/bench")
    if cursor is not None:
        moved = checked(now, branch=cursor.branch, frame=cursor.step, row=cursor.row, column=cursor.column)
        now = widgets.change(LAB, moved)
    page.looking_at(text.LOOKING_AT)
    if link_view.ONLY not in st.query_params:  # else the link leaves no other settings
        with st.expander(text.FORK, icon="🌿", expanded=True):
            _fork(found, now)


def _fork(found: Microscopy, now: MicroscopeControls) -> None:
    place = view.fork_place(found, now.branch, now.frame)
    if isinstance(place, Notice):
        page.notices([place])
    else:
        st.markdown(place)
        asked = widgets.form(
            forks.ForkSettings,
            f"{LAB}/fork/{now.branch}/{found.root.model}/{now.forks}",
            view.fork_form(found, now.branch),
            hidden=lambda form: forks.hidden(form, bool(found.model.class_names)),
            options=forks.options(found.model),
        )
        if st.button(text.FORK_BUTTON, type="primary", key=f"{LAB}/fork"):
            forked = view.forked(found, now, asked)
            if isinstance(forked, Notice):
                page.notices([forked])
            else:
                widgets.change(LAB, forked)
                st.rerun()
    if now.forks and st.button(text.UNDO, icon="↩️", key=f"{LAB}/undo"):
        widgets.change(LAB, view.without_last(now))
        st.rerun()


def _below(found: Microscopy) -> None:
    errors = view.errors_view(found)
    page.notices(errors.notices)
    if errors.chart is not None:
        components.live_chart(errors.chart, key=f"{LAB}/errors")
        page.looking_at(text.ABOUT_ERRORS)
    for file in errors.files:
        st.download_button(file.title, file.data, file.name, file.kind, key=f"{LAB}/csv", icon="⬇️")
    with st.expander(text.DOWNLOAD):
        titles = view.branch_titles(found)
        number = st.selectbox(text.BRANCH, range(len(titles)), format_func=titles.__getitem__, key=f"{LAB}/away")
        download = view.download(found, number)
        for column, file in zip(st.columns(len(download.files)), download.files, strict=True):
            key = f"{LAB}/{file.name}/{number}"
            column.download_button(file.title, file.data, file.name, file.kind, width="stretch", key=key)
        st.code(download.python, language="python")
