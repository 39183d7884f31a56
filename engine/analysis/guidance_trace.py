"""The guidance trace: the conditional and the unconditional prediction of every step, and the guided prediction.

`GuidanceTrace` is a denoiser around a guided one, so any sampler runs with it; after each step `pop_first` returns the
first evaluation of that step. With ε̂_c and ε̂_u for the two, guidance at scale s returns ε̂_u + s · (ε̂_c − ε̂_u)
(Ho & Salimans 2022, arXiv:2207.12598, eq. 6). What is measured here are the sizes of the three, the angle between ε̂_c and
ε̂_u, and how much of each x̂0 lies beyond the range of pictures, which is what makes strong guidance saturate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from engine.guidance import GuidancePair
from engine.process import Prediction
from engine.schedule import Level


class PairedGuidance(Protocol):
    """Guidance of either kind: `engine.guidance.Guided` and `ClassifierGuided`."""

    def predict_pair(self, x_t: Tensor, level: Level, label: Tensor) -> GuidancePair:
        """The predictions at scale 1 and at scale 0."""
        ...

    def combine(self, pair: GuidancePair, x_t: Tensor, level: Level) -> Prediction:
        """The guided prediction from the pair."""
        ...


class GuidanceEvaluation(NamedTuple):
    """One evaluation of a guided denoiser, before any clipping."""

    pair: GuidancePair
    guided: Prediction


@dataclass(eq=False)
class GuidanceTrace:
    """The same predictions as the guided denoiser's, recorded. Both of the pair are always evaluated, even where s is 0 or 1.

    Args:
        guidance: either kind. Labels must be given.
    """

    guidance: PairedGuidance
    _evaluations: list[GuidanceEvaluation] = field(default_factory=list)

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        if label is None:
            raise ValueError("A guidance trace needs a label for each picture: without one nothing guides.")
        pair = self.guidance.predict_pair(x_t, level, label)
        guided = self.guidance.combine(pair, x_t, level)
        self._evaluations.append(GuidanceEvaluation(pair, guided))
        return guided

    def pop_first(self) -> GuidanceEvaluation | None:
        """Return the first evaluation of the latest step (Heun's second is at another x and level), and clear the record.

        None where there was no evaluation since the last call.
        """
        first = self._evaluations[0] if self._evaluations else None
        self._evaluations.clear()
        return first


def rms(x: Tensor) -> Tensor:
    """‖x‖ / √n, the root mean square over each item's n dimensions: shape (B,)."""
    return x.flatten(1).square().mean(1).sqrt()


def angle(a: Tensor, b: Tensor) -> Tensor:
    """Between each a and b as vectors, in degrees: shape (B,), 0 where one of them is 0.

    As 2 atan2(‖û − v̂‖, ‖û + v̂‖) of the unit vectors, which keeps its digits at small angles, where arccos loses them
    (Kahan 2006, https://people.eecs.berkeley.edu/~wkahan/MathH110/Cross.pdf, section 13).
    """
    u, v = (torch.nn.functional.normalize(x.flatten(1).double(), dim=1) for x in (a, b))
    both = (u.square().sum(1) > 0) & (v.square().sum(1) > 0)
    between = 2 * torch.atan2((u - v).norm(dim=1), (u + v).norm(dim=1))
    return torch.where(both, torch.rad2deg(between), 0.0)


def saturation(x0: Tensor) -> Tensor:
    """Share of the dimensions of each x̂0 beyond the range of pictures, |x̂0| > 1: shape (B,)."""
    return (x0.abs() > 1).flatten(1).double().mean(1)


MEASURES: dict[str, Callable[[GuidanceEvaluation], Tensor]] = {
    "cond": lambda one: rms(one.pair.cond.noise),
    "uncond": lambda one: rms(one.pair.uncond.noise),
    "difference": lambda one: rms(one.pair.cond.noise - one.pair.uncond.noise),
    "guided": lambda one: rms(one.guided.noise),
    "angle": lambda one: angle(one.pair.cond.noise, one.pair.uncond.noise),
    "saturation of cond": lambda one: saturation(one.pair.cond.x0),
    "saturation of uncond": lambda one: saturation(one.pair.uncond.x0),
    "saturation of guided": lambda one: saturation(one.guided.x0),
}
"""Quantities of an evaluation, each of shape (B,): rms of each ε̂, the angle between cond and uncond, and saturation of x̂0."""
