"""Figures of the Likelihood lab as plain data for the browser (stacked.js, heatmap.js, livechart.js), and as CSV."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.chart import LiveChart, Mark, Series
from playground.labs.likelihood.job import SHOWN, BarResult, Measured, Priced, by_price, in_short, rate_and_distortion
from playground.labs.shared.pictures_html import data_uri

if TYPE_CHECKING:
    from playground.labs.likelihood.excess_loss import HeatMap

CUT = 12.0
"""A bar that is so many times as long as the shortest one is broken off: the others could not be read beside it."""
MARKS: tuple[Mark, ...] = ("circle", "square", "triangle")


def stacked(measured: Measured) -> dict[str, Any]:
    """What stacked.js takes: bars of segments, in bits per dimension."""
    shown = [result for result in measured.results if len(result.bits)]
    bars = [
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
        "label": "bits per dimension",
        "note": f"{measured.common} of {len(measured.which)} pictures; ± is one standard error over pictures and noise.",
        "name": f"bits-{measured.controls.compare}-{measured.controls.data}",
        "csv": csv_of_terms(measured),
    }


def heat(heat_map: HeatMap) -> dict[str, Any]:
    """What heatmap.js takes; NaN as null."""
    levels, _ = heat_map.excess.shape
    return {
        "title": heat_map.title,
        "x": heat_map.steps.tolist(),
        "x_label": "training step",
        "y": [f"{k / levels:g} … {(k + 1) / levels:g}" for k in range(levels)],
        "y_label": "t / T",
        "values": [[_finite(value) for value in row] for row in heat_map.excess.tolist()],
        "unit": heat_map.unit,
        "name": "loss-above-ideal",
        "csv": csv_of_heat(heat_map),
    }


def trade(measured: Measured) -> LiveChart:
    """Bits told so far against what is still missing: a curve for T layers, a point for one."""
    series = []
    for k, result in enumerate(measured.results):
        if len(result.bits) < 2:
            continue
        rate, distortion = rate_and_distortion(result)
        seen = rate <= _most(measured)
        rate, distortion = rate[seen], distortion[seen]
        series.append(Series(result.bar.title, rate, distortion, mark="diamond" if not result.blocks else MARKS[k % 3]))
    return LiveChart(
        "What the bits buy",
        "bits per dimension told so far",
        "error that is left, in 0 … 255",
        tuple(series),
        empty="It appears with the second picture.",
        note="The last step, L₀ or the reconstruction, pays for the rest of the error.",
    )


def csv_of_terms(measured: Measured) -> str:
    """Every term of every bar: its block of t, bits per dimension, standard error, share of the total."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["bar", "term", "first_t", "last_t", "bits_per_dim", "standard_error", "pictures"])
    for result in measured.results:
        for name, first, last, values in _terms(result):
            rows.writerow([result.bar.title, name, first, last, *_mean_and_error(values), len(values)])
        rows.writerow([result.bar.title, "total", "", "", *_mean_and_error(result.totals), len(result.bits)])
    return out.getvalue()


def csv_of_pictures(measured: Measured) -> str:
    """What each picture costs by each bar, cheapest first."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["picture", *(result.bar.title for result in measured.results)])
    for priced in by_price(measured):
        rows.writerow([priced.number, *(f"{bits:.6g}" for bits in priced.bits)])
    return out.getvalue()


def csv_of_heat(heat_map: HeatMap) -> str:
    """A row for each column of the map."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    levels = len(heat_map.excess)
    rows.writerow(["up_to_step", *(f"t/T {k / levels:g}-{(k + 1) / levels:g}" for k in range(levels))])
    for step, column in zip(heat_map.steps.tolist(), heat_map.excess.T.tolist(), strict=True):
        rows.writerow([f"{step:.0f}", *("" if math.isnan(value) else f"{value:.6g}" for value in column)])
    return out.getvalue()


# --- HTML -------------------------------------------------------------------------------------------------------------


def prices(measured: Measured) -> str:
    """The cheapest and the dearest pictures by the first bar, each with what every bar says."""
    ordered = by_price(measured)
    if len(ordered) < 2:
        return ""
    count = min(SHOWN, len(ordered) // 2)
    titles = [result.bar.title for result in measured.results]
    heads = "".join(f"<span><b>{_letter(k)}</b> {html.escape(title)}</span>" for k, title in enumerate(titles))
    cheap, dear = _priced("Cheapest", ordered[:count]), _priced("Dearest", ordered[-count:])
    return f'<div class="dp-keys">{heads}</div><div class="dp-prices">{cheap}{dear}</div>'


def picture_rows(rows: Sequence[tuple[str, NDArray[np.uint8]]], *, zoom: int = 3) -> str:
    """Aligned rows of pictures, uint8 (N, H, W, C), each under its title."""
    return "".join(
        f'<figure class="dp-picture-row"><figcaption>{title}</figcaption>'
        f'<img alt="{title}" src="{data_uri(np.concatenate(list(pictures), axis=1), zoom)}"></figure>'
        for title, pictures in rows
    )


def grid(picture: NDArray[np.uint8], across: int, down: int) -> str:
    """The grid over two latent numbers, with its axes named."""
    words = f"across: latent number {across}, −2.5 … 2.5; down: latent number {down}"
    return (
        f'<figure class="dp-latent-grid"><img alt="Pictures on a grid, {words}" src="{data_uri(picture, 2)}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


STYLE = """
.dp-keys { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; margin: 0 0 0.6rem; font-size: 0.9rem; }
.dp-prices { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 1rem; }
.dp-prices h4 { margin: 0 0 0.3rem; font-size: 1rem; }
.dp-prices .dp-five { display: grid; grid-template-columns: repeat(5, minmax(0, 84px)); gap: 0.5rem; }
.dp-prices figure, .dp-picture-row, .dp-latent-grid { margin: 0 0 0.5rem; }
.dp-prices img { display: block; width: 100%; max-width: 84px; image-rendering: pixelated; border-radius: 3px; }
.dp-prices figcaption { font-size: 0.82rem; line-height: 1.35; font-variant-numeric: tabular-nums; opacity: 0.9; }
.dp-picture-row img, .dp-latent-grid img { display: block; max-width: 100%; image-rendering: pixelated; border-radius: 3px; }
.dp-picture-row img { height: 84px; width: auto; }
.dp-latent-grid img { width: min(100%, 504px); }
.dp-picture-row figcaption, .dp-latent-grid figcaption { font-size: 0.9rem; opacity: 0.85; }
"""


def style() -> str:
    """The style of the HTML made here, to be put on the page once."""
    return f"<style>{STYLE}</style>"


def _priced(title: str, pictures: Sequence[Priced]) -> str:
    figures = "".join(
        f'<figure><img alt="held-out picture {one.number}" src="{data_uri(one.picture, 3)}">'
        f"<figcaption>{'<br>'.join(f'<b>{_letter(k)}</b> {in_short(bits)}' for k, bits in enumerate(one.bits))}"
        f"</figcaption></figure>"
        for one in pictures
    )
    return f'<div><h4>{title}</h4><div class="dp-five">{figures}</div></div>'


def _most(measured: Measured) -> float:
    """Where the axis of the bars ends, in bits per dimension."""
    means = sorted(result.mean for result in measured.results if len(result.bits))
    within = [mean for mean in means if mean <= CUT * max(means[0], 1e-9)] or [1.0]
    return (1.08 if len(within) == len(means) else 1.5) * within[-1]


def _letter(number: int) -> str:
    return "ABCDEFGH"[number]


def _terms(result: BarResult) -> list[tuple[str, int | str, int | str, NDArray[np.float64]]]:
    if not result.blocks:
        return [("reconstruction", "", "", result.bits[:, 0]), ("KL", "", "", result.bits[:, 1])]
    named: list[tuple[str, int | str, int | str, NDArray[np.float64]]] = [
        (
            "L_0" if last == 1 else f"L_{first - 1}" if first == last else f"L_{first - 1} to L_{last - 1}",
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
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{values.mean():.6g}", "" if math.isnan(error) else f"{error:.3g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
