"""The Guidance page: layout only, the lab itself is playground/labs/guidance/view.py."""

from __future__ import annotations

import streamlit as st

from playground.labs.guidance import controls as settings
from playground.labs.guidance import text
from playground.labs.guidance import view as lab
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.shared.job import Job
from playground.labs.shared.view import job_view
from playground.streamlit_ui import components, following, loading, page, visitor, widgets

LAB = "guidance"
JOB, ASKED = f"{LAB}/job", f"{LAB}/asked"


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    loading.wait()
    with st.sidebar:
        controls = widgets.controls(
            GuidanceControls,
            LAB,
            hidden=settings.hidden,
            disabled=settings.without_effect,
            options=settings.choices(visitor.current()),
        )
    widgets.show_problems(LAB)
    asked: GuidanceControls | None = st.session_state.get(ASKED)
    if (asked is None or asked.view != controls.view) and lab.at_once(controls):
        asked = _start(controls)
    job: Job[lab.Answer] | None = st.session_state.get(JOB)
    running = job is not None and job.state.is_running
    begun, stopped = following.buttons(LAB, job_view(following.state_of(job), start=f"🎲 {text.START}"))
    if stopped and job is not None:
        job.stop()
        st.rerun()
    if begun:
        asked = _start(controls)
        st.rerun()  # so that Stop can be pressed at once
    _before(controls, asked, running)
    if job is None or asked is None or asked.view != controls.view:
        st.info(text.PRESS[controls.view])
        return
    following.follow(job, lambda answer: _draw(answer, controls.show), lab.WHAT[controls.view])


def _start(controls: GuidanceControls) -> GuidanceControls:
    before: Job[lab.Answer] | None = st.session_state.get(JOB)
    if before is not None:
        before.stop()
    who = visitor.current()
    st.session_state[JOB] = Job(lambda: lab.compute(controls, who), LAB)
    st.session_state[ASKED] = controls
    return controls


def _before(controls: GuidanceControls, asked: GuidanceControls | None, running: bool) -> None:
    """What Draw would do now, or why it can do nothing."""
    try:
        words = lab.announced(controls, visitor.current())
    except ValueError as problem:
        st.error(widgets.plain(str(problem)))
        return
    if asked is not None and asked.view == controls.view and not running and not lab.same(asked, controls):
        words = f"{text.CHANGED} {words}"
    if words:
        st.caption(words)


def _draw(answer: lab.Answer, show: str) -> None:
    view = answer.controls.view
    shown = lab.shown(answer, show)
    if shown.words:
        st.markdown(shown.words)
    if shown.timeline is not None:
        components.timeline(shown.timeline, key=f"{LAB}/timeline {view}")
    for column, (k, chart) in zip(st.columns(max(1, len(shown.charts))), enumerate(shown.charts), strict=False):
        with column:
            components.live_chart(chart, key=f"{LAB}/chart {view} {k}")
    page.looking_at(text.LOOKING_AT[view])
    if shown.files:
        with st.expander(text.TAKE_AWAY):
            for file in shown.files:
                st.download_button(file.title, file.data, file.name, file.kind, key=f"{LAB}/{file.name}", icon="⬇️")
