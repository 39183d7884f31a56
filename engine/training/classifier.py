"""Training of the classifier that judges pictures, as an iterator of reports like the loop of the diffusion model.

It shares no weights, no loss and no pictures of its own making with a diffusion model. It learns from the training part of
a set only, and not from all of it: `learned_part` keeps some back. They are for choosing settings, and they are the real
pictures that the held-out ones are compared with (`engine.evaluation.evaluate`): both sides of that comparison are new to
it, and nothing that it may know by heart takes part.
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
from engine.models.classifier import Classifier, ClassifierCard, ClassifierConfig, Judge
from engine.training.rate import cosine_decay, set_learning_rate, warm_up


class ClassifierTraining(BaseModel):
    """One training run of a classifier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = "digits"
    epochs: int = Field(30, ge=1, le=1000, description="How often it sees every picture.")
    batch: int = Field(64, ge=2, le=1024)
    learning_rate: float = Field(3e-3, gt=0, le=1)
    weight_decay: float = Field(0.01, ge=0, le=1)
    warmup: int = Field(50, ge=1, le=100_000, description="Steps over which the learning rate rises from 0.")
    kept_back: float = Field(0.25, ge=0, le=0.9, description="Share of the training pictures that it does not see.")
    turn: float = Field(15.0, ge=0, le=45, description="Pictures are turned by up to this many degrees,")
    shear: float = Field(0.25, ge=0, le=1, description="slanted by up to this,")
    zoom: float = Field(0.15, ge=0, lt=1, description="made larger or smaller by up to this share,")
    shift: float = Field(2.0, ge=0, le=16, description="and moved by up to this many pixels.")
    seed: int = Field(0, ge=0, le=2**63 - 1)


@dataclass(frozen=True)
class EpochReport:
    """What one pass over the pictures brought."""

    epoch: int
    epochs: int
    loss: float
    """Mean cross-entropy in nats, on distorted pictures."""
    seconds: float
    """Since the beginning."""


def learned_part(data: ImageSet, config: ClassifierTraining) -> npt.NDArray[np.bool_]:
    """Which pictures of the whole set the classifier learns from, bool (N,); never a held-out one.

    The same share of each class is kept back, by the config's seed.
    """
    learned = ~data.held_out
    generator = np.random.default_rng(config.seed)
    for k in range(len(data.class_names)):
        members = np.flatnonzero((data.labels == k) & ~data.held_out)
        learned[generator.permutation(members)[: round(config.kept_back * len(members))]] = False
    return learned


def distort(x: Tensor, config: ClassifierTraining, generator: torch.Generator) -> Tensor:
    """Turn, slant, zoom and shift each picture a little.

    Args:
        x: in [−1, 1], shape (B, C, H, W); what comes in at the edge repeats the edge.
        config: how much.
        generator: draws how.
    """

    def draw(most: float) -> Tensor:
        return (2 * torch.rand(len(x), generator=generator) - 1) * most

    angle, slant, zoom = draw(math.radians(config.turn)), draw(config.shear), 1 + draw(config.zoom)
    # affine_grid wants where each new pixel comes from, in units of half the picture.
    across, down = draw(2 * config.shift / x.shape[3]), draw(2 * config.shift / x.shape[2])
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    rows = torch.stack([cosine, slant * cosine - sine, across, sine, slant * sine + cosine, down], dim=1)
    grid = affine_grid(rows.view(-1, 2, 3), list(x.shape), align_corners=False)
    return grid_sample(x, grid, padding_mode="border", align_corners=False)


def train_classifier(config: ClassifierTraining, data: ImageSet, net: Classifier) -> Iterator[EpochReport]:
    """Train `net` in place.

    Args:
        config: the run.
        data: the whole set; only `learned_part` of it is looked at.
        net: fresh, from `fresh_classifier`.

    Yields:
        A report after every pass. Between two of them nothing runs.

    Raises:
        ValueError: where less than one batch of pictures is left to learn from.
    """
    part = data.only(learned_part(data, config))
    if len(part) < config.batch:
        raise ValueError(f"{len(part)} pictures are fewer than one batch of {config.batch}.")
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
            x = distort(images[chosen], config, generator).contiguous(memory_format=torch.channels_last)
            loss = cross_entropy(net(x), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1
            total += loss.item()
        net.eval()
        yield EpochReport(epoch + 1, config.epochs, total / per_epoch, time.perf_counter() - began)


def fresh_classifier(config: ClassifierTraining, data: ImageSet) -> Classifier:
    """A network for these pictures, from the config's seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        net = Classifier(ClassifierConfig(size=data.size, channels=data.channels, classes=len(data.class_names)))
    return net.to(memory_format=torch.channels_last)


def describe(
    config: ClassifierTraining, data: ImageSet, net: Classifier, *, seconds: float, command: str
) -> ClassifierCard:
    """Measure a trained classifier on pictures that it never saw, and write down what it is."""
    learned = learned_part(data, config)
    judge = Judge(net.eval(), ClassifierCard())

    def share_right(part: ImageSet) -> float | None:
        if not len(part):
            return None
        read_as, _ = judge.read(to_unit(part.images))
        return float((read_as == torch.tensor(part.labels)).double().mean())

    return ClassifierCard(
        title=f"{data.title}, classifier of clean pictures",
        data=data.name,
        class_names=data.class_names,
        trained_on=int(learned.sum()),
        held_out=int(data.held_out.sum()),
        held_out_accuracy=share_right(data.held_out_part),
        check_accuracy=share_right(data.only(~learned & ~data.held_out)),
        training=config.model_dump(),
        seconds=round(seconds, 1),
        command=command,
    )
