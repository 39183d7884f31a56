"""A run in the list of a service: trained by this process, or by another one whose files are read as they grow.

A folder that has not changed since it was read costs a few calls of stat, and no file is opened: a page that is drawn again
asks for every run.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import numpy as np

from engine.language import Message
from engine.runs.folder import RunFolder
from engine.runs.history import HistoryReader, SaveError
from engine.runs.lock import HEARTBEAT, Holder, holder_of
from engine.runs.record import ACTIVE, ControlRequest, Status, command_of
from engine.runs.trainer import RunTrainer
from engine.storage.signatures import ChangedFiles, Signature, is_settled, signature
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.tasks.task import Pictures

SIGNED = ("", "run.json", "metrics.jsonl", "held_out.jsonl", "checkpoints", HEARTBEAT)
"""Files and folders whose signatures change with anything that is shown of a run; "" is its folder, for every other file."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at one moment. Nothing in it changes any more."""

    id: str
    config: TrainConfig
    status: Status
    error: str
    """One sentence where something went wrong."""
    note: str
    """One sentence where something is odd but the run goes on."""
    place: int
    """How many runs are before it in the queue, where it is queued."""
    step: int
    reports: tuple[Report, ...]
    bayes_optimal: BayesOptimalLoss | None
    previews: tuple[tuple[int, Pictures], ...]
    """(training step, pictures of shape (B, H, W, C)), oldest first."""
    seconds_left: float | None
    images_per_second: float | None
    can_sample: bool
    """Whether it is a denoiser that opens."""
    can_guide: bool = False
    """Whether it is a classifier with a checkpoint, for guidance."""
    can_encode: bool = False
    """Whether it is a VAE that opens."""
    accuracy: ClassifierAccuracy | None = None
    """Of a classifier on held-out pictures, in the last preview."""
    title: str = ""
    """Given by the reader; empty where there is none."""
    held_out: tuple[tuple[int, float], ...] = ()
    """(training step, loss of the EMA weights on held-out pictures), in the units of the reports' loss."""
    held_out_pictures: int | None = None
    """How many pictures of the set are never trained on; 0 where none are, so that nothing is measured; None: not yet known."""
    best: tuple[int, float] | None = None
    """Step and value of the lowest of them; there is a checkpoint of that step."""
    request: ControlRequest | None = None
    """What was asked of the run while it trains, and takes effect at its next report."""
    elsewhere: bool = False
    """Whether another process trains it, or holds it in its queue. Pause and stop reach it through its folder."""
    command: str = ""
    """The shell command that trains the same run."""

    @property
    def active(self) -> bool:
        """Whether it is still going to change."""
        return self.status in ACTIVE


class RunEntry:
    """A run, and whether this process trains it.

    Args:
        run: its trainer, which trains only while `is_mine`.
    """

    def __init__(self, run: RunTrainer) -> None:
        self.run = run
        self.is_mine = False
        """Whether it waits, is trained, or has its state in the memory of this process."""
        self.status: Status = run.record.status
        self.holder: Holder | None = None
        """The other process that holds it."""
        self.title = ""
        self._reader: HistoryReader | None = None
        self._changed = ChangedFiles(run.folder.path)
        """Of run.json and title.json."""
        self._folder: tuple[Signature | None, ...] = ()
        """Signatures of everything when it was read; empty where it has to be read again."""
        self._snapshot: Snapshot | None = None
        """As long as nothing has changed since."""

    def refresh(self) -> None:
        """Read what has changed in the folder."""
        folder = self.run.folder
        if self.is_mine:
            self.status, self.holder, self._snapshot = self.run.record.status, None, None
            self._read_title()
            return
        now = tuple(signature(folder.path / name) for name in SIGNED)
        if now == self._folder and self.holder is None:
            return
        self._snapshot = None
        self._read_title()
        if self._changed.has("run.json") and (record := folder.read_record()) is not None:
            self.run.record = record
        status = self.run.record.status
        self.holder = holder_of(folder.path) if status in ACTIVE else None
        self.status = "interrupted" if status in ("queued", "running") and self.holder is None else status
        if self._reader is None:
            self._reader = HistoryReader(folder)
            self.run.writer.history = self._reader.history
        self._reader.read()
        if self.run.learned is not None and (self.holder is not None or not self._is_newest(self.run.learned[0])):
            self.run.learned = None
        self._folder = now if is_settled(*now) else ()

    def snapshot(self, place: int = 0) -> Snapshot:
        """The run as it is now; the same object where nothing has changed.

        Args:
            place: how many runs are before it in the queue.
        """
        self.refresh()
        run, before = self.run, self._snapshot
        if before is None or (before.place, before.note) != (place, run.note):
            self._snapshot = self._new_snapshot(place)
        assert self._snapshot is not None
        return self._snapshot

    def _new_snapshot(self, place: int) -> Snapshot:
        run, record, history = self.run, self.run.record, self.run.history
        config, has_checkpoint = record.config, run.folder.has_checkpoint
        recent = history.reports[-20:]
        speed = float(np.median([report.images_per_second for report in recent])) if recent else None
        step = history.reports[-1].step if history.reports else 0
        can_open = run.learned is not None or has_checkpoint
        return Snapshot(
            id=run.folder.id,
            config=config,
            status=self.status,
            error=record.error,
            note=run.note,
            place=place,
            step=step,
            reports=tuple(history.reports),
            bayes_optimal=history.bayes_optimal,
            previews=tuple(history.previews),
            seconds_left=(config.steps - step) * config.batch / speed if speed and self.status in ACTIVE else None,
            images_per_second=speed,
            can_sample=config.task == "denoiser" and can_open,
            can_encode=config.task == "vae" and can_open,
            can_guide=config.task == "classifier" and has_checkpoint,
            accuracy=history.accuracy,
            title=self.title,
            held_out=tuple(history.held_out),
            held_out_pictures=record.held_out,
            best=history.best,
            request=run.request or (run.folder.request if self.holder is not None else None),
            elsewhere=self.holder is not None,
            command=command_of(config),
        )

    def end(self) -> None:
        """It neither waits nor is trained any more: write that, and let other processes have it, unless its state is in memory
        only."""
        run, folder = self.run, self.run.folder
        if run.writer.may_write:
            with contextlib.suppress(SaveError):
                run.writer.write_record(run.record)
        if run.record.status in ("finished", "failed"):
            run.state = None
        run.release()
        never_written = run.record.status == "paused" and bool(run.record.error) and not folder.path.is_dir()
        if run.state is None and not never_written:
            self.is_mine, self._reader, self._folder = False, None, ()
            self._changed = ChangedFiles(folder.path)

    def _read_title(self) -> None:
        if self._changed.has("title.json"):
            self.title = self.run.folder.read_title()

    def _is_newest(self, step: int) -> bool:
        """Whether there is no later checkpoint."""
        steps = self.run.folder.steps()
        return not steps or steps[-1] <= step


def entry_of(folder: RunFolder) -> RunEntry:
    """A run as it is on disk now. Raises ValueError where there is none."""
    record = folder.read_record()
    if record is None:
        raise ValueError(Message("There is no training run in “{path}”.", path=folder.path))
    entry = RunEntry(RunTrainer(folder, record))
    entry.refresh()
    return entry
