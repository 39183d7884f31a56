"""Takes things from the run that is shown: its files as a zip, and its settings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from playground.gradio_ui import live, page
from playground.gradio_ui.following import QUIET
from playground.gradio_ui.training_sent import TabState
from playground.labs.training import runs, settings_of_run, text
from playground.labs.training.controls import TrainingControls
from playground.policy.visitor import visitor_of

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot

_CLICK = """() => {
  const part = document.querySelector("#training-zip");
  (part?.closest("a") ?? part?.querySelector("a, button") ?? part)?.click();
}"""
"""The browser downloads a file only where an element that has it is clicked."""


def connect(part: gr.HTML, context: list[Any], outputs: list[Any]) -> None:
    """Let the download button in `part` work; the outputs are the hidden button with the file, and a message."""
    part.download(_pack, context, outputs, **QUIET).success(None, None, None, js=_CLICK, **QUIET)


def taken_over(requested: Any, secret: Any, tab: TabState, event: gr.EventData) -> tuple[TrainingControls, str] | None:
    """The controls with the settings of the run that is shown, and a sentence about them; None where there is no run."""
    snapshot = _shown(requested, secret, tab)
    return None if snapshot is None else settings_of_run.taken_over(snapshot, live.done(event)[1])


def _shown(requested: Any, secret: Any, tab: TabState) -> Snapshot | None:
    visitor = visitor_of(secret)
    return visitor.runs.snapshot(tab.of(requested, visitor).link().get("run", ""))


def _pack(requested: Any, secret: Any, tab: TabState) -> list[Any]:
    snapshot = _shown(requested, secret, tab)
    try:
        if snapshot is None:
            raise ValueError(text.NOTHING_TO_DOWNLOAD)
        return [_named(visitor_of(secret).runs.archive(snapshot.id), runs.file_name(snapshot)), ""]
    except (ValueError, OSError) as problem:
        words = str(problem) if isinstance(problem, ValueError) else "The zip cannot be written."
        return [None, page.listed([words], "error")]


def _named(path: Path, name: str) -> Path:
    """The same file under another name, for the download."""
    named = Path(tempfile.mkdtemp(prefix="run-", dir=path.parent)) / name
    os.link(path, named)
    return named
