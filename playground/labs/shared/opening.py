"""Other people's models in the Sampling lab: folders, files, names on the Hub, uploads; opened in a thread that is watched."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

Status = Literal["running", "done", "stopped", "failed"]
Report = Callable[[int, int], None]

MAX_UPLOAD_MB = 2300
OBJECTIVES = {"": "told by the file", "pred_noise": "noise", "pred_x0": "clean picture", "pred_v": "velocity"}
"""What a file of denoising-diffusion-pytorch may predict, with titles."""


class _Stopped(Exception):  # noqa: N818
    """The reader does not want it any more."""


@dataclass(frozen=True)
class Progress:
    """How far an opening is."""

    status: Status
    done: int
    total: int
    """In bytes; 0 where that is not known, or nothing is to be moved."""
    seconds: float
    name: str
    """Of the model, once it is open."""
    error: str


class Opening:
    """Fetches, stores and opens a model in a thread of its own; the page looks at it whenever it likes.

    Args:
        what: for the reader, while it takes its time.
        work: is told where to report bytes, and gives back the model's name; what goes wrong it says as a ValueError.
    """

    def __init__(self, what: str, work: Callable[[Report], str]) -> None:
        self.what = what
        self._work = work
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._began = time.perf_counter()
        self._status: Status = "running"
        self._done = self._total = 0
        self._name = self._error = ""
        self._thread = threading.Thread(target=self._run, name="opening", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        with self._lock:
            seconds = time.perf_counter() - self._began
            return Progress(self._status, self._done, self._total, seconds, self._name, self._error)

    def stop(self) -> None:
        """Do not go on. A download that has begun goes on from where it was when it is asked for again."""
        self._stop.set()
        self._end("stopped")

    def wait(self, timeout: float | None = None) -> None:
        """Block until it has ended."""
        self._thread.join(timeout)

    def _report(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        with self._lock:
            self._done, self._total = done, total

    def _run(self) -> None:
        try:
            self._end("done", name=self._work(self._report))
        except _Stopped:
            self._end("stopped")
        except ValueError as error:
            self._end("failed", error=str(error))
        except Exception as error:  # whatever happens in the thread, the reader is told
            traceback.print_exc()
            self._end("failed", error=f"This could not be opened: {error}.")

    def _end(self, status: Status, name: str = "", error: str = "") -> None:
        with self._lock:
            if self._status == "running":
                self._status, self._name, self._error = status, name, error


def title_of(name: str) -> str:
    """What the list of models calls one that was opened by hand."""
    from engine.interop import hub, uploads

    if name.startswith(uploads.PREFIX):
        try:
            return f"Upload: {uploads.find(name).title}"
        except ValueError:
            return f"Upload: {name}"
    if hub.parse(name) and not Path(name).exists():
        return f"Hub: {name}"
    return f"Folder: {name}" if Path(name).is_dir() else f"File: {name}"


def expanded(name: str) -> str:
    """What was typed, with ~ as the reader's home."""
    try:
        return str(Path(name.strip()).expanduser()) if name.strip().startswith("~") else name.strip()
    except (RuntimeError, ValueError):  # a home that nobody has
        return name.strip()


def must_be_fetched(name: str) -> bool:
    """Whether a name is one of the Hub that is not on this machine."""
    from engine.interop import hub

    on_hub = hub.parse(name)
    return on_hub is not None and not Path(name).exists() and hub.cached(on_hub) is None


def fetch(name: str, visitor: Visitor) -> Opening:
    """Get a name of the Hub into its cache, and open it. Raises ValueError where the visitor may not."""
    visitor.check_host()

    def work(report: Report) -> str:
        return visitor.open_model(name, download=True, progress=report).name

    return Opening(f"Downloading “{name}”", work)


def keep(file: BinaryIO, title: str, visitor: Visitor, size: int = 0, objective: str = "") -> Opening:
    """Store an upload, and open it. Raises ValueError where the visitor may not.

    Args:
        file: a zip, or what a Trainer of denoising-diffusion-pytorch saved.
        title: what the file is called.
        visitor: who sends it.
        size, objective: of a Trainer's file: the side of its pictures, and what it predicts, a key of `OBJECTIVES`.
    """
    visitor.check_host()

    def work(report: Report) -> str:
        from engine.interop import uploads
        from engine.interop.trainer_files import TrainerSettings

        settings = (
            TrainerSettings.model_validate({"image_size": size, "objective": objective or None}) if size else None
        )
        return visitor.open_model(uploads.keep(file, title, settings, progress=report).name).name

    return Opening(f"Opening “{title}”", work)
