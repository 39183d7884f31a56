"""Recipes in the API: from JSON or a link, to JSON, Python and a link."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from engine.language import _
from engine.storage import budgets
from playground import preload
from playground.gradio_ui.api_errors import clear_errors
from playground.labs.sampling import recipes as settings
from playground.labs.sampling.controls import SamplingControls, SamplingSettings
from playground.labs.shared import models
from playground.labs.shared.controls import demanded_by_link, to_link
from playground.policy.visitor import Visitor, visitor_of

if TYPE_CHECKING:
    from engine.recipes.recipe import Recipe


def recipe(recipe: dict[str, Any] = {}, link: str = "", visitor: str = "") -> dict[str, Any]:  # noqa: B006  (documented so, never changed)
    """Check a recipe, or read the one that a link of the Sampling lab stands for; give it as JSON, as Python and as a link.

    Args:
        recipe: as in the Sampling lab's JSON; what it does not name has its default.
        link: instead of a recipe, the address of the Sampling lab, or what follows its question mark.
        visitor: your secret from /train_start, where the recipe names a run of your own.

    Returns:
        {"recipe": what differs from the defaults, "python": a program that draws it, "link": what opens it in the lab, or null
        where the lab cannot be set so, "note": why not, "second": the recipe of B where a link compares two, else null}
    """
    with clear_errors():
        preload.wait()
        asking = visitor_of(visitor)
        found, second = _of_link(link, asking) if link else (read(recipe), None)
        asking.check_recipe(found)
        model = asking.open_model(found.model)
        found.check(model)
        try:
            controls = settings.controls_of(
                found, len(model.class_names) or models.class_count_of(found.classifier, asking)
            )
            there, note = f"sampling?{urlencode(to_link(controls))}", ""
        except ValueError as problem:
            there, note = None, str(problem)
        return {
            "recipe": plain(found),
            "python": found.python(),
            "link": there,
            "note": note,
            "second": second and plain(second),
        }


def read(given: object) -> "Recipe":
    """A recipe from what a program sent: an object, or its JSON as text. Raises ValueError with one sentence."""
    from engine.recipes.recipe import RecipeError, from_json

    text = given if isinstance(given, str) else json.dumps(given)
    if len(text) > budgets.API_RECIPE:
        raise RecipeError(
            _(
                "The recipe has {count:,} letters, and at most {longest:,} are read.",
                count=len(text),
                longest=budgets.API_RECIPE,
            )
        )
    return from_json(text)


def plain(recipe: "Recipe") -> dict[str, Any]:
    """What differs from the defaults, as JSON has it."""
    return recipe.model_dump(mode="json", exclude_defaults=True)


def _of_link(link: object, visitor: Visitor) -> "tuple[Recipe, Recipe | None]":
    if not isinstance(link, str) or len(link) > budgets.API_LINK:
        raise ValueError(_("A link is a text of at most {longest_link:,} letters.", longest_link=budgets.API_LINK))
    query = urlsplit(link).query if "?" in link else link
    controls: SamplingSettings = demanded_by_link(SamplingControls, dict(parse_qsl(query, keep_blank_values=True)))
    _opened, found = settings.open_recipes(controls, visitor)
    return found["A"], found.get("B")
