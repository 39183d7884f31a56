"""Many recipes that differ in a setting or two, drawn with as few network evaluations as possible.

Cells that share sampler, steps and all that determines the trajectory are images of one batch, whatever their scales, labels
and seeds: `Guided` takes a scale for each image. Cells whose scale is 0 or 1 need only one of guidance's two predictions, and
form a batch of their own. The first evaluation of a seed's noise is shared by all (`engine.runtime.deduplication`), so a sweep
over K numbers of steps costs their sum minus K − 1 evaluations; no more can be shared, since after the first step the
trajectories are at different levels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from engine.models.opened import Model
from engine.recipes.recipe import Recipe
from engine.runtime.deduplication import deduplicated
from engine.samplers import SAMPLERS
from engine.sampling import Frame

MAX_BATCH_IMAGES = 128
"""Most images of one batch, which bounds the memory."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Cells that are sampled in one batch."""

    cells: tuple[int, ...]
    """Their indices."""
    recipe: Recipe
    """The common recipe, with the concatenated seeds and labels of all cells."""
    scales: tuple[float, ...]
    """Guidance scale of each image."""
    images: int
    """Of each cell."""

    def frames(self, model: Model) -> Iterator[Frame]:
        """Sample them; images of cell k of `cells` are rows k · images … of each frame."""
        return self.recipe.frames(model, scale=torch.tensor(self.scales))

    @property
    def evaluations(self) -> int:
        """Rows that the network evaluates for it, before deduplication."""
        per_step = 2 if _branches(self.recipe) == "both" else 1
        return self.recipe.steps * SAMPLERS[self.recipe.sampler].evaluations * per_step * len(self.scales)


def _branches(recipe: Recipe) -> str:
    """Which predictions of guidance a recipe needs."""
    if not recipe.labels:
        return "uncond"
    return {0.0: "uncond", 1.0: "cond"}.get(recipe.scale, "both")


def batches(cells: Sequence[Recipe]) -> list[Batch]:
    """All cells, in batches; they must have equally many images each. Batches of fewer steps come first."""
    groups: dict[tuple[str, str], list[int]] = {}
    for k, cell in enumerate(cells):
        shared_settings = cell.model_dump_json(exclude={"scale", "labels", "seeds"})
        group = groups.setdefault((shared_settings, _branches(cell) + str(bool(cell.labels))), [])
        group.append(k)
    joined = []
    for numbers in groups.values():
        most = max(1, MAX_BATCH_IMAGES // len(cells[numbers[0]].seeds))
        joined += [_join(cells, numbers[start : start + most]) for start in range(0, len(numbers), most)]
    return sorted(joined, key=lambda batch: batch.recipe.steps)


def _join(cells: Sequence[Recipe], numbers: Sequence[int]) -> Batch:
    chosen = [cells[k] for k in numbers]
    images = len(chosen[0].seeds)
    update = {
        "seeds": tuple(seed for cell in chosen for seed in cell.seeds),
        "labels": tuple(label for cell in chosen for label in cell.labels),
    }
    scales = tuple(cell.scale for cell in chosen for _ in cell.seeds)
    return Batch(tuple(numbers), chosen[0].model_copy(update=update), scales, images)


def draw(cells: Sequence[Recipe], model: Model) -> Iterator[tuple[Batch, Frame]]:
    """Every frame of every cell, batch after batch.

    Raises:
        RecipeError, ModelError: where a cell does not fit the model, before anything is computed.
    """
    for cell in cells:
        cell.check(model)
    return _sample(batches(cells), replace(model, denoiser=deduplicated(model.denoiser)))


def _sample(all_batches: Sequence[Batch], model: Model) -> Iterator[tuple[Batch, Frame]]:
    for batch in all_batches:
        for frame in batch.frames(model):
            yield batch, frame
