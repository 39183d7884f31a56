"""The doctor's findings in the Training page, each with the change that would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from playground.labs.training import doctor as lab
from playground.labs.training import text
from playground.streamlit_ui import widgets

if TYPE_CHECKING:
    from engine.doctor.finding import Finding, Setting
    from engine.runs.snapshot import Snapshot
    from engine.training.config import TrainConfig

AGAIN = "training/again"
"""Set by a callback within a fragment, where the whole page must be drawn again."""
TOLD = "training/told"


def show(snapshot: Snapshot, found: Sequence[Finding]) -> None:
    """What is the matter with a run; one calm line where nothing is."""
    if not found:
        if snapshot.reports:
            st.caption(text.WELL)
        return
    with st.container(border=True, gap="small", key="training/doctor"):
        for k, finding in enumerate(found):
            _finding(snapshot, finding, k)


def _finding(snapshot: Snapshot, finding: Finding, number: int) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.markdown(f"{lab.ICONS[finding.severity]} {widgets.plain(finding.text)}", width="stretch")
    if lab.can_take(finding.change):
        row.button(
            f"Try {lab.in_words(finding.change)}",
            key=f"training/take/{number}",
            help=text.TRY_HELP,
            on_click=take,
            args=(snapshot.config, finding.change),
        )
    elif finding.change:
        row.markdown(f"In the recipe: `{lab.for_the_shell(finding.change)}`", width="content")


def take(config: TrainConfig, change: Mapping[str, Setting]) -> None:
    """Fill the controls with the settings of a run and a change to them; a callback."""
    controls, left_out = lab.controls_of(config, change)
    widgets.set_controls("training", controls)
    st.session_state[TOLD] = lab.told(change, left_out)
    st.session_state[AGAIN] = True


def show_told() -> None:
    """What the last click has done to the controls, until they are used."""
    if told := st.session_state.get(TOLD):
        st.success(told, icon="🎛️")
