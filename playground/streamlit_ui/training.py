"""The Training page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from playground.labs.likelihood.controls import LikelihoodControls
from playground.labs.shared import models, naming
from playground.labs.shared.controls import reason
from playground.labs.training import charts, doctor, runs, text
from playground.labs.training import controls as lab
from playground.labs.training.controls import TrainingControls
from playground.streamlit_ui import (
    components,
    loading,
    page,
    pictures,
    training_compare,
    training_doctor,
    training_runs,
    visitor,
    widgets,
)
from playground.streamlit_ui.training_doctor import AGAIN
from playground.streamlit_ui.training_runs import COMPARED, RUN

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot

POLL = 0.5
"""Seconds between two looks at a run."""


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    loading.wait()
    training = visitor.current().runs
    pictures.take_wanted()
    with st.sidebar:
        controls = widgets.controls(
            TrainingControls,
            "training",
            disabled=lambda now: lab.without_effect(now, visitor.current()),
            options=pictures.options,
            also_in_link=("run", "compare", "against"),
        )
        pictures.follow(controls)
        wanted = _estimate(controls)
        if wanted is not None and st.button(
            text.START, type="primary", icon="🏋️", width="stretch", key="training/start"
        ):
            st.session_state[RUN], st.session_state[COMPARED] = training.submit(wanted), []
            st.session_state.pop(training_doctor.TOLD, None)
    widgets.show_problems("training")
    training_doctor.show_told()
    training_runs.show_deleted(training)
    ids = training.ids()
    training_runs.choose(ids)
    training_runs.write_link()
    st.session_state.pop(AGAIN, None)
    run_id, compared = st.session_state[RUN], st.session_state[COMPARED]
    pictures.show(wanted, expanded=run_id is None)
    if run_id is None:
        st.info(text.NOTHING, icon="🏋️")
        return
    training_runs.show_list(training, ids)
    if len(compared) > 1:
        training_compare.show(training, compared)
        return
    snapshot = training.snapshot(run_id)
    if snapshot is None:
        return
    training_runs.show_name(training, snapshot)
    doctor.findings(snapshot)  # it may begin to look at something now
    st.session_state["training/polling"] = polling = runs.may_change(snapshot)
    st.fragment(_run, run_every=POLL if polling else None)(run_id)


def _estimate(controls: TrainingControls) -> lab.TrainConfig | None:
    """Says what the run will cost, before it starts."""
    try:
        with st.spinner(text.TRYING):
            wanted, found = lab.planned(controls, visitor.current())
    except ValueError as error:
        st.error(reason(error) or str(error))
        return None
    columns = st.columns(2)
    columns[0].metric("Parameters", f"{found.parameters / 1e6:.2f} M")
    columns[1].metric("Takes about", naming.duration(found.seconds_per_step * controls.steps))
    st.caption(lab.cost(controls, found))
    return wanted


def _run(run_id: str) -> None:
    """One run as it is now; called again and again while it is active."""
    snapshot = visitor.current().runs.snapshot(run_id)
    if snapshot is None:
        return
    _head(snapshot)
    found = doctor.findings(snapshot)
    if st.session_state.pop(AGAIN, False) or runs.may_change(snapshot) != st.session_state["training/polling"]:
        st.rerun()  # it has ended, or goes on again: the page looks again and again only while it must
    if snapshot.error:
        st.error(snapshot.error)
    if snapshot.note:
        st.warning(snapshot.note)
    training_doctor.show(snapshot, found)
    _charts(snapshot)
    _samples(snapshot)
    _command(snapshot)


def _samples(snapshot: Snapshot) -> None:
    """What it draws, or how well it reads."""
    if snapshot.config.task == "classifier":
        components.live_chart(charts.accuracy_chart(snapshot), key="training/reading")
        page.looking_at(text.READING)
        return
    strip = charts.previews(snapshot)
    if strip is not None:
        components.timeline(strip, key="training/previews")
        page.looking_at(text.PREVIEWS)
    elif snapshot.status == "running":
        st.caption(text.FIRST_SAMPLES)


def _command(snapshot: Snapshot) -> None:
    """What does the same without the page."""
    if snapshot.command:
        st.caption(text.SHELL)
        st.code(snapshot.command, "bash", wrap_lines=True)


def _charts(snapshot: Snapshot) -> None:
    """The loss over time and by noise level, and the bound where there is one."""
    reads = snapshot.config.task == "classifier"
    if snapshot.config.task == "vae":  # it sees no noise levels
        components.live_chart(charts.loss_chart(snapshot), key="training/loss")
        page.looking_at(text.LOSS_OF_VAE)
        return
    left, right = st.columns(2)
    with left:
        components.live_chart(charts.loss_chart(snapshot), key="training/loss")
        page.looking_at(text.LOSS_OF_READING if reads else text.LOSS)
    with right:
        components.live_chart(charts.level_chart(snapshot), key="training/levels")
        page.looking_at(text.LEVELS)
    if snapshot.config.learned_variance and not reads:
        components.live_chart(charts.bound_chart(snapshot), key="training/bound")
        page.looking_at(text.BOUND)


def _head(snapshot: Snapshot) -> None:
    training, run_id = visitor.current().runs, snapshot.id
    st.progress(min(1.0, snapshot.step / snapshot.config.steps), text=runs.standing(snapshot))
    last = snapshot.reports[-1] if snapshot.reports else None
    speed = snapshot.images_per_second
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    row.metric("Loss", f"{last.loss:.4f}" if last else "–", width=110)
    row.metric("Images a second", f"{speed:.0f}" if speed else "–", width=125)
    row.metric("Time left", naming.duration(snapshot.seconds_left) if snapshot.active else "–", width=90)
    given = {"args": (run_id,), "width": 108}
    if snapshot.status in ("running", "queued"):
        row.button("Pause", icon="⏸️", key="training/pause", on_click=training.pause, **given)
    else:
        over = snapshot.status in ("finished", "failed")
        row.button("Resume", icon="▶️", key="training/resume", disabled=over, on_click=training.resume, **given)
    row.button("Stop", icon="⏹️", key="training/stop", disabled=not snapshot.active, on_click=training.stop, **given)
    if snapshot.can_encode:
        inside = {"icon": "⚖️", "width": 145, "key": "training/inside", "help": text.LOOK_INSIDE_HELP}
        if row.button(text.LOOK_INSIDE, **inside):
            _look_inside(snapshot)
    elif row.button(
        "Draw with it",
        icon="🎲",
        width=145,
        key="training/draw",
        disabled=not (snapshot.can_sample or snapshot.can_guide),
        help=text.draw_help(snapshot.config.task),
    ):
        if snapshot.can_guide:
            st.session_state["sampling/wanted_classifier"] = {"name": f"run:{run_id}", "data": snapshot.config.data}
        else:
            st.session_state["sampling/wanted"] = f"run:{run_id}"
        st.switch_page(st.session_state["pages"]["sampling"])
    st.caption(lab.pace(snapshot))


def _look_inside(snapshot: Snapshot) -> None:
    """Open the Likelihood lab with a VAE."""
    widgets.set_controls("likelihood", LikelihoodControls.model_validate(models.inside_link(snapshot)))
    st.session_state.pop("likelihood/job", None)
    st.switch_page(st.session_state["pages"]["likelihood"])
