"""Training in the background: one thread, a queue, and snapshots that anyone may look at.

It drives the iterator of `engine.training.loop` and knows no mathematics. What it hands out is plain data, so that a page
may be drawn from it at any moment, in any thread.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine import pretrained
from engine.data import catalogue
from engine.data.catalogue import DataError, ImageSet
from engine.denoiser import NetDenoiser
from engine.library import Model, ModelError, from_checkpoint
from engine.models import noisy_classifier
from engine.models.noisy_classifier import LevelClassifier, NoisyClassifierCard, TrainedClassifier
from engine.training import looks, loop
from engine.training.config import TrainConfig
from engine.training.floor import Floor
from engine.training.learner import Learner
from engine.training.looks import floor_of
from engine.training.loop import Report, TrainingDivergedError, TrainState
from engine.training.reading import Reading
from engine.training.resume import ResumeError
from engine.training.runs import ACTIVE, RunFolder, RunRecord, Status, all_runs, default_root, new_id
from engine.training.snapshot import Pictures, Snapshot

NOTHING_YET = "This run has not learned anything yet that could be opened."
SAVE_EVERY = 30.0
"""Seconds between two checkpoints of a running training."""
LOOK_REST = 5
"""Looking rests this many times as long as it took: it never takes more than a sixth of the time from training."""


@dataclass(eq=False)
class _Run:
    """What the thread keeps of a run. Everything but `state` is read and written under the service's lock."""

    folder: RunFolder
    record: RunRecord
    reports: list[Report] = field(default_factory=list)
    previews: list[tuple[int, Pictures]] = field(default_factory=list)
    floor: Floor | None = None
    reading: Reading | None = None
    learned: Learner | None = None
    """A copy of the averaged weights as of the last preview or the end, which nobody changes."""
    state: TrainState | None = None
    note: str = ""
    wish: Status | None = None
    """"paused" or "stopped" where the reader has asked for it."""
    logged: int = 0
    """How many of the reports are already in the log."""
    looked_at: int | None = None
    """The step of the last look at what it draws or reads; None where there was none."""
    loaded: bool = True
    """False until what an earlier process has written was read."""

    @property
    def openable(self) -> bool:
        """Whether it has learned anything yet."""
        return self.learned is not None or self.folder.has_checkpoint

    def find_last_look(self) -> None:
        """After previews and reading were read, or some of them thrown away."""
        looks = [step for step, _ in self.previews[-1:]] + ([self.reading.step] if self.reading else [])
        self.looked_at = max(looks, default=None)


class TrainingService:
    """All the runs of one folder, and the thread that trains them one after the other.

    Args:
        root: where they are kept. Runs that an earlier process left unfinished are there as "interrupted".
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or default_root()
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._disk = threading.Lock()
        self._queue: deque[str] = deque()
        self._runs: dict[str, _Run] = {}
        self._thread: threading.Thread | None = None
        for folder in all_runs(self._root):
            record = folder.read_record()
            if record is not None:
                if record.status in ACTIVE:
                    record = record.model_copy(update={"status": "interrupted"})
                self._runs[folder.id] = _Run(folder, record, loaded=False)

    # --- what a page asks for -------------------------------------------------------------------------------------

    def submit(self, config: TrainConfig) -> str:
        """Put a run at the end of the queue and give its id. Raises DataError for pictures that there are not."""
        catalogue.load(config.data)
        run = _Run(RunFolder(self._root, new_id()), RunRecord(config=config))
        self._record(run)
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
            self._load_history(run)
            run.record = run.record.model_copy(update={"status": "queued", "error": ""})
            run.wish = None
            self._enqueue(run)

    def snapshot(self, run_id: str) -> Snapshot | None:
        """The run as it is now; None where there is none of that id."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                return None
            self._load_history(run)
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
                can_guide=config.learns == "classifier" and run.openable,
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

    def _learned(self, run_id: str) -> tuple[_Run, Learner | None]:
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

    def _enqueue(self, run: _Run) -> None:
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
            _let_go(run)
        self._record(run)

    def _running(self) -> _Run | None:
        return next((run for run in self._runs.values() if run.record.status == "running"), None)

    def _loop(self) -> None:
        while True:
            with self._work:
                while not self._queue:
                    self._work.wait()
                run = self._runs[self._queue.popleft()]
                run.record = run.record.model_copy(update={"status": "running"})
            status, error = self._train(run)
            with self._work:
                if status in ("paused", "stopped"):  # it took a while to save: the reader may wish otherwise by now
                    status = run.wish or "queued"
                if status == "queued":
                    self._queue.appendleft(run.folder.id)
                run.record = run.record.model_copy(update={"status": status, "error": error})
                run.wish = None
                _let_go(run)
            self._record(run)

    def _train(self, run: _Run) -> tuple[Status, str]:
        """Train until it is done, fails, or the reader wishes otherwise; says how it ended."""
        try:
            self._record(run)
            data = catalogue.load(run.record.config.data).training
            state = run.state = run.state or self._begin(run, data)
            try:
                return self._steps(run, data, state), ""
            except TrainingDivergedError as error:
                state.step = run.reports[-1].step if run.reports else 0
                with self._lock:
                    run.learned = state.averaged()
                self._save(run, data, state, resumable=False)
                return "failed", str(error)
        except (DataError, ResumeError, ValueError) as error:
            return "failed", str(error)
        except Exception as error:  # whatever happens, the thread lives on and the reader is told
            traceback.print_exc()
            return (
                "failed",
                f"The training broke off ({type(error).__name__}). What was saved last can still be opened.",
            )

    def _begin(self, run: _Run, data: ImageSet) -> TrainState:
        """Fresh, or where an earlier process has left it; what was reported after that is told again."""
        state = loop.begin(run.record.config, data)
        run.folder.resume(state)
        with self._lock:
            run.reports = [report for report in run.reports if report.step <= state.step]
            run.previews = [(step, pictures) for step, pictures in run.previews if step <= state.step]
            run.reading = run.reading if run.reading and run.reading.step <= state.step else None
            run.find_last_look()
            run.logged = min(run.logged, len(run.reports))
        return state

    def _steps(self, run: _Run, data: ImageSet, state: TrainState) -> Status:
        config = run.record.config
        if run.floor is None:
            floor = floor_of(config)
            with self._lock:
                run.floor = floor
        if run.looked_at is None:
            self._look(run, data, state)
        saved, rest_until, wish = time.monotonic(), 0.0, None
        for report in loop.train(config, data, state):
            with self._lock:
                run.reports.append(report)
                wish = run.wish
            looked = run.looked_at or 0
            if state.step // config.sample_every > looked // config.sample_every and time.monotonic() > rest_until:
                began = time.monotonic()
                self._look(run, data, state)
                rest_until = time.monotonic() + LOOK_REST * (time.monotonic() - began)
            if wish is not None:
                break
            if time.monotonic() - saved > SAVE_EVERY:
                self._save(run, data, state)
                saved = time.monotonic()
        if run.looked_at != state.step:
            self._look(run, data, state)
        self._save(run, data, state)
        return wish if wish is not None and state.step < config.steps else "finished"

    def _look(self, run: _Run, data: ImageSet, state: TrainState) -> None:
        """See what the averaged weights draw, or how well they read."""
        learned = state.averaged()
        with self._lock:
            run.learned = learned
        config = run.record.config

        def stop() -> bool:  # a reader who wants to stop does not wait for another look
            return run.wish is not None and run.looked_at is not None

        if isinstance(learned, NetDenoiser):
            pictures = looks.preview(learned, config, data, stop)
            seen = [] if pictures is None else [(state.step, pictures)]
            with self._lock:
                run.previews += seen
        else:
            reading = looks.reading(learned, config, state.step, stop)
            with self._lock:
                run.reading = reading or run.reading
        if not stop():
            run.looked_at = state.step

    def _save(self, run: _Run, data: ImageSet, state: TrainState, *, resumable: bool = True) -> None:
        """Write everything; a disk that refuses is told to the reader and does not end the run."""
        try:
            run.folder.write_metrics(run.reports[run.logged :])
            run.logged = len(run.reports)
            if run.floor is not None:
                run.folder.write_floor(run.floor)
            if run.previews:
                run.folder.write_previews(
                    [step for step, _ in run.previews], [pictures for _, pictures in run.previews]
                )
            if run.reading is not None:
                run.folder.write_reading(run.reading)
            # Last: whoever takes up a run that was cut off here is told again what came after its state, and misses nothing.
            run.folder.write_state(data, run.record.config, state, resumable=resumable)
            note = ""
        except OSError as error:
            note = f"The run goes on, but it cannot be saved: {error.strerror or error}."
        with self._lock:
            run.note = note

    def _record(self, run: _Run) -> None:
        try:
            with self._disk:  # the last one to write here writes what is true now
                run.folder.write_record(run.record)
        except OSError as error:
            with self._lock:
                run.note = f"The run goes on, but it cannot be saved: {error.strerror or error}."

    def _load_history(self, run: _Run) -> None:
        """What an earlier process has written, read when somebody first asks for it."""
        if run.loaded:
            return
        run.reports = run.folder.read_metrics()
        run.logged = len(run.reports)
        run.previews = run.folder.read_previews()
        run.floor = run.folder.read_floor()
        run.reading = run.folder.read_reading()
        run.find_last_look()
        run.loaded = True


def _let_go(run: _Run) -> None:
    """Give the memory of a run that has ended back, unless what resuming needs is nowhere else."""
    if run.record.status in ("finished", "failed") or (run.record.status == "stopped" and not run.note):
        run.state = None


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
