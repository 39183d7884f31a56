"""Every model that can be sampled from, by name: ideal denoisers of the data sets, what ships, what was trained here, and what
others have trained: folders of diffusers, the Hub's, files of denoising-diffusion-pytorch, and what was uploaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch

from engine.data import catalogue
from engine.data.image_set import DataError
from engine.data.pixels import to_unit
from engine.data.shipped import DATASETS
from engine.denoiser import Denoiser
from engine.ideal import ExactDenoiser
from engine.interop import hub, pretrained, uploads
from engine.interop import lucidrains as foreign_trainer
from engine.schedule import NoiseSchedule
from engine.storage.checkpoints import newest_in

IDEAL = "ideal:"
RUN = "run:"
TRAINER_FILES = (".pt", ".pth")
"""How the files of denoising-diffusion-pytorch end."""


class ModelError(ValueError):
    """A model that does not exist or cannot be opened; the message is fit to show to a reader."""


@dataclass(frozen=True, eq=False)
class Model:
    """A denoiser with what a sampler and a reader need to know about it."""

    name: str
    title: str
    denoiser: Denoiser
    shape: tuple[int, int, int]
    """Of one picture: channels, height, width."""
    class_names: tuple[str, ...]
    """Empty where it knows no classes."""
    schedule: NoiseSchedule
    """The one that it was trained on; for an ideal denoiser, which was not trained, cosine with T = 1000."""
    data: str
    """The data set whose training pictures it has seen; empty where that is unknown."""
    needs_label: bool = False
    """Whether each picture must have a class: the model knows none that stands for "none given", and cannot be guided."""


def open_model(
    name: str,
    run_of: Callable[[str], Model] | None = None,
    *,
    download: bool = True,
    progress: hub.Progress | None = None,
) -> Model:
    """The model that goes by this name.

    Args:
        name: "ideal:DATA", a name in `pretrained.CHECKPOINTS`, "run:ID" ("run:ID@best", "run:ID@1200"), "upload:ID", the path
            of a folder, of a run's folder, or of a file of denoising-diffusion-pytorch, or, where there is no such folder, a
            name of the Hub, "owner/name" or "owner/name@revision".
        run_of: finds a training run by its id; None to look where runs are kept, see `engine.runs.folder.default_root`.
        download: whether a name of the Hub that is not in its cache is fetched.
        progress: told how far a download is.

    Raises:
        ModelError: with one clear sentence.
    """
    if name.startswith(RUN):
        return (run_of or _run_on_disk)(name.removeprefix(RUN))
    try:
        if name.startswith(IDEAL):
            return _ideal(name.removeprefix(IDEAL))
        return _shipped(name) if name in pretrained.CHECKPOINTS else _foreign(name, download, progress)
    except (DataError, pretrained.CheckpointError) as error:
        raise ModelError(str(error)) from error
    except OSError as error:  # a name that is too long for the disk, a folder that we may not look into
        raise ModelError(f"“{name[:60]}” cannot be opened: {error.strerror or error}.") from error


def from_checkpoint(name: str, checkpoint: pretrained.Checkpoint, title: str = "") -> Model:
    """An opened folder as a model. The name of its data counts only if it is a set that there is here."""
    card = checkpoint.card
    classes = checkpoint.denoiser.classes
    named = card.class_names if len(card.class_names) == classes else tuple(str(k) for k in range(classes))
    return Model(
        name,
        title or card.title or name,
        checkpoint.denoiser,
        checkpoint.shape,
        named,
        checkpoint.denoiser.schedule,
        card.data if card.data in DATASETS else "",
        needs_label=classes > 0 and not checkpoint.denoiser.has_null_class,
    )


def located(name: str, *, download: bool = True, progress: hub.Progress | None = None) -> tuple[Path, str]:
    """Where a model lies that is on the disk, was uploaded, or is on the Hub, and what it is called ("" where nobody says).

    Args:
        name, download, progress: as for `open_model`.

    Raises:
        ModelError, CheckpointError: where it is on the Hub only and cannot or shall not be fetched, or was uploaded elsewhere.
    """
    title, path = "", Path(name)
    if name.startswith(uploads.PREFIX):
        upload = uploads.find(name)
        path, title = upload.path, upload.title
    elif not os.path.exists(name) and (on_hub := hub.parse(name)) is not None:
        there = hub.cached(on_hub)
        if there is None and not download:
            raise ModelError(f"“{name}” is no folder here, and not yet downloaded from the Hub.")
        path, title = there or hub.fetch(on_hub, progress), name
    return path, title


def _foreign(name: str, download: bool, progress: hub.Progress | None) -> Model:
    path, title = located(name, download=download, progress=progress)
    path = newest_in(path)
    model = _on_disk(str(path), _stamp(path))
    of_its_own = model.title if model.title != str(path) else ""
    return replace(model, name=name, title=of_its_own or title or name)


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells whether a folder or file is still the same: the times and sizes of its parts."""
    found = []
    beside = [path.with_suffix(".json")] if path.suffix in TRAINER_FILES else []
    for part in [path, *beside, *(path / file for file in (*hub.CONFIGS, *hub.WEIGHT_FILES))]:
        try:
            stat = os.stat(part)
            found.append((part.name, stat.st_mtime_ns, stat.st_size))
        except (OSError, ValueError):
            continue
    return tuple(found)


@lru_cache(maxsize=3)
def _on_disk(path: str, stamp: tuple[tuple[str, int, int], ...]) -> Model:
    """The model of a folder or file, read again only where it has changed."""
    if os.path.isfile(path) and path.endswith(TRAINER_FILES):
        opened = foreign_trainer.load(Path(path))
        return Model(path, path, opened.denoiser, opened.shape, (), opened.denoiser.schedule, "")
    return from_checkpoint(path, pretrained.load(path))


def _run_on_disk(run_id: str) -> Model:
    from engine.runs.folder import RunFolder, default_root  # here, for training is nothing that sampling needs

    try:
        name, _, at = run_id.partition("@")
        folder = RunFolder.named(default_root(), name)
        if not folder.has_checkpoint:
            raise ModelError(f"There is no training run “{name[:40]}” here that could be opened.")
        opened = folder.open(pretrained.load, folder.step_of(at) if at else None)
        return from_checkpoint(RUN + run_id, opened)
    except ValueError as error:
        raise ModelError(str(error)) from error


@lru_cache(maxsize=8)
def _shipped(name: str) -> Model:
    return from_checkpoint(name, pretrained.load(name))


@lru_cache(maxsize=4)
def _ideal(data_name: str) -> Model:
    data = catalogue.load(data_name).training
    return Model(
        IDEAL + data_name,
        f"Ideal denoiser of {data.title.lower()}",
        ExactDenoiser(to_unit(data.images), torch.tensor(data.labels)),
        (data.channels, data.size, data.size),
        data.class_names,
        NoiseSchedule.cosine(1000),
        data_name,
    )
