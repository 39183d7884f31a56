"""The Guidance page: layout only, the lab itself is playground/labs/guidance/view.py."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.guidance import controls as settings
from playground.labs.guidance import text
from playground.labs.guidance import view as lab
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.shared import exports
from playground.labs.shared import text as common
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import describe
from playground.labs.shared.job import Job
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

LAB = "guidance"
AT_ONCE = ("view", "show")
"""Settings whose change is drawn without being asked for."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel = widgets.Panel(GuidanceControls, LAB, _rules, [who.visitor])
    with page.sidebar():
        panel.draw()
    page.head(text.TITLE, text.LEAD)
    buttons = following.buttons(LAB, f"🎲 {text.START}", unit="steps", idle="")
    note = gr.HTML("", elem_id=f"{LAB}-note")
    words = gr.HTML("", elem_id=f"{LAB}-words", apply_default_css=False)
    timeline = components.timeline(f"{LAB}-timeline")
    with gr.Row(elem_classes="dp-charts"):
        charts = [components.live_chart(f"{LAB}-chart{k}") for k in range(lab.CHARTS)]
    looking = gr.Markdown("", elem_classes="dp-looking-at")
    files = gr.HTML("", elem_id=f"{LAB}-files", apply_default_css=False)
    figures = [words, timeline, *charts, looking, files]

    def start(visitor: str, tab: str, controls: GuidanceControls) -> str:
        """Ask for these settings; returns what there is to say about them."""
        said, possible = _said(controls, visitor)
        if possible:
            request_queue().put(tab, LAB, Job(lambda: lab.compute(controls, visitor_of(visitor)), LAB))
        return said

    def opened(controls: GuidanceControls, visitor: str, tab: str, session: str) -> list[Any]:
        preload.wait()
        request_queue().attach(tab, session)
        there = request_queue().job(tab, LAB)
        answer = there.state.result if there is not None else None
        if there is not None and (answer is None or lab.same(answer.controls, controls)):
            return [_said(controls, visitor)[0]]  # loaded again: what was there before is followed
        return [start(visitor, tab, controls) if lab.at_once(controls) else _pressed_for(controls, visitor)]

    def changed(controls: GuidanceControls, visitor: str, tab: str) -> list[Any]:
        job = request_queue().job(tab, LAB)
        answer = job.state.result if job is not None else None
        stale = answer is not None and answer.controls.view == controls.view and not lab.same(answer.controls, controls)
        return [_said(controls, visitor, text.CHANGED.replace("**", "") if stale else "")[0]]

    def pressed(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = panel.read(values)
        return [*panel.update(controls, problems, values), start(visitor, tab, controls)]

    def switched(visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, _ = panel.read(values)
        empty = [page.status(""), "", None, *[None] * lab.CHARTS, "", ""]
        if lab.at_once(controls):
            return [start(visitor, tab, controls), *empty]
        request_queue().drop(tab, LAB)
        return [_pressed_for(controls, visitor), *empty]

    loaded = panel.on_load(demo, opened, [], [note], who, buttons.start)
    panel.on_change(changed, who.both, [note])
    asked = buttons.start.click(
        pressed, [*who.both, *panel.state], [*panel.shown, note], trigger_mode="multiple", **QUIET
    )
    names = [control.name for control in describe(GuidanceControls)]
    events = [panel.widgets[names.index(name)].input for name in AT_ONCE]  # type: ignore[attr-defined]
    turned = gr.on(
        events,
        switched,
        [*who.both, *panel.state],
        [note, buttons.status, *figures],
        trigger_mode="always_last",
        **QUIET,
    )
    for cause in (loaded, asked, turned):
        buttons.follow(cause, who.tab, _drawn, figures)
    buttons.stops(who.tab)


def _rules(visitor: str | None) -> ControlRules[GuidanceControls]:
    return ControlRules(
        hidden=settings.hidden,
        disabled=settings.without_effect,
        options=lambda _: settings.choices(visitor_of(visitor)),
        at_first=lambda _: {"model": {"digits": "digits"}, "classifier": {"": "none"}, "sampler": {"ddim": "DDIM"},
                            "spacing": {"uniform": "even in t"}},
        bounds=visitor_of(visitor).bounds(LAB),
    )  # fmt: skip


def _said(controls: GuidanceControls, visitor: str, before: str = "") -> tuple[str, bool]:
    """What Draw would do with these settings, and whether it can."""
    try:
        words = " ".join(part for part in (before, lab.announced(controls, visitor_of(visitor))) if part)
    except ValueError as problem:
        return page.listed([str(problem)], "error"), False
    return (page.listed([words], "info") if words else ""), True


def _pressed_for(controls: GuidanceControls, visitor: str) -> str:
    return page.listed([text.PRESS[controls.view]], "info") + _said(controls, visitor)[0]


def _drawn(answer: lab.Answer) -> list[Any]:
    """Values of the figures."""
    shown = lab.shown(answer)
    charts = [components.value(chart) for chart in shown.charts]
    return [
        f'<p class="dp-words">{html.escape(shown.words)}</p>' if shown.words else "",
        components.value(shown.timeline) if shown.timeline else None,
        *charts,
        *[None] * (lab.CHARTS - len(charts)),
        common.looking_at(text.LOOKING_AT[answer.controls.view]),
        exports.links(shown.files),
    ]
