"""The numbers that lessons call right, computed by the engine. A lesson names them in its [facts]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playground.labs.shared import noising
from playground.labs.shared.picture import PictureChoice, chosen

ANSWERS: dict[str, Callable[..., float]] = {}
"""By the names that lessons use."""


def _answer(function: Callable[..., float]) -> Callable[..., float]:
    ANSWERS[function.__name__] = function
    return function


@_answer
def step_of_noise_share(schedule: str, T: int, share: float) -> float:
    """The t at which 1 − ᾱ_t, the noise's share of the variance of x_t for data of variance 1, is nearest to `share`."""
    return float(abs(1 - noising.table(schedule, T).alpha_bar - share).argmin())


@_answer
def noise_percent(schedule: str, T: int, t: int) -> float:
    """100 (1 − ᾱ_t)."""
    return float(100 * (1 - noising.table(schedule, T).alpha_bar[t]))


@_answer
def signal_percent(schedule: str, T: int, t: int) -> float:
    """100 √ᾱ_t, the factor of x_0 in x_t."""
    return float(100 * noising.table(schedule, T).signal[t])


@_answer
def image_variance(**choice: Any) -> float:
    """The variance over the pixels of an image, in [−1, 1]; `choice` as for `PictureChoice`."""
    return float(noising.to_unit(chosen(PictureChoice(**choice))).var(dtype="float64"))
