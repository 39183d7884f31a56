"""The Training page: layout only, the lab itself is playground/labs/training/controls.py.

Whatever a page does with runs goes through `playground.policy.visitor`: its events can be sent by anyone, with any values.
"""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from playground import preload
from playground.gradio_ui import live, page, training_pictures, training_settings, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.training_downloads import connect_take
from playground.gradio_ui.training_list import CompareView, deleted, listed
from playground.gradio_ui.training_run import RunView
from playground.gradio_ui.training_sent import Seen, Sent
from playground.labs.training import controls as training
from playground.labs.training import runs, text
from playground.labs.training.controls import TrainingControls
from playground.policy import mode
from playground.policy.visitor import visitor_of

POLL = 0.7
"""Seconds between two looks at what is being trained."""
LINKED = ("run", "compare", "against")


def build(demo: gr.Blocks) -> None:
    """Draw the page."""
    who = page.identity()
    panel = widgets.Panel(TrainingControls, "training", training_settings.rules, also_in_link=LINKED)
    chosen = page.link_of(LINKED)
    with page.sidebar():
        panel.draw()
        cost = live.live_html("training-cost")
        start = gr.Button(f"🏋️ {text.START}", variant="primary", elem_id="training-start", interactive=False)
    page.head(text.TITLE, text.LEAD)
    if mode.is_public():
        gr.HTML(page.listed([text.SHARED], "info"))
    told = live.live_html("training-told")
    pictures = training_pictures.PicturesView()
    view = View(chosen)
    timer = gr.Timer(POLL, active=False)
    seen = gr.State(Seen())
    context, outputs = [chosen, who.visitor, seen], [*view.outputs, timer]

    def look(asked: Any, visitor: str, seen: Seen, *, problems: list[str] | None = None) -> list[Any]:
        sent = Sent(seen, outputs)
        active = view.send(sent, asked if seen.link is None else seen.link, visitor, seen, problems)
        sent.new(timer, active, lambda: gr.Timer(active=active))
        return sent.values()

    def first(asked: Any, visitor: str, seen: Seen) -> list[Any]:
        preload.wait()
        choice, problems = runs.chosen(asked, visitor_of(visitor).runs.ids())
        seen.link = choice.link()
        return look(asked, visitor, seen, problems=problems)

    def begin(asked: Any, visitor: str, seen: Seen, *values: Any) -> list[Any]:
        seen.turn += 1
        controls, problems = panel.read(values)
        try:
            preload.wait()
            config, _ = training.planned(controls, visitor_of(visitor))
            seen.link = {"run": visitor_of(visitor).runs.submit(config)}
        except (
            ValueError
        ) as problem:  # pictures that are gone, settings that do not go together, a run that is trained already
            return [*panel.update(controls, problems), "", *look(asked, visitor, seen, problems=[str(problem)])]
        return [*panel.update(controls, problems), "", *look(asked, visitor, seen, problems=[])]

    def act(asked: Any, visitor: str, seen: Seen, event: gr.EventData) -> list[Any]:
        seen.turn += 1
        preload.wait()
        try:
            seen.link = view.act(*live.done(event), asked if seen.link is None else seen.link, visitor, seen)
            problems = []
        except ValueError as problem:
            problems = [str(problem)]
        return look(asked, visitor, seen, problems=problems)

    loaded = panel.on_load(demo, lambda *_: [], [], [], who, start)
    loaded.then(first, context, outputs, js=page.linked(LINKED), **QUIET)
    timer.tick(look, context, outputs, trigger_mode="once", **QUIET)
    started = start.click(
        begin, [*context, *panel.state], [*panel.shown, told, *outputs], js=training_pictures.CLOSE, **QUIET
    )
    for part in view.parts:
        part.act(act, context, outputs, trigger_mode="multiple", **QUIET)
    changed = panel.on_change(lambda *_: [], [], [])
    taken = connect_take(view, panel, context, told)
    pictures.connect(demo, panel, cost, told, who.visitor, loaded, changed, started, *taken)


class View:
    """What the page shows of runs: what was deleted, the list, and one run or several side by side."""

    def __init__(self, chosen: gr.HTML) -> None:
        self._chosen = chosen
        self._notes = live.live_html("training-notes")
        self._deleted = live.live_html("training-deleted")
        self._list = live.live_html("training-list")
        self._compare = CompareView()
        self.run = RunView()
        self.zip = gr.DownloadButton(visible="hidden", elem_id="training-zip")
        self.parts = [self._deleted, self._list, self._compare.head, self.run.name, self.run.head]
        """In which the reader can do something."""
        self.outputs = [
            chosen,
            self._notes,
            self._deleted,
            self._list,
            *(part for view in (self._compare, self.run) for part in vars(view).values()),
        ]

    def send(self, sent: Sent, asked: Any, visitor: str, seen: Seen, problems: list[str] | None) -> bool:
        """Say what has changed since the last time; returns whether there may be more to say in a moment.

        Args:
            sent: gathers it.
            asked: what the link says, or the reader has chosen.
            visitor: who asks.
            seen: by this tab.
            problems: sentences in the place of those that stand there; None leaves them.
        """
        mine = visitor_of(visitor).runs
        ids = mine.ids()
        choice, _ = runs.chosen(asked, ids)
        sent.new(self._chosen, tuple(choice.link().items()), choice.link)
        snapshots = [one for run_id in choice.compared if (one := mine.snapshot(run_id)) is not None]
        comparing = len(snapshots) > 1
        snapshot = mine.snapshot(choice.run) if choice.run and not comparing else None
        if problems is not None:
            sent.text(self._notes, page.listed(problems))
        if not ids:
            sent.text(self._notes, page.listed(problems or []) + _nothing())
        sent.text(self._deleted, deleted(seen))
        rows, listed_active = listed(mine, ids, choice, seen)
        sent.text(self._list, rows)
        self._compare.send(sent, snapshots, choice)
        self.run.send(sent, snapshot)
        shown = snapshots if comparing else [snapshot] if snapshot else []
        return listed_active or any(runs.may_change(one) for one in shown)

    def act(self, do: str, of: str, asked: Any, visitor: str, seen: Seen) -> dict[str, str]:
        """Do what the reader asks for; returns what is shown then.

        Raises:
            ValueError: with one clear sentence where it cannot be done.
        """
        mine = visitor_of(visitor).runs
        ids = mine.ids()
        choice, _ = runs.chosen(asked, ids)
        link = choice.link()
        match do:
            case "pause" | "resume" | "stop":
                getattr(mine, do)(choice.run)
            case "rename":
                mine.rename(choice.run, of[:80])
            case "delete":
                self._delete(mine, choice.run, seen)
            case "undo":
                seen.deleted = tuple(one for one in seen.deleted if one[0] != of)
                mine.restore(of)
                return {"run": of}
            case "open":
                return {"run": of}
            case "tick" if of in ids:
                link["compare"] = runs.to_link(runs.toggled(choice.compared, of))
            case "against":
                link["against"] = of
            case "back":
                return {"run": choice.run}
            case "list":
                seen.list_open = bool(of)
            case "page" if of.isascii() and of.isdigit() and len(of) < 6:
                seen.list_page = max(1, int(of))
        return link

    def _delete(self, mine: Any, run_id: str, seen: Seen) -> None:
        snapshot = mine.snapshot(run_id)
        mine.delete(run_id)
        title = runs.title(snapshot) if snapshot else run_id
        seen.deleted = (*(one for one in seen.deleted if one[0] != run_id), (run_id, title))[-20:]


def _nothing() -> str:
    return page.listed([text.NOTHING.replace("**", "")], "info").replace("ℹ️", html.escape("🏋️"))
