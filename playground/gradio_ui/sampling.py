"""The Sampling page: layout only, the lab itself is playground/labs/sampling."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import page, sampling_models, sampling_results, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.sampling import text, view
from playground.labs.sampling.controls import SamplingControls, SamplingSettings
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel: widgets.Panel[SamplingSettings]
    panel = widgets.Panel(SamplingControls, "sampling", sampling_models.rules, [who.visitor])
    with page.sidebar():
        panel.draw()
        opening = sampling_models.Opening()
    page.head(text.TITLE, text.LEAD, text.TERMS)
    with gr.Row(elem_classes="dp-actions"):
        start = gr.Button(f"🎲 {text.START}", variant="primary", elem_id="sampling-draw", interactive=False, scale=0)
        stop = gr.Button("⏹️ Stop", elem_id="sampling-stop", interactive=False, min_width=120, scale=0)
        results = sampling_results.Results(who, stop)
    note = gr.HTML("", elem_id="sampling-note")
    results.draw()

    def pressed(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        return [*panel.update(controls, problems, values), _submit(visitor, tab, controls)]

    loaded = panel.on_load(demo, _opened, [], [note], who, start)
    panel.on_change(_changed, who.both, [note])
    results.follow(loaded)
    begun = start.click(pressed, [*who.both, *panel.state], [*panel.shown, note], trigger_mode="multiple", **QUIET)
    results.follow(begun)
    stop.click(_stop, who.tab, None, **QUIET)
    opening.connect(panel, _changed, who, note)


def _submit(visitor: str, tab: str, controls: SamplingSettings) -> str:
    """Queue what these settings stand for; returns what there is to say where that is not possible."""
    shown = view.settings_view(controls, visitor_of(visitor), None)
    if shown.drawing is not None:
        request_queue().submit(tab, *shown.drawing)
    return page.notices(shown.notices)


def _opened(controls: SamplingSettings, visitor: str, tab: str, session: str) -> list[Any]:
    preload.wait()
    request_queue().attach(tab, session)
    # Something to see at once; after a reload it is what was there before.
    return (
        [_submit(visitor, tab, controls)] if request_queue().request(tab) is None else _changed(controls, visitor, tab)
    )


def _changed(controls: SamplingSettings, visitor: str, tab: str) -> list[Any]:
    """What there is to say where the images are not those of the settings."""
    return [page.notices(view.settings_view(controls, visitor_of(visitor), request_queue().request(tab)).notices)]


def _stop(tab: str) -> None:
    if request := request_queue().request(tab):
        request.stop()
