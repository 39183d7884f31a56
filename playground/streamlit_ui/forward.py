"""The Forward page: layout only, the lab itself is playground/labs/forward/view.py."""

from __future__ import annotations

import streamlit as st

from engine.data.pictures import PictureError, read_picture
from playground.labs.forward import text
from playground.labs.shared import picture as pictures
from playground.labs.shared.picture import Picture
from playground.streamlit_ui import components, loading, page, widgets

LAB = "forward"
FILE_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]


def show() -> None:
    """Draw the page."""
    page.head(text.TITLE, text.LEAD)
    page.settings_hint()
    loading.wait()
    from playground.labs.forward import view

    with st.sidebar:
        chosen = widgets.controls(
            view.ForwardControls,
            LAB,
            options=lambda now: {} if now.data == "upload" else {"class_index": pictures.class_titles(now)},
            limits=lambda now: {} if now.data == "upload" else {"number": pictures.number_range(now)},
            disabled=lambda now: _not_for_uploads(now.data),
        )
    widgets.show_problems(LAB)
    picture = _uploaded(view.UPLOAD_SIZE) if chosen.data == "upload" else pictures.chosen(chosen)
    st.session_state[f"{LAB}/picture"] = picture
    components.timeline(view.compute(chosen, picture), key=f"{LAB}/timeline")
    for paragraph in text.LOOKING_AT:
        page.looking_at(paragraph)


def _not_for_uploads(data: object) -> dict[str, str]:
    if data != "upload":
        return {}
    return {"class_index": text.NO_CLASS, "number": text.NO_CLASS}


def _uploaded(size: int) -> Picture:
    """The reader's own picture; while there is none, or it cannot be read, the picture that was shown before."""
    before: Picture | None = st.session_state.get(f"{LAB}/upload")
    if before is None:
        before = st.session_state.get(f"{LAB}/picture")
    if before is None:
        before = pictures.chosen(pictures.PictureChoice())
    file = st.file_uploader(
        text.UPLOAD,
        type=FILE_TYPES,
        key=f"{LAB}/file",
        help=text.upload_help(size),
    )
    if file is None:
        st.info(text.UPLOAD_FIRST)
        return before
    if st.session_state.get(f"{LAB}/upload id") != file.file_id or f"{LAB}/upload" not in st.session_state:
        try:
            st.session_state[f"{LAB}/upload"] = read_picture(file.getvalue(), size=size, channels=3)
        except PictureError as problem:
            st.error(f"{problem} {text.STAYS}")
            return before
        st.session_state[f"{LAB}/upload id"] = file.file_id
    return st.session_state[f"{LAB}/upload"]
