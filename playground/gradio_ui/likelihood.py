"""The Likelihood page: layout only, the lab itself is playground/labs/likelihood."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.widgets import PanelState
from playground.labs.likelihood import job as lab
from playground.labs.likelihood import text, view
from playground.labs.likelihood.controls import LikelihoodControls, measured_settings
from playground.labs.likelihood.results import Measurement
from playground.labs.shared import exports
from playground.labs.shared.job import Job
from playground.serving.request_queue import request_queue

LAB = "likelihood"
State = PanelState[LikelihoodControls]


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    _Page().connect(demo)


class _Page:
    """The components of the page, and what happens when one of them is used."""

    def __init__(self) -> None:
        self.panel = widgets.Panel(LikelihoodControls, LAB, view.rules)
        self.panel.draw_page(text)
        self.follower = following.buttons(LAB, f"⚖️ {text.START}", unit=text.WHAT, idle=text.EMPTY)
        self.note = gr.HTML("", elem_id="likelihood-note")
        self._draw_results()
        self._draw_vae()
        with gr.Accordion(text.HEAT, open=False) as self.closer:
            self.of_heat = [gr.HTML(""), components.component("heatmap", "likelihood-heat")]
            page.looking_at(text.HEAT_ABOUT)
        self.is_open = gr.State(False)

    def _draw_results(self) -> None:
        bars = components.component("stacked", "likelihood-bars")
        page.looking_at(text.BARS)
        notices = gr.HTML("")
        with gr.Row():
            with gr.Column(min_width=320):
                trade = components.component("livechart", "likelihood-trade")
                page.looking_at(text.TRADE)
            with gr.Column(min_width=320):
                gr.Markdown(f"## {text.BITS}")
                images = gr.HTML("", apply_default_css=False, elem_id="likelihood-prices")
                page.looking_at(text.BITS_ABOUT)
        self.results = [bars, notices, trade, images]

    def _draw_vae(self) -> None:
        gr.Markdown(f"## {text.LATENT}")
        notices = gr.HTML("")
        rows = gr.HTML("", min_height=330, apply_default_css=False, elem_id="likelihood-vae")
        page.looking_at(text.LATENT_ABOUT)
        interpolation = components.component("timeline", "likelihood-interpolation")
        page.looking_at(text.INTERPOLATION)
        grid = gr.HTML("", min_height=504, apply_default_css=False, elem_id="likelihood-grid")
        page.looking_at(text.GRID)
        self.of_vae = [notices, rows, interpolation, grid]

    def connect(self, demo: gr.Blocks) -> None:
        """Say what happens when."""
        panel, start, outputs = self.panel, self.follower.start, [self.note, *self.of_vae]
        causes = [
            panel.on_load(demo, _opened, [], outputs, start),
            panel.on(start.click, _begun, [], [self.note]),
        ]
        self.follower.connect(panel.who.tab, _drawn, self.results, *causes)
        panel.on_change(_changed, [self.is_open], [*outputs, *self.of_heat])
        panel.on(self.closer.expand, lambda state: [True, *_of_heat(state, True)], [], [self.is_open, *self.of_heat])
        self.closer.collapse(lambda: False, None, self.is_open, **QUIET)


def _opened(state: State) -> list[Any]:
    # Something to see at once; after a reload it is what was there before, unless the link asks for something else.
    if not request_queue().is_for(state.tab, LAB, measured_settings(state.controls)):
        _begun(state)
    return [_note(state), *_of_vae(state)]


def _changed(state: State, heat_is_open: bool) -> list[Any]:
    return [_note(state), *_of_vae(state), *_of_heat(state, heat_is_open)]


def _begun(state: State) -> list[Any]:
    """Measure, where that may be; the notices say why it may not."""
    controls, visitor = state.controls, state.visitor
    notices = view.settings_notices(controls, None, visitor)
    if not notices:
        request_queue().put(state.tab, LAB, Job(lambda: lab.work(controls, visitor), LAB), measured_settings(controls))
    return [page.notices(notices)]


def _note(state: State) -> str:
    job = request_queue().job(state.tab, LAB)
    return page.notices(view.settings_notices(state.controls, job.state.result if job else None, state.visitor))


def _drawn(measured: Measurement) -> list[Any]:
    shown = view.bars_view(measured)
    images = shown.images + exports.links([shown.file])
    return [shown.bars, page.notices(shown.notices), components.value(shown.trade), images]


def _of_vae(state: State) -> list[Any]:
    shown = view.vae_view(state.controls, state.visitor)
    used = f"<p>{shown.used}</p>" if shown.used else ""
    return [page.notices(shown.notices), shown.images + used, components.value(shown.interpolation), shown.grid]


def _of_heat(state: State, is_open: bool) -> list[Any]:
    """The map takes a second or two the first time, so it is computed once it is opened."""
    if not is_open:
        return [gr.skip()] * 2
    notices, shown = view.heat_view(state.controls, state.visitor)
    return [page.notices(notices), shown]
