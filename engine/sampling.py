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
    """Where a trajectory begins that does not begin with noise at T."""

    x: Tensor
    """x_t, shape (B, ...)."""
    t: int
    """Where on the schedule that is."""
    previous: PreviousStep | None = None
    """The step that led here, for multistep samplers; None if there was none, or if it does not count."""
    draws: int = 0
    """Draws of noise that each seed has made so far: the next one follows."""


class Frame(NamedTuple):
    """One moment of sampling. N steps give N + 1 of them, the noise first."""

    step: int
    """How many steps have been taken, 0 … steps."""
    steps: int
    t: int
    """Where on the schedule x is: T for the first frame, 0 for the last."""
    x: Tensor
    """x_t, shape (B, ...)."""
    x0: Tensor
    """x̂0 at this x_t; x itself in the last frame."""
    noise: Tensor
    """ε̂ at this x_t; zero in the last frame."""
    previous: PreviousStep | None = None
    """The step that led here; None in the first frame."""
    draws: int = 0
    """Draws of noise that each seed has made when x is here."""

    @property
    def start(self) -> Start:
        """Sampling from this start, with the same settings, gives the frames that follow this one."""
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
        # Of very small images several rounds are drawn at a time, which is quicker. torch draws fewer than 16 numbers one after
        # the other, so that they are the same numbers whether drawn in one call or in several.
        self._rounds = max(1, _ONE_BY_ONE // max(1, math.prod(self._shape)))
        self._ahead: list[Tensor] = []
        self.draws = 0
        """How many times it was called."""

    def __call__(self) -> Tensor:
        """Fresh N(0, I) of shape (B, *shape)."""
        if not self._ahead:
            drawn = torch.empty(len(self._generators), self._rounds, *self._shape)
            for images, generator in zip(drawn, self._generators, strict=True):
                torch.randn(images.shape, generator=generator, out=images)
            self._ahead = list(drawn.unbind(1))
        self.draws += 1
        return self._ahead.pop(0).contiguous().to(self._device)


_ONE_BY_ONE = 15
"""Numbers that torch draws one after the other."""


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
        steps + 1 frames, none of which carries a graph.

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
    if not 0 <= first_t <= schedule.T:
        raise ValueError(f"t = {first_t} is outside 0 … {schedule.T}.")
    path = [first_t, *(t for t in schedule.timesteps(steps, spacing) if t < first_t)]

    def denoise(x: Tensor, level: Level) -> Prediction:
        return denoiser(x, level, label)

    for step, (t, next_t) in enumerate(pairwise(path)):
        now, draws = schedule.level(t), draw.draws
        following, prediction = sampler.step(denoise, x, now, schedule.level(next_t), draw, previous)
        yield Frame(step, len(path) - 1, t, x, prediction.x0, prediction.noise, previous, draws)
        x, previous = following, PreviousStep(now, prediction)
    yield Frame(len(path) - 1, len(path) - 1, 0, x, x, torch.zeros_like(x), previous, draw.draws)
