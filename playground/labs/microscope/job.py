"""The Microscope's work: one image's trajectory and its forks, step by step, and the reference image at the same levels."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.language import _
from playground.components.payloads.microscope import Cursor
from playground.labs.microscope import forks as forking
from playground.labs.microscope import text
from playground.labs.microscope.branches import BranchResult, Microscopy, Task
from playground.labs.microscope.controls import MicroscopeControls, of_sampling
from playground.labs.sampling.recipes import classes_for, recipes
from playground.labs.shared.job import Job, Partial

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.fork import AnyRecipe
    from engine.recipes.recipe import Recipe
    from playground.labs.microscope.steps import StepRecorder
    from playground.labs.shared.decomposition import PosteriorWeights
    from playground.policy.visitor import Visitor

UPDATE_SECONDS = 0.6
"""Between two results of a trajectory: each sends everything so far to the browser."""


def recipe_of(controls: MicroscopeControls, model: Model, visitor: Visitor) -> Recipe:
    """The recipe of the one image. Raises ValueError with a sentence for the reader."""
    from engine.recipes.recipe import Recipe

    classes = classes_for(model, controls.classifier, visitor)
    whole = recipes(of_sampling(controls, controls.picture + 1), classes)["A"]
    return Recipe.model_validate(whole.model_dump() | {"seeds": whole.seeds[-1:], "labels": whole.labels[-1:]})


def task_of(controls: MicroscopeControls, visitor: Visitor, previous: Microscopy | None = None) -> tuple[Model, Task]:
    """The model of these settings, and what is to be shown. Raises ValueError with a sentence for the reader."""
    model = visitor.open_model(controls.model)
    root = recipe_of(controls, model, visitor)
    frame = controls.frame if controls.frame < root.steps else root.steps // 2  # the default of more steps
    cursor = Cursor(controls.branch, frame, controls.row, controls.column)
    task = Task(root, forking.read(controls.forks), (controls.known, controls.number), previous, cursor)
    for recipe in task.recipes:
        visitor.check_recipe(last_recipe(recipe))
        recipe.check(model)
    return model, task


class Examination(Job[Microscopy]):
    """Carries out a task in a thread of its own."""

    def __init__(self, model: Model, task: Task) -> None:
        self.task = task
        super().__init__(lambda: work(model, task), "microscope")


def work(model: Model, task: Task) -> Iterator[Partial[Microscopy]]:
    """One branch after the other, then the reference image; each result holds everything so far.

    Raises:
        ValueError: with a sentence, where a fork has no step to leave from.
    """
    from engine.runtime.batching import batched
    from playground.labs.microscope import reference, steps

    batching = replace(model, denoiser=batched(model.denoiser, threading.Event()))
    old = task.previous if task.previous is not None and task.previous.root == task.root else None
    weights = old.posterior_weights if old is not None else steps.posterior_weights_of(model, task.root)
    total = sum(last_recipe(recipe).steps for recipe in task.recipes) + reference.WORK
    found, done = Microscopy(model, task.root, task.known, (), weights, task.cursor, forking.write(task.forks)), 0
    for number, recorder in enumerate(_recorders(batching, task, weights)):
        for partial in _branch(recorder, task, number, found, old):
            yield Partial(done + partial.done, total, partial.result)
        found, done = partial.result, done + last_recipe(recorder.recipe).steps
    if old is not None and old.reference is not None and old.known == task.known:
        found = replace(found, reference=old.reference, errors=old.errors)
    else:
        for part, (strip, errors) in enumerate(reference.examine(batching, task.root, task.known, weights), 1):
            found = replace(found, reference=strip, errors=errors)
            yield Partial(done + min(part, reference.WORK), total, found)
    yield Partial(total, total, replace(found, is_complete=True))


def _recorders(model: Model, task: Task, weights: PosteriorWeights) -> Iterator[StepRecorder]:
    """One for each branch, with what the branch is called."""
    from playground.labs.microscope.steps import BranchName, StepRecorder, settings_in_words

    names = [BranchName(text.TRAJECTORY, settings_in_words(task.root))]
    names += [
        BranchName(_("fork {number}", number=number), forking.label_of(fork, model.class_names), fork.parent)
        for number, fork in enumerate(task.forks, 1)
    ]
    for recipe, name in zip(task.recipes, names, strict=True):
        yield StepRecorder(model, recipe, weights, name)


def _branch(
    recorder: StepRecorder, task: Task, number: int, found: Microscopy, old: Microscopy | None
) -> Iterator[Partial[Microscopy]]:
    """One more branch: what there is with it, as its steps are taken; from the old results where it is among them."""
    steps = last_recipe(recorder.recipe).steps
    known = next((one for one in old.branches if one.is_done and one.recipe == recorder.recipe), None) if old else None
    here: BranchResult
    if known is not None:
        here = replace(known, branch=recorder.renamed(known.branch))
    else:
        fork = task.forks[number - 1] if number else None
        start = found.branches[fork.parent].starts.get(fork.step) if fork is not None else None
        for step in now_and_then(recorder.run(start)):
            yield Partial(step, steps, replace(found, branches=(*found.branches, recorder.result())))
        here = recorder.result(is_done=True)
    yield Partial(steps, steps, replace(found, branches=(*found.branches, here)))


def now_and_then(steps: Iterable[int]) -> Iterator[int]:
    """Of what comes quickly, one every `UPDATE_SECONDS`."""
    shown = time.monotonic()
    for step in steps:
        if time.monotonic() - shown >= UPDATE_SECONDS:
            yield step
            shown = time.monotonic()


def last_recipe(recipe: AnyRecipe) -> Recipe:
    """The settings with which a trajectory ends."""
    from engine.recipes.fork import recipe_of

    return recipe_of(recipe)
