"""Shared by the commands: errors that the caller can mend, checked settings, and one line of progress."""

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
    """Checked settings. Raises `CommandError` with the first error."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise CommandError(f"Invalid settings: {complaint(error)}.") from error


def complaint(error: ValidationError) -> str:
    """The first error, as part of a sentence."""
    from engine.storage.checked_files import first_problem

    return first_problem(error)


def duration(seconds: float) -> str:
    """“3.4 min” or “12 s”; a dash for NaN."""
    if math.isnan(seconds):
        return "–"
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.0f} s"


class ProgressLine:
    """One line that is overwritten on a terminal; elsewhere a new one every ten seconds."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._shown_at = -math.inf

    def show(self, text: str, seconds_left: float, *, last: bool) -> None:
        """Print a line, unless the last one is a moment ago and this is not the last of all."""
        if not last and time.monotonic() - self._shown_at < (0.2 if self._is_terminal else 10.0):
            return
        self._shown_at = time.monotonic()
        line = f"{text}, {duration(seconds_left)} left"
        print(
            f"\r{line:100}" if self._is_terminal else line,
            end="" if self._is_terminal else "\n",
            file=sys.stderr,
            flush=True,
        )

    def end(self) -> None:
        """Begin a new line on a terminal."""
        if self._is_terminal:
            print(file=sys.stderr)
