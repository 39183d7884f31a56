"""The training service as one visitor may use it. In public mode each sees, stops and deletes only their own runs.

A run that is not the visitor's gives exactly the answers of a run that does not exist.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.language import N_, _
from engine.storage.disk_errors import sentence
from playground.policy.messages import errors_without_paths, without_paths
from playground.policy.ownership import is_owner, write_owner

if TYPE_CHECKING:
    from engine.models.noisy_classifier import TrainedClassifier
    from engine.models.opened import Model
    from engine.models.vae import TrainedVAE
    from engine.runs.entry import Snapshot
    from engine.runs.service import TrainingService
    from engine.training.config import TrainConfig

T = TypeVar("T")
NOBODY = N_("The page could not identify this browser. Load it again; the browser must allow it to store data.")
ONE_AT_A_TIME = N_(
    "You have a run that is being trained, or waits for its turn: stop it or let it finish first. Many share this machine, so "
    "each visitor trains one at a time."
)
NOT_SAVED = N_("The run cannot be started")

_starting = threading.Lock()
"""Held from the check whether a visitor trains already to the start, so that two tabs do not both start one."""


@dataclass(frozen=True)
class VisitorRuns:
    """What `TrainingService` offers, for one visitor.

    service: that trains, and knows all runs.
    secret: the visitor's, checked; "" for one who owns nothing.
    public: whether only the visitor's own runs are there; else all are.
    """

    service: TrainingService
    secret: str
    public: bool

    def may(self, run_id: object) -> bool:
        """Whether the visitor may know of this run."""
        return isinstance(run_id, str) and (not self.public or self._owns(run_id))

    def ids(self) -> list[str]:
        """Of the visitor's runs, newest first."""
        return [run_id for run_id in self.service.ids() if self.may(run_id)]

    def snapshot(self, run_id: str) -> Snapshot | None:
        """The run as it is now; None where there is none of that id."""
        snapshot = self.service.snapshot(run_id) if self.may(run_id) else None
        if snapshot is None or not self.public:
            return snapshot
        return replace(snapshot, error=without_paths(snapshot.error), note=without_paths(snapshot.note))

    def known(self, run_id: object) -> Snapshot:
        """The run as it is now. Raises RunsError where there is none of that id, or none of this visitor."""
        from engine.runs.service import RunsError, no_run

        snapshot = self.snapshot(run_id) if isinstance(run_id, str) else None
        if snapshot is None:
            raise RunsError(no_run(str(run_id)))
        return snapshot

    def snapshots(self) -> list[Snapshot]:
        """The visitor's runs as they are now, newest first."""
        return [snapshot for run_id in self.ids() if (snapshot := self.snapshot(run_id)) is not None]

    def submit(self, config: TrainConfig) -> str:
        """Put a run at the end of the queue and return its id.

        Raises:
            DataError: for pictures that are not there.
            RunsError: where the visitor trains already, or has no secret.
        """
        from engine.data import catalogue
        from engine.runs.record import new_id
        from engine.runs.service import RunsError

        if not self.public:
            return self.service.submit(config)
        with _starting:
            self._check_free()
            catalogue.load(config.data)
            run_id = new_id()
            folder = self.service.folder_of(run_id)
            assert folder is not None
            try:  # before it starts: at no moment does it belong to nobody
                write_owner(self.secret, folder)
            except OSError as error:
                raise RunsError(sentence(error, _(NOT_SAVED))) from error
            return self.service.submit(config, run_id)

    def resume(self, run_id: str) -> None:
        """Go on with a run. Raises RunsError where the visitor trains another one already."""
        if not self.public:
            self.service.resume(run_id)
        elif self.may(run_id):
            with _starting:
                self._check_free(but=run_id)
                self.service.resume(run_id)

    def pause(self, run_id: str) -> None:
        """Set it aside at its next report."""
        if self.may(run_id):
            self.service.pause(run_id)

    def stop(self, run_id: str) -> None:
        """End it at its next report; what it has learned is kept."""
        if self.may(run_id):
            self.service.stop(run_id)

    def rename(self, run_id: str, title: str) -> None:
        """Give it a name. Raises RunsError."""
        self._change(run_id, lambda: self.service.rename(run_id, title))

    def delete(self, run_id: str) -> None:
        """Put it away; for a day it can be restored. Raises RunsError."""
        self._change(run_id, lambda: self.service.delete(run_id))

    def restore(self, run_id: str) -> None:
        """Undo `delete`. Raises RunsError where the run is gone for good, or was never the visitor's."""
        from engine.runs.service import GONE, RunsError

        if self.public and not self._owns(run_id, deleted=True):
            raise RunsError(GONE)
        self.service.restore(run_id)

    def archive(self, run_id: str) -> Path:
        """The run as a zip, without the file that names its owner. Raises RunsError."""
        return self._change(run_id, lambda: self.service.archive(run_id))

    def model(self, run_id: str) -> Model:
        """What it has learned so far; also "ID@STEP" and "ID@best". Raises ModelError."""
        with self._opening(run_id):
            return self.service.model(run_id)

    def model_at(self, run_id: str, step: int) -> Model:
        """What it had learned by one of its `milestones`. Raises ModelError."""
        with self._opening(run_id):
            return self.service.model_at(run_id, step)

    def classifier(self, run_id: str) -> TrainedClassifier:
        """The same for a run that trains a classifier. Raises ModelError."""
        with self._opening(run_id):
            return self.service.classifier(run_id)

    def vae(self, run_id: str) -> TrainedVAE:
        """The same for a run that trains a VAE. Raises ModelError."""
        with self._opening(run_id):
            return self.service.vae(run_id)

    def milestones(self, run_id: str) -> tuple[int, ...]:
        """Steps of the run that `model_at` takes, oldest first."""
        return self.service.milestones(run_id) if self.may(run_id) else ()

    def saved_models(self, run_id: str) -> tuple[int, ...]:
        """Steps of the run whose checkpoints are kept, oldest first."""
        return self.service.saved_models(run_id) if self.may(run_id) else ()

    def _owns(self, run_id: str, *, deleted: bool = False) -> bool:
        return is_owner(self.secret, self.service.folder_of(run_id, deleted=deleted))

    def _change(self, run_id: str, change: Callable[[], T]) -> T:
        from engine.runs.service import RunsError, no_run

        if not self.may(run_id):
            raise RunsError(no_run(run_id))
        with errors_without_paths(self.public):
            return change()

    def _opening(self, run_id: str) -> AbstractContextManager[None]:
        from engine.models.opened import ModelError
        from engine.runs.service import no_run

        if not self.may(run_id.partition("@")[0]):
            raise ModelError(no_run(run_id.partition("@")[0]))
        return errors_without_paths(self.public)

    def _check_free(self, but: str = "") -> None:
        from engine.runs.service import RunsError

        if not self.secret:
            raise RunsError(_(NOBODY))
        others = (self.snapshot(run_id) for run_id in self.ids() if run_id != but)
        if any(snapshot.status in ("queued", "running") for snapshot in others if snapshot is not None):
            raise RunsError(_(ONE_AT_A_TIME))
