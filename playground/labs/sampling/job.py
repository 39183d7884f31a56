"""Sampling in the background: one trajectory or two from the same noise, with the frames that the page shows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from playground.components.payloads.packing import spread
from playground.labs.sampling import algorithm, comparison, speed
from playground.labs.sampling.controls import Side
from playground.labs.shared.job import Job, Partial
from playground.labs.shared.picture import NOISE_RANGE

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from engine.sampling import Frame

MAX_POSITIONS = 120
"""Of a longer trajectory, this many evenly spaced frames are kept: memory does not grow with the number of steps."""

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class FrameImages:
    """One kept frame: x_t, x̂₀ and ε̂ as images, uint8 (B, H, W, C)."""

    step: int
    t: int
    x: Images
    x0: Images
    noise: Images


@dataclass(frozen=True, eq=False)
class Sampled:
    """What has been sampled so far, by side: steps taken, and the kept frames, the noise first."""

    steps_done: dict[Side, int]
    frames: dict[Side, tuple[FrameImages, ...]]


class Drawn(Protocol):
    """What has been sampled of a model, by a job or by the reader's browser."""

    @property
    def model(self) -> Model:
        """The denoising model."""

    @property
    def recipes(self) -> dict[Side, Recipe]:
        """Of each side."""

    def frames(self, side: Side) -> list[FrameImages]:
        """Of that side, the noise first."""


class SamplingJob(Job[Sampled]):
    """Samples in a thread of its own, and stops within one step. Network evaluations of several jobs share batches.

    Args:
        job_id: names its timeline.
        model: the denoising model.
        recipes: of each side. All sides advance together, so that both can be watched.
        begin, on_end: as for `Job`.
        frames: carries a recipe out, where that is not done in this process; by default `Recipe.frames`.

    Raises:
        RecipeError, ModelError: where a recipe does not fit the model.
    """

    def __init__(
        self,
        job_id: str,
        model: Model,
        recipes: dict[Side, Recipe],
        *,
        begin: bool = True,
        on_end: Callable[[], None] = lambda: None,
        frames: Callable[[Recipe, Model], Iterator[Frame]] | None = None,
    ) -> None:
        from engine.runtime.batching import batched

        self.id, self.model, self.recipes = job_id, model, recipes
        self._when_ended = on_end
        self.totals: dict[Side, int] = {side: len(_kept_steps(recipe.steps)) for side, recipe in recipes.items()}
        """Frames that will be kept of each side."""
        stop = threading.Event()
        batching = replace(model, denoiser=batched(model.denoiser, stop))
        carry_out = frames or (lambda recipe, model: recipe.frames(model))
        streams = {side: carry_out(recipe, batching) for side, recipe in recipes.items()}
        total = sum(recipe.steps for recipe in recipes.values())
        first = Partial(0, total, Sampled(dict.fromkeys(recipes, 0), dict.fromkeys(recipes, ())))
        super().__init__(
            lambda: _sample(recipes, streams, first),
            "sampling",
            begin=begin,
            first=first,
            stop=stop,
            on_end=self._measured,
        )
        speed.watch(self)

    def _measured(self) -> None:
        speed.note(self, self.recipes.values(), self.model)
        self._when_ended()

    @cached_property
    def titles(self) -> dict[Side, str]:
        """What each side is, where two are compared."""
        return comparison.titles(self.recipes, self.model)

    @cached_property
    def steps(self) -> dict[Side, dict[int, algorithm.Step]]:
        """The numbers of the steps that leave the kept frames, of each side."""
        return {
            side: algorithm.steps_of(recipe, self.model, sorted(_kept_steps(recipe.steps)))
            for side, recipe in self.recipes.items()
        }

    @cached_property
    def accuracy(self) -> float | None:
        """Share of side A's finished images that the classifier of these pictures takes for their label.

        None where images have no label, or no classifier of these pictures ships.
        """
        import torch

        from engine.data.pixels import to_unit
        from engine.models.classifier import load

        recipe, frames = self.recipes["A"], self.frames()
        if not recipe.labels or not frames or frames[-1].step < recipe.steps:
            return None
        try:
            classes, _features = load(self.model.data).read(to_unit(frames[-1].x))
        except ValueError:
            return None
        return float((classes == torch.tensor(recipe.labels)).float().mean())

    @property
    def place(self) -> int:
        """In a queue, 1 for the next; 0 for one that has begun."""
        return 0

    def frames(self, side: Side = "A") -> list[FrameImages]:
        """The frames so far, the noise first."""
        result = self.state.result
        return list(result.frames.get(side, ())) if result is not None else []


def _sample(
    recipes: dict[Side, Recipe], streams: dict[Side, Iterator[Frame]], first: Partial[Sampled]
) -> Iterator[Partial[Sampled]]:
    pending, sampled = dict(streams), first.result
    streams.clear()
    kept = {side: _kept_steps(recipe.steps) for side, recipe in recipes.items()}
    while pending:
        # The side that is further behind goes next, so that both end together.
        side = min(pending, key=lambda side: sampled.steps_done[side] / recipes[side].steps)
        frame = next(pending[side], None)
        if frame is None:
            del pending[side]
            continue
        more = (images_of(frame),) if frame.step in kept[side] else ()
        sampled = Sampled(
            {**sampled.steps_done, side: frame.step}, {**sampled.frames, side: (*sampled.frames[side], *more)}
        )
        yield Partial(sum(sampled.steps_done.values()), first.total, sampled)


def _kept_steps(steps: int) -> frozenset[int]:
    return frozenset(spread(steps, MAX_POSITIONS))


def images_of(frame: Frame) -> FrameImages:
    """A frame of the sampler as images; ε̂ from −3 to 3."""
    from engine.data.pixels import to_uint8

    return FrameImages(frame.step, frame.t, to_uint8(frame.x), to_uint8(frame.x0), to_uint8(frame.noise / NOISE_RANGE))
