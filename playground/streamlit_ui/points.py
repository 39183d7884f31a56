"""The Points page: layout only; the lab is playground/labs/points."""

from __future__ import annotations

import streamlit as st

from engine.data.points import PointsError, PointSet
from engine.data.points_csv import read_csv
from playground.components.payloads.point_clouds import PointClouds
from playground.components.payloads.points_microscope import ParticleCursor
from playground.labs.points import controls as settings
from playground.labs.points import decomposition, live_view, text, training
from playground.labs.points import job as sampling
from playground.labs.points.controls import PointsControls
from playground.labs.points.drawn import MOST_DRAWN, MOST_KINDS
from playground.labs.points.training import Learning
from playground.labs.points.view import PointsView, microscope, points_view
from playground.labs.shared.controls import checked
from playground.labs.shared.job import Job
from playground.labs.shared.view import Notice
from playground.streamlit_ui import components, following, in_browser, page, visitor, widgets

LAB = "points"


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD, text.TERMS)
    page.settings_hint()
    own: PointSet | None = st.session_state.get(f"{LAB}/own")
    with st.sidebar:
        controls = widgets.controls(PointsControls, LAB, settings.rules(own, visitor.current().bounds(LAB)))
    widgets.show_problems(LAB)
    if controls.data == "drawn":
        controls = _pad(controls)
    elif controls.data == "file":
        own = _file(own)
    view = points_view(controls, own, st.session_state.get(f"{LAB}/training"))
    page.notices(view.notices)
    if view.data is None:
        return
    page.wait()
    if not (view.trained is not None and in_browser.is_wanted(LAB) and _in_browser(controls, view)):
        _sampling(controls, view, view.data)
    _step(view)
    _training(controls, view, view.data)


def _in_browser(controls: PointsControls, view: PointsView) -> bool:
    """Show the clouds computed in the reader's browser; False, with the reason, where they cannot be."""
    shown = live_view.live_view(controls, view)
    if shown is None or isinstance(shown, Notice):
        page.notices([shown] if shown is not None else [])
        return False
    components.live("live_points", shown, {"moved": _moved}, key=f"{LAB}/live-stage")
    page.looking_at(text.STAGE)
    return True


def _moved(value: object) -> None:
    controls = live_view.moved(_now(), value)
    if controls is not None:
        widgets.set_controls(LAB, controls)


def _sampling(controls: PointsControls, view: PointsView, data: PointSet) -> None:
    job: Job[PointClouds | None] | None = st.session_state.get(f"{LAB}/job")
    if job is None or st.session_state.get(f"{LAB}/key") != view.key:
        job = following.begin(f"{LAB}/job", Job(lambda: sampling.work(controls, data, view.trained), "points"))
        st.session_state[f"{LAB}/key"] = view.key
    job.wait(0.3)  # most have ended by then, and need no progress bar
    following.follow(job, lambda _: None, "steps")
    if not job.state.is_running and job.state.result is not None:
        st.session_state[f"{LAB}/shown"] = job.state.result
    if f"{LAB}/shown" in st.session_state:  # the previous clouds stay until the new ones are there
        components.figure("point_clouds", st.session_state[f"{LAB}/shown"].to_message(), key=f"{LAB}/stage")
    page.looking_at(text.STAGE)


@st.fragment
def _step(view: PointsView) -> None:
    """The step decomposition: selecting another particle or step draws nothing else again."""
    st.markdown(f"## {text.STEP}")
    st.markdown(text.STEP_LEAD)
    shown = microscope(_now(), view, st.session_state.get(f"{LAB}/bench"))
    st.session_state[f"{LAB}/bench"] = shown
    if shown is not None:
        components.points_microscope(shown, _select, key=f"{LAB}/step")
    page.looking_at(text.STEP_ABOUT)


def _select(where: ParticleCursor) -> None:
    widgets.change(LAB, decomposition.moved(_now(), where))


def _now() -> PointsControls:
    controls: PointsControls = st.session_state[f"{LAB}/controls"]
    return controls


def _training(controls: PointsControls, view: PointsView, data: PointSet) -> None:
    st.markdown(f"## {text.TRAIN}")
    st.markdown(text.TRAIN_LEAD)
    job: Job[Learning] | None = st.session_state.get(f"{LAB}/training")
    started, stopped = following.buttons(f"{LAB}/train", view.training)
    if job is not None and (started or stopped):
        job.stop()
    if started:
        if job is not None:
            job.wait(5)
        st.session_state[f"{LAB}/training"] = Job(lambda: training.work(controls, data, view.before), "points training")
    if started or stopped:
        st.rerun()
    if job is None:
        following.status(view.training)
        return
    following.follow(job, _learning, "steps")
    state = job.state
    if not state.is_running and state.result is not None:
        if view.before and controls.model == "exact" and controls.compare != "model":
            st.success(text.TRAINED)
        file = training.losses_file(state.result)
        st.download_button(file.title, file.data, file.name, file.kind)
    page.looking_at(text.TRAINING)


def _learning(learning: Learning) -> None:
    left, right = st.columns(2)
    with left:
        components.figure("point_clouds", training.stage(learning).to_message(), key=f"{LAB}/learning")
    with right:
        components.live_chart(training.chart(learning), key=f"{LAB}/losses")


def _pad(controls: PointsControls) -> PointsControls:
    st.markdown(f"## {text.DRAW}")
    drawn = components.drawing_pad(controls.drawn, MOST_DRAWN, MOST_KINDS, key=f"{LAB}/pad")
    page.looking_at(text.PAD)
    return controls if drawn == controls.drawn else widgets.change(LAB, checked(controls, drawn=drawn))


def _file(own: PointSet | None) -> PointSet | None:
    file = st.file_uploader(text.UPLOAD, type=["csv", "txt", "tsv"], key=f"{LAB}/file", help=text.UPLOAD_HELP)
    pasted = st.text_area(text.PASTE, key=f"{LAB}/pasted", placeholder="0.1, 0.4\n0.3, −0.2", height=110)
    given: tuple[str, bytes | str] = (file.file_id, file.getvalue()) if file is not None else (pasted, pasted)
    if not given[1]:
        return own
    if st.session_state.get(f"{LAB}/read") != given[0]:
        try:
            own, note = read_csv(given[1], most_points=settings.most_points(visitor.current()))
        except PointsError as problem:
            st.error(str(problem))
            return own
        st.session_state[f"{LAB}/own"], st.session_state[f"{LAB}/own note"] = own, note
        st.session_state[f"{LAB}/read"] = given[0]
        st.rerun()  # the settings know its classes from now on
    if f"{LAB}/own note" in st.session_state:
        st.caption(st.session_state[f"{LAB}/own note"])
    return own
