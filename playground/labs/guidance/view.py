"""The Guidance lab: a job for each of its four views, and what a page shows of its results."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from playground.components.payloads.chart import LiveChart
from playground.components.payloads.timeline import Axes, Timeline
from playground.labs.guidance import controls as settings
from playground.labs.guidance import cost, density, sweep, text, trace
from playground.labs.guidance import sweep_svg as sweep_figure
from playground.labs.guidance.controls import GuidanceControls, View
from playground.labs.guidance.cost import Price
from playground.labs.guidance.density import Law
from playground.labs.guidance.sweep import Grid
from playground.labs.guidance.trace import Dissection
from playground.labs.shared.exports import File, csv
from playground.labs.shared.job import Partial

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

Result = Grid | Dissection | Price | Law
CHARTS = 3
"""Most charts of a view."""
KEPT = 8
"""Results that are kept for whoever asks the same again."""
WHAT: dict[View, str] = {"sweep": "steps of cells", "apart": "steps", "price": "steps", "law": "steps"}


@dataclass(frozen=True, eq=False)
class Answer:
    """What a job has brought so far, and for which settings."""

    controls: GuidanceControls
    result: Result
    complete: bool


_kept: OrderedDict[tuple[tuple[str, Any], ...], Partial[Result]] = OrderedDict()


def same(a: GuidanceControls, b: GuidanceControls) -> bool:
    """Whether both ask for the same results."""
    return _key(a) == _key(b)


def _key(controls: GuidanceControls) -> tuple[tuple[str, Any], ...]:
    names = {"view", *settings.OF_VIEW[controls.view]} - {"show"}
    return tuple((name, getattr(controls, name)) for name in sorted(names))


def _digest(controls: GuidanceControls) -> str:
    return hashlib.sha256(repr(_key(controls)).encode()).hexdigest()[:12]


def announced(controls: GuidanceControls, visitor: Visitor) -> str:
    """What Draw will do with these settings. Raises ValueError with one sentence where it can do nothing."""
    if controls.view == "law":
        return density.IN_WORDS
    model = visitor.open_model(controls.model)
    if controls.view == "sweep":
        return sweep.plan(controls, model, visitor).in_words
    if controls.view == "price":
        return cost.plan(controls, model, visitor).in_words
    _ways(controls, visitor)
    return ""


def _ways(controls: GuidanceControls, visitor: Visitor) -> tuple[trace.Way, ...]:
    model = visitor.open_model(controls.model)
    classes = max(1, len(model.class_names))
    numbers = range(controls.count)
    return trace.ways(controls, model, [controls.seed + k for k in numbers], [k % classes for k in numbers], visitor)


def at_once(controls: GuidanceControls) -> bool:
    """Whether a view is drawn without being asked for: what is cheap, or known already."""
    return controls.view != "price" or _key(controls) in _kept


def compute(controls: GuidanceControls, visitor: Visitor) -> Iterator[Partial[Answer]]:
    """The work of a view; a result that is known already comes at once.

    Raises:
        ValueError: with one sentence for the reader.
    """
    key = _key(controls)
    known = _kept.get(key)
    if known is not None:
        yield Partial(known.total, known.total, Answer(controls, known.result, complete=True))
        return
    latest: Partial[Any] | None = None
    for partial in _work(controls, visitor):
        latest = partial
        yield Partial(partial.done, partial.total, Answer(controls, partial.result, complete=False))
    assert latest is not None
    if "run:" not in repr(key):  # what a run has learned changes, be it the model or a classifier, and is its owner's
        _kept[key] = latest
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    yield Partial(latest.total, latest.total, Answer(controls, latest.result, complete=True))


def _work(controls: GuidanceControls, visitor: Visitor) -> Iterator[Partial[Any]]:
    if controls.view == "law":
        return density.compute(controls)
    model = visitor.open_model(controls.model)
    if controls.view == "sweep":
        return sweep.draw(sweep.plan(controls, model, visitor))
    if controls.view == "price":
        return cost.measure(cost.plan(controls, model, visitor), visitor)
    return trace.dissect(_ways(controls, visitor), model, visitor)


@dataclass(frozen=True, eq=False)
class Shown:
    """What a page shows of an answer."""

    words: str = ""
    timeline: Timeline | None = None
    charts: tuple[LiveChart, ...] = ()
    files: tuple[File, ...] = ()


def shown(answer: Answer, show: str | None = None) -> Shown:
    """The figures of an answer; the files only when it is complete. `show` is what cells show now."""
    result, name = answer.result, f"guidance-{_digest(answer.controls)}"
    if isinstance(result, Grid):
        look = show or answer.controls.show
        made = Shown("", sweep.timeline(f"{name}-{look}", result, look))
    elif isinstance(result, Dissection):
        made = Shown(_which(result), trace.timeline(name, result))
    elif isinstance(result, Price):
        made = Shown("", charts=cost.charts(result))
    else:
        figure = density.timeline(name, result, newest_only=not answer.complete)
        made = Shown(density.verdict(result), figure, (density.chart(result),))
    return replace(made, files=_files(answer)) if answer.complete else made


def _which(found: Dissection) -> str:
    if len(found.ways) < 2:
        return ""
    which = text.WHICH.format(a=found.ways[0].title, b=found.ways[1].title)
    return f"{which} {text.BY_CLASSIFIER}" if found.ways[1].recipe.classifier else which


def _files(answer: Answer) -> tuple[File, ...]:
    result = answer.result
    if isinstance(result, Grid):
        plan = result.plan
        axes = Axes(settings.AXES[plan.across], plan.columns, settings.AXES[plan.down], plan.rows)
        rows: list[tuple[object, ...]] = [(axes.across, axes.down, "recipe")]
        for k, cell in enumerate(plan.cells):
            row, column = divmod(k, len(plan.columns))
            rows.append((plan.columns[column], plan.rows[row], cell.model_dump_json(exclude_defaults=True)))
        return (
            File("Grid with its axes (SVG)", "sweep.svg", "image/svg+xml", sweep_figure.svg(result.now, axes)),
            File("Recipe of every cell (CSV)", "sweep.csv", "text/csv", csv(rows)),
        )
    if isinstance(result, Dissection):
        return (File("All curves (CSV)", "guidance-apart.csv", "text/csv", csv(trace.table(result))),)
    if isinstance(result, Price):
        return (File("All numbers (CSV)", "guidance-price.csv", "text/csv", csv(cost.table(result))),)
    return (
        File("Both densities (CSV)", "guidance-law.csv", "text/csv", csv(density.table(result))),
        File("Distance by scale (CSV)", "guidance-law-scales.csv", "text/csv", csv(density.curve_table(result))),
    )
