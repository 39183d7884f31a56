"""The Sampling page."""

from __future__ import annotations

import secrets

import streamlit as st

from playground.labs.microscope import job as microscope
from playground.labs.sampling import controls as settings
from playground.labs.sampling import job as lab
from playground.labs.sampling import text
from playground.labs.sampling.controls import SamplingControls
from playground.labs.sampling.job import SamplingJob
from playground.labs.shared import models
from playground.labs.shared.controls import checked
from playground.streamlit_ui import components, loading, open_model, page, visitor, widgets

POLL = 0.25
"""Seconds between two looks at a running job."""


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    loading.wait()
    with st.sidebar:
        controls = _settings()
    widgets.show_problems("sampling")
    opened = _opened(controls)
    job: SamplingJob | None = st.session_state.get("sampling/job")
    if job is None and opened is not None:
        job = _start(*opened)  # the first visit: something to see at once

    running = job is not None and job.progress.status == "running"
    row = st.container(horizontal=True, vertical_alignment="center")
    if (
        row.button("Draw", type="primary", icon="🎲", width=150, disabled=opened is None, key="sampling/draw")
        and opened
    ):
        job = _start(*opened)
        running = True
    row.button("Stop", icon="⏹️", width=120, disabled=not running, key="sampling/stop", on_click=_stop)
    if job is None:
        st.info(text.PRESS_DRAW)
        return
    if opened is not None and not running and opened[1] != {one.side: one.recipe for one in job.trajectories}:
        row.caption(text.CHANGED)
    if running:
        _running(job)
    else:
        _finished(job)


def _settings() -> SamplingControls:
    available = models.choices(visitor.current(), tuple(open_model.opened()))
    kept: SamplingControls = st.session_state.get("sampling/controls", SamplingControls())
    asked = st.session_state.pop("sampling/wanted", None)
    if asked in available:  # the Training lab sends the reader here with a run
        kept = checked(kept, model=asked)
        if models.needs_label(asked, visitor.current()):
            kept = checked(kept, labels="each" if kept.labels == "none" else kept.labels, scale=1.0, b_scale=1.0)
        widgets.set_controls("sampling", kept)
        st.session_state.pop("sampling/job", None)
    guide = st.session_state.pop("sampling/wanted_classifier", None)
    if (
        guide is not None
    ):  # or with a classifier and the pictures that it reads: it alone shall guide, to see what it does
        model = models.fitting(guide["data"], available)
        kept = checked(kept, model=model, labels="each", scale=0.0, classifier=guide["name"])
        widgets.set_controls("sampling", kept)
        st.session_state.pop("sampling/job", None)
    controls = widgets.controls(
        SamplingControls,
        "sampling",
        hidden=settings.hidden,
        disabled=lambda now: settings.without_effect(now, models.classes_of(now.model, visitor.current())),
        options=settings.choices(available, models.classifier_choices(visitor.current())),
    )
    open_model.expander()
    return controls


def _opened(controls: SamplingControls) -> tuple[lab.Model, dict[lab.Side, lab.Recipe]] | None:
    """The model and the recipes of these settings; None where there is an error, which is shown."""
    try:
        return settings.open_recipes(controls, visitor.current())
    except ValueError as error:
        st.error(str(error))
        return None


def _start(model: lab.Model, recipes: dict[lab.Side, lab.Recipe]) -> SamplingJob:
    old: SamplingJob | None = st.session_state.get("sampling/job")
    if old is not None:
        old.stop()
    job = SamplingJob(secrets.token_hex(6), model, recipes)
    st.session_state["sampling/job"] = job
    st.session_state["sampling/live"] = (0, None)
    return job


def _stop() -> None:
    job: SamplingJob | None = st.session_state.get("sampling/job")
    if job is not None:
        job.stop()


@st.fragment(run_every=POLL)
def _running(job: SamplingJob) -> None:
    progress = job.progress
    if progress.status != "running":
        st.rerun()
    left = f"about {progress.seconds_left:.0f} s left" if progress.seconds_left is not None else "starting"
    st.progress(progress.done / progress.total, text=f"Step {progress.done} of {progress.total}, {left}")
    sides = {trajectory.side: job.frames(trajectory.side) for trajectory in job.trajectories}
    totals = {trajectory.side: len(trajectory.kept) for trajectory in job.trajectories}
    if len(set(totals.values())) > 1:  # different numbers of steps: no common strip to add to, so all there is so far
        shown = lab.timeline(job.id, sides, pick=False)
    else:
        sent, shown = st.session_state["sampling/live"]
        new = lab.live_timeline(job.id, sides, totals, sent)
        if new is not None:
            shown = new
            st.session_state["sampling/live"] = (new.first + len(new.positions), new)
    if shown is not None:
        components.timeline(shown, key="sampling/timeline")


def _finished(job: SamplingJob) -> None:
    progress = job.progress
    if progress.status == "failed":
        st.error(progress.error)
    sides = {trajectory.side: job.frames(trajectory.side) for trajectory in job.trajectories}
    shown = lab.timeline(job.id, sides)
    if shown is None:
        st.info(text.STOPPED_EARLY)
        return
    told = "Stopped" if progress.status == "stopped" else "Done"
    st.caption(f"{told} after {progress.done} of {progress.total} steps in {progress.seconds:.1f} s.")
    state = components.timeline(shown, key="sampling/timeline")
    page.looking_at(text.LOOKING_AT)
    _neighbours(job, sides, state.pick)
    _take_away(job, sides)


def _neighbours(job: SamplingJob, sides: dict[lab.Side, list[lab.FrameImages]], pick: components.Pick | None) -> None:
    side: lab.Side = "B" if pick is not None and pick.lane.endswith("B") and len(sides) > 1 else "A"
    number = pick.picture if pick is not None else 0
    result = sides[side][-1].x0 if sides[side] else None
    if result is None or number >= len(result):
        return
    _microscope(job, side, number, sides[side], pick)
    found = lab.neighbours(job.model, result[number])
    if not found:
        return
    with st.container(border=True):
        st.markdown(text.nearest(number + 1, side if len(sides) > 1 else ""))
        columns = st.columns(len(found) + 1)
        with columns[0]:
            page.picture(result[number], "this sample")
        for column, (picture, name, distance) in zip(columns[1:], found, strict=True):
            with column:
                page.picture(picture, f"{f'class {name}, ' if name else ''}distance {distance:.0f}")
        page.looking_at(
            text.DISTANCE
            + lab.by_heart(next(trajectory.recipe for trajectory in job.trajectories if trajectory.side == side))
        )


def _microscope(
    job: SamplingJob, side: lab.Side, number: int, frames: list[lab.FrameImages], pick: components.Pick | None
) -> None:
    """The way to the Microscope, with this picture at the step that was shown when it was chosen."""
    pages = st.session_state.get("pages", {})
    recipe = next(trajectory.recipe for trajectory in job.trajectories if trajectory.side == side)
    frame = frames[min(pick.position, len(frames) - 1)].step if pick is not None else recipe.steps // 2
    try:
        classes = len(job.model.class_names) or models.classes_told_apart(recipe.classifier, visitor.current())
        link = microscope.link_from_sampling(recipe, classes, number, frame)
    except ValueError:  # seeds and labels that no link has
        return
    if "microscope" in pages:
        label = text.under_microscope(number + 1, side if len(job.trajectories) > 1 else "")
        st.page_link(pages["microscope"], label=label, icon="🔬", query_params=link)


def _take_away(job: SamplingJob, sides: dict[lab.Side, list[lab.FrameImages]]) -> None:
    from engine.recipes.recipe import png_bytes

    for trajectory in job.trajectories:
        frames = sides[trajectory.side]
        if not frames:
            continue
        with st.expander(text.take_away(trajectory.side if len(job.trajectories) > 1 else "")):
            columns = st.columns(2)
            columns[0].download_button(
                "Pictures (PNG, carries its recipe)",
                png_bytes(frames[-1].x0, trajectory.recipe, zoom=4),
                f"samples-{job.id}{trajectory.side}.png",
                "image/png",
                width="stretch",
                key=f"sampling/png{trajectory.side}",
            )
            columns[1].download_button(
                "Recipe (JSON)",
                trajectory.recipe.model_dump_json(exclude_defaults=True, indent=2),
                f"recipe-{job.id}{trajectory.side}.json",
                "application/json",
                width="stretch",
                key=f"sampling/json{trajectory.side}",
            )
            st.code(trajectory.recipe.python(), language="python")
