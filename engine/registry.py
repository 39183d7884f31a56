"""Every model and classifier by name, opened lazily: exact ones of the data sets, shipped ones, training runs, diffusers
folders, models on the Hub, files of denoising-diffusion-pytorch, and uploads."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import torch

from engine.data import catalogue
from engine.data.image_set import DataError
from engine.data.pixels import to_unit
from engine.ideal import ExactClassifier, ExactDenoiser
from engine.interop import hub, pretrained, trainer_files, uploads
from engine.language import N_, Message, message_of
from engine.models import noisy_classifier
from engine.models.noisy_classifier import TrainedClassifier
from engine.models.opened import Guide, Model, ModelError
from engine.schedule import NoiseSchedule
from engine.storage.checked_files import CheckpointError
from engine.storage.checkpoints import newest_in
from engine.storage.files import runs_root
from engine.storage.signatures import Signature, signature

IDEAL = "ideal:"
RUN = "run:"

Opened = TypeVar("Opened")


# --- models -----------------------------------------------------------------------------------------------------------


def open_model(
    name: str,
    run_of: Callable[[str], Model] | None = None,
    *,
    download: bool = True,
    progress: hub.Progress | None = None,
) -> Model:
    """The model of this name.

    Args:
        name: "ideal:DATA", a name in `pretrained.CHECKPOINTS`, "run:ID" ("run:ID@best", "run:ID@1200"), "upload:ID", the path
            of a folder, of a run's folder, or of a file of denoising-diffusion-pytorch, or, where there is no such folder, a
            name of the Hub, "owner/name" or "owner/name@revision".
        run_of: the model of a run, by its id; None to read it from `engine.storage.files.runs_root`.
        download: whether a name of the Hub that is not in its cache is downloaded.
        progress: called with how far a download is.

    Raises:
        ModelError: with one sentence.
    """
    if name.startswith(RUN):
        return (run_of or _run_model)(name.removeprefix(RUN))
    try:
        if name.startswith(IDEAL):
            return _ideal_model(name.removeprefix(IDEAL))
        return _shipped_model(name) if name in pretrained.CHECKPOINTS else _model_from(name, download, progress)
    except (DataError, CheckpointError) as error:
        raise ModelError(message_of(error)) from error
    except OSError as error:  # a name that is too long for the disk, a folder that may not be read
        raise ModelError(
            Message("“{name}” cannot be opened: {why}.", name=name[:60], why=error.strerror or error)
        ) from error


def locate(name: str, *, download: bool = True, progress: hub.Progress | None = None) -> tuple[Path, str]:
    """Path of a model on the disk, uploaded or on the Hub, and its title ("" where it has none).

    Args:
        name, download, progress: as for `open_model`.

    Raises:
        ModelError, CheckpointError: where it is on the Hub only and cannot or may not be downloaded, or was uploaded elsewhere.
    """
    title, path = "", Path(name)
    if name.startswith(uploads.PREFIX):
        upload = uploads.find(name)
        path, title = upload.path, upload.title
    elif not os.path.exists(name) and (on_hub := hub.parse(name)) is not None:
        cached = hub.cached(on_hub)
        if cached is None and not download:
            raise ModelError(Message("“{name}” is no folder here, and not yet downloaded from the Hub.", name=name))
        path, title = cached or hub.fetch(on_hub, progress), name
    return path, title


def _model_from(name: str, download: bool, progress: hub.Progress | None) -> Model:
    path, title = locate(name, download=download, progress=progress)
    path = newest_in(path)
    model = _model_on_disk(str(path), _stamp(path))
    own_title = model.title if model.title != str(path) else ""
    return replace(model, name=name, title=own_title or title or name)


def _stamp(path: Path) -> tuple[Signature | None, ...]:
    """Of the files of a folder or file: the cache key of an unchanged model."""
    settings = [path.with_suffix(".json")] if path.suffix in trainer_files.SUFFIXES else []
    return tuple(map(signature, [path, *settings, *(path / file for file in (*hub.CONFIGS, *hub.WEIGHT_FILES))]))


@lru_cache(maxsize=3)
def _model_on_disk(path: str, stamp: tuple[Signature | None, ...]) -> Model:
    """The model of a folder or file, read again only where it has changed."""
    if os.path.isfile(path) and path.endswith(trainer_files.SUFFIXES):
        return replace(trainer_files.load(Path(path)), name=path, title=path)
    return pretrained.load(path).model(path)


EXACT_DENOISER, EXACT_CLASSIFIER = N_("Exact denoiser of {title}"), N_("Exact classifier of {name}")


@lru_cache(maxsize=8)
def _shipped_model(name: str) -> Model:
    return pretrained.load(name).model(name)


@lru_cache(maxsize=4)
def _ideal_model(data_name: str) -> Model:
    data = catalogue.load(data_name).training
    return Model(
        IDEAL + data_name,
        EXACT_DENOISER.format(title=data.title.lower()),
        ExactDenoiser(to_unit(data.images), torch.tensor(data.labels)),
        (data.channels, data.size, data.size),
        data.class_names,
        NoiseSchedule.cosine(1000),
        data_name,
    )


# --- classifiers of noisy pictures ------------------------------------------------------------------------------------


def open_guide(name: str) -> Guide:
    """The classifier of this name, to guide a sampler with.

    Args:
        name: "ideal:DATA" for p(y | x_t) of those training pictures, or as for `open_classifier`.

    Raises:
        ModelError: with one sentence.
    """
    if name.startswith(IDEAL):
        model = open_model(name)
        assert isinstance(model.denoiser, ExactDenoiser)
        title = EXACT_CLASSIFIER.format(name=name.removeprefix(IDEAL))
        return Guide(title, ExactClassifier(model.denoiser, len(model.class_names)), model.shape, model.class_names)
    try:
        # A run may have a newer checkpoint at the next call; everything else is cached.
        trained = open_classifier(name) if name.startswith(RUN) else _cached_classifier(name)
    except CheckpointError as error:
        raise ModelError(message_of(error)) from error
    return Guide(trained.card.title or name, trained, trained.shape, trained.class_names)


def open_classifier(name: str) -> TrainedClassifier:
    """The trained classifier of noisy pictures of this name.

    Args:
        name: a name in `NOISY_CLASSIFIERS`, "run:ID", or the path of a folder.

    Raises:
        CheckpointError: with one sentence.
    """
    try:
        if name.startswith(RUN):
            return _open_run(name.removeprefix(RUN), noisy_classifier.load)
        return noisy_classifier.load(name)
    except OSError as error:  # a name that is too long for the disk, a folder that may not be read
        raise CheckpointError(
            Message("“{name}” cannot be opened: {why}.", name=name[:60], why=error.strerror or error)
        ) from error


_cached_classifier = lru_cache(maxsize=8)(open_classifier)


# --- training runs ----------------------------------------------------------------------------------------------------


def _run_model(run_id: str) -> Model:
    try:
        return _open_run(run_id, pretrained.load).model(RUN + run_id)
    except CheckpointError as error:
        raise ModelError(message_of(error)) from error


def _open_run(run_id: str, load: Callable[[Path], Opened]) -> Opened:
    """A checkpoint of "ID", "ID@best" or "ID@STEP" among all runs. Raises CheckpointError."""
    # Imported here, so that sampling does not import training.
    from engine.runs.folder import RunFolder

    name, _, at = run_id.partition("@")
    try:
        folder = RunFolder.named(runs_root(), name)
    except ValueError as error:
        raise CheckpointError(message_of(error)) from error
    if not folder.has_checkpoint:
        raise CheckpointError(Message("There is no training run “{name}” here that could be opened.", name=name[:40]))
    return folder.open(load, folder.step_of(at) if at else None)
