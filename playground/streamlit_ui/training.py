"""The Training page: layout only; what it shows is decided in `playground.labs.training.view`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from engine.language import _
from playground.labs.training import estimate, text, view, visit
from playground.labs.training.controls import TrainingControls
from playground.labs.training.view import Action, CompareView, PageView, RunView
from playground.streamlit_ui import (
    components,
    page,
    pictures,
    training_actions,
    training_runs,
    visitor,
    widgets,
)
from playground.streamlit_ui.training_actions import act, act_button

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

POLL = 0.5
"""Seconds between two updates of a run."""
POLLING, AGAINST = "training/polling", "training/against"
METRIC_WIDTHS = (110, 130, 100)
"""CSS pixels."""


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD, text.TERMS)
    page.settings_hint()
    page.wait()
    who = visitor.current()
    pictures.take_chosen()
    with st.sidebar:
        controls = widgets.controls(
            TrainingControls, "training", estimate.control_rules(who), also_in_link=visit.LINKED
        )
        pictures.follow(controls)
    config = _start(controls)
    shown = view.page_view(who, training_actions.read_link(who.runs.ids()).link())
    widgets.show_problems("training")
    training_actions.show_messages()
    training_actions.write_link(shown.choice)
    pictures.show(config, expanded=not shown.ids)
    if not shown.ids:
        st.info(text.NOTHING, icon="🏋️")
        return
    training_runs.show_list(shown.ids)
    if shown.run is not None:
        training_runs.show_name(shown.run)
    st.session_state[POLLING] = is_changing = _is_changing(shown)
    st.fragment(_shown, run_every=POLL if is_changing else None)()


def _start(controls: TrainingControls) -> TrainConfig | None:
    """The estimate, and the button that starts the run."""
    with st.spinner(text.TRYING):
        found = estimate.estimate(controls, visitor.current())
    if found.config is None:
        st.error(page.plain(found.problem))
        return None
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    if row.button(text.START, type="primary", icon="🏋️", width=180, key="training/start"):
        training_actions.start(found.config)
    for title, value in found.metrics:
        row.metric(title, value, width=160)
    st.caption(found.details)
    return found.config


def _is_changing(shown: PageView) -> bool:
    part = shown.compare or shown.run
    return part is not None and part.is_changing


def _shown() -> None:
    """The run or the comparison as it is now; drawn again and again while it changes."""
    shown = view.page_view(visitor.current(), training_actions.choice().link())
    if training_actions.must_redraw() or _is_changing(shown) != st.session_state[POLLING]:
        st.rerun()
    if shown.compare is not None:
        _compare(shown.compare)
    elif shown.run is not None:
        _run(shown.run)


def _run(run: RunView) -> None:
    _head(run)
    page.notices(run.notices)
    _findings(run)
    components.figure("algorithm", run.algorithm.draw().to_payload(), key="training/algorithm")
    _charts(run)
    if run.samples is not None:
        components.timeline(run.samples.draw(), key=f"training/{run.samples.name}")
        page.looking_at(run.samples.about)
    elif run.waiting:
        st.caption(run.waiting)
    if run.command:
        st.caption(text.SHELL)
        st.code(run.command, "bash", wrap_lines=True)


def _head(run: RunView) -> None:
    st.progress(run.fraction, text=run.status)
    page.facts(run.facts)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    for metric, width in zip(run.metrics, METRIC_WIDTHS, strict=True):
        row.metric(metric.title, metric.value, width=width)
    for action in run.actions:
        act_button(row, action, action.do, width=108)
    link = run.link
    if row.button(
        link.title, icon=link.icon, width=150, key="training/use", disabled=not link.parameters, help=link.help
    ):
        st.switch_page(st.session_state["pages"][link.lab], query_params=dict(link.parameters))
    st.caption(run.pace)


def _findings(run: RunView) -> None:
    """The doctor's findings, each with the change that it proposes; one line where there are none."""
    if not run.findings:
        st.caption(run.well)
        return
    with st.container(border=True, gap="small", key="training/doctor"):
        for finding in run.findings:
            row = st.container(horizontal=True, vertical_alignment="center", gap="small")
            row.markdown(f"{finding.icon} {page.plain(finding.text)}", width="stretch")
            if finding.action is not None:
                act_button(row, finding.action)
            elif finding.shell:
                row.markdown(_("In the recipe: `{shell}`", shell=finding.shell), width="content")


def _charts(run: RunView) -> None:
    """Two in a row, a last one over the whole width."""
    for first in range(0, len(run.charts), 2):
        pair = run.charts[first : first + 2]
        for column, figure in zip(st.columns(len(pair)), pair, strict=True):
            with column:
                components.live_chart(figure.draw(), key=f"training/{figure.name}")
                page.looking_at(figure.about)


def _compare(compared: CompareView) -> None:
    """The comparison as it is now."""
    row = st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", gap="small")
    st.session_state[AGAINST] = compared.against
    row.segmented_control(
        text.AGAINST,
        list(visit.AGAINST),
        required=True,
        format_func=lambda name: _(visit.AGAINST[name][0]),
        key=AGAINST,
        on_change=lambda: act("against", st.session_state[AGAINST]),
    )
    act_button(row, Action("back", text.BACK, "↩️"), "back")
    page.notices(compared.notices)
    for column, figure in zip(st.columns(len(compared.charts)), compared.charts, strict=True):
        with column:
            components.live_chart(figure.draw(), key=f"training/{figure.name}")
            if figure.about:
                page.looking_at(figure.about)
    if compared.samples is not None:
        components.timeline(compared.samples.draw(), key=f"training/{compared.samples.name}")
        page.looking_at(compared.samples.about)
    _table(compared.table)
    st.caption(compared.table_about)


def _table(table: Sequence[Sequence[str]]) -> None:
    head, *rows = table
    lines = [head, ["---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _cell(text: str) -> str:
    return page.plain(text).replace("|", "\\|")
