"""The numbers that lessons call right, each from the formulas of the papers and not by the code that the lessons use."""

from __future__ import annotations

import math

import pytest

from playground.course.lesson import computed


def _linear(T: int, t: int, factor: float = 1.0) -> float:
    """ᾱ_t for β from 0.0001 to 0.02, Ho et al. 2020, section 4."""
    return math.prod(1 - factor * (1e-4 + (0.02 - 1e-4) * k / (T - 1)) for k in range(t))


def _cosine(T: int, t: int, s: float = 0.008) -> float:
    """ᾱ_t of Nichol & Dhariwal 2021, eq. 17, before t = T, where β is clipped."""

    def f(u: float) -> float:
        return math.cos((u + s) / (1 + s) * math.pi / 2) ** 2

    return f(t / T) / f(0)


def test_taking_a_picture_apart() -> None:
    said = computed()[1]
    assert said["half"] == min(range(1001), key=lambda t: abs(_linear(1000, t) - 0.5)) == 259
    assert said["cosine_half"] == min(range(1000), key=lambda t: abs(_cosine(1000, t) - 0.5))
    assert said["half_percent"] == pytest.approx(100 * (1 - _linear(1000, 500)))
    assert said["left_percent"] == pytest.approx(100 * math.sqrt(_linear(1000, 1000)))
    assert 0 < said["variance"] < 1, "so the curves of the lab cross before that t"
