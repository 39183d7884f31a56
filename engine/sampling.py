"""Sampling: the generator that runs a sampler from noise to data, one frame a step.

From x_T ~ N(0, I), for the levels T = t_0 > t_1 > … > t_N = 0 that a timestep spacing chooses (`engine.schedule.SPACINGS`):

    x_{t_{k+1}} = sampler.step(denoiser, x_{t_k}, level(t_k), level(t_{k+1}), z)

Every image has a seed of its own, from which x_T and every z are drawn, so it does not depend on its batch, and no global
random state is read or written. `sample` yields each frame as it is computed; the caller stops by dropping the iterator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from engine.denoiser import Denoiser
from engine.process import Prediction
from engine.samplers import PreviousStep, Sampler
from engine.schedule import Level, NoiseSchedule


class Start(NamedTuple):
    """The start of a trajectory that does not begin with N(0, I) at T."""

    x: Tensor
    """x_t, shape (B, ...)."""
    t: int
    """Its timestep, 0 … T."""
    previous: PreviousStep | None = None
    """The previous step, for multistep samplers; None if there was none, or if it was made with another denoiser."""
    draws: int = 0
    """Noise draws that each seed has made so far; sampling continues with the next one."""


class Frame(NamedTuple):
    """x_t and the prediction at it. N steps give N + 1 frames, x_T first."""

    step: int
    """How many steps have been taken, 0 … steps."""
    steps: int
    t: int
    """The timestep of x: T for the first frame, 0 for the last."""
    x: Tensor
    """x_t, shape (B, ...)."""
    x0: Tensor
    """x̂0 at this x_t; x itself in the last frame."""
    noise: Tensor
    """ε̂ at this x_t; zero in the last frame."""
    previous: PreviousStep | None = None
    """The previous step; None in the first frame."""
    draws: int = 0
    """Noise draws that each seed has made up to this x."""

    @property
    def start(self) -> Start:
        """The start from which sampling with the same settings gives the frames after this one."""
        return Start(self.x, self.t, self.previous, self.draws)


class SeededNoise:
    """Noise with a seed for each image: image k is the same in every batch.

    Args:
        seeds: B whole numbers in 0 … 2⁶³ − 1.
        shape: of one image.
        device: of the noise; it is drawn on the CPU, so that it is the same on every computer.
    """

    def __init__(self, seeds: Sequence[int], shape: Sequence[int], device: torch.device | str = "cpu") -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._shape = tuple(shape)
        self._device = device
        # For very small images several draws are made in one call, which is faster. torch fills fewer than 16 numbers
        # sequentially, so they are the same numbers in one call as in several.
        self._rounds = max(1, _SEQUENTIAL_NUMBERS // max(1, math.prod(self._shape)))
        self._buffered: list[Tensor] = []
        self.draws = 0
        """Number of calls so far."""

    def __call__(self) -> Tensor:
        """Fresh N(0, I) of shape (B, *shape)."""
        if not self._buffered:
            drawn = torch.empty(len(self._generators), self._rounds, *self._shape)
            for images, generator in zip(drawn, self._generators, strict=True):
                torch.randn(images.shape, generator=generator, out=images)
            self._buffered = list(drawn.unbind(1))
        self.draws += 1
        return self._buffered.pop(0).contiguous().to(self._device)


_SEQUENTIAL_NUMBERS = 15
"""Up to so many numbers torch fills one by one; from 16 on it vectorises, and the numbers depend on the size of the call."""


def timesteps_from(schedule: NoiseSchedule, steps: int, spacing: str, first_t: int) -> list[int]:
    """The timesteps of a trajectory that begins at `first_t`: that, and all later ones of the whole schedule in `steps` steps.

    Raises:
        ValueError: for a start outside 0 … T, steps outside 1 … T, or an unknown spacing.
    """
    if not 0 <= first_t <= schedule.T:
        raise ValueError(f"t = {first_t} is outside 0 … {schedule.T}.")
    return [first_t, *(t for t in schedule.timesteps(steps, spacing) if t < first_t)]


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    sampler: Sampler,
    *,
    shape: Sequence[int],
    steps: int,
    seeds: Sequence[int],
    label: Tensor | None = None,
    start: Start | tuple[Tensor, int] | None = None,
    spacing: str = "uniform",
    device: torch.device | str = "cpu",
) -> Iterator[Frame]:
    """Sample from noise to data, one frame at a time.

    Args:
        denoiser: any; it may have been trained on another schedule.
        schedule: of the trajectory.
        sampler: of each step.
        shape: of one image, for example (1, 28, 28).
        steps: 1 … T for the whole schedule; from a `start` below T those that remain.
        seeds: one for each image; their number B is the size of the batch.
        label: int64, shape (B,); None for no class.
        start: in place of N(0, I) at T: (x_t of shape (B, *shape), t), or the `start` of a frame.
        spacing: of the timesteps, a name in `schedule.SPACINGS`.

    Yields:
        steps + 1 frames, detached from the autograd graph.

    Raises:
        ValueError: for steps outside 1 … T, a start outside 0 … T, an unknown spacing, or a label that does not fit.
    """
    draw = SeededNoise(seeds, shape, device)
    if label is not None and label.shape != (len(seeds),):
        raise ValueError(f"{len(seeds)} images need {len(seeds)} labels, not {tuple(label.shape)}.")
    begin = Start(draw(), schedule.T, None, 1) if start is None else Start(*start)
    x, first_t, previous = begin.x.to(device), begin.t, begin.previous
    while draw.draws < begin.draws:
        draw()
    timesteps = timesteps_from(schedule, steps, spacing, first_t)

    def denoise(x: Tensor, level: Level) -> Prediction:
        return denoiser(x, level, label)

    for step, (t, next_t) in enumerate(pairwise(timesteps)):
        now, draws = schedule.level(t), draw.draws
        following, prediction = sampler.step(denoise, x, now, schedule.level(next_t), draw, previous)
        yield Frame(step, len(timesteps) - 1, t, x, prediction.x0, prediction.noise, previous, draws)
        x, previous = following, PreviousStep(now, prediction)
    yield Frame(len(timesteps) - 1, len(timesteps) - 1, 0, x, x, torch.zeros_like(x), previous, draw.draws)
