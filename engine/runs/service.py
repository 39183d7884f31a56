"""All runs of one folder, and their training in the background.

What the service hands out is plain data, so that a page may be drawn from it at any moment, in any thread. It knows no
mathematics. Runs of other processes in the same folder are followed by reading their files.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.data import catalogue
from engine.denoiser import NetDenoiser
from engine.language import N_, Message, _, message_of
from engine.models.noisy_classifier import TrainedClassifier
from engine.models.opened import Model, ModelError
from engine.models.vae import TrainedVAE
from engine.runs import archive, milestones, opening
from engine.runs.entry import RunEntry, Snapshot
from engine.runs.folder import RunFolder, all_runs
from engine.runs.history import SaveError, save_error
from engine.runs.lock import HeldError
from engine.runs.record import ID, ControlRequest, RunRecord, new_id
from engine.runs.trainer import RunTrainer
from engine.runs.training_queue import TrainingQueue
from engine.storage.disk_errors import is_refused_write, sentence
from engine.storage.files import runs_root
from engine.training.config import TrainConfig
from engine.training.distributed import SingleProcess, best_device
from engine.training.tasks.task import Trained

GONE = N_("This run cannot be brought back: it is gone for good, or was never here.")


def no_run(run_id: str) -> Message:
    """The sentence for a run that does not exist."""
    return Message("There is no training run “{name}”. It may have been deleted.", name=run_id[:40])


class RunsError(ValueError):
    """Something that cannot be done with a run now; the message is one sentence for the reader."""


class TrainingService:
    """All runs of one folder, and the queue of those that this process trains.

    Args:
        root: where they are kept. Runs that an earlier process left unfinished are there as "interrupted"; those of other
            processes that live are followed.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or runs_root()
        self._lock = threading.Lock()
        self._queue = TrainingQueue(self._lock)
        self._runs: dict[str, RunEntry] = {}
        self._archives: tempfile.TemporaryDirectory[str] | None = None
        self._archiving = threading.Lock()
        archive.sweep(self._root)
        with self._lock:
            self._scan()

    # --- training -------------------------------------------------------------------------------------------------

    def submit(self, config: TrainConfig, run_id: str = "") -> str:
        """Put a run at the end of the queue and give its id. Raises DataError for pictures that there are not.

        Args:
            config: the run.
            run_id: a new one of `new_id`, where a front end has put something into its folder already.
        """
        catalogue.load(config.data)
        folder = RunFolder(self._root, run_id or new_id())
        with self._lock:
            entry = self._runs[folder.id] = self._new_entry(folder, RunRecord(config=config))
            self._queue.put(entry)
        return folder.id

    def pause(self, run_id: str) -> None:
        """Pause a run at its next report; the next in the queue goes on. Nothing happens to a run that has ended."""
        self._request(run_id, "paused")

    def stop(self, run_id: str) -> None:
        """End a run at its next report; what it has learned stays."""
        self._request(run_id, "stopped")

    def resume(self, run_id: str) -> None:
        """Go on with a run that was paused, stopped, or interrupted by the end of its program."""
        with self._lock:
            entry = self._runs.get(run_id)
            if entry is None:
                return
            entry.refresh()
            run = entry.run
            if entry.holder is not None or entry.status not in ("paused", "stopped", "interrupted"):
                if entry.holder is None and entry.status == "running":
                    run.request = None
                return
            if run.state is None:
                try:
                    run.writer.claim()
                except (HeldError, SaveError) as error:  # another process was quicker, or the write failed
                    run.note = str(error)
                    return
                run.writer.load()
            run.folder.take_request()  # one of the time before
            run.record = run.record.model_copy(update={"status": "queued", "error": ""})
            run.request, run.note = None, ""
            self._queue.put(entry)

    def wait(self, run_id: str, until: Callable[[Snapshot], bool], timeout: float = 60.0) -> Snapshot:
        """Block until a condition holds for a run. Raises TimeoutError, and KeyError for an id that does not exist."""
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
        """Pause and save the running run, as the program does when it ends; wait for that at most so long."""
        self._queue.close(seconds)

    # --- what there is --------------------------------------------------------------------------------------------

    def snapshot(self, run_id: str) -> Snapshot | None:
        """The run as it is now; None where there is none of that id."""
        with self._lock:
            entry = self._runs.get(run_id)
            return None if entry is None else entry.snapshot(self._queue.place(entry))

    def ids(self) -> list[str]:
        """Of all runs, newest first; also of those that other processes have begun."""
        with self._lock:
            self._scan()
            return sorted(self._runs, key=lambda run_id: self._runs[run_id].run.record.age_key(run_id), reverse=True)

    def trains(self) -> str | None:
        """Id of the run that this process trains at the moment."""
        with self._lock:
            return self._queue.running.run.folder.id if self._queue.running is not None else None

    # --- what was learned -----------------------------------------------------------------------------------------

    def model(self, run_id: str) -> Model:
        """The denoiser of a run as it is now, also while it is trained. Raises ModelError where it trains something else.

        Args:
            run_id: an id; "ID@STEP" for the checkpoint of that step, "ID@best" for that with the lowest held-out loss.
        """
        run_id, _, at = run_id.partition("@")
        folder, record, learned = self._learned(run_id)
        try:
            return opening.model_of(folder, record, None if at else learned, folder.step_of(at) if at else None)
        except ValueError as error:
            raise ModelError(message_of(error)) from error

    def classifier(self, run_id: str) -> TrainedClassifier:
        """The same for a run that trains a classifier."""
        return opening.classifier_of(*self._learned(run_id))

    def vae(self, run_id: str) -> TrainedVAE:
        """The same for a run that trains a VAE."""
        return opening.vae_of(*self._learned(run_id))

    def folder_of(self, run_id: str, *, deleted: bool = False) -> Path | None:
        """The folder of a run, there or not; None for what is no id. `deleted`: where it lies until it is restored."""
        root = self._root / archive.DELETED if deleted else self._root
        return root / run_id if ID.fullmatch(run_id) else None

    def saved_models(self, run_id: str) -> tuple[int, ...]:
        """Steps of the checkpoints of a run, oldest first; `model` takes "ID@STEP"."""
        with self._lock:
            entry = self._runs.get(run_id)
            return tuple(entry.run.folder.steps()) if entry else ()

    def milestones(self, run_id: str) -> tuple[int, ...]:
        """Steps of the milestones of a run and of its last checkpoint, oldest first; `model_at` takes them."""
        with self._lock:
            entry = self._runs.get(run_id)
            folder = entry.run.folder if entry else None
        return milestones.moments(milestones.steps(folder.milestones), folder.steps()) if folder else ()

    def model_at(self, run_id: str, step: int) -> Model:
        """The denoiser of a run at one of its `milestones`. Raises ModelError where that is gone."""
        if step in self.saved_models(run_id):
            return self.model(f"{run_id}@{step}")
        folder, *_task = self._learned(run_id)
        newest = self.model(run_id)
        assert isinstance(newest.denoiser, NetDenoiser)
        try:
            denoiser = milestones.load(folder.milestones, step, newest.denoiser)
        except ValueError as error:
            raise ModelError(message_of(error)) from error
        return replace(newest, denoiser=denoiser, title=newest.title + _(", step {step:,}", step=step))

    # --- housekeeping ---------------------------------------------------------------------------------------------

    def rename(self, run_id: str, title: str) -> None:
        """Give a run a name of at most 200 letters, or none where it is empty. Raises RunsError."""
        with self._lock:
            entry = self._known(run_id)
            try:
                entry.run.folder.write_title(" ".join(title.split())[:200])
            except OSError as error:
                raise RunsError(str(save_error(error))) from error

    def delete(self, run_id: str) -> None:
        """Delete a run. For a day it can be restored. Raises RunsError for one that is being trained."""
        with self._lock:
            entry = self._known(run_id)
            entry.refresh()
            run = entry.run
            if entry.holder is not None or entry.status == "running":
                raise RunsError(Message("This run is being trained: stop it first."))
            self._queue.remove(entry)
            try:
                run.state = None
                run.writer.claim()
                archive.discard(self._root, run.folder)
            except (HeldError, SaveError) as error:
                raise RunsError(message_of(error)) from error
            except OSError as error:
                raise RunsError(sentence(error, _("It cannot be deleted"))) from error
            finally:
                run.release()
            del self._runs[run_id]
        archive.sweep(self._root)

    def restore(self, run_id: str) -> None:
        """Undo `delete`. Raises RunsError where the run is gone for good."""
        with self._lock:
            try:
                archive.restore(self._root, RunFolder.named(self._root, run_id).id)
            except (OSError, ValueError) as error:
                words = sentence(error, _("It cannot be brought back")) if is_refused_write(error) else Message(GONE)
                raise RunsError(words) from error
            self._scan()

    def archive(self, run_id: str, *, resumable: bool = False) -> Path:
        """The run as a zip, in a file that lives as long as this process. Raises RunsError.

        Args:
            run_id: which.
            resumable: with what resuming needs, which takes three times as much as the EMA weights.
        """
        with self._lock:
            folder = self._known(run_id).run.folder
        try:
            with self._archiving:  # perhaps of the same run
                self._archives = self._archives or tempfile.TemporaryDirectory(prefix="runs-")
                target = Path(self._archives.name) / ("whole" if resumable else "learned") / f"{run_id}.zip"
                target.parent.mkdir(exist_ok=True)
                archive.write_zip(folder, target, resumable=resumable)
        except OSError as error:
            raise RunsError(sentence(error, _("The zip cannot be written"))) from error
        return target

    # --- under the lock -------------------------------------------------------------------------------------------

    def _known(self, run_id: str) -> RunEntry:
        entry = self._runs.get(run_id)
        if entry is None:
            raise RunsError(no_run(run_id))
        return entry

    def _learned(self, run_id: str) -> tuple[RunFolder, RunRecord, Trained | None]:
        with self._lock:
            entry = self._runs.get(run_id)
            if entry is None:
                raise ModelError(no_run(run_id))
            entry.refresh()
            run = entry.run
            return run.folder, run.record, run.learned[1] if run.learned else None

    def _scan(self) -> None:
        """Notice runs that were added or removed."""
        folders = {folder.id: folder for folder in all_runs(self._root)}
        for run_id, entry in list(self._runs.items()):
            if run_id not in folders and not entry.is_mine:
                del self._runs[run_id]
        for run_id, folder in folders.items():
            if run_id not in self._runs and (record := folder.read_record()) is not None:
                self._runs[run_id] = self._new_entry(folder, record)

    def _new_entry(self, folder: RunFolder, record: RunRecord) -> RunEntry:
        return RunEntry(RunTrainer(folder, record, self._lock, SingleProcess(best_device())))

    def _request(self, run_id: str, request: ControlRequest) -> None:
        with self._lock:
            entry = self._runs.get(run_id)
            if entry is None:
                return
            entry.refresh()
            if entry.holder is not None:
                try:
                    entry.run.folder.write_request(request)
                except OSError:
                    entry.run.note = N_("The process that trains it cannot be reached: its folder cannot be written.")
            elif entry.status == "running":
                entry.run.request = request
            elif entry.status in ("queued", "paused"):
                self._queue.set_aside(entry, request)


_service: TrainingService | None = None
_service_lock = threading.Lock()


def service() -> TrainingService:
    """The one service of this process, for all pages and visitors."""
    global _service
    with _service_lock:
        if _service is None:
            _service = TrainingService()
        return _service
