"""The Sampling page: layout only, the lab itself is playground/labs/sampling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from playground.gradio_ui import compat, components, page, sampling_models, sampling_results, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.widgets import PanelState
from playground.labs.sampling import live, text, view
from playground.labs.sampling.controls import SamplingControls, SamplingSettings, with_new_seed
from playground.serving.request_queue import request_queue

State = PanelState[SamplingSettings]


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    panel: widgets.Panel[SamplingSettings] = widgets.Panel(SamplingControls, "sampling", sampling_models.rules)
    with page.sidebar():
        panel.draw()
        opening = sampling_models.Opening()
    page.head(text.TITLE, text.LEAD, text.TERMS)
    buttons = view.run_view(None)
    with gr.Row(elem_classes="dp-actions"):
        start = gr.Button(buttons.start.label, variant="primary", elem_id="sampling-draw", interactive=False, scale=0)
        stop = gr.Button(f"⏹️ {buttons.stop.label}", elem_id="sampling-stop", interactive=False, min_width=120, scale=0)
        reseed = gr.Button(f"🎲 {text.NEW_SEED}", elem_id="sampling-reseed", min_width=150, scale=0)
        results = sampling_results.Results(panel.who, stop)
    note = gr.HTML("", elem_id="sampling-note")
    switch = gr.Checkbox(False, label=text.LIVE, info=text.LIVE_HELP, interactive=False, elem_id="sampling-is-live")
    in_browser = [gr.HTML("", elem_id="sampling-live-note"), components.component("live_sampler", "sampling-live")]
    results.draw()
    results.follow(panel.on_load(demo, _opened, [], [note, switch], start))
    results.follow(panel.on(start.click, _submitted, [], [note], trigger_mode="multiple"))
    results.follow(panel.on_event(reseed.click, _reseeded, [], [note]))
    panel.on_change(_noticed, [switch], [note, *in_browser])
    panel.on(compat.input_event(switch), _noticed, [switch], [note, *in_browser])
    stop.click(_stop, panel.who.tab, None, **QUIET)
    opening.connect(panel, lambda state: _noticed(state)[:1], note)


def _submitted(state: State) -> list[Any]:
    """Queue what these settings stand for; returns what there is to say where that is not possible."""
    shown = view.settings_view(state.controls, state.visitor, None)
    if shown.drawing is not None:
        request_queue().submit(state.tab, *shown.drawing)
    return [page.notices(shown.notices)]


def _reseeded(state: State, _event: object) -> tuple[SamplingSettings, list[Any]]:
    controls = with_new_seed(state.controls)
    return controls, _submitted(replace(state, controls=controls))


def _opened(state: State) -> list[Any]:
    # Something to see at once; after a reload it is what was there before, unless the link asks for something else.
    request = request_queue().request(state.tab)
    shown = view.settings_view(state.controls, state.visitor, request)
    is_there = request is not None and (shown.drawing is None or request.recipes == shown.drawing[1])
    note = [page.notices(shown.notices)] if is_there else _submitted(state)
    return [*note, gr.update(interactive=True)]


def _noticed(state: State, is_live: bool = False) -> list[Any]:
    """What there is to say where the images are not those of the settings, and the sampler in the browser if that is wanted."""
    request = request_queue().request(state.tab)
    note = page.notices(view.settings_view(state.controls, state.visitor, request).notices)
    shown = live.live_view(state.controls, state.visitor) if is_live else None
    if isinstance(shown, tuple):
        return [note, page.notices(shown), components.value(None)]
    return [note, "", components.value(shown)]


def _stop(tab: str) -> None:
    if request := request_queue().request(tab):
        request.stop()
