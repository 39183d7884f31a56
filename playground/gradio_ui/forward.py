"""The Forward page: layout only, the lab itself is playground/labs/forward/view.py."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.data.pictures import PictureError, read_picture
from playground import preload
from playground.gradio_ui import components, page, widgets
from playground.labs.forward import text
from playground.labs.forward.view import UPLOAD_SIZE, ForwardControls, compute
from playground.labs.shared import picture as pictures
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.picture import Picture

FILE_TYPES = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"]


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    panel = widgets.Panel(ForwardControls, "forward", _rules())
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD)
    own = gr.State(None)
    """The reader's own picture, uint8 (H, W, C), once there is one."""
    before = gr.State(None)
    """The picture that was shown last; while there is none of the reader's own, it stays."""
    with gr.Group(visible=False) as upload:
        file = gr.File(label=text.UPLOAD, file_types=FILE_TYPES, type="binary", elem_id="forward-file")
        gr.Markdown(text.upload_help(UPLOAD_SIZE), padding=True)
    message = gr.HTML("")
    timeline = components.timeline("forward-timeline", empty_height=640)
    for paragraph in text.LOOKING_AT:
        page.looking_at(paragraph)

    def show(controls: ForwardControls, own: Picture | None, before: Picture | None) -> list[Any]:
        preload.wait()
        note = ""
        if controls.data != "upload":
            picture = pictures.chosen(controls)
        else:
            note = page.listed([text.UPLOAD_FIRST], "info") if own is None else ""
            picture = next((p for p in (own, before) if p is not None), None)
            picture = pictures.chosen(pictures.PictureChoice()) if picture is None else picture
        tl = compute(controls, picture)
        return [components.value(tl), picture, gr.update(visible=controls.data == "upload"), note]

    def uploaded(data: bytes | None, before: Picture | None, *values: Any) -> list[Any]:
        if data is None:
            return [None, *[gr.skip()] * 3, page.listed([text.UPLOAD_FIRST], "info")]
        try:
            own = read_picture(data, size=UPLOAD_SIZE, channels=3)
        except PictureError as problem:
            return [*[gr.skip()] * 4, page.listed([f"{problem} {text.STAYS}"], "error")]
        controls, _ = panel.read(values)
        return [own, *show(controls, own, before)]

    outputs = [timeline, before, upload, message]
    panel.on_load(demo, show, [own, before], outputs)
    panel.on_change(show, [own, before], outputs)
    file.change(
        uploaded,
        [file, before, *panel.state],
        [own, *outputs],
        show_progress="hidden",
        api_visibility="private",
    )


def _rules() -> ControlRules[ForwardControls]:
    def disabled(now: ForwardControls) -> dict[str, str]:
        return {} if now.data != "upload" else {"class_index": text.NO_CLASS, "number": text.NO_CLASS}

    return ControlRules(
        options=lambda now: {} if now.data == "upload" else {"class_index": pictures.class_titles(now)},
        limits=lambda now: {} if now.data == "upload" else {"number": pictures.number_range(now)},
        disabled=disabled,
    )
