"""The Forward page: layout only; the lab is playground/labs/forward."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.data.pictures import PictureError, read_picture
from playground import preload
from playground.gradio_ui import components, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.forward import text
from playground.labs.forward.controls import UPLOAD_SIZE, ForwardControls, rules
from playground.labs.forward.view import timeline
from playground.labs.shared import picture as pictures
from playground.labs.shared.picture import Picture

FILE_TYPES = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"]


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    panel = widgets.Panel(ForwardControls, "forward", rules())
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD, text.TERMS)
    own = gr.State(None)
    """The uploaded picture, uint8 (H, W, C); None before there is one."""
    before = gr.State(None)
    """The picture that was shown last; it is shown until there is an uploaded one."""
    with gr.Group(visible=False) as upload:
        file = gr.File(label=text.UPLOAD, file_types=FILE_TYPES, type="binary", elem_id="forward-file")
        gr.Markdown(text.upload_help(UPLOAD_SIZE), padding=True)
    message = gr.HTML("")
    shown = components.timeline("forward-timeline", empty_height=640)
    page.looking_at(text.LOOKING_AT)

    def uploaded(data: bytes | None, before: Picture | None, *values: Any) -> list[Any]:
        if data is None:
            return [None, *[gr.skip()] * 3, page.listed([text.UPLOAD_FIRST], "info")]
        try:
            own = read_picture(data, size=UPLOAD_SIZE, channels=3)
        except PictureError as problem:
            return [*[gr.skip()] * 4, page.listed([f"{problem} {text.STAYS}"], "error")]
        return [own, *_shown(panel.read(values)[0], own, before)]

    outputs = [shown, before, upload, message]
    panel.on_load(demo, _shown, [own, before], outputs)
    panel.on_change(_shown, [own, before], outputs)
    file.change(uploaded, [file, before, *panel.state], [own, *outputs], **QUIET)


def _shown(controls: ForwardControls, own: Picture | None, before: Picture | None) -> list[Any]:
    """The timeline, the picture in it, the field for an upload, and a message."""
    preload.wait()
    is_upload = controls.data == "upload"
    there = [picture for picture in (own, before) if is_upload and picture is not None]
    picture = there[0] if there else pictures.chosen(pictures.PictureChoice() if is_upload else controls)
    note = page.listed([text.UPLOAD_FIRST], "info") if is_upload and own is None else ""
    return [components.value(timeline(controls, picture)), picture, gr.update(visible=is_upload), note]
