"""Guidance: denoisers that move the prediction of another one towards a class.

By Bayes' rule ∇ log p(x_t | y) = ∇ log p(x_t) + ∇ log p(y | x_t). Guidance multiplies the last term by s:

    classifier-free   ε̂ = ε̂(x_t) + s (ε̂(x_t, y) − ε̂(x_t))                 Ho & Salimans 2022, arXiv:2207.12598, eq. 6, s = w + 1
    by a classifier   ε̂ = ε̂(x_t) − s √(1 − ᾱ) ∇ log p(y | x_t)            Dhariwal & Nichol 2021, arXiv:2105.05233, alg. 2

s = 1 is the plain conditional model and 0 the unconditional one; s > 1 trades diversity for fidelity. A guided denoiser is a
denoiser, so it can be guided again, clipped and sampled from like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from engine.denoiser import NO_LABEL, Denoiser
from engine.process import Prediction, prediction_from_x0
from engine.schedule import Level, broadcast

EVERYWHERE = (0.0, 1.0)
"""The interval of all noise levels."""


class GuidancePair(NamedTuple):
    """The two predictions that guidance combines: ε̂ = ε̂_uncond + s · (ε̂_cond − ε̂_uncond), and x̂0 likewise."""

    cond: Prediction
    """Conditional: s = 1."""
    uncond: Prediction
    """Unconditional: s = 0."""


@dataclass(frozen=True, eq=False)
class Guided:
    """Classifier-free guidance: ε̂ = ε̂(x) + s · (ε̂(x, y) − ε̂(x)); Ho & Salimans 2022, arXiv:2207.12598.

    s = 1 is the plain conditional model and 0 ignores the label; the paper's w is s − 1. Since x̂0 is linear in ε̂ at a
    given x_t, the same formula holds for both. Where s is neither 0 nor 1 both are evaluated in one batch.

    Args:
        denoiser: conditioned on classes, and trained without them too.
        scale: one for all, or a tensor of shape (B,).
        interval: guide only where the noise level 1 − ᾱ lies in it, both ends included; elsewhere s = 1.
            Kynkäänniemi et al. 2024, arXiv:2404.07724, give it in σ = √((1 − ᾱ) / ᾱ).
        rescale: φ in 0 … 1; how far the standard deviation of x̂0, which guidance raises, is rescaled to that of the
            conditional prediction, for each picture; Lin et al. 2023, arXiv:2305.08891, eqs. 15 and 16.

    Raises:
        ValueError: for an interval or a rescaling outside 0 … 1.
    """

    denoiser: Denoiser
    scale: float | Tensor
    interval: tuple[float, float] = EVERYWHERE
    rescale: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.interval
        if not 0 <= low <= high <= 1:
            raise ValueError(f"A guidance interval lies within 0 … 1 and begins at its lower end, not {low} … {high}.")
        if not 0 <= self.rescale <= 1:
            raise ValueError(f"Rescaling lies between 0 and 1, not at {self.rescale}.")

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        if label is None:
            return self.denoiser(x_t, level, None)
        scale = self._scale_at(level)
        if bool((scale == 0).all()):
            return self.denoiser(x_t, level, None)
        if bool((scale == 1).all()):
            return self.denoiser(x_t, level, label)
        return self.combine(self.predict_pair(x_t, level, label), x_t, level)

    def predict_pair(self, x_t: Tensor, level: Level, label: Tensor) -> GuidancePair:
        """The conditional and the unconditional prediction, from one batch; shapes as in a call."""
        batch, labels = torch.cat([x_t, x_t]), torch.cat([label, torch.full_like(label, NO_LABEL)])
        both, count = self.denoiser(batch, level.repeat(2), labels), len(x_t)
        return GuidancePair(both[:count], both[count:])

    def combine(self, pair: GuidancePair, x_t: Tensor, level: Level) -> Prediction:
        """The guided prediction from the pair."""
        cond, uncond = pair
        weight = broadcast(self._scale_at(level), x_t)
        x0 = torch.lerp(uncond.x0, cond.x0, weight)
        # Guidance does not change the variance of a step: it is that of the conditional prediction.
        if self.rescale == 0:
            return Prediction(x0, torch.lerp(uncond.noise, cond.noise, weight), cond.variance_mix)
        factor = broadcast(_std(cond.x0) / _std(x0).clamp(min=1e-12), x0)
        rescaled = prediction_from_x0(torch.lerp(x0, x0 * factor, self.rescale), x_t, level)
        return replace(rescaled, variance_mix=cond.variance_mix)

    def _scale_at(self, level: Level) -> Tensor:
        """The scale inside the guidance interval, 1 outside: shape () or (B,)."""
        scale, (low, high) = torch.as_tensor(self.scale), self.interval
        if self.interval == EVERYWHERE:
            return scale
        inside = (low <= level.variance) & (level.variance <= high)
        return torch.where(inside.to(scale.device), scale, 1.0)


def _std(x: Tensor) -> Tensor:
    """Standard deviation over the pixels of each picture, shape (B,)."""
    return x.flatten(1).std(1, correction=0)


class NoisyClassifier(Protocol):
    """Classifies a noisy picture, given its noise level."""

    def __call__(self, x_t: Tensor, level: Level) -> Tensor:
        """log p(y | x_t) up to a constant of each picture: shape (B, classes), differentiable in x_t.

        Args:
            x_t: shape (B, ...).
            level: one for all, or one for each of the B.
        """
        ...


@dataclass(frozen=True, eq=False)
class ClassifierGuided:
    """Classifier guidance: ε̃ = ε̂ − s √(1−ᾱ) ∇ log p(y | x_t); Dhariwal & Nichol 2021, arXiv:2105.05233, algorithm 2.

    With s = 1, an unconditional exact denoiser and an exact classifier this is Bayes' rule: the exact denoiser of the
    class. Pictures without a label stay as they are.

    Args:
        denoiser: any; `Guided(denoiser, 0)` for one that ignores the label.
        classifier: of noisy pictures.
        scale: s ≥ 0; 0 is no guidance.
    """

    denoiser: Denoiser
    classifier: NoisyClassifier
    scale: float

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        prediction = self.denoiser(x_t, level, label)
        if label is None or self.scale == 0 or not bool((label != NO_LABEL).any()):
            return prediction
        return self._add_score(prediction, self.scale * self.gradient(x_t, level, label), x_t, level)

    def predict_pair(self, x_t: Tensor, level: Level, label: Tensor) -> GuidancePair:
        """The predictions at scale 1 (Bayes' rule) and at scale 0 (the denoiser's); shapes as in a call."""
        uncond = self.denoiser(x_t, level, label)
        return GuidancePair(self._add_score(uncond, self.gradient(x_t, level, label), x_t, level), uncond)

    def combine(self, pair: GuidancePair, x_t: Tensor, level: Level) -> Prediction:
        """The guided prediction from the pair."""
        cond, uncond = pair
        x0, noise = torch.lerp(uncond.x0, cond.x0, self.scale), torch.lerp(uncond.noise, cond.noise, self.scale)
        return Prediction(x0, noise, cond.variance_mix)

    @staticmethod
    def _add_score(prediction: Prediction, score: Tensor, x_t: Tensor, level: Level) -> Prediction:
        signal, sigma = level.scales(x_t)
        # Tweedie's formula, x̂0 = (x_t + (1−ᾱ) ∇ log p) / √ᾱ. At zero SNR x_t is independent of the class.
        of_x0 = torch.where(signal > 0, sigma**2 / signal, 0.0)
        return replace(prediction, x0=prediction.x0 + of_x0 * score, noise=prediction.noise - sigma * score)

    def gradient(self, x_t: Tensor, level: Level, label: Tensor) -> Tensor:
        """∇ log p(y | x_t) with respect to x_t, of its shape; 0 where the label is `NO_LABEL`."""
        with torch.enable_grad():
            x = x_t.detach().requires_grad_()
            log_p = self.classifier(x, level).log_softmax(1)
            labelled = label != NO_LABEL
            total = log_p[labelled].gather(1, label[labelled, None]).sum()
            (gradient,) = torch.autograd.grad(total, x)
        return gradient
