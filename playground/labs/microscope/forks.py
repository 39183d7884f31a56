"""Forks of a trajectory: a short text that fits into a link, the form for one, and their recipes.

"0@25:sampler=ddpm,seed=7;1@10:scale=4" is two forks: branch 1 leaves branch 0 (the trajectory itself) at step 25 with another
sampler and another seed, branch 2 leaves branch 1 at its own step 10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.language import N_, _
from engine.recipes.sampling_fields import MAX_SEED, VARIANCE_TITLES, SamplerName, SamplingFields, Variance
from playground.labs.sampling.controls import sampler_titles
from playground.labs.shared.controls import Controls, like, seed_setting, setting

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.fork import AnyRecipe, Changes
    from engine.recipes.recipe import Recipe

MAX_FORKS = 7
_FORK = re.compile(r"(\d{1,2})@(\d{1,4}):(.*)")
TITLES = {
    "steps": N_("number of steps"),
    "eta": "η",
    "scale": N_("scale"),
    "seed": N_("seed"),
}


@dataclass(frozen=True)
class Branching:
    """Branch number `parent` is left at its step `step`, with these changes."""

    parent: int
    step: int
    changes: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.parent}@{self.step}:" + ",".join(f"{name}={value}" for name, value in self.changes)

    def recipe_changes(self) -> Changes:
        """The changes as the engine has them. Raises ValueError with a sentence for the reader."""
        from engine.recipes.fork import Changes
        from engine.storage.checked_files import first_problem

        try:
            return Changes.model_validate(dict(self.changes))
        except ValidationError as error:
            raise ValueError(_("A fork in it cannot be used: {problem}.", problem=first_problem(error))) from error


def read(text: str) -> tuple[Branching, ...]:
    """The forks of a link. Raises ValueError with a sentence for the reader."""
    found: list[Branching] = []
    for part in text.split(";") if text else ():
        match = _FORK.fullmatch(part)
        if match is None or int(match[1]) > len(found):
            raise ValueError(_("Forks are written like 0@25:sampler=ddpm,seed=7, each after the one that it leaves."))
        pairs = [pair.partition("=") for pair in match[3].split(",") if pair]
        branching = Branching(int(match[1]), int(match[2]), tuple((name, value) for name, _, value in pairs))
        branching.recipe_changes()
        found.append(branching)
    if len(found) > MAX_FORKS:
        raise ValueError(
            _("At most {max_forks} forks fit on the page, not {count}.", max_forks=MAX_FORKS, count=len(found))
        )
    return tuple(found)


def write(forks: tuple[Branching, ...]) -> str:
    """The other way round than `read`."""
    return ";".join(str(fork) for fork in forks)


def checked_text(text: str) -> str:
    """For a control: the text itself, if it can be read."""
    return write(read(text))


def recipes(root: Recipe, forks: tuple[Branching, ...]) -> list[AnyRecipe]:
    """The recipe of every branch, the trajectory itself first."""
    from engine.recipes.fork import Fork

    found: list[AnyRecipe] = [root]
    for fork in forks:
        found.append(Fork(parent=found[fork.parent], step=fork.step, changes=fork.recipe_changes()))
    return found


def label_of(fork: Branching, class_names: tuple[str, ...]) -> str:
    """The changes in a few words: "DDPM, seed 7"."""
    words = []
    for name, value in fork.changes:
        if name == "sampler":
            words.append(sampler_titles().get(value, value))
        elif name == "variance":
            words.append(_("variance {title}", title=_(VARIANCE_TITLES.get(value, value))))
        elif name == "label":
            number = int(value)
            known = class_names[number] if 0 <= number < len(class_names) else value
            words.append(_("no class") if number < 0 else _("class {known}", known=_(known)))
        else:
            words.append(f"{_(TITLES.get(name, name))} {value}")
    return _(", ").join(words) or _("nothing changed")


def _from_here(name: str) -> Any:
    return like(SamplingFields, name, title=f"{SamplingFields.model_fields[name].title} after the fork")


class ForkSettings(Controls):
    """The settings that a fork may change. The form begins with those of the branch that it leaves."""

    sampler: SamplerName = _from_here("sampler")
    steps: int = like(
        SamplingFields,
        "steps",
        title="Steps of the whole trajectory",
        help="Those below the noise level of the fork are taken: more steps follow the rest of the trajectory more exactly.",
    )
    eta: float = _from_here("eta")
    variance: Variance = _from_here("variance")
    label: int = setting(-1, "Class after the fork", "Number of the class; −1 for none.", ge=-1, le=999, slider=False)
    scale: float = _from_here("scale")
    seed: int = seed_setting(
        "Of the fresh noise after the fork: no effect on a deterministic sampler.", "Seed after the fork", le=MAX_SEED
    )


def settings_of(recipe: Recipe) -> ForkSettings:
    """The form as it begins: with nothing changed."""
    label = recipe.labels[0] if recipe.labels else -1
    values = {name: getattr(recipe, name) for name in ("sampler", "steps", "eta", "variance", "scale")}
    return ForkSettings.model_validate({**values, "label": label, "seed": recipe.seeds[0]})


def fork_of(settings: ForkSettings, parent: int, step: int, before: Recipe) -> Branching:
    """The fork with these settings: its changes are what differs from the branch that it leaves."""
    begun = settings_of(before)
    changed = [name for name in ForkSettings.model_fields if getattr(settings, name) != getattr(begun, name)]
    return Branching(parent, step, tuple((name, _written(getattr(settings, name))) for name in changed))


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def hidden(settings: ForkSettings, has_classes: bool = True) -> set[str]:
    """Settings of the form that do not apply; `has_classes` says whether the model is class-conditional."""
    from engine.samplers import SAMPLERS

    used = SAMPLERS[settings.sampler].settings
    names = {name for name in ("eta", "variance") if name not in used}
    return names if has_classes else names | {"label", "scale"}


def options(model: Model | None) -> dict[str, dict[Any, str]]:
    """Options of the form: samplers, and the model's classes or none."""
    names = model.class_names if model is not None else ()
    return {"sampler": sampler_titles(), "label": {-1: "none", **dict(enumerate(names))}}


def at_first(settings: ForkSettings) -> dict[str, dict[Any, str]]:
    """The same while a page is built, before the engine has been loaded."""
    return {"sampler": {settings.sampler: ""}, "label": {settings.label: "none"}}
