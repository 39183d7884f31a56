"""The Guidance page: layout only; the lab is playground/labs/guidance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from playground.labs.guidance import controls as settings
from playground.labs.guidance import job as lab
from playground.labs.guidance import live, text, view
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.job import Answer
from playground.labs.shared.job import Job
from playground.labs.shared.view import job_view
from playground.streamlit_ui import components, following, page, place, visitor, widgets

if TYPE_CHECKING:
    from playground.browser.where import Where

LAB = "guidance"
JOB, LATEST = f"{LAB}/job", f"{LAB}/latest"


def show() -> None:
    """Draw the page."""
    controls = widgets.lab(GuidanceControls, LAB, text, settings.rules)
    latest: GuidanceControls | None = st.session_state.get(LATEST)
    here = live.where_view(controls, place.wanted(), visitor.current(), place.drawn(LAB))
    if here is not None and here.chosen != "server":
        _in_browser(controls, here)
        return
    if (latest is None or latest.view != controls.view or JOB not in st.session_state) and lab.starts_by_itself(
        controls
    ):
        latest = _start(controls)
    job: Job[Answer] | None = st.session_state.get(JOB)
    started, stopped = following.buttons(LAB, job_view(following.state_of(job), start=f"🎲 {text.START}"))
    if stopped and job is not None:
        job.stop()
    if started:
        _start(controls)
    if started or stopped:
        st.rerun()
    if notice := view.notice(controls, visitor.current(), latest):
        page.notices([notice])
    if here is not None:
        place.show(here, LAB)
    if job is not None and latest is not None and latest.view == controls.view:
        following.follow(job, lambda answer: _figures(answer, controls.show), lab.UNITS[controls.view])


def _in_browser(controls: GuidanceControls, here: Where) -> None:
    """A sweep that the reader's browser samples as soon as its settings change."""
    started, _ = following.buttons(LAB, job_view(None, start=f"🎲 {text.START}"))
    if started:
        place.draw_again(LAB)
        st.rerun()
    if notice := view.notice(controls, visitor.current(), controls):
        page.notices([notice])
    place.show(here, LAB)
    if here.chosen:
        page.looking_at(text.LOOKING_AT["sweep"])
        page.downloads(view.files_without_pictures(controls, visitor.current()), LAB)


def _start(controls: GuidanceControls) -> GuidanceControls:
    who = visitor.current()
    job = following.begin(JOB, Job(lambda: lab.compute(controls, who), LAB))
    if job.before is not None and job.before.controls.view != controls.view:
        job.before = None
    st.session_state[LATEST] = controls
    return controls


def _figures(answer: Answer, show: str) -> None:
    name, shown = answer.controls.view, view.shown(answer, show)
    if shown.words:
        st.markdown(shown.words)
    if shown.timeline is not None:
        components.timeline(shown.timeline, key=f"{LAB}/timeline {name}")
    for column, (k, chart) in zip(st.columns(max(1, len(shown.charts))), enumerate(shown.charts), strict=False):
        with column:
            components.live_chart(chart, key=f"{LAB}/chart {name} {k}")
    page.looking_at(text.LOOKING_AT[name])
    page.downloads(shown.files, LAB)
