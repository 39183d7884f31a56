"""Figures of numbers that can be exported: stacked bars and a heat map, and the pad on which points are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from playground.components.payloads.encoding import Payload


class BarSegment(TypedDict):
    """Part of a bar. `error`: of its value, in the same unit; `kind`: the number of its colour and hatching."""

    name: str
    value: float
    error: float | None
    kind: int


class StackedBar(TypedDict):
    """A bar from 0 to `total`."""

    title: str
    total: float
    error: float | None
    segments: list[BarSegment]


class StackedBars(TypedDict):
    """What stacked.js shows. `most`: where the axis ends; a longer bar is broken. `name`, `csv`: of the exported file."""

    bars: list[StackedBar]
    most: float
    label: str
    note: str
    name: str
    csv: str


class Heatmap(TypedDict):
    """What heatmap.js shows: `values[row][column]`, None where there is none."""

    title: str
    x: list[float]
    x_label: str
    y: list[str]
    y_label: str
    values: list[list[float | None]]
    unit: str
    name: str
    csv: str


@dataclass(frozen=True)
class DrawingPad(Payload):
    """What drawing_pad.js shows: points as labs/points/drawn.py writes them, how many there may be, and of how many classes.

    base: names what was given. It changes when the page sets other points, not when the reader draws; by default, the text.
    """

    text: str
    most: int
    kinds: int
    base: int | None = None
