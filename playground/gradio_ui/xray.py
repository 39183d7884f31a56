"""The Network x-ray page: layout only, the lab itself is playground/labs/xray."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from playground.gradio_ui import components, following, page, sampling_models, widgets
from playground.gradio_ui.widgets import PanelState
from playground.labs.shared import exports
from playground.labs.shared.controls import ControlRules
from playground.labs.shared.job import Job
from playground.labs.xray import controls as settings
from playground.labs.xray import job as lab
from playground.labs.xray import payload, text, view
from playground.labs.xray.controls import XrayControls
from playground.labs.xray.job import Inspection, VariantSamples
from playground.policy.visitor import Visitor
from playground.serving.request_queue import request_queue

State = PanelState[XrayControls]
INSPECT, DRAW = "xray-inspect", "xray"
"""The two jobs of a tab."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    panel = widgets.Panel(XrayControls, "xray", _rules)
    panel.draw_page(text)
    status = gr.HTML(page.status(text.NOT_YET), elem_id="xray-at")
    inspecting = following.Follower(INSPECT, gr.Button(visible=False), gr.Button(visible=False), status)
    inside = components.component("xray", "xray-inside")
    page.looking_at(text.LOOKING_AT)
    heading = gr.Markdown(f"## {text.PARTS_TITLE}")
    drawing = following.buttons(DRAW, f"🎲 {text.DRAW}", unit=text.STEPS, idle=text.DRAW_EMPTY)
    table = gr.HTML("", apply_default_css=False, elem_id="xray-parts")
    page.looking_at(text.RELU)
    files = gr.HTML("", apply_default_css=False)

    loaded = panel.on_load(demo, _inspected, [], [status], drawing.start)
    altered = panel.on_change(_inspected, [], [status])
    picked = panel.on_event(inside.choice, _chosen, trigger_mode="always_last")
    inspecting.connect(panel.who.tab, _shown, [inside, heading, table, files], loaded, altered, picked)
    begun = panel.on(drawing.start.click, _begun, trigger_mode="multiple")
    drawing.connect(panel.who.tab, _drawn, [table], loaded, begun)


def _inspected(state: State) -> list[Any]:
    """Look into the network where the visitor may; else the status line says why not."""
    controls, visitor = state.controls, state.visitor
    if refusal := _refusal(state):
        return [refusal]
    if not request_queue().is_for(state.tab, DRAW, lab.settings_of_samples(controls)):
        request_queue().drop(state.tab, DRAW)  # samples of another network, class or seed
    request_queue().put(state.tab, INSPECT, Job(lambda: lab.inspect(controls, visitor), "x-ray"))
    return [gr.skip()]


def _chosen(state: State, value: object) -> tuple[XrayControls, list[Any]]:
    after = settings.chosen(state.controls, value)
    if after.off != state.controls.off:
        _inspected(replace(state, controls=after))
    return after, []


def _begun(state: State) -> list[Any]:
    controls, visitor = state.controls, state.visitor
    if not _refusal(state):
        job = Job(lambda: lab.draw(controls, visitor), "x-ray samples")
        request_queue().put(state.tab, DRAW, job, lab.settings_of_samples(controls))
    return []


def _shown(inspection: Inspection | None) -> list[Any]:
    if inspection is None:
        return [gr.skip()] * 4
    if not inspection.variants:  # the earlier table stays until there is another
        return [payload.payload(inspection), *[gr.skip()] * 3]
    table, files = view.styled_table(inspection), exports.links(view.files(inspection))
    return [payload.payload(inspection), view.heading(inspection), table, files]


def _drawn(samples: VariantSamples) -> list[Any]:
    return [view.style() + view.table(samples.variants)]


def _refusal(state: State) -> str:
    """Why this model may not be inspected here, as HTML; "" where it may."""
    try:
        state.visitor.check_model(state.controls.model)
    except ValueError as problem:
        return page.listed([str(problem)], "error")
    return ""


def _rules(visitor: Visitor) -> ControlRules[XrayControls]:
    return settings.rules(visitor, sampling_models.available_to(visitor))
