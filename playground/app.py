"""The Streamlit playground. Start it with: streamlit run playground/app.py

Only layout and navigation stand here, and nothing that imports torch: the first screen comes without it.
"""

from importlib import import_module

import streamlit as st

from playground import preload
from playground.labs.home.text import DOORS, TITLE
from playground.streamlit_ui import home

st.set_page_config(page_title=TITLE, page_icon="🌫️", layout="wide")
preload.start()

pages = {"start": st.Page(home.show, title="Start", url_path="start", icon="🌫️", default=True)}
for address, icon, title, _ in DOORS:
    show = import_module(f"playground.streamlit_ui.{address}").show
    pages[address] = st.Page(show, title=title, url_path=address, icon=icon)
st.session_state["pages"] = pages  # so that one lab can send the reader to another
st.navigation(list(pages.values()), position="top").run()
