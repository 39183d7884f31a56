"""What a lab shows, as plain data: decided once here, drawn by both front ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.language import _
from playground.labs.shared.job import JobState, in_words

NoticeLevel = Literal["info", "success", "warning", "error"]


@dataclass(frozen=True)
class Notice:
    """One message to the reader. `text` is shown as it is, without markup."""

    level: NoticeLevel
    text: str


@dataclass(frozen=True)
class Button:
    """A button, and whether it can be pressed."""

    label: str
    is_enabled: bool = True


@dataclass(frozen=True)
class JobView:
    """The two buttons of a job and its status line.

    status: words for how far it is; "" for none.
    fraction: 0 … 1 for a progress bar, None for none.
    error: why it failed; "" where it has not.
    """

    start: Button
    stop: Button
    status: str
    fraction: float | None = None
    error: str = ""
    is_waiting: bool = False
    """Whether there is no result yet: what is shown below is of the job before, and dimmed."""
    facts: Mapping[str, str | float] = field(default_factory=dict)
    """What a lesson may ask of the job: `state`, `done` (how many of its parts), and `seconds`, which tells jobs apart."""


def job_view(
    state: JobState[Any] | None, *, start: str, unit: str = "", idle: str = "", can_start: bool = True
) -> JobView:
    """The view of a job.

    Args:
        state: of the job; None before the first.
        start: label of the button that starts it.
        unit: what its progress counts, such as "steps".
        idle: the status before the first job.
        can_start: False where the settings allow no start.
    """
    button, stop = Button(start, can_start), _("Stop")
    if state is None:
        return JobView(button, Button(stop, False), idle)
    fraction = state.fraction if state.is_running else None
    return JobView(
        button,
        Button(stop, state.is_running),
        in_words(state, _(unit)),
        fraction,
        state.error,
        state.result is None,
        {"state": state.status, "done": state.done, "seconds": state.seconds},
    )
