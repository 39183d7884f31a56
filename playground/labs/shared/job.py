"""Work that takes a while, in a thread of its own: how far it is, what it has brought so far, and how it is stopped.

A lab gives an iterator; a page looks at the job whenever it likes. Stopping drops the iterator: the work ends at its next
result.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from playground.policy import mode

T = TypeVar("T")
BROKE_OFF = "This broke off, by a mistake of ours. It has been written down."
Status = Literal["running", "finished", "stopped", "failed"]


@dataclass(frozen=True)
class Partial(Generic[T]):
    """What a piece of work has brought so far: `done` of `total` parts of it, in any unit."""

    done: float
    total: float
    result: T


@dataclass(frozen=True)
class JobState(Generic[T]):
    """A job as it is now. `version` grows with every result; `result` is None before the first."""

    status: Status
    done: float
    total: float
    seconds: float
    seconds_left: float | None
    error: str
    version: int
    result: T | None

    @property
    def is_running(self) -> bool:
        """Whether there is more to come."""
        return self.status == "running"

    @property
    def fraction(self) -> float:
        """Fraction of the work that is done, 0 … 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


class Job(Generic[T]):
    """Drives an iterator of results in a thread of its own.

    Args:
        work: makes the iterator; called in the thread, so it may load and prepare what it needs. A ValueError of it is told to
            the reader as it is; any other error with a sentence before it, and to strangers by that alone.
        name: of the thread.
    """

    def __init__(self, work: Callable[[], Iterator[Partial[T]]], name: str = "job") -> None:
        self._work = work
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._status: Status = "running"
        self._error = ""
        self._latest: Partial[T] | None = None
        self._version = 0
        self._began = time.perf_counter()
        self._ended: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it. What there is stays; what is being computed right now is dropped when it comes out."""
        self._stop.set()
        self._end("stopped")

    def wait(self, timeout: float | None = None) -> None:
        """Block until its thread has ended."""
        self._thread.join(timeout)

    @property
    def state(self) -> JobState[T]:
        """The job as it is now: a snapshot that does not change."""
        with self._lock:
            latest = self._latest
            done, total = (latest.done, latest.total) if latest else (0.0, 0.0)
            seconds = (self._ended or time.perf_counter()) - self._began
            running = self._status == "running"
            left = seconds / done * (total - done) if done and running else None
            result = latest.result if latest else None
            return JobState(self._status, done, total, seconds, left, self._error, self._version, result)

    def _run(self) -> None:
        try:
            for partial in self._work():
                if self._stop.is_set():
                    return
                with self._lock:
                    self._latest, self._version = partial, self._version + 1
            self._end("finished")
        except ValueError as problem:
            self._end("failed", str(problem))
        except Exception as problem:  # whatever happens in the thread, the reader is told
            traceback.print_exc()
            self._end("failed", BROKE_OFF if mode.is_public() else f"This broke off: {problem}")

    def _end(self, status: Status, error: str = "") -> None:
        with self._lock:
            if self._status == "running":
                self._status, self._error, self._ended = status, error, time.perf_counter()


def in_words(state: JobState[T], what: str = "") -> str:
    """How far it is, in a few words: "12 of 40 cells, about 5 s left"."""
    of = f"{state.done:,.0f} of {state.total:,.0f} {what}".strip() if state.total else ""
    if state.is_running:
        left = f"about {state.seconds_left:,.0f} s left" if state.seconds_left is not None else "starting"
        return f"{of}, {left}" if of else left.capitalize()
    word = {"finished": "Done", "stopped": "Stopped", "failed": "Failed"}[state.status]
    return f"{word} after {of} in {state.seconds:.1f} s." if of else f"{word}."
