"""The Sampling lab in the reader's browser: both sides as programs, and what is shown of an image that was sampled there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.language import cached, message_of
from playground.components.payloads.packing import grid_shape
from playground.labs.sampling import algorithm, comparison
from playground.labs.sampling.controls import SamplingSettings, Side
from playground.labs.sampling.job import FrameImages
from playground.labs.sampling.speed import server_speed
from playground.labs.sampling.view import Choice
from playground.labs.shared.controls import checked
from playground.labs.shared.models import class_names_of
from playground.labs.shared.picture import proportion

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.browser.live import LiveSampler, Plan, SidePlan
    from playground.browser.where import Place, Where
    from playground.components.payloads.panels import AlgorithmPanel
    from playground.policy.visitor import Visitor

Drawing = tuple["Model", "dict[Side, Recipe]"]
COARSE = 5
"""Steps while a control moves."""
CONTROLS = ("seed", "scale", "label")
"""Drawn beside the pictures, since they answer while they are moved."""


def where_view(drawing: Drawing | None, wanted: Place, visitor: Visitor, drawn: int = 0) -> Where:
    """Where these settings are sampled, and with what.

    Args:
        drawing: the model, and the recipe of each side; None where nothing can be drawn.
        wanted: by the reader.
        visitor: who that is.
        drawn: how often Draw was pressed.
    """
    from playground.browser.instructions import ProgramError
    from playground.browser.network import unsupported
    from playground.browser.where import Where

    if drawing is None:
        return Where(wanted, drawn=drawn)
    model, recipes = drawing
    speed = server_speed(recipes["A"].model)
    here = Where("server", "", speed.ms, speed.waiting, drawn=drawn)
    if why := unsupported(model):
        return replace(here, why=str(why))
    if wanted == "server":
        return here
    try:
        return replace(here, chosen=wanted, sampler=_sampler(model, recipes, visitor))
    except ProgramError as problem:
        return replace(here, why=str(message_of(problem)))


@dataclass(frozen=True)
class _Asked:
    """Recipes of a model; those that were compiled are known again by their text."""

    text: str
    recipes: dict[Side, Recipe] = field(compare=False)
    model: Model = field(compare=False)


def _sampler(model: Model, recipes: dict[Side, Recipe], visitor: Visitor) -> LiveSampler:
    from playground.browser.live import free_scale, sampler
    from playground.browser.offered import offer

    first = recipes["A"]
    coarse = {side: recipe.model_copy(update={"steps": min(COARSE, recipe.steps)}) for side, recipe in recipes.items()}
    coarse["A"] = coarse["A"].model_copy(update={"scale": free_scale(first, model)})
    plans = {coarse["A"].steps: _compiled(_asked(coarse, model)), first.steps: _compiled(_asked(recipes, model))}
    return sampler(
        recipes,
        model,
        offer(),
        plans,
        CONTROLS,
        class_names=class_names_of(first.model, first.classifier, visitor),
        titles=comparison.titles(recipes, model),
        grid=grid_shape(len(first.seeds), proportion(len(first.seeds))),
    )


def _asked(recipes: dict[Side, Recipe], model: Model) -> _Asked:
    """Seeds and labels are not part of a program; a scale is, where it decides whether anything is guided."""
    settings = [recipe.model_dump_json(exclude={"seeds", "labels"}) for recipe in recipes.values()]
    counts = f"{len(recipes['A'].seeds)} {bool(recipes['A'].labels)}"
    return _Asked(f"{counts} {settings}", recipes, model)


@cached(32)
def _compiled(asked: _Asked) -> Plan:
    from playground.browser.live import plan

    def panels(recipes: Mapping[Side, Recipe], sides: Mapping[str, SidePlan]) -> tuple[AlgorithmPanel, ...]:
        steps = {side: algorithm.steps_of(recipe, asked.model, sides[side].shown) for side, recipe in recipes.items()}
        shown = {side: [sides[side].shown[k] for k in sides[side].index] for side in recipes}
        return algorithm.panels(recipes, steps, shown)

    return plan(asked.recipes, asked.model, panels)


# --- what comes back --------------------------------------------------------------------------------------------------


def moved(controls: SamplingSettings, value: object) -> SamplingSettings | None:
    """The settings once the reader has moved controls beside the pictures; None for what stands for none."""
    if not isinstance(value, Mapping):
        return None
    changes: dict[str, Any] = {name: value[name] for name in ("seed", "scale") if name in value}
    label = value.get("label")
    if controls.labels != "none" and isinstance(label, int):
        changes |= {"labels": "each"} if label < 0 else {"labels": "one", "label": label}
    try:
        return checked(controls, **changes)
    except ValueError:
        return None


@dataclass(frozen=True, eq=False)
class Sampled:
    """An image that the browser sampled: what `view.nearest` and a link into the Microscope take in place of a job."""

    model: Model
    recipes: dict[Side, Recipe]
    number: int
    image: np.ndarray[Any, np.dtype[np.uint8]]

    def frames(self, side: Side) -> list[FrameImages]:
        """The last one, of which there is this image alone, and one for each step before it."""
        images = np.zeros((len(self.recipes[side].seeds), *self.image.shape), np.uint8)
        images[self.number] = self.image
        return [FrameImages(step, 0, images, images, images) for step in range(self.recipes[side].steps + 1)]


def sampled(drawing: Drawing | None, value: object) -> tuple[Sampled, Choice] | None:
    """What was clicked among the images of the browser, as it came from there; None where there is no such image."""
    if drawing is None or not isinstance(value, Mapping):
        return None
    model, recipes = drawing
    side = cast("Side", value.get("side"))
    number, step = value.get("number"), value.get("step")
    channels, height, width = model.shape
    if side not in recipes or not isinstance(number, int) or not 0 <= number < len(recipes[side].seeds):
        return None
    try:
        pixels = np.frombuffer(base64.b64decode(str(value.get("pixels")), validate=True), np.uint8)
        image = pixels.reshape(height, width, channels)
    except (binascii.Error, ValueError):
        return None
    last = recipes[side].steps
    position = max(0, min(step, last)) if isinstance(step, int) else last
    return Sampled(model, recipes, number, image), Choice(side, number, position)
