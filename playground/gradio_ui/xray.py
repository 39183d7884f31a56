"""The Network x-ray page: layout only, the lab itself is playground/labs/xray/job.py."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import components, following, page, sampling_models, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.shared import exports
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.job import Job
from playground.labs.xray import job as lab
from playground.labs.xray import text
from playground.labs.xray import view as figures
from playground.labs.xray.job import Drawing, Seen, Variant, XrayControls
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

LOOK, DRAW = "xray-look", "xray"
"""The two jobs of a tab."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel = widgets.Panel(XrayControls, "xray", _rules, [who.visitor])
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD)
    looking = following.Follower(
        LOOK, gr.Button(visible=False), gr.Button(visible=False), gr.HTML(page.status(text.NOT_YET), elem_id="xray-at")
    )
    inside = components.xray("xray-inside")
    page.looking_at(text.LOOKING_AT)
    lead = gr.Markdown(f"#### {text.PARTS_TITLE}")
    drawing = following.buttons(DRAW, f"🎲 {text.DRAW}", unit=text.STEPS, idle=text.DRAW_EMPTY)
    table = gr.HTML("", apply_default_css=False, elem_id="xray-parts")
    page.looking_at(text.RELU)
    files = gr.HTML("", apply_default_css=False)

    def look(controls: XrayControls, visitor: str, tab: str) -> None:
        job: Job[Seen | None] = Job(lambda: lab.look(controls, visitor_of(visitor)), "x-ray")
        request_queue().put(tab, LOOK, job)

    def opened(controls: XrayControls, visitor: str, tab: str, session: str) -> list[Any]:
        preload.wait()
        request_queue().attach(tab, session)
        return changed(controls, visitor, tab)

    def changed(controls: XrayControls, visitor: str, tab: str) -> list[Any]:
        problem = _refusal(controls, visitor)
        if not problem:
            look(controls, visitor, tab)
        return [problem or gr.skip()]

    def chosen(event: gr.EventData, visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        after = lab.chosen(controls, components.event_value(event))
        if after.off != controls.off and not _refusal(after, visitor):
            look(after, visitor, tab)
        return panel.update(after, problems, values)

    def pressed(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        if not _refusal(controls, visitor):
            request_queue().put(tab, DRAW, Job(lambda: lab.draw(controls, visitor_of(visitor)), "x-ray draws"))
        return panel.update(controls, problems, values)

    loaded = panel.on_load(demo, opened, [], [looking.status], who, drawing.start)
    altered = panel.on_change(changed, who.both, [looking.status])
    picked = inside.choice(chosen, [*who.both, *panel.state], panel.shown, trigger_mode="always_last", **QUIET)
    for cause in (loaded, altered, picked):
        looking.follow(cause, who.tab, _shown, [inside, lead, table, files])
    asked = drawing.start.click(pressed, [*who.both, *panel.state], panel.shown, trigger_mode="multiple", **QUIET)
    for cause in (loaded, asked):
        drawing.follow(cause, who.tab, _drawn, [table])
    drawing.stops(who.tab)


def _shown(seen: Seen | None) -> list[Any]:
    if seen is None:
        return [gr.skip()] * 4
    words = f"#### {text.PARTS_TITLE}\n\n{text.PARTS_LEAD.format(trained=seen.trained_with)}"
    links = exports.links(figures.files(seen, seen.variants))
    return [figures.payload(seen), words, _table(seen.variants), links]


def _drawn(drawing: Drawing) -> list[Any]:
    return [_table(drawing.variants)]


def _table(variants: tuple[Variant, ...]) -> str:
    return figures.style() + figures.table(variants)


def _refusal(controls: XrayControls, visitor: str) -> str:
    """Why this model may not be looked into here, as HTML; "" where it may."""
    try:
        visitor_of(visitor).check_model(controls.model)
    except ValueError as problem:
        return page.listed([str(problem)], "error")
    return ""


def _rules(visitor: str | None) -> ControlRules[XrayControls]:
    return ControlRules(
        hidden=lab.hidden,
        options=lambda now: lab.options(
            now, sampling_models.available(now.model, visitor_of(visitor)), visitor_of(visitor)
        ),
        at_first=lambda now: {"model": {now.model: ""}, "label": {now.label: ""}},
    )
