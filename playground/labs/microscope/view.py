"""What the Microscope shows beside its figure, as data for both front ends: forks, errors, downloads."""

from __future__ import annotations

import math
from dataclasses import dataclass

from playground.components.payloads.chart import LiveChart, Series
from playground.labs.microscope import forks as forking
from playground.labs.microscope import text
from playground.labs.microscope.branches import Errors, Microscopy
from playground.labs.microscope.controls import MicroscopeControls
from playground.labs.microscope.forks import MAX_FORKS, ForkSettings
from playground.labs.microscope.job import last_recipe
from playground.labs.shared import exports
from playground.labs.shared.controls import checked
from playground.labs.shared.exports import File

# --- forks ----------------------------------------------------------------------------------------------------------


def fork_refusal(found: Microscopy, branch: int) -> str:
    """Why no fork can leave a branch, in a sentence; "" where one can."""
    if len(found.branches) > MAX_FORKS:
        return text.TOO_MANY.format(most=MAX_FORKS)
    result = found.branch_at(branch)
    if result is None:
        return text.NO_FORK_OF_REFERENCE
    return "" if result.branch.steps else text.NOT_YET


def step_at(found: Microscopy, branch: int, frame: int) -> int:
    """The shown step of a branch that is nearest to a frame."""
    return min((one.step for one in found.branches[branch].branch.steps), key=lambda step: abs(step - frame))


def fork_place(found: Microscopy, branch: int, frame: int) -> str:
    """Where a fork would leave, or why none can."""
    if refusal := fork_refusal(found, branch):
        return refusal
    place = f"{found.branches[branch].branch.name}, step {step_at(found, branch, frame)}"
    return text.FORK_ABOUT.format(place=place)


def fork_form(found: Microscopy, branch: int) -> ForkSettings:
    """The settings of a branch, with which the form for a fork of it begins."""
    result = found.branch_at(branch) or found.branches[0]
    return forking.settings_of(last_recipe(result.recipe))


def forked(found: Microscopy, now: MicroscopeControls, settings: ForkSettings) -> MicroscopeControls:
    """The controls with one more fork, at the cursor. Raises ValueError with a sentence for the reader."""
    if refusal := fork_refusal(found, now.branch):
        raise ValueError(refusal)
    step = step_at(found, now.branch, now.frame)
    fork = forking.fork_of(settings, now.branch, step, last_recipe(found.branches[now.branch].recipe))
    if not fork.changes:
        raise ValueError(text.NOTHING_CHANGED)
    forks = (*forking.read(now.forks), fork)
    forking.recipes(found.root, forks)[-1].check(found.model)
    return checked(now, forks=forking.write(forks), branch=len(forks), frame=0)


def without_last(now: MicroscopeControls) -> MicroscopeControls:
    """The controls without the last fork."""
    return checked(now, forks=forking.write(forking.read(now.forks)[:-1]), branch=0)


# --- errors and downloads -------------------------------------------------------------------------------------------


def error_chart(errors: Errors) -> LiveChart:
    """The errors over t."""
    finite = [k for k, value in enumerate(errors.kl) if math.isfinite(value)]
    t, kl = [errors.t[k] for k in finite], [errors.kl[k] for k in finite]
    return LiveChart(
        text.ERRORS,
        "t",
        "RMS error; KL in nats per dimension",
        (
            Series("error of <i>x̂</i><sub>0</sub>", errors.t, errors.x0, mark="circle"),
            Series("error of <i>ε̂</i>", errors.t, errors.noise, mark="square"),
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
    return [f"{one.branch.name}: {one.branch.label}" for one in found.branches]


def download(found: Microscopy, number: int) -> Download:
    """Of a branch; of the trajectory itself for the reference image."""
    from engine.data.pixels import to_uint8
    from engine.recipes.recipe import png_bytes

    number = number if found.branch_at(number) is not None else 0
    result = found.branches[number]
    record = result.recipe.model_dump_json(exclude_defaults=True, indent=2).encode()
    png = png_bytes(to_uint8(result.latest), result.recipe, zoom=8)
    files = (
        File("Image (PNG, carries its recipe)", f"branch-{number}.png", "image/png", png),
        File("Recipe (JSON)", f"branch-{number}.json", "application/json", record),
    )
    return Download(files, result.recipe.python())
