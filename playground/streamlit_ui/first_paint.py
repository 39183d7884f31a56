"""What comes with the HTML of every page: all style, and the first picture.

Style that came with the page's content would come after it, and move what stands there.
"""

from __future__ import annotations

from playground import preload
from playground.components import room
from playground.labs.shared import pictures_html
from playground.serving import first_paint

# Streamlit leaves 6rem above the first line, for a header that takes 3.75.
_STYLE = """
.stMainBlockContainer { padding-top: 4.5rem; max-width: none; }
.stMainBlockContainer h1 { font-size: 1.9rem; padding: 0.5rem 0; }
.stMainBlockContainer h2 { font-size: 1.4rem; }
/* What Streamlit greys too far to be read (WCAG 1.4.3): captions, names of disabled controls; its buttons in the dark theme. */
[data-testid="stCaptionContainer"] { color: light-dark(#5c5c66, #b4b4c0); opacity: 1; }
label[data-testid="stWidgetLabel"][disabled] p { color: light-dark(#6a6a74, #a0a0ac); }
[data-testid="stBaseButton-primary"] { color: light-dark(#ffffff, #12131a); }
.stElementContainer:has(.dp-mark) { display: none; }
.stElementContainer:has(.dp-old) ~ * { opacity: 0.45; transition: opacity 0.2s; }
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
[data-testid="stLayoutWrapper"]:has(> .st-key-reader) {
  position: fixed; top: 0.35rem; right: 0.75rem; z-index: 1000000; width: auto; }
[data-testid="stLayoutWrapper"]:has(> .st-key-reader) [data-testid="stElementContainer"]:has(script) { display: none; }
header[data-testid="stHeader"] { padding-right: 3.5rem; }
/* A lesson stands beside the lab; on a narrow screen above it. */
@media (min-width: 1200px) {
  .stApp:has(.st-key-course-rail) .stMainBlockContainer { padding-right: 372px; }
  .st-key-course-rail { position: fixed; top: 4rem; right: 16px; width: 340px; z-index: 100; overflow: auto;
    max-height: calc(100vh - 4rem - 12px); }
}
.settings-hint { display: none; }
@media (max-width: 640px) { .settings-hint { display: block; opacity: 0.75; } }
.stMain:has([data-testid="stAppSkeleton"]) { visibility: hidden; }
[data-testid="stSidebar"] .stElementContainer > [data-testid="stSkeleton"] { height: 4.25rem; }
/* Their heights differ: the settings are shown when their programs have come. */
@keyframes dp-appear { from, to { visibility: hidden; } }
.stSidebarUserContent { animation: dp-appear 1s; }
body:has(.stMain :is(h1, [data-testid="stAlert"], [data-testid="stException"]), [role="dialog"]) .dp-first { display: none; }
body:has(.stApp) .dp-first { background: none; }
body { --dp-first-settings: 300px; --dp-first-top: 5rem; --dp-first-side: 5rem; }
@media (max-width: 1100px) { body { --dp-first-top: 7rem; } }
@media (max-width: 767px) { body { --dp-first-side: 1rem; } }
"""
_SIDEBAR = """
@media (min-width: 768px) { .stAppViewContainer:not(:has([data-testid="stSidebar"])) { padding-left: 300px; } }
"""
"""Its place is kept until it comes."""
_ROOM = room.css(lambda name: f".st-key-{name}")
NO_SIDEBAR = "<style>.stApp .stAppViewContainer { padding-left: 0; }</style>"
"""For the start page, when it is reached from a lab."""
HIDDEN_SIDEBAR = (
    f'{NO_SIDEBAR}<style>[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"] {{ display: none; }}</style>'
)
"""For a lab whose link leaves no control."""


def insert(path: str) -> str:
    """What stands at the beginning of the <body> of the page at this path, for `playground.serving.first_paint`."""
    lab = first_paint.is_lab(path)
    if lab:
        preload.start(after=0)  # while the browser fetches the front end, the interpreter has nothing to do
    sidebar = _SIDEBAR if lab else ""
    style = f"{_STYLE}{sidebar}{_ROOM}{pictures_html.STYLE}{first_paint.STYLE}"
    return f"<style>{style}</style>{first_paint.markup(path)}"
