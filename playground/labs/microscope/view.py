"""What the Microscope shows beside its figure, as data for both front ends: notices, forks, errors, downloads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.language import _
from playground.components.payloads.chart import LiveChart, Series
from playground.labs.microscope import forks as forking
from playground.labs.microscope import text
from playground.labs.microscope.branches import Errors, Microscopy, Task
from playground.labs.microscope.controls import MicroscopeControls
from playground.labs.microscope.forks import MAX_FORKS, ForkSettings
from playground.labs.microscope.job import last_recipe, task_of
from playground.labs.shared import exports
from playground.labs.shared.controls import checked
from playground.labs.shared.exports import File
from playground.labs.shared.view import Notice

if TYPE_CHECKING:
    from engine.models.opened import Model
    from playground.policy.visitor import Visitor


def opened(
    controls: MicroscopeControls, visitor: Visitor, previous: Microscopy | None = None
) -> tuple[Model, Task] | Notice:
    """The model of these settings and what is to be shown, or why nothing can be."""
    try:
        return task_of(controls, visitor, previous)
    except ValueError as problem:
        return Notice("error", str(problem))


# --- forks ----------------------------------------------------------------------------------------------------------


def fork_place(found: Microscopy, branch: int, frame: int) -> str | Notice:
    """Where a fork would leave, as Markdown, or why none can."""
    result = found.branch_at(branch)
    if len(found.branches) > MAX_FORKS:
        return Notice("info", text.TOO_MANY.format(most=MAX_FORKS))
    if result is None:
        return Notice("info", text.NO_FORK_OF_REFERENCE)
    if not result.branch.steps:
        return Notice("info", text.NOT_YET)
    return text.FORK_ABOUT.format(
        place=_("{name}, step {step_at}", name=result.branch.name, step_at=step_at(found, branch, frame))
    )


def step_at(found: Microscopy, branch: int, frame: int) -> int:
    """The shown step of a branch that is nearest to a frame."""
    return min((one.step for one in found.branches[branch].branch.steps), key=lambda step: abs(step - frame))


def fork_form(found: Microscopy, branch: int) -> ForkSettings:
    """The settings of a branch, with which the form for a fork of it begins."""
    result = found.branch_at(branch) or found.branches[0]
    return forking.settings_of(last_recipe(result.recipe))


def forked(found: Microscopy | None, now: MicroscopeControls, settings: ForkSettings) -> MicroscopeControls | Notice:
    """The controls with one more fork, at the cursor, or why there is none; `found` is None while it is being computed."""
    if found is None:
        return Notice("info", text.NOT_YET)
    place = fork_place(found, now.branch, now.frame)
    if isinstance(place, Notice):
        return place
    step = step_at(found, now.branch, now.frame)
    fork = forking.fork_of(settings, now.branch, step, last_recipe(found.branches[now.branch].recipe))
    if not fork.changes:
        return Notice("info", text.NOTHING_CHANGED)
    forks = (*forking.read(now.forks), fork)
    try:
        forking.recipes(found.root, forks)[-1].check(found.model)
        return checked(now, forks=forking.write(forks), branch=len(forks), frame=0)
    except ValueError as problem:
        return Notice("error", str(problem))


def without_last(now: MicroscopeControls) -> MicroscopeControls:
    """The controls without the last fork."""
    return checked(now, forks=forking.write(forking.read(now.forks)[:-1]), branch=0)


# --- errors and downloads -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ErrorsView:
    """The errors at each level: their chart and file, or why there are none."""

    chart: LiveChart | None = None
    files: tuple[File, ...] = ()
    notices: tuple[Notice, ...] = ()


def errors_view(found: Microscopy) -> ErrorsView:
    """Of the reference image, as far as they are computed."""
    if found.errors is not None:
        return ErrorsView(error_chart(found.errors), (error_table(found.errors),))
    return ErrorsView(notices=(Notice("info", text.NO_DATA),) if found.is_complete else ())


def error_chart(errors: Errors) -> LiveChart:
    """The errors over t."""
    finite = [k for k, value in enumerate(errors.kl) if math.isfinite(value)]
    t, kl = [errors.t[k] for k in finite], [errors.kl[k] for k in finite]
    return LiveChart(
        text.ERRORS,
        "t",
        _("RMS error; KL in nats per dimension"),
        (
            Series(_("error of <i>x̂</i><sub>0</sub>"), errors.t, errors.x0, mark="circle"),
            Series(_("error of <i>ε̂</i>"), errors.t, errors.noise, mark="square"),
            Series(text.KL_AS_DDPM if errors.as_ddpm else text.KL, t, kl, style="dashed", mark="triangle"),
        ),
        log_y=True,
        note=text.ERRORS_ABOUT,
    )


def error_table(errors: Errors) -> File:
    """The numbers, one line for each level."""
    head = ("t", "error of x0", "error of noise", "error of mean", "kl in nats per number")
    columns = (errors.x0, errors.noise, errors.mean, errors.kl)
    rows = [(t, *(f"{value:.6g}" for value in row)) for t, *row in zip(errors.t, *columns, strict=True)]
    return File(text.ERRORS_CSV, "errors.csv", "text/csv", exports.csv([head, *rows]))


@dataclass(frozen=True)
class Download:
    """What can be downloaded of a branch."""

    files: tuple[File, ...]
    python: str


def branch_titles(found: Microscopy) -> list[str]:
    """Each branch in words."""
    return [_("{name}: {value}", name=one.branch.name, value=one.branch.label) for one in found.branches]


def download(found: Microscopy, number: int) -> Download:
    """Of a branch; of the trajectory itself for the reference image."""
    from engine.data.pixels import to_uint8
    from engine.recipes.recipe import png_bytes

    number = number if found.branch_at(number) is not None else 0
    result = found.branches[number]
    record = result.recipe.model_dump_json(indent=2).encode()
    png = png_bytes(to_uint8(result.latest), result.recipe, zoom=8)
    files = (
        File(_("Image (PNG, carries its recipe)"), f"branch-{number}.png", "image/png", png),
        File(_("Recipe (JSON)"), f"branch-{number}.json", "application/json", record),
    )
    return Download(files, result.recipe.python())
