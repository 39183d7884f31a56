"""The Sampling page: layout only, the lab itself is playground/labs/sampling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from playground.gradio_ui import components, page, sampling_models, sampling_results, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.place import Here, is_restricted
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
        here = gr.State(Here())
        results = sampling_results.Results(panel.who, stop, here)
    note = gr.HTML("", elem_id="sampling-note")
    where: Any = components.component("where", "sampling-in-browser")
    results.draw()
    shown = [note, where, here, *results.outputs]
    results.follow(panel.on_load(demo, _opened, [here], shown, start))
    results.follow(panel.on(start.click, _submitted, [here], shown, trigger_mode="multiple"))
    results.follow(panel.on_event(reseed.click, _reseeded, [here], shown))
    results.follow(panel.on_event(where.where, _placed, [here], shown, trigger_mode="multiple"))
    panel.on_change(_noticed, [here], shown)
    panel.on_event(where.moved, _moved, [here], shown, trigger_mode="multiple")
    panel.on_event(where.pick, _clicked, [], [results.nearest], trigger_mode="multiple")
    stop.click(_stop, panel.who.tab, None, **QUIET)
    opening.connect(panel, lambda state: [_note(state)], note)


def _shown(state: State, here: Here) -> list[Any]:
    """Values for the notice, for where it is sampled, and for the results, which are left alone where the server samples."""
    request = request_queue().request(state.tab)
    drawing = view.settings_view(state.controls, state.visitor, request).drawing
    if is_restricted(state):
        return [_note(state), components.value(None), here, *sampling_results.UNCHANGED]
    chosen = live.where_view(drawing, here.place, state.visitor, here.drawn)
    if chosen.chosen != "browser":
        return [_note(state), components.value(chosen), here, *sampling_results.UNCHANGED]
    return [_note(state, here), components.value(chosen), here, *sampling_results.in_browser(drawing)]


def _note(state: State, here: Here | None = None) -> str:
    """What there is to say of these settings; of images in the browser not that the settings have changed since."""
    request = request_queue().request(state.tab) if here is None else None
    return page.notices(view.settings_view(state.controls, state.visitor, request).notices)


def _is_on_server(state: State, here: Here) -> bool:
    """Whether these settings are sampled on the server, as the reader wants or since the browser cannot."""
    drawing = view.settings_view(state.controls, state.visitor, None).drawing
    return is_restricted(state) or live.where_view(drawing, here.place, state.visitor).chosen == "server"


def _submitted(state: State, here: Here) -> list[Any]:
    """Queue what these settings stand for, or have the browser draw it again."""
    if not _is_on_server(state, here):
        return _shown(state, here.again())
    shown = view.settings_view(state.controls, state.visitor, None)
    if shown.drawing is not None:
        request_queue().submit(state.tab, *shown.drawing)
    return _shown(state, here)


def _reseeded(state: State, _event: object, here: Here) -> tuple[SamplingSettings, list[Any]]:
    controls = with_new_seed(state.controls)
    state = replace(state, controls=controls)
    return controls, _submitted(state, here) if _is_on_server(state, here) else _shown(state, here)


def _opened(state: State, here: Here) -> list[Any]:
    # Something to see at once, as soon as it is known where; after a reload it is what was there before, unless the link asks
    # for something else.
    if not _is_on_server(state, here):
        return _shown(state, here)
    request = request_queue().request(state.tab)
    shown = view.settings_view(state.controls, state.visitor, request)
    is_there = request is not None and (shown.drawing is None or request.recipes == shown.drawing[1])
    return _shown(state, here) if is_there else _submitted(state, here)


def _placed(state: State, place: object, here: Here) -> tuple[SamplingSettings, list[Any]] | None:
    """The reader, or the browser for them, has chosen where it is sampled."""
    chosen = here.at(place)
    if chosen is None:
        return None
    if chosen.place == "browser":
        request_queue().withdraw(state.tab)
    return state.controls, _opened(state, chosen)


def _moved(state: State, value: object, here: Here) -> tuple[SamplingSettings, list[Any]] | None:
    """A control beside the pictures was moved."""
    controls = live.moved(state.controls, value)
    return None if controls is None else (controls, _shown(replace(state, controls=controls), here))


def _clicked(state: State, value: object) -> tuple[SamplingSettings, list[Any]]:
    """An image that the browser has sampled was clicked."""
    drawing = view.settings_view(state.controls, state.visitor, None).drawing
    picked = live.sampled(drawing, value)
    return state.controls, ["" if picked is None else sampling_results.about(*picked, state.visitor)]


def _noticed(state: State, here: Here) -> list[Any]:
    """What there is to say where the images are not those of the settings; in the browser they follow."""
    return _shown(state, here)


def _stop(tab: str) -> None:
    if request := request_queue().request(tab):
        request.stop()
