"""The Likelihood page: layout only, the lab itself is playground/labs/likelihood/job.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from playground.labs.likelihood import controls as settings
from playground.labs.likelihood import text
from playground.labs.likelihood.controls import LikelihoodControls
from playground.labs.shared.job import Job
from playground.labs.shared.view import job_view
from playground.streamlit_ui import components, following, loading, page, visitor, widgets

if TYPE_CHECKING:
    from playground.labs.likelihood.job import Measured

LAB = "likelihood"


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    loading.wait()
    from playground.labs.likelihood import excess_loss, figures, latent
    from playground.labs.shared import models

    who = visitor.current()
    available, vaes, runs = models.choices(who), latent.vaes(who), excess_loss.runs(who)
    with st.sidebar:
        controls = widgets.controls(
            LikelihoodControls,
            LAB,
            disabled=settings.without_effect,
            options=settings.choices(available, vaes, runs),
        )
    widgets.show_problems(LAB)
    st.html(figures.style())
    job: Job[Measured] = st.session_state.get(f"{LAB}/job") or _start(controls)  # at first, something to see at once
    begun, stopped = following.buttons(LAB, job_view(job.state, start=f"⚖️ {text.START}"))
    if stopped:
        job.stop()
    if begun:
        job.stop()
        _start(controls)
        st.rerun()
    if st.session_state[f"{LAB}/measured"] != settings.measured(controls):
        st.info(text.CHANGED)
    following.follow(job, _results, text.WHAT)
    _latent(controls)
    _heat(controls)


def _start(controls: LikelihoodControls) -> Job[Measured]:
    from playground.labs.likelihood import job as likelihood

    who = visitor.current()
    job = st.session_state[f"{LAB}/job"] = Job(lambda: likelihood.work(controls, who), LAB)
    st.session_state[f"{LAB}/measured"] = settings.measured(controls)
    return job


def _results(measured: Measured) -> None:
    from playground.labs.likelihood import figures
    from playground.labs.likelihood import job as likelihood

    for problem in measured.problems:
        st.info(problem)
    components.figure("stacked", figures.stacked(measured), key=f"{LAB}/bars")
    page.looking_at(text.BARS)
    if measured.controls.compare in text.REMARKS:
        st.caption(text.REMARKS[measured.controls.compare])
    for sentence in likelihood.differences(measured):
        st.caption(widgets.plain(sentence))
    left, right = st.columns(2)
    with left:
        components.live_chart(figures.trade(measured), key=f"{LAB}/trade")
        page.looking_at(text.TRADE)
    with right:
        st.markdown(f"#### {text.PRICES}")
        st.html(figures.prices(measured) or "<p></p>")
        page.looking_at(text.PRICES_ABOUT)
    st.download_button(
        text.PRICES_CSV, figures.csv_of_pictures(measured), "bits-by-picture.csv", "text/csv", key=f"{LAB}/csv"
    )


def _latent(controls: LikelihoodControls) -> None:
    from playground.labs.likelihood import figures, latent

    st.markdown(f"#### {text.LATENT}")
    try:
        views = latent.views(controls, visitor.current())
    except ValueError as problem:
        st.error(str(problem))
        return
    if isinstance(views, str):
        st.info(views)
        return
    for problem in views.problems:
        st.warning(problem)
    st.html(
        figures.picture_rows(((text.ORIGINALS, views.back[0]), (text.BACK, views.back[1]), (text.DRAWN, views.drawn)))
    )
    page.looking_at(f"{text.LATENT_ABOUT} {text.used(views.used, views.latent)}")
    components.timeline(views.walk, key=f"{LAB}/walk")
    page.looking_at(text.WALK)
    st.html(figures.grid(views.grid, *views.axes))
    page.looking_at(text.GRID)


def _heat(controls: LikelihoodControls) -> None:
    from playground.labs.likelihood import excess_loss, figures

    closer = st.expander(text.HEAT, on_change="rerun", key=f"{LAB}/heat open")
    if not closer.open:
        return
    with closer:
        try:
            with st.spinner(text.HEAT_WAIT):
                shown = figures.heat(excess_loss.heat_map(controls.run, visitor.current()))
        except ValueError as problem:
            st.error(str(problem))
            return
        components.figure("heatmap", shown, key=f"{LAB}/heat")
        page.looking_at(text.HEAT_ABOUT)
