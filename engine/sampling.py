"""From noise to data: samplers, and the generator that walks one of them down the schedule.

`sample` yields every frame as it is made. Whoever wants to stop drops the iterator; nothing else is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from engine.denoiser import Denoiser
from engine.process import Prediction, posterior, posterior_variance
from engine.schedule import Level, NoiseSchedule, broadcast

Denoise = Callable[[Tensor, Level], Prediction]
"""A denoiser that has already been told the labels."""

Draw = Callable[[], Tensor]
"""Gives fresh N(0, I) of x's shape each time it is called."""


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
    """x̂0, what the denoiser makes of this very x_t; x itself in the last frame."""
    noise: Tensor
    """ε̂, the noise that the denoiser sees in this very x_t; all zero in the last frame."""


class Sampler(Protocol):
    """One way of going from a noise level to a cleaner one."""

    def step(self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw) -> tuple[Tensor, Prediction]:
        """One update.

        Args:
            denoise: the denoiser with the labels already given to it.
            x: x_t, shape (B, ...).
            now, to: the level of x, and the cleaner one that is wanted.
            noise: draws fresh N(0, I) of x's shape; a deterministic sampler never calls it.

        Returns:
            x at the level `to`, and the prediction that was made at (x, now).
        """
        ...


Variance = Literal["small", "large", "zero"]

VARIANCES: dict[Variance, Callable[[Level, Level], Tensor]] = {
    "small": posterior_variance,
    "large": lambda now, to: now.variance_since(to),
    "zero": lambda now, to: torch.zeros_like(now.variance),
}
"""σ² of a reverse step: β̃ (right if all data were one point), β (right if data were N(0, I)), or none.
Ho et al. 2020, section 3.2. No noise at all is an option of ours, worth seeing; it is not DDIM, whose mean is another."""


@dataclass(frozen=True)
class Ancestral:
    """DDPM: draw from p(x_s | x_t) = N(posterior mean at x̂0, σ²); Ho et al. 2020, algorithm 2.

    The step to t = 0 adds no noise, as in the paper.
    """

    variance: Variance = "small"

    def step(self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw) -> tuple[Tensor, Prediction]:
        prediction = denoise(x, now)
        mean, _ = posterior(x, prediction.x0, now, to)
        variance = torch.where(to.variance > 0, VARIANCES[self.variance](now, to), 0.0)
        return _add_noise(mean, variance.sqrt(), noise), prediction


@dataclass(frozen=True)
class DDIM:
    """x_s = √ᾱ_s x̂0 + √(1−ᾱ_s−σ²) ε̂ + σ z; Song et al. 2021, arXiv:2010.02502, eq. 12.

    eta scales the standard deviation, σ = eta · √β̃ (their eq. 16): 0 draws one smooth deterministic path, 1 has DDPM's law.

    Raises:
        ValueError: for eta outside 0 … 1.
    """

    eta: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta lies between 0 and 1, not at {self.eta}.")

    def step(self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw) -> tuple[Tensor, Prediction]:
        prediction = denoise(x, now)
        std = self.eta * posterior_variance(now, to).sqrt()
        direction = (to.variance - std**2).clamp(min=0).sqrt()
        signal, _ = to.scales(x)
        mean = signal * prediction.x0 + broadcast(direction, x) * prediction.noise
        return _add_noise(mean, std, noise), prediction


def _add_noise(mean: Tensor, std: Tensor, noise: Draw) -> Tensor:
    """mean + std · z, without drawing z where std is 0 throughout."""
    return mean + broadcast(std, mean) * noise() if bool((std > 0).any()) else mean


class SeededNoise:
    """Noise with a seed for each image: image k comes out the same whatever it is drawn together with.

    Args:
        seeds: B whole numbers in 0 … 2⁶³ − 1.
        shape: of one image.
        device: where the noise is wanted; it is drawn on the CPU, so that every machine draws the same.
    """

    def __init__(self, seeds: Sequence[int], shape: Sequence[int], device: torch.device | str = "cpu") -> None:
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._shape = tuple(shape)
        self._device = device

    def __call__(self) -> Tensor:
        """Fresh N(0, I) of shape (B, *shape)."""
        drawn = torch.empty(len(self._generators), *self._shape)
        for image, generator in zip(drawn, self._generators, strict=True):
            torch.randn(self._shape, generator=generator, out=image)
        return drawn.to(self._device)


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
    start: tuple[Tensor, int] | None = None,
    device: torch.device | str = "cpu",
) -> Iterator[Frame]:
    """Walk from noise to data, one frame at a time.

    Args:
        denoiser: any; it may have been trained on another schedule.
        schedule: the one to walk down.
        sampler: how each step is made.
        shape: of one image, for example (1, 28, 28).
        steps: how many steps to take, 1 … T (fewer of them where `start` lies lower on the schedule).
        seeds: one for each image; their number B is the size of the batch.
        label: int64, shape (B,); None for no class.
        start: (x_t of shape (B, *shape), t) to begin from somewhere else than from N(0, I) at T.

    Yields:
        steps + 1 frames, none of which carries a graph.

    Raises:
        ValueError: for steps outside 1 … T, a start outside 0 … T, or a label that does not fit.
    """
    draw = SeededNoise(seeds, shape, device)
    if label is not None and label.shape != (len(seeds),):
        raise ValueError(f"{len(seeds)} images need {len(seeds)} labels, not {tuple(label.shape)}.")
    x, first_t = (draw(), schedule.T) if start is None else (start[0].to(device), start[1])
    if not 0 <= first_t <= schedule.T:
        raise ValueError(f"t = {first_t} is outside 0 … {schedule.T}.")
    path = [first_t, *(t for t in schedule.timesteps(steps) if t < first_t)]

    def denoise(x: Tensor, level: Level) -> Prediction:
        return denoiser(x, level, label)

    for step, (t, next_t) in enumerate(pairwise(path)):
        following, prediction = sampler.step(denoise, x, schedule.level(t), schedule.level(next_t), draw)
        yield Frame(step, len(path) - 1, t, x, prediction.x0, prediction.noise)
        x = following
    yield Frame(len(path) - 1, len(path) - 1, 0, x, x, torch.zeros_like(x))


SAMPLERS: dict[str, Callable[[float, Variance], Sampler]] = {
    "ddpm": lambda eta, variance: Ancestral(variance),
    "ddim": lambda eta, variance: DDIM(eta),
}
"""The samplers that go by a name, made from the two settings that readers have: eta and the variance of DDPM."""
