"""The measurements of a run so far: written to its folder by the process that trains it, read from there by the others.

Every refusal of the disk becomes one sentence.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from engine.data.image_set import ImageSet
from engine.language import N_, Message
from engine.runs.folder import RunFolder
from engine.runs.lock import HeldError, Lease
from engine.runs.record import Point, RunRecord, Tail, merge, point_of, report_of
from engine.storage import budgets
from engine.storage.disk_errors import reason
from engine.storage.signatures import ChangedFiles
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.state import TrainState
from engine.training.tasks.task import Pictures

MOST_PREVIEWS = 60
"""Of a long run, so many previews stay, evenly spread."""

SAVE_REST = 10
"""Checkpoints are apart at least so many times as long as one took to write: a large network on a slow disk still trains."""
FOLDER_GONE = N_("its folder is gone")


@dataclass(eq=False)
class History:
    """Everything in the order of the steps."""

    reports: list[Report] = field(default_factory=list)
    previews: list[tuple[int, Pictures]] = field(default_factory=list)
    held_out: list[Point] = field(default_factory=list)
    bayes_optimal: BayesOptimalLoss | None = None
    accuracy: ClassifierAccuracy | None = None

    @property
    def previewed_at(self) -> int | None:
        """The step of the last preview or measurement of accuracy; None where there was none."""
        steps = [step for step, _ in self.previews[-1:]] + ([self.accuracy.step] if self.accuracy else [])
        return max(steps, default=None)

    @property
    def best(self) -> Point | None:
        """Step and value of the lowest loss on held-out pictures."""
        return min(self.held_out, key=lambda point: point.loss, default=None)

    def best_of(self, steps: Collection[int]) -> Point | None:
        """The same among these steps only."""
        return min(
            (point for point in self.held_out if point.step in steps), key=lambda point: point.loss, default=None
        )

    def cut(self, step: int) -> None:
        """Remove what came after a step: it is going to be measured again."""
        self.reports = [report for report in self.reports if report.step <= step]
        self.previews = [(at, pictures) for at, pictures in self.previews if at <= step]
        self.held_out = [point for point in self.held_out if point.step <= step]
        self.accuracy = self.accuracy if self.accuracy and self.accuracy.step <= step else None

    def add_preview(self, step: int, pictures: Pictures) -> None:
        """Append a preview; where there are too many, every other earlier one goes, except for the first."""
        self.previews.append((step, pictures))
        if (
            len(self.previews) > MOST_PREVIEWS
            or sum(tiles.nbytes for _, tiles in self.previews) > budgets.PREVIEW_BYTES
        ):
            self.previews = self.previews[:1] + self.previews[1:-1][1::2] + self.previews[-1:]


class HistoryReader:
    """Reads a history from its folder, and of the growing files only what is new.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.history = History()
        self._folder = folder
        self._metrics, self._points = Tail(folder.path / "metrics.jsonl"), Tail(folder.path / "held_out.jsonl")
        self._changed = ChangedFiles(folder.path)

    def read(self) -> History:
        """The history as it is now, always the same object. Files that cannot be read count as missing."""
        history = self.history
        lines, is_new = self._metrics.read()
        if is_new:
            history.reports = []
        merge(history.reports, lines, report_of)
        lines, is_new = self._points.read()
        if is_new:
            history.held_out = []
        merge(history.held_out, lines, point_of)
        if self._changed.has("previews.npz"):
            history.previews = self._folder.read_previews()
        if self._changed.has("floor.json"):
            history.bayes_optimal = self._folder.read_bayes_optimal()
        if self._changed.has("reading.json"):
            history.accuracy = self._folder.read_accuracy()
        return history


class SaveError(Exception):
    """A run cannot be saved; the message is one sentence. Its state is as it was."""


def save_error(error: OSError) -> SaveError:
    """The sentence for a failed write."""
    why = Message(FOLDER_GONE) if error.errno == errno.ENOENT else reason(error)
    return SaveError(Message("It cannot be saved: {why}.", why=why))


@dataclass(eq=False)
class RunWriter:
    """Writes the folder of one run, as long as it holds the lease."""

    folder: RunFolder
    history: History = field(default_factory=History)
    lease: Lease | None = None
    """The right to train the run, which no other process has at the same time."""
    saved_step: int | None = None
    """Of the last checkpoint that was written or resumed from."""

    _logged: tuple[int, int] = (0, 0)
    """How many reports and how many held-out losses are in the folder."""
    _written: object = None
    """The other measurements that are in the folder."""
    _saved_at: float = 0.0
    _save_took: float = 0.0

    @property
    def may_write(self) -> bool:
        """Whether the folder is at its place and no other process has taken the run over."""
        return self.lease is not None and self.lease.held

    def claim(self) -> None:
        """Make the folder, and hold its lease.

        Raises:
            HeldError: where another process holds it.
            SaveError: where the write fails.
        """
        if self.may_write:
            return
        try:
            if not self.folder.path.is_dir():  # new, or deleted while the run was in memory: all is written again
                self.folder.path.mkdir(parents=True)
                self._logged, self._written, self.saved_step = (0, 0), None, None
            self.release()
            self.lease = Lease(self.folder.path)
        except OSError as error:
            raise save_error(error) from error

    def release(self) -> None:
        """Let other processes train it."""
        if self.lease is not None:
            self.lease.release()
            self.lease = None

    def load(self) -> None:
        """Read the history that is in the folder."""
        self.history = HistoryReader(self.folder).read()
        self._mark_written()

    def cut(self, step: int) -> None:
        """Remove what came after a step, which is going to be measured again."""
        self.history.cut(step)
        self._mark_written()
        self._saved_at = time.monotonic()

    def write_record(self, record: RunRecord) -> None:
        """Write run.json. Raises SaveError."""
        try:
            self.folder.write_record(record)
        except OSError as error:
            raise save_error(error) from error

    def log(self) -> None:
        """Write what was measured since the last time, so that other processes can follow.

        Raises:
            SaveError: where the write fails, or the folder is gone.
            HeldError: where another computer has taken the run over while this one slept.
        """
        if not self.may_write:
            if not self.folder.path.is_dir():
                raise SaveError(Message("It cannot be saved: {why}.", why=Message(FOLDER_GONE)))
            raise HeldError(
                Message("Another process has taken this run over: this one gave no sign of life for too long.")
            )
        history, folder, (reports, points) = self.history, self.folder, self._logged
        try:
            folder.write_metrics(history.reports[reports:])
            self._logged = (len(history.reports), points)
            folder.write_held_out(history.held_out[points:])
            self._logged = (len(history.reports), len(history.held_out))
            if self._written != (others := self._other_measurements()):
                if history.bayes_optimal is not None:
                    folder.write_bayes_optimal(history.bayes_optimal)
                if history.previews:
                    folder.write_previews(*zip(*history.previews, strict=True))
                if history.accuracy is not None:
                    folder.write_accuracy(history.accuracy)
                self._written = others
        except OSError as error:
            raise save_error(error) from error

    def is_due(self, every: float) -> bool:
        """Whether it is time for a checkpoint, one in so many seconds; 0 for every report."""
        return time.monotonic() - self._saved_at > (max(every, SAVE_REST * self._save_took) if every > 0 else 0)

    def save(self, data: ImageSet, config: TrainConfig, state: TrainState, *, resumable: bool = True) -> None:
        """Write a checkpoint, and before it all measurements. Earlier files stay as they were where the write fails.

        Raises:
            SaveError, HeldError: as `log`.
        """
        began = time.monotonic()
        # First: a process that resumes a run which was killed in what follows measures again what came after its checkpoint,
        # and misses nothing.
        self.log()
        best = self.history.best_of({state.step, *self.folder.steps()})
        try:
            self.folder.write_state(data, config, state, resumable=resumable, best=best)
        except OSError as error:
            raise save_error(error) from error
        self._saved_at, self.saved_step = time.monotonic(), state.step
        self._save_took = self._saved_at - began

    def _mark_written(self) -> None:
        self._logged = (len(self.history.reports), len(self.history.held_out))
        self._written = self._other_measurements()

    def _other_measurements(self) -> object:
        history = self.history
        return history.bayes_optimal, history.accuracy, [step for step, _ in history.previews]
