"""The variational bound on −log p(x_0), term by term; Ho et al. 2020, arXiv:2006.11239, section 2, eq. 5.

    −log p(x_0)  ≤  L_T + L_{T−1} + … + L_1 + L_0
    L_T     = KL( q(x_T | x_0) ‖ N(0, I) )                          `prior_term`
    L_{t−1} = KL( q(x_{t−1} | x_t, x_0) ‖ p(x_{t−1} | x_t) )        `bound_term` for t = 2 … T
    L_0     = −log p(x_0 | x_1)                                     `bound_term` for t = 1, by a `Decoder`

All in nats for each picture, summed over its dimensions (pixels × channels). `engine.evaluation.bound` estimates the whole sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.process import Prediction, posterior
from engine.samplers import Variance
from engine.schedule import NoiseSchedule, broadcast

LEVELS = 256
"""Values of a pixel's channel: k / 127.5 − 1 for k = 0 … 255."""


VARIANCES_WITH_BOUND: tuple[Variance, ...] = ("small", "large", "learned")
"""The variances with a finite bound. A deterministic step assigns every picture but one the probability 0."""


class Decoder(Protocol):
    """The last step, p(x_0 | x_1): from a Gaussian to data."""

    @property
    def name(self) -> str:
        """Shown to readers and written into result files."""
        ...

    def log_prob(self, x0: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """log p of each dimension, in nats. All arguments and the result have one shape."""
        ...

    def variance(self, schedule: NoiseSchedule) -> Tensor:
        """σ_1² where it is not learned: float64, shape ()."""
        ...


@dataclass(frozen=True)
class Discretised:
    """Data of 256 levels: each has the probability of its bin, x_0 ± 1/255; Ho et al. 2020, section 3.3, eq. 13.

    The outermost bins reach to infinity, so that all 256 probabilities add up to 1. The code of Ho et al. and of Nichol &
    Dhariwal clamps probabilities to at least 10⁻¹², which is no longer a bound; here they are not clamped.

    σ_1² is β̃_2, since β̃_1 = 0: so it is for the small and for the large variance in their code,
    https://github.com/hojonathanho/diffusion/blob/master/diffusion_tf/diffusion_utils_2.py and
    https://github.com/openai/improved-diffusion/blob/main/improved_diffusion/gaussian_diffusion.py.
    """

    name: str = "256 levels"

    def log_prob(self, x0: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        half = (LEVELS - 1) / 2
        # float32 pictures are off their levels by some 1e-8: rounded, so that neighbouring bins do not overlap.
        level = ((x0 + 1) * half).round().clamp(0, LEVELS - 1)
        # Written so that the high edge of a bin equals the low edge of the next one exactly.
        low, high = ((level - 0.5) / half - 1 - mean) / std, ((level + 0.5) / half - 1 - mean) / std
        # Φ(high) − Φ(low) in the tail where Φ is small: above the mean, both ends are mirrored.
        above = low > 0
        near, far = torch.where(above, -low, high), torch.where(above, -high, low)
        near, far = torch.special.log_ndtr(near), torch.special.log_ndtr(far)
        inside = near + torch.log(-torch.expm1((far - near).clamp(max=-1e-15)))
        inside = torch.where(level == 0, torch.special.log_ndtr(high), inside)
        return torch.where(level == LEVELS - 1, torch.special.log_ndtr(-low), inside)

    def variance(self, schedule: NoiseSchedule) -> Tensor:
        return _smallest_variance(schedule)


@dataclass(frozen=True)
class Density:
    """Continuous data: the density of the Gaussian itself. In nats per unit of the data, so it may well be above 0.

    σ_1² is β_1: whatever smooth density the data has, q(x_0 | x_1) has about this variance where β_1 is small. β̃_2, about
    half of it, would cost 0.15 nats per dimension however large T is.
    """

    name: str = "density"

    def log_prob(self, x0: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        return -0.5 * ((x0 - mean) / std).square() - std.log() - 0.5 * math.log(2 * math.pi)

    def variance(self, schedule: NoiseSchedule) -> Tensor:
        return schedule.beta[1]


DISCRETISED: Decoder = Discretised()
DENSITY: Decoder = Density()


def bound_term(
    prediction: Prediction,
    x0: Tensor,
    x_t: Tensor,
    schedule: NoiseSchedule,
    t: Tensor,
    variance: Variance,
    decoder: Decoder = DISCRETISED,
) -> Tensor:
    """One term of the bound for each picture: L_{t−1}, which is L_0 for t = 1.

    Gradients flow to x̂0 through the mean and to `variance_mix`; for the hybrid loss of Nichol & Dhariwal 2021
    (arXiv:2102.09672, section 3.1) give it a prediction whose x0 is detached.

    Args:
        prediction: of the denoiser at x_t.
        x0, x_t: shape (B, ...); for `DISCRETISED`, x0 is a picture of 256 levels in [−1, 1].
        schedule: of the reverse process.
        t: int64, shape (B,), in 1 … T; they may all differ.
        variance: of the reverse step; "learned" reads it from the prediction.
        decoder: of the last step, t = 1.

    Returns:
        Nats, summed over the picture's dimensions: float64 (float32 where the device has no float64), shape (B,).

    Raises:
        ValueError: for "zero", whose bound is infinite; for "learned" without a learned variance; for t outside 1 … T.
    """
    _check(t, schedule, len(x_t))
    x0, x_t, predicted = to_float64(x0), to_float64(x_t), to_float64(prediction.x0)
    mix = None if prediction.variance_mix is None else to_float64(prediction.variance_mix)
    terms = x_t.new_empty(len(x_t))
    first = (t == 1).to(x_t.device)
    for chosen in (first, ~first):
        if not bool(chosen.any()):
            continue
        chosen_t = t[chosen.to(t.device)].cpu()
        at_t, at_x0, at_x0_hat = x_t[chosen], x0[chosen], predicted[chosen]
        log_variance = _log_variance(at_t, None if mix is None else mix[chosen], schedule, chosen_t, variance, decoder)
        now, to = schedule.level(chosen_t), schedule.level(chosen_t - 1)
        mean = posterior(at_t, at_x0_hat, now, to).mean
        if chosen is first:
            nats = -decoder.log_prob(at_x0, mean, (log_variance / 2).exp())
        else:
            true = posterior(at_t, at_x0, now, to)
            nats = _gaussian_kl(true.mean, broadcast(true.variance.log(), at_t), mean, log_variance)
        terms[chosen] = nats.flatten(1).sum(1)
    return terms


def prior_term(x0: Tensor, schedule: NoiseSchedule) -> Tensor:
    """L_T = KL( q(x_T | x_0) ‖ N(0, I) ): the information about each picture that is left at T.

    Args:
        x0: shape (B, ...).

    Returns:
        Nats, summed over the picture's dimensions: float64, shape (B,). It depends on no network.
    """
    alpha_bar = schedule.level(schedule.T).alpha_bar
    # ½ (σ² + μ² − 1 − log σ²) with σ² = 1 − ᾱ and μ² = ᾱ x_0²; the logarithm keeps its digits where ᾱ is close to 0.
    variance_part = float(-alpha_bar - torch.log1p(-alpha_bar))
    x0 = x0.flatten(1).double()
    return 0.5 * (float(alpha_bar) * x0.square() + variance_part).sum(1)


def _gaussian_kl(mean: Tensor, log_variance: Tensor, model_mean: Tensor, model_log_variance: Tensor) -> Tensor:
    """KL( N(mean, variance) ‖ N(model mean, model variance) ) of each dimension, in nats."""
    log_ratio = log_variance - model_log_variance
    distance = (mean - model_mean).square() * (-model_log_variance).exp()
    return 0.5 * (torch.expm1(log_ratio) - log_ratio + distance)


def _log_variance(
    x: Tensor, mix: Tensor | None, schedule: NoiseSchedule, t: Tensor, variance: Variance, decoder: Decoder
) -> Tensor:
    """log σ_t² of the reverse step, shape of x."""
    small = schedule.posterior_variance.clone()
    small[1] = _smallest_variance(schedule)
    small, large = small[t].log(), schedule.beta[t].log()
    if variance not in VARIANCES_WITH_BOUND:
        raise ValueError("Steps without noise have no bound: they give every picture but one the probability 0.")
    if variance == "learned":
        if mix is None:
            raise ValueError("This model has no learned variance: choose “small” or “large”.")
        return mix * broadcast(large, x) + (1 - mix) * broadcast(small, x)
    fixed = torch.where(t == 1, decoder.variance(schedule).log(), large if variance == "large" else small)
    return broadcast(fixed, x).expand_as(x)


def _smallest_variance(schedule: NoiseSchedule) -> Tensor:
    """β̃_2, which stands for β̃_1 = 0; on a schedule of a single step β_1."""
    return schedule.posterior_variance[2] if schedule.T > 1 else schedule.beta[1]


def to_float64(x: Tensor) -> Tensor:
    """x in float64; in float32 on Apple's GPUs, which have no float64."""
    return x.to(torch.float32 if x.device.type == "mps" else torch.float64)


def _check(t: Tensor, schedule: NoiseSchedule, count: int) -> None:
    if t.shape != (count,) or t.is_floating_point():
        raise ValueError(f"{count} pictures need {count} whole numbers t, not {t.dtype} of shape {tuple(t.shape)}.")
    if bool(((t < 1) | (t > schedule.T)).any()):
        raise ValueError(f"The bound has a term for every t in 1 … {schedule.T}, and for no other.")
