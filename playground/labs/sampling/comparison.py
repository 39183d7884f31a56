"""Two sides from the same noise: what each of them is, and how far they are from each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.language import _
from playground.components.payloads.timeline import Lane
from playground.labs.sampling import text
from playground.labs.sampling.controls import OF_EACH_SIDE, SamplingSettings, Side
from playground.labs.shared.controls import hints_of
from playground.labs.shared.picture import proportion

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe

DIFFERENCE = "B − A"
"""The group of the difference image."""


def titles(recipes: Mapping[Side, Recipe], model: Model) -> dict[Side, str]:
    """What each side is: its recipe and its network evaluations, what differs in bold; none where nothing is compared."""
    from engine.recipes.evaluations import network_evaluations

    if len(recipes) < 2:
        return {}
    a, b = recipes["A"], recipes["B"]
    differing = {name for name in OF_EACH_SIDE if getattr(a, name) != getattr(b, name)}
    evaluations = {side: network_evaluations(recipe, model) for side, recipe in recipes.items()}
    counted = "<b>{}</b>" if len(set(evaluations.values())) > 1 else "{}"
    return {
        side: _(
            "{side}: {in_words}; {counted} network evaluations",
            side=side,
            in_words=_in_words(recipe, differing),
            counted=counted.format(evaluations[side]),
        )
        for side, recipe in recipes.items()
    }


def _in_words(recipe: Recipe, differing: set[str]) -> str:
    """The sampler and its steps, and every setting that is another on the other side."""
    from engine.samplers import SAMPLERS

    words = {"sampler": _(SAMPLERS[recipe.sampler].title), "steps": _("{steps} steps", steps=recipe.steps)}
    of_sampler = SAMPLERS[recipe.sampler].settings
    for name in OF_EACH_SIDE:
        is_used = name in of_sampler if name in ("eta", "variance") else name in differing
        if name not in words and (is_used or (name == "scale" and recipe.labels)):
            value = getattr(recipe, name)
            field = SamplingSettings.model_fields[name]
            said = f"{value:g}" if isinstance(value, float) else _(hints_of(field)["titles"].get(value, value))
            words[name] = f"{_(field.title or name)} {said}"
    return _(", ").join(f"<b>{said}</b>" if name in differing else said for name, said in words.items())


def difference(
    sides: Mapping[Side, Sequence[NDArray[np.uint8]]], index: Mapping[Side, Sequence[int]]
) -> tuple[Lane, tuple[str, ...]]:
    """The lane of x̂₀ of B minus that of A at every position, and its size in words; `sides` has x̂₀ of every frame."""
    pictures, captions = [], []
    for a, b in zip(index["A"], index["B"], strict=True):
        apart = sides["B"][b].astype(np.int16) - sides["A"][a]
        rms = np.sqrt((apart.reshape(len(apart), -1) / 127.5) ** 2 @ np.full(apart[0].size, 1 / apart[0].size))
        error = float(rms.std(ddof=1)) / math.sqrt(len(rms)) if len(rms) > 1 else 0.0
        captions.append(text.difference(rms.tolist(), error))
        pictures.append(np.clip(apart + 128, 0, 255).astype(np.uint8))
    title, about = text.DIFFERENCE
    shape = proportion(len(pictures[0]))
    lane = Lane.of_pictures("difference", title, pictures, width_over_height=shape, help=about, group=DIFFERENCE)
    return lane, tuple(captions)
