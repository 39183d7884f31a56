"""The Points page: layout only, the lab itself is playground/labs/points/controls.py."""

from __future__ import annotations

import streamlit as st

from engine.data.points import PointsError, PointSet
from engine.data.points_csv import read_csv
from playground.components.payloads.point_clouds import PointClouds
from playground.components.payloads.points_microscope import PointsMicroscope
from playground.labs.points import controls as lab
from playground.labs.points import decomposition, text, training, trajectory
from playground.labs.points import job as points_stage
from playground.labs.points.controls import PointsControls
from playground.labs.points.drawn import MOST_DRAWN, MOST_KINDS
from playground.labs.points.training import Learning
from playground.labs.points.trajectory import Trained
from playground.labs.shared.controls import checked
from playground.labs.shared.job import Job
from playground.labs.shared.view import job_view
from playground.streamlit_ui import components, following, loading, page, visitor, widgets

LAB = "points"


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    own: PointSet | None = st.session_state.get(f"{LAB}/own")
    with st.sidebar:
        controls = widgets.controls(
            PointsControls,
            LAB,
            hidden=lab.hidden,
            disabled=lambda now: lab.without_effect(now, own),
            options=lambda now: {"label": lab.label_titles(now, own)},
        )
    widgets.show_problems(LAB)
    if controls.data == "drawn":
        controls = _pad(controls)
    elif controls.data == "file":
        own = _file(own)
    try:
        data = lab.points_of(controls, own)
    except PointsError as problem:
        st.info(str(problem))
        return
    loading.wait()
    _sampling(controls, data)
    _training(controls, data)


def _sampling(controls: PointsControls, data: PointSet) -> None:
    trained = training.usable(st.session_state.get(f"{LAB}/training"), controls, data)
    if trained is None and (controls.model == "trained" or controls.compare == "model"):
        st.info(points_stage.NOT_TRAINED)
    key = trajectory.stage_key(controls, data, trained)
    job: Job[PointClouds | None] | None = st.session_state.get(f"{LAB}/job")
    if job is None or st.session_state.get(f"{LAB}/key") != key:
        if job is not None:
            job.stop()
        job = Job(lambda: points_stage.work(controls, data, trained), "points")
        st.session_state[f"{LAB}/job"], st.session_state[f"{LAB}/key"] = job, key
    job.wait(0.3)  # many answers are there by then: no need for a bar
    following.follow(job, lambda _: None, "steps")
    shown: PointClouds | None = job.state.result if not job.state.is_running else None
    if shown is not None:
        st.session_state[f"{LAB}/shown"] = shown
    else:
        shown = st.session_state.get(f"{LAB}/shown")  # the one before, until the new one is there
    if shown is not None:
        components.point_clouds(shown, key=f"{LAB}/stage")
    page.looking_at(text.STAGE)
    _step(data, trained)


@st.fragment
def _step(data: PointSet, trained: Trained | None) -> None:
    """One step of the chosen particle: moving along its way draws nothing else again."""
    st.markdown(f"#### {text.STEP}")
    st.markdown(text.STEP_LEAD)
    before: PointsMicroscope | None = st.session_state.get(f"{LAB}/bench")
    shown = decomposition.bench(_now(), data, trained, before)
    st.session_state[f"{LAB}/bench"] = shown
    components.points_microscope(
        shown, lambda where: widgets.change(LAB, decomposition.moved(_now(), where)), key=f"{LAB}/step"
    )
    page.looking_at(text.STEP_ABOUT)


def _now() -> PointsControls:
    return st.session_state[f"{LAB}/controls"]


def _training(controls: PointsControls, data: PointSet) -> None:
    st.markdown(f"#### {text.TRAIN}")
    st.markdown(text.TRAIN_LEAD)
    job: Job[Learning] | None = st.session_state.get(f"{LAB}/training")
    before = training.goes_on(job, controls, data)
    begun, stopped = following.buttons(
        f"{LAB}/train", job_view(following.state_of(job), start=f"🏋️ {text.TRAIN_ON if before else text.BEGIN}")
    )
    if stopped and job is not None:
        job.stop()
        st.rerun()
    if begun:
        if job is not None:
            job.stop()
            job.wait(5)
        job = Job(lambda: training.work(controls, data, before), "points training")
        st.session_state[f"{LAB}/training"] = job
        st.rerun()
    if job is None:
        st.caption(text.TRAIN_EMPTY)
        return
    following.follow(job, _learning, "steps")
    if not job.state.is_running and job.state.result is not None:
        if before and controls.model == "exact" and controls.compare != "model":
            st.success(text.TRAINED)
        st.download_button(text.LOSSES, training.losses_csv(job.state.result), "losses.csv", "text/csv")
    page.looking_at(text.TRAINING)


def _learning(learning: Learning) -> None:
    left, right = st.columns(2)
    with left:
        components.point_clouds(training.stage(learning), key=f"{LAB}/learning")
    with right:
        components.live_chart(training.chart(learning), key=f"{LAB}/losses")


def _pad(controls: PointsControls) -> PointsControls:
    st.markdown(f"#### {text.DRAW}")
    drawn = components.drawing_pad(controls.drawn, MOST_DRAWN, MOST_KINDS, key=f"{LAB}/pad")
    page.looking_at(text.PAD)
    if drawn != controls.drawn:
        return widgets.change(LAB, checked(controls, drawn=drawn))
    return controls


def _file(own: PointSet | None) -> PointSet | None:
    file = st.file_uploader(text.UPLOAD, type=["csv", "txt", "tsv"], key=f"{LAB}/file", help=text.UPLOAD_HELP)
    pasted = st.text_area(text.PASTE, key=f"{LAB}/pasted", placeholder="0.1, 0.4\n0.3, −0.2", height=110)
    given = (file.file_id, file.getvalue()) if file is not None else (pasted, pasted)
    if not given[1]:
        return own
    if st.session_state.get(f"{LAB}/read") != given[0]:
        try:
            own, note = read_csv(given[1], most_points=lab.most_points(visitor.current()))
        except PointsError as problem:
            st.error(str(problem))
            return own
        st.session_state[f"{LAB}/own"], st.session_state[f"{LAB}/own note"] = own, note
        st.session_state[f"{LAB}/read"] = given[0]
        st.rerun()  # the settings know its classes from now on
    if note := st.session_state.get(f"{LAB}/own note"):
        st.caption(note)
    return own
