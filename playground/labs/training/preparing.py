"""Prepares a data set for the Training lab, in a process of its own that can be cancelled."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from engine.language import N_, _, told
from engine.storage.disk_errors import sentence
from playground.labs.shared.job import Job, JobState, Partial
from playground.labs.shared.naming import duration, megabytes

if TYPE_CHECKING:
    from engine.data.preparing import Options
    from engine.data.sources.plan import Progress
    from playground.policy.visitor import Visitor

log = logging.getLogger(__name__)
Store = Callable[[Callable[["Progress"], None]], str]
GRACE = 5.0
"""Seconds that the process has to tidy up before it is killed."""


@dataclass(frozen=True)
class Step:
    """What a preparation does at the moment; `done` and `total` stand in the job's state, in this unit."""

    what: str = N_("Starting")
    unit: str = "pictures"
    seconds_left: float | None = None
    """Of this step; None where it is not known."""
    name: str = ""
    """Of the data set, after the last step."""


class Preparation(Job[Step]):
    """Prepares one data set. Nothing of it remains after `stop`.

    Args:
        title: of the data set, for the reader.
        name: of the data set, as `engine.data.preparing` takes it.
        options: see `engine.data.preparing.Options`.
        store: stores an upload first and returns the data set's name, with a callback for its progress; None for no upload.
    """

    def __init__(
        self,
        title: str,
        name: str,
        options: Options,
        store: Store | None,
    ) -> None:
        self.title = title
        self._name, self._store = name, store
        self._options = [*("--largest", str(options.largest), "--most", str(options.most))]
        self._options += ["--folders", options.folders_mean, "--white", str(options.white)]
        self._process: subprocess.Popen[str] | None = None
        try:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115  as long as the preparation is there
        except OSError as error:
            raise ValueError(sentence(error, _("The data set cannot be prepared"))) from error
        self._clock = ("", 0, 0.0)
        super().__init__(self._steps, "preparing")

    def stop(self) -> None:
        """Cancel it. What was prepared before stays."""
        super().stop()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            threading.Thread(target=_kill_after_grace, args=(self._process,), daemon=True).start()

    def _steps(self) -> Iterator[Partial[Step]]:
        try:
            if self._store is not None:
                yield Partial(0, 0, Step(_("Storing the zip"), "bytes"))
                self._name = self._store(lambda progress: self.report(progress.done, progress.total))
            with self._started() as process:
                assert process.stdout is not None
                yield from self._read(process.stdout)
        except OSError as error:
            raise ValueError(sentence(error, _("The data set cannot be prepared"))) from error

    def _started(self) -> subprocess.Popen[str]:
        # The process imports the same engine as this one, wherever it is installed.
        home = str(Path(__file__).resolve().parents[3])
        paths = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine.data.preparing", self._name, *self._options],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": paths},
        )
        if self._stop.is_set():  # stop() was called while the process started
            self._process.terminate()
        return self._process

    def _read(self, lines: IO[str]) -> Iterator[Partial[Step]]:
        last: dict[str, Any] = {}
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and "what" in message:
                yield self._step(
                    told(str(message["what"])), int(message["done"]), int(message["total"]), message["unit"]
                )
            elif isinstance(message, dict):
                last = message
        if "name" not in last:
            raise ValueError(told(str(last["error"])) if "error" in last else self._cause())
        yield Partial(1, 1, Step(_("Prepared"), name=str(last["name"])))

    def _cause(self) -> str:
        """Why the process ended without a word: what ended it, or the last line that it wrote as an error."""
        assert self._process is not None
        status = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        log.warning("A preparation ended with status %s:\n%s", status, "\n".join(lines[-60:]))
        if status == -signal.SIGKILL or (lines and lines[-1].startswith("MemoryError")):
            return _(
                "The preparation was ended by the system, most likely for want of memory: prepare smaller images or "
                "fewer."
            )
        if status < 0:
            return _("The preparation was ended by the signal {status}.", status=-status)
        why = f" ({lines[-1][:200]})" if lines else ""
        return _("The preparation ended with an internal error{why}; it is in the log.", why=why)

    def _step(self, what: str, done: int, total: int, unit: str) -> Partial[Step]:
        if what != self._clock[0]:
            self._clock = (what, done, time.monotonic())
        _, first, began = self._clock
        seconds = time.monotonic() - began
        left = (total - done) * seconds / (done - first) if total and done > first and seconds > 1 else None
        return Partial(done, total, Step(what, unit, left))


def progress_text(state: JobState[Step]) -> str:
    """ "reading the pictures, 1,024 of 20,000 pictures, 12 s left"."""
    step = state.result or Step(_(Step.what))
    words = [f"{step.what[:1].lower()}{step.what[1:]}"]
    if state.done or state.total:
        words.append(_amount(state.done, state.total, step.unit))
    if step.seconds_left is not None:
        words.append(_("{duration} left", duration=duration(step.seconds_left)))
    return _(", ").join(words)


def _amount(done: float, total: float, unit: str) -> str:
    if unit == "bytes":
        return megabytes(done / 1e6) + (_(" of {megabytes}", megabytes=megabytes(total / 1e6)) if total else "")
    return (
        _("{done:,.0f} of {total:,.0f} {unit}", done=done, total=total, unit=unit) if total else f"{done:,.0f} {unit}"
    )


def _kill_after_grace(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


_current: Preparation | None = None
_lock = threading.Lock()


def current() -> Preparation | None:
    """The preparation of this process, running or ended; a page that is loaded again finds it."""
    return _current


def start(
    title: str,
    name: str,
    visitor: Visitor,
    *,
    largest: int = 128,
    most: int = 0,
    folders_mean: str = "auto",
    white: int = 0,
    store: Store | None = None,
) -> Preparation:
    """Prepare a data set; the arguments are those of `Preparation`.

    Raises:
        ValueError: while another is prepared, and where the visitor may not.
    """
    global _current
    from engine.data.preparing import Options
    from engine.data.sources.layout import folders_mean_of

    visitor.check_host()
    options = Options(largest, most, folders_mean_of(folders_mean), white)
    with _lock:
        if _current is not None and _current.state.is_running:
            raise ValueError(_("“{title}” is being prepared: wait for it, or cancel it.", title=_current.title))
        _current = Preparation(title, name, options, store)
        return _current


def start_again(title: str, name: str, visitor: Visitor) -> Preparation:
    """Prepare a data set anew with its options of the first time. Raises ValueError as `start` does."""
    from engine.data.preparing import options_of

    return start(title, name, visitor, **asdict(options_of(name)))


def start_upload(
    file: BinaryIO,
    title: str,
    visitor: Visitor,
    *,
    largest: int = 128,
    folders_mean: str = "auto",
    white: int = 0,
) -> Preparation:
    """Store an uploaded zip, and prepare it. Raises ValueError as `start` does."""

    def store(report: Callable[[Progress], None]) -> str:
        from engine.data.sources import archive

        return archive.keep(file, title, on_progress=report)

    return start(title, "", visitor, largest=largest, folders_mean=folders_mean, white=white, store=store)


def forget() -> None:
    """Drop a preparation that has ended, once the reader has read how."""
    global _current
    with _lock:
        if _current is not None and not _current.state.is_running:
            _current = None
