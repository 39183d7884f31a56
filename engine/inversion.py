"""DDIM inversion: from a picture up to the noise that DDIM would draw it from. Song et al. 2021, arXiv:2010.02502, sec. 4.3."""

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
    """Walk the path of DDIM (eta = 0) the other way, from data to noise, one frame at a time.

    `sample(…, start=(x_T, T))` with DDIM then leads back. The way there and the way back make errors of order 1/steps each, for
    either believes the prediction at the beginning of a step.

    Args:
        denoiser: without guidance; what guidance adds cannot be walked back.
        schedule: the one to walk up.
        x0: pictures, shape (B, ...).
        steps: how many steps to take, 1 … T.
        label: int64, shape (B,); None for no class.
        spacing: where the steps lie, a name in `schedule.SPACINGS`.

    Yields:
        steps + 1 frames, none of which carries a graph: the picture first, x_T last. No denoiser can be asked about a picture
        without noise: of the first frame x̂0 is the picture itself, and ε̂ what is seen in it at t = 1.

    Raises:
        ValueError: for steps outside 1 … T or a spacing that there is not.
    """
    path = schedule.timesteps(steps, spacing)[::-1]
    x, prediction = x0, Prediction(x0, denoiser(x0, schedule.level(1), label).noise)
    for step, (t, next_t) in enumerate(pairwise(path)):
        yield Frame(step, steps, t, x, prediction.x0, prediction.noise)
        to = schedule.level(next_t)
        x = diffuse(prediction.x0, to, prediction.noise)
        prediction = denoiser(x, to, label)
    yield Frame(steps, steps, schedule.T, x, prediction.x0, prediction.noise)
