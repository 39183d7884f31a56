"""Training of the classifier that evaluates samples, as an iterator of reports like the loop of the diffusion model.

It shares no weights, no loss and no samples with a diffusion model. It is trained on a part of the training pictures only:
the rest, see `training_part`, is for validation, and is the reference that held-out pictures are
compared with (`engine.evaluation.evaluate`), so that the classifier was trained on neither side of that comparison.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.language import Message
from engine.models.classifier import Classifier, ClassifierCard, ClassifierConfig, Judge
from engine.training.rate import cosine_decay, set_learning_rate, warm_up


class ClassifierTraining(BaseModel):
    """One training run of a classifier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = "digits"
    epochs: int = Field(30, ge=1, le=1000, description="How often it is trained on every picture.")
    batch: int = Field(64, ge=2, le=1024)
    learning_rate: float = Field(3e-3, gt=0, le=1)
    weight_decay: float = Field(0.01, ge=0, le=1)
    warmup: int = Field(50, ge=1, le=100_000, description="Steps over which the learning rate rises from 0.")
    kept_back: float = Field(
        0.25, ge=0, le=0.9, description="Share of the training pictures that it is not trained on."
    )
    turn: float = Field(15.0, ge=0, le=45, description="Largest rotation in augmentation, degrees.")
    shear: float = Field(0.25, ge=0, le=1, description="Largest shear in augmentation.")
    zoom: float = Field(0.15, ge=0, lt=1, description="Largest relative change of size in augmentation.")
    shift: float = Field(2.0, ge=0, le=16, description="Largest shift in augmentation, pixels.")
    seed: int = Field(0, ge=0, le=2**63 - 1)


@dataclass(frozen=True)
class EpochReport:
    """One epoch of training."""

    epoch: int
    epochs: int
    loss: float
    """Mean cross-entropy in nats, on augmented pictures."""
    seconds: float
    """Since the start of the training."""


def training_part(data: ImageSet, config: ClassifierTraining) -> npt.NDArray[np.bool_]:
    """Which pictures of the whole set the classifier is trained on, bool (N,); never a held-out one.

    The same share of each class is left for validation, by the config's seed.
    """
    learned = ~data.held_out
    generator = np.random.default_rng(config.seed)
    for k in range(len(data.class_names)):
        members = np.flatnonzero((data.labels == k) & ~data.held_out)
        learned[generator.permutation(members)[: round(config.kept_back * len(members))]] = False
    return learned


def augment_affine(x: Tensor, config: ClassifierTraining, generator: torch.Generator) -> Tensor:
    """Augment: rotate, shear, scale and shift each picture at random.

    Args:
        x: in [−1, 1], shape (B, C, H, W); edges are repeated outwards.
        config: the largest changes.
        generator: of the random draws.
    """

    def draw(largest: float) -> Tensor:
        return (2 * torch.rand(len(x), generator=generator) - 1) * largest

    angle, shear, zoom = draw(math.radians(config.turn)), draw(config.shear), 1 + draw(config.zoom)
    # affine_grid takes the place that each new pixel comes from, in units of half the picture.
    across, down = draw(2 * config.shift / x.shape[3]), draw(2 * config.shift / x.shape[2])
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    rows = torch.stack([cosine, shear * cosine - sine, across, sine, shear * sine + cosine, down], dim=1)
    grid = affine_grid(rows.view(-1, 2, 3), list(x.shape), align_corners=False)
    return grid_sample(x, grid, padding_mode="border", align_corners=False)


def train_classifier(config: ClassifierTraining, data: ImageSet, net: Classifier) -> Iterator[EpochReport]:
    """Train `net` in place.

    Args:
        config: the run.
        data: the whole set; only its `training_part` is used.
        net: fresh, from `fresh_classifier`.

    Yields:
        A report after every epoch. Nothing is computed between two reports.

    Raises:
        ValueError: where less than one batch of pictures is left to train on.
    """
    part = data.only(training_part(data, config))
    if len(part) < config.batch:
        raise ValueError(
            Message("{count} pictures are fewer than one batch of {batch}.", count=len(part), batch=config.batch)
        )
    images, labels = to_unit(part.images), torch.tensor(part.labels)
    generator = torch.Generator().manual_seed(config.seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    per_epoch = len(images) // config.batch
    steps, step, began = config.epochs * per_epoch, 0, time.perf_counter()
    for epoch in range(config.epochs):
        net.train()
        total = 0.0
        order = torch.randperm(len(images), generator=generator)[: per_epoch * config.batch]
        for chosen in torch.split(order, config.batch):
            factor = warm_up(step, config.warmup) * cosine_decay(step / steps, 0.0)
            set_learning_rate(optimizer, config.learning_rate * factor)
            x = augment_affine(images[chosen], config, generator).contiguous(memory_format=torch.channels_last)
            loss = cross_entropy(net(x), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1
            total += loss.item()
        net.eval()
        yield EpochReport(epoch + 1, config.epochs, total / per_epoch, time.perf_counter() - began)


def fresh_classifier(config: ClassifierTraining, data: ImageSet) -> Classifier:
    """A new network for these pictures, from the config's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        net = Classifier(ClassifierConfig(size=data.size, channels=data.channels, classes=len(data.class_names)))
    return net.to(memory_format=torch.channels_last)


def describe(
    config: ClassifierTraining, data: ImageSet, net: Classifier, *, seconds: float, command: str
) -> ClassifierCard:
    """The card of a trained classifier, with its accuracy on pictures that it was not trained on."""
    learned = training_part(data, config)
    judge = Judge(net.eval(), ClassifierCard())

    def accuracy_on(part: ImageSet) -> float | None:
        if not len(part):
            return None
        predicted, _ = judge.read(to_unit(part.images))
        return float((predicted == torch.tensor(part.labels)).double().mean())

    return ClassifierCard(
        title=f"{data.title}, classifier of clean pictures",
        data=data.name,
        class_names=data.class_names,
        trained_on=int(learned.sum()),
        held_out=int(data.held_out.sum()),
        held_out_accuracy=accuracy_on(data.held_out_part),
        check_accuracy=accuracy_on(data.only(~learned & ~data.held_out)),
        training=config.model_dump(),
        seconds=round(seconds, 1),
        command=command,
    )
