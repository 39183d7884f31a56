"""The Recorder's page: layout only, the lab itself is playground/labs/recorder."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.widgets import PanelState
from playground.labs.recorder import controls as settings
from playground.labs.recorder import job as lab
from playground.labs.recorder import text, view
from playground.labs.recorder.controls import RECORDED, RecorderControls
from playground.labs.recorder.job import Recording
from playground.labs.recorder.view import RecorderView
from playground.labs.shared import exports
from playground.labs.shared.job import Job
from playground.serving.request_queue import request_queue

LAB = "recorder"
State = PanelState[RecorderControls]


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    panel = widgets.Panel(RecorderControls, LAB, settings.rules)
    panel.draw_page(text)
    about = gr.Markdown(text.RECORDED)
    buttons = following.buttons(LAB, f"⏺️ {text.START}", unit=text.WHAT)
    figure = components.component("recorder", f"{LAB}-map")
    page.looking_at(text.LOOKING_AT)
    files = gr.HTML("", apply_default_css=False)
    whole = [about, buttons.start, buttons.status, figure, files]
    panel.on_change(_shown, [], whole)
    loaded = panel.on_load(demo, _shown, [], whole)
    begun = panel.on(buttons.start.click, _begun, trigger_mode="multiple")
    buttons.connect(panel.who.tab, _grown, [figure, files], loaded, begun)


def _begun(state: State) -> list[Any]:
    controls, visitor = state.controls, state.visitor
    if controls.run != RECORDED and visitor.runs.may(controls.run):
        request_queue().put(state.tab, LAB, Job(lambda: lab.record(controls, visitor), LAB))
    return []


def _shown(state: State) -> list[Any]:
    job = request_queue().job(state.tab, LAB)
    shown = view.view_of(state.controls, job.state.result if job is not None else None)
    start, about = gr.update(interactive=shown.can_start), gr.update(visible=bool(shown.about))
    notice = page.status(shown.notice) if shown.can_start else page.listed([shown.notice] if shown.notice else [])
    return [about, start, notice, components.value(shown.figure), exports.links(shown.files)]


def _grown(recording: Recording | None) -> list[Any]:
    shown = RecorderView() if recording is None else view.view_of(recording.controls, recording)
    if shown.figure is None:
        return [gr.skip(), gr.skip()]
    return [components.value(shown.figure), exports.links(shown.files)]
