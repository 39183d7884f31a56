"""Trains one run: drives the loop, measures what is learned, and writes the folder. The service and the shell both use it.

It contains no mathematics. With several processes only the main one writes; all of them leave the loop at the same report.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from engine.data.image_set import ImageSet
from engine.data.prepared import content_checksum, pictures_of
from engine.language import N_, Message, _
from engine.runs import milestones
from engine.runs.folder import RunFolder
from engine.runs.history import History, RunWriter, SaveError
from engine.runs.lock import HeldError
from engine.runs.record import ControlRequest, Point, RunRecord, Status
from engine.storage.disk_errors import sentence
from engine.training import loop
from engine.training.distributed import DistributedContext, DistributedError, PeerLostError, SingleProcess, hardware_of
from engine.training.held_out import HeldOutLoss
from engine.training.loop import TrainingDivergedError
from engine.training.report import Report
from engine.training.resume import ResumeError
from engine.training.state import TrainState
from engine.training.tasks import bayes_optimal_of, task_of
from engine.training.tasks.task import Trained, on_cpu

OTHER_ROUNDING = N_(
    "It was trained on {before} so far, and is now on {now}: sums are rounded in another order there, so that its weights will "
    "differ in their last digits from those of a run that was never interrupted."
)
SAVE_EVERY = 30.0
"""Seconds between two checkpoints of a running training."""
PREVIEW_REST = 5
"""Previews are apart at least so many times as long as one took, so that they never take more than a sixth of the time."""
CLASSIFIED = 200
"""Held-out pictures that a classifier is evaluated on in every timestep bin of a preview."""
_REQUESTS: tuple[ControlRequest | None, ...] = (None, "paused", "stopped")
"""As numbers, for the other processes."""


class _MainProcessError(Exception):
    """An error in the main process ends the run here too."""


@dataclass(eq=False)
class RunTrainer:
    """One run and its training. Everything but `state` is read and written under `lock`."""

    folder: RunFolder
    record: RunRecord
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Of the threads that read its fields; a caller of the methods must not hold it."""
    writer: RunWriter = field(init=False)
    context: DistributedContext = field(default_factory=SingleProcess)
    save_every: float | None = None
    """Seconds; None for `SAVE_EVERY`."""
    classified_at_end: int = CLASSIFIED
    """The same at the end of the training."""
    learned: tuple[int, Trained] | None = None
    """A step and a copy, on the CPU, of the EMA weights there, which does not change."""
    state: TrainState | None = None
    """While it trains; afterwards only where it could not be saved."""
    request: ControlRequest | None = None
    """Of this process."""
    resumed_at: int | None = None
    """The step at which it was resumed; None where it began."""
    note: str = ""
    """One sentence where something is odd but the run goes on."""
    ended: tuple[Status, str] = ("interrupted", "")
    """How the last `train` ended: paused, stopped, finished or failed; and one sentence where something was wrong."""
    error_is_local: bool = False
    """Whether the error in `ended` may be known to this process alone: another one is lost, or the folder is not shared."""

    _previewed_at: int | None = None
    _next_preview: float = 0.0
    _held_out_loss: HeldOutLoss | None = None

    def __post_init__(self) -> None:
        self.writer = RunWriter(self.folder)

    @property
    def history(self) -> History:
        """Everything that was measured so far."""
        return self.writer.history

    def train(self) -> Iterator[Report]:
        """Train until the run is done, fails, or is asked to pause or stop. `ended` then says how; nothing is raised."""
        self.ended, self.error_is_local = ("interrupted", ""), False
        try:
            yield from self._train()
        except _MainProcessError:
            self.ended = ("failed", _("The main process has ended the run: see what it says."))
        except SaveError as error:
            self.ended = ("paused", str(error))
        except PeerLostError as error:
            self.ended, self.error_is_local = ("paused", f"{error}{self._save_without_peer()}"), True
        except DistributedError as error:
            self.ended, self.error_is_local = ("failed", str(error)), True
        except ValueError as error:  # DataError, HeldError, ResumeError and others whose message is one sentence
            self.ended = ("failed", str(error))
        except OSError as error:  # of a tracker, or of the disk that the pictures are on
            self.ended = ("paused", sentence(error))
        except Exception as error:  # the thread goes on to the next run, and the reader sees one sentence
            traceback.print_exc()
            opens = _(" The last checkpoint still opens.") if self.folder.has_checkpoint else ""
            self.ended = (
                "failed",
                _(
                    "The training ended with an internal error ({kind}, logged).{opens}",
                    kind=type(error).__name__,
                    opens=opens,
                ),
            )

    def _train(self) -> Iterator[Report]:
        self._on_main(self.writer.claim)
        data = pictures_of(self.record.config)
        if self.state is None:
            self.state = self._begin(data.training)
            self._check_pictures(self.state)
        else:  # it could not be saved: before more is learned, this must be possible
            self._on_main(lambda: self._save(data.training))
        yield from self._steps(data, self.state)

    def release(self) -> None:
        """Let other processes train it; but not where its state is in memory only."""
        if self.state is None:
            self.writer.release()

    # --- from the first step to the last --------------------------------------------------------------------------

    def _begin(self, data: ImageSet) -> TrainState:
        """A fresh state, or that of the last checkpoint; what was measured after it is measured again."""
        state = loop.begin(self.record.config, data, self.context.device)
        resumed = self.folder.resume(state)
        if self.context.broadcast(state.step) != state.step:
            raise DistributedError(
                Message("The processes do not see the same folder: it must lie on a disk that all of them share.")
            )
        with self.lock:
            self.resumed_at = state.step if resumed else None
            self.writer.cut(state.step)
        self._on_main(lambda: milestones.cut(self.folder.milestones, state.step))
        self._previewed_at, self.writer.saved_step = self.history.previewed_at, self.resumed_at
        return state

    def _check_pictures(self, state: TrainState) -> None:
        """Raise ResumeError where the set was prepared anew: other pictures may be held out now than when the run began."""
        content, before = content_checksum(self.record.config), self.record.pictures
        if state.step and before and before != content:
            self.state = None
            raise ResumeError(
                Message(
                    "The pictures were prepared anew since this run began, and are others now: it may have trained on "
                    "what is held out today. Start a new run; what this one has learned stays."
                )
            )
        self.record = self.record.model_copy(update={"pictures": content})

    def _steps(self, data: ImageSet, state: TrainState) -> Iterator[Report]:
        config, training = self.record.config, data.training
        self._on_main(lambda: self._before_first_step(data, state))
        request = None
        try:
            for report in loop.train(config, training, state, self.context):
                self._on_main(lambda report=report: self._after_report(report, training, state))  # type: ignore[misc]
                logged = {"loss": report.loss, "learning_rate": report.learning_rate}
                self.context.log(logged | {"images_per_second": report.images_per_second}, report.step)
                request = self._agreed_request()
                if request is None:
                    self._on_main(lambda: self._save_if_due(training))
                yield report
                request = request or self._agreed_request()
                if request is not None:
                    break
        except TrainingDivergedError as error:
            self._on_main(lambda: self._save_last_finite(training, state))
            self.ended, self.state = ("failed", str(error)), None
            return
        self._on_main(lambda: self._finish(training, state))
        self.ended = (request if request is not None and state.step < config.steps else "finished", "")
        self.state = None

    def _before_first_step(self, data: ImageSet, state: TrainState) -> None:
        """Write run.json, and measure what is measured a single time."""
        config, held_out = self.record.config, data.held_out_part
        before, now = self.record.trained_on, hardware_of(state.net)
        if state.step and before not in ("", now):
            self.note = _(OTHER_ROUNDING, before=before, now=now)
        self.record = self.record.model_copy(update={"held_out": len(held_out), "trained_on": now})
        self.writer.write_record(self.record)
        if len(held_out) and task_of(config).has_held_out_loss:
            self._held_out_loss = HeldOutLoss(config, held_out)
        if self.history.bayes_optimal is None:
            loss = bayes_optimal_of(config)
            with self.lock:
                self.history.bayes_optimal = loss
        if self._previewed_at is None:
            self._preview(data.training, state)
            self._next_preview = 0.0
        if state.step == 0:
            self._write_milestone(state)

    def _after_report(self, report: Report, data: ImageSet, state: TrainState) -> None:
        """Log a report, and measure a preview where one is due."""
        self._write_milestone(state)  # first: a request may come as soon as the report is seen
        with self.lock:
            self.history.reports.append(report)
        self.writer.log()
        every, before = self.record.config.sample_every, self._previewed_at or 0
        if state.step // every > before // every and time.monotonic() > self._next_preview:
            self._preview(data, state)

    def _write_milestone(self, state: TrainState) -> None:
        config = self.record.config
        is_due = task_of(config).has_milestones and milestones.is_due(
            state.step, config.report_every, config.milestones
        )
        if is_due and sum(weight.numel() for weight in state.average.values()) <= milestones.LARGEST:
            milestones.write(self.folder.milestones, state.step, state.average, config.report_every, config.milestones)

    def _finish(self, data: ImageSet, state: TrainState) -> None:
        if self._previewed_at != state.step:
            self._preview(data, state)
        if self.writer.saved_step != state.step:
            self._save(data)

    def _save_last_finite(self, data: ImageSet, state: TrainState) -> None:
        """The EMA weights of a run that diverged, from before it did; it cannot be resumed."""
        with self.lock:
            state.step = self.history.reports[-1].step if self.history.reports else 0
            self.learned = (state.step, on_cpu(state.averaged()))
        self._save(data, resumable=False)

    def _preview(self, data: ImageSet, state: TrainState) -> None:
        """Measure the EMA weights, always with the same noise and pictures, and save those that are the best so far."""
        began, step, config, history = time.monotonic(), state.step, self.record.config, self.history
        task, learned, at_end = task_of(config), state.averaged(), step == config.steps

        def stop() -> bool:  # a reader who asks to stop does not wait for another preview
            return self.request is not None and self._previewed_at is not None

        with self.lock:
            self.learned = (step, on_cpu(learned))
        # First, for it takes least; and not of random weights.
        held_out = self._held_out_loss(learned) if self._held_out_loss is not None and step and not stop() else None
        pictures = task.preview(config, learned, data, stop)
        accuracy = task.accuracy(config, learned, step, stop, self.classified_at_end if at_end else CLASSIFIED)
        is_complete, best = not stop(), history.best
        with self.lock:
            if pictures is not None:
                history.add_preview(step, pictures)
            history.accuracy = accuracy or history.accuracy
            if held_out is not None:
                history.held_out.append(Point(step, held_out))
        if is_complete:
            self._previewed_at = step
        self.writer.log()
        if held_out is not None and (best is None or held_out < best.loss):
            self._save(data)
        self._next_preview = time.monotonic() + PREVIEW_REST * (time.monotonic() - began)

    def _save_if_due(self, data: ImageSet) -> None:
        if self.writer.is_due(SAVE_EVERY if self.save_every is None else self.save_every):
            self._save(data)

    def _save(self, data: ImageSet, *, resumable: bool = True) -> None:
        assert self.state is not None
        self.writer.save(data, self.record.config, self.state, resumable=resumable)

    # --- several processes ----------------------------------------------------------------------------------------

    def _agreed_request(self) -> ControlRequest | None:
        """The same in all processes."""
        return _REQUESTS[self.context.broadcast(_REQUESTS.index(self._latest_request()))]

    def _latest_request(self) -> ControlRequest | None:
        """Of this process or another one."""
        if not self.context.is_main:
            return None
        with self.lock:
            request = self.folder.take_request() if self.request is None else None
            if request is not None:  # a signal may have set another one in the meantime, which counts
                self.request = request
            return self.request

    def _on_main(self, do: Callable[[], None]) -> None:
        """Do something in the main process only; an error there ends the run in all of them."""
        problem: Exception | None = None
        if self.context.is_main:
            try:
                do()
            except Exception as error:
                problem = error
        if self.context.broadcast(int(problem is not None)):
            raise problem or _MainProcessError

    def _save_without_peer(self) -> str:
        """Save the last whole step where another process is gone; what to say of it, "" where there is nothing to save."""
        if not self.context.is_main or self.state is None:
            return ""
        try:
            self._save(pictures_of(self.record.config))
        except (SaveError, HeldError) as error:
            return f" {error}"
        step, self.state = self.state.step, None
        return _(" What was learned until step {step} is saved.", step=step)
