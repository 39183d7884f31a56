"""The Likelihood page: layout only, the lab itself is playground/labs/likelihood."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.likelihood import job as lab
from playground.labs.likelihood import rules as settings
from playground.labs.likelihood import text, view
from playground.labs.likelihood.controls import LikelihoodControls
from playground.labs.likelihood.results import Measurement
from playground.labs.shared import exports
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.job import Job
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

LAB = "likelihood"


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    _Page().connect(demo)


class _Page:
    """The components of the page, and what happens when one of them is used."""

    def __init__(self) -> None:
        self.who = page.identity()
        self.panel = widgets.Panel(LikelihoodControls, LAB, _rules, [self.who.visitor])
        with page.sidebar():
            self.panel.draw()
        page.head(text.TITLE, text.LEAD, text.TERMS)
        self.follower = following.buttons(LAB, f"⚖️ {text.START}", unit=text.WHAT, idle=text.EMPTY)
        self.note = gr.HTML("", elem_id="likelihood-note")
        self._draw_results()
        self._draw_vae()
        with gr.Accordion(text.HEAT, open=False) as self.closer:
            self.of_heat = [gr.HTML(""), components.figure("heatmap", "likelihood-heat")]
            page.looking_at(text.HEAT_ABOUT)
        self.is_open = gr.State(False)

    def _draw_results(self) -> None:
        bars = components.figure("stacked", "likelihood-bars")
        page.looking_at(text.BARS)
        notices = gr.HTML("")
        with gr.Row():
            with gr.Column(min_width=320):
                trade = components.live_chart("likelihood-trade")
                page.looking_at(text.TRADE)
            with gr.Column(min_width=320):
                gr.Markdown(f"#### {text.BITS}")
                images = gr.HTML("", apply_default_css=False, elem_id="likelihood-prices")
                page.looking_at(text.BITS_ABOUT)
        self.results = [bars, notices, trade, images]

    def _draw_vae(self) -> None:
        gr.Markdown(f"#### {text.LATENT}")
        notices = gr.HTML("")
        rows = gr.HTML("", min_height=330, apply_default_css=False, elem_id="likelihood-vae")
        page.looking_at(text.LATENT_ABOUT)
        interpolation = components.timeline("likelihood-interpolation", empty_height=420)
        page.looking_at(text.INTERPOLATION)
        grid = gr.HTML("", min_height=504, apply_default_css=False, elem_id="likelihood-grid")
        page.looking_at(text.GRID)
        self.of_vae = [notices, rows, interpolation, grid]

    def connect(self, demo: gr.Blocks) -> None:
        """Say what happens when."""
        panel, who, outputs = self.panel, self.who, [self.note, *self.of_vae]
        loaded = panel.on_load(demo, _opened, [], outputs, who, self.follower.start)
        panel.on_change(_changed, [*who.both, self.is_open], [*outputs, *self.of_heat])
        begun = self.follower.start.click(self._begun, [*who.both, *panel.state], [*panel.shown, self.note], **QUIET)
        for cause in (loaded, begun):
            self.follower.follow(cause, who.tab, _drawn, self.results)
        self.follower.stops(who.tab)
        self.closer.expand(self._unfolded, [who.visitor, *panel.state], [self.is_open, *self.of_heat], **QUIET)
        self.closer.collapse(lambda: False, None, self.is_open, **QUIET)

    def _begun(self, visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = self.panel.read(values)
        _begin(controls, visitor, tab)
        return [*self.panel.update(controls, problems, values), _note(controls, visitor, tab, is_new=True)]

    def _unfolded(self, visitor: str, *values: Any) -> list[Any]:
        return [True, *_of_heat(self.panel.read(values)[0], visitor, True)]


def _opened(controls: LikelihoodControls, visitor: str, tab: str, session: str) -> list[Any]:
    preload.wait()
    request_queue().attach(tab, session)
    if request_queue().job(tab, LAB) is None:  # something to see at once; after a reload it is what was there before
        _begin(controls, visitor, tab)
    return [_note(controls, visitor, tab), *_of_vae(controls, visitor)]


def _changed(controls: LikelihoodControls, visitor: str, tab: str, heat_is_open: bool) -> list[Any]:
    note, heat = _note(controls, visitor, tab), _of_heat(controls, visitor, heat_is_open)
    return [note, *_of_vae(controls, visitor), *heat]


def _begin(controls: LikelihoodControls, visitor: str, tab: str) -> None:
    """Measure, where that may be; `_note` says why it may not."""
    who = visitor_of(visitor)
    if not view.settings_notices(controls, None, who):
        request_queue().put(tab, LAB, Job(lambda: lab.work(controls, who), LAB))


def _note(controls: LikelihoodControls, visitor: str, tab: str, *, is_new: bool = False) -> str:
    job = request_queue().job(tab, LAB)
    measured = None if job is None or is_new else job.state.result
    return page.notices(view.settings_notices(controls, measured, visitor_of(visitor)))


def _drawn(measured: Measurement) -> list[Any]:
    shown = view.bars_view(measured)
    images = shown.images + exports.links([shown.file])
    return [shown.bars, page.notices(shown.notices), components.value(shown.trade), images]


def _of_vae(controls: LikelihoodControls, visitor: str) -> list[Any]:
    shown = view.vae_view(controls, visitor_of(visitor))
    used = f"<p>{shown.used}</p>" if shown.used else ""
    return [page.notices(shown.notices), shown.images + used, components.value(shown.interpolation), shown.grid]


def _of_heat(controls: LikelihoodControls, visitor: str, is_open: bool) -> list[Any]:
    """The map takes a second or two the first time, so it is computed once it is opened."""
    if not is_open:
        return [gr.skip()] * 2
    notices, shown = view.heat_view(controls, visitor_of(visitor))
    return [page.notices(notices), shown]


def _rules(visitor: str | None) -> ControlRules[LikelihoodControls]:
    return settings.rules(visitor_of(visitor))
