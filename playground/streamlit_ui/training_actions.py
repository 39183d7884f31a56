"""What a session has chosen and done on the Training page, in step with its link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.language import _
from playground.labs.training import settings_of_run, text, visit
from playground.labs.training.view import Action
from playground.labs.training.visit import Choice, Visit
from playground.streamlit_ui import page, visitor, widgets

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

VISIT = "training/visit"
LINKED = "training/linked"
"""The link as the page itself wrote it last: that is no request."""
PROBLEMS, TAKEN = "training/problems of runs", "training/taken"
REDRAW = "training/redraw"
"""Set by a callback in a fragment after which the whole page is drawn again."""


def _visit() -> Visit:
    kept: Visit = st.session_state.setdefault(VISIT, Visit())
    return kept


def choice() -> Choice:
    """What is shown."""
    return _visit().choice


def read_link(ids: list[str]) -> Choice:
    """What is shown: what the link requests where the visitor opened another one, else as before, else the newest run."""
    st.session_state.pop(REDRAW, None)
    link = {name: st.query_params.get(name, "") for name in visit.LINKED}
    kept = _visit()
    if any(link.values()) and link != st.session_state.get(LINKED):
        chosen, problems = visit.chosen(link, ids)
        st.session_state[PROBLEMS] = problems
    else:
        chosen, _ = visit.chosen(kept.choice.link(), ids)
    st.session_state[VISIT] = Visit(chosen, kept.deleted)
    return chosen


def write_link(shown: Choice) -> None:
    """Make the link say what is shown."""
    link = shown.link()
    st.session_state[LINKED] = link
    for name, value in link.items():
        if value and st.query_params.get(name) != value:
            st.query_params[name] = value
        elif not value and name in st.query_params:
            del st.query_params[name]


def act(do: str, of: str = "") -> None:
    """Carry out an action of the page; a callback, which Streamlit may call twice where a rerun comes in between."""
    runs = visitor.current().runs
    st.session_state[REDRAW] = True
    if do == "take":
        snapshot = runs.snapshot(choice().run)
        if snapshot is not None:
            controls, st.session_state[TAKEN] = settings_of_run.taken_over(snapshot, of)
            widgets.set_controls("training", controls)
        return
    st.session_state[VISIT], problem = _visit().act(do, of, runs)
    if problem:
        st.session_state[PROBLEMS] = [problem]


def start(config: TrainConfig) -> None:
    """Start a run and show it. No callback: Streamlit may call one twice, where a rerun comes in between."""
    st.session_state.pop(TAKEN, None)
    try:
        run_id = visitor.current().runs.submit(config)
    except ValueError as error:
        st.session_state[PROBLEMS] = [str(error)]
    else:
        st.session_state[VISIT] = Visit(Choice(run_id), _visit().deleted)


def act_button(
    place: DeltaGenerator, action: Action, key: str = "", width: Literal["stretch", "content"] | int = "content"
) -> None:
    """A button that carries out an action; its key names the action, and what it acts on where `key` is not given."""
    place.button(
        action.title,
        icon=action.icon or None,
        key=f"training/{key or f'{action.do}/{action.of}'}",
        help=action.help or None,
        disabled=not action.is_enabled,
        width=width,
        on_click=act,
        args=(action.do, action.of),
    )


def must_redraw() -> bool:
    """Whether a callback has asked for the whole page to be drawn again; asked once."""
    return bool(st.session_state.pop(REDRAW, False))


def show_messages() -> None:
    """What the last action did or could not do, and a line with Undo for each deleted run."""
    for problem in st.session_state.pop(PROBLEMS, []):
        st.warning(page.plain(problem))
    if taken := st.session_state.get(TAKEN):
        st.success(taken, icon="🎛️")
    for deleted in _visit().deleted[-3:]:
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        row.markdown(_("🗑️ Deleted **{title}**.", title=page.plain(deleted.title)), width="content")
        act_button(row, Action("undo", text.UNDO, of=deleted.id))
