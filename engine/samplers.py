"""Samplers: one step from a noise level t to a cleaner one s. `engine.sampling` runs them down a schedule.

The reverse process is an SDE or an ODE (Song et al. 2021, arXiv:2011.13456); each sampler discretises one of them, with x̂0 and
ε̂ held fixed or extrapolated over a step:

    DDPM   x_s ~ N(posterior mean at x̂0, σ²)                         Ho et al. 2020, arXiv:2006.11239, alg. 2
    DDIM   x_s = √ᾱ_s x̂0 + √(1 − ᾱ_s − σ²) ε̂ + σ z,  σ = η √β̃        Song et al. 2021, arXiv:2010.02502, eq. 12
    Heun   DDIM with the mean of ε̂ at both ends: order 2             Karras et al. 2022, arXiv:2206.00364, alg. 1
    DPM-Solver++ 2M   DDIM with x̂0 extrapolated from the step before  Lu et al. 2022, arXiv:2211.01095, alg. 2

Add one: write a frozen dataclass with a `step`, and give it a line in `SAMPLERS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from engine.process import Noise, Prediction, posterior, posterior_variance, prediction_from_x0
from engine.schedule import Level, broadcast

Denoise = Callable[[Tensor, Level], Prediction]
"""A denoiser with its labels bound."""

Draw = Callable[[], Tensor]
"""Gives fresh N(0, I) of x's shape each time it is called."""


class PreviousStep(NamedTuple):
    """The level and the prediction of the previous step, for multistep samplers."""

    level: Level
    prediction: Prediction


class Sampler(Protocol):
    """One update rule of the reverse process."""

    def step(
        self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
    ) -> tuple[Tensor, Prediction]:
        """One update.

        Args:
            denoise: the denoiser with its labels bound.
            x: x_t, shape (B, ...).
            now, to: the level of x, and the cleaner level of the result.
            noise: draws fresh N(0, I) of x's shape; a deterministic sampler never calls it.
            previous: the previous step, None at the first; single-step samplers ignore it.

        Returns:
            x at the level `to`, and the prediction at (x, now).
        """
        ...


Variance = Literal["small", "large", "learned", "zero"]


def _learned_variance(now: Level, to: Level, prediction: Prediction) -> Tensor:
    mix = prediction.variance_mix
    if mix is None:
        raise ValueError("This model has no learned variance: choose the small one, the large one or none.")
    large, small = now.variance_since(to), posterior_variance(now, to)
    return torch.exp(mix * broadcast(large.log(), mix) + (1 - mix) * broadcast(small.log(), mix))


VARIANCES: dict[Variance, Callable[[Level, Level, Prediction], Tensor]] = {
    "small": lambda now, to, _: posterior_variance(now, to),
    "large": lambda now, to, _: now.variance_since(to),
    "learned": _learned_variance,
    "zero": lambda now, to, _: torch.zeros_like(now.variance),
}
"""σ² of a reverse step: β̃ (right if all data were one point), β (right if data were N(0, I)), the learned one between
them (Nichol & Dhariwal 2021, eq. 15; one for each pixel and channel), or none.
Ho et al. 2020, section 3.2. "zero" is in no paper; it is not DDIM, whose mean differs."""


@dataclass(frozen=True)
class Ancestral:
    """DDPM: draw from p(x_s | x_t) = N(posterior mean at x̂0, σ²); Ho et al. 2020, algorithm 2.

    The step to t = 0 adds no noise, as in the paper.

    Raises:
        ValueError: (in a step) where `variance` is "learned" and the prediction has no `variance_mix`.
    """

    variance: Variance = "small"

    def step(
        self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
    ) -> tuple[Tensor, Prediction]:
        prediction = denoise(x, now)
        mean, _ = posterior(x, prediction.x0, now, to)
        variance = VARIANCES[self.variance](now, to, prediction)
        if variance.shape != x.shape:  # not learned: one for each picture
            variance = broadcast(variance, x)
        variance = torch.where(broadcast(to.variance, x) > 0, variance, 0.0)
        return _add_noise(mean, variance.sqrt(), noise), prediction


@dataclass(frozen=True)
class DDIM:
    """x_s = √ᾱ_s x̂0 + √(1−ᾱ_s−σ²) ε̂ + σ z; Song et al. 2021, arXiv:2010.02502, eq. 12.

    eta scales the standard deviation, σ = eta · √β̃ (their eq. 16): 0 is deterministic, 1 has the
    distribution of DDPM's steps.

    Raises:
        ValueError: for eta outside 0 … 1.
    """

    eta: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta lies between 0 and 1, not at {self.eta}.")

    def step(
        self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
    ) -> tuple[Tensor, Prediction]:
        prediction = denoise(x, now)
        return self.follow(prediction, x, now, to, noise), prediction

    def follow(self, prediction: Prediction, x: Tensor, now: Level, to: Level, noise: Draw) -> Tensor:
        """x at the level `to` with a given prediction: the update without a network evaluation."""
        std = broadcast(self.eta * posterior_variance(now, to).sqrt(), x)
        direction = (to.variance - self.eta**2 * posterior_variance(now, to)).clamp(min=0).sqrt()
        signal, _ = to.scales(x)
        mean = signal * prediction.x0 + broadcast(direction, x) * prediction.noise
        return _add_noise(mean, std, noise)


@dataclass(frozen=True)
class Heun:
    """Two network evaluations a step: a trial step of DDIM, then the step with the mean of ε̂ at both ends. Order 2.

    Karras et al. 2022, arXiv:2206.00364, algorithm 1 without its added noise: in x/√ᾱ and σ = √((1−ᾱ)/ᾱ) the path of DDIM is
    dx = ε̂ dσ. A step over which σ falls by more than MAX_SIGMA_RATIO is a step of DDIM: the mean of both ends is no better
    there than the first, and at t = 0, or at zero SNR, no denoiser can be evaluated.
    """

    MAX_SIGMA_RATIO: ClassVar[float] = 4.0

    def step(
        self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
    ) -> tuple[Tensor, Prediction]:
        prediction = denoise(x, now)
        trial = DDIM().follow(prediction, x, now, to, noise)
        too_long = to.log_snr - now.log_snr > 2 * math.log(self.MAX_SIGMA_RATIO)
        if bool(too_long.all()):
            return trial, prediction
        second = denoise(trial, to)
        mean = Noise().read((prediction.noise + second.noise) / 2, x, now)
        corrected = DDIM().follow(mean, x, now, to, noise)
        return torch.where(broadcast(too_long, x) > 0, trial, corrected), prediction


@dataclass(frozen=True)
class DPMSolver2M:
    """DPM-Solver++ 2M: a step of DDIM with x̂0 extrapolated linearly in λ. Order 2, one network evaluation a step.

    Lu et al. 2022, arXiv:2211.01095, algorithm 2, in λ = ½ log-SNR. With eta = 1 it is their stochastic one,
    SDE-DPM-Solver++ 2M (as diffusers has it): a step of DDPM with that same x̂0. The first
    step, and the one to the clean picture, where λ is infinite, are of order 1.

    Raises:
        ValueError: for eta outside 0 … 1.
    """

    eta: float = 0.0

    def __post_init__(self) -> None:
        DDIM(self.eta)  # raises for an eta out of range

    def step(
        self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
    ) -> tuple[Tensor, Prediction]:
        prediction = denoise(x, now)
        extrapolated = prediction if previous is None else self._extrapolate(prediction, previous, x, now, to)
        return DDIM(self.eta).follow(extrapolated, x, now, to, noise), prediction

    @staticmethod
    def _extrapolate(prediction: Prediction, previous: PreviousStep, x: Tensor, now: Level, to: Level) -> Prediction:
        """x̂0 extrapolated to the middle of this step."""
        step, previous_step = to.log_snr - now.log_snr, now.log_snr - previous.level.log_snr
        weight = torch.where(step.isfinite() & previous_step.isfinite(), step / (2 * previous_step), 0.0)
        change = prediction.x0 - previous.prediction.x0
        return prediction_from_x0(prediction.x0 + broadcast(weight, x) * change, x, now)


def _add_noise(mean: Tensor, std: Tensor, noise: Draw) -> Tensor:
    """mean + std · z, without drawing z where std is 0 throughout."""
    return mean + std * noise() if bool((std > 0).any()) else mean


@dataclass(frozen=True)
class NamedSampler:
    """A sampler of `SAMPLERS`, with its title and description."""

    title: str
    about: str
    make: Callable[[float, Variance], Sampler]
    """From (eta, variance) to the sampler."""
    settings: frozenset[Literal["eta", "variance"]] = frozenset()
    """Which of the two have an effect."""
    evaluations: int = 1
    """Network evaluations in one step, at most."""

    def __call__(self, eta: float = 0.0, variance: Variance = "small") -> Sampler:
        """The sampler itself. Raises ValueError for an eta that it cannot take."""
        return self.make(eta, variance)


SAMPLERS: dict[str, NamedSampler] = {
    "ddim": NamedSampler("DDIM", "deterministic for η = 0", lambda eta, _: DDIM(eta), frozenset({"eta"})),
    "ddpm": NamedSampler("DDPM", "fresh noise at every step", lambda _, var: Ancestral(var), frozenset({"variance"})),
    "heun": NamedSampler("Heun", "two network evaluations a step", lambda *_: Heun(), evaluations=2),
    "dpm++2m": NamedSampler("DPM-Solver++ 2M", "uses the step before", lambda *_: DPMSolver2M()),
    "dpm++2m-sde": NamedSampler(
        "DPM-Solver++ 2M SDE", "the same with noise at every step", lambda *_: DPMSolver2M(1.0)
    ),
}
"""The named samplers. A line here adds one to recipes, the command line and the Sampling lab."""
