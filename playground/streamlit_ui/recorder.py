"""The Flight recorder's page: layout only, the lab itself is playground/labs/recorder/job.py."""

from __future__ import annotations

import streamlit as st

from playground.labs.recorder import job as lab
from playground.labs.recorder import text
from playground.labs.recorder.job import RecorderControls, Recording
from playground.labs.shared import exports
from playground.labs.shared.job import Job
from playground.labs.shared.view import job_view
from playground.streamlit_ui import components, following, loading, page, visitor, widgets

LAB = "recorder"


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    loading.wait()
    who = visitor.current()
    with st.sidebar:
        available = lab.choices(who)
        controls = widgets.controls(
            RecorderControls, LAB, disabled=lab.without_effect, options=lambda _: lab.titles(available)
        )
    widgets.show_problems(LAB)
    if controls.run == lab.RECORDED:
        _recorded(controls)
        return
    kept: tuple[RecorderControls, Job[Recording | None]] | None = st.session_state.get(f"{LAB}/job")
    asked = lab.drawn_with(controls)
    job = kept[1] if kept is not None and kept[0] == asked else None
    begun, stopped = following.buttons(LAB, job_view(following.state_of(job), start=f"✈️ {text.START}"))
    if begun:
        if kept is not None:
            kept[1].stop()
        st.session_state[f"{LAB}/job"] = (asked, Job(lambda: lab.fly(controls, who), LAB))
        st.rerun()
    if stopped and job is not None:
        job.stop()
        st.rerun()
    if job is None:
        st.info(text.PRESS)
        return
    following.follow(job, lambda recording: _flight(controls, recording), text.WHAT)


def _recorded(controls: RecorderControls) -> None:
    try:
        recording = lab.recorded()
    except ValueError:
        st.warning(text.DAMAGED)
        return
    st.markdown(text.RECORDED)
    _flight(controls, recording)


def _flight(controls: RecorderControls, recording: Recording | None) -> None:
    flight = lab.flight(recording, controls.show) if recording is not None else None
    if recording is None or flight is None:
        return
    components.recorder(flight, key=f"{LAB}/flight")
    page.looking_at(text.LOOKING_AT)
    if len(recording.steps) == recording.total:
        data = exports.csv(lab.table(recording))
        st.download_button(text.CSV, data, "flight.csv", "text/csv", key=f"{LAB}/csv")
