"""One step of a trajectory as the browser shows it: the terms, their sum, and the posterior weights of an exact denoiser.

x_t may be an image (the Microscope) or a particle in the plane (the Points lab).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from engine.analysis.step_decomposition import FRESH, NOISE, SECOND, X0, StepDecomposition, Term, X
from engine.ideal import ExactDenoiser
from engine.language import N_, _
from engine.process import Prediction, posterior
from engine.sampling import Frame
from engine.schedule import Level, NoiseSchedule
from playground.components.payloads.microscope import Equation, PoolPicture, StepView, WeightedPicture
from playground.labs.shared.picture import NOISE_RANGE

MOST_NAMED = 6
"""Data that are named at a step, those of the largest weights first."""

DIFFERENCE_RANGE = 0.25
"""Two means that differ by this much are drawn white."""

PARTS: dict[str, tuple[str, str]] = {
    "x": ("<i>x</i><sub>{t}</sub>", N_("the noisy image")),
    "x0": ("<i>x̂</i><sub>0</sub>", N_("the prediction of the clean image")),
    "noise": ("<i>ε̂</i>", N_("the predicted noise")),
    "fresh": ("<i>z</i>", N_("fresh noise, drawn for this step")),
    "x0 second": ("<i>x̂</i>′<sub>0</sub>", N_("the prediction of the second network evaluation, after a trial step")),
    "noise second": ("<i>ε̂</i>′", N_("the noise predicted by the second network evaluation, after a trial step")),
    "x0 previous": ("<i>x̂</i>⁻<sub>0</sub>", N_("the prediction one step before")),
    "noise previous": ("<i>ε̂</i>⁻", N_("the noise predicted one step before")),
    "true x0": ("<i>x</i><sub>0</sub>", N_("the reference image")),
    "true noise": ("<i>ε</i>", N_("the noise that was added to it")),
    "next": ("<i>x</i><sub>{t}</sub>", N_("the image after this step")),
    "posterior": ("<i>m</i><sub>{t}</sub>", N_("the mean of the true posterior q(xₛ | xₜ, x₀)")),
    "difference": ("<i>μ</i> − <i>m</i>", N_("the mean of the model's step minus that of the posterior, from −¼ to ¼")),
    "exact": ("<i>x̂</i>*<sub>0</sub>", N_("the prediction of the exact denoiser of the training images")),
}
"""Symbol and explanation of each part of a sum; {t} is the time."""

WeightedData = tuple[Prediction, tuple[tuple[int, float], ...], str]
"""Prediction of an exact denoiser, (number in the atlas, weight) of the data of the largest weights, and a sentence."""


class Pool:
    """The images of a branch, without repetition: the image after a step is the one before the next.

    Args:
        parts: symbol and explanation of each part of a sum, as in `PARTS`.
    """

    def __init__(self, parts: Mapping[str, tuple[str, str]] = PARTS) -> None:
        self._parts = parts
        self._number: dict[int, int] = {}
        self._kept: list[Tensor] = []  # also so that no other tensor gets the number of one of these
        self._pictures: list[np.ndarray] = []

    def add(self, picture: Tensor) -> int:
        """Its number. Shape (1, ...), the same for all."""
        if id(picture) not in self._number:
            self._number[id(picture)] = len(self._pictures)
            self._kept.append(picture)
            self._pictures.append(picture[0].detach().to(device="cpu", dtype=torch.float32).numpy())
        return self._number[id(picture)]

    def stacked(self) -> np.ndarray:
        """float32 (N, ...)."""
        return np.stack(self._pictures)

    def shown(self, kind: str, picture: Tensor, t: int = 0) -> PoolPicture:
        """A picture with its symbol and what it is."""
        symbol, title = self._parts.get(kind, (kind, kind))
        title = _(title)
        noise = kind.startswith((NOISE, FRESH)) or kind == "true noise"
        reach = NOISE_RANGE if noise else DIFFERENCE_RANGE if kind == "difference" else 1.0
        return PoolPicture(kind, symbol.format(t=t), title, self.add(picture), reach)

    def equation(self, name: str, result: PoolPicture, terms: tuple[Term, ...], t: int) -> Equation:
        """A step of one picture as a sum."""
        weighted = []
        for term in terms:
            numbers = term.coefficient
            first = float(numbers.flatten()[0])
            each = None if bool((numbers == first).all()) else self.add(numbers)
            weighted.append(WeightedPicture(self.shown(term.name, term.picture, t), first, each))
        return Equation(name, result, tuple(weighted))


@dataclass(eq=False)
class PosteriorWeights:
    """The posterior weights of an exact denoiser over its data; those that are named at a step are collected in an atlas.

    exact: None where the data are unknown or too many.
    images: the data, shape (N, ...), and `names`, what each is.
    most: how many are named at a step; `what` they are called.
    """

    exact: ExactDenoiser | None
    images: np.ndarray | None = None
    names: tuple[str, ...] = ()
    most: int = MOST_NAMED
    what: str = N_("training images")
    numbers: dict[int, int] = field(default_factory=dict)
    """The number in the atlas of each that has been named."""

    def at(self, x: Tensor, level: Level, label: int | None) -> WeightedData | None:
        """Prediction and weights at x_t, shape (1, ...); None without an exact denoiser."""
        if self.exact is None:
            return None
        labels = None if label is None or self.exact.labels is None else torch.tensor([label])
        weights = self.exact.weights(x, level, labels)[0].double()
        top = weights.topk(min(self.most, int((weights > 0).sum())))
        numbers = [self.numbers.setdefault(i, len(self.numbers)) for i in top.indices.tolist()]
        of_class = len(weights) if labels is None else int(torch.isin(self.exact.labels, labels).sum())  # type: ignore[arg-type]
        sentence = effective_count(1 / float(weights.square().sum()), of_class, labels is not None, _(self.what))
        return self.exact(x, level, labels), tuple(zip(numbers, top.values.tolist(), strict=True)), sentence

    def atlas(self) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """What was named, by its number, shape (N, ...) as in `images`, and what each is."""
        if self.images is None or not self.numbers:
            return None, ()
        order = list(self.numbers)
        return self.images[order], tuple(self.names[i] for i in order)


def step_view(
    pool: Pool, schedule: NoiseSchedule, frame: Frame, step: StepDecomposition, weighted: WeightedData | None
) -> StepView:
    """The step that leaves a frame.

    Args:
        pool: takes up what the step adds.
        schedule: of the trajectory.
        frame, step: of one picture, shape (1, ...).
        weighted: prediction and weights of an exact denoiser; None for none.
    """
    s = round(float(schedule.t_of(step.to)))
    to = 0 if bool(step.to.variance == 0) else s
    equation = pool.equation(_("The step"), pool.shown("next", step.following, to), step.terms, frame.t)
    there = {term.name for term in step.terms}
    parts = {X: step.x, X0: step.prediction.x0, NOISE: step.prediction.noise}
    more = [pool.shown(kind, picture, frame.t) for kind, picture in parts.items() if kind not in there]
    facts = [
        (_("noise in x"), f"{100 * float(step.now.variance):.1f} % → {100 * float(step.to.variance):.1f} %"),
        (_("σ of the fresh noise"), _number(float(step.std.mean()))),
    ]
    if weighted is not None:
        more.append(pool.shown("exact", weighted[0].x0))
        facts.append((_("RMS difference to the exact x̂₀"), _number(_rms(step.prediction.x0 - weighted[0].x0))))
    if any(term.name.endswith(SECOND) for term in step.terms):
        facts.append((_("network evaluations"), "2"))
    return StepView(
        frame.step,
        frame.t,
        1 - frame.t / schedule.T,
        _("step {step} of {steps}, t = {t} → {to}", step=frame.step, steps=frame.steps, t=frame.t, to=to),
        (equation,),
        tuple(more),
        tuple(facts),
        *(weighted[1:] if weighted is not None else ()),
    )


def posterior_equation(
    pool: Pool, name: str, end: tuple[str, Tensor], x: Tensor, now: tuple[Level, int], to: tuple[Level, int]
) -> Equation:
    """The mean of q(x_s | x_t, x_0) as a sum; Ho et al. 2020, eq. 7.

    Args:
        pool: takes up the parts and the sum.
        name: what stands above it.
        end: which part x_0 is ("x0" where it is the denoiser's, "true x0" where it is known), and itself.
        x: x_t, shape (1, ...) as x_0.
        now, to: the two levels, and their t.
    """
    kind, x0 = end
    ones, zeros = torch.ones_like(x, dtype=torch.float64), torch.zeros_like(x, dtype=torch.float64)
    terms = (
        Term(kind, posterior(zeros, ones, now[0], to[0]).mean, x0),
        Term(X, posterior(ones, zeros, now[0], to[0]).mean, x),
    )
    mean = posterior(x.double(), x0.double(), now[0], to[0]).mean
    there = tuple(term for term in terms if bool(term.coefficient.any()))
    return pool.equation(name, pool.shown("posterior", mean, to[1]), there, now[1])


def effective_count(effective: float, count: int, of_class: bool, what: str = N_("training images")) -> str:
    """How the posterior weights of the exact denoiser are spread, in a sentence.

    Args:
        effective: 1 / Σ weight², so many equal weights would be spread alike.
        count: number of data that have a weight.
        of_class: whether these are the data of one class.
        what: they are called.
    """
    data = f"{count:,} {what}{_(' of the class') if of_class else ''}"
    if effective < 1.05:
        return _("Posterior weights: all on one of {data}.", data=data)
    number = f"{effective:.1f}" if effective < 10 else f"{effective:,.0f}"
    return _("Posterior weights: spread as over {number} of {data} with equal weights.", number=number, data=data)


def _number(value: float) -> str:
    return f"{value:.4f}"


def _rms(x: Tensor) -> float:
    return float(x.double().square().mean().sqrt())
