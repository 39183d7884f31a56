"""The Forward page: layout only; the lab is playground/labs/forward."""

from __future__ import annotations

import streamlit as st

from engine.data.pictures import PictureError, read_picture
from playground.labs.forward import controls, text, view
from playground.labs.forward.controls import UPLOAD_SIZE, ForwardControls
from playground.labs.shared import picture as pictures
from playground.labs.shared.picture import Picture
from playground.streamlit_ui import components, page, widgets

LAB = "forward"
FILE_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]


def show() -> None:
    """Draw the page."""
    chosen = widgets.lab(ForwardControls, LAB, text, lambda _: controls.rules())
    picture = _uploaded() if chosen.data == "upload" else pictures.chosen(chosen)
    st.session_state[f"{LAB}/picture"] = picture
    components.timeline(view.timeline(chosen, picture), key=f"{LAB}/timeline")
    page.looking_at(text.LOOKING_AT)


def _uploaded() -> Picture:
    """The uploaded picture; while there is none, or it cannot be read, the picture that was shown before."""
    before: Picture | None = st.session_state.get(f"{LAB}/upload")
    if before is None:
        before = st.session_state.get(f"{LAB}/picture")
    if before is None:
        before = pictures.chosen(pictures.PictureChoice())
    file = st.file_uploader(text.UPLOAD, type=FILE_TYPES, key=f"{LAB}/file", help=text.upload_help(UPLOAD_SIZE))
    if file is None:
        st.info(text.UPLOAD_FIRST)
        return before
    if st.session_state.get(f"{LAB}/upload id") != file.file_id or f"{LAB}/upload" not in st.session_state:
        try:
            st.session_state[f"{LAB}/upload"] = read_picture(file.getvalue(), size=UPLOAD_SIZE, channels=3)
        except PictureError as problem:
            st.error(f"{problem} {text.STAYS}")
            return before
        st.session_state[f"{LAB}/upload id"] = file.file_id
    picture: Picture = st.session_state[f"{LAB}/upload"]
    return picture
