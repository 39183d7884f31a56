"""The Forward page: layout only, the lab itself is playground/labs/forward.py."""

from __future__ import annotations

import streamlit as st

from engine.data.pictures import PictureError, read_picture
from playground.labs import picture as pictures
from playground.labs.picture import Picture
from playground.streamlit_ui import components, page, warm, widgets

LAB = "forward"
FILE_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"]


def show() -> None:
    """Draw the page."""
    page.head(
        "How a picture turns into noise",
        "The forward process adds noise, a little at every step, until nothing of the picture is left. "
        "Drag the strip below the picture to walk through it.",
    )
    page.settings_hint()
    warm.wait()
    from playground.labs import forward

    with st.sidebar:
        chosen = widgets.controls(
            forward.ForwardControls,
            LAB,
            options=lambda now: {} if now.data == "upload" else {"class_index": pictures.class_titles(now)},
            limits=lambda now: {} if now.data == "upload" else {"number": pictures.number_range(now)},
            disabled=lambda now: _not_for_uploads(now.data),
        )
    widgets.show_problems(LAB)
    picture = _uploaded(forward.UPLOAD_SIZE) if chosen.data == "upload" else pictures.chosen(chosen)
    st.session_state[f"{LAB}/picture"] = picture
    components.timeline(forward.compute(chosen, picture), key=f"{LAB}/timeline")
    _explain()


def _not_for_uploads(data: object) -> dict[str, str]:
    if data != "upload":
        return {}
    why = "A picture of your own has no class and no number."
    return {"class_index": why, "number": why}


def _uploaded(size: int) -> Picture:
    """The reader's own picture; while there is none, or it cannot be read, the picture that was shown before."""
    before: Picture | None = st.session_state.get(f"{LAB}/upload")
    if before is None:
        before = st.session_state.get(f"{LAB}/picture")
    if before is None:
        before = pictures.chosen(pictures.PictureChoice())
    file = st.file_uploader(
        "A picture of your own",
        type=FILE_TYPES,
        key=f"{LAB}/file",
        help=f"The middle square is taken and made {size} × {size} pixels small. It stays on the machine that runs this "
        "playground and is not part of the link.",
    )
    if file is None:
        st.info("Choose a picture file above. Until then you see the one from before.")
        return before
    if st.session_state.get(f"{LAB}/upload id") != file.file_id or f"{LAB}/upload" not in st.session_state:
        try:
            st.session_state[f"{LAB}/upload"] = read_picture(file.getvalue(), size=size, channels=3)
        except PictureError as problem:
            st.error(f"{problem} The picture from before stays.")
            return before
        st.session_state[f"{LAB}/upload id"] = file.file_id
    return st.session_state[f"{LAB}/upload"]


def _explain() -> None:
    page.looking_at(
        "**The picture at step t.** Pixel values run from −1 (darkest) to 1 (brightest). Noise goes further than a screen "
        "can: what lies beyond is shown as −1 or 1. In one jump the same noise only grows stronger with t; "
        "along the steps it changes bit by bit, because each step brings fresh noise."
    )
    page.looking_at(
        "**Pixel values** begin as the picture’s own and end as the bell curve of N(0, 1), whatever the picture was. "
        "**Share** and **signal-to-noise ratio** say how much of the picture is left at step t."
    )
    page.looking_at(
        "**One jump or t steps: the same law.** Take √ᾱₜ x₀ away from xₜ, divide by √(1−ᾱₜ), and what remains is N(0, 1) at "
        "every t, whichever way it came in. The last curve measures how strong the noise is, over some 3,000 values, "
        "drawn anew for every t or added step by step. Both lie on the calculated curve, and waver "
        "around it as measurements do."
    )
