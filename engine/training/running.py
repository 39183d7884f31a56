"""One run of the background service: what is known of it, and how it is trained, looked at and saved."""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import dataclass, field

from engine.data import catalogue
from engine.data.catalogue import DataError, ImageSet
from engine.denoiser import NetDenoiser
from engine.training import looks, loop
from engine.training.floor import Floor
from engine.training.learner import Learner
from engine.training.looks import floor_of
from engine.training.loop import Report, TrainingDivergedError, TrainState
from engine.training.reading import Reading
from engine.training.resume import ResumeError
from engine.training.runs import RunFolder, RunRecord, Status
from engine.training.snapshot import Pictures

SAVE_EVERY = 30.0
"""Seconds between two checkpoints of a running training."""
LOOK_REST = 5
"""Looking rests this many times as long as it took: it never takes more than a sixth of the time from training."""


@dataclass(eq=False)
class Run:
    """What is known of a run, and how it is trained. Everything but `state` is read and written under the service's lock."""

    folder: RunFolder
    record: RunRecord
    lock: threading.Lock
    """The service's; held by whoever calls `load_history` and `let_go`, by nobody who calls the other methods."""
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

    _disk: threading.Lock = field(default_factory=threading.Lock)

    @property
    def openable(self) -> bool:
        """Whether it has learned anything yet."""
        return self.learned is not None or self.folder.has_checkpoint

    def find_last_look(self) -> None:
        """After previews and reading were read, or some of them thrown away."""
        looks = [step for step, _ in self.previews[-1:]] + ([self.reading.step] if self.reading else [])
        self.looked_at = max(looks, default=None)

    def train(self) -> tuple[Status, str]:
        """Train until it is done, fails, or the reader wishes otherwise; says how it ended."""
        try:
            self.write_record()
            data = catalogue.load(self.record.config.data).training
            state = self.state = self.state or self._begin(data)
            try:
                return self._steps(data, state), ""
            except TrainingDivergedError as error:
                state.step = self.reports[-1].step if self.reports else 0
                with self.lock:
                    self.learned = state.averaged()
                self._save(data, state, resumable=False)
                return "failed", str(error)
        except (DataError, ResumeError, ValueError) as error:
            return "failed", str(error)
        except Exception as error:  # whatever happens, the thread lives on and the reader is told
            traceback.print_exc()
            return (
                "failed",
                f"The training broke off ({type(error).__name__}). What was saved last can still be opened.",
            )

    def _begin(self, data: ImageSet) -> TrainState:
        """Fresh, or where an earlier process has left it; what was reported after that is told again."""
        state = loop.begin(self.record.config, data)
        self.folder.resume(state)
        with self.lock:
            self.reports = [report for report in self.reports if report.step <= state.step]
            self.previews = [(step, pictures) for step, pictures in self.previews if step <= state.step]
            self.reading = self.reading if self.reading and self.reading.step <= state.step else None
            self.find_last_look()
            self.logged = min(self.logged, len(self.reports))
        return state

    def _steps(self, data: ImageSet, state: TrainState) -> Status:
        config = self.record.config
        if self.floor is None:
            floor = floor_of(config)
            with self.lock:
                self.floor = floor
        if self.looked_at is None:
            self._look(data, state)
        saved, rest_until, wish = time.monotonic(), 0.0, None
        for report in loop.train(config, data, state):
            with self.lock:
                self.reports.append(report)
                wish = self.wish
            looked = self.looked_at or 0
            if state.step // config.sample_every > looked // config.sample_every and time.monotonic() > rest_until:
                began = time.monotonic()
                self._look(data, state)
                rest_until = time.monotonic() + LOOK_REST * (time.monotonic() - began)
            if wish is not None:
                break
            if time.monotonic() - saved > SAVE_EVERY:
                self._save(data, state)
                saved = time.monotonic()
        if self.looked_at != state.step:
            self._look(data, state)
        self._save(data, state)
        return wish if wish is not None and state.step < config.steps else "finished"

    def _look(self, data: ImageSet, state: TrainState) -> None:
        """See what the averaged weights draw, or how well they read."""
        learned = state.averaged()
        with self.lock:
            self.learned = learned
        config = self.record.config

        def stop() -> bool:  # a reader who wants to stop does not wait for another look
            return self.wish is not None and self.looked_at is not None

        if isinstance(learned, NetDenoiser):
            pictures = looks.preview(learned, config, data, stop)
            seen = [] if pictures is None else [(state.step, pictures)]
            with self.lock:
                self.previews += seen
        else:
            reading = looks.reading(learned, config, state.step, stop)
            with self.lock:
                self.reading = reading or self.reading
        if not stop():
            self.looked_at = state.step

    def _save(self, data: ImageSet, state: TrainState, *, resumable: bool = True) -> None:
        """Write everything; a disk that refuses is told to the reader and does not end the self."""
        try:
            self.folder.write_metrics(self.reports[self.logged :])
            self.logged = len(self.reports)
            if self.floor is not None:
                self.folder.write_floor(self.floor)
            if self.previews:
                self.folder.write_previews(
                    [step for step, _ in self.previews], [pictures for _, pictures in self.previews]
                )
            if self.reading is not None:
                self.folder.write_reading(self.reading)
            # Last: whoever takes up a run that was cut off here is told again what came after its state, and misses nothing.
            self.folder.write_state(data, self.record.config, state, resumable=resumable)
            note = ""
        except OSError as error:
            note = f"The run goes on, but it cannot be saved: {error.strerror or error}."
        with self.lock:
            self.note = note

    def write_record(self) -> None:
        """Write run.json as things are now; a disk that refuses is told to the reader."""
        try:
            with self._disk:  # the last one to write here writes what is true now
                self.folder.write_record(self.record)
        except OSError as error:
            with self.lock:
                self.note = f"The run goes on, but it cannot be saved: {error.strerror or error}."

    def load_history(self) -> None:
        """What an earlier process has written, read when somebody first asks for it."""
        if self.loaded:
            return
        self.reports = self.folder.read_metrics()
        self.logged = len(self.reports)
        self.previews = self.folder.read_previews()
        self.floor = self.folder.read_floor()
        self.reading = self.folder.read_reading()
        self.find_last_look()
        self.loaded = True

    def let_go(self) -> None:
        """Give the memory of a run that has ended back, unless what resuming needs is nowhere else."""
        if self.record.status in ("finished", "failed") or (self.record.status == "stopped" and not self.note):
            self.state = None
