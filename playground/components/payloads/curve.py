"""A curve that the reader draws: ᾱ over t/T through a few points.

The curve between the points is the monotone cubic of Fritsch and Carlson (1980, https://doi.org/10.1137/0717021), here
and in curve_editor.js alike, so that the schedule is the curve that was drawn. It never leaves the range of its points
and never rises where they fall.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.components.payloads.encoding import Payload
from playground.components.payloads.panels import Line

MIN_POINTS, MAX_POINTS = 3, 12

Points = tuple[tuple[float, float], ...]


def check_points(points: Sequence[Sequence[float]]) -> Points:
    """The points as a tuple, or ValueError with a sentence for the reader.

    There must be 3 to 12, x rising from 0 to 1, y falling or level within [0, 1], the first at (0, 1).
    """
    if not MIN_POINTS <= len(points) <= MAX_POINTS:
        raise ValueError(f"A curve has {MIN_POINTS} to {MAX_POINTS} points, not {len(points)}.")
    if any(len(point) != 2 or not all(isinstance(value, Real) for value in point) for point in points):
        raise ValueError("Each point is a pair of numbers: t/T and ᾱ.")
    pairs = tuple((float(x), float(y)) for x, y in points)
    if not all(math.isfinite(value) and 0 <= value <= 1 for pair in pairs for value in pair):
        raise ValueError("All numbers of a curve lie between 0 and 1.")
    if pairs[0] != (0.0, 1.0) or pairs[-1][0] != 1.0:
        raise ValueError("A curve begins at t/T = 0 with ᾱ = 1 and ends at t/T = 1.")
    if any(b[0] <= a[0] for a, b in itertools.pairwise(pairs)):
        raise ValueError("The points must stand from left to right, each t/T larger than the one before.")
    if any(b[1] > a[1] for a, b in itertools.pairwise(pairs)):
        raise ValueError("ᾱ cannot rise: noise is only ever added.")
    return pairs


def read_points(value: object) -> Points:
    """The points that the browser reports as {"points": [[x, y], …]}. Raises ValueError where they are none."""
    points = value.get("points") if isinstance(value, Mapping) else None
    if not isinstance(points, list | tuple) or not all(isinstance(point, list | tuple) for point in points):
        raise ValueError("These are no points of a curve.")
    return check_points(points)


def curve_values(points: Sequence[Sequence[float]], x: ArrayLike) -> NDArray[np.float64]:
    """The curve through `points` at every x in [0, 1]; same shape as x. Raises ValueError as `check_points` does."""
    knots = np.array(check_points(points))
    at = np.clip(np.asarray(x, dtype=np.float64), 0.0, 1.0)
    width = np.diff(knots[:, 0])
    slope = np.diff(knots[:, 1]) / width
    tangent = _tangents(width, slope)
    k = np.clip(np.searchsorted(knots[:, 0], at, side="right") - 1, 0, len(slope) - 1)
    h = width[k]
    u = (at - knots[k, 0]) / h
    return (
        knots[k, 1] * (1 + 2 * u) * (1 - u) ** 2
        + h * tangent[k] * u * (1 - u) ** 2
        + knots[k + 1, 1] * u**2 * (3 - 2 * u)
        + h * tangent[k + 1] * u**2 * (u - 1)
    )


def _tangents(width: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
    # The weighted harmonic mean of the neighbouring slopes (Fritsch & Butland 1984): zero where one of them is.
    tangent = np.empty(len(slope) + 1)
    tangent[0], tangent[-1] = slope[0], slope[-1]
    left, right = slope[:-1], slope[1:]
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inner = (before + after) / (before / left + after / right)
    tangent[1:-1] = np.where(left * right > 0, inner, 0.0)
    return tangent


@dataclass(frozen=True)
class CurveEditor(Payload):
    """The points to begin with and reference curves drawn faintly behind (x and y in [0, 1])."""

    computed: ClassVar[tuple[str, ...]] = ("base",)

    points: Points
    references: tuple[Line, ...] = ()
    x_label: str = "t / T"
    y_label: str = "<i>ᾱ</i>"

    def __post_init__(self) -> None:
        check_points(self.points)

    @property
    def base(self) -> str:
        """Names the points that were given, so that an edit is not taken for one of other points."""
        return hashlib.sha256(json.dumps(self.points).encode()).hexdigest()[:12]
