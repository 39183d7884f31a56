"""Sweep grids: any two settings of a recipe against each other, sampled as one job, from noise to picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.language import N_, _
from engine.recipes.sampling_fields import CLIP_TITLES, SCHEDULE_TITLES
from playground.components.payloads.packing import nearest_index
from playground.components.payloads.timeline import Axes, Lane, Position, Timeline
from playground.labs.guidance.controls import AXES, GuidanceControls, recipe
from playground.labs.sampling import controls as sampling
from playground.labs.shared import models, ranges
from playground.labs.shared.job import Partial
from playground.labs.shared.ranges import Allowed, Value

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.policy.visitor import Visitor

Pictures = npt.NDArray[np.uint8]

MOST_CELLS = 64
MOST_EVALUATIONS = 16_000
"""Most network evaluations (of one image each) of a sweep: about a minute of one core for the networks that ship."""
MOST_POSITIONS = 60
"""Most frames of the timeline; fewer where the pictures are many."""
MOST_BYTES = 24_000_000
"""Of the pictures of one kind."""
BLANK = 128
"""The grey of a cell that has no picture yet."""
WHOLE = {"steps": (1, 1000), "seed": (0, 2**53 - 100)}
USUAL = {
    "scale": "0,1,2,4,8", "steps": "5,10,20,50", "eta": "0:1:0.25", "label": "0:4", "seed": "0:4", "sampler": "ddim,ddpm",
    "scale_from": "0:0.8:0.2", "scale_to": "0.2:1:0.2", "rescale": "0:1:0.25", "clip": "range,quantile,none",
    "spacing": "uniform,quadratic,log-snr", "schedule": "own,linear,cosine", "classifier": "none,digits",
    "classifier_scale": "0,1,2,4,8",
}  # fmt: skip
"""The values of an axis that is left empty."""


def allowed(axis: str, model: Model, visitor: Visitor) -> Allowed:
    """The range of an axis, for that model and visitor."""
    what = _(AXES[axis])
    if axis == "label":
        classes = model.class_names
        names: dict[Value, str] = {-1: "none", **dict(enumerate(classes))}
        return Allowed(what, "whole", -1, len(classes) - 1, names)
    if titles := _names(axis, visitor):
        return Allowed(what, "name", names=dict(titles.items()))
    if axis in WHOLE:
        return Allowed(what, "whole", *WHOLE[axis])
    return Allowed(what, "number", 0, 20 if axis in ("scale", "classifier_scale") else 1)


def _names(axis: str, visitor: Visitor) -> Mapping[str, str]:
    if axis == "sampler":
        return sampling.sampler_titles()
    if axis == "spacing":
        return sampling.spacing_titles()
    if axis == "classifier":
        return models.classifier_choices(visitor)
    return {"clip": CLIP_TITLES, "schedule": SCHEDULE_TITLES}.get(axis, {})


@dataclass(frozen=True)
class Plan:
    """A checked sweep: its axes, and a recipe for each cell, row by row."""

    axes: Axes
    cells: tuple[Recipe, ...]
    model: Model
    evaluations: int
    """Network evaluations of one image each, at most."""

    @property
    def in_words(self) -> str:
        """What will be sampled, and at what cost."""
        axes = self.axes
        cells = _(
            "{columns} × {rows} = {cells} cells", columns=len(axes.columns), rows=len(axes.rows), cells=len(self.cells)
        )
        across, down = f"{axes.across} {_list(axes.columns)}", f"{axes.down} {_list(axes.rows)}"
        return _(
            "{cells}: {across} across, {down} down; at most {evaluations:,} network evaluations.",
            cells=cells,
            across=across,
            down=down,
            evaluations=self.evaluations,
        )


def plan(controls: GuidanceControls, model: Model, visitor: Visitor) -> Plan:
    """The sweep of these settings.

    Args:
        controls: of the lab.
        model: the opened one.
        visitor: for whom it is sampled.

    Raises:
        ValueError: with one sentence, where a range cannot be read, the sweep is too large, or a cell does not fit the model.
    """
    from engine.recipes.sweep import batches

    if controls.across == controls.down:
        raise ValueError(
            _("Both axes are {axes}: choose another setting for one of them.", axes=_(AXES[controls.across]))
        )
    axes = [controls.across, controls.down]
    texts = [controls.across_values, controls.down_values]
    may = [allowed(axis, model, visitor) for axis in axes]
    values = [ranges.parse(text.strip() or USUAL[axis], one) for axis, text, one in zip(axes, texts, may, strict=True)]
    count = len(values[0]) * len(values[1])
    if count > MOST_CELLS:
        raise ValueError(
            _(
                "This sweep has {count:,} cells, and {most_cells} are the most: take fewer values or larger steps.",
                count=count,
                most_cells=MOST_CELLS,
            )
        )
    cells = [_cell(controls, model, {axes[0]: column, axes[1]: row}) for row in values[1] for column in values[0]]
    for cell in cells:  # the values of an axis may lie beyond the range of the control
        visitor.check_recipe(cell)
        cell.check(model)
    evaluations = sum(batch.evaluations for batch in batches(cells))
    visitor.limits.check_evaluations(_("This sweep"), evaluations, _("cells, images or steps"), MOST_EVALUATIONS)
    titles = [tuple(_title(axis, value, one) for value in v) for axis, one, v in zip(axes, may, values, strict=True)]
    grid = Axes(_(AXES[axes[0]]), titles[0], _(AXES[axes[1]]), titles[1])
    return Plan(grid, tuple(cells), model, evaluations)


def _cell(controls: GuidanceControls, model: Model, swept: Mapping[str, Value]) -> Recipe:
    from pydantic import ValidationError

    from engine.storage.checked_files import first_problem

    swept = dict(swept)
    label, seed = int(swept.pop("label", controls.label)), int(swept.pop("seed", controls.seed))
    seeds = tuple(seed + k for k in range(controls.pictures))
    knows = bool(model.class_names or controls.classifier or swept.get("classifier"))
    if label < 0 or not knows:  # without a label there is no guidance
        labels: tuple[int, ...] = ()
        swept |= {"scale": 0.0, "scale_from": 0.0, "scale_to": 1.0, "rescale": 0.0, "classifier": ""}
    else:
        labels = (label,) * len(seeds)
    try:
        return recipe(controls, **swept, seeds=seeds, labels=labels)
    except ValidationError as error:
        raise ValueError(_("This sweep cannot be sampled: {problem}.", problem=first_problem(error))) from error


def _title(axis: str, value: Value, one: Allowed) -> str:
    if one.names and value in one.names:
        return _(one.names[value])
    return f"{value:g}" if isinstance(value, float) else str(value)


def _list(values: tuple[str, ...]) -> str:
    return _(", ").join(values if len(values) <= 9 else (*values[:4], f"… {values[-1]}"))


@dataclass(frozen=True, eq=False)
class Grid:
    """A sweep so far."""

    plan: Plan
    now: Pictures
    """The latest x̂₀ of each cell, its images side by side: uint8, shape (cells, H, W, C)."""
    frames: Mapping[str, Pictures] | None = None
    """When it is complete: "x0" and "x", shape (positions, cells, H, W, C)."""


def draw(plan: Plan) -> Iterator[Partial[Grid]]:
    """Sample the cells, batch after batch; a result after every step of a batch."""
    from engine.data.pixels import to_uint8
    from engine.recipes import sweep
    from engine.runtime.batching import batched

    images = len(plan.cells[0].seeds)
    channels, height, width = plan.model.shape
    count = positions(plan)
    shape = (len(plan.cells), height, images * width, channels)
    kept = {kind: np.full((count, *shape), BLANK, np.uint8) for kind in ("x0", "x")}
    now = np.full(shape, BLANK, np.uint8)
    total, done = sum(cell.steps for cell in plan.cells), 0
    model = replace(plan.model, denoiser=batched(plan.model.denoiser))
    for batch, frame in sweep.draw(plan.cells, model):
        cells = list(batch.cells)
        pictures = {kind: _side_by_side(to_uint8(x), batch.images) for kind, x in (("x0", frame.x0), ("x", frame.x))}
        # A position is a fraction of the trajectory; it gets the pictures of the nearest step.
        here = np.array(steps_shown(count, frame.steps)) == frame.step
        for kind, block in pictures.items():
            kept[kind][np.ix_(here, cells)] = block
        now[cells] = pictures["x0"]
        done += len(cells) * (frame.step > 0)
        yield Partial(done, total, Grid(plan, now.copy()))
    yield Partial(total, total, Grid(plan, now.copy(), kept))


def positions(plan: Plan, per_pixel: int = 1) -> int:
    """Frames of the timeline, given the bytes of a pixel."""
    channels, height, width = plan.model.shape
    one = len(plan.cells) * len(plan.cells[0].seeds) * channels * height * width * per_pixel
    return max(2, min(MOST_POSITIONS, max(cell.steps for cell in plan.cells) + 1, MOST_BYTES // one))


def steps_shown(positions: int, steps: int) -> tuple[int, ...]:
    """For each position of the timeline, the nearest of that many steps by fraction of the trajectory."""
    return nearest_index(np.linspace(0, 1, positions).tolist(), np.linspace(0, 1, steps + 1).tolist())


def _side_by_side(pictures: Pictures, images: int) -> Pictures:
    """(cells · images, H, W, C) to (cells, H, images · W, C)."""
    n, height, width, channels = pictures.shape
    rows = pictures.reshape(n // images, images, height, width, channels)
    return rows.swapaxes(1, 2).reshape(n // images, height, images * width, channels)


def timeline(timeline_id: str, grid: Grid, show: str) -> Timeline:
    """The whole grid on one playhead, with its axes; before it is complete, its latest state."""
    plan = grid.plan
    frames = [grid.now] if grid.frames is None else list(grid.frames[show])
    lane = Lane.of_grid("grid", _(TITLES[show if grid.frames is not None else "x0"]), frames, axes=plan.axes)
    if grid.frames is None:
        return Timeline(f"{timeline_id}-live", (lane,), (Position(0, _("being sampled")),), label=_("Sweep so far"))
    steps = {cell.steps for cell in plan.cells}
    positions = tuple(position(k, len(frames), steps) for k in range(len(frames)))
    return Timeline(timeline_id, (lane,), positions, start_at="last", pick=False, label=_("Sweep, from noise to image"))


TITLES = {"x0": N_("<i>x̂</i><sub>0</sub> prediction"), "x": N_("noisy <i>x</i><sub>t</sub>")}


def position(k: int, count: int, steps: set[int]) -> Position:
    """Number k of `count` positions, of cells with these numbers of steps."""
    share = k / (count - 1)
    if len(steps) == 1:
        total = next(iter(steps))
        step = steps_shown(count, total)[k]
        return Position(step, _("step {step} of {total}", step=step, total=total))
    return Position(round(100 * share), _("{share:.0f} % of the steps", share=100 * share))
