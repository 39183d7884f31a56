"""The runs of the Training page: which is shown, the list of all, and what can be done with one besides training it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import IO, TYPE_CHECKING

import streamlit as st

from playground.labs.training import runs as lab
from playground.labs.training import text
from playground.streamlit_ui import widgets
from playground.streamlit_ui.training_doctor import AGAIN, take

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot
    from playground.policy.visitor_runs import VisitorRuns

POLL = 3.0
"""Seconds between two looks at the list while something in it is being trained."""
RUN, COMPARED, DELETED, TROUBLE = "training/run", "training/compared", "training/deleted", "training/trouble"


def choose(ids: list[str]) -> None:
    """Which run is shown and which are compared: what the link asks for if it is new, else as it was, else the newest."""
    _linked("run", RUN, lambda asked: _the_run(asked, ids))
    _linked("compare", COMPARED, lambda asked: _the_compared(asked, ids))
    if st.session_state.get(RUN) not in ids:
        st.session_state[RUN] = ids[0] if ids else None
    st.session_state[COMPARED] = [run_id for run_id in st.session_state.get(COMPARED, []) if run_id in ids]


def write_link() -> None:
    """Let the link say what is shown. What the page itself puts there is no request of the reader's."""
    wanted = {"run": st.session_state[RUN], "compare": lab.to_link(st.session_state[COMPARED])}
    for name, value in wanted.items():
        st.session_state[f"training/linked/{name}"] = value or None
        if value and st.query_params.get(name) != value:
            st.query_params[name] = value
        elif not value and name in st.query_params:
            del st.query_params[name]

    if not wanted["compare"] and "against" in st.query_params:
        del st.query_params["against"]


def _linked(name: str, key: str, read: Callable[[str], object]) -> None:
    asked = st.query_params.get(name)
    if asked is not None and asked != st.session_state.get(f"training/linked/{name}"):
        found = read(asked)
        if found is not None:
            st.session_state[key] = found


def _the_run(asked: str, ids: list[str]) -> str | None:
    if asked in ids:
        return asked
    st.warning(text.NOT_HERE)
    return None


def _the_compared(asked: str, ids: list[str]) -> list[str]:
    found, problems = lab.from_link(asked, ids)
    for problem in problems:
        st.warning(problem)
    return found


def show_deleted(training: VisitorRuns) -> None:
    """A line with Undo for each run that was deleted in this session, and what could not be done."""
    if trouble := st.session_state.pop(TROUBLE, None):
        st.error(widgets.plain(trouble))
    for run_id, title in st.session_state.get(DELETED, [])[-3:]:
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        row.markdown(f"🗑️ Deleted **{widgets.plain(title)}**.", width="content")
        row.button("Undo", key=f"training/undo/{run_id}", on_click=_undo, args=(training, run_id))


def show_list(training: VisitorRuns, ids: list[str]) -> None:
    """Every run, newest first, behind a heading."""
    if len(ids) < 2:
        return
    place = st.expander(text.all_runs(len(ids)), icon="📚", key="training/list", on_change="rerun")
    if not place.open:
        return
    with place:
        number = 1
        if lab.pages(len(ids)) > 1:
            number = st.pagination(lab.pages(len(ids)), key="training/list_page")
        here = lab.on_page(ids, number)
        active = any(snapshot.active for run_id in here if (snapshot := training.snapshot(run_id)))
        st.fragment(_rows, run_every=POLL if active else None)(training, here)


def _rows(training: VisitorRuns, ids: list[str]) -> None:
    if st.session_state.pop(AGAIN, False):
        st.rerun()
    compared = st.session_state[COMPARED]
    st.caption(text.list_hint(len(compared), lab.MOST_COMPARED))
    for run_id in ids:
        snapshot = training.snapshot(run_id)
        if snapshot is not None:
            _row(lab.row(snapshot), compared)


def _row(row: lab.Row, compared: list[str]) -> None:
    ticked = row.id in compared
    shown = row.id == st.session_state[RUN] and len(compared) < 2
    line = st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"training/row/{row.id}")
    key = f"training/compare/{row.id}"
    st.session_state[key] = ticked
    line.checkbox(
        f"Compare {widgets.plain(row.title)}",
        key=key,
        label_visibility="collapsed",
        disabled=not ticked and len(compared) >= lab.MOST_COMPARED,
        on_change=_tick,
        args=(row.id,),
    )
    if row.picture is not None:
        picture = row.picture[..., 0] if row.picture.shape[2] == 1 else row.picture
        line.image(picture, width=96, output_format="PNG", alt=f"Samples of {row.title}")
    else:
        line.container(width=96, height=32, border=False)
    words = line.container(gap=None, width="stretch")
    words.button(
        f"**{widgets.plain(row.title)}**",
        type="tertiary",
        key=f"training/open/{row.id}",
        on_click=_open,
        args=(row.id,),
    )
    words.caption(("👇 shown below, " if shown else "") + widgets.plain(row.about))


def _tick(run_id: str) -> None:
    st.session_state[COMPARED] = lab.toggled(st.session_state[COMPARED], run_id)
    st.session_state[AGAIN] = True


def _open(run_id: str) -> None:
    st.session_state[RUN] = run_id
    st.session_state[COMPARED] = []
    st.session_state[AGAIN] = True


def show_name(training: VisitorRuns, snapshot: Snapshot) -> None:
    """The run's title, and behind a button: rename, download, delete, its settings again."""
    title, busy = lab.title(snapshot), lab.busy(snapshot)
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small")
    row.markdown(f"### {widgets.plain(title)}", width="content")
    with row.popover(text.MANAGE, icon="🗂️", key="training/manage"):
        key = f"training/name/{snapshot.id}/{snapshot.title}"
        st.text_input(
            "Name",
            snapshot.title,
            max_chars=80,
            placeholder=title,
            key=key,
            on_change=_rename,
            args=(training, snapshot.id, key),
        )
        st.download_button(
            text.DOWNLOAD,
            partial(_archive, training, snapshot.id),
            lab.file_name(snapshot),
            "application/zip",
            icon="⬇️",
            on_click="ignore",
            width="stretch",
            key="training/download",
            help=text.DOWNLOAD_HELP,
        )
        st.button(
            text.TAKE,
            icon="🎛️",
            width="stretch",
            key="training/take_all",
            help=text.TAKE_HELP,
            on_click=take,
            args=(snapshot.config, {}),
        )
        st.button(
            "Delete",
            icon="🗑️",
            width="stretch",
            key="training/delete",
            disabled=busy,
            help=text.BUSY if busy else text.CAN_UNDO,
            on_click=_delete,
            args=(training, snapshot.id, title),
        )


def _archive(training: VisitorRuns, run_id: str) -> IO[bytes]:
    return training.archive(run_id).open("rb")


def _rename(training: VisitorRuns, run_id: str, key: str) -> None:
    _try(partial(training.rename, run_id, str(st.session_state[key]).strip()))


def _delete(training: VisitorRuns, run_id: str, title: str) -> None:
    if _try(partial(training.delete, run_id)):
        deleted = [one for one in st.session_state.get(DELETED, []) if one[0] != run_id]
        st.session_state[DELETED] = [*deleted, (run_id, title)]


def _undo(training: VisitorRuns, run_id: str) -> None:
    st.session_state[DELETED] = [one for one in st.session_state[DELETED] if one[0] != run_id]
    if _try(partial(training.restore, run_id)):
        st.session_state[RUN] = run_id


def _try(what: Callable[[], object]) -> bool:
    """Do it, or keep the reason why not for the next drawing of the page."""
    try:
        what()
    except ValueError as error:
        st.session_state[TROUBLE] = str(error)
        return False
    return True
