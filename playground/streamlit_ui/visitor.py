"""The visitor of this session, which the labs receive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import streamlit as st
from streamlit import config

from playground.components.identity import SECRET_OF, VISITOR
from playground.policy import limits, mode
from playground.policy.visitor import Visitor, visitor_of
from playground.serving import run_time_limit

SECRET = "visitor/secret"
"""Under which the session keeps what the browser sent."""
_SEND = f"""{SECRET_OF}
export default function ({{ setStateValue }}) {{ setStateValue("secret", secretOf(() => localStorage, "{VISITOR}")); }}
"""
_lock = threading.Lock()
_is_decided = False


def decide_mode(arguments: Sequence[str]) -> None:
    """Decide once in this process whether the playground is public. Raises ValueError for an unknown argument.

    Args:
        arguments: of the command line, behind `streamlit run playground/app.py --`.
    """
    global _is_decided
    with _lock:
        if _is_decided:
            return
        mode.set_public(mode.read_arguments(arguments))
        _is_decided = True
    if mode.is_public():
        config.set_option("client.showErrorDetails", "none")  # a traceback names paths
        config.set_option("server.maxUploadSize", limits.PUBLIC.upload_megabytes)
        run_time_limit.start(limits.PUBLIC.training_seconds)


def identify(*, needed: bool) -> None:
    """In public mode, ask the browser for its secret once in a session; where it is needed, the page waits for it."""
    if not mode.is_public() or SECRET in st.session_state:
        return
    answer = _asking()(key="visitor/asking", on_secret_change=lambda: None)
    if answer.secret:
        st.session_state[SECRET] = answer.secret
        st.rerun()
    if needed:
        st.stop()


def current() -> Visitor:
    """The visitor of this session; one who owns nothing until the browser has sent its secret."""
    return visitor_of(st.session_state.get(SECRET))


@cache
def _asking() -> Callable[..., Any]:
    return st.components.v2.component("playground_visitor", js=_SEND)
