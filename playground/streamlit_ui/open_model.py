"""The part of the Sampling page where models are opened by folder, name or upload."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from engine.language import _
from playground.labs.sampling import text
from playground.labs.shared import link_view, models, opening
from playground.labs.shared.opening import MAX_UPLOAD_MB, OBJECTIVES, Opening
from playground.policy.visitor import Visitor
from playground.streamlit_ui import reader, visitor

POLL = 0.4
"""Seconds between two updates of a running download."""


def opened() -> list[str]:
    """Names of the models that were opened by hand, with the one that the link asks for where it is on this machine."""
    names: list[str] = st.session_state.setdefault("sampling/opened", [])
    asked = st.query_params.get("model", "")
    if visitor.current().public:
        return names  # a name could be any folder of this machine
    if asked and asked not in names and st.session_state.get("sampling/asked") != asked:
        st.session_state["sampling/asked"] = asked
        if asked in models.choices(visitor.current()):
            return names
        try:
            visitor.current().open_model(asked)
            names.append(asked)
        except ValueError as error:
            st.session_state["sampling/not opened"] = (asked, str(error))
    return names


def available(who: Visitor) -> Callable[[str], dict[str, str]]:
    """The models that this visitor may choose, with those opened by hand, whichever is chosen."""
    there = models.choices(who, tuple(opened()))
    return lambda _: there


def expander() -> None:
    """Draw it. A model that has been opened becomes the chosen one in the next run of the page."""
    if visitor.current().public or link_view.ONLY in reader.in_link():
        return
    asked, problem = st.session_state.get("sampling/not opened", ("", ""))
    current: Opening | None = st.session_state.get("sampling/opening")
    if asked or current:  # and it stays open, whatever comes of it, until there is a model
        st.session_state["sampling/expanded"] = True
    with st.expander(text.OPEN, expanded=st.session_state.get("sampling/expanded", False)):
        if current is not None:
            _watch(current)
            return
        if problem and not opening.must_be_fetched(asked):
            st.error(problem)
        _by_name(asked)
        _by_upload()


def _by_name(asked: str) -> None:
    name = opening.expanded(
        st.text_input(
            text.OPEN_NAME,
            value=asked if asked and opening.must_be_fetched(asked) else "",
            placeholder=text.OPEN_EXAMPLE,
            help=text.OPEN_NAME_HELP,
            key="sampling/folder",
        )
    )
    if not name or name in st.session_state["sampling/opened"]:
        return
    if opening.must_be_fetched(name):
        st.caption(text.not_here(name))
        if st.button(text.FETCH, key="sampling/fetch", width="stretch"):
            st.session_state["sampling/opening"] = opening.fetch(name, visitor.current())
            st.rerun()
        return
    try:
        visitor.current().open_model(name)
    except ValueError as error:
        st.error(str(error))
        return
    _choose(name)


def _by_upload() -> None:
    file = st.file_uploader(
        text.OPEN_FILE,
        type=["zip", "pt"],
        max_upload_size=MAX_UPLOAD_MB,
        help=text.OPEN_FILE_HELP,
        key=f"sampling/upload{st.session_state.get('sampling/uploads', 0)}",
    )
    if file is None:
        return
    size, objective = 0, ""
    if file.name.lower().endswith(".pt"):
        st.caption(text.OPEN_SIZE_MISSING)
        size = int(st.number_input(text.OPEN_SIZE, 4, 1024, 32, key="sampling/upload size"))
        objective = st.selectbox(
            text.OPEN_OBJECTIVE,
            list(OBJECTIVES),
            format_func=lambda name: _(OBJECTIVES[name]),
            key="sampling/upload objective",
        )
    if st.button(text.OPEN_UPLOAD, key="sampling/open upload", width="stretch"):
        st.session_state["sampling/opening"] = opening.keep(file, file.name, visitor.current(), size, objective)
        st.rerun()


@st.fragment(run_every=POLL)
def _watch(current: Opening) -> None:
    state = current.state
    if state.is_running:
        st.progress(state.fraction, text=current.progress_text)
        st.button(_("Cancel"), key="sampling/cancel opening", on_click=current.stop)
        return
    if state.result is not None:
        st.session_state["sampling/uploads"] = (
            st.session_state.get("sampling/uploads", 0) + 1
        )  # the uploaded file may go
        st.session_state.pop("sampling/opening", None)
        _choose(state.result)
    if state.error:
        st.error(state.error)
    else:
        st.info(text.CANCELLED)
    if st.button(text.TRY_AGAIN, key="sampling/opening over"):
        st.session_state.pop("sampling/opening", None)
        st.session_state.pop("sampling/not opened", None)
        st.rerun()


def _choose(name: str) -> None:
    """Put a model into the list and choose it."""
    names: list[str] = st.session_state.setdefault("sampling/opened", [])
    if name not in names:
        names.append(name)
    st.session_state.pop("sampling/not opened", None)
    st.session_state["sampling/expanded"] = False
    st.session_state["sampling/wanted"] = name
    st.rerun()
