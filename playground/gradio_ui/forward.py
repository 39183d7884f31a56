"""The Forward page: layout only; the lab is playground/labs/forward."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from engine.data.pictures import PictureError, read_picture
from playground.gradio_ui import components, page, widgets
from playground.gradio_ui.widgets import PanelState
from playground.labs.forward import text
from playground.labs.forward.controls import UPLOAD_SIZE, ForwardControls, rules
from playground.labs.forward.view import timeline
from playground.labs.shared import picture as pictures
from playground.labs.shared.picture import Picture

FILE_TYPES = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"]


@dataclass(frozen=True)
class _Pictures:
    """What a visitor has seen in this session, uint8 (H, W, C): the uploaded picture, and the one that was shown last."""

    uploaded: Picture | None = None
    shown: Picture | None = None


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    own = gr.State(None)
    panel = widgets.Panel(ForwardControls, "forward", lambda visitor, own: rules(), own)
    panel.draw_page(text)
    with gr.Group(visible=False) as upload:
        file = gr.File(label=text.UPLOAD, file_types=FILE_TYPES, type="binary", elem_id="forward-file")
        gr.Markdown(text.upload_help(UPLOAD_SIZE), padding=True)
    message = gr.HTML("")
    shown = components.component("timeline", "forward-timeline")
    page.looking_at(text.LOOKING_AT)
    outputs = [shown, own, upload, message]
    panel.on_load(demo, _shown, [], outputs)
    panel.on_change(_shown, [], outputs)
    panel.on(file.change, _uploaded, [file], outputs)


def _uploaded(state: PanelState[ForwardControls], data: bytes | None) -> list[Any]:
    before = state.own or _Pictures()
    if data is None:
        own = widgets.Owned(state.visitor, _Pictures(None, before.shown))
        return [gr.skip(), own, gr.skip(), page.listed([text.UPLOAD_FIRST], "info")]
    try:
        picture = read_picture(data, size=UPLOAD_SIZE, channels=3)
    except PictureError as problem:
        return [*[gr.skip()] * 3, page.listed([f"{problem} {text.STAYS}"], "error")]
    return _shown(replace(state, own=_Pictures(picture, before.shown)))


def _shown(state: PanelState[ForwardControls]) -> list[Any]:
    """The timeline, the pictures to be kept, the field for an upload, and a message."""
    controls, own = state.controls, state.own or _Pictures()
    is_upload = controls.data == "upload"
    there = [picture for picture in (own.uploaded, own.shown) if is_upload and picture is not None]
    picture = there[0] if there else pictures.chosen(pictures.PictureChoice() if is_upload else controls)
    note = page.listed([text.UPLOAD_FIRST], "info") if is_upload and own.uploaded is None else ""
    kept = widgets.Owned(state.visitor, _Pictures(own.uploaded, picture))
    return [components.value(timeline(controls, picture)), kept, gr.update(visible=is_upload), note]
