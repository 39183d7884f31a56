"""The driver: trains one run, looks at what it has learned, and writes its folder. The page and the shell both drive this.

It knows no mathematics. With several processes only the main one writes; all of them leave the loop at the same report.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from engine.data.image_set import DataError, ImageSet
from engine.data.prepared import content_checksum, pictures_of
from engine.runs import milestones
from engine.runs.folder import RunFolder, RunRecord, Status, Wish
from engine.runs.history import History
from engine.runs.lock import HeldError
from engine.runs.looking import Look, Looker
from engine.runs.scribe import Scribe
from engine.runs.trouble import SaveError
from engine.training import loop
from engine.training.distributed import DistributedContext, DistributedError, PeerLostError, SingleProcess
from engine.training.learner import Learner
from engine.training.loop import Report, TrainingDivergedError, TrainState
from engine.training.resume import ResumeError

SAVE_EVERY = 30.0
"""Seconds between two checkpoints of a running training."""
LOOK_REST = 5
"""Looking and keeping what was best rest so many times as long as they took: never more than a sixth of the time."""
_ANSWERS: tuple[Wish | None, ...] = (None, "paused", "stopped")


class _LeftError(Exception):
    """The main process has met something that ends the run here too."""


@dataclass(eq=False)
class Run:
    """What is known of a run, and how it is trained. Everything but `state` is read and written under `lock`."""

    folder: RunFolder
    record: RunRecord
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Of whoever looks on from other threads; held by nobody who calls the methods here."""
    scribe: Scribe = field(init=False)
    """Writes the folder."""
    context: DistributedContext = field(default_factory=SingleProcess)
    save_every: float | None = None
    """Seconds; None for `SAVE_EVERY`."""
    read_at_end: int = 0
    """How many held-out pictures a classifier reads at the end; 0 for as many as at every look."""
    learned: tuple[int, Learner] | None = None
    """A step and a copy, on the CPU, of the averaged weights there, which nobody changes."""
    state: TrainState | None = None
    """While it trains; afterwards only where it could not be saved."""
    wish: Wish | None = None
    """Where somebody in this process has asked for it."""
    resumed_at: int | None = None
    """The step at which it was taken up again; None where it began."""
    note: str = ""
    """One sentence where something is odd but the run goes on."""
    ended: tuple[Status, str] = ("interrupted", "")
    """How the last `train` ended: paused, stopped, finished or failed; and one sentence where something was wrong."""

    seen_here_only: bool = False
    """Whether the error in `ended` may be known to this process alone: another one is lost, or the folder is not shared."""

    _looked_at: int | None = None
    _rest_until: float = 0.0
    _looker: Looker | None = None

    def __post_init__(self) -> None:
        self.scribe = Scribe(self.folder)

    @property
    def history(self) -> History:
        """All that was told and seen so far."""
        return self.scribe.history

    def train(self) -> Iterator[Report]:
        """Train until it is done, fails, or somebody wishes otherwise. `ended` then says how; nothing is raised."""
        self.ended, self.seen_here_only = ("interrupted", ""), False
        try:
            yield from self._train()
        except _LeftError:
            self.ended = ("failed", "The main process has ended the run: see what it says.")
        except SaveError as error:
            self.ended = ("paused", str(error))
        except PeerLostError as error:
            self.ended, self.seen_here_only = ("paused", f"{error}{self._rescue()}"), True
        except DistributedError as error:
            self.ended, self.seen_here_only = ("failed", str(error)), True
        except (DataError, HeldError, ResumeError, ValueError) as error:
            self.ended = ("failed", str(error))
        except Exception as error:  # whatever happens, the thread lives on and the reader is told
            traceback.print_exc()
            self.ended = (
                "failed",
                f"The training broke off ({type(error).__name__}). What was saved last can still be opened.",
            )

    def _train(self) -> Iterator[Report]:
        self._on_main(self.scribe.claim)
        self._on_main(lambda: self.scribe.write_record(self.record))
        data = pictures_of(self.record.config)
        if self.state is None:
            self.state = self._begin(data.training)
            self._know_pictures(self.state)
        else:  # it could not be saved: before more is learned, this must be possible
            self._on_main(lambda: self._save(data.training))
        yield from self._steps(data, self.state)

    def release(self) -> None:
        """Let other processes train it; but not where what was learned is nowhere else."""
        if self.state is None:
            self.scribe.release()

    # --- from the first step to the last --------------------------------------------------------------------------

    def _begin(self, data: ImageSet) -> TrainState:
        """Fresh, or where it was left; what was reported after that is told again."""
        state = loop.begin(self.record.config, data, self.context.device)
        resumed = self.folder.resume(state)
        if self.context.broadcast(state.step) != state.step:
            raise DistributedError(
                "The processes do not see the same folder: it must lie on a disk that all of them share."
            )
        with self.lock:
            self.resumed_at = state.step if resumed else None
            self.scribe.forget_after(state.step)
        self._on_main(lambda: milestones.cut(self.folder.milestones, state.step))
        self._looked_at, self.scribe.saved_step = self.history.looked_at, self.resumed_at
        return state

    def _know_pictures(self, state: TrainState) -> None:
        """Make sure that a run goes on with the pictures that it was begun with: others may hold out what it has trained on."""
        content, before = content_checksum(self.record.config), self.record.pictures
        if state.step and before and before != content:
            self.state = None
            raise ResumeError(
                "The pictures were prepared anew since this run began, and are others now: it may have trained on what is held "
                "out today. Start a new run; what this one has learned stays."
            )
        self.record = self.record.model_copy(update={"pictures": content})

    def _steps(self, data: ImageSet, state: TrainState) -> Iterator[Report]:
        config, training = self.record.config, data.training
        self._on_main(lambda: self._before(data, state))
        wish = None
        try:
            for report in loop.train(config, training, state, self.context):
                self._on_main(lambda report=report: self._after(report, training, state))  # type: ignore[misc]
                told = {"loss": report.loss, "learning_rate": report.learning_rate}
                self.context.log(told | {"images_per_second": report.images_per_second}, report.step)
                wish = _ANSWERS[self.context.broadcast(_ANSWERS.index(self._wished()))]
                if wish is None:
                    self._on_main(lambda: self._save_if_due(training))
                yield report
                wish = wish or _ANSWERS[self.context.broadcast(_ANSWERS.index(self._wished()))]
                if wish is not None:
                    break
        except TrainingDivergedError as error:
            self._on_main(lambda: self._keep_good(training, state))
            self.ended, self.state = ("failed", str(error)), None
            return
        self._on_main(lambda: self._finish(training, state))
        self.ended = (wish if wish is not None and state.step < config.steps else "finished", "")
        self.state = None

    def _before(self, data: ImageSet, state: TrainState) -> None:
        """What is measured once, and the first look."""
        held_out = data.held_out_part
        self.record = self.record.model_copy(update={"held_out": len(held_out)})
        self.scribe.write_record(self.record)
        self._looker = Looker(self.record.config, data.training, held_out)
        if self.history.bayes_optimal is None:
            loss = self._looker.bayes_optimal()
            with self.lock:
                self.history.bayes_optimal = loss
        if self._looked_at is None:
            self._look(data.training, state)
            self._rest_until = 0.0  # that one is not to be waited for
        if state.step == 0:
            self._keep_milestone(state)

    def _after(self, report: Report, data: ImageSet, state: TrainState) -> None:
        """Note a report, and look where it is time to."""
        self._keep_milestone(state)  # first: whoever sees the report may wish something at once
        with self.lock:
            self.history.reports.append(report)
        self.scribe.log()
        config, looked = self.record.config, self._looked_at or 0
        if state.step // config.sample_every > looked // config.sample_every and time.monotonic() > self._rest_until:
            self._look(data, state)

    def _keep_milestone(self, state: TrainState) -> None:
        config = self.record.config
        wanted = config.task == "denoiser" and milestones.due(state.step, config.report_every, config.milestones)
        if wanted and sum(weight.numel() for weight in state.average.values()) <= milestones.LARGEST:
            milestones.keep(self.folder.milestones, state.step, state.average, config.report_every, config.milestones)

    def _finish(self, data: ImageSet, state: TrainState) -> None:
        if self._looked_at != state.step:
            self._look(data, state)
        if self.scribe.saved_step != state.step:
            self._save(data)

    def _keep_good(self, data: ImageSet, state: TrainState) -> None:
        """What a run that diverged had learned; there is nothing to go on from."""
        with self.lock:
            state.step = self.history.reports[-1].step if self.history.reports else 0
            self.learned = (state.step, Looker.on_cpu(state.averaged()))
        self._save(data, resumable=False)

    # --- looking --------------------------------------------------------------------------------------------------

    def _look(self, data: ImageSet, state: TrainState) -> None:
        """See what the averaged weights draw, how well they read, and how they do on held-out pictures."""
        assert self._looker is not None
        began, config = time.monotonic(), self.record.config
        learned = state.averaged()

        def stop() -> bool:  # a reader who wants to stop does not wait for another look
            return self.wish is not None and self._looked_at is not None

        with self.lock:
            self.learned = (state.step, self._looker.on_cpu(learned))
        at_end = self.read_at_end if state.step == config.steps else 0
        seen: Look = self._looker.look(learned, state.step, stop, at_end)
        better = False
        with self.lock:
            if seen.pictures is not None:
                self.history.add_preview(state.step, seen.pictures)
            self.history.accuracy = seen.accuracy or self.history.accuracy
            if seen.held_out is not None:
                best = self.history.best
                better = best is None or seen.held_out < best[1]
                self.history.held_out.append((state.step, seen.held_out))
        if seen.whole:
            self._looked_at = state.step
        self.scribe.log()
        if better:
            self._save(data)
        self._rest_until = time.monotonic() + LOOK_REST * (time.monotonic() - began)

    # --- several processes ----------------------------------------------------------------------------------------

    def _save_if_due(self, data: ImageSet) -> None:
        if self.scribe.due(SAVE_EVERY if self.save_every is None else self.save_every):
            self._save(data)

    def _save(self, data: ImageSet, *, resumable: bool = True) -> None:
        assert self.state is not None
        self.scribe.save(data, self.record.config, self.state, resumable=resumable)

    def _wished(self) -> Wish | None:
        """What somebody wants, here or in another process."""
        if not self.context.is_main:
            return None
        with self.lock:
            said = self.folder.take_wish() if self.wish is None else None
            if said is not None:  # a signal may have asked in the meantime, and is not to be forgotten
                self.wish = said
            return self.wish

    def _on_main(self, do: Callable[[], None]) -> None:
        """Do something in the main process only; what goes wrong there ends the run in all of them."""
        problem: Exception | None = None
        if self.context.is_main:
            try:
                do()
            except Exception as error:
                problem = error
        if self.context.broadcast(int(problem is not None)):
            raise problem or _LeftError

    def _rescue(self) -> str:
        """Another process is gone. The state is that of the last whole step: save it, and say so."""
        if not self.context.is_main or self.state is None:
            return ""
        try:
            self._save(pictures_of(self.record.config))
        except (SaveError, HeldError) as error:
            return f" {error}"
        step, self.state = self.state.step, None
        return f" What was learned until step {step} is saved."
