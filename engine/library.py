"""Every model that can be sampled from, by name: ideal denoisers of the data sets, what ships, what was trained here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch

from engine import pretrained
from engine.data import catalogue
from engine.data.catalogue import DATASETS, DataError
from engine.data.pixels import to_unit
from engine.denoiser import Denoiser
from engine.ideal import ExactDenoiser
from engine.schedule import NoiseSchedule

IDEAL = "ideal:"
RUN = "run:"


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


def open_model(name: str, run_of: Callable[[str], Model] | None = None) -> Model:
    """The model that goes by this name.

    Args:
        name: "ideal:DATA", a name in `pretrained.CHECKPOINTS`, "run:ID", or the path of a checkpoint folder.
        run_of: finds a training run by its id; None to look where runs are kept, see `engine.training.runs.default_root`.

    Raises:
        ModelError: with one clear sentence.
    """
    if name.startswith(RUN):
        return (run_of or _run_on_disk)(name.removeprefix(RUN))
    try:
        if name.startswith(IDEAL):
            return _ideal(name.removeprefix(IDEAL))
        return _shipped(name) if name in pretrained.CHECKPOINTS else from_checkpoint(name, pretrained.load(name))
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
    )


def _run_on_disk(run_id: str) -> Model:
    from engine.training.runs import RunFolder, default_root  # here, for training is nothing that sampling needs

    try:
        folder = RunFolder(default_root(), run_id)
        if not folder.checkpoint.is_dir():
            raise ModelError(f"There is no training run “{run_id[:40]}” here that could be opened.")
        return from_checkpoint(RUN + run_id, pretrained.load(folder.checkpoint))
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
