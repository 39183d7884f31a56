"""The Streamlit playground. Start it with: streamlit run playground/app.py

Only layout and navigation stand here, and nothing that imports torch: the first screen comes without it.
"""

import streamlit as st

from playground.streamlit_ui import forward, home, sampling, schedules, training, warm

st.set_page_config(page_title="Diffusion playground", page_icon="🌫️", layout="wide")
warm.start()

pages = [
    st.Page(home.show, title="Start", url_path="start", icon="🌫️", default=True),
    st.Page(forward.show, title="Forward", url_path="forward", icon="➡️"),
    st.Page(schedules.show, title="Schedules", url_path="schedules", icon="📉"),
    st.Page(sampling.show, title="Sampling", url_path="sampling", icon="🎲"),
    st.Page(training.show, title="Training", url_path="training", icon="🏋️"),
]
st.navigation(pages, position="top").run()
