"""A schedule that the reader draws: ᾱ over t/T through a few points, written as text in the link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.language import _
from playground.components.payloads.curve import MAX_POINTS, MIN_POINTS, Points, check_points, curve_values

if TYPE_CHECKING:
    from engine.schedule import NoiseSchedule

MIN_BETA = 1e-6
"""Noise comes in at every step, if only this much: where the drawn curve is level, β is this."""

LEAST_ALPHA_BAR = 1e-8
"""Below this the drawn curve counts as having arrived at 0."""

EXAMPLE = "0,1; 0.3,0.7; 1,0"


def parse_points(text: str) -> Points:
    """The points of "0,1; 0.3,0.7; 1,0": pairs of t/T and ᾱ. Raises ValueError with a sentence for the reader."""
    pairs = [pair.split(",") for pair in text.split(";") if pair.strip()]
    try:
        points = [[float(number) for number in pair] for pair in pairs]
    except ValueError:
        raise ValueError(_("Points are pairs of numbers, such as “{example}”.", example=EXAMPLE)) from None
    if len(points) > MAX_POINTS or len(points) < MIN_POINTS:
        raise ValueError(
            _(
                "A curve needs {min_points} to {max_points} points, such as “{example}”.",
                min_points=MIN_POINTS,
                max_points=MAX_POINTS,
                example=EXAMPLE,
            )
        )
    return check_points(points)


def format_points(points: Points) -> str:
    """The text that `parse_points` reads."""
    return "; ".join(f"{x:.4g},{y:.4g}" for x, y in points)


def from_points(points: Points, T: int) -> NoiseSchedule:
    """The schedule whose ᾱ_t is the curve through the points at t/T, for every t where that is a schedule at all.

    A curve may be level or arrive at 0 early, ᾱ of a schedule may not: there β is held at 1e-6 or at 0.999, and the
    curve is met again as soon as that allows. Ends at 0, it keeps β_T ≤ 0.999, like the cosine schedule.
    """
    from engine.schedule import MAX_BETA, NoiseSchedule

    wanted = np.maximum(curve_values(points, np.arange(T + 1) / T), LEAST_ALPHA_BAR).tolist()
    alpha_bar = [1.0]
    for value in wanted[1:]:
        before = alpha_bar[-1]
        alpha_bar.append(min(max(value, before * (1 - MAX_BETA)), before * (1 - MIN_BETA)))
    return NoiseSchedule.from_alpha_bar(alpha_bar, "drawn")
