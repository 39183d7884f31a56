"""The Network x-ray page: layout only, the lab itself is playground/labs/xray/job.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from playground.labs.shared import models
from playground.labs.shared.job import Job
from playground.labs.shared.view import job_view
from playground.labs.xray import job as lab
from playground.labs.xray import text
from playground.labs.xray.job import Drawing, Seen, XrayControls
from playground.streamlit_ui import components, following, loading, open_model, page, visitor, widgets

LAB = "xray"
AT_ONCE = 0.6
"""Seconds that a look is waited for before the page shows that it is under way."""


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    loading.wait()
    with st.sidebar:
        who = visitor.current()
        available = models.choices(who, tuple(open_model.opened()))
        controls = widgets.controls(
            XrayControls, LAB, hidden=lab.hidden, options=lambda now: lab.options(now, available, who)
        )
    widgets.show_problems(LAB)
    job = _look(controls)
    following.follow(job, _seen)
    _parts(controls, job)


def _look(controls: XrayControls) -> Job[Seen | None]:
    """The look at these settings: the one that there is, or a new one. Another block of the same look is no new look."""
    asked = controls.model_copy(update={"block": ""})
    kept: tuple[XrayControls, Job[Seen | None]] | None = st.session_state.get(f"{LAB}/look")
    if kept is not None and kept[0] == asked and kept[1].state.status != "stopped":
        return kept[1]
    if kept is not None:
        kept[1].stop()
    who = visitor.current()
    job: Job[Seen | None] = Job(lambda: lab.look(controls, who), "x-ray")
    job.wait(AT_ONCE)
    st.session_state[f"{LAB}/look"] = (asked, job)
    return job


def _seen(seen: Seen | None) -> None:
    from playground.labs.xray import view as figures

    if seen is None:
        return
    controls: XrayControls = st.session_state[f"{LAB}/controls"]
    # A look, and a drawing that is put up anew (after another page, say), begin with the block that was chosen. From then on
    # the drawing knows better, and what it began with stays: whatever has changed is sent again as a whole.
    begun, key = st.session_state.get(f"{LAB}/begun"), f"{LAB}/inside"
    if begun is None or begun[0] != seen.controls or getattr(st.session_state.get(key), "choice", None) is None:
        begun = st.session_state[f"{LAB}/begun"] = (seen.controls, controls.block)
    told = components.xray(figures.payload(seen, begun[1]), key=key)
    page.looking_at(text.LOOKING_AT)
    if not isinstance(told, Mapping) or told.get("base") != seen.controls.choice:
        return  # chosen in an earlier drawing
    changed = lab.chosen(controls, told)
    if changed != controls:
        widgets.change(LAB, changed)
        if changed.off != controls.off:
            st.rerun()


def _parts(controls: XrayControls, look: Job[Seen | None]) -> None:
    from playground.labs.xray import view as figures

    seen = look.state.result
    if seen is None or look.state.is_running:
        return
    st.markdown(f"#### {text.PARTS_TITLE}")
    st.markdown(text.PARTS_LEAD.format(trained=seen.trained_with))
    st.html(figures.style())
    job: Job[Drawing] | None = st.session_state.get(f"{LAB}/draw")
    begun, stopped = following.buttons(LAB, job_view(following.state_of(job), start=f"🎲 {text.DRAW}"))
    if begun:
        if job is not None:
            job.stop()
        who = visitor.current()
        st.session_state[f"{LAB}/draw"] = Job(lambda: lab.draw(controls, who), "x-ray draws")
        st.rerun()
    if stopped and job is not None:
        job.stop()
        st.rerun()

    def table(drawing: Drawing) -> None:
        st.html(figures.table(lab.merged(seen.variants, drawing.variants)))

    there = job.state.result if job is not None else None
    if job is not None and (there is None or there.belongs_to(controls)):
        following.follow(job, table, text.STEPS)
    else:
        st.caption(text.DRAW_EMPTY)
    if there is None or not there.belongs_to(controls):
        st.html(figures.table(seen.variants))
    page.looking_at(text.RELU)
    columns: list[Any] = list(st.columns(2))
    for column, file in zip(columns, figures.files(seen, seen.variants), strict=False):
        column.download_button(file.title, file.data, file.name, file.kind, key=f"{LAB}/{file.name}", width="stretch")
