"""The Schedules page: layout only; the lab is playground/labs/schedules."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from pydantic import ValidationError

from playground.labs.schedules import controls, drawn, figures, job, text, view
from playground.labs.schedules.controls import ScheduleControls
from playground.labs.shared.controls import checked, reason
from playground.labs.shared.text import with_subscripts
from playground.streamlit_ui import components, page, widgets

LAB = "schedules"
POINTS, POINTS_SHOWN, POINTS_PROBLEM = f"{LAB}/points text", f"{LAB}/points shown", f"{LAB}/points problem"


def show() -> None:
    """Draw the page."""
    rules = replace(controls.rules(), hidden=lambda _: ("points",))  # they stand below the editor here
    chosen = widgets.lab(ScheduleControls, LAB, text, lambda _: rules)
    st.html(figures.style())
    above = st.container()
    if chosen.drawn:
        chosen = _drawing(chosen)
    if not job.schedules_of(chosen):
        st.info(text.NONE)
        return
    with above:
        with st.container(key=f"{LAB}/strips"):
            st.html(figures.strips(job.strips(chosen)))
        page.looking_at(text.STRIPS)
    _gauges(chosen)
    components.timeline(view.timeline(chosen), key=f"{LAB}/timeline")
    page.looking_at(text.CURVES)
    # Four Plotly charts cost the browser more than the rest of the page: they are drawn while this is open.
    closer = st.expander(text.CLOSER, on_change="rerun", key=f"{LAB}/closer")
    if closer.open:
        with closer:
            _curves(chosen)


def _gauges(chosen: ScheduleControls) -> None:
    st.markdown(f"## {text.GAUGES}")
    verdicts = job.verdicts(chosen)
    for column, verdict in zip(st.columns(len(verdicts)), verdicts, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.html(figures.gauge(verdict.name, verdict.snr))
            said = f"**{text.headline(verdict.headline)}** {verdict.sentence}"
            words = with_subscripts(f"{text.STATES[verdict.state]} {said}")
            st.markdown(words, unsafe_allow_html=True)  # escaped there
            if verdict.remedy is not None:
                st.button(
                    verdict.button,
                    key=f"{LAB}/mend {verdict.name}",
                    on_click=widgets.set_controls,
                    args=(LAB, verdict.remedy),
                    type="primary",
                )
    page.looking_at(text.GAUGE)


def _curves(chosen: ScheduleControls) -> None:
    choice = controls.choice_of(chosen)
    st.html(figures.legend(job.schedules_of(choice)))
    for row in (job.QUANTITIES[:2], job.QUANTITIES[2:]):
        for column, quantity in zip(st.columns(2), row, strict=True):
            column.plotly_chart(figures.curves_of(choice, quantity), key=f"{LAB}/{quantity}", config=figures.CONFIG)
    file = figures.table_of(choice)
    st.download_button(file.title, file.data, file.name, file.kind, key=f"{LAB}/{file.name}", icon="⬇️")


def _drawing(chosen: ScheduleControls) -> ScheduleControls:
    """The editor and the field for the points; returns the settings with the points as they are now."""
    st.markdown(f"## {text.DRAW}")
    points = components.curve_editor(drawn.parse_points(chosen.points), job.references(chosen), key=f"{LAB}/curve")
    written = drawn.format_points(points)
    if written != chosen.points:
        chosen = widgets.change(LAB, checked(chosen, points=written))
    if st.session_state.get(POINTS_SHOWN) != chosen.points:
        st.session_state[POINTS] = st.session_state[POINTS_SHOWN] = chosen.points
        st.session_state[POINTS_PROBLEM] = ""
    st.text_input(
        text.POINTS,
        key=POINTS,
        on_change=_typed,
        help=ScheduleControls.model_fields["points"].description,
    )
    if problem := st.session_state.get(POINTS_PROBLEM):
        st.error(f"{problem} {text.POINTS_STAY}")
    page.looking_at(text.DRAWN)
    return chosen


def _typed() -> None:
    kept = st.session_state[f"{LAB}/controls"]
    try:
        changed = checked(kept, points=st.session_state[POINTS])
    except ValidationError as refusal:
        st.session_state[POINTS_PROBLEM] = reason(refusal)
        return
    st.session_state[POINTS_PROBLEM] = ""
    widgets.set_controls(LAB, changed)
