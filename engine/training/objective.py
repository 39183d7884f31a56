"""The training objectives. Of a denoiser: a weighted squared error, plus the bound where the variance is learned. Of a
classifier of noisy pictures: the cross-entropy in nats. Of a VAE: its bound in bits per dimension.

The papers give a weighting as the weight of one unit of squared error of x̂0 at a signal-to-noise ratio. It is converted here to
the weight of one unit of squared error of the network's output (`x0_error_ratio`), and scaled to a mean of 1 over t = 1 … T,
so that a learning rate that suits one weighting suits the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.denoiser import NetDenoiser
from engine.guidance import NoisyClassifier
from engine.latent import DiagonalGaussian, bound_of
from engine.likelihood import bound_term
from engine.process import Clean, Noise, Target, Velocity
from engine.schedule import Level, NoiseSchedule, broadcast

MIN_SNR_GAMMA = 5.0
"""γ of Hang et al. 2023, arXiv:2303.09556, section 3.4."""


def x0_error_ratio(target: Target, snr: Tensor) -> Tensor:
    """The squared error of x̂0 per unit of squared error of the output, at these signal-to-noise ratios ᾱ / (1 − ᾱ).

    x̂0 − x_0 is −√(1/SNR) times the error of ε̂, −√(1/(1 + SNR)) times that of v̂ (`Target.read`).
    """
    match target:
        case Noise():
            return 1 / snr
        case Velocity():
            return 1 / (1 + snr)
        case Clean():
            return torch.ones_like(snr)
    raise ValueError(f"There is no weighting for {type(target).__name__}.")


def plain(schedule: NoiseSchedule, target: Target) -> Tensor:
    """L_simple, Ho et al. 2020, eq. 14: equal weights of the output's errors, shape (T,)."""
    return 1 / x0_error_ratio(target, _snr(schedule))


def min_snr(schedule: NoiseSchedule, target: Target) -> Tensor:
    """min(SNR, γ) for the error of x̂_0, Hang et al. 2023, section 3.4, shape (T,)."""
    return _snr(schedule).clamp(max=MIN_SNR_GAMMA)


def of_bound(schedule: NoiseSchedule, target: Target) -> Tensor:
    """The weights of L_vlb with σ² = β, which unlike β̃ is not 0 at t = 1; Ho et al. 2020, eqs. 8 and 12, shape (T,).

    ‖μ̃ − μ‖² / 2σ² where x_0 counts in μ̃ with √ᾱ_{t−1} β_t / (1 − ᾱ_t): β_t ᾱ_{t−1} / 2 (1 − ᾱ_t)² for x̂0, and so
    β_t / 2 α_t (1 − ᾱ_t) for ε̂. At t = 1 it is the error that a Gaussian of that variance has.
    """
    t = torch.arange(1, schedule.T + 1)
    return schedule.beta[1:] * schedule.level(t - 1).alpha_bar / (2 * schedule.level(t).variance.square())


WEIGHTINGS: dict[str, Callable[[NoiseSchedule, Target], Tensor]] = {
    "plain": plain,
    "min-snr": min_snr,
    "bound": of_bound,
}
"""Weight of one unit of squared error of x̂0 at t = 1 … T, float64, up to a factor."""


def weights(weighting: str, schedule: NoiseSchedule, target: Target) -> Tensor:
    """Weight of one unit of squared error of the output: float64, shape (T + 1,), 0 at t = 0, mean 1 over t = 1 … T.

    Args:
        weighting: a name in `WEIGHTINGS`.
        schedule, target: of the network.
    """
    of_output = WEIGHTINGS[weighting](schedule, target) * x0_error_ratio(target, _snr(schedule))
    return torch.cat([torch.zeros(1, dtype=torch.float64), of_output / of_output.mean()])


def _snr(schedule: NoiseSchedule) -> Tensor:
    return schedule.log_snr[1:].exp()


class Noised(NamedTuple):
    """A noised batch."""

    x0: Tensor
    """Clean pictures in [−1, 1], shape (B, C, H, W)."""
    label: Tensor | None
    """int64, shape (B,), `NO_LABEL` where it was dropped; None where there are no classes."""
    noise: Tensor
    t: Tensor
    """int64 in 1 … T, shape (B,)."""
    level: Level
    x_t: Tensor


class Losses(NamedTuple):
    """One number for each of the B pictures, each of shape (B,)."""

    total: Tensor
    """The loss that is minimised."""
    reported: Tensor
    """The loss that is reported: of a denoiser always the weighted squared error, of a classifier the cross-entropy, of a VAE
    its bound."""
    bound: Tensor | None = None
    """Estimate of L_vlb in bits per dimension, T times the term of one t; None where the variance is not learned."""

    def map(self, change: Callable[[Tensor], Tensor]) -> Losses:
        """The same with a function applied to every tensor."""
        return Losses(change(self.total), change(self.reported), None if self.bound is None else change(self.bound))

    @staticmethod
    def cat(parts: Sequence[Losses]) -> Losses:
        """The losses of the parts of a batch, concatenated."""
        bounds = [part.bound for part in parts if part.bound is not None]
        return Losses(
            torch.cat([part.total for part in parts]),
            torch.cat([part.reported for part in parts]),
            torch.cat(bounds) if bounds else None,
        )


class Objective(Protocol):
    """The losses of a network on a batch."""

    def __call__(self, batch: Noised) -> Losses: ...


@dataclass(frozen=True, eq=False)
class ClassificationLoss:
    """−log p(y | x_t), the cross-entropy of a classifier of noisy pictures; Dhariwal & Nichol 2021, section 4."""

    classifier: NoisyClassifier

    def __call__(self, batch: Noised) -> Losses:
        assert batch.label is not None
        nats = cross_entropy(self.classifier(batch.x_t, batch.level), batch.label, reduction="none")
        return Losses(nats, nats)


@dataclass(frozen=True, eq=False)
class VAELoss:
    """The bound of a VAE in bits per dimension; Kingma & Welling 2014, eq. 3. It uses clean pictures and does not depend on t.

    Args:
        net: q(z | x) and p(x | z) from pictures and noise, as `engine.models.vae.VAE`.
        latent: dimensions of z, sampled with the first entries of each picture's noise.
    """

    net: Callable[[Tensor, Tensor], tuple[DiagonalGaussian, DiagonalGaussian]]
    latent: int

    def __call__(self, batch: Noised) -> Losses:
        posterior, pixels = self.net(batch.x0, batch.noise.flatten(1)[:, : self.latent])
        bits = bound_of(batch.x0, posterior, pixels).total / (batch.x0[0].numel() * math.log(2))
        return Losses(bits, bits)


@dataclass(frozen=True, eq=False)
class DenoisingLoss:
    """L_simple with weights; and where the variance is learned L_hybrid = L_simple + λ L_vlb, Nichol & Dhariwal 2021, eq. 16.

    L_vlb = Σ_t L_{t−1} is estimated from the one t that was drawn, as T · L_{t−1}, in bits per dimension. That is the scale of
    their code, so λ means what it means there. The mean is detached in it, so it trains the variance only (section 3.1).

    Args:
        denoiser: with the network that is trained.
        weight: float64, shape (T + 1,), from `weights`.
        vlb_weight: λ.
    """

    denoiser: NetDenoiser
    weight: Tensor
    vlb_weight: float

    def __call__(self, batch: Noised) -> Losses:
        output = self.denoiser.output(batch.x_t, batch.level, batch.label)
        target = self.denoiser.target.of(batch.x0, batch.noise, batch.level)
        of_target = output.chunk(2, dim=1)[0] if self.denoiser.learned_variance else output
        squared = (of_target - target).square().flatten(1).mean(1)
        error = squared * broadcast(self.weight[batch.t], squared)
        if not self.denoiser.learned_variance:
            return Losses(error, error)
        bound = self.bound(output, batch)
        return Losses(error + self.vlb_weight * bound, error, bound)

    def bound(self, output: Tensor, batch: Noised) -> Tensor:
        """T · L_{t−1} in bits per dimension, shape (B,); L_0 is the decoder's. Its gradient reaches the variance only."""
        of_target, of_variance = output.chunk(2, dim=1)
        frozen = torch.cat([of_target.detach(), of_variance], dim=1)
        prediction = self.denoiser.read(frozen, batch.x_t, batch.level)
        schedule = self.denoiser.schedule
        nats = bound_term(prediction, batch.x0, batch.x_t, schedule, batch.t, "learned")
        return nats * schedule.T / (batch.x0[0].numel() * math.log(2))
