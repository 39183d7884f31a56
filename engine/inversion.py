"""DDIM inversion: from a picture to the noise from which DDIM would sample it. Song et al. 2021, arXiv:2010.02502, section 4.3.

DDIM with η = 0 is Euler's method for the ODE d(x/√ᾱ) = ε̂ dσ, σ = √((1 − ᾱ) / ᾱ) (their eq. 14), and an ODE runs in both
directions: x_s → x_t uses the same update with the prediction at the cleaner level, x_t = √ᾱ_t x̂0(x_s) + √(1 − ᾱ_t) ε̂(x_s).
The error of either direction is of order 1 / steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from engine.denoiser import Denoiser
from engine.process import Prediction, diffuse
from engine.sampling import Frame
from engine.schedule import NoiseSchedule


@torch.no_grad()
def invert(
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    x0: Tensor,
    *,
    steps: int,
    label: Tensor | None = None,
    spacing: str = "uniform",
) -> Iterator[Frame]:
    """Run DDIM (eta = 0) from data to noise, one frame at a time.

    `sample(…, start=(x_T, T))` with DDIM then leads back, with an error of order 1 / steps in each direction.

    Args:
        denoiser: without guidance: with a scale above 1 inversion is inaccurate (Mokady et al. 2022, arXiv:2211.09794).
        schedule: of the trajectory.
        x0: pictures, shape (B, ...).
        steps: 1 … T.
        label: int64, shape (B,); None for no class.
        spacing: of the timesteps, a name in `schedule.SPACINGS`.

    Yields:
        steps + 1 frames, detached from the autograd graph: the picture first, x_T last. No denoiser can be evaluated
        at t = 0: in the first frame x̂0 is the picture itself, and ε̂ the prediction for it at t = 1.

    Raises:
        ValueError: for steps outside 1 … T or an unknown spacing.
    """
    path = schedule.timesteps(steps, spacing)[::-1]
    x, prediction = x0, Prediction(x0, denoiser(x0, schedule.level(1), label).noise)
    for step, (t, next_t) in enumerate(pairwise(path)):
        yield Frame(step, steps, t, x, prediction.x0, prediction.noise)
        to = schedule.level(next_t)
        x = diffuse(prediction.x0, to, prediction.noise)
        prediction = denoiser(x, to, label)
    yield Frame(steps, steps, schedule.T, x, prediction.x0, prediction.noise)
