"""Takes things from a run of the Training page: its settings, with the doctor's change or without, and its files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import Dependency

from playground.gradio_ui import live, page, widgets
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.training_sent import Seen
from playground.labs.training import doctor, runs
from playground.labs.training.controls import TrainingControls
from playground.policy.visitor import visitor_of
from playground.policy.visitor_runs import VisitorRuns

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot
    from playground.gradio_ui.training import View

_CLICK = """() => {
  const part = document.querySelector("#training-zip");
  (part?.closest("a") ?? part?.querySelector("a, button") ?? part)?.click();
}"""
"""The browser takes a file only where something is clicked that has it."""


def connect_take(
    view: View, panel: widgets.Panel[TrainingControls], context: list[Any], told: gr.HTML
) -> list[Dependency]:
    """Connect the buttons; returns the events after which the settings are others."""

    def shown(asked: Any, visitor: str, seen: Seen) -> tuple[VisitorRuns, Snapshot | None]:
        mine = visitor_of(visitor).runs
        choice, _ = runs.chosen(asked if seen.link is None else seen.link, mine.ids())
        return mine, mine.snapshot(choice.run) if choice.run else None

    def take(asked: Any, visitor: str, seen: Seen, event: gr.EventData) -> list[Any]:
        _, snapshot = shown(asked, visitor, seen)
        if snapshot is None:
            return [gr.skip()] * (len(panel.shown) + 1)
        number = live.done(event)[1]
        found = doctor.findings(snapshot)
        known = number.isascii() and number.isdigit() and int(number[:4]) < len(found)
        change = found[int(number[:4])].change if known else {}
        controls, left_out = doctor.controls_of(snapshot.config, change)
        words = f'<div class="dp-message"><span>🎛️</span><span>{live.rich(doctor.told(change, left_out))}</span></div>'
        return [*panel.update(controls), words]

    def pack(asked: Any, visitor: str, seen: Seen) -> list[Any]:
        mine, snapshot = shown(asked, visitor, seen)
        try:
            if snapshot is None:
                raise ValueError("There is no run to download.")
            return [_named(mine.archive(snapshot.id), runs.file_name(snapshot)), ""]
        except (ValueError, OSError) as problem:
            words = str(problem) if isinstance(problem, ValueError) else "The zip cannot be written."
            return [None, page.listed([words], "error")]

    packed = view.run.name.download(pack, context, [view.zip, told], **QUIET)
    packed.success(None, None, None, js=_CLICK, **QUIET)
    return [
        part.take(take, context, [*panel.shown, told], trigger_mode="multiple", **QUIET)
        for part in (view.run.name, view.run.doctor)
    ]


def _named(path: Path, name: str) -> Path:
    """The same file under another name, for the time that it takes to hand it over."""
    named = Path(tempfile.mkdtemp(prefix="run-", dir=path.parent)) / name
    os.link(path, named)
    return named
