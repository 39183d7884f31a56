"""How well a classifier reads noisy pictures that it never saw, by noise level, beside the exact answer of its training set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import nll_loss, one_hot

from engine.data.catalogue import ImageSet
from engine.data.pixels import to_unit
from engine.guidance import NoisyClassifier
from engine.ideal import ExactDenoiser
from engine.process import diffuse
from engine.schedule import Level, NoiseSchedule
from engine.training.floor import Floor
from engine.training.parts import LEVEL_BINS, times_of_part

SMALLEST = 1e-30
"""No class is less likely than this: −log of it is still a number."""


@dataclass(frozen=True, eq=False)
class ExactReader:
    """p(y | x_t) if there were no other pictures than these: the best that any classifier can do on them.

    By Bayes' rule each picture counts with its weight in the exact denoiser, p(picture | x_t), for its own class.

    Args:
        denoiser: of the pictures, with their labels.
        classes: how many there are.
    """

    denoiser: ExactDenoiser
    classes: int

    def __call__(self, x_t: Tensor, level: Level) -> Tensor:
        """log p(y | x_t), shape (B, classes)."""
        assert self.denoiser.labels is not None
        weights = self.denoiser.weights(x_t, level)
        shares = weights @ one_hot(self.denoiser.labels, self.classes).to(weights)
        return shares.clamp(min=SMALLEST).log()


@dataclass(frozen=True)
class Reading:
    """What was read rightly, in each of `LEVEL_BINS` equal parts of 0 … T, cleanest first."""

    step: int
    """Of the training."""
    pictures: int
    """How many held-out pictures, each shown once in every part."""
    accuracy_by_level: tuple[float, ...]
    """Share of them that is read as what it is."""
    loss_by_level: tuple[float, ...]
    """Cross-entropy in nats."""
    exact_by_level: tuple[float, ...] = ()
    """The accuracy of `ExactReader` of the training pictures on the same."""


def exact_reader(data: ImageSet) -> ExactReader:
    """Of these pictures."""
    return ExactReader(ExactDenoiser(to_unit(data.images), torch.tensor(data.labels)), len(data.class_names))


@torch.no_grad()
def read_by_level(
    classifier: NoisyClassifier,
    pictures: ImageSet,
    schedule: NoiseSchedule,
    *,
    most: int = 1000,
    seed: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Show a classifier the pictures at every level.

    Args:
        classifier: any.
        pictures: at most `most` of them are shown, drawn by `seed`, as are their levels and noise.
        schedule: whose t = 1 … T it is about.
        stop: asked before each part.

    Returns:
        Accuracy and cross-entropy in nats by part of 0 … T; None where it was stopped.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(pictures), generator=generator)[:most]
    x0, labels = to_unit(pictures.images)[chosen], torch.tensor(pictures.labels)[chosen]
    accuracy, loss = [], []
    for part in range(LEVEL_BINS):
        t, _ = times_of_part(schedule.T, part, len(x0), generator)
        noise = torch.randn(x0.shape, generator=generator)
        right, nats = 0, 0.0
        for rows in torch.split(torch.arange(len(x0)), 250):
            if stop():
                return None
            level = schedule.level(t[rows])
            log_p = classifier(diffuse(x0[rows], level, noise[rows]), level).log_softmax(1).cpu()
            right += int((log_p.argmax(1) == labels[rows]).sum())
            nats += float(nll_loss(log_p.double(), labels[rows], reduction="sum"))
        accuracy.append(right / len(x0))
        loss.append(nats / len(x0))
    return tuple(accuracy), tuple(loss)


@torch.no_grad()
def ideal_reading(data: ImageSet, schedule: NoiseSchedule, *, samples: int = 160, seed: int = 0) -> Floor:
    """The cross-entropy that no classifier can beat on these pictures, in nats, by Monte Carlo.

    Args:
        data: the training pictures.
        schedule: of the run.
        samples: noised pictures for each part of 0 … T.
        seed: of the draw.
    """
    generator = torch.Generator().manual_seed(seed)
    images, labels = to_unit(data.images), torch.tensor(data.labels)
    exact, by_level, shares = exact_reader(data), [], []
    for part in range(LEVEL_BINS):
        t, share = times_of_part(schedule.T, part, samples, generator)
        chosen = torch.randint(len(images), (samples,), generator=generator)
        level = schedule.level(t)
        x_t = diffuse(images[chosen], level, torch.randn((samples, *images.shape[1:]), generator=generator))
        by_level.append(float(nll_loss(exact(x_t, level).double(), labels[chosen])))
        shares.append(share)
    return Floor(sum(loss * share for loss, share in zip(by_level, shares, strict=True)), tuple(by_level))
