"""The sweep of the Guidance lab in the reader's browser: its batches as programs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.language import cached, language, message_of
from playground.labs.guidance import sweep
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.sweep import Plan
from playground.labs.sampling.speed import server_speed

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.sweep import Batch
    from playground.browser.program import Program
    from playground.browser.where import LiveSweep, Place, SweepBatch, Where
    from playground.policy.visitor import Visitor


def where_view(controls: GuidanceControls, wanted: Place, visitor: Visitor, drawn: int = 0) -> Where | None:
    """Where a sweep is sampled, and with what; None for another view, and for settings that are no sweep.

    Args:
        controls: of the lab.
        wanted: by the reader.
        visitor: who that is.
        drawn: how often Draw was pressed.
    """
    from playground.browser.instructions import ProgramError
    from playground.browser.network import unsupported
    from playground.browser.where import Where

    if controls.view != "sweep":
        return None
    try:
        model = visitor.open_model(controls.model)
        plan = sweep.plan(controls, model, visitor)
    except ValueError:
        return None
    speed = server_speed(controls.model)
    here = Where("server", "", speed.ms, speed.waiting, drawn=drawn)
    if why := unsupported(model):
        return replace(here, why=str(why))
    if wanted == "server":
        return here
    try:
        return replace(here, chosen=wanted, sweep=live_sweep(plan, controls.show))
    except ProgramError as problem:
        return replace(here, why=str(message_of(problem)))


def live_sweep(plan: Plan, show: str) -> LiveSweep:
    """A sweep for the browser. `show`: "x0" or "x". Raises ProgramError where the browser cannot do this."""
    from engine.recipes.sweep import batches
    from playground.browser.live import classifier_of
    from playground.browser.offered import offer
    from playground.browser.script import worker_script
    from playground.browser.where import LiveSweep

    count = sweep.positions(plan, per_pixel=4)
    steps = {cell.steps for cell in plan.cells}
    known = repr([plan.axes, [cell.model_dump_json() for cell in plan.cells], language()])
    return LiveSweep(
        hashlib.sha256(known.encode()).hexdigest()[:16],
        offer().network(plan.model.denoiser.net),  # type: ignore[attr-defined]
        classifier_of(plan.cells, offer()),
        offer().file(worker_script().encode()),
        tuple(_batch(batch, plan.model, count) for batch in batches(plan.cells)),
        plan.axes,
        len(plan.cells[0].seeds),
        tuple(sweep.position(k, count, steps) for k in range(count)),
        show,
    )


def _batch(batch: Batch, model: Model, count: int) -> SweepBatch:
    from playground.browser.where import SweepBatch

    recipe = batch.recipe
    shown = sweep.steps_shown(count, recipe.steps)
    program = _compiled(_Asked(recipe.model_dump_json(exclude={"seeds", "labels"}), bool(recipe.labels), batch, model))
    return SweepBatch(program, recipe.seeds, recipe.labels, batch.scales, batch.cells, shown)


@dataclass(frozen=True)
class _Asked:
    """A batch; seeds, labels and scales of a guided one are no part of its program."""

    text: str
    has_labels: bool
    batch: Batch = field(compare=False)
    model: Model = field(compare=False)


@cached(64)
def _compiled(asked: _Asked) -> Program:
    from playground.browser.program import compile_program

    recipe = asked.batch.recipe
    one = recipe.model_copy(update={"seeds": recipe.seeds[:1], "labels": recipe.labels[:1]})
    return compile_program(one, asked.model)
