"""The Bayes-optimal loss: that of the exact denoiser of the training pictures, the minimum of the loss on them.

A network whose loss comes close to it at low noise has memorised the pictures; a higher loss at high noise can still be
reduced.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.ideal import ExactDenoiser
from engine.process import Target, diffuse
from engine.schedule import NoiseSchedule
from engine.training.objective import weights
from engine.training.timestep_bins import TIMESTEP_BINS, draw_in_bin


@dataclass(frozen=True)
class BayesOptimalLoss:
    """In the unit of the training loss: weighted squared error per dimension, or nats of a classifier."""

    loss: float
    loss_by_level: tuple[float, ...]
    """In each of `TIMESTEP_BINS` equal parts of 0 … T, cleanest first."""
    error: float = 0.0
    error_by_level: tuple[float, ...] = ()
    """Standard errors of these means over the samples; 0 and () where they were not measured."""

    @staticmethod
    def of_samples(losses: Sequence[Tensor], shares: Sequence[float]) -> BayesOptimalLoss:
        """From the losses of the samples of each bin, shape (N,), and the share of all timesteps that each bin has."""
        means = tuple(float(loss.double().mean()) for loss in losses)
        errors = tuple(float(loss.double().std()) / math.sqrt(len(loss)) for loss in losses)
        mean = sum(one * share for one, share in zip(means, shares, strict=True))
        return BayesOptimalLoss(mean, means, math.hypot(*(e * s for e, s in zip(errors, shares, strict=True))), errors)


@torch.no_grad()
def bayes_optimal_loss(
    data: ImageSet,
    schedule: NoiseSchedule,
    target: Target,
    weighting: str = "plain",
    *,
    samples: int = 160,
    seed: int = 0,
) -> BayesOptimalLoss:
    """The loss of the exact denoiser, by Monte Carlo.

    Args:
        data: the training pictures; where there are classes, the exact denoiser is conditioned on the label.
        schedule, target, weighting: of the run.
        samples: noised pictures in each timestep bin.
        seed: of the draw.
    """
    generator = torch.Generator().manual_seed(seed)
    images, labels = to_unit(data.images), torch.tensor(data.labels)
    exact = ExactDenoiser(images, labels)
    weight = weights(weighting, schedule, target)
    by_level, shares = [], []
    for index in range(TIMESTEP_BINS):
        t, share = draw_in_bin(schedule.T, index, samples, generator)
        chosen = torch.randint(len(images), (samples,), generator=generator)
        noise = torch.randn((samples, *images.shape[1:]), generator=generator)
        level, x0 = schedule.level(t), images[chosen]
        prediction = exact(diffuse(x0, level, noise), level, labels[chosen])
        error = target.of(prediction.x0, prediction.noise, level) - target.of(x0, noise, level)
        by_level.append(error.square().flatten(1).mean(1) * weight[t])
        shares.append(share)
    return BayesOptimalLoss.of_samples(by_level, shares)
