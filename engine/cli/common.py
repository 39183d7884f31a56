"""Shared by the commands: errors that the caller can mend, interrupts, checked options, and one line of progress."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Settings = TypeVar("Settings", bound=BaseModel)


SEED_END = 2**63
"""Seeds are whole numbers below this, as in recipes."""
ROOM = 1_000_000
"""Bytes that must be free where a command writes its results."""
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that end a command: Ctrl-C, kill, and the terminal that goes."""
_caught: list[int] = []


def signals_to_handle() -> list[int]:
    """Those of `ENDING` but for what is ignored, as SIGHUP is under nohup; Ctrl-C always counts."""
    return [one for one in ENDING if one == signal.SIGINT or signal.getsignal(one) is not signal.SIG_IGN]


class CommandError(ValueError):
    """Something that the caller can mend; the message is one sentence."""


def status_of_signal(number: int) -> int:
    """The exit status of a command that a signal has ended, as a shell reports it: 130 after Ctrl-C, 143 after a kill."""
    return 128 + number


def ending_signal() -> int:
    """The signal that ends the command, or SIGINT where there was none."""
    return _caught[0] if _caught else signal.SIGINT


def raise_if_interrupted() -> None:
    """Raises KeyboardInterrupt after a signal that a library has swallowed, as some do while they are imported."""
    if _caught:
        raise KeyboardInterrupt


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within this context the signals of `signals_to_handle` raise KeyboardInterrupt, and are remembered for
    `raise_if_interrupted`."""

    def handle(number: int, frame: FrameType | None) -> None:
        _caught.append(number)
        raise KeyboardInterrupt

    _caught.clear()
    before = {}
    with contextlib.suppress(ValueError):  # not in the main thread
        before = {one: signal.signal(one, handle) for one in signals_to_handle()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def prepare_streams() -> None:
    """Let every terminal show every text: what its encoding lacks becomes a question mark. A closed stream shows nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  open as long as the program runs
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def whole(low: int, high: int) -> Callable[[str], int]:
    """The type of an option that takes a whole number from `low` to `high`."""

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"“{text}” is no whole number from {low:,} to {high:,}")
        return value

    return number


def named_path(text: str) -> Path:
    """The type of an option that takes a file or folder: an empty one would stand for the current folder."""
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError("an empty name stands for no file or folder (“.” is the current folder)")
    return Path(text)


def seconds(text: str) -> float:
    """The type of an option that takes a time in seconds, up to a day."""
    with contextlib.suppress(ValueError):
        value = float(text)
        if 0 <= value <= 86_400:
            return value
    raise argparse.ArgumentTypeError(f"“{text}” is no number of seconds from 0 to 86,400")


def settings_of(kind: type[Settings], **values: object) -> Settings:
    """Checked settings. Raises `CommandError` with the first error."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise CommandError(f"Invalid settings: {complaint(error)}.") from error


def complaint(error: ValidationError) -> str:
    """The first error, as part of a sentence."""
    from engine.storage.checked_files import first_problem

    return str(first_problem(error))


def check_out(path: Path, *, makes_folder: bool = False, needed: int = ROOM) -> None:
    """Raise `CommandError` where a file could not be written there; before anything is computed.

    Args:
        path: the file.
        makes_folder: whether its folder is made where it is missing.
        needed: bytes that it may have.
    """
    folder = path.parent
    if path.is_dir():
        raise CommandError(f"“{path}” is a folder: give the name of a file.")
    if path.exists() and not path.is_file():
        raise CommandError(f"“{path}” is no file but a pipe or a device: give the name of a file.")
    if not makes_folder and not folder.is_dir():
        raise CommandError(f"There is no folder “{folder}” to write {path.name} to: make it first, or choose another.")
    check_out_folder(folder, needed=needed)
    if path.exists() and not os.access(path, os.W_OK):
        raise CommandError(f"“{path}” cannot be written: permission denied.")


def check_out_folder(path: Path, *, needed: int = ROOM) -> None:
    """The same for a folder that is made with those around it, where they are missing."""
    from engine.storage.files import free_bytes, refusal

    place = path
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise CommandError(f"“{path}” cannot be made: “{place}” is no folder.")
    if problem := refusal(place, f"“{path}” cannot be written"):
        raise CommandError(problem)
    if (free := free_bytes(place)) < needed:
        raise CommandError(
            f"“{path}” cannot be written: {free / 1e6:,.1f} MB are free on that disk, and {needed / 1e6:,.1f} MB may be "
            "needed. Free some room there, or choose another disk."
        )


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
        """Print a line, unless the last one is a moment ago and this is not the last of all. Raises KeyboardInterrupt where
        Ctrl-C was swallowed."""
        raise_if_interrupted()
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
