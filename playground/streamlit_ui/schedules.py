"""The Schedules page: layout only, the lab itself is playground/labs/schedules.py."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import streamlit as st

from playground.labs import picture as pictures
from playground.streamlit_ui import components, page, warm, widgets

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from playground.labs.schedules import Quantity, ScheduleChoice, ScheduleControls

LAB = "schedules"
POINTS, POINTS_SHOWN, POINTS_PROBLEM = f"{LAB}/points text", f"{LAB}/points shown", f"{LAB}/points problem"


def show() -> None:
    """Draw the page."""
    page.head(
        "How fast should the noise come in?",
        "The same picture under the same noise, with different schedules. A good one spends its steps where there is "
        "something to learn, and leaves nothing of the picture at the end.",
    )
    page.settings_hint()
    warm.wait()
    from playground.figures import schedules as figures
    from playground.labs import schedules as lab

    with st.sidebar:
        chosen = widgets.controls(
            lab.ScheduleControls,
            LAB,
            hidden=("points",),
            options=lambda now: {"class_index": pictures.class_titles(now)},
            limits=lambda now: {"number": pictures.number_range(now)},
            disabled=_without_effect,
        )
    widgets.show_problems(LAB)
    st.html(figures.style())
    above = st.container()
    if chosen.drawn:
        chosen = _drawing(chosen)
    schedules = lab.schedules_of(chosen)
    if not schedules:
        st.info("Switch on a schedule in the settings to see what it does.")
        return
    with above:
        st.html(figures.strips([(strip.name, lab.TITLES[strip.name], strip.pictures) for strip in lab.strips(chosen)]))
        page.looking_at(
            "one picture, ever noisier from left to right. Every row has the same noise ε; only the amount differs. "
            "t/T is the share of the steps taken."
        )
    _gauges(chosen)
    components.timeline(lab.compute(chosen), key=f"{LAB}/timeline")
    page.looking_at(
        "every schedule at the same step t. β is the variance of the noise that step t adds; ᾱ what is left of the picture by "
        "then; at 0, the log of the signal-to-noise ratio says that there is as much noise as picture; σ is the noise that a "
        "sampler adds again when it goes one step back (DDPM, with the posterior's variance)."
    )
    # Four Plotly charts cost the browser more than all the rest of the page: they are there for who opens them.
    closer = st.expander("The same curves larger, to read values off", on_change="rerun", key=f"{LAB}/closer")
    if closer.open:
        with closer:
            _curves(chosen)


def _without_effect(now: ScheduleControls) -> dict[str, str]:
    why = {}
    if not now.linear:
        why["rescale"] = "The linear schedule is not shown."
    if not now.cosine:
        why["s"] = "The cosine schedule is not shown."
    return why


def _gauges(chosen: ScheduleControls) -> None:
    from playground.figures import schedules as figures
    from playground.labs import schedules as lab

    st.markdown("#### Is anything left of the picture at t = T?")
    verdicts = lab.verdicts(chosen)
    for column, verdict in zip(st.columns(len(verdicts)), verdicts, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.html(figures.gauge(verdict.name, lab.TITLES[verdict.name], verdict.snr))
            icon = {"fine": "✅", "zero": "ℹ️", "wrong": "⚠️"}[verdict.state]
            st.markdown(f"{icon} **{verdict.headline}.** {verdict.sentence}")
            if verdict.remedy is not None:
                st.button(
                    verdict.button,
                    key=f"{LAB}/mend {verdict.name}",
                    on_click=widgets.set_controls,
                    args=(LAB, verdict.remedy),
                    type="primary",
                )
    page.looking_at(
        "the signal-to-noise ratio that is left at the last step. Sampling begins with pure noise, N(0, I). In the "
        "green part that is what training ended with; in the red part the network has never seen noise so pure."
    )


def _curves(chosen: ScheduleControls) -> None:
    from playground.figures import schedules as figures
    from playground.labs import schedules as lab

    choice = lab.choice_of(chosen)
    st.html(figures.legend({name: lab.TITLES[name] for name in lab.schedules_of(choice)}))
    for row in (("beta", "alpha_bar"), ("log_snr", "sigma")):
        for column, quantity in zip(st.columns(2), row, strict=True):
            column.plotly_chart(_figure(choice, quantity), key=f"{LAB}/{quantity}", config=figures.CONFIG)


@lru_cache(maxsize=32)
def _figure(choice: ScheduleChoice, quantity: Quantity) -> go.Figure:
    """Made once for the same schedules: another picture or seed leaves the curves as they are."""
    from playground.figures import schedules as figures
    from playground.labs import schedules as lab

    return figures.curves(lab.schedules_of(choice), quantity, log=quantity in ("beta", "sigma"))


def _drawing(chosen: ScheduleControls) -> ScheduleControls:
    """The editor and the field for the points; returns the settings with the points as they are now."""
    from playground.labs import drawn
    from playground.labs import schedules as lab
    from playground.labs.controls import checked

    st.markdown("#### Draw your own")
    points = components.curve_editor(drawn.parse_points(chosen.points), lab.references(chosen), key=f"{LAB}/curve")
    text = drawn.format_points(points)
    if text != chosen.points:
        chosen = widgets.change(LAB, checked(chosen, points=text))
    if st.session_state.get(POINTS_SHOWN) != chosen.points:
        st.session_state[POINTS] = st.session_state[POINTS_SHOWN] = chosen.points
        st.session_state[POINTS_PROBLEM] = ""
    st.text_input(
        "Points: t/T, ᾱ; t/T, ᾱ; …",
        key=POINTS,
        on_change=_typed,
        help=lab.ScheduleControls.model_fields["points"].description,
    )
    if problem := st.session_state.get(POINTS_PROBLEM):
        st.error(f"{problem} The curve stays as it was.")
    page.looking_at(
        "ᾱ, the share of the picture that is left, over t/T. It begins at 1 and may only fall. A curve that ends above "
        "0.01 leaves too much of the picture: see what the gauge says."
    )
    return chosen


def _typed() -> None:
    from pydantic import ValidationError

    from playground.labs.controls import checked, reason

    kept = st.session_state[f"{LAB}/controls"]
    try:
        changed = checked(kept, points=st.session_state[POINTS])
    except ValidationError as refusal:
        st.session_state[POINTS_PROBLEM] = reason(refusal)
        return
    st.session_state[POINTS_PROBLEM] = ""
    widgets.set_controls(LAB, changed)
