"""The Sampling lab's sampler in the reader's browser, where seed, label, scale and steps answer while they are moved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.language import cached, message_of
from playground.browser.offered import offer
from playground.labs.sampling import view
from playground.labs.sampling.controls import SamplingSettings
from playground.labs.shared.view import Notice

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.browser.live import LiveSampler
    from playground.policy.visitor import Visitor


@dataclass(frozen=True)
class _Asked:
    """A recipe of a model; one that was compiled is known again by its text."""

    text: str
    recipe: Recipe = field(compare=False)
    model: Model = field(compare=False)


def live_view(controls: SamplingSettings, visitor: Visitor) -> LiveSampler | tuple[Notice, ...]:
    """Side A of these settings for the browser; where it cannot be sampled there, a sentence that says why."""
    from playground.browser.instructions import ProgramError

    shown = view.settings_view(controls, visitor, None)
    if shown.drawing is None:
        return shown.notices
    model, recipes = shown.drawing
    recipe = recipes["A"]
    try:
        compiled = _compiled(_Asked(recipe.model_dump_json(), recipe, model))
    except ProgramError as problem:
        return (Notice("info", str(message_of(problem))),)
    offer().network(model.denoiser.net)  # type: ignore[attr-defined]  # again, where it was dropped meanwhile
    return compiled


@cached(4)
def _compiled(asked: _Asked) -> LiveSampler:
    from playground.browser.live import live_sampler

    return live_sampler(asked.recipe, asked.model, offer().network)
