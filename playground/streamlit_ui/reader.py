"""In which language the reader of this session reads: as the link says, as they have chosen, or as their browser asks."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from engine.language import ENGLISH, LANGUAGES, asks, chosen
from playground.labs.shared import link_view
from playground.serving.reader_language import PARAMETER

_KEY = "reader/language"


def begin() -> None:
    """Find out, once at the beginning of every run of the script."""
    asked = chosen(st.query_params.get(PARAMETER))
    if asked is not None and asked != st.session_state.get(_KEY):
        st.session_state[_KEY] = asked
    elif _KEY not in st.session_state:
        st.session_state[_KEY] = _of_browser()
    for name, tag in in_link().items():
        if st.query_params.get(name) != tag:
            st.query_params[name] = tag


def switch() -> None:
    """Draw the button of the other language, which a style places in the head, and tell the browser what this page speaks."""
    tag = _language() or ENGLISH
    other = next(one for one in LANGUAGES if one != tag)
    with st.container(key="reader"):
        st.button(LANGUAGES[other], key=f"reader/{other}", type="tertiary", on_click=_choose, args=(other,))
        st.html(f"<script>document.documentElement.lang = '{tag}';</script>", unsafe_allow_javascript=True)


def link() -> dict[str, str]:
    """The parameters of the link but for those of `in_link`."""
    besides = (PARAMETER, *link_view.PARAMETERS)
    return {name: value for name, value in st.query_params.to_dict().items() if name not in besides}


def in_link() -> dict[str, str]:
    """What the link says besides settings: of controls and lesson, and of the language where readers would get others."""
    tag = st.session_state.get(_KEY, ENGLISH)
    spoken = {} if tag == ENGLISH == _of_browser() else {PARAMETER: tag}
    return spoken | link_view.view_of(st.query_params.to_dict())


def _choose(tag: str) -> None:
    st.session_state[_KEY] = st.query_params[PARAMETER] = tag


def _of_browser() -> str:
    return chosen(st.context.locale) or ENGLISH


def _language() -> str | None:
    if get_script_run_ctx(suppress_warning=True) is None:  # not in a thread that draws a page
        return None
    tag = st.session_state.get(_KEY)
    return tag if isinstance(tag, str) else None


asks(_language)
