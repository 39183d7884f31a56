"""The chart of things that move by themselves, such as the loss of a running training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from playground.components.payloads.encoding import JSON, Numbers, Payload, encode

MAX_POINTS = 400
"""Points of a series that are sent. A screen shows hardly more; longer series are downsampled."""


Mark = Literal["", "circle", "square", "triangle", "diamond"]
MARKS: tuple[Mark, ...] = ("circle", "square", "triangle", "diamond")
"""Of series that are shown together, in their order."""


@dataclass(frozen=True)
class Series:
    """A named series. `low` and `high` give a band around it. NaN leaves a gap.

    `mark` is drawn on the line here and there and in the legend, so that series differ without their colour too;
    `color` is the number of the colour, by default the place of the series.
    """

    name: str
    x: Numbers
    y: Numbers
    style: Literal["line", "dashed", "dots"] = "line"
    low: Numbers | None = None
    high: Numbers | None = None
    mark: Mark = ""
    color: int | None = None

    def __post_init__(self) -> None:
        for values in (self.y, self.low, self.high):
            if values is not None and len(values) != len(self.x):
                raise ValueError(f"Series {self.name!r}: {len(values)} values for {len(self.x)} x.")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"Series {self.name!r}: a band needs both ends.")

    def banded(self, low: Numbers, high: Numbers) -> Series:
        """With a band around it."""
        return replace(self, low=low, high=high)

    def downsampled(self, most: int = MAX_POINTS) -> Series:
        """At most `most` points, evenly chosen, the first and the last always among them."""
        if most < 2:
            raise ValueError("At least two points must stay.")
        if len(self.x) <= most:
            return self
        keep = np.unique(np.linspace(0, len(self.x) - 1, most).round().astype(int))

        def kept(values: Numbers | None) -> Numbers | None:
            return None if values is None else np.asarray(values, dtype=np.float64)[keep]

        low, high = kept(self.low), kept(self.high)
        return replace(self, x=np.asarray(self.x)[keep], y=np.asarray(self.y)[keep], low=low, high=high)


@dataclass(frozen=True)
class LiveChart(Payload):
    """Series over one pair of axes; every update carries all points (of a long series, MAX_POINTS).

    empty: is shown while there are none; of itself, that there is nothing to draw yet.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False
    y_range: tuple[float, float] | None = None
    note: str = ""
    empty: str = ""

    @cached_property
    def _payload(self) -> JSON:
        payload: JSON = encode(replace(self, series=tuple(series.downsampled() for series in self.series)))
        return payload
