"""Forks as the Microscope has them: a short text that fits into a link, the form that asks for one, and their records.

"0@25:sampler=ddpm,seed=7;1@10:scale=4" is two forks: branch 1 leaves branch 0 (the walk itself) at step 25 with another
sampler and another seed, branch 2 leaves branch 1 at its own step 10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ValidationError

from playground.labs.sampling.controls import VARIANCE_TITLES, one_of, sampler_titles
from playground.labs.shared.controls import Controls, Field, ui

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.fork import AnyRecipe, Changes
    from engine.recipes.recipe import Recipe

MAX_FORKS = 7
_FORK = re.compile(r"(\d{1,2})@(\d{1,4}):(.*)")
WORDS = {
    "sampler": "sampler",
    "steps": "steps",
    "eta": "eta",
    "variance": "variance",
    "scale": "scale",
    "label": "class",
    "seed": "seed",
}


@dataclass(frozen=True)
class Branching:
    """Branch number `parent` is left at its step `step`, with these changes."""

    parent: int
    step: int
    changes: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.parent}@{self.step}:" + ",".join(f"{name}={value}" for name, value in self.changes)

    def record(self) -> Changes:
        """As the engine has it. Raises ValueError with a sentence for the reader."""
        from engine.recipes.fork import Changes
        from engine.storage.checked_files import first_problem

        try:
            return Changes.model_validate(dict(self.changes))
        except ValidationError as error:
            raise ValueError(f"A fork in it cannot be used: {first_problem(error)}.") from error


def read(text: str) -> tuple[Branching, ...]:
    """The forks of a link. Raises ValueError with a sentence for the reader."""
    found: list[Branching] = []
    for part in text.split(";") if text else ():
        match = _FORK.fullmatch(part)
        if match is None or int(match[1]) > len(found):
            raise ValueError("Forks are written like 0@25:sampler=ddpm,seed=7, each after the one that it leaves.")
        pairs = [pair.partition("=") for pair in match[3].split(",") if pair]
        branching = Branching(int(match[1]), int(match[2]), tuple((name, value) for name, _, value in pairs))
        branching.record()
        found.append(branching)
    if len(found) > MAX_FORKS:
        raise ValueError(f"At most {MAX_FORKS} forks fit on the page.")
    return tuple(found)


def write(forks: tuple[Branching, ...]) -> str:
    """The other way round than `read`."""
    return ";".join(str(fork) for fork in forks)


def checked_text(text: str) -> str:
    """For a control: the text itself, if it can be read."""
    return write(read(text))


def walks(root: Recipe, forks: tuple[Branching, ...]) -> list[AnyRecipe]:
    """The record of every branch, the walk itself first."""
    from engine.recipes.fork import Fork

    found: list[AnyRecipe] = [root]
    for fork in forks:
        found.append(Fork(parent=found[fork.parent], step=fork.step, changes=fork.record()))
    return found


def label_of(fork: Branching, class_names: tuple[str, ...]) -> str:
    """What is otherwise, in a few words: "DDPM, seed 7"."""
    said = []
    for name, value in fork.changes:
        if name == "sampler":
            said.append(sampler_titles().get(value, value))
        elif name == "variance":
            said.append(f"variance {VARIANCE_TITLES.get(value, value)}")
        elif name == "label":
            number = int(value)
            known = class_names[number] if 0 <= number < len(class_names) else value
            said.append("no class" if number < 0 else f"class {known}")
        else:
            said.append(f"{WORDS.get(name, name)} {value}")
    return ", ".join(said) or "nothing changed"


class ForkSettings(Controls):
    """What a fork may have otherwise. The form begins with what the forked branch has."""

    sampler: Annotated[str, one_of(sampler_titles, "sampler")] = Field(
        "ddim", title="Sampler from here", description="How the steps to come are made."
    )
    steps: int = Field(
        50, ge=1, le=1000, title="Steps of the whole way", description="Those that lie below the fork are taken."
    )
    eta: float = Field(
        0.0,
        ge=0,
        le=1,
        title="eta from here",
        description="How much of DDPM's noise DDIM adds at each step.",
        json_schema_extra=ui(step=0.05),
    )
    variance: Literal["small", "large", "learned", "zero"] = Field(
        "small",
        title="Variance from here",
        description="How much noise DDPM adds at each step.",
        json_schema_extra=ui(titles=VARIANCE_TITLES),
    )
    label: int = Field(
        -1,
        ge=-1,
        le=999,
        title="Class from here",
        description="Number of the class; −1 for none.",
        json_schema_extra=ui(slider=False),
    )
    scale: float = Field(
        2.0,
        ge=0,
        le=20,
        title="Guidance scale from here",
        description="1 is the plain conditional model, 0 ignores the label.",
        json_schema_extra=ui(step=0.25),
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**53 - 100,
        title="Seed from here",
        description="Of the noise still to come: it only matters where the sampler adds some.",
        json_schema_extra=ui(slider=False),
    )


def settings_of(recipe: Recipe) -> ForkSettings:
    """The form as it begins: with nothing changed."""
    label = recipe.labels[0] if recipe.labels else -1
    values = {name: getattr(recipe, name) for name in ("sampler", "steps", "eta", "variance", "scale")}
    return ForkSettings.model_validate({**values, "label": label, "seed": recipe.seeds[0]})


def asked_for(settings: ForkSettings, parent: int, step: int, before: Recipe) -> Branching:
    """The fork that the form asks for: what differs from the branch that it leaves. No changes where nothing does."""
    begun = settings_of(before)
    changed = [name for name in ForkSettings.model_fields if getattr(settings, name) != getattr(begun, name)]
    return Branching(parent, step, tuple((name, _written(getattr(settings, name))) for name in changed))


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def hidden(settings: ForkSettings, classes: bool = True) -> set[str]:
    """Settings of the form that there is nothing to set with now; `classes` is whether the model knows any."""
    from engine.samplers import SAMPLERS

    uses = SAMPLERS[settings.sampler].settings
    away = {name for name in ("eta", "variance") if name not in uses}
    return away if classes else away | {"label", "scale"}


def options(model: Model | None) -> dict[str, dict[Any, str]]:
    """What the form lets one choose from: samplers, and the model's classes or none."""
    names = model.class_names if model is not None else ()
    return {"sampler": sampler_titles(), "label": {-1: "none", **dict(enumerate(names))}}
