"""The Microscope page: layout only, the lab itself is playground/labs/microscope/job.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from playground.labs.microscope import forks, text
from playground.labs.microscope import job as lab
from playground.labs.microscope.job import Examination, MicroscopeControls, Microscopy, Task
from playground.labs.shared import models
from playground.labs.shared.controls import checked
from playground.labs.shared.view import job_view
from playground.streamlit_ui import components, following, loading, open_model, page, visitor, widgets

if TYPE_CHECKING:
    from engine.models.opened import Model

LAB = "microscope"


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    loading.wait()
    with st.sidebar:
        controls = _settings()
    widgets.show_problems(LAB)
    try:
        model, task = lab.task_of(controls, visitor.current(), _found())
    except ValueError as problem:
        st.error(widgets.plain(str(problem)))
        return
    job: Examination | None = st.session_state.get(f"{LAB}/job")
    if job is None or job.task != task:
        job = _start(model, task)
    again, stopped = following.buttons(LAB, job_view(job.state, start="🔬 Walk again"))
    if again:
        job = _start(model, Task(task.root, task.forks, task.known, None, task.place))
    if stopped:
        job.stop()
        st.rerun()
    following.follow(job, _drawn, "steps")
    if not job.state.is_running and job.state.result is not None:
        _below(job.state.result)


def _settings() -> MicroscopeControls:
    who = visitor.current()
    available = models.choices(who, tuple(open_model.opened()))
    return widgets.controls(
        MicroscopeControls,
        LAB,
        hidden=lab.hidden,
        disabled=lambda now: lab.without_effect(now, models.classes_of(now.model, who)),
        options=lambda now: lab.choices(available, now.model, who),
    )


def _found() -> Microscopy | None:
    job: Examination | None = st.session_state.get(f"{LAB}/job")
    return None if job is None else job.state.result


def _start(model: Model, task: Task) -> Examination:
    old: Examination | None = st.session_state.get(f"{LAB}/job")
    if old is not None:
        old.stop()
    st.session_state[f"{LAB}/job"] = job = Examination(model, task)
    return job


def _now() -> MicroscopeControls:
    return st.session_state[f"{LAB}/controls"]


@st.fragment
def _drawn(found: Microscopy) -> None:
    """The microscope, and the form that forks where it looks: moving there draws nothing else again."""
    now = _now()
    place = components.microscope(found.bench, key=f"{LAB}/bench")
    if place is not None:
        now = widgets.change(
            LAB, checked(now, branch=place.branch, frame=place.step, row=place.row, column=place.column)
        )
    page.looking_at(text.LOOKING_AT)
    with st.expander(text.FORK, icon="🌿", expanded=True):
        _fork(found, now)


def _fork(found: Microscopy, now: MicroscopeControls) -> None:
    told = lab.fork_refused(found, now.branch)
    if told:
        st.info(told)
    else:
        before = lab.settings_of(found.branches[now.branch].walk)
        st.markdown(text.FORK_ABOUT.format(place=lab.place_in_words(found, now.branch, now.frame)))
        asked = widgets.form(
            forks.ForkSettings,
            f"{LAB}/fork/{now.branch}/{found.root.model}/{now.forks}",
            forks.settings_of(before),
            hidden=lambda settings: forks.hidden(settings, bool(found.model.class_names)),
            options=forks.options(found.model),
        )
        if st.button(text.FORK_BUTTON, type="primary", key=f"{LAB}/fork"):
            try:
                changed = lab.forked(found, now, asked)
            except ValueError as problem:
                st.error(widgets.plain(str(problem)))
            else:
                widgets.change(LAB, changed)
                st.rerun()
    if now.forks and st.button(text.UNDO, icon="↩️", key=f"{LAB}/undo"):
        widgets.change(LAB, lab.without_last(now))
        st.rerun()


def _below(found: Microscopy) -> None:
    if found.errors is not None:
        components.live_chart(found.errors.chart(), key=f"{LAB}/errors")
        page.looking_at(text.ABOUT_ERRORS)
        st.download_button(text.ERRORS_CSV, found.errors.csv(), "errors.csv", "text/csv", key=f"{LAB}/csv", icon="⬇️")
    else:
        st.info(text.NO_DATA)
    with st.expander(text.TAKE_AWAY):
        names = [f"{branched.branch.name}: {branched.branch.label}" for branched in found.branches]
        number = st.selectbox(text.BRANCH, range(len(names)), format_func=lambda k: names[k], key=f"{LAB}/away")
        columns = st.columns(2)
        for column, (title, name, kind, data) in zip(columns, lab.files(found, number), strict=True):
            column.download_button(title, data, name, kind, width="stretch", key=f"{LAB}/{name}/{number}")
        st.code(found.branches[number].walk.python(), language="python")
