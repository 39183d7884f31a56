"""The Flight recorder's page: layout only, the lab itself is playground/labs/recorder/job.py."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.recorder import job as lab
from playground.labs.recorder import text
from playground.labs.recorder.job import RecorderControls, Recording
from playground.labs.shared import exports
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.exports import File
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
    page.head(text.TITLE, text.LEAD)
    about = gr.Markdown(text.RECORDED)
    buttons = following.buttons(LAB, f"✈️ {text.START}", unit=text.WHAT)
    flight = components.recorder(f"{LAB}-flight")
    page.looking_at(text.LOOKING_AT)
    files = gr.HTML("", apply_default_css=False)
    outputs = [flight, files]
    around = [about, buttons.start, buttons.status, *outputs]

    def opened(controls: RecorderControls, visitor: str, tab: str, session: str) -> list[Any]:
        preload.wait()
        request_queue().attach(tab, session)
        return changed(controls, tab)

    def changed(controls: RecorderControls, tab: str) -> list[Any]:
        ships = controls.run == lab.RECORDED
        shown: list[Any] = [gr.update(visible=ships), gr.update(interactive=not ships)]
        if ships:
            try:
                return [*shown, "", *_shown(controls, lab.recorded())]
            except ValueError:
                return [*shown, page.listed([text.DAMAGED]), gr.skip(), gr.skip()]
        job = request_queue().job(tab, LAB)
        there = job.state.result if job is not None else None
        if there is not None and there.of == lab.drawn_with(controls):
            return [*shown, "", *_shown(controls, there)]
        return [*shown, page.status(text.PRESS), None, ""]

    def pressed(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        if controls.run != lab.RECORDED and visitor_of(visitor).runs.may(controls.run):
            request_queue().put(tab, LAB, Job(lambda: lab.fly(controls, visitor_of(visitor)), LAB))
        return panel.update(controls, problems, values)

    loaded = panel.on_load(demo, opened, [], around, who)
    panel.on_change(changed, [who.tab], around)
    asked = buttons.start.click(pressed, [*who.both, *panel.state], panel.shown, trigger_mode="multiple", **QUIET)
    for cause in (loaded, asked):
        buttons.follow(cause, who.tab, _drawn, outputs)
    buttons.stops(who.tab)


def _drawn(recording: Recording | None) -> list[Any]:
    return _shown(recording.asked, recording) if recording is not None else [gr.skip(), gr.skip()]


def _shown(controls: RecorderControls, recording: Recording) -> list[Any]:
    flight = lab.flight(recording, controls.show)
    if flight is None:
        return [gr.skip(), gr.skip()]
    made = [File(text.CSV, "flight.csv", "text/csv", exports.csv(lab.table(recording)))]
    links = exports.links(made) if len(recording.steps) == recording.total else ""
    return [components.value(flight), links]


def _rules(visitor: str | None) -> ControlRules[RecorderControls]:
    return ControlRules(
        disabled=lab.without_effect,
        options=lambda _: lab.titles(lab.choices(visitor_of(visitor))),
        at_first=lambda now: {"run": {now.run: ""}},
        bounds=visitor_of(visitor).bounds(LAB),
    )
