"""What the commands have in common: errors that the caller can mend, checked settings, and one line of progress."""

from __future__ import annotations

import math
import sys
import time
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Settings = TypeVar("Settings", bound=BaseModel)


class CommandError(ValueError):
    """Something that the caller can mend; the message is one sentence."""


def settings_of(kind: type[Settings], **values: object) -> Settings:
    """Checked settings. Raises `CommandError` with the first complaint."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise CommandError(f"This cannot be: {complaint(error)}.") from error


def complaint(error: ValidationError) -> str:
    """The first complaint, as part of a sentence."""
    from engine.storage.checked_files import first_problem

    return first_problem(error)


def device_named(name: str) -> str:
    """The name itself. Raises `CommandError` where there is no such device."""
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise CommandError(f"There is no device “{name}” here.") from error
    return name


def duration(seconds: float) -> str:
    """“3.4 min” or “12 s”; a dash where it is not known."""
    if math.isnan(seconds):
        return "–"
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.0f} s"


class ProgressLine:
    """One line that is written over on a terminal; elsewhere a new one every ten seconds."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.shown = -math.inf

    def show(self, text: str, seconds_left: float, *, last: bool) -> None:
        """Say where things stand, unless that was said a moment ago and this is not the last time."""
        if not last and time.monotonic() - self.shown < (0.2 if self.live else 10.0):
            return
        self.shown = time.monotonic()
        line = f"{text}, {duration(seconds_left)} left"
        print(f"\r{line:100}" if self.live else line, end="" if self.live else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Go to the next line."""
        if self.live:
            print(file=sys.stderr)
