"""Fork: a trajectory that leaves another one at some step and continues with other settings.

The same fork gives the same pictures wherever it is opened: its parent is sampled again, from its own recipe, up to the forked
step. With nothing changed, a fork gives the remaining frames of its parent bit for bit, on as
many torch threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError

from engine.denoiser import NO_LABEL
from engine.language import Message
from engine.models.opened import Model, ModelError
from engine.recipes.recipe import Recipe, RecipeError, literal, read_json, text_in_png
from engine.recipes.sampling_fields import Label, SamplerName, Scale, Seed, Share, SpacingName, Steps
from engine.registry import open_model
from engine.samplers import Sampler, Variance
from engine.sampling import Frame, Start
from engine.settings import Settings
from engine.storage.checked_files import first_problem
from engine.storage.file_kinds import HEAD, PNG, kind_of
from engine.storage.texts import decoded

MAX_DEPTH = 16
"""Most levels of forks of forks: each parent is sampled again up to its forked step."""

_GUIDANCE = ("scale", "scale_from", "scale_to", "rescale", "classifier", "classifier_scale")
"""Settings of a recipe that have an effect only where there is a label."""


class Changes(Settings):
    """The settings that differ from some step on, within a recipe's bounds; None leaves a setting as it was."""

    sampler: SamplerName | None = None
    steps: Steps | None = Field(
        None, description="Of the whole trajectory, as in a recipe; those still to come are taken."
    )
    spacing: SpacingName | None = None
    eta: Share | None = None
    variance: Variance | None = None
    scale: Scale | None = None
    label: Label | None = Field(None, description="Of all pictures; −1 for unconditional.")
    seed: Seed | None = Field(None, description="Of the noise still to come: image k gets seed + k.")

    def apply(self, recipe: Recipe) -> Recipe:
        """The recipe with these settings. Raises RecipeError where they do not go together."""
        values = recipe.model_dump() | self.model_dump(exclude_none=True, exclude={"label", "seed"})
        count = len(recipe.seeds)
        if self.seed is not None:
            values["seeds"] = tuple(self.seed + k for k in range(count))
        if self.label is not None:
            values["labels"] = (self.label,) * count if self.label != NO_LABEL else ()
        if not values["labels"] and self.label is not None:  # unconditional: guidance settings have no effect
            values |= {name: Recipe.model_fields[name].default for name in _GUIDANCE}
        try:
            return Recipe.model_validate(values)
        except ValidationError as error:
            raise RecipeError(Message("The fork cannot be used: {problem}.", problem=first_problem(error))) from error


def _kind_of(parent: object) -> str:
    """Of a parent, so that an error in it names the kind that it is, and not both."""
    is_fork = "parent" in parent if isinstance(parent, dict) else isinstance(parent, Fork)
    return "Fork" if is_fork else "Recipe"


class Fork(Settings):
    """A trajectory that continues from step `step` of its parent. Raises pydantic's ValidationError for invalid values."""

    parent: Annotated[Annotated[Fork, Tag("Fork")] | Annotated[Recipe, Tag("Recipe")], Discriminator(_kind_of)]
    step: int = Field(ge=0, le=1000, description="How many steps the parent had taken when they parted.")
    changes: Changes = Changes()

    @property
    def recipe(self) -> Recipe:
        """The settings from the fork on. Raises RecipeError where the changes do not go together."""
        return self.changes.apply(recipe_of(self.parent))

    @property
    def depth(self) -> int:
        """1 for a fork of a recipe, 2 for a fork of that, …"""
        return 1 + (self.parent.depth if isinstance(self.parent, Fork) else 0)

    def check(self, model: Model) -> None:
        """Raise RecipeError where this fork does not fit that model."""
        if self.depth > MAX_DEPTH:
            raise RecipeError(
                Message("Forks of forks go {most} deep at most, not {depth}.", most=MAX_DEPTH, depth=self.depth)
            )
        self.parent.check(model)
        self.recipe.check(model)

    def start(self, model: Model) -> Start:
        """The start of its trajectory: the parent is sampled up to there.

        Raises:
            RecipeError: where the parent ends at that step or before.
        """
        for frame in self.parent.frames(model):
            if frame.step == self.step:
                return self.continued(frame.start)
        raise RecipeError(
            Message(
                "There is nothing to fork at step {step}: what is forked there ends after {steps} steps.",
                step=self.step,
                steps=frame.steps,
            )
        )

    def continued(self, start: Start) -> Start:
        """The parent's frame as a start: without its noise for another seed, without the previous prediction of another
        denoiser.

        Raises RecipeError where that was its last frame.
        """
        if start.t == 0:
            raise RecipeError(
                Message("There is nothing to fork at step {step}: what is forked there ends with it.", step=self.step)
            )
        parent, own = recipe_of(self.parent), self.recipe
        same_noise = parent.seeds == own.seeds
        same_denoiser = all(getattr(parent, name) == getattr(own, name) for name in ("labels", *_GUIDANCE))
        return Start(start.x, start.t, start.previous if same_denoiser else None, start.draws if same_noise else 0)

    def frames(
        self,
        model: Model | None = None,
        *,
        run_of: Callable[[str], Model] | None = None,
        start: Start | None = None,
        wrap_sampler: Callable[[Sampler], Sampler] = lambda sampler: sampler,
    ) -> Iterator[Frame]:
        """Sample from the fork on: its first frame, number 0, is the parent's x_t.

        Args:
            model, run_of, wrap_sampler: as for `Recipe.frames`.
            start: that of the parent's frame number `step`, which saves sampling the parent again.

        Raises:
            RecipeError: where it does not fit the model.
            ModelError: where the model no longer exists.
        """
        try:
            model = model or open_model(root_of(self).model, run_of)
        except ModelError as error:
            raise ModelError(Message("This fork goes on with a model that is gone: {error}", error=error)) from error
        self.check(model)
        return self._frames(model, start, wrap_sampler)

    def _frames(self, model: Model, start: Start | None, wrap_sampler: Callable[[Sampler], Sampler]) -> Iterator[Frame]:
        begin = self.start(model) if start is None else self.continued(start)
        yield from self.recipe.frames(model, start=begin, wrap_sampler=wrap_sampler)

    def python(self) -> str:
        """A program that makes the same pictures and saves them."""
        return (
            "from engine.data.pixels import to_uint8\n"
            "from engine.recipes.fork import Changes, Fork\n"
            "from engine.recipes.recipe import Recipe, save_png\n\n"
            f"fork = {_as_python(self)}\n"
            "for frame in fork.frames():\n"
            '    print(f"step {frame.step} of {frame.steps}, t = {frame.t}")\n'
            'save_png("pictures.png", to_uint8(frame.x), fork)\n'
        )


AnyRecipe = Recipe | Fork
"""A result of sampling that can be forked."""


def recipe_of(recipe_or_fork: AnyRecipe) -> Recipe:
    """The settings at the end of the trajectory."""
    return recipe_or_fork if isinstance(recipe_or_fork, Recipe) else recipe_or_fork.recipe


def root_of(recipe_or_fork: AnyRecipe) -> Recipe:
    """The recipe at the start of the trajectory."""
    while isinstance(recipe_or_fork, Fork):
        recipe_or_fork = recipe_or_fork.parent
    return recipe_or_fork


def _as_python(recipe_or_fork: AnyRecipe, indent: str = "") -> str:
    """A Python expression of it."""
    deeper = indent + "    "
    if isinstance(recipe_or_fork, Recipe):
        return f"Recipe({_arguments(recipe_or_fork)})"
    return (
        f"Fork(\n{deeper}parent={_as_python(recipe_or_fork.parent, deeper)},\n{deeper}step={recipe_or_fork.step},\n"
        f"{deeper}changes=Changes({_arguments(recipe_or_fork.changes)}),\n{indent})"
    )


def _arguments(model: BaseModel) -> str:
    values = model.model_dump(exclude_defaults=True, mode="json")
    return ", ".join(f"{name}={literal(value)}" for name, value in values.items())


def from_json(text: str) -> AnyRecipe:
    """A recipe or a fork from JSON. Raises RecipeError with the first thing that is wrong with it."""
    return read_json(text, lambda data: Fork if isinstance(data, dict) and "parent" in data else Recipe)


def from_png(data: bytes) -> AnyRecipe:
    """The recipe or fork inside an exported picture. Raises RecipeError where there is none or it cannot be used."""
    return from_json(text_in_png(data))


def from_file(data: bytes) -> AnyRecipe:
    """The recipe or fork in a file: JSON, or an exported picture. Raises RecipeError with what is wrong with it."""
    if data.startswith(PNG):
        return from_png(data)
    kind = kind_of(data[:HEAD])
    if kind.endswith("picture"):
        raise RecipeError(
            Message(
                "This is {kind}: only the PNG that was exported carries its recipe, and what converts it drops the "
                "recipe.",
                kind=Message(kind),
            )
        )
    if kind:
        raise RecipeError(Message("This is no recipe: it is {kind}.", kind=Message(kind)))
    try:
        text = decoded(data)
    except ValueError as error:
        raise RecipeError(Message("The recipe is not JSON that can be read: this is no text.")) from error
    return from_json(text)
