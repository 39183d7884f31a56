"""What the Microscope shows in the reader's browser, and what comes back from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.language import message_of
from playground.components.payloads.microscope import read_cursor
from playground.labs.microscope.branches import HOME
from playground.labs.microscope.controls import MicroscopeControls
from playground.labs.microscope.job import task_of
from playground.labs.shared.controls import checked
from playground.labs.shared.view import Notice

if TYPE_CHECKING:
    from engine.recipes.recipe import Recipe
    from playground.labs.microscope.live import LiveMicroscope
    from playground.policy.visitor import Visitor


@dataclass(frozen=True, eq=False)
class LiveView:
    """What the browser was given, and what has become of it there.

    forks: that the reader has made since; what was given stays, so that nothing is sent again.
    """

    root: Recipe
    payload: LiveMicroscope
    forks: str


def live_view(controls: MicroscopeControls, visitor: Visitor, before: LiveView | None) -> LiveView | Notice:
    """What these settings show in the browser, or a sentence that says why they are not shown there.

    `before` is what is shown now; it is returned where the settings are what the reader has made of it.
    """
    from playground.browser.instructions import ProgramError
    from playground.browser.offered import offer
    from playground.labs.microscope.live import live_microscope

    try:
        model, task = task_of(controls, visitor)
        if before is not None and (before.root, before.forks) == (task.root, controls.forks):
            offer().network(model.denoiser.net)  # type: ignore[attr-defined]  # again, where it was dropped meanwhile
            return before
        base = 1 + int(before.payload.base) if before is not None else 0
        return LiveView(task.root, live_microscope(model, task, HOME, offer().network, str(base)), controls.forks)
    except ProgramError as problem:
        return Notice("info", str(message_of(problem)))
    except ValueError as problem:
        return Notice("error", str(problem))


def moved(controls: MicroscopeControls, shown: LiveView, value: object) -> MicroscopeControls | None:
    """The settings once the cursor has come to rest elsewhere; None for what stands for no place in what is shown."""
    cursor = read_cursor(value, shown.payload.version)
    if cursor is None:
        return None
    return checked(controls, branch=cursor.branch, frame=cursor.step, row=cursor.row, column=cursor.column)


def forked(controls: MicroscopeControls, shown: LiveView, value: object) -> tuple[MicroscopeControls, LiveView] | None:
    """The settings and what is shown once the reader has forked; None for what stands for no fork of it."""
    if not isinstance(value, Mapping) or value.get("version") != shown.payload.version:
        return None
    try:
        after = checked(controls, forks=str(value.get("forks")))
    except ValueError:
        return None
    return after, replace(shown, forks=after.forks)
