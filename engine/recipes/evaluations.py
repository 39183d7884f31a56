"""How many network evaluations a recipe takes: counted by carrying it out with a denoiser that costs nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.process import Noise, Prediction

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from engine.schedule import Level


class _Counter:
    """A denoiser that predicts no noise, and counts the rows that it is asked for."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        self.rows += len(x_t)
        return Noise().read(torch.zeros_like(x_t), x_t, level)


def network_evaluations(recipe: Recipe, model: Model) -> int:
    """Evaluations of the denoiser for one image: of each step one, two where both predictions of guidance are needed.

    Gradients of a classifier are not counted. Raises RecipeError where the recipe does not fit the model.
    """
    changes: dict[str, object] = {
        "seeds": recipe.seeds[:1],
        "labels": recipe.labels[:1],
        "classifier": "",
        "variance": "small",
    }
    if recipe.classifier and not model.class_names:  # the labels are those of the classifier
        changes |= {"labels": (), "scale": 1.0}
    counter = _Counter()
    for _ in recipe.model_copy(update=changes).frames(replace(model, denoiser=counter, shape=(1, 1, 1))):
        pass
    return counter.rows
