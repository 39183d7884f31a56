"""The Training page: layout only; what it shows is decided in `playground.labs.training.view`.

Its events can be sent by anyone, with any values: whatever they do goes through the visitor's own runs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import Dependency

from engine.language import _
from engine.storage import disk_errors
from playground import preload
from playground.gradio_ui import live, page, training_html, training_pictures, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.training_parts import ComparePart, RunPart
from playground.gradio_ui.training_sent import Sent, TabState
from playground.labs.training import estimate, runs, settings_of_run, text, view, visit
from playground.labs.training.controls import TrainingControls
from playground.labs.training.visit import Choice, Visit
from playground.policy import mode
from playground.policy.visitor import Visitor, visitor_of

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot

POLL = 0.7
"""Seconds between two updates while a run is being trained."""
_CLICK = """() => {
  const part = document.querySelector("#training-zip");
  (part?.closest("a") ?? part?.querySelector("a, button") ?? part)?.click();
}"""
"""The browser downloads a file only where an element that has it is clicked."""


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    TrainingPage(demo)


class TrainingPage:
    """The components of the page, and the events between them."""

    def __init__(self, demo: gr.Blocks) -> None:
        self._panel = panel = widgets.Panel(
            TrainingControls, "training", estimate.control_rules, also_in_link=visit.LINKED
        )
        self._link = page.link_of(visit.LINKED)
        with page.sidebar():
            panel.draw()
        page.head(text.TITLE, text.LEAD, text.TERMS)
        if mode.is_public():
            gr.HTML(page.listed([text.SHARED], "info"))
        with gr.Row(elem_classes="dp-actions"):
            start = gr.Button(
                f"🏋️ {text.START}",
                variant="primary",
                elem_id="training-start",
                interactive=False,
                min_width=180,
                scale=0,
            )
            cost = live.live_html("training-cost")
        self._taken = live.live_html("training-notices")
        pictures = training_pictures.PicturesPart(panel, self._taken)
        self._problems = live.live_html("training-notes")
        self._deleted = live.live_html("training-deleted")
        self._list = live.live_html("training-list")
        self._compare, self._run = ComparePart(), RunPart()
        self._zip = gr.DownloadButton(visible="hidden", elem_id="training-zip")
        self._timer = gr.Timer(POLL, active=False)
        self._context = [self._link, panel.who.visitor, gr.State(TabState())]
        own = [self._link, self._problems, self._deleted, self._list, self._timer]
        self._outputs = [*own, *self._compare.components, *self._run.components]
        loaded = panel.on_load(demo, lambda _: [], start=start)
        events = self._connect(loaded, start)
        pictures.connect(demo, cost, loaded, *events)

    def _connect(self, loaded: Dependency, start: gr.Button) -> list[Dependency]:
        """Connect the events; returns those after which the settings are others, or a run has begun."""
        panel, context, taken = self._panel, self._context, self._taken
        loaded.then(self._open, context, self._outputs, js=page.linked(visit.LINKED), **QUIET)
        self._timer.tick(self._refresh, context, self._outputs, trigger_mode="once", **QUIET)
        outputs = [*panel.shown, taken, *self._outputs]
        begun = start.click(self._start, [*context, *panel.state], outputs, js=training_pictures.CLOSE, **QUIET)
        for part in (self._deleted, self._list, self._compare.head, self._run.name, self._run.head):
            part.act(self._act, context, self._outputs, trigger_mode="multiple", **QUIET)
        packed = self._run.name.download(_pack, context, [self._zip, taken], **QUIET)
        packed.success(None, None, None, js=_CLICK, **QUIET)
        uses = [
            part.take(self._take, [*context, *panel.state], [*panel.shown, taken], trigger_mode="multiple", **QUIET)
            for part in (self._run.name, self._run.doctor)
        ]
        return [panel.on_change(lambda _: []), begun, *uses]

    # --- events: the first inputs are the link of the page, the visitor's secret and what the tab was sent ------------

    def _open(self, requested: Any, secret: Any, tab: TabState) -> list[Any]:
        preload.wait()
        visitor = visitor_of(secret)
        choice, problems = visit.chosen(requested, visitor.runs.ids())
        tab.of(requested, visitor).visit = Visit(choice)
        return self._shown(visitor, tab, problems)

    def _refresh(self, requested: Any, secret: Any, tab: TabState) -> list[Any]:
        visitor = visitor_of(secret)
        return self._shown(visitor, tab.of(requested, visitor), None)

    def _act(self, requested: Any, secret: Any, tab: TabState, event: gr.EventData) -> list[Any]:
        tab.turn += 1
        preload.wait()
        visitor = visitor_of(secret)
        do, of = live.done(event)
        visited = tab.of(requested, visitor).visit
        problem = ""
        if do == "list":
            tab.list_open = bool(of)
        elif do == "page":
            tab.list_page = int(of) if of.isascii() and of.isdigit() and len(of) < 6 else 1
        elif visited is not None:
            tab.visit, problem = visited.act(do, of, visitor.runs)
        return self._shown(visitor, tab, [problem] if problem else [])

    def _start(self, requested: Any, secret: Any, tab: TabState, *values: Any) -> list[Any]:
        tab.turn += 1
        refused: list[str] = []
        preload.wait()
        state = self._panel.read(values)
        visitor = visitor_of(secret)
        visited = tab.of(requested, visitor).visit
        try:
            run_id = visitor.runs.submit(estimate.checked_config(state.controls, visitor))
            tab.visit = Visit(Choice(run_id), visited.deleted if visited else ())
        except ValueError as problem:
            refused = [str(problem)]
        return [*self._panel.update(state), "", *self._shown(visitor, tab, refused)]

    def _take(self, requested: Any, secret: Any, tab: TabState, event: gr.EventData, *values: Any) -> list[Any]:
        """The settings of the run that is shown, with the doctor's change where one was pressed."""
        snapshot = _snapshot(requested, secret, tab)
        if snapshot is None:
            return [gr.skip()] * (len(self._panel.shown) + 1)
        controls, message = settings_of_run.taken_over(snapshot, live.done(event)[1])
        return [*self._panel.update(self._panel.read(values), controls), training_html.message("🎛️", message)]

    def _shown(self, visitor: Visitor, tab: TabState, problems: list[str] | None) -> list[Any]:
        """What has changed since the last update; `problems` replace those that stand there, None leaves them."""
        sent = Sent(tab, self._outputs)
        shown = view.page_view(visitor, tab.link())
        sent.new(self._link, tuple(shown.choice.link().items()), shown.choice.link)
        if not shown.ids:
            sent.text(self._problems, page.listed(problems or []) + training_html.message("🏋️", text.NOTHING))
        elif problems is not None:
            sent.text(self._problems, page.listed(problems))
        sent.text(self._deleted, training_html.deleted(tab.visit.deleted if tab.visit else ()))
        rows, is_changing = training_html.listed(visitor.runs, shown, tab)
        sent.text(self._list, rows)
        self._compare.send(sent, shown.compare)
        self._run.send(sent, shown.run)
        parts = [part for part in (shown.compare, shown.run) if part is not None]
        is_changing = is_changing or any(part.is_changing for part in parts)
        sent.new(self._timer, is_changing, lambda: gr.Timer(active=is_changing))
        return sent.values()


def _snapshot(requested: Any, secret: Any, tab: TabState) -> Snapshot | None:
    """The run that is shown; None where there is none."""
    visitor = visitor_of(secret)
    return visitor.runs.snapshot(tab.of(requested, visitor).link().get("run", ""))


def _pack(requested: Any, secret: Any, tab: TabState) -> list[Any]:
    """The files of the run that is shown as a zip, and a message."""
    snapshot = _snapshot(requested, secret, tab)
    try:
        if snapshot is None:
            raise ValueError(text.NOTHING_TO_DOWNLOAD)
        return [_named(visitor_of(secret).runs.archive(snapshot.id), runs.file_name(snapshot)), ""]
    except (ValueError, OSError) as problem:
        words = (
            str(problem)
            if isinstance(problem, ValueError)
            else disk_errors.sentence(problem, _("The zip cannot be written"))
        )
        return [None, page.listed([words], "error")]


def _named(path: Path, name: str) -> Path:
    """The same file under another name, for the download."""
    named = Path(tempfile.mkdtemp(prefix="run-", dir=path.parent)) / name
    try:
        os.link(path, named)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, named)
    return named
