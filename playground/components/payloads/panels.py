"""Panels that move with the playhead: a histogram, curves with a marker, an equation or an algorithm with its numbers in it.

Titles, labels and templates may use a small markup: <i>, <b>, <sub>, <sup>, <sqrt>, and <line> for what must not be
broken into two lines; nothing else and no attributes.
The browser builds the elements itself; text is never taken as HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from playground.components.payloads.encoding import FiniteNumbers, Numbers, PackedFloats, Payload


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


@dataclass(frozen=True)
class HistogramPanel:
    """`density[i, b]` for position i and bin b between `edges[b]` and `edges[b + 1]`; density, so that areas are 1.

    `reference` is drawn as a line over every position, e.g. the density of N(0, 1).
    """

    title: str
    x_label: str
    y_label: str
    edges: FiniteNumbers
    density: PackedFloats
    reference: Line | None = None
    kind: Literal["histogram"] = field(default="histogram", init=False)

    def __post_init__(self) -> None:
        if np.ndim(self.density) != 2 or self.density.shape[1] != len(self.edges) - 1:
            raise ValueError(f"Histogram: {np.shape(self.density)} densities for {len(self.edges) - 1} bins.")
        if not np.isfinite(self.density).all():
            finite = np.nan_to_num(self.density, nan=0.0, posinf=0.0, neginf=0.0)
            object.__setattr__(self, "density", finite)

    @property
    def count(self) -> int:
        return len(self.density)


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
    kind: Literal["curve"] = field(default="curve", init=False)

    @property
    def count(self) -> int:
        return len(self.marker)


@dataclass(frozen=True)
class EquationPanel:
    """A formula whose {placeholders} are filled with `values[name][i]` at position i.

    now: of symbols, such as "ᾱ_t", the name of what they are at that position.

    Example: template "<i>x</i><sub>t</sub> = {a} · <i>x</i><sub>0</sub> + {s} · <i>ε</i>", values {"a": […], "s": […]}.
    """

    title: str
    template: str
    values: Mapping[str, Sequence[str]]
    positions: int | None = None
    now: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["equation"] = field(default="equation", init=False)

    def __post_init__(self) -> None:
        lengths = {len(texts) for texts in self.values.values()}
        if len(lengths) > 1:
            raise ValueError("Equation: its values have different lengths.")
        if not lengths and self.positions is None:
            raise ValueError("Equation: without values, say for how many positions it stands.")

    @property
    def count(self) -> int:
        return len(next(iter(self.values.values()))) if self.values else int(self.positions or 0)


@dataclass(frozen=True)
class AlgorithmLine:
    """One line of an algorithm. `numbers` may hold {placeholders}, and is shown while the line is carried out."""

    text: str
    numbers: str = ""
    indent: int = 0


@dataclass(frozen=True)
class AlgorithmPanel:
    """The lines of an algorithm, of which those with the numbers `current[i]` are carried out at position i.

    values, now: as in `EquationPanel`. source: the paper, and the place in it.
    """

    title: str
    lines: tuple[AlgorithmLine, ...]
    current: tuple[tuple[int, ...], ...]
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    source: str = ""
    now: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["algorithm"] = field(default="algorithm", init=False)

    def __post_init__(self) -> None:
        if {len(texts) for texts in self.values.values()} - {self.count}:
            raise ValueError("Algorithm: it needs one value of each name for each position.")
        if not all(0 <= line < len(self.lines) for lines in self.current for line in lines):
            raise ValueError("Algorithm: a line that is carried out is none of its lines.")

    @property
    def count(self) -> int:
        return len(self.current)


Panel = HistogramPanel | CurvePanel | EquationPanel | AlgorithmPanel


@dataclass(frozen=True)
class Algorithm(Payload):
    """An algorithm by itself, at one position: what happens now."""

    panel: AlgorithmPanel
