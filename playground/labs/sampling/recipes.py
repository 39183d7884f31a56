"""The recipes that the settings of the Sampling lab stand for, and the settings that stand for a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.language import N_, _
from playground.labs.sampling.controls import (
    GUIDED_BY_LABEL,
    OF_EACH_SIDE,
    SamplingControls,
    SamplingSettings,
    Side,
    is_ideal,
)
from playground.labs.shared.controls import demanded
from playground.labs.shared.models import class_count_of

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.policy.visitor import Visitor

NO_LINK = N_(
    "The lab samples with consecutive seeds, and with one class, each class in turn, or none. This recipe has others, so no "
    "link opens it."
)


def recipes(controls: SamplingSettings, classes: int) -> dict[Side, Recipe]:
    """One recipe, or two that differ in nothing but the settings of B.

    Args:
        controls: the settings.
        classes: number of classes of the model; of an unconditional one, those of the classifier that guides it.

    Raises:
        pydantic.ValidationError, RecipeError: where the settings cannot be carried out.
    """
    from engine.recipes.recipe import Recipe

    labels = _labels(controls, classes)
    common = {
        "model": controls.model,
        "labels": labels,
        "seeds": tuple(controls.seed + k for k in range(controls.count)),
    }

    def one(prefix: str) -> Recipe:
        settings = {name: getattr(controls, prefix + name) for name in OF_EACH_SIDE}
        if settings["schedule"] != "own":
            settings["T"] = controls.T
        if not is_ideal(controls):
            del settings["smoothing"]
        if not settings["classifier"] or not labels:
            del settings["classifier"], settings["classifier_scale"]
        if not labels:  # nothing to guide towards, and the page says so: a recipe with guidance would be refused
            for name in GUIDED_BY_LABEL:
                del settings[name]
        return Recipe.model_validate({**common, **settings})

    return {"A": one(""), "B": one("b_")} if controls.compare else {"A": one("")}


def _labels(controls: SamplingSettings, classes: int) -> tuple[int, ...]:
    from engine.recipes.recipe import RecipeError

    if controls.labels == "none" or not classes:
        return ()
    if controls.labels == "each":
        return tuple(k % classes for k in range(controls.count))
    if controls.label >= classes:
        raise RecipeError(
            _(
                "This model has the classes 0 … {classes}: choose another class than {label}.",
                classes=classes - 1,
                label=controls.label,
            )
        )
    return (controls.label,) * controls.count


def open_recipes(controls: SamplingSettings, visitor: Visitor) -> tuple[Model, dict[Side, Recipe]]:
    """The model of these settings, and the recipe of each side, which the visitor may draw and which fit the model.

    Raises ValueError with a sentence for the reader.
    """
    model = visitor.open_model(controls.model)
    made = recipes(controls, classes_for(model, controls.classifier, visitor))
    visitor.check_drawing(made)
    for recipe in made.values():
        recipe.check(model)
    return model, made


def classes_for(model: Model, classifier: str, visitor: Visitor) -> int:
    """Number of classes that images can be sampled of: the model's, or those of the classifier that guides it."""
    return len(model.class_names) or class_count_of(classifier, visitor)


def controls_of(recipe: Recipe, classes: int) -> SamplingSettings:
    """The settings that stand for this recipe: the inverse of `recipes`.

    Args:
        recipe: of any origin.
        classes: as for `recipes`.

    Raises:
        ValueError: with a sentence for the reader, where the lab has no such settings.
    """
    labels = "none" if not recipe.labels else "one" if len(set(recipe.labels)) == 1 else "each"
    values = {name: getattr(recipe, name) for name in (*OF_EACH_SIDE, "model", "T")}
    values |= {"labels": labels, "count": len(recipe.seeds), "seed": recipe.seeds[0]}
    if labels == "one":
        values["label"] = recipe.labels[0]
    controls: SamplingSettings = demanded(SamplingControls, values)
    again = recipes(controls, classes)["A"]
    if (again.labels, again.seeds) != (recipe.labels, recipe.seeds):
        raise ValueError(_(NO_LINK))
    return controls
