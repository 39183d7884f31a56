"""The figures of docs/results.md: static, with error bars of one standard error, the same file for the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from results_claims import of_share
from results_plan import (
    FEW,
    FEW_NFE,
    FIXED,
    LONG,
    NFE,
    PAPER_ROWS,
    SAMPLES,
    SCALES,
    SOLVERS,
    STEPS,
    guidance_cell,
    paper_row,
    schedule_cell,
    solver_cell,
    variance_cell,
)
from results_rows import Results
from results_sections import HOW, VARIANCES, row_name

from engine.evaluation.metrics import Estimate, Jackknife
from engine.samplers import SAMPLERS

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
"""Okabe & Ito: distinguishable with every kind of colour vision."""
MARKERS = "osD^vX"
STYLE = {
    "svg.hashsalt": "results",
    "svg.fonttype": "path",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
}

Points = Sequence[tuple[float, Estimate | Jackknife | None]]


def draw_figures(results: Results, folder: Path) -> None:
    """Write all of them; what was not measured is left out of a figure."""
    with mpl.rc_context(STYLE):
        for name, draw in {
            "steps": _steps,
            "schedules": _schedules,
            "variances": _variances,
            "guidance": _guidance,
            "samplers": _samplers,
        }.items():
            figure = draw(results)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None}, facecolor="white")


def _panels(titles: Sequence[str]) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(5.2 * len(titles), 4.0), layout="constrained")
    axes = [figure.add_subplot(1, len(titles), n) for n in range(1, len(titles) + 1)]
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=10, loc="left")
    return figure, axes


def _line(ax: Axes, points: Points, label: str, number: int, *, dashed: bool = False) -> None:
    there = [(x, e) for x, e in points if e is not None]
    ax.errorbar(
        [x for x, _ in there],
        [e.value for _, e in there],
        yerr=[e.standard_error for _, e in there],
        label=label,
        color=COLOURS[number % len(COLOURS)],
        marker=MARKERS[number % len(MARKERS)],
        markersize=5,
        capsize=3,
        linewidth=1.4,
        linestyle="--" if dashed else "-",
    )


def _by_steps(ax: Axes, ticks: Sequence[int], floor: tuple[Estimate, int] | None, what: str = "steps") -> None:
    ax.set_xscale("log")
    ax.set_xticks(ticks, [str(n) for n in ticks])
    ax.set_xlabel(what)
    _distance(ax, floor)
    ax.minorticks_off()
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=8)


def _distance(ax: Axes, floor: tuple[Estimate, int] | None) -> None:
    """The upright axis: logarithmic, with round numbers rather than powers of ten alone, and a line for real pictures."""
    ax.set_yscale("log")
    ax.set_ylabel("Fréchet distance")
    if floor:
        ax.axhline(floor[0].value, color="#777777", linestyle=":", label=f"real pictures ({floor[1]})")
    low, high = ax.get_ylim()
    ticks = [m * 10.0**p for p in range(-3, 5) for m in (1, 2, 5) if low <= m * 10.0**p <= high]
    if ticks:
        ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])


def _steps(results: Results) -> Figure:
    figure, (left, right) = _panels([f"{SAMPLES} samples", f"the first {FEW} of them"])
    for number, row in enumerate(PAPER_ROWS):
        _line(left, [(n, results.frechet(paper_row(row, n))) for n in STEPS], row_name(row), number)
        points = [(n, results.of_first(paper_row(row, n))) for n in (*STEPS, LONG)]
        _line(right, points, row_name(row), number)
    _by_steps(left, STEPS, results.floor(SAMPLES))
    _by_steps(right, (*STEPS, LONG), results.floor(FEW))
    return figure


def _schedules(results: Results) -> Figure:
    figure, axes = _panels(list(HOW.values()))
    for ax, sampler in zip(axes, HOW, strict=True):
        for number, model in enumerate(("cosine", "linear")):
            _line(ax, [(n, results.frechet(schedule_cell(model, sampler, n))) for n in STEPS], model, number)
        _by_steps(ax, STEPS, results.floor(SAMPLES))
    return figure


def _variances(results: Results) -> Figure:
    figure, (left, right) = _panels(["the network that learned its variance", "the network that did not"])
    for number, (variance, name) in enumerate(VARIANCES.items()):
        _line(left, [(n, results.frechet(variance_cell("learned", variance, n))) for n in STEPS], name, number)
        if variance in FIXED:
            _line(right, [(n, results.frechet(variance_cell("cosine", variance, n))) for n in STEPS], name, number)
    for ax in (left, right):
        _by_steps(ax, STEPS, results.floor(SAMPLES))
    return figure


def _guidance(results: Results) -> Figure:
    figure, (left, right) = _panels(["accuracy against diversity, by scale", "Fréchet distance"])
    found = [(scale, row) for scale in SCALES if (row := results.row(guidance_cell(scale)))]
    points = [
        (scale, row.covering.recall, read)
        for scale, row in found
        if row.covering and (read := of_share(row.accuracy)) is not None
    ]
    left.errorbar(
        [recall.value for _, recall, _ in points],
        [read.value for _, _, read in points],
        xerr=[recall.standard_error for _, recall, _ in points],
        yerr=[read.standard_error for _, _, read in points],
        color=COLOURS[0],
        marker="o",
        markersize=5,
        capsize=2,
        linewidth=1.0,
    )
    for number, (scale, recall, read) in enumerate(points):
        # Above and below in turn: with much guidance the points lie close together.
        place = (5, 7) if number % 2 else (5, -13)
        left.annotate(f"{scale:g}", (recall.value, read.value), textcoords="offset points", xytext=place, fontsize=8)
    left.set_xlabel("recall: share of real pictures among the samples (diversity)")
    left.set_ylabel("accuracy")
    _line(right, [(scale, row.frechet) for scale, row in found], "samples", 0)
    right.set_xlabel("guidance scale (1: the plain conditional network)")
    _distance(right, results.floor(SAMPLES))
    right.minorticks_off()
    right.legend(fontsize=8)
    return figure


def _samplers(results: Results) -> Figure:
    figure, axes = _panels(["steps even in t", "steps even in log-SNR"])
    for ax, spacing, nfe in zip(axes, ("uniform", "log-snr"), (NFE, FEW_NFE), strict=True):
        for number, sampler in enumerate(SOLVERS):
            rows = [results.row(solver_cell(sampler, n, spacing)) for n in nfe]
            points = [(float(row.evaluations), row.frechet) for row in rows if row]
            _line(ax, points, SAMPLERS[sampler].title, number)
        _by_steps(ax, nfe, results.floor(SAMPLES), "network evaluations per picture (NFE)")
    return figure
