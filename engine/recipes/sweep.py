"""Many recipes that differ in a setting or two, drawn with as few network evaluations as possible.

Cells that share sampler, steps and all that determines the trajectory are images of one batch, whatever their scales, labels
and seeds: `Guided` takes a scale for each image. Cells whose scale is 0 or 1 need one half of guidance only, and stand in a
batch of their own. The first evaluation of a seed's noise is shared by all (`engine.runtime.deduplication`), so a sweep over K
numbers of steps costs their sum less K − 1; it cannot cost one run, since after the first step the trajectories are at
different levels.
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
"""Of one batch: the memory in use follows it."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Cells that are drawn together."""

    cells: tuple[int, ...]
    """Their numbers."""
    recipe: Recipe
    """Of all of them, with the seeds and labels of each in turn."""
    scales: tuple[float, ...]
    """Of guidance, one for each image."""
    images: int
    """Of each cell."""

    def frames(self, model: Model) -> Iterator[Frame]:
        """Draw them; images of cell k of `cells` are rows k · images … of each frame."""
        return self.recipe.frames(model, scale=torch.tensor(self.scales))

    @property
    def evaluations(self) -> int:
        """Rows that the network evaluates for it, with those that deduplication saves."""
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
        alike = cell.model_dump_json(exclude={"scale", "labels", "seeds"})
        group = groups.setdefault((alike, _branches(cell) + str(bool(cell.labels))), [])
        group.append(k)
    found = []
    for numbers in groups.values():
        most = max(1, MAX_BATCH_IMAGES // len(cells[numbers[0]].seeds))
        found += [_joined(cells, numbers[start : start + most]) for start in range(0, len(numbers), most)]
    return sorted(found, key=lambda batch: batch.recipe.steps)


def _joined(cells: Sequence[Recipe], numbers: Sequence[int]) -> Batch:
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
    return _drawn(batches(cells), replace(model, denoiser=deduplicated(model.denoiser)))


def _drawn(found: Sequence[Batch], model: Model) -> Iterator[tuple[Batch, Frame]]:
    for batch in found:
        for frame in batch.frames(model):
            yield batch, frame
