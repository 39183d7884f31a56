"""The numbers that lessons call right, each from the formulas of the papers and not by the code that the lessons use."""

from __future__ import annotations

import math

import pytest

from engine.data.catalogue import load
from engine.data.pixels import to_unit
from engine.recipes.recipe import Recipe
from engine.registry import open_model
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


def test_how_fast() -> None:
    said = computed()[2]
    assert said["linear_half"] == pytest.approx(_linear(1000, 500))
    assert said["cosine_half"] == pytest.approx(_cosine(1000, 500))
    assert said["linear_even"] / 1000 == pytest.approx(0.26, abs=0.01), "nearly three quarters are left"
    assert (
        said["left"] == pytest.approx(_linear(50, 50)) == pytest.approx(0.60, abs=0.005)
    )  # facts of the engine's docs
    assert said["left_percent"] == pytest.approx(100 * math.sqrt(_linear(50, 50)))
    assert said["scaled_percent"] == pytest.approx(100 * math.sqrt(_linear(50, 50, 20)))


def test_what_the_offset_of_the_cosine_schedule_does() -> None:
    said = computed()[2]
    assert said["first_without"] == pytest.approx(1e6 * (1 - _cosine(1000, 1, 0)))
    assert said["first_with"] == pytest.approx(1e6 * (1 - _cosine(1000, 1)))
    assert _cosine(1000, 999) < _cosine(1000, 999, 0), "and near t = T it keeps nothing from getting small"


def test_what_could_be_underneath() -> None:
    said = computed()[3]
    data = to_unit(load("digits").training.images)
    recipe = Recipe(model="ideal:digits", sampler="ddim", steps=20, labels=(), seeds=tuple(range(16)))
    first = next(recipe.frames(open_model("ideal:digits")))
    assert first.t == 1000
    assert float((first.x0 - data.mean(0)).abs().max()) < 0.01, "the prediction from pure noise is the mean of the data"
    assert said["images"] == len(data)
    assert 2 > said["effective_700"] > 1
    assert said["images"] / 100 > said["effective_900"] > 10
    assert said["signal"] ** 2 == pytest.approx(_cosine(1000, 500)) == pytest.approx(1 - said["sigma"] ** 2)
    for name, t in (("error_900", 900), ("error_50", 50)):
        assert said[name] == pytest.approx(0.1 * math.sqrt(1 / _linear(1000, t) - 1))
    assert said["error_900"] / 2 == pytest.approx(3, abs=0.1), "three times the range"
