"""Where the reader of this session samples: in their browser, or on the server. One choice for all labs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from playground.components import room
from playground.labs.shared import link_view
from playground.labs.shared.job import Job
from playground.streamlit_ui import components

if TYPE_CHECKING:
    from playground.browser.where import Place, Where

_CHOSEN = "reader/where"


def wanted() -> Place:
    """What the reader wants, "" until their browser has told it; in a lesson, and where no browser asks, it is the server."""
    if link_view.is_restricted(st.query_params.to_dict()) or not st.context.headers:
        return "server"
    place: Place = st.session_state.get(_CHOSEN, "")
    return place


def drawn(lab: str) -> int:
    """How often Draw was pressed for the browser."""
    return int(st.session_state.get(f"{lab}/drawn", 0))


def draw_again(lab: str) -> None:
    """Have the browser draw again."""
    st.session_state[f"{lab}/drawn"] = drawn(lab) + 1


def show(here: Where, lab: str, on: Mapping[str, Callable[[Any], None]] | None = None) -> None:
    """Draw the choice, and below it what is sampled in the browser; a link that is restricted has no choice.

    Args:
        here: what is shown.
        lab: its name, under which the session has its job.
        on: what is called with the value of each event.
    """

    def choose(place: object) -> None:
        if place not in ("browser", "server"):
            return
        st.session_state[_CHOSEN] = place
        job: Job[Any] | None = st.session_state.get(f"{lab}/job")
        if place == "browser" and job is not None:
            job.stop()
            del st.session_state[f"{lab}/job"]

    if not link_view.is_restricted(st.query_params.to_dict()):
        components.live("where", here, {"where": choose, **(on or {})}, key=f"{lab}-in-browser")
    if not here.chosen:  # what comes below would move
        st.html(room.spacer(f"{lab}-timeline"))
        st.stop()
