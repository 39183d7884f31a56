"""Panels that move with the playhead: a histogram, curves with a marker, an equation with its numbers in it.

Titles, labels and templates may use a small markup: <i>, <b>, <sub>, <sup>, <sqrt>, and <line> for what must not be
broken into two lines; nothing else and no attributes.
The browser builds the elements itself; text is never taken as HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.numbers import Numbers, as_float32, as_list


@dataclass(frozen=True)
class Line:
    """A named curve; `y` may hold NaN where there is no value. `color` is one of the six colours of a chart, 0 … 5.

    Without it the lines take the colours in their order. `dashed` tells it from another one without its colour.
    """

    name: str
    x: Numbers
    y: Numbers
    color: int | None = None
    dashed: bool = False

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(f"Line {self.name!r}: {len(self.x)} x for {len(self.y)} y.")

    def to_payload(self) -> dict[str, object]:
        return {
            "name": self.name,
            "x": as_list(self.x),
            "y": as_list(self.y),
            "color": self.color,
            "dashed": self.dashed,
        }


@dataclass(frozen=True)
class HistogramPanel:
    """`density[i, b]` for position i and bin b between `edges[b]` and `edges[b + 1]`; density, so that areas are 1.

    `reference` is drawn as a line over every position, e.g. the density of N(0, 1).
    """

    title: str
    x_label: str
    y_label: str
    edges: Numbers
    density: NDArray[np.floating]
    reference: Line | None = None

    def __post_init__(self) -> None:
        if np.ndim(self.density) != 2 or self.density.shape[1] != len(self.edges) - 1:
            raise ValueError(f"Histogram: {np.shape(self.density)} densities for {len(self.edges) - 1} bins.")

    @property
    def count(self) -> int:
        return len(self.density)

    def to_payload(self) -> dict[str, object]:
        return {
            "kind": "histogram",
            "title": self.title,
            "x_label": self.x_label,
            "y_label": self.y_label,
            "edges": as_list(self.edges),
            "density": as_float32(np.nan_to_num(self.density, nan=0.0, posinf=0.0, neginf=0.0)),
            "reference": None if self.reference is None else self.reference.to_payload(),
        }


@dataclass(frozen=True)
class CurvePanel:
    """Curves with a marker on each: `marker[i]` is the x of position i; its y is read off the line."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    marker: Numbers
    log_y: bool = False
    y_range: tuple[float, float] | None = None

    @property
    def count(self) -> int:
        return len(self.marker)

    def to_payload(self) -> dict[str, object]:
        return {
            "kind": "curve",
            "title": self.title,
            "x_label": self.x_label,
            "y_label": self.y_label,
            "lines": [line.to_payload() for line in self.lines],
            "marker": as_list(self.marker),
            "log_y": self.log_y,
            "y_range": None if self.y_range is None else list(self.y_range),
        }


@dataclass(frozen=True)
class EquationPanel:
    """A formula whose {placeholders} are filled with `values[name][i]` at position i.

    Example: template "<i>x</i><sub>t</sub> = {a} · <i>x</i><sub>0</sub> + {s} · <i>ε</i>", values {"a": […], "s": […]}.
    """

    title: str
    template: str
    values: Mapping[str, Sequence[str]]
    positions: int | None = None

    def __post_init__(self) -> None:
        lengths = {len(texts) for texts in self.values.values()}
        if len(lengths) > 1:
            raise ValueError("Equation: its values have different lengths.")
        if not lengths and self.positions is None:
            raise ValueError("Equation: without values, say for how many positions it stands.")

    @property
    def count(self) -> int:
        return len(next(iter(self.values.values()))) if self.values else int(self.positions or 0)

    def to_payload(self) -> dict[str, object]:
        return {
            "kind": "equation",
            "title": self.title,
            "template": self.template,
            "values": {name: list(texts) for name, texts in self.values.items()},
        }


Panel = HistogramPanel | CurvePanel | EquationPanel
