"""What the driver writes: the folder of one run, kept as its history is. Every refusal of the disk becomes one sentence."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from engine.data.image_set import ImageSet
from engine.runs.folder import RunFolder, RunRecord
from engine.runs.history import Follower, History
from engine.runs.lock import HeldError, Lease
from engine.runs.trouble import SaveError, save_error
from engine.training.config import TrainConfig
from engine.training.loop import TrainState

SAVE_REST = 10
"""Saving rests so many times as long as it took, where that is more: a large network on a slow disk still trains."""


@dataclass(eq=False)
class Scribe:
    """Writes one run's folder, as long as it holds the right to."""

    folder: RunFolder
    history: History = field(default_factory=History)
    lease: Lease | None = None
    """The right to train the run, which no other process has at the same time."""
    saved_step: int | None = None
    """Of the last checkpoint that was written or gone on from."""

    _logged: tuple[int, int] = (0, 0)
    """How many reports and how many held-out losses are in the folder."""
    _seen: object = None
    """What of the rest is there."""
    _saved_at: float = 0.0
    _save_took: float = 0.0

    @property
    def may_write(self) -> bool:
        """Whether the folder is at its place and nobody else has taken the run over."""
        return self.lease is not None and self.lease.held

    def claim(self) -> None:
        """Make sure of the folder, and that nobody else trains this run.

        Raises:
            HeldError: where somebody does.
            SaveError: where the disk does not let us.
        """
        if self.may_write:
            return
        try:
            if not self.folder.path.is_dir():  # new, or deleted while the run was in memory: all is written again
                self.folder.path.mkdir(parents=True)
                self._logged, self._seen, self.saved_step = (0, 0), None, None
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
        """Read what was written of it so far."""
        found = History()
        Follower(self.folder).follow(found)
        self.history = found
        self._noted()

    def forget_after(self, step: int) -> None:
        """What came after a step is going to be told again."""
        self.history.cut(step)
        self._noted()
        self._saved_at = time.monotonic()

    def write_record(self, record: RunRecord) -> None:
        """Write run.json. Raises SaveError."""
        try:
            self.folder.write_record(record)
        except OSError as error:
            raise save_error(error) from error

    def log(self) -> None:
        """Write what was told and seen since the last time, so that others can follow.

        Raises:
            SaveError: where the disk refuses, or the folder is gone.
            HeldError: where another machine has taken the run over while this one slept.
        """
        if not self.may_write:
            if not self.folder.path.is_dir():
                raise SaveError("It cannot be saved: its folder is gone.")
            raise HeldError("Another process has taken this run over: this one gave no sign of life for too long.")
        history, folder, (reports, points) = self.history, self.folder, self._logged
        try:
            folder.write_metrics(history.reports[reports:])
            self._logged = (len(history.reports), points)
            folder.write_held_out(history.held_out[points:])
            self._logged = (len(history.reports), len(history.held_out))
            if self._seen != (seen := self._to_be_seen()):
                if history.bayes_optimal is not None:
                    folder.write_bayes_optimal(history.bayes_optimal)
                if history.previews:
                    folder.write_previews(*zip(*history.previews, strict=True))
                if history.accuracy is not None:
                    folder.write_accuracy(history.accuracy)
                self._seen = seen
        except OSError as error:
            raise save_error(error) from error

    def due(self, every: float) -> bool:
        """Whether it is time for a checkpoint, one in so many seconds; 0 for every report."""
        return time.monotonic() - self._saved_at > (max(every, SAVE_REST * self._save_took) if every > 0 else 0)

    def save(self, data: ImageSet, config: TrainConfig, state: TrainState, *, resumable: bool = True) -> None:
        """Write a checkpoint, and all that was told before it. What was there stays as it was where the disk refuses.

        Raises:
            SaveError, HeldError: as `log`.
        """
        began = time.monotonic()
        # First: whoever takes up a run that was cut off in what follows is told again what came after its state, and misses
        # nothing.
        self.log()
        best = self.history.best_of({state.step, *self.folder.steps()})
        try:
            self.folder.write_state(data, config, state, resumable=resumable, best=best)
        except OSError as error:
            raise save_error(error) from error
        self._saved_at, self.saved_step = time.monotonic(), state.step
        self._save_took = self._saved_at - began

    def _noted(self) -> None:
        self._logged = (len(self.history.reports), len(self.history.held_out))
        self._seen = self._to_be_seen()

    def _to_be_seen(self) -> object:
        history = self.history
        return history.bayes_optimal, history.accuracy, [step for step, _ in history.previews]
