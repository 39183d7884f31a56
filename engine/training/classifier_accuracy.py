"""Accuracy of a classifier on noised held-out pictures, by noise level, beside that of the exact classifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.data.store import gather
from engine.guidance import NoisyClassifier
from engine.ideal import ExactClassifier, ExactDenoiser
from engine.process import diffuse
from engine.schedule import NoiseSchedule
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.timestep_bins import TIMESTEP_BINS, draw_in_bin


@dataclass(frozen=True)
class ClassifierAccuracy:
    """Accuracy and loss in each of `TIMESTEP_BINS` equal parts of 0 … T, cleanest first."""

    step: int
    """Of the training."""
    pictures: int
    """How many held-out pictures, each noised in every timestep bin."""
    accuracy_by_level: tuple[float, ...]
    """Share of them that is classified correctly."""
    loss_by_level: tuple[float, ...]
    """Cross-entropy in nats."""
    exact_by_level: tuple[float, ...] = ()
    """Accuracy of the `exact_classifier` of the training pictures on the same; empty where these are too many."""


def exact_classifier(data: ImageSet) -> ExactClassifier:
    """p(y | x_t) for the empirical distribution of these pictures: the Bayes-optimal classifier of them."""
    exact = ExactDenoiser(to_unit(data.images), torch.tensor(data.labels))
    return ExactClassifier(exact, len(data.class_names))


@torch.no_grad()
def evaluate_by_level(
    classifier: NoisyClassifier,
    pictures: ImageSet,
    schedule: NoiseSchedule,
    *,
    most: int = 1000,
    seed: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Accuracy and loss of a classifier in every timestep bin.

    Args:
        classifier: any; its logits may be on any device.
        pictures: at most `most` of them are used; which, their noise levels and their noise are drawn by `seed`.
        schedule: of t = 1 … T.
        stop: called before each batch; True to give up.

    Returns:
        Accuracy and cross-entropy in nats by timestep bin; None where it was stopped.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(pictures), generator=generator)[:most]
    x0, labels = to_unit(gather(pictures.images, chosen.numpy())), torch.tensor(pictures.labels)[chosen]
    accuracy, loss = [], []
    for index in range(TIMESTEP_BINS):
        t, _ = draw_in_bin(schedule.T, index, len(x0), generator)
        noise = torch.randn(x0.shape, generator=generator)
        right, nats = 0, 0.0
        for rows in torch.split(torch.arange(len(x0)), 250):
            if stop():
                return None
            level = schedule.level(t[rows])
            logits = classifier(diffuse(x0[rows], level, noise[rows]), level).cpu()
            right += int((logits.argmax(1) == labels[rows]).sum())
            nats += float(cross_entropy(logits.double(), labels[rows], reduction="sum"))
        accuracy.append(right / len(x0))
        loss.append(nats / len(x0))
    return tuple(accuracy), tuple(loss)


@torch.no_grad()
def bayes_optimal_cross_entropy(
    data: ImageSet, schedule: NoiseSchedule, *, samples: int = 160, seed: int = 0
) -> BayesOptimalLoss:
    """The cross-entropy of the exact classifier on its own pictures, in nats, by Monte Carlo.

    Args:
        data: the training pictures.
        schedule: of the run.
        samples: noised pictures in each timestep bin.
        seed: of the draw.
    """
    generator = torch.Generator().manual_seed(seed)
    images, labels = to_unit(data.images), torch.tensor(data.labels)
    exact, by_level, shares = exact_classifier(data), [], []
    for index in range(TIMESTEP_BINS):
        t, share = draw_in_bin(schedule.T, index, samples, generator)
        chosen = torch.randint(len(images), (samples,), generator=generator)
        level = schedule.level(t)
        x_t = diffuse(images[chosen], level, torch.randn((samples, *images.shape[1:]), generator=generator))
        by_level.append(cross_entropy(exact(x_t, level).double(), labels[chosen], reduction="none"))
        shares.append(share)
    return BayesOptimalLoss.of_samples(by_level, shares)
