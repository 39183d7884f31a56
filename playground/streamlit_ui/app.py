"""The script that Streamlit runs for every visit and every change: layout and navigation.

Nothing here imports torch: the first screen comes without it.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import streamlit as st

from engine.language import _
from playground import preload
from playground.course import text as course_text
from playground.course.view import CONTENTS, TEACH, lesson_links
from playground.labs.home import text
from playground.labs.home.view import next_links
from playground.streamlit_ui import course, home, memory, page, reader, visitor

st.set_page_config(layout="wide")  # each page gives the tab its title and icon
try:
    # Streamlit puts the script's own path first; a program that runs this file by other means has arguments of its own.
    visitor.decide_mode(sys.argv[1:] if Path(sys.argv[0]).name == Path(__file__).name else [])
except ValueError as error:
    st.error(str(error))
    st.stop()
preload.start()
reader.begin()


def lab(address: str) -> Callable[[], None]:
    """What draws a lab: its module is imported when it is opened."""
    return lambda: import_module(f"playground.streamlit_ui.{address}").show()


start = st.Page(home.show, title=_("Start"), url_path="start", icon="🌫️", default=True)
labs = {
    address: st.Page(lab(address), title=title, url_path=address, icon=icon)
    for address, icon, title, _about in text.LABS
}
learn = st.Page(course.show, title=_(course_text.NAME), url_path=CONTENTS, icon="🎓")
teach = st.Page(course.teach, title=_(course_text.TEACH), url_path=TEACH, icon="🏫")
st.session_state["pages"] = {
    "start": start,
    CONTENTS: learn,
    TEACH: teach,
    **labs,
}  # so that one lab can send the reader to another
chosen = st.navigation([start, learn, *labs.values(), teach], position="top")
is_lab = chosen.url_path in labs
page.begin(has_settings=is_lab)
reader.switch()
visitor.identify(needed=is_lab)
if is_lab:
    course.rail(chosen.url_path)
if st.session_state.get("lab") != chosen.url_path:
    st.session_state["lab"] = ""  # the reader comes from another page, see widgets
memory.recall(chosen.url_path, reader.link())
chosen.run()
if is_lab:
    page.next_labs([*next_links(chosen.url_path), *lesson_links(chosen.url_path)])
memory.remember(chosen.url_path)
