"""The Network x-ray page: layout only, the lab itself is playground/labs/xray."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from playground.labs.shared.job import Job
from playground.labs.shared.view import job_view
from playground.labs.xray import controls as settings
from playground.labs.xray import job as lab
from playground.labs.xray import payload, text, view
from playground.labs.xray.controls import XrayControls
from playground.labs.xray.job import Inspection, VariantSamples
from playground.streamlit_ui import components, following, open_model, page, visitor, widgets

LAB = "xray"
INSIDE = f"{LAB}/inside"
FIRST_WAIT = 0.6
"""Seconds that a forward pass is waited for before the page shows that it is under way."""


def show() -> None:
    """Draw the page."""
    controls = widgets.lab(XrayControls, LAB, text, lambda who: settings.rules(who, open_model.available(who)))
    job = _inspect(controls)
    following.follow(job, _drawing, draw_before=_put_up_before)
    state = job.state
    complete = job.before if state.is_running else state.result
    if complete is not None:
        _parts(controls, complete)


def _inspect(controls: XrayControls) -> Job[Inspection | None]:
    """The job of these settings: the one that there is, or a new one. Another block needs no new forward pass."""
    inspected, who = controls.model_copy(update={"block": ""}), visitor.current()
    kept: tuple[XrayControls, Job[Inspection | None]] | None = st.session_state.get(f"{LAB}/inspection")
    if kept is not None and kept[0] == inspected and kept[1].state.status != "stopped":
        return kept[1]
    job: Job[Inspection | None] = Job(lambda: lab.inspect(controls, who), "x-ray")
    job.replace(kept[1] if kept is not None else None)
    job.wait(FIRST_WAIT)
    st.session_state[f"{LAB}/inspection"] = (inspected, job)
    return job


def _drawing(inspection: Inspection | None) -> None:
    if inspection is None:
        return
    controls: XrayControls = st.session_state[f"{LAB}/controls"]
    # A drawing that is put up anew (for other settings, or after another page) begins with the chosen block. From then on
    # the browser knows the block, and what it began with stays: whatever has changed is sent again as a whole.
    key, begun = INSIDE, st.session_state.get(f"{LAB}/begun", (None, ""))
    if begun[0] != inspection.controls or getattr(st.session_state.get(key), "choice", None) is None:
        begun = st.session_state[f"{LAB}/begun"] = (inspection.controls, controls.block)
    value = _put_up(inspection, begun[1])
    if not isinstance(value, Mapping) or value.get("base") != inspection.controls.choice:
        return  # chosen in an earlier drawing
    changed = settings.chosen(controls, value)
    if changed != controls:
        widgets.change(LAB, changed)
        if changed.off != controls.off:
            st.rerun()


def _put_up_before(inspection: Inspection | None) -> None:
    """The drawing of earlier settings, as it was; what is chosen in it has no effect any more."""
    if inspection is not None:
        _put_up(inspection, st.session_state.get(f"{LAB}/begun", (None, ""))[1])


def _put_up(inspection: Inspection, block: str) -> object:
    value = components.xray(payload.payload(inspection, block), key=INSIDE)
    page.looking_at(text.LOOKING_AT)
    return value


def _parts(controls: XrayControls, inspection: Inspection) -> None:
    st.markdown(view.heading(inspection))
    job: Job[VariantSamples] | None = st.session_state.get(f"{LAB}/draw")
    begun, stopped = following.buttons(LAB, job_view(following.state_of(job), start=f"🎲 {text.DRAW}"))
    if stopped and job is not None:
        job.stop()
    if begun:
        who = visitor.current()
        following.begin(f"{LAB}/draw", Job(lambda: lab.draw(controls, who), "x-ray samples"))
    if begun or stopped:
        st.rerun()
    there = job.state.result if job is not None else None
    if job is not None and (there is None or there.belongs_to(controls)):
        following.follow(job, lambda samples: st.html(view.styled_table(inspection, samples)), text.STEPS)
    else:
        st.caption(text.DRAW_EMPTY)
    if there is None or not there.belongs_to(controls):
        following.dim(inspection.controls != controls.model_copy(update={"block": ""}))
        st.html(view.styled_table(inspection))
    page.looking_at(text.RELU)
    for column, file in zip(st.columns(2), view.files(inspection), strict=False):
        column.download_button(file.title, file.data, file.name, file.kind, key=f"{LAB}/{file.name}", width="stretch")
