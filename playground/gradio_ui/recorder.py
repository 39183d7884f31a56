"""The Recorder's page: layout only, the lab itself is playground/labs/recorder."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.recorder import controls as settings
from playground.labs.recorder import job as lab
from playground.labs.recorder import text, view
from playground.labs.recorder.controls import RECORDED, RecorderControls
from playground.labs.recorder.job import Recording
from playground.labs.recorder.view import RecorderView
from playground.labs.shared import exports
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.job import Job
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

LAB = "recorder"


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel = widgets.Panel(RecorderControls, LAB, _rules, [who.visitor])
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD, text.TERMS)
    about = gr.Markdown(text.RECORDED)
    buttons = following.buttons(LAB, f"⏺️ {text.START}", unit=text.WHAT)
    figure = components.recorder(f"{LAB}-map")
    page.looking_at(text.LOOKING_AT)
    files = gr.HTML("", apply_default_css=False)
    outputs, whole = [figure, files], [about, buttons.start, buttons.status, figure, files]

    def pressed(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        one = visitor_of(visitor)
        if controls.run != RECORDED and one.runs.may(controls.run):
            request_queue().put(tab, LAB, Job(lambda: lab.record(controls, one), LAB))
        return panel.update(controls, problems, values)

    loaded = panel.on_load(demo, _opened, [], whole, who)
    panel.on_change(_changed, [who.tab], whole)
    begun = buttons.start.click(pressed, [*who.both, *panel.state], panel.shown, trigger_mode="multiple", **QUIET)
    for cause in (loaded, begun):
        buttons.follow(cause, who.tab, _grown, outputs)
    buttons.stops(who.tab)


def _opened(controls: RecorderControls, visitor: str, tab: str, session: str) -> list[Any]:
    preload.wait()
    request_queue().attach(tab, session)
    return _changed(controls, tab)


def _changed(controls: RecorderControls, tab: str) -> list[Any]:
    job = request_queue().job(tab, LAB)
    shown = view.view_of(controls, job.state.result if job is not None else None)
    start, about = gr.update(interactive=shown.can_start), gr.update(visible=bool(shown.about))
    notice = page.status(shown.notice) if shown.can_start else page.listed([shown.notice] if shown.notice else [])
    return [about, start, notice, components.value(shown.figure), exports.links(shown.files)]


def _grown(recording: Recording | None) -> list[Any]:
    shown = RecorderView() if recording is None else view.view_of(recording.controls, recording)
    if shown.figure is None:
        return [gr.skip(), gr.skip()]
    return [components.value(shown.figure), exports.links(shown.files)]


def _rules(visitor: str | None) -> ControlRules[RecorderControls]:
    return settings.rules(visitor_of(visitor))
