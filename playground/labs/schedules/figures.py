"""The curves of noise schedules as Plotly figures, and strips and gauges as HTML. Pure functions of engine values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.language import N_, _, cached
from playground.labs.schedules import text
from playground.labs.schedules.controls import TITLES, ScheduleChoice
from playground.labs.schedules.job import COLUMNS, Quantity, schedules_of, values_of
from playground.labs.shared import exports
from playground.labs.shared.exports import File
from playground.labs.shared.pictures_html import image

if TYPE_CHECKING:
    import plotly.graph_objects as go


COLORS = {"drawn": "#4a86e8", "linear": "#e07b20", "cosine": "#1f9d74", "sigmoid": "#a06ae0"}
"""Readable on white and on black: a chart is not drawn anew when the reader changes the theme."""

AXES: dict[Quantity, tuple[str, str]] = {
    "beta": (N_("Variance added by step t"), "β<sub>t</sub>"),
    "alpha_bar": (N_("Signal variance"), N_("ᾱ<sub>t</sub>, share of the data’s variance")),
    "log_snr": (N_("Log signal-to-noise ratio"), N_("log ᾱ<sub>t</sub> / (1 − ᾱ<sub>t</sub>), in nats")),
    "sigma": (N_("Posterior standard deviation"), N_("√β̃<sub>t</sub>, in pixel values")),
}
CONFIG: dict[str, object] = {
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "schedules"},
    "displaylogo": False,
    "responsive": True,
    "scrollZoom": False,
}
"""Of Plotly's buttons the one that saves the chart, which shows where it is pointed at."""
MOST_POINTS = 251
LOGARITHMIC = ("beta", "sigma")
"""Quantities with a logarithmic axis; ᾱ ends at 0."""
UPSCALE = 3


@cached(32)
def curves_of(choice: ScheduleChoice, quantity: Quantity) -> go.Figure:
    """One quantity of the chosen schedules over t, made once: another picture or seed leaves the curves as they are."""
    import plotly.graph_objects as go

    log = quantity in LOGARITHMIC
    title, y_title = (_(words) for words in AXES[quantity])
    traces = []
    for name, schedule in schedules_of(choice).items():
        t = np.unique(np.linspace(0, schedule.T, min(schedule.T + 1, MOST_POINTS)).round().astype(int))
        trace = {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": t.tolist(),
            "y": _drawable(values_of(schedule, quantity)[t], log),
            "line": {"color": COLORS[name], "width": 3},
            "hovertemplate": "%{y:.4g}",
        }
        traces.append(trace)
    both_axes = {"tickfont": {"size": 14}, "fixedrange": True}
    y_axis: dict[str, object] = {
        **both_axes,
        "title": {"text": y_title, "font": {"size": 15}},
        "type": "log" if log else "linear",
        "exponentformat": "power",
        "automargin": True,
    }
    if log:
        y_axis["dtick"] = 1
    if quantity == "alpha_bar":
        y_axis["range"] = [0, 1.02]
    layout = {
        "title": {"text": title, "font": {"size": 18}, "x": 0, "xref": "container", "pad": {"l": 4}},
        "height": 300,
        "margin": {"l": 8, "r": 12, "t": 44, "b": 8},
        "showlegend": False,
        "hovermode": "x unified",
        "dragmode": False,
        "font": {"size": 15},
        "xaxis": {**both_axes, "title": {"text": _("step t"), "font": {"size": 15}}},
        "yaxis": y_axis,
    }
    # In one piece: every call that changes a figure afterwards costs as much as making it.
    return go.Figure({"data": traces, "layout": layout})


@lru_cache(maxsize=32)
def table_of(choice: ScheduleChoice) -> File:
    """All quantities of the chosen schedules at every step as CSV, made once; where one is infinite the field is empty."""
    rows: list[list[object]] = [["schedule", "t", *AXES]]
    for name, schedule in schedules_of(choice).items():
        columns = [_drawable(values_of(schedule, quantity), log=False) for quantity in AXES]
        rows += [[name, t, *values] for t, values in enumerate(zip(*columns, strict=True))]
    return File(text.CSV, "schedules.csv", "text/csv", exports.csv(rows))


def _drawable(values: NDArray[np.float64], log: bool) -> list[float | None]:
    """Infinite log-SNRs, and zeros on a logarithmic axis, as gaps; the rest to six digits."""
    drawn = np.isfinite(values) & ((values > 0) if log else True)
    return [float(f"{value:.6g}") if ok else None for value, ok in zip(values.tolist(), drawn, strict=True)]


# --- HTML -------------------------------------------------------------------------------------------------------------

GAUGE_LOW, GAUGE_HIGH = -8.0, 1.0
"""The gauge's ends, as powers of ten of the terminal SNR."""


@cache
def style() -> str:
    """The style of all HTML made here, to be put on the page once."""
    return f"<style>{(Path(__file__).parent / 'figures.css').read_text(encoding='utf-8')}</style>"


def legend(names: Iterable[str]) -> str:
    """Name and colour of each schedule, for all charts at once."""
    entries = "".join(f"<span>{_key(name)}{_(TITLES[name])}</span>" for name in names)
    return f'<div class="dp-legend-row">{entries}</div>'


def strips(rows_of_pictures: Mapping[str, NDArray[np.uint8]]) -> str:
    """Aligned rows of pictures, uint8 (COLUMNS, H, W, C) by the name of the schedule, under a scale of t/T from 0 to 1."""
    ticks = "".join(f"<span>{k / (COLUMNS - 1):g}</span>" for k in range(COLUMNS))
    about = {name: _("{schedule}: the image at t/T from 0 to 1", schedule=_(TITLES[name])) for name in rows_of_pictures}
    rows = "".join(
        f'<div class="dp-name">{_key(name)}{_(TITLES[name])}</div>'
        f'<div class="dp-row" role="img" aria-label="{about[name]}">'
        # One picture for the whole row: the browser takes far longer for eleven. CSS cuts it into columns.
        f"{image(np.concatenate(list(pictures), axis=1), '', UPSCALE)}</div>"
        for name, pictures in rows_of_pictures.items()
    )
    ends = '<div class="dp-corner">t / T</div>' + f'<div class="dp-ticks">{ticks}</div>'
    return f'<div class="dp-strips dp-settled">{ends}{rows}</div>'


def gauge(name: str, snr: float) -> str:
    """The terminal SNR on a logarithmic scale, in the three zones of `job.Verdict`: green, yellow, red."""
    from engine.schedule import PURE_NOISE_SNR, VISIBLE_SNR

    exponent = math.log10(snr) if snr > 0 else GAUGE_LOW
    low, high = (f"{_place(math.log10(limit)):.2f}%" for limit in (PURE_NOISE_SNR, VISIBLE_SNR))
    track = f"linear-gradient(90deg, #2f9e6e 0 {low}, #e0b030 {low} {high}, #d9534a {high} 100%)"
    title, words = _(TITLES[name]), _("SNR at T: {ratio}", ratio=ratio(snr))
    return (
        f'<div class="dp-verdict"><span>{_key(name)}{title}</span><span>{words}</span></div>'
        f'<div class="dp-gauge" style="background:{track}" role="img" aria-label="{title}: {words}">'
        f'<i style="left:{min(98.5, max(1.5, _place(exponent))):.2f}%"></i></div>'
        f'<div class="dp-scale"><span style="left:0">10⁻⁸</span>'
        f'<span style="left:{low}">{ratio(PURE_NOISE_SNR)}</span>'
        f'<span style="left:{high}">{VISIBLE_SNR:g}</span><span style="left:100%">10</span></div>'
    )


def ratio(value: float) -> str:
    """A ratio for reading: "0", "0.024", "3.1 · 10⁻⁵"."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(value))
    if exponent >= -3:
        return f"{value:.2g}"
    raised = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value / 10**exponent:.1f} · 10{raised}"


def _key(name: str) -> str:
    return f'<span class="dp-key" style="background:{COLORS[name]}"></span>'


def _place(exponent: float) -> float:
    return 100 * (exponent - GAUGE_LOW) / (GAUGE_HIGH - GAUGE_LOW)
