"""The Sampling page: layout only, the lab itself is playground/labs/sampling/job.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from playground import preload
from playground.gradio_ui import page, sampling_models, sampling_results, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.sampling import controls as settings
from playground.labs.sampling import text
from playground.labs.sampling.controls import SamplingControls, Side
from playground.labs.shared import models
from playground.policy import access
from playground.policy.ownership import own_runs
from playground.serving.request_queue import desk

if TYPE_CHECKING:
    from engine.recipes.recipe import Recipe
    from engine.registry import Model

SENTENCES = 400
"""Letters of an error message that are shown."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel = widgets.Panel(SamplingControls, "sampling", sampling_models.look, [who.visitor])
    with page.sidebar():
        panel.draw()
        opening = sampling_models.Opening()
    page.head(text.TITLE, text.LEAD)
    with gr.Row(elem_classes="dp-actions"):
        draw = gr.Button(
            "🎲 Draw", variant="primary", elem_id="sampling-draw", interactive=False, min_width=140, scale=0
        )
        stop = gr.Button("⏹️ Stop", elem_id="sampling-stop", interactive=False, min_width=120, scale=0)
        results = sampling_results.Results(who.tab, stop)
    note = gr.HTML("", elem_id="sampling-note")
    results.draw()

    def start(visitor: str, tab: str, controls: SamplingControls) -> str:
        """Ask for these settings; returns what there is to say if that is not possible."""
        try:
            model, wanted = _wanted(controls)
            for recipe in wanted.values():
                access.check_recipe(recipe, own_runs(visitor))
            desk().submit(tab, model, wanted)
        except ValueError as problem:
            return page.listed([str(problem)[:SENTENCES]], "error")
        return ""

    def opened(controls: SamplingControls, visitor: str, tab: str, session: str) -> list[Any]:
        preload.wait()
        desk().attach(tab, session)
        # Something to see at once; after a reload it is what was there before.
        return [start(visitor, tab, controls) if desk().request(tab) is None else _changed(controls, tab)]

    def changed(controls: SamplingControls, tab: str) -> list[Any]:
        return [_changed(controls, tab)]

    def pressed(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        return [*panel.update(controls, problems, values), start(visitor, tab, controls)]

    def stopped(tab: str) -> None:
        if request := desk().request(tab):
            request.stop()

    loaded = panel.on_load(demo, opened, [], [note], who, draw)
    panel.on_change(changed, [who.tab], [note])
    results.follow(loaded)
    asked = draw.click(pressed, [*who.both, *panel.state], [*panel.shown, note], trigger_mode="multiple", **QUIET)
    results.follow(asked)
    stop.click(stopped, who.tab, None, **QUIET)
    opening.connect(demo, panel, changed, who, note)


def _wanted(controls: SamplingControls) -> tuple[Model, dict[Side, Recipe]]:
    model = models.open_model(controls.model)
    return model, settings.checked_recipes(controls, model, models.classes_told_apart(controls.classifier))


def _changed(controls: SamplingControls, tab: str) -> str:
    """What is to be said where the pictures are not those of the settings."""
    try:
        wanted = _wanted(controls)[1]
    except ValueError as problem:
        return page.listed([str(problem)[:SENTENCES]], "error")
    request = desk().request(tab)
    if request is None or wanted == {trajectory.side: trajectory.recipe for trajectory in request.trajectories}:
        return ""
    return page.listed([text.CHANGED.replace("**", "")], "info")
