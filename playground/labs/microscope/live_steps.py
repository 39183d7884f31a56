"""Every step of a sampler as a program and as a sum, for the Microscope in the reader's browser.

The coefficients come from the engine, as in the figure that the server computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, get_args

import torch
from torch import Tensor

from engine.analysis.step_decomposition import PREVIOUS, StepDecomposition, decompose_step
from engine.process import Prediction
from engine.samplers import SAMPLERS, PreviousStep, Sampler, Variance
from engine.sampling import Frame
from engine.schedule import Level, NoiseSchedule
from playground.browser.program import Program, ProgramStep, compile_trajectory
from playground.labs.microscope.steps import settings_in_words
from playground.labs.shared.decomposition import Pool, step_view

if TYPE_CHECKING:
    from engine.denoiser import Denoiser
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe

ETAS = (0.0, 0.5, 1.0)
"""Values of eta that a fork may choose besides the recipe's own."""


@dataclass(frozen=True)
class LivePart:
    """A picture of a step: its symbol, in which {t} is the time, what it is, and the value that is drawn white."""

    symbol: str
    title: str
    vmax: float


@dataclass(frozen=True)
class LiveStep:
    """A step as a program has it, and as a sum.

    to: t after it. progress: the share of the trajectory that lies before it, 0 … 1.
    terms: the coefficients of the sum, by the names of its pictures; one whose program has "… weight" has one for each pixel.
    others: pictures that are shown beside it.
    facts: names and values; "{std}" stands for the mean of such a weight.
    """

    program: ProgramStep
    to: int
    progress: float
    terms: dict[str, float]
    others: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LiveTrajectory:
    """One sampler on its way from noise to data.

    changes: the settings of a fork that continues with it, as `labs.microscope.forks` writes them.
    name, title: the sampler, and all settings in words.
    restarts: each step as the first of a trajectory that has no step before it, where that is another one.
    """

    changes: Mapping[str, str]
    name: str
    title: str
    steps: tuple[LiveStep, ...]
    restarts: tuple[LiveStep | None, ...]


Chosen = tuple[tuple[str, str], ...]
"""A sampler and those of its settings that have an effect, as a fork writes them."""


def changes_of(sampler: str, eta: float, variance: str) -> Chosen:
    used = SAMPLERS[sampler].settings
    return (
        ("sampler", sampler),
        *((("eta", f"{eta:g}"),) if "eta" in used else ()),
        *((("variance", variance),) if "variance" in used else ()),
    )


def choices(learned: bool) -> Iterator[Chosen]:
    """Every sampler, with some values of its settings."""
    for name, sampler in SAMPLERS.items():
        for eta in ETAS if "eta" in sampler.settings else ETAS[:1]:
            for variance in get_args(Variance) if "variance" in sampler.settings else ("small",):
                if variance != "learned" or learned:
                    yield changes_of(name, eta, variance)


@dataclass(frozen=True)
class Compiler:
    """Compiles the trajectories of one recipe."""

    recipe: Recipe
    model: Model
    denoiser: Denoiser
    schedule: NoiseSchedule
    learned: bool
    """Whether the network has learned variances."""

    def trajectory(self, changes: dict[str, str], times: Sequence[int]) -> LiveTrajectory:
        """That of one sampler."""
        named = SAMPLERS[changes["sampler"]]
        settings = self.recipe.model_copy(update=changes | {"eta": float(changes.get("eta", 0))})
        sampler = named(settings.eta, settings.variance)
        levels = [None, *map(self.schedule.level, times)]
        pairs = list(pairwise(times))
        programs = self.program(sampler, times).steps
        steps = [
            self._step(sampler, program, pair, before)
            for program, pair, before in zip(programs, pairs, levels, strict=False)
        ]
        restarts = [
            self._step(sampler, self.program(sampler, pair).steps[0], pair, None)
            if any(name.endswith(PREVIOUS) for name in step.terms)
            else None
            for step, pair in zip(steps, pairs, strict=True)
        ]
        return LiveTrajectory(changes, named.title, settings_in_words(settings), tuple(steps), tuple(restarts))

    def program(self, sampler: Sampler, times: Sequence[int]) -> Program:
        """The program of some steps."""
        return compile_trajectory(
            self.denoiser,
            sampler,
            self.schedule,
            times,
            self.model.shape,
            has_labels=bool(self.recipe.labels),
            with_parts=True,
        )

    def _step(self, sampler: Sampler, program: ProgramStep, pair: tuple[int, int], before: Level | None) -> LiveStep:
        now, to = map(self.schedule.level, pair)
        step = _decomposed(sampler, now, to, before, self.learned)
        frame = Frame(0, 1, program.t, step.x, step.prediction.x0, step.prediction.noise)
        view = step_view(Pool(), self.schedule, frame, step, None)
        (equation,) = view.equations
        facts = list(view.facts)
        if any(name.endswith(" weight") for name in program.parts):
            facts[1] = (facts[1][0], "{std}")
        return LiveStep(
            program,
            pair[1],
            view.progress,
            {term.picture.kind: term.coefficient for term in equation.terms},
            tuple(picture.kind for picture in view.other_pictures),
            tuple(facts),
        )


def _decomposed(sampler: Sampler, now: Level, to: Level, before: Level | None, learned: bool) -> StepDecomposition:
    """A step on pictures of one pixel that is 0: its coefficients depend on the levels alone."""

    def picture() -> Tensor:
        return torch.zeros(1, 1, 1, 1)

    def predicted(*_: object) -> Prediction:
        return Prediction(picture(), picture(), torch.full((1, 1, 1, 1), 0.5) if learned else None)

    previous = None if before is None else PreviousStep(before, predicted())
    return decompose_step(sampler, predicted, picture(), now, to, picture, previous)
