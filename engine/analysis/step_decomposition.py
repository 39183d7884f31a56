"""The decomposition of one sampling step into a weighted sum of pictures.

At a given pair of levels a step is a linear combination of x_t, of the prediction (x̂0 and ε̂, of one or of two evaluations), of
the previous prediction, and of fresh noise. Its coefficients are found by probing: the sampler's own `step` is called with ones
in place of one part and zeros in place of the others. So no formula is written twice, and a sampler that is added to the
registry is decomposed as well, as long as its step is linear in these parts, which is checked on the step itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from engine.process import Gaussian, Prediction, posterior
from engine.samplers import Denoise, Draw, PreviousStep, Sampler
from engine.schedule import Level, broadcast

X, X0, NOISE, FRESH = "x", "x0", "noise", "fresh"
SECOND, PREVIOUS = " second", " previous"
"""Names of the parts: x_t, x̂0, ε̂ and the noise z that is drawn; predictions of a second evaluation, or of the previous step."""

TOLERANCE = 1e-3
"""By how much of its largest part a step may differ from its sum: float32's rounding, which steps near pure noise magnify."""


@dataclass(frozen=True, eq=False)
class Term:
    """One part of the sum."""

    name: str
    """"x", "x0", "noise" or "fresh"; "x0 second", "noise second" of a second evaluation, "x0 previous" of the previous step."""
    coefficient: Tensor
    """float64, shape (B, ...): the same number throughout, except where the variance is learned."""
    picture: Tensor
    """Shape (B, ...)."""

    @property
    def product(self) -> Tensor:
        """coefficient × picture, float64, shape (B, ...)."""
        # With coefficient 0 a prediction may be inf or nan: no denoiser is evaluated at a clean level.
        return torch.where(self.coefficient == 0, 0.0, self.coefficient * self.picture)


@dataclass(frozen=True, eq=False)
class StepDecomposition:
    """A step from (x_t, now) to the level `to`."""

    x: Tensor
    now: Level
    to: Level
    following: Tensor
    """x at the level `to`, from the sampler's step."""
    prediction: Prediction
    """Of the denoiser at x_t."""
    terms: tuple[Term, ...]
    """Those with a coefficient that is not 0; the fresh noise last."""

    @property
    def total(self) -> Tensor:
        """Σ coefficient × picture, which is `following`: float64, shape (B, ...)."""
        return _sum(self.terms, self.x)

    @property
    def mean(self) -> Tensor:
        """The same without the fresh noise: the mean of the step's distribution p(x_s | x_t)."""
        return _sum([term for term in self.terms if not term.name.startswith(FRESH)], self.x)

    @property
    def std(self) -> Tensor:
        """Of the same distribution: float64, shape (B, ...); 0 for a deterministic step."""
        squares = [term.coefficient**2 for term in self.terms if term.name.startswith(FRESH)]
        return torch.stack(squares).sum(0).sqrt() if squares else torch.zeros_like(self.x, dtype=torch.float64)


def decompose_step(
    sampler: Sampler,
    denoise: Denoise,
    x: Tensor,
    now: Level,
    to: Level,
    noise: Draw,
    previous: PreviousStep | None = None,
) -> StepDecomposition:
    """Take a step and decompose it, with the network evaluations and the noise draws of the step itself.

    Args:
        sampler: any whose step is a weighted sum.
        denoise, x, now, to, noise, previous: as for `Sampler.step`; x of shape (B, ...).

    Raises:
        ValueError: where the step is no weighted sum of these parts.
    """
    predictions: list[Prediction] = []
    drawn: list[Tensor] = []

    def recorded_denoise(x: Tensor, level: Level) -> Prediction:
        predictions.append(denoise(x, level))
        return predictions[-1]

    def recorded_noise() -> Tensor:
        drawn.append(noise())
        return drawn[-1]

    following, prediction = sampler.step(recorded_denoise, x, now, to, recorded_noise, previous)
    parts = dict(_parts(x, predictions, drawn, previous))
    weights = _weights(sampler, len(parts), x, now, to, predictions, previous)
    terms = [Term(name, weight, parts[name]) for name, weight in zip(parts, weights, strict=True)]
    decomposition = StepDecomposition(
        x, now, to, following, prediction, tuple(term for term in terms if bool(term.coefficient.any()))
    )
    scale = max((float(term.product.abs().max()) for term in decomposition.terms), default=1.0)
    if not float((decomposition.total - following).abs().max()) <= TOLERANCE * max(scale, 1.0):
        raise ValueError("A step of this sampler is no weighted sum of pictures, so it cannot be decomposed.")
    return decomposition


def step_coefficients(
    sampler: Sampler, now: Level, to: Level, before: Level | None = None, variance_mix: float | None = None
) -> dict[str, float]:
    """The coefficients of a step by the names of its terms. They depend on the levels alone: no network is evaluated.

    Args:
        sampler: any whose step is a weighted sum.
        now, to: the levels of the step, each of shape ().
        before: the level of the previous step; None at the first.
        variance_mix: v of a learned variance, 0 … 1; None for none.
    """
    x, picture = torch.full((1, 1), 0.5), torch.full((1, 1), 0.25)
    mix = None if variance_mix is None else torch.full((1, 1), variance_mix)
    prediction = Prediction(picture, picture, mix)
    previous = None if before is None else PreviousStep(before, prediction)
    step = decompose_step(sampler, lambda *_: prediction, x, now, to, lambda: picture, previous)
    return {term.name: float(term.coefficient) for term in step.terms}


def _parts(
    x: Tensor, predictions: list[Prediction], drawn: list[Tensor], previous: PreviousStep | None
) -> Iterator[tuple[str, Tensor]]:
    """Every picture of the step, in the order in which `_weights` probes them."""
    yield X, x
    for number, prediction in enumerate(predictions):
        which = SECOND * number
        yield X0 + which, prediction.x0
        yield NOISE + which, prediction.noise
    if previous is not None:
        yield X0 + PREVIOUS, previous.prediction.x0
        yield NOISE + PREVIOUS, previous.prediction.noise
    for number, picture in enumerate(drawn):
        yield FRESH + (f" {number + 1}" if number else ""), picture


def _weights(
    sampler: Sampler,
    count: int,
    x: Tensor,
    now: Level,
    to: Level,
    predictions: list[Prediction],
    previous: PreviousStep | None,
) -> list[Tensor]:
    """The coefficient of each part, of x's shape: in row k of a batch part k is 1 and all others are 0."""
    rows = iter(torch.eye(count, dtype=torch.float64))

    def probe() -> Tensor:
        row = next(rows).reshape(-1, *[1] * x.ndim)
        return row.expand(count, *x.shape).reshape(count * len(x), *x.shape[1:])

    def probe_prediction(like: Prediction) -> Prediction:
        mix = like.variance_mix
        mix = None if mix is None else mix.double().cpu().repeat(count, *[1] * (mix.ndim - 1))
        return Prediction(probe(), probe(), mix)

    x_probe = probe()
    probes = iter([probe_prediction(prediction) for prediction in predictions])
    earlier = (
        None if previous is None else PreviousStep(previous.level.repeat(count), probe_prediction(previous.prediction))
    )
    whole, _ = sampler.step(lambda *_: next(probes), x_probe, now.repeat(count), to.repeat(count), probe, earlier)
    return list(whole.reshape(count, *x.shape).to(x.device))


def _sum(terms: tuple[Term, ...] | list[Term], x: Tensor) -> Tensor:
    return torch.stack([term.product for term in terms]).sum(0) if terms else torch.zeros_like(x, dtype=torch.float64)


@dataclass(eq=False)
class DecomposingSampler:
    """A sampler around another one that records the decomposition of its latest step.

    In `engine.sampling.sample`, `latest` is the step from the frame just yielded to the next one.
    """

    sampler: Sampler
    latest: StepDecomposition | None = field(default=None, init=False)

    def step(
        self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
    ) -> tuple[Tensor, Prediction]:
        """See `Sampler.step`."""
        self.latest = decompose_step(self.sampler, denoise, x, now, to, noise, previous)
        return self.latest.following, self.latest.prediction


class StepErrors(NamedTuple):
    """Errors of a step from x_t = √ᾱ x_0 + √(1−ᾱ) ε where x_0 and ε are known."""

    posterior: Gaussian
    """q(x_s | x_t, x_0), the true posterior: mean of shape (B, ...), variance of shape () or (B,)."""
    kl: Tensor
    """KL( q(x_s | x_t, x_0) ‖ p(x_s | x_t) ) in nats per dimension, float64 (B,): inf for a deterministic p, and
    nan for the step to the clean picture, where neither has a density."""
    mean_error: Tensor
    """Root mean square difference of the two means, float64 (B,)."""
    x0_error: Tensor
    """Of x̂0 and x_0."""
    noise_error: Tensor
    """Of ε̂ and ε. At any level it is x0_error × √(ᾱ / (1−ᾱ))."""


def compare_with_posterior(decomposition: StepDecomposition, x0: Tensor, noise: Tensor) -> StepErrors:
    """Compare a step with the true posterior.

    KL( N(m₁, v₁) ‖ N(m₂, v₂) ) = ½ (log v₂/v₁ + (v₁ + (m₁ − m₂)²) / v₂ − 1). With DDPM's small variance all that is left of
    it is (m₁ − m₂)² / 2β̃, the L_{t−1} of Ho et al. 2020, eq. 8.

    Args:
        decomposition: of the step from x_t.
        x0, noise: the x_0 and ε that x_t was diffused from, each of its shape.
    """
    true = posterior(decomposition.x.double(), x0.double(), decomposition.now, decomposition.to)
    mean_error = decomposition.mean - true.mean
    v1, v2 = broadcast(true.variance, true.mean), decomposition.std**2
    kl = ((v2.log() - v1.log()) + (v1 + mean_error**2) / v2 - 1) / 2
    kl = torch.where(v2 > 0, kl, torch.inf).flatten(1).mean(1)
    known = (decomposition.to.variance > 0).to(kl.device).expand(kl.shape)
    return StepErrors(
        true,
        torch.where(known, kl, torch.nan),
        _rms(mean_error),
        _rms(decomposition.prediction.x0 - x0),
        _rms(decomposition.prediction.noise - noise),
    )


def _rms(x: Tensor) -> Tensor:
    return x.double().flatten(1).square().mean(1).sqrt()
