"""The Microscope: one picture on its way, every step taken apart, and other turnings that the walk could have taken."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from playground.components.payloads.microscope import Branch, Cursor, Microscope
from playground.labs.microscope import forks as forking
from playground.labs.microscope import text
from playground.labs.microscope.forks import MAX_FORKS
from playground.labs.sampling import controls as settings
from playground.labs.sampling.controls import SamplingSettings
from playground.labs.shared.controls import Field, checked, to_link, ui
from playground.labs.shared.job import Job, Partial
from playground.labs.shared.models import classes_told_apart, classifier_choices

if TYPE_CHECKING:
    from torch import Tensor

    from engine.models.opened import Model
    from engine.recipes.fork import AnyRecipe
    from engine.recipes.recipe import Recipe
    from engine.sampling import Start
    from playground.labs.microscope.reference import Errors
    from playground.labs.shared.decomposition import Thoughts
    from playground.policy.visitor import Visitor

MAX_CUTS = 60
"""Steps of a walk that are shown; of a longer one, evenly spaced ones. Fewer for large pictures, see MAX_NUMBERS."""
MAX_NUMBERS = 200_000
"""Numbers of a picture × steps shown: what bounds the memory, and what travels to the browser."""

SELDOM = 0.6
"""Seconds between two results of a walk."""


class MicroscopeControls(SamplingSettings):
    """The settings of the Sampling lab, and where the reader looks."""

    picture: int = Field(
        0,
        ge=0,
        le=63,
        title="Picture",
        description="Which of the Sampling lab's pictures is looked at: its seed is the seed plus this.",
        json_schema_extra=ui(slider=False),
    )
    known: Literal["held out", "training"] = Field(
        "held out",
        title="Compare with a real picture",
        description="One that the model has never seen, or one that it was trained on.",
        json_schema_extra=ui(titles={"held out": "never seen", "training": "trained on"}),
    )
    number: int = Field(
        0,
        ge=0,
        le=9999,
        title="Its number",
        description="Which of the real pictures; after the last one they begin again.",
        json_schema_extra=ui(slider=False),
    )
    branch: int = Field(0, ge=0, le=MAX_FORKS + 1, title="Branch", description="The strip that is looked at.")
    frame: int = Field(25, ge=0, le=1000, title="Frame", description="How many of its steps have been taken.")
    row: int = Field(-1, ge=-1, le=511, title="Row", description="Of the pixel that is looked at; −1 for any.")
    column: int = Field(-1, ge=-1, le=511, title="Column", description="Of the pixel that is looked at; −1 for any.")
    forks: Annotated[str, AfterValidator(forking.checked_text)] = Field(
        "", max_length=1000, title="Forks", description="Where walks part, and what is otherwise from there on."
    )


PLACE = ("branch", "frame", "row", "column", "forks")
"""What is set by pointing, not by widgets."""
ASIDE = {"count", "compare", *settings.B_FIELDS, *PLACE}
"""What there is no widget for."""


def hidden(controls: SamplingSettings) -> set[str]:
    """Controls that there is nothing to set with now."""
    return (settings.hidden(_with_b(controls)) | ASIDE) & set(MicroscopeControls.model_fields)


def without_effect(controls: SamplingSettings, classes: int) -> dict[str, str]:
    """Controls that change nothing now, each with the reason; see `sampling_settings.without_effect`."""
    found = settings.without_effect(_with_b(controls), classes)
    return {name: why for name, why in found.items() if name in MicroscopeControls.model_fields}


def choices(available: dict[str, str], chosen: str, visitor: Visitor) -> dict[str, dict[str, str]]:
    """What there is to choose from. A model that is gone stays chosen, and is named: its forks are no other model's."""
    gone = {} if chosen in available or visitor.public else {chosen: f"{chosen} (not here)"}
    found = settings.choices({**available, **gone}, classifier_choices(visitor))
    return {name: titles for name, titles in found.items() if name in MicroscopeControls.model_fields}


def _with_b(controls: SamplingSettings) -> SamplingSettings:
    common = {name: getattr(controls, name) for name in SamplingSettings.model_fields}
    # Checked already, and checking a name again would load the engine while a page is being built.
    return settings.SamplingControls.model_construct(**common | {"compare": False})


def recipe_of(controls: MicroscopeControls, model: Model, visitor: Visitor) -> Recipe:
    """The recipe of the one picture. Raises ValueError with a sentence for the reader."""
    from engine.recipes.recipe import Recipe

    classes = len(model.class_names) or classes_told_apart(controls.classifier, visitor)
    all_of_them = settings.recipes(_with_b(controls).model_copy(update={"count": controls.picture + 1}), classes)["A"]
    only = {"seeds": all_of_them.seeds[-1:], "labels": all_of_them.labels[-1:]}
    return Recipe.model_validate(all_of_them.model_dump() | only)


def link_from_sampling(recipe: Recipe, classes: int, picture: int, frame: int) -> dict[str, str]:
    """The parameters that open picture number `picture` of a drawn recipe here, at one of its steps.

    Args:
        recipe: of one side of the Sampling lab.
        classes: how many its model knows, or the classifier that guides one that knows none.
        picture, frame: counted from 0.

    Raises:
        ValueError: with a sentence for the reader, where no link opens it.
    """
    drawn = settings.controls_of(recipe, classes)
    values = {name: getattr(drawn, name) for name in SamplingSettings.model_fields if name not in ("count", "compare")}
    return to_link(MicroscopeControls.model_validate({**values, "picture": picture, "frame": frame}))


# --- what is computed -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Branched:
    """A branch with what another one can leave it from."""

    walk: AnyRecipe
    branch: Branch
    starts: Mapping[int, Start]
    outcome: Tensor
    """The last picture that there is by now, shape (1, C, H, W)."""
    done: bool


@dataclass(frozen=True)
class Naming:
    """What a branch is called, what is otherwise on it, and the number of the one that it leaves."""

    name: str
    label: str
    parent: int | None = None


@dataclass(frozen=True, eq=False)
class Microscopy:
    """What a job has brought so far."""

    model: Model
    root: Recipe
    known: tuple[str, int]
    branches: tuple[Branched, ...]
    thoughts: Thoughts
    place: Cursor
    go: str
    truth: Branch | None = None
    errors: Errors | None = None

    @property
    def id(self) -> str:
        """The same as long as the walk and the real picture are."""
        named = f"{self.root.model_dump_json()}{self.known}".encode()
        return hashlib.blake2b(named, digest_size=8).hexdigest()

    @cached_property
    def bench(self) -> Microscope:
        """For the browser."""
        shown = [branched.branch for branched in self.branches] + ([self.truth] if self.truth is not None else [])
        atlas, captions = self.thoughts.atlas()
        return Microscope(self.id, tuple(shown), self.place, self.go, atlas, captions)

    def walk_at(self, branch: int) -> Branched | None:
        """The walk of that number; None for the real picture, and where there is none."""
        return self.branches[branch] if 0 <= branch < len(self.branches) else None


@dataclass(frozen=True)
class Task:
    """What is to be shown: the same task gives the same branches."""

    root: Recipe
    forks: tuple[forking.Branching, ...] = ()
    known: tuple[str, int] = ("held out", 0)
    before: Microscopy | None = field(default=None, compare=False)
    """What is there already: branches that are asked for again are taken from it."""
    place: Cursor = field(default_factory=Cursor, compare=False)
    """Where the reader looks first."""

    @property
    def walks(self) -> list[AnyRecipe]:
        """The record of every branch, the walk itself first."""
        return forking.walks(self.root, self.forks)


def task_of(controls: MicroscopeControls, visitor: Visitor, before: Microscopy | None = None) -> tuple[Model, Task]:
    """The model of these settings, and what they ask for. Raises ValueError with a sentence for the reader."""
    model = visitor.open_model(controls.model)
    root = recipe_of(controls, model, visitor)
    place = Cursor(controls.branch, controls.frame, controls.row, controls.column)
    task = Task(root, forking.read(controls.forks), (controls.known, controls.number), before, place)
    for walk in task.walks:
        visitor.check_recipe(settings_of(walk))
        walk.check(model)
    return model, task


class Examination(Job[Microscopy]):
    """Does a task in a thread of its own."""

    def __init__(self, model: Model, task: Task) -> None:
        self.task = task
        super().__init__(lambda: work(model, task), "microscope")


def work(model: Model, task: Task) -> Iterator[Partial[Microscopy]]:
    """One branch after the other, then the real picture; each result has all that there is by then.

    Raises:
        ValueError: with a sentence, where a fork has no step to leave from.
    """
    from engine.runtime.batching import batched
    from playground.labs.microscope import reference as truth
    from playground.labs.microscope import steps as cutting

    asked = replace(model, denoiser=batched(model.denoiser, threading.Event()))
    old = task.before if task.before is not None and task.before.root == task.root else None
    known = {branched.walk: branched for branched in old.branches if branched.done} if old is not None else {}
    thoughts = old.thoughts if old is not None else cutting.thoughts_of(model, task.root)
    records = task.walks
    total = sum(_length(walk) for walk in records) + truth.LENGTH
    found, done = Microscopy(model, task.root, task.known, (), thoughts, task.place, forking.write(task.forks)), 0
    for number, walk in enumerate(records):
        fork = task.forks[number - 1] if number else None
        name, label = (
            ("the walk", cutting.described(task.root))
            if fork is None
            else (f"fork {number}", forking.label_of(fork, model.class_names))
        )
        cutter = cutting.Cutter(asked, walk, thoughts, Naming(name, label, fork.parent if fork else None))
        if walk in known:
            here = replace(known[walk], branch=cutter.renamed(known[walk].branch))
        else:
            starts = found.branches[fork.parent].starts if fork else {}
            for step in seldom(cutter.run(starts.get(fork.step) if fork else None)):
                yield Partial(done + step, total, replace(found, branches=(*found.branches, cutter.branched())))
            here = cutter.branched(done=True)
        found, done = replace(found, branches=(*found.branches, here)), done + _length(walk)
        yield Partial(done, total, found)
    if old is not None and old.truth is not None and old.known == task.known:
        found = replace(found, truth=old.truth, errors=old.errors)
    else:
        for part, (strip, errors) in enumerate(truth.examined(asked, task.root, task.known, thoughts), 1):
            found = replace(found, truth=strip, errors=errors)
            yield Partial(done + min(part, truth.LENGTH), total, found)
    yield Partial(total, total, found)


def seldom(steps: Iterable[int]) -> Iterator[int]:
    """Of what comes quickly, only now and then one: all there is by then goes to the browser each time."""
    shown = time.monotonic()
    for step in steps:
        if time.monotonic() - shown >= SELDOM:
            yield step
            shown = time.monotonic()


def _length(walk: AnyRecipe) -> int:
    from engine.recipes.fork import recipe_of

    return recipe_of(walk).steps


# --- forking --------------------------------------------------------------------------------------------------------


def settings_of(walk: AnyRecipe) -> Recipe:
    """The settings with which a walk ends."""
    from engine.recipes.fork import recipe_of

    return recipe_of(walk)


def fork_refused(found: Microscopy, branch: int) -> str:
    """Why nothing can be forked there, in a sentence; "" where it can."""
    if len(found.branches) > MAX_FORKS:
        return text.TOO_MANY.format(most=MAX_FORKS)
    walk = found.walk_at(branch)
    if walk is None:
        return text.APART
    return "" if walk.branch.steps else text.NOT_YET


def step_at(found: Microscopy, branch: int, frame: int) -> int:
    """The step that is shown: of those that are kept of a walk, the one nearest to the frame that was asked for."""
    return min((cut.step for cut in found.branches[branch].branch.steps), key=lambda step: abs(step - frame))


def place_in_words(found: Microscopy, branch: int, frame: int) -> str:
    """Where the reader looks: "the walk, step 25"."""
    return f"{found.branches[branch].branch.name}, step {step_at(found, branch, frame)}"


def forked(found: Microscopy, now: MicroscopeControls, asked: forking.ForkSettings) -> MicroscopeControls:
    """The settings with one more fork, where the reader looks. Raises ValueError with a sentence for the reader."""
    if told := fork_refused(found, now.branch):
        raise ValueError(told)
    step = step_at(found, now.branch, now.frame)
    fork = forking.asked_for(asked, now.branch, step, settings_of(found.branches[now.branch].walk))
    if not fork.changes:
        raise ValueError(text.NOTHING_CHANGED)
    all_forks = (*forking.read(now.forks), fork)
    forking.walks(found.root, all_forks)[-1].check(found.model)
    return checked(now, forks=forking.write(all_forks), branch=len(all_forks), frame=0)


def without_last(now: MicroscopeControls) -> MicroscopeControls:
    """The settings without the last fork."""
    return checked(now, forks=forking.write(forking.read(now.forks)[:-1]), branch=0)


def files(found: Microscopy, number: int) -> list[tuple[str, str, str, bytes]]:
    """What can be taken away of a branch: (title, name of the file, its kind, its content)."""
    from engine.data.pixels import to_uint8
    from engine.recipes.recipe import png_bytes

    branched = found.branches[number]
    outcome = branched.outcome
    record = branched.walk.model_dump_json(exclude_defaults=True, indent=2).encode()
    png = png_bytes(to_uint8(outcome), branched.walk, zoom=8)
    return [
        ("Picture (PNG, carries its recipe)", f"branch-{number}.png", "image/png", png),
        ("Recipe (JSON)", f"branch-{number}.json", "application/json", record),
    ]
