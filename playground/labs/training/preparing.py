"""Preparing pictures for the Training lab: in a process of its own, which is watched and can be cancelled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Literal

from playground.labs.shared.naming import duration, megabytes

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

Status = Literal["running", "done", "stopped", "failed"]
GRACE = 5.0
"""Seconds that a preparation has to tidy up before it is ended for good."""


@dataclass(frozen=True)
class Progress:
    """How far a preparation is."""

    status: Status
    what: str
    done: int
    total: int
    """0 where it is not known."""
    unit: str
    seconds_left: float | None
    name: str
    """Of the set, once it is prepared."""
    error: str

    @property
    def share(self) -> float:
        """0 … 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def in_words(self) -> str:
        """What is being done, how much of it is done, and how long it still takes."""
        words = [f"{self.what[:1].lower()}{self.what[1:]}"]
        words += [self.amount] if self.amount else []
        words += [f"{duration(self.seconds_left)} left"] if self.seconds_left is not None else []
        return ", ".join(words)

    @property
    def amount(self) -> str:
        """ "12 of 170 MB", "1,024 of 20,000 pictures"; "" where there is nothing to count yet."""
        if not self.total and not self.done:
            return ""
        if self.unit == "bytes":
            whole = f" of {megabytes(self.total / 1e6)}" if self.total else ""
            return f"{megabytes(self.done / 1e6)}{whole}"
        return f"{self.done:,} of {self.total:,} {self.unit}" if self.total else f"{self.done:,} {self.unit}"


class Preparation:
    """Prepares one set in a process of its own, which a thread listens to; the page looks at it whenever it likes.

    Args:
        title: what is prepared, for the reader.
        name: of the set; or what gives it, where that takes a while itself, and is told where to report.
        largest, most: see `engine.data.preparing.prepare`.
    """

    def __init__(
        self,
        title: str,
        name: str | Callable[[Callable[[Any], None]], str],
        *,
        largest: int = 128,
        most: int = 0,
    ) -> None:
        self.title = title
        self._name_of, self._options = name, ("--largest", str(largest), "--most", str(most))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._status: Status = "running"
        self._what, self._unit, self._done, self._total = "Beginning", "pictures", 0, 0
        self._phase = ("", 0, time.monotonic())
        self._name = self._error = ""
        self._thread = threading.Thread(target=self._run, name="preparing", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        with self._lock:
            _, first, began = self._phase
            left, passed = None, time.monotonic() - began
            if self._total and self._done > first and passed > 1:
                left = (self._total - self._done) * passed / (self._done - first)
            return Progress(
                self._status, self._what, self._done, self._total, self._unit, left, self._name, self._error
            )

    def stop(self) -> None:
        """Do not go on. Nothing is left of it, and what was prepared before stays."""
        self._stop.set()
        self._end("stopped")
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            threading.Thread(target=_see_to_the_end, args=(process,), daemon=True).start()

    def wait(self, timeout: float | None = None) -> None:
        """Block until nothing of it runs any more."""
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            name = self._name_of if isinstance(self._name_of, str) else self._name_of(self._told)
            if not self._stop.is_set():
                self._prepare(name)
        except _Stopped:
            self._end("stopped")
        except ValueError as error:
            self._end("failed", error=str(error))
        except OSError as error:
            self._end("failed", error=f"This could not be prepared: {error.strerror or error}.")

    def _prepare(self, name: str) -> None:
        # The very code that the page runs, wherever it lies.
        home = str(Path(__file__).resolve().parents[3])
        paths = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "engine.data.preparing", name, *self._options]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": paths},
        ) as process:
            self._process = process
            if self._stop.is_set():  # it was asked for while the process began
                process.terminate()
            assert process.stdout is not None
            last = self._listen(process.stdout)
        if "name" in last:
            self._end("done", name=str(last["name"]))
        elif "error" in last:
            self._end("failed", error=str(last["error"]))
        else:
            self._end("failed", error="The preparation broke off. It may have run out of memory.")

    def _listen(self, lines: IO[str]) -> dict[str, Any]:
        """Take in what the process tells; gives its last word."""
        last: dict[str, Any] = {}
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict) and "what" in told:
                self._take(str(told["what"]), int(told["done"]), int(told["total"]), str(told["unit"]))
            elif isinstance(told, dict):
                last = told
        return last

    def _told(self, progress: Any) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._take(progress.what, progress.done, progress.total, progress.unit)

    def _take(self, what: str, done: int, total: int, unit: str) -> None:
        with self._lock:
            if what != self._phase[0]:
                self._phase = (what, done, time.monotonic())
            self._what, self._done, self._total, self._unit = what, done, total, unit

    def _end(self, status: Status, name: str = "", error: str = "") -> None:
        with self._lock:
            if self._status == "running":
                self._status, self._name, self._error = status, name, error


class _Stopped(Exception):  # noqa: N818
    """The reader does not want it any more."""


def _see_to_the_end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


_current: Preparation | None = None
_current_lock = threading.Lock()


def current() -> Preparation | None:
    """The preparation of this process, running or just ended; a page that is reloaded finds it again."""
    return _current


def start(title: str, name: str, visitor: Visitor, *, largest: int = 128, most: int = 0) -> Preparation:
    """Prepare a set. Raises ValueError while another is being prepared, and where the visitor may not."""
    return _begin(visitor, lambda: Preparation(title, name, largest=largest, most=most))


def start_again(title: str, name: str, visitor: Visitor) -> Preparation:
    """Prepare a set anew, with what was asked for the first time. Raises ValueError while another is being prepared."""
    from engine.data.preparing import options_of

    options = options_of(name)
    return start(title, name, visitor, largest=options.largest, most=options.most)


def start_upload(file: BinaryIO, title: str, visitor: Visitor, *, largest: int = 128) -> Preparation:
    """Store an uploaded zip, and prepare it. Raises ValueError while another set is being prepared."""

    def keep(tell: Callable[[Any], None]) -> str:
        from engine.data.sources import archive

        return archive.keep(file, title, tell=tell)

    return _begin(visitor, lambda: Preparation(title, keep, largest=largest))


def forget() -> None:
    """The reader has seen how it ended."""
    global _current
    with _current_lock:
        if _current is not None and _current.progress.status != "running":
            _current = None


def _begin(visitor: Visitor, make: Callable[[], Preparation]) -> Preparation:
    global _current
    visitor.check_host()
    with _current_lock:
        if _current is not None and _current.progress.status == "running":
            raise ValueError(f"“{_current.title}” is being prepared: wait for it, or cancel it.")
        _current = make()
        return _current
