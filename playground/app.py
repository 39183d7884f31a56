"""The Streamlit playground. Start it with: streamlit run playground/app.py [-- --public]"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from engine.storage.files import runs_root
from playground.classroom.web import Classes
from playground.serving.first_paint import FirstPaint
from playground.serving.reader_language import PARAMETER, ReaderLanguage
from playground.serving.weights import Weights
from playground.streamlit_ui import first_paint

app = st.App(
    Path(__file__).parent / "streamlit_ui" / "app.py",
    middleware=[
        Middleware(Weights),
        Middleware(ReaderLanguage, parameter=PARAMETER),
        Middleware(Classes, folder=runs_root),
        Middleware(FirstPaint, insert=first_paint.insert),
    ],
)
