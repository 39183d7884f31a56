"""The trajectory of one image, decomposed step by step for the Microscope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from engine.analysis.step_decomposition import DecomposingSampler
from engine.data import catalogue
from engine.data.image_set import DataError
from engine.data.pixels import to_unit
from engine.data.sizes import sized
from engine.ideal import ExactDenoiser
from engine.language import _
from engine.models.opened import Model
from engine.recipes.fork import AnyRecipe, Fork, recipe_of
from engine.recipes.recipe import Recipe
from engine.samplers import SAMPLERS, Sampler
from engine.sampling import Frame, Start
from playground.components.payloads.microscope import Branch, StepView
from playground.labs.microscope.branches import BranchResult
from playground.labs.shared.decomposition import Pool, PosteriorWeights, step_view

MAX_STEPS = 60
"""Steps of a trajectory that are shown; of a longer one, evenly spaced ones. Fewer for large images, see MAX_VALUES."""
MAX_VALUES = 200_000
"""Values of an image × steps shown: what bounds the memory, and what travels to the browser."""
MAX_DATA_VALUES = 20_000_000
"""Values of a data set for which an exact denoiser is kept beside a model."""


@dataclass(frozen=True)
class BranchName:
    """What a branch is called, its settings in words, and the number of the branch that it leaves."""

    name: str
    label: str
    parent: int | None = None


def settings_in_words(recipe: Recipe) -> str:
    """The settings of a trajectory in a few words."""
    sampler = SAMPLERS[recipe.sampler]
    eta = _(", η = {eta:g}", eta=recipe.eta) if "eta" in sampler.settings else ""
    return _("{title}{eta}, {steps} steps", title=sampler.title, eta=eta, steps=recipe.steps)


def most_steps(shape: tuple[int, ...]) -> int:
    """How many steps of images of that shape (C, H, W) are shown at most."""
    return max(8, min(MAX_STEPS, MAX_VALUES // max(1, int(np.prod(shape)))))


def shown_steps(steps: int, shape: tuple[int, ...]) -> list[int]:
    """Numbers of the steps that are shown, of so many, of images of that shape (C, H, W)."""
    shown: list[int] = np.linspace(0, steps - 1, min(steps, most_steps(shape))).round().astype(int).tolist()
    return shown


@lru_cache(maxsize=2)
def _exact(data_name: str, size: int) -> tuple[ExactDenoiser, np.ndarray, tuple[str, ...]] | None:
    """The exact denoiser of a data set's training images, the images, and the class name of each."""
    try:
        data = sized(catalogue.load(data_name), size, upsampling=True).training
    except DataError:  # they were prepared elsewhere, or are no longer here
        return None
    if not len(data) or data.images.size > MAX_DATA_VALUES:
        return None
    names = tuple(data.class_names[label] if data.class_names else "" for label in data.labels)
    labels = torch.tensor(data.labels) if data.class_names else None
    return ExactDenoiser(to_unit(data.images), labels), data.images, names


def posterior_weights_of(model: Model, recipe: Recipe) -> PosteriorWeights:
    """The posterior weights of a model's training images; of an ideal denoiser its own, smoothed as in the recipe."""
    exact = _exact(model.data, model.shape[-1]) if model.data else None
    if exact is None or exact[1].shape[3] != model.shape[0]:
        return PosteriorWeights(None)
    return PosteriorWeights(replace(exact[0], std=recipe.smoothing), exact[1], exact[2])


def label_of(recipe: Recipe) -> int | None:
    """The class that the prediction is conditioned on; None for none."""
    label = recipe.labels[0] if recipe.labels else -1
    return label if label >= 0 and (recipe.scale > 0 or recipe.classifier) else None


class StepRecorder:
    """Carries out one recipe of one image, and keeps the decomposition of every shown step."""

    def __init__(self, model: Model, recipe: AnyRecipe, posterior_weights: PosteriorWeights, name: BranchName) -> None:
        self.recipe = recipe
        self._model, self._posterior_weights, self._name = model, posterior_weights, name
        self._last_recipe = recipe_of(recipe)
        self._schedule = self._last_recipe.noise_schedule(model)
        self._pool = Pool()
        self._steps: list[StepView] = []
        self._thumbnails: list[int] = []
        self._final: int | None = None
        self._starts: dict[int, Start] = {}

    def run(self, start: Start | None) -> Iterator[int]:
        """Yields how many steps have been taken. `start` is that of the frame where a fork leaves its parent, if known."""
        samplers: list[DecomposingSampler] = []

        def decomposing(sampler: Sampler) -> Sampler:
            samplers.append(DecomposingSampler(sampler))
            return samplers[-1]

        shown: frozenset[int] | None = None
        for frame in self._frames(start, decomposing):
            shown = shown or frozenset(shown_steps(frame.steps, self._model.shape))
            self._starts[frame.step] = frame.start
            if frame.step == frame.steps:
                self._final = self._pool.add(frame.x)
            elif frame.step in shown:
                self._add(frame, samplers[-1])
            yield frame.step

    def _frames(self, start: Start | None, decomposing: Callable[[Sampler], Sampler]) -> Iterator[Frame]:
        if isinstance(self.recipe, Fork):
            return self.recipe.frames(self._model, wrap_sampler=decomposing, start=start)
        return self.recipe.frames(self._model, wrap_sampler=decomposing)

    def _add(self, frame: Frame, sampler: DecomposingSampler) -> None:
        step = sampler.latest
        assert step is not None
        self._thumbnails.append(self._pool.add(frame.x0))
        weights = self._posterior_weights.at(step.x, step.now, label_of(self._last_recipe))
        self._steps.append(step_view(self._pool, self._schedule, frame, step, weights))

    def result(self, *, is_done: bool = False) -> BranchResult:
        """The branch so far."""
        pictures, steps, thumbnails = self._pool.stacked(), tuple(self._steps), tuple(self._thumbnails)
        name, label, parent = self._name.name, self._name.label, self._name.parent
        branch = Branch(name, label, pictures, steps, thumbnails, self._final, parent)
        latest = self._starts[max(self._starts)].x
        return BranchResult(self.recipe, branch, dict(self._starts), latest, is_done)

    def renamed(self, branch: Branch) -> Branch:
        """A branch that was recorded before, under its name of now."""
        return replace(branch, name=self._name.name, label=self._name.label, parent=self._name.parent)
