"""The chart of things that move by themselves, such as the loss of a running training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from playground.components.payloads.numbers import Numbers, as_list

MAX_POINTS = 400
"""Points of a series that are sent. A screen shows hardly more; longer series are thinned by `Series.thinned`."""


Mark = Literal["", "circle", "square", "triangle", "diamond"]


@dataclass(frozen=True)
class Series:
    """A named series. `low` and `high` give a band around it. NaN leaves a gap.

    `mark` is drawn on the line here and there and in the legend, so that series are told apart without their colour too;
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

    def downsampled(self, most: int = MAX_POINTS) -> Series:
        """At most `most` points, evenly chosen, the first and the last always among them."""
        if most < 2:
            raise ValueError("At least two points must stay.")
        if len(self.x) <= most:
            return self
        keep = np.unique(np.linspace(0, len(self.x) - 1, most).round().astype(int))

        def thin(values: Numbers) -> Numbers:
            return np.asarray(values, dtype=np.float64)[keep]

        band = (None, None) if self.low is None or self.high is None else (thin(self.low), thin(self.high))
        return Series(self.name, thin(self.x), thin(self.y), self.style, *band, self.mark, self.color)

    def to_payload(self) -> dict[str, object]:
        return {
            "name": self.name,
            "x": as_list(self.x),
            "y": as_list(self.y),
            "style": self.style,
            "low": None if self.low is None else as_list(self.low),
            "high": None if self.high is None else as_list(self.high),
            "mark": self.mark,
            "color": self.color,
        }


@dataclass(frozen=True)
class LiveChart:
    """Series over one pair of axes; every update carries all points. `empty` is shown while there are none."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False
    y_range: tuple[float, float] | None = None
    note: str = ""
    empty: str = "Nothing to draw yet."

    def to_payload(self) -> dict[str, object]:
        """What `update` of livechart.js takes; series longer than MAX_POINTS are thinned."""
        return {
            "title": self.title,
            "x_label": self.x_label,
            "y_label": self.y_label,
            "series": [series.downsampled().to_payload() for series in self.series],
            "log_x": self.log_x,
            "log_y": self.log_y,
            "y_range": None if self.y_range is None else list(self.y_range),
            "note": self.note,
            "empty": self.empty,
        }
