"""Two to four runs side by side in the Training page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from playground.labs.training import compare as lab
from playground.labs.training import text
from playground.streamlit_ui import components, page, widgets
from playground.streamlit_ui.training_doctor import AGAIN
from playground.streamlit_ui.training_runs import COMPARED

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot
    from playground.policy.visitor_runs import VisitorRuns

POLL = 1.0
AGAINST = "training/against"


def show(training: VisitorRuns, ids: Sequence[str]) -> None:
    """The comparison, drawn again and again while one of them is being trained."""
    snapshots = _snapshots(training, ids)
    active = any(snapshot.active for snapshot in snapshots)
    st.session_state["training/comparing"] = active
    st.fragment(_compare, run_every=POLL if active else None)(training, ids)


def _snapshots(training: VisitorRuns, ids: Sequence[str]) -> list[Snapshot]:
    return [snapshot for run_id in ids if (snapshot := training.snapshot(run_id)) is not None]


def _compare(training: VisitorRuns, ids: Sequence[str]) -> None:
    snapshots = _snapshots(training, ids)
    again = st.session_state.pop(AGAIN, False)
    if again or len(snapshots) < 2 or any(s.active for s in snapshots) != st.session_state["training/comparing"]:
        st.rerun()
    row = st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", gap="small")
    against = _against(row)
    row.button(text.BACK, icon="↩️", key="training/back", on_click=_back)
    if warning := lab.caution(snapshots):
        st.info(warning, icon="⚖️")
    held_out = lab.held_out_chart(snapshots, against)
    left, right = st.columns(2) if held_out else (st.container(), None)
    with left:
        components.live_chart(lab.loss_chart(snapshots, against), key="training/compared_loss")
    if right is not None and held_out is not None:
        with right:
            components.live_chart(held_out, key="training/compared_held_out")
    page.looking_at(text.compared_loss(lab.AGAINST[against][2]))
    strip = lab.samples(snapshots, against)
    if strip is not None:
        components.timeline(strip, key="training/compared_samples")
        page.looking_at(text.compared_samples(lab.same_noise(snapshots)))
    _table(snapshots)


def _against(row: st.delta_generator.DeltaGenerator) -> lab.Against:
    """What progress is counted in: in the link like everything else."""
    linked = st.query_params.get("against")
    if AGAINST not in st.session_state:
        st.session_state[AGAINST] = linked if linked in lab.AGAINST else "steps"
    chosen: lab.Against = row.segmented_control(
        "Against",
        list(lab.AGAINST),
        required=True,
        format_func=lambda name: lab.AGAINST[name][0],
        key=AGAINST,
    )
    if chosen != "steps":
        st.query_params["against"] = chosen
    elif linked:
        del st.query_params["against"]
    return chosen


def _table(snapshots: Sequence[Snapshot]) -> None:
    """How far each has come, and the settings in which they differ."""
    head, *rows = lab.table(snapshots)
    lines = [head, ["---"] * len(head), *rows]
    st.markdown(
        "\n".join(
            "| " + " | ".join(cell if k == 1 else _cell(cell) for cell in line) + " |" for k, line in enumerate(lines)
        )
    )
    st.caption(text.DIFFER if lab.differences(snapshots) else text.SAME)


def _cell(text: str) -> str:
    return widgets.plain(text).replace("|", "\\|")


def _back() -> None:
    st.session_state[COMPARED] = []
    st.session_state[AGAIN] = True
