"""The Network x-ray page: layout only, the lab itself is playground/labs/xray."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import components, following, page, sampling_models, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.shared import exports
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.job import Job
from playground.labs.xray import controls as settings
from playground.labs.xray import job as lab
from playground.labs.xray import payload, text, view
from playground.labs.xray.controls import XrayControls
from playground.labs.xray.job import Inspection, VariantSamples
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

INSPECT, DRAW = "xray-inspect", "xray"
"""The two jobs of a tab."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel = widgets.Panel(XrayControls, "xray", _rules, [who.visitor])
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD, text.TERMS)
    status = gr.HTML(page.status(text.NOT_YET), elem_id="xray-at")
    inspecting = following.Follower(INSPECT, gr.Button(visible=False), gr.Button(visible=False), status)
    inside = components.xray("xray-inside")
    page.looking_at(text.LOOKING_AT)
    heading = gr.Markdown(f"#### {text.PARTS_TITLE}")
    drawing = following.buttons(DRAW, f"🎲 {text.DRAW}", unit=text.STEPS, idle=text.DRAW_EMPTY)
    table = gr.HTML("", apply_default_css=False, elem_id="xray-parts")
    page.looking_at(text.RELU)
    files = gr.HTML("", apply_default_css=False)

    def chosen(event: gr.EventData, visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        after = settings.chosen(controls, components.event_value(event))
        if after.off != controls.off and not _refusal(after, visitor):
            _inspect(after, visitor, tab)
        return panel.update(after, problems, values)

    def pressed(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        if not _refusal(controls, visitor):
            request_queue().put(tab, DRAW, Job(lambda: lab.draw(controls, visitor_of(visitor)), "x-ray samples"))
        return panel.update(controls, problems, values)

    loaded = panel.on_load(demo, _opened, [], [status], who, drawing.start)
    altered = panel.on_change(_changed, who.both, [status])
    picked = inside.choice(chosen, [*who.both, *panel.state], panel.shown, trigger_mode="always_last", **QUIET)
    for cause in (loaded, altered, picked):
        inspecting.follow(cause, who.tab, _shown, [inside, heading, table, files])
    begun = drawing.start.click(pressed, [*who.both, *panel.state], panel.shown, trigger_mode="multiple", **QUIET)
    for cause in (loaded, begun):
        drawing.follow(cause, who.tab, _drawn, [table])
    drawing.stops(who.tab)


def _opened(controls: XrayControls, visitor: str, tab: str, session: str) -> list[Any]:
    preload.wait()
    request_queue().attach(tab, session)
    return _changed(controls, visitor, tab)


def _changed(controls: XrayControls, visitor: str, tab: str) -> list[Any]:
    refusal = _refusal(controls, visitor)
    if not refusal:
        _inspect(controls, visitor, tab)
    return [refusal or gr.skip()]


def _inspect(controls: XrayControls, visitor: str, tab: str) -> None:
    job: Job[Inspection | None] = Job(lambda: lab.inspect(controls, visitor_of(visitor)), "x-ray")
    request_queue().put(tab, INSPECT, job)


def _shown(inspection: Inspection | None) -> list[Any]:
    if inspection is None:
        return [gr.skip()] * 4
    table, files = view.styled_table(inspection), exports.links(view.files(inspection))
    return [payload.payload(inspection), view.heading(inspection), table, files]


def _drawn(samples: VariantSamples) -> list[Any]:
    return [view.style() + view.table(samples.variants)]


def _refusal(controls: XrayControls, visitor: str) -> str:
    """Why this model may not be inspected here, as HTML; "" where it may."""
    try:
        visitor_of(visitor).check_model(controls.model)
    except ValueError as problem:
        return page.listed([str(problem)], "error")
    return ""


def _rules(visitor: str | None) -> ControlRules[XrayControls]:
    who = visitor_of(visitor)
    return settings.rules(who, sampling_models.available_to(who))
