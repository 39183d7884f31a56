"""The Streamlit playground. Start it with: streamlit run playground/app.py

Only layout and navigation stand here, and nothing that imports torch: the first screen comes without it.
"""

import streamlit as st

from playground import warming
from playground.streamlit_ui import forward, home, microscope, sampling, schedules, training

st.set_page_config(page_title="Diffusion playground", page_icon="🌫️", layout="wide")
warming.start()

pages = {
    "start": st.Page(home.show, title="Start", url_path="start", icon="🌫️", default=True),
    "forward": st.Page(forward.show, title="Forward", url_path="forward", icon="➡️"),
    "schedules": st.Page(schedules.show, title="Schedules", url_path="schedules", icon="📉"),
    "sampling": st.Page(sampling.show, title="Sampling", url_path="sampling", icon="🎲"),
    "microscope": st.Page(microscope.show, title="Microscope", url_path="microscope", icon="🔬"),
    "training": st.Page(training.show, title="Training", url_path="training", icon="🏋️"),
}
st.session_state["pages"] = pages  # so that one lab can send the reader to another
st.navigation(list(pages.values()), position="top").run()
