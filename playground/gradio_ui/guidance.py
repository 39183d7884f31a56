"""The Guidance page: layout only; the lab is playground/labs/guidance."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import components, following, page, widgets
from playground.gradio_ui.following import QUIET
from playground.labs.guidance import controls as settings
from playground.labs.guidance import job as lab
from playground.labs.guidance import text, view
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.job import Answer
from playground.labs.shared import exports
from playground.labs.shared import text as common
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import describe
from playground.labs.shared.job import Job
from playground.policy.visitor import visitor_of
from playground.serving.request_queue import request_queue

LAB = "guidance"
VIEW_SETTINGS = ("view", "show")
"""Settings whose change is shown without a press of Draw."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    _Page().connect(demo)


class _Page:
    """The components of the page, and what its events do."""

    def __init__(self) -> None:
        self.who = page.identity()
        self.panel = widgets.Panel(GuidanceControls, LAB, _rules, [self.who.visitor])
        with page.sidebar():
            self.panel.draw()
        page.head(text.TITLE, text.LEAD, text.TERMS)
        self.job = following.buttons(LAB, f"🎲 {text.START}", unit="steps")
        self.note = gr.HTML("", elem_id=f"{LAB}-note")
        words = gr.HTML("", elem_id=f"{LAB}-words", apply_default_css=False)
        timeline = components.timeline(f"{LAB}-timeline")
        with gr.Row(elem_classes="dp-charts"):
            charts = [components.live_chart(f"{LAB}-chart{k}") for k in range(view.CHARTS)]
        about = gr.Markdown("", elem_classes="dp-looking-at")
        files = gr.HTML("", elem_id=f"{LAB}-files", apply_default_css=False)
        self.figures = [words, timeline, *charts, about, files]

    def connect(self, demo: gr.Blocks) -> None:
        """Connect the events."""
        panel, note, who = self.panel, self.note, self.who.both
        loaded = panel.on_load(demo, self._open, [], [note], self.who, self.job.start)
        panel.on_change(lambda controls, visitor, tab: [_notice(controls, visitor, tab)], who, [note])
        inputs = [*who, *panel.state]
        pressed = self.job.start.click(self._press, inputs, [*panel.shown, note], trigger_mode="multiple", **QUIET)
        names = [control.name for control in describe(GuidanceControls)]
        switched = gr.on(
            [panel.widgets[names.index(name)].input for name in VIEW_SETTINGS],  # type: ignore[attr-defined]
            self._switch,
            inputs,
            [note, self.job.status, *self.figures],
            trigger_mode="always_last",
            **QUIET,
        )
        for cause in (loaded, pressed, switched):
            self.job.follow(cause, self.who.tab, _figures, self.figures)
        self.job.stops(self.who.tab)

    def _open(self, controls: GuidanceControls, visitor: str, tab: str, session: str) -> list[Any]:
        preload.wait()
        request_queue().attach(tab, session)
        latest = _latest(tab)
        is_other = latest is not None and not lab.same(latest, controls)
        if (is_other or request_queue().job(tab, LAB) is None) and lab.starts_by_itself(controls):
            return [_start(controls, visitor, tab)]
        return [_notice(controls, visitor, tab)]  # loaded again: the job that is there is followed

    def _press(self, visitor: str, tab: str, *values: Any) -> list[Any]:
        controls, problems = self.panel.read(values)
        return [*self.panel.update(controls, problems, values), _start(controls, visitor, tab)]

    def _switch(self, visitor: str, tab: str, *values: Any) -> list[Any]:
        """Another view: its result, or an empty page."""
        controls, _ = self.panel.read(values)
        empty = [page.status(""), "", None, *[None] * view.CHARTS, "", ""]
        if lab.starts_by_itself(controls):
            return [_start(controls, visitor, tab), *empty]
        request_queue().drop(tab, LAB)
        return [_notice(controls, visitor, tab), *empty]


def _rules(visitor: str | None) -> ControlRules[GuidanceControls]:
    return settings.rules(visitor_of(visitor))


def _latest(tab: str) -> GuidanceControls | None:
    """The settings of the results on the page."""
    job = request_queue().job(tab, LAB)
    return job.state.result.controls if job is not None and job.state.result is not None else None


def _notice(controls: GuidanceControls, visitor: str, tab: str) -> str:
    notice = view.notice(controls, visitor_of(visitor), _latest(tab))
    return page.notices([notice] if notice else [])


def _start(controls: GuidanceControls, visitor: str, tab: str) -> str:
    """Start the job of these settings where it is possible; returns what there is to say about them."""
    who = visitor_of(visitor)
    notice = view.notice(controls, who, controls)
    if notice is None or notice.level != "error":
        request_queue().put(tab, LAB, Job(lambda: lab.compute(controls, who), LAB))
    return page.notices([notice] if notice else [])


def _figures(answer: Answer) -> list[Any]:
    """Values of the figures."""
    shown = view.shown(answer)
    charts = [components.value(chart) for chart in shown.charts]
    return [
        f'<p class="dp-words">{html.escape(shown.words)}</p>' if shown.words else "",
        components.value(shown.timeline) if shown.timeline else None,
        *charts,
        *[None] * (view.CHARTS - len(charts)),
        common.looking_at(text.LOOKING_AT[answer.controls.view]),
        exports.links(shown.files),
    ]
