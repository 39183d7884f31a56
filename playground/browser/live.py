"""What live_sampler.js shows: a network and its programs, to be sampled in the browser as the reader moves its controls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.language import Message, _
from playground.browser.instructions import ProgramError
from playground.browser.offered import SentNetwork
from playground.browser.program import Program, compile_program
from playground.browser.script import worker_script
from playground.components.payloads.encoding import Payload

if TYPE_CHECKING:
    from torch import nn

    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe

STEPS = (5, 10, 20, 50)
"""Numbers of steps that a reader may choose besides the recipe's own."""
GUIDED = 3.0
"""A guidance scale for recipes without one: the program of a guided sampler takes any other."""
MOST_PICTURES = 16


@dataclass(frozen=True)
class LiveSampler(Payload):
    """A sampler in the browser.

    network: with its weights, or where they are.
    id: of the settings that its controls do not change.
    script: of the worker.
    programs: of the same sampler with other numbers of steps, by that number; fewest first.
    class_names: that labels stand for; empty where the network knows none.
    seed, label, scale, steps, count: to begin with; label −1 is "each class in turn".
    """

    id: str
    title: str
    network: SentNetwork
    script: str
    programs: Mapping[str, Program]
    class_names: tuple[str, ...]
    seed: int
    label: int
    scale: float
    steps: int
    count: int


def live_sampler(
    recipe: Recipe, model: Model, sent: Callable[[nn.Module], SentNetwork], *, steps: Sequence[int] = STEPS
) -> LiveSampler:
    """A recipe to be carried out in the browser, where its pictures come again and everything can be moved.

    `sent`: how its network gets there, such as `offered.enclosed`.

    Raises:
        ProgramError: where the browser cannot do this: an exact denoiser, a classifier as guide, an unsupported network.
        RecipeError, ModelError: as `Recipe.check`.
    """
    if recipe.classifier:
        raise ProgramError(Message("Live sampling in the browser is guided by labels alone: leave the classifier out."))
    names = tuple(model.class_names)
    changes = {"scale": recipe.scale if recipe.scale != 1 else GUIDED} if names else {}
    programs = {}
    for number in sorted({*steps, recipe.steps}):
        whole = recipe.model_copy(update={**changes, "steps": number})
        if names and not whole.labels:
            whole = whole.model_copy(update={"labels": (0,) * len(whole.seeds)})
        programs[str(number)] = compile_program(whole, model)
    is_one = len(set(recipe.labels)) == 1
    settings = recipe.model_dump_json(exclude={"seeds", "labels", "scale", "steps"})
    return LiveSampler(
        hashlib.blake2b(settings.encode(), digest_size=8).hexdigest(),
        _("Samples of {model}", model=recipe.model),
        sent(model.denoiser.net),  # type: ignore[attr-defined]
        worker_script(),
        programs,
        names,
        recipe.seeds[0],
        recipe.labels[0] if is_one else -1,
        recipe.scale,
        recipe.steps,
        min(MOST_PICTURES, len(recipe.seeds)),
    )
