"""Training in the background: one thread, a queue, and snapshots that anyone may look at.

It drives the iterator of `engine.training.loop` and knows no mathematics. What it hands out is plain data, so that a page
may be drawn from it at any moment, in any thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine import pretrained
from engine.data import catalogue
from engine.denoiser import NetDenoiser
from engine.library import Model, ModelError, from_checkpoint
from engine.models import noisy_classifier
from engine.models.noisy_classifier import LevelClassifier, NoisyClassifierCard, TrainedClassifier
from engine.training import loop
from engine.training.config import TrainConfig
from engine.training.learner import Learner
from engine.training.running import Run
from engine.training.runs import ACTIVE, RunFolder, RunRecord, Status, all_runs, default_root, new_id
from engine.training.snapshot import Snapshot

NOTHING_YET = "This run has not learned anything yet that could be opened."


class TrainingService:
    """All the runs of one folder, and the thread that trains them one after the other.

    Args:
        root: where they are kept. Runs that an earlier process left unfinished are there as "interrupted".
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or default_root()
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._queue: deque[str] = deque()
        self._runs: dict[str, Run] = {}
        self._thread: threading.Thread | None = None
        for folder in all_runs(self._root):
            record = folder.read_record()
            if record is not None:
                if record.status in ACTIVE:
                    record = record.model_copy(update={"status": "interrupted"})
                self._runs[folder.id] = Run(folder, record, self._lock, loaded=False)

    # --- what a page asks for -------------------------------------------------------------------------------------

    def submit(self, config: TrainConfig) -> str:
        """Put a run at the end of the queue and give its id. Raises DataError for pictures that there are not."""
        catalogue.load(config.data)
        run = Run(RunFolder(self._root, new_id()), RunRecord(config=config), self._lock)
        run.write_record()
        with self._work:
            self._runs[run.folder.id] = run
            self._enqueue(run)
        return run.folder.id

    def pause(self, run_id: str) -> None:
        """Set it aside at its next report; the next in the queue goes on. Nothing happens to a run that has ended."""
        self._wish(run_id, "paused")

    def stop(self, run_id: str) -> None:
        """End it at its next report; what it has learned is kept."""
        self._wish(run_id, "stopped")

    def resume(self, run_id: str) -> None:
        """Go on with a run that was paused, stopped, or interrupted by the end of the program."""
        with self._work:
            run = self._runs.get(run_id)
            if run is None or run.record.status not in ("paused", "stopped", "interrupted"):
                if run is not None and run.record.status == "running":
                    run.wish = None
                return
            run.load_history()
            run.record = run.record.model_copy(update={"status": "queued", "error": ""})
            run.wish = None
            self._enqueue(run)

    def snapshot(self, run_id: str) -> Snapshot | None:
        """The run as it is now; None where there is none of that id."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                return None
            run.load_history()
            status, config = run.record.status, run.record.config
            recent = run.reports[-20:]
            speed = float(np.median([report.images_per_second for report in recent])) if recent else None
            step = run.reports[-1].step if run.reports else 0
            return Snapshot(
                id=run_id,
                config=config,
                status=status,
                error=run.record.error,
                note=run.note,
                place=self._queue.index(run_id) + (self._running() is not None) if run_id in self._queue else 0,
                step=step,
                reports=tuple(run.reports),
                floor=run.floor,
                previews=tuple(run.previews),
                seconds_left=(config.steps - step) * config.batch / speed if speed and status in ACTIVE else None,
                images_per_second=speed,
                can_sample=config.learns == "denoiser" and run.openable,
                can_guide=config.learns == "classifier" and run.folder.has_checkpoint,
                reading=run.reading,
            )

    def ids(self) -> list[str]:
        """Of all runs, newest first."""
        with self._lock:
            return sorted(self._runs, reverse=True)

    def model(self, run_id: str) -> Model:
        """What the run has learned so far, also while it still runs. Raises ModelError where that is nothing that draws."""
        run, learned = self._learned(run_id)
        if run.record.config.learns != "denoiser":
            raise ModelError(
                "This run trains a classifier, which reads pictures and draws none: guide another model by it."
            )
        name, title = f"run:{run_id}", f"Your run of {_when(run.record.created)}"
        if learned is None:
            try:
                return from_checkpoint(name, pretrained.load(run.folder.checkpoint), title)
            except pretrained.CheckpointError as error:
                raise ModelError(f"{NOTHING_YET} ({error})") from error
        assert isinstance(learned, NetDenoiser)
        data = catalogue.load(run.record.config.data)
        shape = (data.channels, data.size, data.size)
        return Model(name, title, learned, shape, data.class_names, learned.schedule, data.name)

    def classifier(self, run_id: str) -> TrainedClassifier:
        """The same for a run that trains a classifier. Raises ModelError where there is nothing that reads."""
        run, learned = self._learned(run_id)
        if run.record.config.learns != "classifier":
            raise ModelError("This run trains a denoiser, which draws pictures and reads none.")
        if learned is None:
            try:
                return noisy_classifier.load(run.folder.checkpoint)
            except pretrained.CheckpointError as error:
                raise ModelError(f"{NOTHING_YET} ({error})") from error
        assert isinstance(learned, LevelClassifier)
        data = catalogue.load(run.record.config.data)
        card = NoisyClassifierCard(title=f"Your run of {_when(run.record.created)}", data=data.name)
        return TrainedClassifier(learned, card.model_copy(update={"class_names": data.class_names}))

    def _learned(self, run_id: str) -> tuple[Run, Learner | None]:
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                raise ModelError(f"There is no training run “{run_id[:40]}”. It may have been deleted.")
            return run, run.learned

    def wait(self, run_id: str, until: Callable[[Snapshot], bool], timeout: float = 60.0) -> Snapshot:
        """Block until something is true of a run. Raises TimeoutError, and KeyError for an id that there is not."""
        deadline = time.monotonic() + timeout
        while True:
            snapshot = self.snapshot(run_id)
            if snapshot is None:
                raise KeyError(run_id)
            if until(snapshot):
                return snapshot
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {run_id} is {snapshot.status} at step {snapshot.step}")
            time.sleep(0.05)

    # --- the thread -----------------------------------------------------------------------------------------------

    def _enqueue(self, run: Run) -> None:
        self._queue.append(run.folder.id)
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="training", daemon=True)
            self._thread.start()
        self._work.notify()

    def _wish(self, run_id: str, wish: Status) -> None:
        with self._work:
            run = self._runs.get(run_id)
            if run is None:
                return
            if run.record.status == "running":
                run.wish = wish
                return
            if run.record.status not in ("queued", "paused"):
                return
            if run_id in self._queue:
                self._queue.remove(run_id)
            run.record = run.record.model_copy(update={"status": wish})
            run.let_go()
        run.write_record()

    def _running(self) -> Run | None:
        return next((run for run in self._runs.values() if run.record.status == "running"), None)

    def _loop(self) -> None:
        while True:
            with self._work:
                while not self._queue:
                    self._work.wait()
                run = self._runs[self._queue.popleft()]
                run.record = run.record.model_copy(update={"status": "running"})
            status, error = run.train()
            with self._work:
                if status in ("paused", "stopped"):  # it took a while to save: the reader may wish otherwise by now
                    status = run.wish or "queued"
                if status == "queued":
                    self._queue.appendleft(run.folder.id)
                run.record = run.record.model_copy(update={"status": status, "error": error})
                run.wish = None
                run.let_go()
            run.write_record()


def _when(created: float) -> str:
    return time.strftime("%d %b, %H:%M", time.localtime(created))


def seconds_per_step(config: TrainConfig, repeats: int = 3) -> float:
    """How long one training step takes on this machine now: the median of a few real ones, after one to warm up.

    Raises:
        ValueError: where network and pictures do not fit together.
    """
    data = catalogue.load(config.data).training
    quick = config.model_copy(update={"steps": repeats + 1, "report_every": 1})
    times = [1 / report.images_per_second for report in loop.train(quick, data, loop.begin(quick, data))]
    return float(np.median(times[1:])) * config.batch


_service: TrainingService | None = None
_service_lock = threading.Lock()


def service() -> TrainingService:
    """The one service of this process, for all pages and visitors."""
    global _service
    with _service_lock:
        if _service is None:
            _service = TrainingService()
        return _service
