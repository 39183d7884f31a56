"""What the Likelihood lab shows, as data for both front ends: charts, CSV, and each section of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.language import _, listed
from playground.components.payloads.chart import MARKS, LiveChart, Series
from playground.components.payloads.figures import Heatmap, StackedBar, StackedBars
from playground.labs.likelihood import excess_loss, html_parts, latent, text
from playground.labs.likelihood.controls import LikelihoodControls, measured_settings, without_effect
from playground.labs.likelihood.job import check_settings
from playground.labs.likelihood.results import (
    BarResult,
    Measurement,
    by_bits,
    differences,
    rate_and_distortion,
    standard_error,
)
from playground.labs.shared import models
from playground.labs.shared.controls import ControlRules
from playground.labs.shared.exports import File, csv
from playground.labs.shared.naming import shipped_title
from playground.labs.shared.view import Notice

if TYPE_CHECKING:
    from playground.components.payloads.timeline import Timeline
    from playground.labs.likelihood.excess_loss import HeatMap
    from playground.policy.visitor import Visitor

CUT = 12.0
"""A bar that is more than this many times as long as the shortest one is cut off, so that the others can be read."""
CHOICES = ("a_model", "b_model", "vae", "run")
"""Controls whose options are known at run time only."""


def rules(visitor: Visitor) -> ControlRules[LikelihoodControls]:
    """How the controls are drawn for this visitor."""

    @cache
    def options() -> dict[str, dict[Any, str]]:
        available = models.choices(visitor)
        listed = (available, available, latent.vaes(visitor), excess_loss.runs(visitor))
        return dict(zip(CHOICES, listed, strict=True))

    return ControlRules(
        disabled=without_effect,
        options=lambda _: options(),
        at_first=lambda now: {name: {getattr(now, name): ""} for name in CHOICES},
        bounds=visitor.bounds("likelihood"),
    )


def stacked(measured: Measurement) -> StackedBars:
    """What stacked.js takes: bars of segments, in bits per dimension."""
    shown = [result for result in measured.results if len(result.bits)]
    bars: list[StackedBar] = [
        {
            "title": result.bar.title,
            "total": result.mean,
            "error": _finite(result.error),
            "segments": [
                {"name": part.name, "value": part.bits, "error": _finite(part.error), "kind": part.kind}
                for part in result.segments()
            ],
        }
        for result in shown
    ]
    return {
        "bars": bars,
        "most": _most(measured),
        "label": _("bits per dimension"),
        "note": _(
            "{common} of {count} images; ± is one standard error over images and noise. {networks}",
            common=measured.common,
            count=len(measured.which),
            networks=_networks(measured),
        ),
        "name": f"bits-{measured.controls.compare}-{measured.controls.data}",
        "csv": csv_of_terms(measured),
    }


def _networks(measured: Measurement) -> str:
    """Which model each bar is of, in a sentence; models differ in more than what is compared."""
    of_bars: dict[str, list[str]] = {}
    for result in measured.results:
        of_bars.setdefault(result.bar.model, []).append(result.bar.title)
    if len(of_bars) == 1:
        return _("All bars are of one model, “{model}”.", model=shipped_title(next(iter(of_bars))))
    each = [
        _("{titles} of “{model}”", titles=listed(titles), model=shipped_title(model))
        for model, titles in of_bars.items()
    ]
    return _("Models: {models}.", models=_("; ").join(each))


def heat(heat_map: HeatMap) -> Heatmap:
    """What heatmap.js takes; NaN as null."""
    levels = len(heat_map.excess)
    return {
        "title": heat_map.title + text.of_a_cell(heat_map.error),
        "x": heat_map.steps.tolist(),
        "x_label": _("training step"),
        "y": [f"{k / levels:g} … {(k + 1) / levels:g}" for k in range(levels)],
        "y_label": "t / T",
        "values": [[_finite(value) for value in row] for row in heat_map.excess.tolist()],
        "unit": heat_map.unit,
        "name": "loss-above-ideal",
        "csv": csv_of_heat(heat_map),
    }


def trade(measured: Measurement) -> LiveChart:
    """Distortion against rate: a curve for T layers, a point for one."""
    series = []
    for k, result in enumerate(measured.results):
        if len(result.bits) < 2:
            continue
        rate, distortion = rate_and_distortion(result)
        in_range = rate <= _most(measured)
        rate, distortion = rate[in_range], distortion[in_range]
        series.append(Series(result.bar.title, rate, distortion, mark="diamond" if not result.blocks else MARKS[k % 3]))
    return LiveChart(
        text.TRADE_TITLE,
        _("rate (bits per dimension)"),
        _("distortion (RMS error, 0 … 255)"),
        tuple(series),
        empty=_("Shown from the second image on."),
        note=_("L₀, or the reconstruction of a VAE, encodes the remaining error."),
    )


def csv_of_terms(measured: Measurement) -> str:
    """Every term of every bar: its block of t, bits per dimension, standard error, share of the total."""
    rows: list[Sequence[object]] = [("bar", "term", "first_t", "last_t", "bits_per_dim", "standard_error", "pictures")]
    for result in measured.results:
        for name, first, last, values in (*_terms(result), ("total", "", "", result.totals)):
            rows.append((result.bar.title, name, first, last, *_mean_and_error(values), len(values)))
    return csv(rows, "\n").decode()


def csv_of_pictures(measured: Measurement) -> str:
    """Bits per dimension of each image by each bar, those of the fewest bits first."""
    head = ("picture", *(result.bar.title for result in measured.results))
    rows = ((one.number, *(f"{bits:.6g}" for bits in one.bits)) for one in by_bits(measured))
    return csv([head, *rows], "\n").decode()


def csv_of_heat(heat_map: HeatMap) -> str:
    """A row for each column of the map."""
    levels = len(heat_map.excess)
    head = ("up_to_step", *(f"t/T {k / levels:g}-{(k + 1) / levels:g}" for k in range(levels)))
    columns = zip(heat_map.steps.tolist(), heat_map.excess.T.tolist(), strict=True)
    rows = ((f"{step:.0f}", *("" if math.isnan(x) else f"{x:.6g}" for x in column)) for step, column in columns)
    return csv([head, *rows], "\n").decode()


def _most(measured: Measurement) -> float:
    """Where the axis of the bars ends, in bits per dimension."""
    means = sorted(result.mean for result in measured.results if len(result.bits))
    within = [mean for mean in means if mean <= CUT * max(means[0], 1e-9)] or [1.0]
    return (1.08 if len(within) == len(means) else 1.5) * within[-1]


def _terms(result: BarResult) -> list[tuple[str, int | str, int | str, NDArray[np.float64]]]:
    if not result.blocks:
        return [("reconstruction", "", "", result.bits[:, 0]), ("KL", "", "", result.bits[:, 1])]
    named: list[tuple[str, int | str, int | str, NDArray[np.float64]]] = [
        (
            "L_0"
            if last == 1
            else f"L_{first - 1}"
            if first == last
            else _("L_{first} to L_{last}", first=first - 1, last=last - 1),
            first,
            last,
            result.bits[:, k],
        )
        for k, (first, last) in enumerate(result.blocks)
    ]
    T = result.blocks[-1][1]
    return [*named, (f"L_{T}", T, T, result.bits[:, -1])]


def _mean_and_error(values: NDArray[np.float64]) -> tuple[str, str]:
    if not len(values):
        return "", ""
    error = standard_error(values)
    return f"{values.mean():.6g}", "" if math.isnan(error) else f"{error:.3g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


# --- sections of the page -------------------------------------------------------------------------------------------


def settings_notices(controls: LikelihoodControls, measured: Measurement | None, visitor: Visitor) -> list[Notice]:
    """Why these settings cannot be measured, or that the bars are those of other settings."""
    try:
        check_settings(controls, visitor)
    except ValueError as problem:
        return [Notice("error", str(problem))]
    if measured is None or measured_settings(measured.controls) == measured_settings(controls):
        return []
    return [Notice("info", text.CHANGED)]


@dataclass(frozen=True)
class BarsView:
    """The bars and what is read off them."""

    bars: StackedBars
    notices: tuple[Notice, ...]
    trade: LiveChart
    images: str
    """As HTML; "" for none."""
    file: File


def bars_view(measured: Measurement) -> BarsView:
    """What is shown of a measurement."""
    sentences = [*measured.problems, *differences(measured)]
    if measured.controls.compare in text.REMARKS:
        sentences.append(text.REMARKS[measured.controls.compare])
    file = File(text.BITS_CSV, "bits-by-image.csv", "text/csv", csv_of_pictures(measured).encode())
    notices = tuple(Notice("info", sentence) for sentence in sentences)
    return BarsView(stacked(measured), notices, trade(measured), html_parts.image_bits(measured), file)


@dataclass(frozen=True)
class VaeView:
    """What there is to see of the VAE; `images` and `grid` as HTML, "" where there is none."""

    notices: tuple[Notice, ...] = ()
    images: str = ""
    used: str = ""
    interpolation: Timeline | None = None
    grid: str = ""


def vae_view(controls: LikelihoodControls, visitor: Visitor) -> VaeView:
    """What is shown of the chosen VAE."""
    try:
        views = latent.views(controls, visitor)
    except ValueError as problem:
        return VaeView((Notice("error", str(problem)),))
    if isinstance(views, str):
        return VaeView((Notice("info", views),))
    rows = ((text.ORIGINALS, views.back[0]), (text.BACK, views.back[1]), (text.DRAWN, views.drawn))
    return VaeView(
        tuple(Notice("warning", problem) for problem in views.problems),
        html_parts.picture_rows(rows),
        text.used(views.used, views.latent),
        views.interpolation,
        html_parts.grid(views.grid, *views.axes),
    )


def heat_view(controls: LikelihoodControls, visitor: Visitor) -> tuple[list[Notice], Heatmap | None]:
    """The map of the excess loss, or why there is none."""
    try:
        return [], heat(excess_loss.heat_map(controls.run, visitor))
    except ValueError as problem:
        return [Notice("error", str(problem))], None
