"""What the Guidance page shows: what can be started, and the figures and files of a result."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.language import _
from playground.components.payloads.chart import LiveChart
from playground.components.payloads.packing import grid
from playground.components.payloads.timeline import Axes, Timeline
from playground.labs.guidance import density, job, sweep, text, trace, tradeoff
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.job import Answer
from playground.labs.guidance.sweep import Grid
from playground.labs.guidance.trace import Traces
from playground.labs.guidance.tradeoff import TradeOff
from playground.labs.shared.exports import File, csv
from playground.labs.shared.pictures_html import data_uri
from playground.labs.shared.view import Notice

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

CHARTS = 3
"""Most charts of a view."""
CELL = 84
GAP = 2
FONT = 15
"""Of the file of a sweep."""


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
        picture = File(_("Grid with its axes (SVG)"), "sweep.svg", "image/svg+xml", svg(result.now, result.plan.axes))
        return (picture, _recipes(result.plan))
    if isinstance(result, Traces):
        return (File(_("All curves (CSV)"), "guidance-trace.csv", "text/csv", csv(trace.table(result))),)
    if isinstance(result, TradeOff):
        return (File(_("All numbers (CSV)"), "guidance-tradeoff.csv", "text/csv", csv(tradeoff.table(result))),)
    return (
        File(_("Both densities (CSV)"), "guidance-density.csv", "text/csv", csv(density.table(result))),
        File(_("Distance by scale (CSV)"), "guidance-density-scales.csv", "text/csv", csv(density.curve_table(result))),
    )


def _recipes(plan: sweep.Plan) -> File:
    axes = plan.axes
    rows: list[tuple[object, ...]] = [(axes.across, axes.down, "recipe")]
    for k, cell in enumerate(plan.cells):
        row, column = divmod(k, len(axes.columns))
        rows.append((axes.columns[column], axes.rows[row], cell.model_dump_json(exclude_defaults=True)))
    return File(_("Recipe of every cell (CSV)"), "sweep.csv", "text/csv", csv(rows))


def files_without_pictures(controls: GuidanceControls, visitor: Visitor) -> tuple[File, ...]:
    """The files of a sweep whose pictures are in the reader's browser. Raises ValueError where it cannot be sampled."""
    return (_recipes(sweep.plan(controls, visitor.open_model(controls.model), visitor)),)


def svg(pictures: NDArray[np.uint8], axes: Axes) -> bytes:
    """The grid as a file of its own, on white: pictures uint8 (cells, H, W, C), row by row."""
    rows, columns = len(axes.rows), len(axes.columns)
    _, height, width, _ = pictures.shape
    wide, high = CELL * width / height, float(CELL)
    left = 16 + 0.6 * FONT * max(len(text) for text in axes.rows)
    top = 3.2 * FONT
    parts = [
        _text(left, 1.2 * FONT, f"{axes.across} →   {axes.down} ↓", "start", "#555"),
        *(_text(left + (c + 0.5) * wide, top - 6, name, "middle") for c, name in enumerate(axes.columns)),
        *(_text(left - 8, top + (r + 0.5) * high + 5, name, "end") for r, name in enumerate(axes.rows)),
    ]
    uri = data_uri(grid(pictures, (rows, columns)), 2)
    total = (left + columns * wide + 8, top + rows * high + 8)
    image = (
        f'<image x="{left:.1f}" y="{top:.1f}" width="{columns * wide:.1f}" height="{rows * high:.1f}" '
        f'style="image-rendering:pixelated" href="{uri}"/>'
    )
    lines = "".join(
        f'<path d="M{left + c * wide:.1f} {top:.1f}v{rows * high:.1f}" stroke="#fff" stroke-width="{GAP}"/>'
        for c in range(1, columns)
    ) + "".join(
        f'<path d="M{left:.1f} {top + r * high:.1f}h{columns * wide:.1f}" stroke="#fff" stroke-width="{GAP}"/>'
        for r in range(1, rows)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total[0]:.0f} {total[1]:.0f}" width="{total[0]:.0f}" '
        f'height="{total[1]:.0f}" font-family="system-ui, sans-serif" font-size="{FONT}">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}{image}{lines}</svg>'
    ).encode()


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#111") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{html.escape(text)}</text>'
