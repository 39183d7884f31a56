"""The Likelihood page: layout only, the lab itself is playground/labs/likelihood."""

from __future__ import annotations

import streamlit as st

from playground.labs.likelihood import html_parts, text, view
from playground.labs.likelihood import job as lab
from playground.labs.likelihood.controls import LikelihoodControls
from playground.labs.likelihood.results import Measurement
from playground.labs.shared.job import Job
from playground.labs.shared.view import job_view
from playground.streamlit_ui import components, following, page, visitor, widgets

LAB = "likelihood"


def show() -> None:
    """Draw the page."""
    controls = widgets.lab(LikelihoodControls, LAB, text, view.rules)
    st.html(html_parts.style())
    job: Job[Measurement] = st.session_state.get(f"{LAB}/job") or _start(controls)  # at first, something to see at once
    begun, stopped = following.buttons(LAB, job_view(job.state, start=f"⚖️ {text.START}"))
    if stopped:
        job.stop()
    if begun:
        _start(controls)
        st.rerun()
    page.notices(view.settings_notices(controls, job.state.result, visitor.current()))
    with st.container(key=f"{LAB}/results"):
        following.follow(job, _results, text.WHAT)
    _vae(controls)
    _heat(controls)


def _start(controls: LikelihoodControls) -> Job[Measurement]:
    who = visitor.current()
    return following.begin(f"{LAB}/job", Job(lambda: lab.work(controls, who), LAB))


def _results(measured: Measurement) -> None:
    shown = view.bars_view(measured)
    components.figure("stacked", shown.bars, key=f"{LAB}/bars")
    page.looking_at(text.BARS)
    for remark in shown.notices:
        st.caption(page.plain(remark.text))
    left, right = st.columns(2)
    with left:
        components.live_chart(shown.trade, key=f"{LAB}/trade")
        page.looking_at(text.TRADE)
    with right:
        st.markdown(f"## {text.BITS}")
        st.html(shown.images or "<p></p>")
        page.looking_at(text.BITS_ABOUT)
    file = shown.file
    st.download_button(file.title, file.data, file.name, file.kind, key=f"{LAB}/csv")


def _vae(controls: LikelihoodControls) -> None:
    st.markdown(f"## {text.LATENT}")
    shown = view.vae_view(controls, visitor.current())
    page.notices(shown.notices)
    if shown.interpolation is None:
        return
    st.html(shown.images)
    page.looking_at(f"{text.LATENT_ABOUT} {shown.used}")
    components.timeline(shown.interpolation, key=f"{LAB}/interpolation")
    page.looking_at(text.INTERPOLATION)
    st.html(shown.grid)
    page.looking_at(text.GRID)


def _heat(controls: LikelihoodControls) -> None:
    closer = st.expander(text.HEAT, on_change="rerun", key=f"{LAB}/heat open")
    if not closer.open:
        return
    with closer:
        with st.spinner(text.HEAT_WAIT):
            notices, shown = view.heat_view(controls, visitor.current())
        page.notices(notices)
        if shown is not None:
            components.figure("heatmap", shown, key=f"{LAB}/heat")
            page.looking_at(text.HEAT_ABOUT)
