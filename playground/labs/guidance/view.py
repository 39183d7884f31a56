"""What the Guidance page shows: what can be started, and the figures and files of a result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from playground.components.payloads.chart import LiveChart
from playground.components.payloads.timeline import Axes, Timeline
from playground.labs.guidance import controls as settings
from playground.labs.guidance import density, job, sweep, text, trace, tradeoff
from playground.labs.guidance import sweep_svg as sweep_figure
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.job import Answer
from playground.labs.guidance.sweep import Grid
from playground.labs.guidance.trace import Traces
from playground.labs.guidance.tradeoff import TradeOff
from playground.labs.shared.exports import File, csv
from playground.labs.shared.view import Notice

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

CHARTS = 3
"""Most charts of a view."""


def notice(controls: GuidanceControls, visitor: Visitor, latest: GuidanceControls | None) -> Notice | None:
    """What Draw would compute, or why it cannot; None for nothing to say.

    Args:
        controls: the settings now.
        visitor: for whom.
        latest: the settings of the results on the page.
    """
    try:
        words = job.announced(controls, visitor)
    except ValueError as problem:
        return Notice("error", str(problem))
    if latest is None or latest.view != controls.view:
        words = f"{text.PRESS[controls.view]} {words}" if not job.starts_by_itself(controls) else words
    elif not job.same(latest, controls):
        words = f"{text.CHANGED} {words}"
    return Notice("info", words.strip()) if words else None


@dataclass(frozen=True, eq=False)
class Shown:
    """The figures and files of an answer."""

    words: str = ""
    timeline: Timeline | None = None
    charts: tuple[LiveChart, ...] = ()
    files: tuple[File, ...] = ()


def shown(answer: Answer, show: str | None = None) -> Shown:
    """The figures of an answer; its files when it is complete. `show` is what cells show now."""
    result, name = answer.result, f"guidance-{hashlib.sha256(repr(job.key(answer.controls)).encode()).hexdigest()[:12]}"
    if isinstance(result, Grid):
        kind = show or answer.controls.show
        made = Shown("", sweep.timeline(f"{name}-{kind}", result, kind))
    elif isinstance(result, Traces):
        made = Shown(_which(result), trace.timeline(name, result))
    elif isinstance(result, TradeOff):
        made = Shown("", charts=tradeoff.charts(result))
    else:
        figure = density.timeline(name, result, newest_only=not answer.complete)
        made = Shown(density.verdict(result), figure, (density.chart(result),))
    return replace(made, files=_files(answer)) if answer.complete else made


def _which(traces: Traces) -> str:
    if len(traces.variants) < 2:
        return ""
    which = text.WHICH.format(a=traces.variants[0].title, b=traces.variants[1].title)
    return f"{which} {text.BY_CLASSIFIER}" if traces.variants[1].recipe.classifier else which


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
    if isinstance(result, Traces):
        return (File("All curves (CSV)", "guidance-trace.csv", "text/csv", csv(trace.table(result))),)
    if isinstance(result, TradeOff):
        return (File("All numbers (CSV)", "guidance-tradeoff.csv", "text/csv", csv(tradeoff.table(result))),)
    return (
        File("Both densities (CSV)", "guidance-density.csv", "text/csv", csv(density.table(result))),
        File("Distance by scale (CSV)", "guidance-density-scales.csv", "text/csv", csv(density.curve_table(result))),
    )
