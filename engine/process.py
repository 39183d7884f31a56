"""The forward process q, its posterior, and the three targets that a network can be trained to predict.

For noise levels s < t, with β = 1 − ᾱ_t / ᾱ_s the variance that is added between them (Ho et al. 2020, arXiv:2006.11239):

    x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε                                                     `diffuse`, eq. 4
    x_t = √(1 − β) x_s + √β ε                                                         `markov_step`, eq. 2
    q(x_s | x_t, x_0) = N(√ᾱ_s β / (1 − ᾱ_t) x_0 + √(1 − β) (1 − ᾱ_s) / (1 − ᾱ_t) x_t, β̃ I)      `posterior`, eq. 7
    β̃ = (1 − ᾱ_s) / (1 − ᾱ_t) β                                                       `posterior_variance`

They hold for any two levels, not only for neighbours: a sampler of 50 steps on a schedule of 1000 uses the same formulas. At a
known x_t, x_0 and ε determine each other, so a network may predict either, or v = √ᾱ ε − √(1 − ᾱ) x_0 (`TARGETS`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from engine.schedule import Level, Rows, broadcast


def diffuse(x0: Tensor, level: Level, noise: Tensor) -> Tensor:
    """x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε: from the clean picture to any level in one step; Ho et al. 2020, eq. 4.

    Args:
        x0, noise: shape (B, ...); noise is drawn from N(0, I).
        level: one for all, or one for each of the B.
    """
    signal, sigma = level.scales(x0)
    return signal * x0 + sigma * noise


def markov_step(x_s: Tensor, earlier: Level, later: Level, noise: Tensor) -> Tensor:
    """One step of the chain, x_t = √(1−β) x_s + √β ε with β = 1 − ᾱ_t/ᾱ_s; Ho et al. 2020, eq. 2.

    Args:
        x_s, noise: shape (B, ...); the noise is fresh at every step.
        earlier, later: the levels of x_s and of x_t; for neighbours t − 1 and t, β is the schedule's β_t.
    """
    beta = later.variance_since(earlier)
    return broadcast((1 - beta).sqrt(), x_s) * x_s + broadcast(beta.sqrt(), x_s) * noise


class Gaussian(NamedTuple):
    """N(mean, variance · I)."""

    mean: Tensor
    """Shape (B, ...)."""
    variance: Tensor
    """float64, shape () or (B,)."""


def posterior(x_t: Tensor, x0: Tensor, now: Level, to: Level) -> Gaussian:
    """q(x_s | x_t, x_0): x at the cleaner level `to`, given both ends; Ho et al. 2020, eqs. 6 and 7.

    Args:
        x_t, x0: shape (B, ...).
        now: the level of x_t.
        to: the level of x_s, cleaner than `now`. For neighbours this is the q(x_{t−1} | x_t, x_0) of the paper.
    """
    beta = now.variance_since(to)
    of_x0 = to.alpha_bar.sqrt() * beta / now.variance
    of_x_t = (1 - beta).sqrt() * to.variance / now.variance
    mean = broadcast(of_x0, x0) * x0 + broadcast(of_x_t, x_t) * x_t
    return Gaussian(mean, posterior_variance(now, to))


def posterior_variance(now: Level, to: Level) -> Tensor:
    """β̃ = (1 − ᾱ_s) / (1 − ᾱ_t) · (1 − ᾱ_t/ᾱ_s): float64, shape () or (B,)."""
    return to.variance / now.variance * now.variance_since(to)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a denoiser predicts from x_t: x̂0 and ε̂, with x_t = √ᾱ x̂0 + √(1−ᾱ) ε̂.

    Indexes and concatenates like a batch of tensors: `prediction[rows]`, `Prediction.cat(parts)`.
    """

    x0: Tensor
    """x̂0, the predicted clean picture: E[x_0 | x_t] where it is exact. Shape of x_t."""
    noise: Tensor
    """ε̂, the predicted noise in x_t. Shape of x_t."""
    variance_mix: Tensor | None = None
    """v, where the variance of a reverse step is learned (Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 15):
    log σ² = v log β + (1 − v) log β̃, so 1 is the large variance and 0 the small one. Shape of x_t; not clipped to 0 … 1."""

    def __len__(self) -> int:
        return len(self.x0)

    def __getitem__(self, rows: Rows) -> Prediction:
        """The predictions of some rows of the batch."""
        mix = self.variance_mix
        return Prediction(self.x0[rows], self.noise[rows], None if mix is None else mix[rows])

    @staticmethod
    def cat(parts: Sequence[Prediction]) -> Prediction:
        """The prediction of all batches, one after the other."""
        mixes = [part.variance_mix for part in parts if part.variance_mix is not None]
        x0, noise = torch.cat([part.x0 for part in parts]), torch.cat([part.noise for part in parts])
        return Prediction(x0, noise, torch.cat(mixes) if mixes else None)

    def to(self, device: torch.device | str) -> Prediction:
        """The same on another device."""
        mix = self.variance_mix
        return Prediction(self.x0.to(device), self.noise.to(device), None if mix is None else mix.to(device))


def prediction_from_x0(x0: Tensor, x_t: Tensor, level: Level) -> Prediction:
    """x̂0 with the ε̂ that belongs to it. The level must have noise in it."""
    signal, sigma = level.scales(x_t)
    return Prediction(x0, (x_t - signal * x0) / sigma)


class Target(Protocol):
    """The prediction target of a network: ε, x_0 or v (diffusers' `prediction_type`)."""

    def of(self, x0: Tensor, noise: Tensor, level: Level) -> Tensor:
        """The target of training, shape of x0."""
        ...

    def read(self, output: Tensor, x_t: Tensor, level: Level) -> Prediction:
        """x̂0 and ε̂ from the network's output, all of x_t's shape."""
        ...


@dataclass(frozen=True)
class Noise:
    """The network predicts ε. Ho et al. 2020, section 3.2. Undefined where ᾱ = 0: x_t is then independent of x_0."""

    def of(self, x0: Tensor, noise: Tensor, level: Level) -> Tensor:
        """ε itself."""
        return noise

    def read(self, output: Tensor, x_t: Tensor, level: Level) -> Prediction:
        """x̂0 = (x_t − √(1−ᾱ) ε̂) / √ᾱ."""
        signal, sigma = level.scales(x_t)
        return Prediction((x_t - sigma * output) / signal, output)


@dataclass(frozen=True)
class Clean:
    """The network predicts x_0. Ho et al. 2020, section 3.2, found worse samples with it than with ε."""

    def of(self, x0: Tensor, noise: Tensor, level: Level) -> Tensor:
        """x_0 itself."""
        return x0

    def read(self, output: Tensor, x_t: Tensor, level: Level) -> Prediction:
        """ε̂ = (x_t − √ᾱ x̂0) / √(1−ᾱ)."""
        return prediction_from_x0(output, x_t, level)


@dataclass(frozen=True)
class Velocity:
    """The network predicts v = √ᾱ ε − √(1−ᾱ) x_0. Salimans & Ho 2022, arXiv:2202.00512, section 4."""

    def of(self, x0: Tensor, noise: Tensor, level: Level) -> Tensor:
        """v = √ᾱ ε − √(1−ᾱ) x_0."""
        signal, sigma = level.scales(x0)
        return signal * noise - sigma * x0

    def read(self, output: Tensor, x_t: Tensor, level: Level) -> Prediction:
        """x̂0 = √ᾱ x_t − √(1−ᾱ) v̂ and ε̂ = √(1−ᾱ) x_t + √ᾱ v̂."""
        signal, sigma = level.scales(x_t)
        return Prediction(signal * x_t - sigma * output, sigma * x_t + signal * output)


TARGETS: dict[str, Target] = {"noise": Noise(), "clean": Clean(), "velocity": Velocity()}
"""The prediction targets by name; diffusers calls them "epsilon", "sample" and "v_prediction"."""
