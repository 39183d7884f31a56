"""The Likelihood page: layout only, the lab itself is playground/labs/likelihood/job.py."""

from __future__ import annotations

import base64
from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.likelihood import controls as settings
from playground.labs.likelihood import excess_loss, figures, latent, text
from playground.labs.likelihood import job as lab
from playground.labs.likelihood.controls import LikelihoodControls
from playground.labs.likelihood.job import Measured
from playground.labs.shared import models
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.job import Job
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

LAB = "likelihood"


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel = widgets.Panel(LikelihoodControls, LAB, _rules, [who.visitor])
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD)
    follower = following.buttons(LAB, f"⚖️ {text.START}", unit=text.WHAT, idle=text.EMPTY)
    note = gr.HTML("", elem_id="likelihood-note")
    bars = components.figure("stacked", "likelihood-bars")
    page.looking_at(text.BARS)
    said = gr.HTML("")
    with gr.Row():
        with gr.Column(min_width=320):
            trade = components.live_chart("likelihood-trade")
            page.looking_at(text.TRADE)
        with gr.Column(min_width=320):
            gr.Markdown(f"#### {text.PRICES}")
            prices = gr.HTML("", apply_default_css=False, elem_id="likelihood-prices")
            page.looking_at(text.PRICES_ABOUT)
    gr.Markdown(f"#### {text.LATENT}")
    vae_note = gr.HTML("")
    rows = gr.HTML("", min_height=330, apply_default_css=False, elem_id="likelihood-vae")
    page.looking_at(text.LATENT_ABOUT)
    walk = components.timeline("likelihood-walk", empty_height=420)
    page.looking_at(text.WALK)
    grid = gr.HTML("", min_height=504, apply_default_css=False, elem_id="likelihood-grid")
    page.looking_at(text.GRID)
    with gr.Accordion(text.HEAT, open=False) as closer:
        heat_note = gr.HTML("")
        heat = components.figure("heatmap", "likelihood-heat")
        page.looking_at(text.HEAT_ABOUT)
    is_open = gr.State(False)
    of_vae, of_heat = [vae_note, rows, walk, grid], [heat_note, heat]
    results = [bars, said, trade, prices]

    def opened(controls: LikelihoodControls, visitor: str, tab: str, session: str) -> list[Any]:
        preload.wait()
        request_queue().attach(tab, session)
        job = request_queue().job(tab, LAB)
        if job is None:  # something to see at once; after a reload it is what was there before
            _begin(tab, controls, visitor)  # which it does not where it is too much; that is told now
        return [_changed(tab, controls, visitor), *_of_vae(controls, visitor)]

    def changed(controls: LikelihoodControls, tab: str, visitor: str, heat_is_open: bool) -> list[Any]:
        return [
            _changed(tab, controls, visitor),
            *_of_vae(controls, visitor),
            *_of_heat(controls, visitor, heat_is_open),
        ]

    def pressed(tab: str, visitor: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        return [*panel.update(controls, problems, values), _begin(tab, controls, visitor)]

    def unfolded(visitor: str, *values: Any) -> list[Any]:
        return [True, *_of_heat(panel.read(values)[0], visitor, True)]

    loaded = panel.on_load(demo, opened, [], [note, *of_vae], who, follower.start)
    panel.on_change(changed, [who.tab, who.visitor, is_open], [note, *of_vae, *of_heat])
    started = follower.start.click(pressed, [who.tab, who.visitor, *panel.state], [*panel.shown, note], **QUIET)
    for cause in (loaded, started):
        follower.follow(cause, who.tab, _drawn, results)
    follower.stops(who.tab)
    closer.expand(unfolded, [who.visitor, *panel.state], [is_open, *of_heat], **QUIET)
    closer.collapse(lambda: False, None, is_open, **QUIET)


def _rules(visitor: str | None) -> ControlRules[LikelihoodControls]:
    def options(_: LikelihoodControls) -> dict[str, dict[str, str]]:
        who = visitor_of(visitor)
        return settings.choices(models.choices(who), latent.vaes(who), excess_loss.runs(who))

    return ControlRules(
        disabled=settings.without_effect,
        options=options,
        at_first=settings.at_first,
        bounds=visitor_of(visitor).bounds(LAB),
    )


def _begin(tab: str, controls: LikelihoodControls, visitor: str) -> str:
    """Measure, if that may be; returns what there is to say where not."""
    if refusal := _refusal(controls, visitor):
        return refusal
    request_queue().put(tab, LAB, Job(lambda: lab.work(controls, visitor_of(visitor)), LAB))
    return ""


def _refusal(controls: LikelihoodControls, visitor: str) -> str:
    """Why these settings cannot be measured here, as HTML; "" where they can."""
    try:
        lab.announced(controls, visitor_of(visitor))
    except ValueError as problem:
        return page.listed([str(problem)], "error")
    return ""


def _changed(tab: str, controls: LikelihoodControls, visitor: str) -> str:
    """What is to be said where the settings cannot be measured, or the bars are not theirs."""
    if refusal := _refusal(controls, visitor):
        return refusal
    job = request_queue().job(tab, LAB)
    result = job.state.result if job else None
    if result is None or settings.measured(result.controls) == settings.measured(controls):
        return ""
    return page.listed([text.CHANGED], "info")


def _drawn(measured: Measured) -> list[Any]:
    said = [*measured.problems, *lab.differences(measured)]
    if measured.controls.compare in text.REMARKS:
        said.append(text.REMARKS[measured.controls.compare])
    return [
        figures.stacked(measured),
        page.listed(said, "info"),
        components.value(figures.trade(measured)),
        figures.prices(measured) + _download(figures.csv_of_pictures(measured)),
    ]


def _download(table: str) -> str:
    data = base64.b64encode(table.encode()).decode()
    href = f'href="data:text/csv;base64,{data}"'
    return f'<a class="dp-download" download="bits-by-picture.csv" {href}>⬇️ {text.PRICES_CSV}</a>'


def _of_vae(controls: LikelihoodControls, visitor: str) -> list[Any]:
    try:
        views = latent.views(controls, visitor_of(visitor))
    except ValueError as problem:
        return [page.listed([str(problem)], "error"), "", None, ""]
    if isinstance(views, str):
        return [page.listed([views], "info"), "", None, ""]
    shown = ((text.ORIGINALS, views.back[0]), (text.BACK, views.back[1]), (text.DRAWN, views.drawn))
    return [
        page.listed(views.problems),
        figures.picture_rows(shown) + f"<p>{text.used(views.used, views.latent)}</p>",
        components.value(views.walk),
        figures.grid(views.grid, *views.axes),
    ]


def _of_heat(controls: LikelihoodControls, visitor: str, wanted: bool) -> list[Any]:
    """The map takes a second or two when it is asked for first: it is there for who opens it."""
    if not wanted:
        return [gr.skip()] * 2
    try:
        return ["", figures.heat(excess_loss.heat_map(controls.run, visitor_of(visitor)))]
    except ValueError as problem:
        return [page.listed([str(problem)], "error"), None]
