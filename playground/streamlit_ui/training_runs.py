"""The list of runs on the Training page, and what can be done with one besides training it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from io import BufferedReader

import streamlit as st

from engine.language import _
from playground.labs.training import text, view, visit
from playground.labs.training.view import RowView, RunView
from playground.streamlit_ui import page, training_actions, visitor
from playground.streamlit_ui.training_actions import act, act_button

POLL = 3.0
"""Seconds between two updates of the list while a run in it is being trained."""


def show_list(ids: Sequence[str]) -> None:
    """Every run, newest first, behind a heading."""
    if len(ids) < 2:
        return
    place = st.expander(text.all_runs(len(ids)), icon="📚", key="training/list", on_change="rerun")
    if not place.open:
        return
    with place:
        count, number = visit.page_count(len(ids)), 1
        if count > 1:
            number = st.pagination(count, key="training/list_page")
        listed = view.list_view(visitor.current().runs, ids, training_actions.choice(), number)
        st.fragment(_rows, run_every=POLL if listed.is_changing else None)(ids, number)


def _rows(ids: Sequence[str], number: int) -> None:
    if training_actions.must_redraw():
        st.rerun()
    listed = view.list_view(visitor.current().runs, ids, training_actions.choice(), number)
    st.caption(listed.hint)
    for row in listed.rows:
        _row(row)


def _row(row: RowView) -> None:
    line = st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"training/row/{row.id}")
    key = f"training/compare/{row.id}"
    st.session_state[key] = row.is_ticked
    line.checkbox(
        page.spoken(_("Compare {title}", title=row.title)),
        key=key,
        label_visibility="collapsed",
        disabled=not row.can_tick,
        on_change=act,
        args=("tick", row.id),
    )
    if row.picture is not None:
        picture = row.picture[..., 0] if row.picture.shape[2] == 1 else row.picture
        line.image(picture, width=96, output_format="PNG", alt=_("Samples of {title}", title=row.title))
    else:
        line.container(width=96, height=32, border=False)
    words = line.container(gap=None, width="stretch")
    words.button(
        f"**{page.plain(row.title)}**",
        type="tertiary",
        key=f"training/open/{row.id}",
        on_click=act,
        args=("open", row.id),
    )
    words.caption(page.plain(row.summary))


def show_name(run: RunView) -> None:
    """The run's title, and behind a button: rename, download, use its settings, delete."""
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small")
    row.markdown(f"## {page.plain(run.title)}", width="content")
    with row.popover(text.MANAGE, icon="🗂️", key="training/manage"):
        key = f"training/name/{run.id}/{run.name}"
        st.text_input(
            text.NAME,
            run.name,
            max_chars=visit.LONGEST_NAME,
            placeholder=run.title,
            key=key,
            on_change=lambda: act("rename", str(st.session_state[key])),
        )
        for action in run.manage:
            if action.do == "download":
                st.download_button(
                    action.title,
                    partial(_archive, run.id),
                    run.file_name,
                    "application/zip",
                    icon=action.icon,
                    on_click="ignore",
                    width="stretch",
                    key="training/download",
                    help=action.help,
                )
            else:
                act_button(st.container(), action, {"take": "take_all"}.get(action.do, action.do), width="stretch")


def _archive(run_id: str) -> BufferedReader:
    return visitor.current().runs.archive(run_id).open("rb")
