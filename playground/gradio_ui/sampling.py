"""The Sampling page: layout only, the lab itself is playground/labs/sampling/job.py."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import page, sampling_models, sampling_results, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.sampling import controls as settings
from playground.labs.sampling import text
from playground.labs.sampling.controls import SamplingControls
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

SENTENCES = 400
"""Letters of an error message that are shown."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel = widgets.Panel(SamplingControls, "sampling", sampling_models.rules, [who.visitor])
    with page.sidebar():
        panel.draw()
        opening = sampling_models.Opening()
    page.head(text.TITLE, text.LEAD)
    with gr.Row(elem_classes="dp-actions"):
        draw = gr.Button(
            "🎲 Draw", variant="primary", elem_id="sampling-draw", interactive=False, min_width=140, scale=0
        )
        stop = gr.Button("⏹️ Stop", elem_id="sampling-stop", interactive=False, min_width=120, scale=0)
        results = sampling_results.Results(who, stop)
    note = gr.HTML("", elem_id="sampling-note")
    results.draw()

    def start(visitor: str, tab: str, controls: SamplingControls) -> str:
        """Ask for these settings; returns what there is to say if that is not possible."""
        try:
            request_queue().submit(tab, *settings.open_recipes(controls, visitor_of(visitor)))
        except ValueError as problem:
            return page.listed([str(problem)[:SENTENCES]], "error")
        return ""

    def opened(controls: SamplingControls, visitor: str, tab: str, session: str) -> list[Any]:
        preload.wait()
        request_queue().attach(tab, session)
        # Something to see at once; after a reload it is what was there before.
        return [
            start(visitor, tab, controls) if request_queue().request(tab) is None else _changed(controls, visitor, tab)
        ]

    def changed(controls: SamplingControls, visitor: str, tab: str) -> list[Any]:
        return [_changed(controls, visitor, tab)]

    def pressed(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        return [*panel.update(controls, problems, values), start(visitor, tab, controls)]

    def stopped(tab: str) -> None:
        if request := request_queue().request(tab):
            request.stop()

    loaded = panel.on_load(demo, opened, [], [note], who, draw)
    panel.on_change(changed, who.both, [note])
    results.follow(loaded)
    asked = draw.click(pressed, [*who.both, *panel.state], [*panel.shown, note], trigger_mode="multiple", **QUIET)
    results.follow(asked)
    stop.click(stopped, who.tab, None, **QUIET)
    opening.connect(demo, panel, changed, who, note)


def _changed(controls: SamplingControls, visitor: str, tab: str) -> str:
    """What is to be said where the pictures are not those of the settings."""
    try:
        _, recipes = settings.open_recipes(controls, visitor_of(visitor))
    except ValueError as problem:
        return page.listed([str(problem)[:SENTENCES]], "error")
    request = request_queue().request(tab)
    if request is None or recipes == {one.side: one.recipe for one in request.trajectories}:
        return ""
    return page.listed([text.CHANGED.replace("**", "")], "info")
