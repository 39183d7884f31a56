"""What all pages share: the heading, the lead, the line below a figure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from playground import preload
from playground.labs.home import text as home_text
from playground.labs.home.view import LabLink
from playground.labs.shared import glossary, link_view
from playground.labs.shared import text as common
from playground.labs.shared.exports import File
from playground.labs.shared.view import Notice
from playground.streamlit_ui import first_paint


def begin(*, has_settings: bool) -> None:
    """What comes before any page: the sidebar, so that nothing moves when its controls come."""
    if has_settings and not link_view.has_settings(st.query_params.to_dict()):
        st.html(first_paint.HIDDEN_SIDEBAR)
    elif has_settings:
        st.sidebar.markdown(f"**{common.SETTINGS}**")
    else:
        st.html(first_paint.NO_SIDEBAR)


def head(title: str, lead: str, terms: Sequence[str] = ()) -> None:
    """The title of a lab, the sentence that says what one can do here, and definitions of its terms."""
    st.markdown(f"# {title}")
    st.markdown(lead)
    if terms:
        st.html(glossary.definitions(terms))


def settings_hint() -> None:
    """On a phone the settings are behind a button: say where. Elsewhere this shows nothing."""
    st.html(f'<div class="settings-hint">{common.SETTINGS_HINT}</div>')


def wait() -> None:
    """Hold a page that needs the engine until it is there, and say so meanwhile: it loads behind the first paint."""
    if not preload.start().is_set():
        with st.spinner(common.WAKING):
            preload.wait()


def facts(facts: Mapping[str, str | float]) -> None:
    """What a lesson may ask of this lab, for components/src/facts.js; nothing is to be seen of it."""
    st.html(f'<i class="dp-mark" data-facts="{html.escape(json.dumps(facts))}"></i>')


def notices(notices: Iterable[Notice]) -> None:
    """Messages to the reader."""
    draw = {"info": st.info, "success": st.success, "warning": st.warning, "error": st.error}
    for notice in notices:
        draw[notice.level](plain(notice.text))


def plain(text: str) -> str:
    """Text that is shown as it is: what stands in a link must not become markup."""
    return re.sub(r"([\\`*_\[\]<>$#~:])", r"\\\1", text)


def spoken(text: str) -> str:
    """A label that only screen readers meet, who get it as it is written: without escapes or markup."""
    return re.sub(r"[\\`*_\[\]<>$#~]", " ", text).replace(":", ":\u2060")


def looking_at(caption: common.Caption) -> None:
    """The caption of a figure: what it shows, what to try, and why it is so."""
    st.caption(common.looking_at(caption), unsafe_allow_html=True)  # escaped there


CARD_STYLE = """<style>
[class*="st-key-lab-card-"] { position: relative; }
[class*="st-key-lab-card-"] :is([data-testid="stElementContainer"], [data-testid="stPageLink"], a) { position: static; }
[class*="st-key-lab-card-"] a::after { content: ""; position: absolute; inset: 0; border-radius: inherit; }
[class*="st-key-lab-card-"] a :is(span, div, p) { white-space: normal; overflow: visible; }
[class*="st-key-lab-card-"]:is(:hover, :focus-within) { border-color: var(--st-primary-color, currentColor); }
</style>"""
"""The whole card is the link."""
IN_A_ROW = 4
"""Cards beside each other."""


def _card(lab: LabLink, place: str) -> None:
    name = "-".join((place, lab.address or "start", *lab.parameters.values()))
    with st.container(border=True, height="stretch", key=f"lab-card-{name}"):
        to = st.session_state["pages"][lab.address or "start"]
        st.page_link(to, label=f"**{lab.title}**", icon=lab.icon, query_params=dict(lab.parameters) or None)
        st.markdown(lab.about)


def cards(labs: Sequence[LabLink], place: str = "") -> None:
    """Cards that are links, in rows. `place` tells several of a page apart."""
    st.html(CARD_STYLE)
    for first in range(0, len(labs), IN_A_ROW):
        for column, lab in zip(st.columns(IN_A_ROW), labs[first:], strict=False):
            with column:
                _card(lab, place)


def next_labs(links: Sequence[LabLink]) -> None:
    """The end of a lab: what may be opened next."""
    st.markdown(f"## {home_text.NEXT}")
    cards(links)


def downloads(files: Sequence[File], lab: str) -> None:
    """A button for each file, folded away."""
    if not files:
        return
    with st.expander(common.DOWNLOADS):
        for file in files:
            st.download_button(file.title, file.data, file.name, file.kind, key=f"{lab}/{file.name}", icon="⬇️")
