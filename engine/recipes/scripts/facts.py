"""What the programs of a recipe have in common: the recipe read together with its model, and the lines that both write."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch

from engine.denoiser import NO_LABEL, NetDenoiser
from engine.guidance import EVERYWHERE
from engine.language import _
from engine.models.opened import Model
from engine.process import TARGETS
from engine.recipes.fork import AnyRecipe
from engine.recipes.recipe import Recipe
from engine.schedule import SCHEDULES, NoiseSchedule

Branches = Literal["uncond", "cond", "both"]


class Script(NamedTuple):
    """A program, and what there is to say about it."""

    code: str
    """Python; "" where no short program gives the pixels of the recipe."""
    note: str
    """In the language of the reader: what the program gives, or why there is none."""


@dataclass(frozen=True, eq=False)
class Facts:
    """A recipe of a trained network, with all that its program depends on."""

    recipe: Recipe
    model: Model
    net: NetDenoiser

    @cached_property
    def schedule(self) -> NoiseSchedule:
        """That of the trajectory."""
        return self.recipe.noise_schedule(self.model)

    @cached_property
    def is_own_schedule(self) -> bool:
        """Whether the network was trained on the schedule of the trajectory."""
        return torch.equal(self.schedule.beta, self.net.schedule.beta)

    @cached_property
    def timesteps(self) -> list[int]:
        """Of the trajectory, T … 0."""
        return self.schedule.timesteps(self.recipe.steps, self.recipe.spacing)

    @property
    def target(self) -> str:
        """A name in `TARGETS`."""
        return next(name for name, target in TARGETS.items() if target == self.net.target)

    @property
    def is_guided(self) -> bool:
        """Whether guidance can have an effect at some step."""
        return bool(self.recipe.labels and self.model.class_names) and self.recipe.scale != 1

    @property
    def branches(self) -> Branches:
        """Which predictions are needed inside the guidance interval; outside it is "cond" where there is guidance."""
        if not (self.recipe.labels and self.model.class_names):
            return "uncond"
        return {0.0: "uncond", 1.0: "cond"}.get(self.recipe.scale, "both")  # type: ignore[return-value]

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of guidance, in 1 − ᾱ; None where it acts at every level."""
        interval = (self.recipe.scale_from, self.recipe.scale_to)
        return interval if self.is_guided and interval != EVERYWHERE else None

    @property
    def uses_learned_variance(self) -> bool:
        """Whether the sampler takes its variance from the network."""
        return self.recipe.uses_variance and self.recipe.variance == "learned"

    @property
    def added_noise(self) -> float:
        """η of DDIM and DPM-Solver++; 0 for all that add none."""
        return {"ddim": self.recipe.eta, "dpm++2m-sde": 1.0}.get(self.recipe.sampler, 0.0)

    # --- lines --------------------------------------------------------------------------------------------------------

    @property
    def seeds(self) -> str:
        """An expression for the seeds."""
        return numbers(self.recipe.seeds)

    @property
    def null_class(self) -> int:
        """The class of the network that stands for none."""
        return self.net.classes

    @property
    def classes(self) -> str:
        """An expression for the class of each image; "" for a network without classes."""
        count = len(self.recipe.seeds)
        if not self.null_class:
            return ""
        if self.branches == "uncond" and self.interval is None:
            return f"torch.full(({count},), {self.null_class})"
        given = [self.null_class if label == NO_LABEL else label for label in self.recipe.labels]
        if len(set(given)) == 1:
            return f"torch.full(({count},), {given[0]})"
        return f"torch.arange({count})" if given == list(range(count)) else f"torch.tensor({wrapped(given)})"


def facts_of(recipe_or_fork: AnyRecipe, model: Model) -> Facts | str:
    """The facts, or one sentence about why no short program can give these pixels."""
    if not isinstance(recipe_or_fork, Recipe):
        return _("A fork leaves another trajectory, which would have to be sampled first: its recipe does that.")
    recipe, net = recipe_or_fork, model.denoiser
    if not isinstance(net, NetDenoiser):
        return _(
            "An exact denoiser compares xₜ with every training image, and has no network to call: the recipe does it."
        )
    if recipe.labels and recipe.classifier and recipe.classifier_scale:
        return _("Classifier guidance needs a second network and its gradient at every step: the recipe does it.")
    if net.target not in TARGETS.values():
        return _("The prediction target of this network is none of ε, x₀ and v: the recipe reads it.")
    if recipe.sampler not in KNOWN:
        return _("There is no program yet for the sampler “{sampler}”: the recipe has it.", sampler=recipe.sampler)
    facts = Facts(recipe, model, net)
    if not facts.is_own_schedule and not name_of(facts.schedule):
        return _("There is no program yet for the noise schedule “{name}”: the recipe has it.", name=recipe.schedule)
    return facts


PIXELS = (
    "",
    "pixels = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)  # (images, channels, height, width)",
    'Image.fromarray(pixels.permute(2, 0, 3, 1).flatten(1, 2).squeeze(-1).numpy()).save("images.png")',
)
"""The end of every program."""

KNOWN = ("ddim", "ddpm", "heun", "dpm++2m", "dpm++2m-sde")
"""The samplers that programs are written for."""
FORMULAS = ("linear", "cosine", "sigmoid")
"""The schedules whose formula they write; of others they read the table that the network was trained on."""


def wrapped(values: Sequence[int]) -> str:
    """A list of whole numbers as Python, of several lines where it is long."""
    text = repr(list(values))
    if len(text) <= WIDTH:
        return text
    return "[\n" + textwrap.fill(text[1:-1], WIDTH, initial_indent="    ", subsequent_indent="    ") + ",\n]"


WIDTH = 100
"""Most letters of a line of numbers."""


def numbers(values: tuple[int, ...]) -> str:
    """Whole numbers as Python: a range where they are consecutive."""
    first = values[0]
    if len(values) > 1 and values == tuple(range(first, first + len(values))):
        return f"range({first}, {first + len(values)})"
    return wrapped(values)


SAME_TABLE = 1e-9
"""Relative difference of two tables of β that one formula gave: on another computer its last digits are others."""


def name_of(schedule: NoiseSchedule) -> str:
    """The name in `FORMULAS` whose formula gives this table; "" where none does."""
    tables = {name: SCHEDULES[name](schedule.T).beta for name in FORMULAS}
    return next((name for name, beta in tables.items() if torch.allclose(beta, schedule.beta, SAME_TABLE, 0)), "")
