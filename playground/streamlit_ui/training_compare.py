"""Two to four runs side by side on the Training page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from playground.labs.training import text, visit
from playground.labs.training.view import Action, CompareView
from playground.streamlit_ui import components, page
from playground.streamlit_ui.training_actions import act, act_button

AGAINST = "training/against"


def show(compared: CompareView) -> None:
    """The comparison as it is now."""
    row = st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", gap="small")
    st.session_state[AGAINST] = compared.against
    row.segmented_control(
        text.AGAINST,
        list(visit.AGAINST),
        required=True,
        format_func=lambda name: visit.AGAINST[name][0],
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
