"""The Guidance page: layout only; the lab is playground/labs/guidance."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import gradio as gr

from engine.language import N_
from playground.gradio_ui import compat, components, following, page, widgets
from playground.gradio_ui.place import Here, is_restricted
from playground.gradio_ui.widgets import PanelState
from playground.labs.guidance import controls as settings
from playground.labs.guidance import job as lab
from playground.labs.guidance import live, text, view
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.job import Answer
from playground.labs.shared import exports
from playground.labs.shared import text as common
from playground.labs.shared.controls import describe
from playground.labs.shared.job import Job
from playground.serving.request_queue import request_queue

if TYPE_CHECKING:
    from playground.browser.where import Where

LAB = "guidance"
State = PanelState[GuidanceControls]
VIEW_SETTINGS = ("view", "show")
"""Settings whose change is shown without a press of Draw."""


EMPTY = [page.status(""), "", None, *[components.NOTHING] * view.CHARTS, "", ""]
"""Values of the status and the figures before the first result; the timeline's room is kept."""
NOTHING = [components.NOTHING if value is None else value for value in EMPTY]
"""The same where nothing begins by itself."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    _Page().connect(demo)


class _Page:
    """The components of the page, and what its events do."""

    def __init__(self) -> None:
        self.panel = widgets.Panel(GuidanceControls, LAB, settings.rules)
        self.panel.draw_page(text)
        self.job = following.buttons(LAB, f"🎲 {text.START}", unit=N_("steps"))
        self.here = gr.State(Here())
        self.note = gr.HTML("", elem_id=f"{LAB}-note")
        self.where: Any = components.component("where", f"{LAB}-in-browser")
        words = gr.HTML("", elem_id=f"{LAB}-words", apply_default_css=False)
        timeline = components.component("timeline", f"{LAB}-timeline")
        with gr.Row(elem_classes="dp-charts"):
            charts = [components.component("livechart", f"{LAB}-chart{k}") for k in range(view.CHARTS)]
        about = gr.Markdown("", elem_classes="dp-looking-at")
        files = gr.HTML("", elem_id=f"{LAB}-files", apply_default_css=False)
        self.figures = [words, timeline, *charts, about, files]

    def connect(self, demo: gr.Blocks) -> None:
        """Connect the events."""
        panel, here = self.panel, [self.here]
        whole = [self.note, self.where, self.here, self.job.status, *self.figures]
        panel.on_change(_noticed, here, whole)
        names = [control.name for control in describe(GuidanceControls)]
        switches = [compat.input_event(panel.widgets[names.index(name)]) for name in VIEW_SETTINGS]
        causes = [
            panel.on_load(demo, _opened, here, whole, self.job.start),
            panel.on(self.job.start.click, _started, here, whole, trigger_mode="multiple"),
            panel.on(switches, _switched, here, whole, trigger_mode="always_last"),
            panel.on_event(self.where.where, _placed, here, whole, trigger_mode="multiple"),
        ]
        self.job.connect(panel.who.tab, _figures, self.figures, *causes)


def _opened(state: State, here: Here) -> list[Any]:
    """Loaded again, the job that is there is followed, unless the link asks for something else."""
    if request_queue().is_for(state.tab, LAB, lab.key(state.controls)):
        return _noticed(state, here)
    return _switched(state, here)


def _switched(state: State, here: Here) -> list[Any]:
    """Another view: its result, or an empty page."""
    if _in_browser(state, here) is not None:
        request_queue().drop(state.tab, LAB)
        return _noticed(state, here)
    if lab.starts_by_itself(state.controls):
        return [*_started(state, here)[:3], *EMPTY]
    request_queue().drop(state.tab, LAB)
    return [*_noticed(state, here)[:3], *NOTHING]


def _placed(state: State, place: object, here: Here) -> tuple[GuidanceControls, list[Any]] | None:
    """The reader, or the browser for them, has chosen where a sweep is sampled."""
    chosen = here.at(place)
    return None if chosen is None else (state.controls, _opened(state, chosen))


def _where(state: State, here: Here) -> Where | None:
    """The choice, for a sweep."""
    return None if is_restricted(state) else live.where_view(state.controls, here.place, state.visitor, here.drawn)


def _in_browser(state: State, here: Here) -> Where | None:
    """The sweep that the browser samples, or will where nothing else is heard; None where the server does."""
    where = _where(state, here)
    return None if where is None or where.chosen == "server" else where


def _latest(tab: str) -> GuidanceControls | None:
    """The settings of the results on the page."""
    job = request_queue().job(tab, LAB)
    return job.state.result.controls if job is not None and job.state.result is not None else None


def _noticed(state: State, here: Here) -> list[Any]:
    """What there is to say of the settings, and the sweep in the browser, which follows them."""
    latest = _latest(state.tab) if _in_browser(state, here) is None else state.controls
    notice = view.notice(state.controls, state.visitor, latest)
    return [page.notices([notice] if notice else []), *_placed_figures(state, here)]


def _placed_figures(state: State, here: Here) -> list[Any]:
    """Where it is sampled, and the figures, which are left alone where the server computes them."""
    where = _in_browser(state, here)
    if where is None or not where.chosen:
        return [components.value(_where(state, here)), here, *[gr.skip()] * len(EMPTY)]
    files = exports.links(view.files_without_pictures(state.controls, state.visitor))
    figures = ["", "", *[components.NOTHING] * (1 + view.CHARTS), common.looking_at(text.LOOKING_AT["sweep"]), files]
    return [components.value(where), here, *figures]


def _started(state: State, here: Here) -> list[Any]:
    """Start the job of these settings where it is possible, or have the browser draw it again."""
    controls, visitor = state.controls, state.visitor
    if _in_browser(state, here) is not None:
        return _noticed(state, here.again())
    notice = view.notice(controls, visitor, controls)
    if notice is None or notice.level != "error":
        request_queue().put(state.tab, LAB, Job(lambda: lab.compute(controls, visitor), LAB), lab.key(controls))
    return [page.notices([notice] if notice else []), *_placed_figures(state, here)]


def _figures(answer: Answer) -> list[Any]:
    """Values of the figures."""
    shown = view.shown(answer)
    charts = [components.value(chart) for chart in shown.charts]
    return [
        f'<p class="dp-words">{html.escape(shown.words)}</p>' if shown.words else "",
        components.value(shown.timeline),
        *charts,
        *[components.NOTHING] * (view.CHARTS - len(charts)),
        common.looking_at(text.LOOKING_AT[answer.controls.view]),
        exports.links(shown.files),
    ]
