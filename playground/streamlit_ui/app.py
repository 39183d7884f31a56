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
from playground.labs.home import text
from playground.streamlit_ui import home, memory, page, reader, visitor

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
pages = {"start": start}
for address, icon, title, _about in text.LABS:
    pages[address] = st.Page(lab(address), title=title, url_path=address, icon=icon)
st.session_state["pages"] = pages  # so that one lab can send the reader to another
chosen = st.navigation(list(pages.values()), position="top")
page.begin(has_settings=chosen is not start)
reader.switch()
visitor.identify(needed=chosen is not start)
if st.session_state.get("lab") != chosen.url_path:
    st.session_state["lab"] = ""  # the reader comes from another page, see widgets
memory.recall(chosen.url_path, reader.link())
chosen.run()
if chosen is not start:
    page.next_labs(chosen.url_path)
memory.remember(chosen.url_path)
