"""Training in the background: one thread, a queue, and snapshots that anyone may look at.

It drives `engine.runs.driver` and knows no mathematics. What it hands out is plain data, so that a page may be drawn from
it at any moment, in any thread. Runs of other processes in the same folder are followed by reading their files.
"""

from __future__ import annotations

import atexit
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.data import catalogue
from engine.denoiser import NetDenoiser
from engine.models.noisy_classifier import TrainedClassifier
from engine.models.opened import Model, ModelError
from engine.models.vae import TrainedVAE
from engine.runs import keeping, milestones, opening
from engine.runs.command import command_of
from engine.runs.driver import Run
from engine.runs.folder import (
    ACTIVE,
    ID,
    RunFolder,
    RunRecord,
    Status,
    Wish,
    age_of,
    all_runs,
    default_root,
    new_id,
)
from engine.runs.lock import HeldError
from engine.runs.snapshot import Snapshot
from engine.runs.trouble import SaveError, save_error
from engine.runs.watching import Watched
from engine.runtime import torch_threads
from engine.training.config import TrainConfig
from engine.training.distributed import SingleProcess, best_device
from engine.training.learner import Learner

IN_MEMORY = "Nothing of it is lost while this program runs: mend that and press Resume."


GONE = "This run cannot be brought back: it is gone for good, or was never here."


def no_run(run_id: str) -> str:
    """What to say of a run that there is not."""
    return f"There is no training run “{run_id[:40]}”. It may have been deleted."


class RunsError(ValueError):
    """Something that cannot be done with a run now; the message is fit to show to a reader."""


class TrainingService:
    """All the runs of one folder, and the thread that trains them one after the other.

    Args:
        root: where they are kept. Runs that an earlier process left unfinished are there as "interrupted"; those of other
            processes that live are followed.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or default_root()
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._queue: deque[str] = deque()
        self._runs: dict[str, Watched] = {}
        self._thread: threading.Thread | None = None
        self._closing = False
        self._archives: tempfile.TemporaryDirectory[str] | None = None
        self._archiving = threading.Lock()
        keeping.sweep(self._root)
        with self._lock:
            self._scan()

    # --- what a page asks for -------------------------------------------------------------------------------------

    def submit(self, config: TrainConfig, run_id: str = "") -> str:
        """Put a run at the end of the queue and give its id. Raises DataError for pictures that there are not.

        Args:
            config: the run.
            run_id: a new one of `new_id`, where a front end has put something into its folder already.
        """
        catalogue.load(config.data)
        folder, record = RunFolder(self._root, run_id or new_id()), RunRecord(config=config)
        context = SingleProcess(best_device())
        watched = Watched(folder, Run(folder, record, self._lock, context))
        with self._work:
            self._runs[folder.id] = watched
            self._enqueue(watched)
        return folder.id

    def pause(self, run_id: str) -> None:
        """Set it aside at its next report; the next in the queue goes on. Nothing happens to a run that has ended."""
        self._wish(run_id, "paused")

    def stop(self, run_id: str) -> None:
        """End it at its next report; what it has learned is kept."""
        self._wish(run_id, "stopped")

    def resume(self, run_id: str) -> None:
        """Go on with a run that was paused, stopped, or interrupted by the end of its program."""
        with self._work:
            watched = self._runs.get(run_id)
            if watched is None:
                return
            watched.refresh()
            run = watched.run
            if watched.elsewhere or watched.status not in ("paused", "stopped", "interrupted"):
                if not watched.elsewhere and watched.status == "running":
                    run.wish = None
                return
            if run.state is None:
                try:
                    run.scribe.claim()
                except (HeldError, SaveError) as error:  # somebody else was quicker, or the disk refuses
                    run.note = str(error)
                    return
                run.scribe.load()
            run.folder.take_wish()  # of a time that is over
            run.record = run.record.model_copy(update={"status": "queued", "error": ""})
            run.wish, run.note = None, ""
            self._enqueue(watched)

    def snapshot(self, run_id: str) -> Snapshot | None:
        """The run as it is now; None where there is none of that id."""
        with self._lock:
            watched = self._runs.get(run_id)
            if watched is None:
                return None
            watched.refresh()
            run, status = watched.run, watched.status
            record, config, history = run.record, run.record.config, run.history
            recent = history.reports[-20:]
            speed = float(np.median([report.images_per_second for report in recent])) if recent else None
            step = history.reports[-1].step if history.reports else 0
            openable = run.learned is not None or run.folder.has_checkpoint
            return Snapshot(
                id=run_id,
                config=config,
                status=status,
                error=record.error,
                note=run.note,
                place=self._queue.index(run_id) + (self._running() is not None) if run_id in self._queue else 0,
                step=step,
                reports=tuple(history.reports),
                bayes_optimal=history.bayes_optimal,
                previews=tuple(history.previews),
                seconds_left=(config.steps - step) * config.batch / speed if speed and status in ACTIVE else None,
                images_per_second=speed,
                can_sample=config.task == "denoiser" and openable,
                can_encode=config.task == "vae" and openable,
                can_guide=config.task == "classifier" and run.folder.has_checkpoint,
                accuracy=history.accuracy,
                title=watched.title,
                held_out=tuple(history.held_out),
                held_out_pictures=record.held_out,
                best=history.best,
                elsewhere=watched.elsewhere,
                command=command_of(config),
            )

    def ids(self) -> list[str]:
        """Of all runs, newest first; also of those that other processes have begun."""
        with self._lock:
            self._scan()
            return sorted(self._runs, key=lambda run_id: age_of(run_id, self._runs[run_id].run.record), reverse=True)

    def trains(self) -> str | None:
        """Id of the run that this process trains at the moment."""
        with self._lock:
            watched = self._running()
            return watched.run.folder.id if watched is not None else None

    def model(self, run_id: str) -> Model:
        """What the run has learned so far, also while it still runs. Raises ModelError where that is nothing that draws.

        Args:
            run_id: an id; "ID@STEP" for the checkpoint of that step, "ID@best" for that with the lowest held-out loss.
        """
        run_id, _, at = run_id.partition("@")
        folder, record, learned = self._learned(run_id)
        if not at:
            return opening.model_of(folder, record, learned)
        try:
            return opening.model_of(folder, record, None, folder.step_of(at))
        except ValueError as error:
            raise ModelError(str(error)) from error

    def classifier(self, run_id: str) -> TrainedClassifier:
        """The same for a run that trains a classifier. Raises ModelError where there is nothing that reads."""
        return opening.classifier_of(*self._learned(run_id))

    def vae(self, run_id: str) -> TrainedVAE:
        """The same for a run that trains a VAE. Raises ModelError where there is none."""
        return opening.vae_of(*self._learned(run_id))

    def folder_of(self, run_id: str, *, deleted: bool = False) -> Path | None:
        """Where a run of that id lies, or would lie; None for what is no id. `deleted`: until it is restored."""
        root = self._root / keeping.DELETED if deleted else self._root
        return root / run_id if ID.fullmatch(run_id) else None

    def saved_models(self, run_id: str) -> tuple[int, ...]:
        """Steps of the run whose checkpoints are kept, oldest first; `model` takes "ID@STEP"."""
        with self._lock:
            watched = self._runs.get(run_id)
            return tuple(watched.run.folder.steps()) if watched else ()

    def milestones(self, run_id: str) -> tuple[int, ...]:
        """Steps of the run at which what it had learned can be looked back at, oldest first; `model_at` takes them."""
        with self._lock:
            watched = self._runs.get(run_id)
            folder = watched.run.folder if watched else None
        return milestones.moments(milestones.steps(folder.milestones), folder.steps()) if folder else ()

    def model_at(self, run_id: str, step: int) -> Model:
        """What the run had learned by one of its `milestones`. Raises ModelError where it is gone, or draws nothing."""
        if step in self.saved_models(run_id):
            return self.model(f"{run_id}@{step}")
        folder, _, _ = self._learned(run_id)
        newest = self.model(run_id)
        assert isinstance(newest.denoiser, NetDenoiser)
        try:
            denoiser = milestones.load(folder.milestones, step, newest.denoiser)
        except ValueError as error:
            raise ModelError(str(error)) from error
        return replace(newest, denoiser=denoiser, title=f"{newest.title}, step {step:,}")

    def rename(self, run_id: str, title: str) -> None:
        """Give a run a name, at most 200 letters; an empty one takes it away. Raises RunsError."""
        with self._lock:
            watched = self._known(run_id)
            try:
                watched.run.folder.write_title(" ".join(title.split())[:200])
            except OSError as error:
                raise RunsError(str(save_error(error))) from error

    def delete(self, run_id: str) -> None:
        """Put a run away. For a day it can be restored. Raises RunsError for one that is being trained."""
        with self._lock:
            watched = self._known(run_id)
            watched.refresh()
            run = watched.run
            if watched.elsewhere or watched.status == "running":
                raise RunsError("This run is being trained: stop it first.")
            if run_id in self._queue:
                self._queue.remove(run_id)
            try:
                run.state = None
                run.scribe.claim()
                keeping.discard(self._root, run.folder)
            except (HeldError, SaveError) as error:
                raise RunsError(str(error)) from error
            except OSError as error:
                raise RunsError(f"It cannot be deleted: {error.strerror or error}.") from error
            finally:
                run.release()
            del self._runs[run_id]
        keeping.sweep(self._root)

    def restore(self, run_id: str) -> None:
        """Undo `delete`. Raises RunsError where the run is gone for good."""
        with self._lock:
            try:
                keeping.restore(self._root, RunFolder.named(self._root, run_id).id)
            except (OSError, ValueError) as error:
                raise RunsError(GONE) from error
            self._scan()

    def archive(self, run_id: str, *, resumable: bool = False) -> Path:
        """The run as a zip, in a file that lives as long as this process. Raises RunsError.

        Args:
            run_id: which.
            resumable: with what going on needs, which is three times as large as what was learned.
        """
        with self._lock:
            folder = self._known(run_id).run.folder
            self._archives = self._archives or tempfile.TemporaryDirectory(prefix="runs-")
            target = Path(self._archives.name) / ("whole" if resumable else "learned") / f"{run_id}.zip"
            target.parent.mkdir(exist_ok=True)
        try:
            with self._archiving:  # of the same run, perhaps: one of them after the other
                keeping.archive(folder, target, resumable=resumable)
        except OSError as error:
            raise RunsError(f"The zip cannot be written: {error.strerror or error}.") from error
        return target

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

    def close(self, seconds: float = 10.0) -> None:
        """Pause and save what is being trained, as the program does when it ends; wait for that at most so long.

        A thread that is still computing when the interpreter goes would take the whole program down with it.
        """
        with self._work:
            self._closing = True
            if (running := self._running()) is not None:
                running.run.wish = "paused"
            self._work.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    # --- under the lock -------------------------------------------------------------------------------------------

    def _known(self, run_id: str) -> Watched:
        watched = self._runs.get(run_id)
        if watched is None:
            raise RunsError(no_run(run_id))
        return watched

    def _learned(self, run_id: str) -> tuple[RunFolder, RunRecord, Learner | None]:
        with self._lock:
            watched = self._runs.get(run_id)
            if watched is None:
                raise ModelError(no_run(run_id))
            watched.refresh()
            run = watched.run
            return run.folder, run.record, run.learned[1] if run.learned else None

    def _scan(self) -> None:
        """Notice runs that have come, and those that are gone."""
        there = {folder.id: folder for folder in all_runs(self._root)}
        for run_id in [run_id for run_id, watched in self._runs.items() if run_id not in there and not watched.mine]:
            if run_id not in self._queue:
                del self._runs[run_id]
        for run_id, folder in there.items():
            if run_id not in self._runs and (record := folder.read_record()) is not None:
                self._runs[run_id] = Watched(folder, Run(folder, record, self._lock, SingleProcess(best_device())))

    def _enqueue(self, watched: Watched) -> None:
        run = watched.run
        try:  # from now on nobody else may train it; a disk that refuses is told when its turn comes
            run.scribe.claim()
            run.scribe.write_record(run.record)
        except (HeldError, SaveError):
            pass
        watched.mine = True
        self._queue.append(run.folder.id)
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="training", daemon=True)
            self._thread.start()
            atexit.register(self.close)
        self._work.notify()

    def _wish(self, run_id: str, wish: Wish) -> None:
        with self._work:
            watched = self._runs.get(run_id)
            if watched is None:
                return
            watched.refresh()
            if watched.elsewhere:
                watched.ask(wish)
            elif watched.status == "running":
                watched.run.wish = wish
            elif watched.status in ("queued", "paused"):
                self._set_aside(watched, wish)

    def _set_aside(self, watched: Watched, status: Status, error: str = "") -> None:
        """Not in the queue, or no longer."""
        run = watched.run
        if run.folder.id in self._queue:
            self._queue.remove(run.folder.id)
        run.record = run.record.model_copy(update={"status": status, "error": error})
        run.wish = None
        watched.end()

    def _running(self) -> Watched | None:
        return next((it for it in self._runs.values() if it.mine and it.run.record.status == "running"), None)

    # --- the thread -----------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            with self._work:
                while not self._queue and not self._closing:
                    self._work.wait()
                if self._closing:
                    return
                watched = self._runs[self._queue.popleft()]
                run = watched.run
                wish = run.folder.take_wish()  # another process may have asked while it waited
                if wish is not None:
                    self._set_aside(watched, wish)
                    continue
                run.record = run.record.model_copy(update={"status": "running", "error": ""})
            with torch_threads.training_run():
                for _ in run.train():
                    pass
            status, error = run.ended
            with self._work:
                if status in ("paused", "stopped") and not error:
                    # It took a while to save: the reader may wish otherwise by now.
                    status = run.wish or "queued"
                if status == "queued":
                    run.wish = None
                    run.record = run.record.model_copy(update={"status": status})
                    self._queue.appendleft(run.folder.id)
                    continue
                if status == "paused" and error:
                    error = f"{error} {IN_MEMORY}" if run.state is not None else error
                self._set_aside(watched, status, error)


_service: TrainingService | None = None
_service_lock = threading.Lock()


def service() -> TrainingService:
    """The one service of this process, for all pages and visitors."""
    global _service
    with _service_lock:
        if _service is None:
            _service = TrainingService()
        return _service
