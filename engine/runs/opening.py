"""What a run has learned, as something to draw with or to be guided by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from engine.data.prepared import pictures_of
from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.models import noisy_classifier, vae
from engine.models.noisy_classifier import LevelClassifier, NoisyClassifierCard, TrainedClassifier
from engine.models.opened import Model, ModelError
from engine.models.vae import VAE, TrainedVAE, VAECard
from engine.runs.folder import NOTHING_YET, RunFolder
from engine.runs.record import RunRecord
from engine.storage.checked_files import CheckpointError
from engine.storage.checkpoints import MANIFEST
from engine.storage.signatures import signature
from engine.training.learner import Learner

Opened = TypeVar("Opened")


def model_of(folder: RunFolder, record: RunRecord, learned: Learner | None, step: int | None = None) -> Model:
    """A run that trains a denoiser, as a model.

    Args:
        folder, record: the run.
        learned: what it has in memory; None to open its newest checkpoint that opens.
        step: open the checkpoint of this step.

    Raises:
        ModelError: where that is nothing that draws.
    """
    if record.config.task == "vae":
        raise ModelError("This run trains a VAE, which draws in one step: the Likelihood lab opens it.")
    if record.config.task != "denoiser":
        raise ModelError(
            "This run trains a classifier, which reads pictures and draws none: guide another model by it."
        )
    name = f"run:{folder.id}" + (f"@{step}" if step is not None else "")
    title = folder.read_title() or f"Your run of {when(record.created)}"
    if learned is None:
        opened = _opened(folder, pretrained.load, step)
        return opened.model(name, title + (f", step {step:,}" if step is not None else ""))
    assert isinstance(learned, NetDenoiser)
    data = pictures_of(record.config)
    shape = (data.channels, data.size, data.size)
    return Model(name, title, learned, shape, data.class_names, learned.schedule, data.name)


def classifier_of(folder: RunFolder, record: RunRecord, learned: Learner | None) -> TrainedClassifier:
    """The same for a run that trains a classifier. Raises ModelError where there is nothing that reads."""
    if record.config.task != "classifier":
        raise ModelError("This run trains no classifier: what it learns draws pictures and reads none.")
    if learned is None:
        return _opened(folder, noisy_classifier.load, None)
    assert isinstance(learned, LevelClassifier)
    data = pictures_of(record.config)
    card = NoisyClassifierCard(title=f"Your run of {when(record.created)}", data=data.name)
    return TrainedClassifier(learned, card.model_copy(update={"class_names": data.class_names}))


def vae_of(folder: RunFolder, record: RunRecord, learned: Learner | None) -> TrainedVAE:
    """The same for a run that trains a VAE. Raises ModelError where there is none."""
    if record.config.task != "vae":
        raise ModelError("This run trains no VAE.")
    if learned is None:
        return _opened(folder, vae.load, None)
    assert isinstance(learned, VAE)
    return TrainedVAE(learned, VAECard(title=f"Your run of {when(record.created)}", data=record.config.data))


@dataclass(frozen=True)
class Found:
    """A checkpoint that opens."""

    path: Path
    title: str
    step: int
    hint: str
    """How it is opened elsewhere, to be put behind a sentence."""


def open_either(checkpoint: Path) -> Found:
    """Open a checkpoint of whatever was trained. Raises CheckpointError."""
    if (checkpoint / "model_index.json").exists() or (checkpoint / "unet").is_dir():
        card = pretrained.load(checkpoint).card
        hint = "; diffusers opens it with UNet2DModel.from_pretrained(…, subfolder='unet')"
        return Found(checkpoint, card.title or checkpoint.name, card.step, hint)
    if vae.is_vae(checkpoint):
        about = vae.load(checkpoint).card
        return Found(checkpoint, about.title or checkpoint.name, about.step, "; the Likelihood lab opens its run")
    told = noisy_classifier.load(checkpoint).card
    return Found(checkpoint, told.title or checkpoint.name, told.step, "; guidance takes it by its folder")


def when(created: float) -> str:
    """ "23 Nov, 16:31", of seconds since 1970."""
    return time.strftime("%d %b, %H:%M", time.localtime(created))


def _opened(folder: RunFolder, load: Callable[[Path], Opened], step: int | None) -> Opened:
    try:
        stamp = tuple((path.name, signature(path / MANIFEST)) for path in folder.candidates())
        found: Opened = _cached(folder.path, load, step, stamp)  # type: ignore[assignment]
        return found
    except CheckpointError as error:
        said = NOTHING_YET if str(error) == NOTHING_YET else f"{NOTHING_YET} ({error})"
        raise ModelError(said) from error


@lru_cache(maxsize=3)
def _cached(path: Path, load: Callable[[Path], object], step: int | None, stamp: object) -> object:
    """Opened again only where its checkpoints have changed."""
    return RunFolder.at(path).open(load, step)
