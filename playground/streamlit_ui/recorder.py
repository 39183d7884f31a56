"""The Recorder's page: layout only, the lab itself is playground/labs/recorder."""

from __future__ import annotations

import streamlit as st

from playground.labs.recorder import controls as settings
from playground.labs.recorder import job as lab
from playground.labs.recorder import text, view
from playground.labs.recorder.controls import RECORDED, RecorderControls
from playground.labs.recorder.job import Recording
from playground.labs.recorder.view import RecorderView
from playground.labs.shared.job import Job
from playground.labs.shared.view import job_view
from playground.streamlit_ui import components, following, page, visitor, widgets

LAB = "recorder"


def show() -> None:
    """Draw the page."""
    controls, who = widgets.lab(RecorderControls, LAB, text, settings.rules), visitor.current()
    if controls.run == RECORDED:
        _draw(view.view_of(controls, None))
        return
    kept: tuple[RecorderControls, Job[Recording | None]] | None = st.session_state.get(f"{LAB}/job")
    sampled = settings.sampled_with(controls)
    job = kept[1] if kept is not None and kept[0] == sampled else None
    begun, stopped = following.buttons(LAB, job_view(following.state_of(job), start=f"⏺️ {text.START}"))
    if begun:
        new: Job[Recording | None] = Job(lambda: lab.record(controls, who), LAB)
        new.replace(kept[1] if kept is not None else None)
        st.session_state[f"{LAB}/job"] = (sampled, new)
        st.rerun()
    if stopped and job is not None:
        job.stop()
        st.rerun()
    if job is None:
        st.info(text.PRESS)
    else:
        following.follow(
            job,
            lambda recording: _draw(view.view_of(controls, recording)),
            text.WHAT,
            lambda recording: _draw(RecorderView(figure=view.figure(recording, controls) if recording else None)),
        )


def _draw(shown: RecorderView) -> None:
    if shown.about:
        st.markdown(shown.about)
    if shown.notice and not shown.can_start:
        st.warning(shown.notice)
    if shown.figure is None:
        return
    components.figure("recorder", shown.figure.to_message(), key=f"{LAB}/map")
    page.looking_at(text.LOOKING_AT)
    for file in shown.files:
        st.download_button(file.title, file.data, file.name, file.kind, key=f"{LAB}/csv")
