"""The models of a run, opened for sampling or guidance."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from engine.data.prepared import pictures_of
from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.language import Message, _, message_of
from engine.models import noisy_classifier, vae
from engine.models.noisy_classifier import TrainedClassifier
from engine.models.opened import Model, ModelError
from engine.models.vae import TrainedVAE
from engine.runs.folder import NOTHING_YET, RunFolder
from engine.runs.record import RunRecord
from engine.storage.checked_files import CheckpointError
from engine.storage.checkpoints import MANIFEST
from engine.storage.signatures import signature
from engine.training.config import TaskName
from engine.training.tasks import TASKS, task_of
from engine.training.tasks.task import Saved, Trained

Opened = TypeVar("Opened")


def model_of(folder: RunFolder, record: RunRecord, learned: Trained | None, step: int | None = None) -> Model:
    """A run that trains a denoiser, as a model.

    Args:
        folder, record: the run.
        learned: what it has in memory; None to open its newest checkpoint that opens.
        step: open the checkpoint of this step.

    Raises:
        ModelError: where it trains something else, or has learned nothing yet.
    """
    _check_task(record, "denoiser")
    name = f"run:{folder.id}" + (f"@{step}" if step is not None else "")
    title = folder.read_title() or _title(record)
    if learned is None:
        opened = _opened(folder, pretrained.load, step)
        return opened.model(name, title + (_(", step {step:,}", step=step) if step is not None else ""))
    assert isinstance(learned, NetDenoiser)
    data = pictures_of(record.config)
    shape = (data.channels, data.size, data.size)
    return Model(name, title, learned, shape, data.class_names, learned.schedule, data.name)


def classifier_of(folder: RunFolder, record: RunRecord, learned: Trained | None) -> TrainedClassifier:
    """The same for a run that trains a classifier."""
    _check_task(record, "classifier")
    if learned is None:
        return _opened(folder, noisy_classifier.load, None)
    assert isinstance(learned, TrainedClassifier)
    return replace(learned, card=learned.card.model_copy(update={"title": _title(record)}))


def vae_of(folder: RunFolder, record: RunRecord, learned: Trained | None) -> TrainedVAE:
    """The same for a run that trains a VAE."""
    _check_task(record, "vae")
    if learned is None:
        return _opened(folder, vae.load, None)
    assert isinstance(learned, TrainedVAE)
    return replace(learned, card=learned.card.model_copy(update={"title": _title(record)}))


def _check_task(record: RunRecord, name: TaskName) -> None:
    """Raises ModelError where the run trains something else."""
    task = task_of(record.config)
    if record.config.task != name:
        raise ModelError(
            Message(
                "This run trains a {noun}, not a {other}. {use}",
                noun=Message(task.noun),
                other=Message(TASKS[name].noun),
                use=Message(task.use),
            )
            if task.use
            else Message(
                "This run trains a {noun}, not a {other}.",
                noun=Message(task.noun),
                other=Message(TASKS[name].noun),
            )
        )


def _title(record: RunRecord) -> str:
    return _("Your run of {when}", when=time.strftime("%d %b, %H:%M", time.localtime(record.created)))


def open_checkpoint(checkpoint: Path) -> Saved:
    """Open a checkpoint of any task. Raises CheckpointError."""
    for task in TASKS.values():
        if task.is_saved_in(checkpoint):
            return task.open(checkpoint)
    raise CheckpointError(Message("“{name}” is no checkpoint of a training run.", name=checkpoint.name))


def _opened(folder: RunFolder, load: Callable[[Path], Opened], step: int | None) -> Opened:
    try:
        stamp = tuple((path.name, signature(path / MANIFEST)) for path in folder.candidates())
        found: Opened = _cached(folder.path, load, step, stamp)  # type: ignore[assignment]
        return found
    except CheckpointError as error:
        said = message_of(error)
        nothing = Message(NOTHING_YET)
        raise ModelError(
            nothing if said == nothing else Message("{nothing} ({why})", nothing=nothing, why=said)
        ) from error


@lru_cache(maxsize=3)
def _cached(path: Path, load: Callable[[Path], object], step: int | None, stamp: object) -> object:
    """Opened again only where its checkpoints have changed."""
    return RunFolder.at(path).open(load, step)
