"""The Schedules page: layout only, the lab itself is playground/labs/schedules/view.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from playground.labs.schedules import text
from playground.labs.shared import picture as pictures
from playground.streamlit_ui import components, loading, page, widgets

if TYPE_CHECKING:
    from playground.labs.schedules.view import ScheduleControls

LAB = "schedules"
POINTS, POINTS_SHOWN, POINTS_PROBLEM = f"{LAB}/points text", f"{LAB}/points shown", f"{LAB}/points problem"


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    loading.wait()
    from playground.labs.schedules import figures
    from playground.labs.schedules import view as lab

    with st.sidebar:
        chosen = widgets.controls(
            lab.ScheduleControls,
            LAB,
            hidden=("points",),
            options=lambda now: {"class_index": pictures.class_titles(now)},
            limits=lambda now: {"number": pictures.number_range(now)},
            disabled=lab.without_effect,
        )
    widgets.show_problems(LAB)
    st.html(figures.style())
    above = st.container()
    if chosen.drawn:
        chosen = _drawing(chosen)
    schedules = lab.schedules_of(chosen)
    if not schedules:
        st.info(text.NONE)
        return
    with above:
        st.html(figures.strips([(strip.name, lab.TITLES[strip.name], strip.pictures) for strip in lab.strips(chosen)]))
        page.looking_at(text.STRIPS)
    _gauges(chosen)
    components.timeline(lab.compute(chosen), key=f"{LAB}/timeline")
    page.looking_at(text.CURVES)
    # Four Plotly charts cost the browser more than all the rest of the page: they are there for who opens them.
    closer = st.expander(text.CLOSER, on_change="rerun", key=f"{LAB}/closer")
    if closer.open:
        with closer:
            _curves(chosen)


def _gauges(chosen: ScheduleControls) -> None:
    from playground.labs.schedules import figures
    from playground.labs.schedules import view as lab

    st.markdown(f"#### {text.GAUGES}")
    verdicts = lab.verdicts(chosen)
    for column, verdict in zip(st.columns(len(verdicts)), verdicts, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.html(figures.gauge(verdict.name, lab.TITLES[verdict.name], verdict.snr))
            st.markdown(f"{text.STATES[verdict.state]} **{verdict.headline}.** {verdict.sentence}")
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
    from playground.labs.schedules import figures
    from playground.labs.schedules import view as lab

    choice = lab.choice_of(chosen)
    st.html(figures.legend({name: lab.TITLES[name] for name in lab.schedules_of(choice)}))
    for row in (lab.QUANTITIES[:2], lab.QUANTITIES[2:]):
        for column, quantity in zip(st.columns(2), row, strict=True):
            column.plotly_chart(figures.curves_of(choice, quantity), key=f"{LAB}/{quantity}", config=figures.CONFIG)
    file = figures.table_of(choice)
    st.download_button(file.title, file.data, file.name, file.kind, key=f"{LAB}/{file.name}", icon="⬇️")


def _drawing(chosen: ScheduleControls) -> ScheduleControls:
    """The editor and the field for the points; returns the settings with the points as they are now."""
    from playground.labs.schedules import drawn
    from playground.labs.schedules import view as lab
    from playground.labs.shared.controls import checked

    st.markdown(f"#### {text.DRAW}")
    points = components.curve_editor(drawn.parse_points(chosen.points), lab.references(chosen), key=f"{LAB}/curve")
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
        help=lab.ScheduleControls.model_fields["points"].description,
    )
    if problem := st.session_state.get(POINTS_PROBLEM):
        st.error(f"{problem} {text.POINTS_STAY}")
    page.looking_at(text.DRAWN)
    return chosen


def _typed() -> None:
    from pydantic import ValidationError

    from playground.labs.shared.controls import checked, reason

    kept = st.session_state[f"{LAB}/controls"]
    try:
        changed = checked(kept, points=st.session_state[POINTS])
    except ValidationError as refusal:
        st.session_state[POINTS_PROBLEM] = reason(refusal)
        return
    st.session_state[POINTS_PROBLEM] = ""
    widgets.set_controls(LAB, changed)
