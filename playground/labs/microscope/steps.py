"""A walk of one picture cut into steps for the Microscope; a step itself is in cuts.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from engine.analysis.step_decomposition import DecomposingSampler
from engine.data import catalogue
from engine.data.image_set import DataError
from engine.data.pixels import to_unit
from engine.data.sizes import sized
from engine.ideal import ExactDenoiser
from engine.models.opened import Model
from engine.recipes.fork import AnyRecipe, recipe_of
from engine.recipes.recipe import Recipe
from engine.samplers import SAMPLERS
from engine.sampling import Start
from playground.components.payloads.microscope import Branch, StepView
from playground.labs.microscope.job import MAX_CUTS, MAX_NUMBERS, Branched, Naming
from playground.labs.shared.decomposition import Pool, Thoughts, cut_of

MOST_NUMBERS = 20_000_000
"""Numbers of a data set for which an exact denoiser is kept beside a model."""


def described(recipe: Recipe) -> str:
    """The settings of a walk in a few words."""
    named = SAMPLERS[recipe.sampler]
    eta = f", eta {recipe.eta:g}" if "eta" in named.settings else ""
    return f"{named.title}{eta}, {recipe.steps} steps"


def most_cuts(shape: tuple[int, ...]) -> int:
    """How many steps of a walk are shown of pictures of that shape (C, H, W)."""
    return max(8, min(MAX_CUTS, MAX_NUMBERS // max(1, int(np.prod(shape)))))


# --- what an exact denoiser thinks ----------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _exact(data_name: str, size: int) -> tuple[ExactDenoiser, np.ndarray, tuple[str, ...]] | None:
    """The exact denoiser of a data set's training pictures, the pictures, and what each is."""
    try:
        data = sized(catalogue.load(data_name), size, upsampling=True).training
    except DataError:  # they were prepared elsewhere, or are no longer here
        return None
    if not len(data) or data.images.size > MOST_NUMBERS:
        return None
    named = tuple(data.class_names[label] if data.class_names else "" for label in data.labels)
    labels = torch.tensor(data.labels) if data.class_names else None
    return ExactDenoiser(to_unit(data.images), labels), data.images, named


def thoughts_of(model: Model, recipe: Recipe) -> Thoughts:
    """For a model: of an ideal one its own, smoothed as the recipe has it."""
    found = _exact(model.data, model.shape[-1]) if model.data else None
    if found is None or found[1].shape[3] != model.shape[0]:
        return Thoughts(None)
    return Thoughts(replace(found[0], std=recipe.smoothing), found[1], found[2])


def label_of(recipe: Recipe) -> int | None:
    """The class that the model is told; None for none."""
    told = recipe.labels[0] if recipe.labels else -1
    return told if told >= 0 and (recipe.scale > 0 or recipe.classifier) else None


# --- one branch -----------------------------------------------------------------------------------------------------


class Cutter:
    """Carries out one walk and keeps every step of it, or evenly spaced ones of a long walk."""

    def __init__(self, model: Model, walk: AnyRecipe, thoughts: Thoughts, naming: Naming) -> None:
        self._model, self._walk, self._thoughts, self._naming = model, walk, thoughts, naming
        self._recipe = recipe_of(walk)
        self._schedule = self._recipe.noise_schedule(model)
        self._pool = Pool()
        self._cuts: list[StepView] = []
        self._film: list[int] = []
        self._outcome: int | None = None
        self._starts: dict[int, Start] = {}

    def run(self, start: Start | None) -> Iterator[int]:
        """Yields how many steps have been taken. `start` is that of the frame where a fork leaves its parent, if known."""
        watched: list[DecomposingSampler] = []

        def looking_on(sampler):  # type: ignore[no-untyped-def]
            watched.append(DecomposingSampler(sampler))
            return watched[-1]

        more = {} if isinstance(self._walk, Recipe) else {"start": start}
        kept: frozenset[int] | None = None
        for frame in self._walk.frames(self._model, wrap_sampler=looking_on, **more):
            if kept is None:
                most = min(frame.steps, most_cuts(self._model.shape))
                kept = frozenset(np.linspace(0, frame.steps - 1, most).round().astype(int).tolist())
            self._starts[frame.step] = frame.start
            if frame.step == frame.steps:
                self._outcome = self._pool.add(frame.x)
            elif frame.step in kept:
                anatomy = watched[-1].latest
                assert anatomy is not None
                self._film.append(self._pool.add(frame.x0))
                thought = self._thoughts.at(anatomy.x, anatomy.now, label_of(self._recipe))
                self._cuts.append(cut_of(self._pool, self._schedule, frame, anatomy, thought))
            yield frame.step

    def branched(self, *, done: bool = False) -> Branched:
        """What there is by now."""
        naming = self._naming
        branch = Branch(
            naming.name,
            naming.label,
            self._pool.stacked(),
            tuple(self._cuts),
            tuple(self._film),
            self._outcome,
            naming.parent,
        )
        last = self._starts[max(self._starts)].x
        return Branched(self._walk, branch, dict(self._starts), last, done)

    def renamed(self, branch: Branch) -> Branch:
        """A branch that was cut before, called as it is called now."""
        return replace(branch, name=self._naming.name, label=self._naming.label, parent=self._naming.parent)
