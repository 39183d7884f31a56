"""Whose a training run is. Where strangers share a machine, each sees, stops and deletes only what is theirs.

A run belongs to the visitor whose secret began it: 32 hexadecimal digits that the browser makes and keeps (see
`playground.gradio_ui.page.Identity`). Beside the run lies a salted hash of the secret, never the secret itself, so that the run
is found again after a restart, and whoever reads the disk learns nothing by which to pass for somebody else.

Everything here is asked with values that anyone may send. What is not a visitor's own run is for them not there at all: it
gives the very answers of a run that never was.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from playground.policy import mode

if TYPE_CHECKING:
    from engine.models.noisy_classifier import TrainedClassifier
    from engine.registry import Model
    from engine.runs.service import TrainingService
    from engine.runs.snapshot import Snapshot
    from engine.training.config import TrainConfig

FILE = "owner"
"""In the run's folder: salt and hash, both in hexadecimal digits, with a blank between them."""
SECRET = re.compile(r"[0-9a-f]{32}")
SALT_BYTES = 16
NOBODY = "The page does not know who you are. Load it again; the browser must allow it to keep something."
ONE_AT_A_TIME = (
    "You have a run that is being trained, or waits for its turn: stop it or let it finish first. Many share this machine, so "
    "each trains one at a time."
)
NOT_SAVED = "The run cannot be begun: it could not be written whose it is."

_starting = threading.Lock()
"""Held from the question whether a visitor trains already to the start, so that two tabs do not both begin one."""


class Ownership:
    """The runs of a service, each with whom it belongs to.

    Args:
        service: whose runs they are.
        public: whether each visitor has only their own. On one's own machine everybody may do everything.
    """

    def __init__(self, service: TrainingService, public: bool) -> None:
        self.service = service
        self.public = public

    def of(self, visitor: object) -> VisitorRuns:
        """The runs as one visitor sees them. A secret that is none is nobody's: nothing belongs to them."""
        return VisitorRuns(self, visitor if isinstance(visitor, str) and SECRET.fullmatch(visitor) else "")

    def is_owner(self, secret: str, run_id: str, *, deleted: bool = False) -> bool:
        """Whether a run is that visitor's.

        Args:
            secret: the visitor's; "" is nobody's.
            run_id: as it came; anything that is no id belongs to nobody.
            deleted: whether it is asked of a run that was deleted and can be restored.
        """
        folder = self.service.folder_of(run_id, deleted=deleted)
        if not secret or folder is None:
            return False
        try:
            salt, kept = _read(folder / FILE)
        except (OSError, ValueError):  # nobody's, or no longer to be read
            return False
        return hmac.compare_digest(kept, _hash(salt, secret))

    def write(self, secret: str, run_id: str) -> None:
        """Let a run be that visitor's. Raises OSError where the disk refuses, KeyError for a run that there is not."""
        folder = self.service.folder_of(run_id)
        if folder is None:
            raise KeyError(run_id)
        salt = secrets.token_bytes(SALT_BYTES)
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{FILE}.part"
        part.write_text(f"{salt.hex()} {_hash(salt, secret)}\n", "ascii")
        os.replace(part, folder / FILE)


class VisitorRuns:
    """What `TrainingService` offers, for one visitor.

    Args:
        ownership: of all runs.
        secret: the visitor's, already checked; "" for nobody's.
    """

    def __init__(self, ownership: Ownership, secret: str) -> None:
        self._ownership, self._secret = ownership, secret
        self._service = ownership.service

    @property
    def public(self) -> bool:
        """Whether only one's own runs are there."""
        return self._ownership.public

    def may(self, run_id: object) -> bool:
        """Whether the visitor may know of this run."""
        return isinstance(run_id, str) and (not self.public or self._ownership.is_owner(self._secret, run_id))

    def ids(self) -> list[str]:
        """Of the visitor's runs, newest first."""
        return [run_id for run_id in self._service.ids() if self.may(run_id)]

    def snapshot(self, run_id: str) -> Snapshot | None:
        """The run as it is now; None where there is none of that id."""
        return self._service.snapshot(run_id) if self.may(run_id) else None

    def submit(self, config: TrainConfig) -> str:
        """Put a run at the end of the queue and give its id.

        Raises:
            DataError: for pictures that there are not.
            RunsError: where the visitor trains already, or nobody knows who it is.
        """
        from engine.data import catalogue
        from engine.runs.folder import new_id
        from engine.runs.service import RunsError

        if not self.public:
            return self._service.submit(config)
        with _starting:
            self._check_free()
            catalogue.load(config.data)
            run_id = new_id()
            try:  # before it begins: there is no moment at which it is nobody's
                self._ownership.write(self._secret, run_id)
            except OSError as error:
                raise RunsError(NOT_SAVED) from error
            return self._service.submit(config, run_id)

    def resume(self, run_id: str) -> None:
        """Go on with a run. Raises RunsError where the visitor trains another one already."""
        if not self.public:
            self._service.resume(run_id)
        elif self.may(run_id):
            with _starting:
                self._check_free(but=run_id)
                self._service.resume(run_id)

    def pause(self, run_id: str) -> None:
        """Set it aside at its next report."""
        self._if_mine(self._service.pause, run_id)

    def stop(self, run_id: str) -> None:
        """End it at its next report; what it has learned is kept."""
        self._if_mine(self._service.stop, run_id)

    def rename(self, run_id: str, title: str) -> None:
        """Give it a name. Raises RunsError."""
        self._check_mine(run_id)
        self._service.rename(run_id, title)

    def delete(self, run_id: str) -> None:
        """Put it away; for a day it can be restored. Raises RunsError."""
        self._check_mine(run_id)
        self._service.delete(run_id)

    def restore(self, run_id: str) -> None:
        """Undo `delete`. Raises RunsError where the run is gone for good, or was never the visitor's."""
        from engine.runs.service import GONE, RunsError

        if self.public and not self._ownership.is_owner(self._secret, run_id, deleted=True):
            raise RunsError(GONE)
        self._service.restore(run_id)

    def archive(self, run_id: str) -> Path:
        """The run as a zip, without the file that says whose it is. Raises RunsError."""
        self._check_mine(run_id)
        return self._service.archive(run_id)

    def model(self, run_id: str) -> Model:
        """What it has learned so far; also "ID@STEP" and "ID@best". Raises ModelError."""
        self._check_model(run_id)
        return self._service.model(run_id)

    def classifier(self, run_id: str) -> TrainedClassifier:
        """The same for a run that trains a classifier. Raises ModelError."""
        self._check_model(run_id)
        return self._service.classifier(run_id)

    def saved_models(self, run_id: str) -> tuple[int, ...]:
        """Steps of the run whose checkpoints are kept, oldest first."""
        return self._service.saved_models(run_id) if self.may(run_id) else ()

    def _if_mine(self, what: Callable[[str], None], run_id: str) -> None:
        if self.may(run_id):
            what(run_id)

    def _check_mine(self, run_id: str) -> None:
        from engine.runs.service import RunsError, no_run

        if not self.may(run_id):
            raise RunsError(no_run(run_id))

    def _check_model(self, run_id: str) -> None:
        from engine.registry import ModelError
        from engine.runs.service import no_run

        if not self.may(run_id.partition("@")[0]):
            raise ModelError(no_run(run_id.partition("@")[0]))

    def _check_free(self, but: str = "") -> None:
        from engine.runs.service import RunsError

        if not self._secret:
            raise RunsError(NOBODY)
        mine = (self.snapshot(run_id) for run_id in self.ids() if run_id != but)
        if any(snapshot.status in ("queued", "running") for snapshot in mine if snapshot is not None):
            raise RunsError(ONE_AT_A_TIME)


def runs_of(visitor: object) -> VisitorRuns:
    """The runs of this process as one visitor sees them, in the mode that it was started in."""
    from engine.runs.service import service

    return Ownership(service(), mode.public()).of(visitor)


def own_runs(visitor: object) -> frozenset[str]:
    """Ids of the runs that `playground.policy.access` may let this visitor name; on one's own machine it asks for none."""
    return frozenset(runs_of(visitor).ids()) if mode.public() else frozenset()


@lru_cache(maxsize=10_000)
def _read(file: Path) -> tuple[bytes, str]:
    """Salt and hash: once they are written they stay. Raises OSError and ValueError, and then reads again the next time."""
    salt, kept = file.read_text("ascii").split()
    return bytes.fromhex(salt), kept


def _hash(salt: bytes, secret: str) -> str:
    # The secret has 128 random bits: nothing slower is needed to keep it from being guessed.
    return hashlib.sha256(salt + secret.encode("ascii")).hexdigest()
