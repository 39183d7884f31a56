"""What all pages share: the heading, the lead, the line below a figure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import streamlit as st

from playground import preload
from playground.labs.shared import glossary, pictures_html
from playground.labs.shared import text as common
from playground.labs.shared.exports import File
from playground.labs.shared.view import Notice
from playground.streamlit_ui import components

# Streamlit leaves 6rem above the first line, for a header that takes 3.75.
_STYLE = """
.stMainBlockContainer { padding-top: 4.5rem; }
.stMainBlockContainer h1 { font-size: 1.9rem; padding: 0.5rem 0; }
.stMainBlockContainer h2 { font-size: 1.4rem; }
/* What Streamlit greys too far to be read (WCAG 1.4.3): captions, names of disabled controls; its buttons in the dark theme. */
[data-testid="stCaptionContainer"] { color: light-dark(#5c5c66, #b4b4c0); opacity: 1; }
label[data-testid="stWidgetLabel"][disabled] p { color: light-dark(#6a6a74, #a0a0ac); }
[data-testid="stBaseButton-primary"] { color: light-dark(#ffffff, #12131a); }
.stElementContainer:has(.dp-mark) { display: none; }
.stElementContainer:has(.dp-old) ~ * { opacity: 0.45; transition: opacity 0.2s; }
/* Streamlit puts up its empty page before it knows the layout, the sidebar and this style: what moves then is not drawn. */
@keyframes dp-appear { from, to { visibility: hidden; } }
.stAppViewContainer, .stSidebarUserContent { animation: dp-appear 0.3s; }
/* The row of links wraps. Streamlit would fold the last ones into "2 more", for which it measures these items. */
[data-testid="stTopNav"] .rc-overflow-item { display: contents; }
[data-testid="stTopNav"] { flex-wrap: wrap; height: auto; row-gap: 0; }
[data-testid="stTopNav"] [data-testid="stTopNavLink"] span:has(> span > [data-testid="stIconEmoji"]) { display: none; }
header[data-testid="stHeader"]:has([data-testid="stTopNav"]) { height: auto; min-height: 3.75rem; }
@media (max-width: 1100px) { .stMainBlockContainer { padding-top: 6.5rem; } }
/* Streamlit gives a link with the focus of the keyboard a shade that is hard to see. */
:is([data-testid="stTopNavLink"], [data-testid="stSidebarNavLink"], [data-testid="stPageLink-NavLink"]):focus-visible,
:is(.stMarkdown a, summary, header button):focus-visible {
  outline: 2.5px solid light-dark(#4343a8, #adadf1); outline-offset: 2px; }
/* Short choices stand in one row. */
[data-testid="stSidebar"] [data-testid="stButtonGroup"] :is([role="radiogroup"] label, button) { padding-inline: 0.25rem; }
.settings-hint { display: none; }
@media (max-width: 640px) { .settings-hint { display: block; opacity: 0.75; } }
"""


def begin(*, has_settings: bool) -> None:
    """What comes before any page: the style, and the sidebar, so that nothing moves when its controls come."""
    st.html(f"<style>{_STYLE}{components.room()}{pictures_html.STYLE}</style>")
    if has_settings:
        st.sidebar.markdown(f"**{common.SETTINGS}**")


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


def looking_at(text: str) -> None:
    """The line under a figure that says what it shows."""
    st.caption(common.looking_at(text), unsafe_allow_html=True)  # escaped there


def downloads(files: Sequence[File], lab: str) -> None:
    """A button for each file, folded away."""
    if not files:
        return
    with st.expander(common.DOWNLOADS):
        for file in files:
            st.download_button(file.title, file.data, file.name, file.kind, key=f"{lab}/{file.name}", icon="⬇️")
