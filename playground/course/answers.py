"""The numbers that lessons call right, computed by the engine. A lesson names them in its [facts]."""

from __future__ import annotations

from collections.abc import Callable

from playground.labs.shared import noising

ANSWERS: dict[str, Callable[..., float]] = {}
"""By the names that lessons use."""


def _answer(function: Callable[..., float]) -> Callable[..., float]:
    ANSWERS[function.__name__] = function
    return function


@_answer
def step_of_noise_share(schedule: str, T: int, share: float) -> float:
    """The first t at which 1 − ᾱ_t, the noise's share of the variance of x_t for data of variance 1, is at least `share`."""
    return float((1 - noising.table(schedule, T).alpha_bar >= share).argmax())
