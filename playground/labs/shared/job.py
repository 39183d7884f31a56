"""Background work of the labs: one thread per job, its progress and latest result, and how it is stopped.

A lab gives an iterator of results; a page reads `Job.state` at any time. Stopping drops the iterator: the work ends at its
next result.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import ValidationError

from engine.language import N_, Message, _, language, message_of, speak
from engine.storage.disk_errors import is_refused_write, sentence
from playground.policy import mode

T = TypeVar("T")
INTERNAL_ERROR = N_("This ended with an internal error, which has been logged.")
Status = Literal["running", "finished", "stopped", "failed"]


@dataclass(frozen=True)
class Partial(Generic[T]):
    """A result so far, after `done` of `total` parts of the work, in any unit."""

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


class Stopped(Exception):  # noqa: N818
    """Raised in the work of a job that was stopped, where it reports its progress."""


class Job(Generic[T]):
    """Drives an iterator of results in a thread of its own.

    Args:
        work: makes the iterator; called in the thread, so it may load and prepare what it needs. The message of a ValueError
            is shown as it is; that of any other error after a sentence, and in public mode the sentence alone.
        name: of the thread.
        begin: at once; else nothing is computed before `begin` is called.
        first: the result before the first one of the work.
        stop: set when the job is to end, for work that waits for something else meanwhile.
        on_end: called in the thread of the job when the work has ended.
    """

    def __init__(
        self,
        work: Callable[[], Iterator[Partial[T]]],
        name: str = "job",
        *,
        begin: bool = True,
        first: Partial[T] | None = None,
        stop: threading.Event | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._work: Callable[[], Iterator[Partial[T]]] | None = work
        self._on_end = on_end
        self._stop = stop or threading.Event()
        self._lock = threading.Lock()
        self._status: Status = "running"
        self._error: Message | str = ""
        self._latest: Partial[Any] | None = first
        self._version = 0
        self._began = time.perf_counter()
        self._ended: float | None = None
        self.before: T | None = None
        """The result of the job that it replaces, to be shown, dimmed, until its own first one is there."""
        context = copy_context()  # whose request this is: where a GPU is lent, it is lent to that visitor
        context.run(speak, language())
        self._thread = threading.Thread(target=context.run, args=(self._run,), name=name, daemon=True)
        if begin:
            self.begin()

    def begin(self) -> None:
        """Start the work."""
        self._began = time.perf_counter()
        self._thread.start()

    def replace(self, before: Job[T] | None) -> None:
        """Stop the job before this one, and keep its result to be shown meanwhile."""
        if before is not None:
            before.stop()
            result = before.state.result
            self.before = before.before if result is None else result

    def stop(self) -> None:
        """End it. The latest result stays; one that is still being computed is dropped."""
        self._stop.set()
        self._end("stopped")

    def wait(self, timeout: float | None = None) -> bool:
        """Block until its thread has ended; False where it has not by then. Raises RuntimeError where it has not begun."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

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
            return JobState(self._status, done, total, seconds, left, str(self._error), self._version, result)

    def report(self, done: float, total: float) -> None:
        """The progress of work that is one call and yields nothing meanwhile. Raises Stopped once the job is stopped."""
        latest = self._latest
        self._take(Partial(done, total, latest.result if latest else None))

    def _take(self, partial: Partial[Any]) -> None:
        with self._lock:
            if self._status != "running":  # stopped: what was being computed is dropped
                raise Stopped
            self._latest, self._version = partial, self._version + 1

    def _run(self) -> None:
        work, self._work = self._work, None  # what it holds of a network's tensors goes when it has ended
        assert work is not None
        try:
            for partial in work():
                self._take(partial)
            self._end("finished")
        except Stopped:
            pass
        except Exception as problem:  # every failure in the thread is shown on the page
            self._end("failed", self._message(problem))
        finally:
            del work
            self._on_end()

    def _message(self, problem: Exception) -> Message | str:
        if isinstance(problem, ValueError):
            from engine.storage.checked_files import sentence_of

            return sentence_of(problem) if isinstance(problem, ValidationError) else message_of(problem)
        if is_refused_write(problem):
            return sentence(problem, _("A file cannot be written") if mode.is_public() else "")
        if not self._stop.is_set():
            traceback.print_exception(problem)
        if mode.is_public():
            return Message(INTERNAL_ERROR)
        return Message("This ended with an internal error: {problem}", problem=problem)

    def _end(self, status: Status, error: Message | str = "") -> None:
        with self._lock:
            if self._status == "running":
                self._status, self._error, self._ended = status, error, time.perf_counter()


def in_words(state: JobState[T], what: str = "") -> str:
    """How far it is, in a few words: "12 of 40 cells, about 5 s left"."""
    of = (
        _("{done:,.0f} of {total:,.0f} {what}", done=state.done, total=state.total, what=what).strip()
        if state.total
        else ""
    )
    if state.is_running:
        left = (
            _("about {seconds_left:,.0f} s left", seconds_left=state.seconds_left)
            if state.seconds_left is not None
            else _("starting")
        )
        return _(", ").join((of, left)) if of else left.capitalize()
    word = {"finished": _("Done"), "stopped": _("Stopped"), "failed": _("Failed")}[state.status]
    return (
        _("{word} after {of} in {seconds:.1f} s.", word=word, of=of, seconds=state.seconds)
        if of
        else _("{word}.", word=word)
    )
