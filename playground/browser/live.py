"""What live_sampler.js shows: a network and its programs, to be sampled in the browser as the reader moves its controls."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.language import Message, _, language
from playground.browser.instructions import ProgramError
from playground.browser.offered import Sending, SentFile, SentNetwork
from playground.browser.program import Program, compile_program
from playground.browser.script import worker_script
from playground.components.payloads.encoding import Payload
from playground.components.payloads.packing import grid_shape, nearest_index, spread
from playground.components.payloads.panels import AlgorithmPanel

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe

GUIDED = 3.0
"""A guidance scale for recipes without one: the program of a guided sampler takes any other."""
MOST_FRAMES, MOST_BYTES = 120, 24e6
"""Of a trajectory that are shown, and of all of them as pixels: a phone keeps both them and their bitmaps."""

Side = Literal["A", "B"]
Recipes = Mapping[Side, "Recipe"]
"""Of each side; "B" where two are compared."""


@dataclass(frozen=True)
class SidePlan:
    """What is carried out for a side.

    shown: the steps whose frames are shown, 0 … their number.
    index: at each position of the timeline the number of the frame that is shown there.
    """

    program: Program
    shown: tuple[int, ...]
    index: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """What is carried out with one number of steps, and the panels beside the pictures."""

    sides: Mapping[str, SidePlan]
    panels: tuple[AlgorithmPanel, ...] = ()


Panels = Callable[[Recipes, Mapping[str, SidePlan]], tuple[AlgorithmPanel, ...]]


@dataclass(frozen=True)
class LiveSampler(Payload):
    """A sampler in the browser.

    id: of the settings that its controls do not change.
    network, classifier: with their weights, or where they are; a classifier where one guides.
    script: of the worker.
    plans: by the number of steps of A; the fewest while a control moves.
    titles: of the sides where two are compared.
    recipes: of each side as JSON, for the file of its pictures.
    class_names: that labels stand for; empty where the pictures have none.
    controls: those that are drawn: of seed, scale, label, steps and count.
    seed, label, scale, steps, count: to begin with; label −1 is "each class in turn".
    grid: rows and columns of that many pictures.
    """

    id: str
    title: str
    network: SentNetwork
    classifier: SentNetwork | None
    script: SentFile
    plans: Mapping[str, Plan]
    titles: Mapping[str, str]
    recipes: Mapping[str, str]
    class_names: tuple[str, ...]
    controls: tuple[str, ...]
    seed: int
    label: int
    scale: float
    steps: int
    count: int
    grid: tuple[int, int]


def free_scale(recipe: Recipe, model: Model) -> float:
    """The scale with which a program is compiled that takes any other."""
    is_guided = recipe.labels and model.class_names and not model.needs_label and not recipe.classifier
    return GUIDED if is_guided and recipe.scale == 1 else recipe.scale


def plan(recipes: Recipes, model: Model, panels: Panels = lambda *_: ()) -> Plan:
    """How these recipes are carried out, all of the same seeds. Raises as `compile_program`."""
    programs = {side: compile_program(recipe, model) for side, recipe in recipes.items()}
    count = max(len(recipe.seeds) for recipe in recipes.values()) * len(recipes)
    most = int(max(8, min(MOST_FRAMES, MOST_BYTES / (12 * count * math.prod(model.shape[1:])))))
    shown = {side: spread(recipe.steps, most) for side, recipe in recipes.items()}
    way = {side: [_share_left(programs[side], step) for step in steps] for side, steps in shown.items()}
    leader = max(way.values(), key=len)
    sides: dict[str, SidePlan] = {
        side: SidePlan(programs[side], shown[side], nearest_index(leader, way[side])) for side in recipes
    }
    return Plan(sides, panels(recipes, sides))


def _share_left(program: Program, step: int) -> float:
    """t / T before this step; schedules may have different T."""
    return program.steps[step].t / program.steps[0].t if step < len(program.steps) else 0.0


def sampler(
    recipes: Recipes,
    model: Model,
    sending: Sending,
    plans: Mapping[int, Plan],
    controls: tuple[str, ...],
    *,
    class_names: tuple[str, ...] = (),
    titles: Mapping[Side, str] | None = None,
    grid: tuple[int, int] | None = None,
) -> LiveSampler:
    """What is shown of these plans.

    Args:
        recipes: of each side.
        model: opened already.
        sending: how network and script get to the page.
        plans: by number of steps.
        controls: that are drawn.
        class_names: those of the classifier that guides, where the model has none.
        titles: of the sides.
        grid: rows and columns of the pictures; by default about as many.

    Raises:
        ProgramError: as `classifier_of`.
    """
    first = recipes["A"]
    labels = set(first.labels)
    return LiveSampler(
        _id(recipes, plans),
        _("Samples of {model}", model=first.model),
        sending.network(model.denoiser.net),  # type: ignore[attr-defined]
        classifier_of(recipes.values(), sending),
        sending.file(worker_script().encode()),
        {str(number): plans[number] for number in sorted(plans)},
        {str(side): title for side, title in (titles or {}).items()},
        {side: recipe.model_dump_json(exclude_defaults=True) for side, recipe in recipes.items()},
        (model.class_names or class_names) if labels else (),
        controls,
        first.seeds[0],
        first.labels[0] if len(labels) == 1 else -1,
        first.scale,
        first.steps,
        len(first.seeds),
        grid or grid_shape(len(first.seeds)),
    )


def classifier_of(recipes: Iterable[Recipe], sending: Sending) -> SentNetwork | None:
    """The classifier that guides these recipes, None for none. Raises ProgramError where there are several."""
    from engine.registry import open_classifier

    guides = {recipe.classifier for recipe in recipes if recipe.classifier}
    if len(guides) > 1:
        raise ProgramError(Message("Several classifiers guide these images: they are sampled on the server."))
    return sending.network(open_classifier(guides.pop()).net) if guides else None


def _id(recipes: Recipes, plans: Mapping[int, Plan]) -> str:
    """Of all that the reader's controls do not change."""
    moved: dict[Side, set[str]] = {"A": {"seeds", "labels", "scale"}}
    settings = [
        recipe.model_dump_json(exclude=moved.get(side, {"seeds", "labels"})) for side, recipe in recipes.items()
    ]
    forms = [(steps, one.sides["A"].program.guided) for steps, one in plans.items()]
    known = [settings, forms, len(recipes["A"].seeds), bool(recipes["A"].labels), language()]
    return hashlib.blake2b(json.dumps(known).encode(), digest_size=8).hexdigest()
