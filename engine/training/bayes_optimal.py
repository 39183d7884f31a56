"""The Bayes-optimal loss: that of the exact denoiser of the training pictures, the minimum of the loss on them.

A network whose loss comes close to it at low noise has memorised the pictures; a higher loss at high noise can still be
reduced.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

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
        by_level.append(float((error.square().flatten(1).mean(1) * weight[t]).mean()))
        shares.append(share)
    return BayesOptimalLoss(sum(loss * share for loss, share in zip(by_level, shares, strict=True)), tuple(by_level))
