"""Links into the Microscope, from an image of the Sampling lab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.labs.microscope import text
from playground.labs.microscope.controls import MicroscopeControls
from playground.labs.sampling.controls import SamplingSettings
from playground.labs.sampling.job import Drawn
from playground.labs.sampling.recipes import classes_for, controls_of
from playground.labs.sampling.view import Choice, side_in_words
from playground.labs.shared.controls import to_link

if TYPE_CHECKING:
    from engine.recipes.recipe import Recipe
    from playground.policy.visitor import Visitor


@dataclass(frozen=True)
class MicroscopeLink:
    """A link: its words, and the parameters of the page."""

    label: str
    parameters: dict[str, str]


def link_of(run: Drawn, choice: Choice, visitor: Visitor) -> MicroscopeLink | None:
    """The link that opens an image at the frame in which it was chosen; None where no link has its seeds and labels.

    No step leaves the last frame, and the step into it takes x̂₀ as it is: chosen there, it opens in the middle.
    """
    recipe = run.recipes[choice.side]
    frame = recipe.steps if choice.position is None else run.frames(choice.side)[choice.position].step
    frame = frame if frame < recipe.steps else recipe.steps // 2
    try:
        parameters = parameters_of(recipe, classes_for(run.model, recipe.classifier, visitor), choice.number, frame)
    except ValueError:
        return None
    return MicroscopeLink(text.under_microscope(choice.number + 1, side_in_words(run, choice.side)), parameters)


def parameters_of(recipe: Recipe, classes: int, picture: int, frame: int) -> dict[str, str]:
    """The parameters that open image number `picture` of a recipe at one of its steps.

    Args:
        recipe: of one side of the Sampling lab.
        classes: as for `playground.labs.sampling.recipes.recipes`.
        picture, frame: counted from 0.

    Raises:
        ValueError: with a sentence for the reader, where no link opens it.
    """
    settings = controls_of(recipe, classes)
    values = {
        name: getattr(settings, name) for name in SamplingSettings.model_fields if name not in ("count", "compare")
    }
    return to_link(MicroscopeControls.model_validate({**values, "picture": picture, "frame": frame}))
