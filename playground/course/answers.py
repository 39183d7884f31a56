"""The numbers that lessons call right, computed by the engine. A lesson names them in its [facts]."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine.data.catalogue import load
from engine.ideal import ExactDenoiser
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.schedule import SCHEDULES, NoiseSchedule
from playground.labs.shared import noising
from playground.labs.shared.picture import PictureChoice, chosen

ANSWERS: dict[str, Callable[..., float]] = {}
"""By the names that lessons use."""


def _answer(function: Callable[..., float]) -> Callable[..., float]:
    ANSWERS[function.__name__] = function
    return function


def _schedule(name: str, T: int, **options: Any) -> NoiseSchedule:
    make: Callable[..., NoiseSchedule] = SCHEDULES[name]
    return make(T, **options)


@_answer
def step_of_noise_share(schedule: str, T: int, share: float) -> float:
    """The t at which 1 − ᾱ_t, the noise's share of the variance of x_t for data of variance 1, is nearest to `share`."""
    return float((1 - _schedule(schedule, T).alpha_bar - share).abs().argmin())


@_answer
def noise_percent(schedule: str, T: int, t: int) -> float:
    """100 (1 − ᾱ_t)."""
    return 100 * (1 - alpha_bar(schedule, T, t))


@_answer
def signal_scale(schedule: str, T: int, t: int, **options: Any) -> float:
    """√ᾱ_t, the factor of x_0 in x_t."""
    return math.sqrt(alpha_bar(schedule, T, t, **options))


@_answer
def noise_scale(schedule: str, T: int, t: int, **options: Any) -> float:
    """√(1 − ᾱ_t), the factor of ε in x_t."""
    return math.sqrt(1 - alpha_bar(schedule, T, t, **options))


@_answer
def signal_percent(schedule: str, T: int, t: int, **options: Any) -> float:
    """100 √ᾱ_t."""
    return 100 * signal_scale(schedule, T, t, **options)


@_answer
def image_variance(**choice: Any) -> float:
    """The variance over the pixels of an image, in [−1, 1]; `choice` as for `PictureChoice`."""
    return float(noising.to_unit(chosen(PictureChoice(**choice))).var(dtype="float64"))


@_answer
def alpha_bar(schedule: str, T: int, t: int, **options: Any) -> float:
    """ᾱ_t; `options` as for the schedule's constructor."""
    return float(_schedule(schedule, T, **options).alpha_bar[t])


@_answer
def first_beta_in_millionths(schedule: str, T: int, **options: Any) -> float:
    """10⁶ β_1."""
    return float(1e6 * _schedule(schedule, T, **options).beta[1])


@_answer
def error_of_x0(schedule: str, T: int, t: int, error: float) -> float:
    """The error of x̂0 = (x_t − √(1−ᾱ_t) ε̂) / √ᾱ_t where ε̂ is wrong by `error`."""
    return error * noise_scale(schedule, T, t) / signal_scale(schedule, T, t)


@_answer
def training_images(data: str) -> float:
    """How many images a denoiser of that data set is trained on."""
    return float(len(load(data).training))


@_answer
def effective_images(model: str, steps: int, t: int) -> float:
    """1 / Σ w² of the exact denoiser's posterior weights over its images, at step t of DDIM from the noise of seed 0."""
    opened = open_model(model)
    assert isinstance(opened.denoiser, ExactDenoiser)
    recipe = Recipe(model=model, sampler="ddim", steps=steps, labels=(), seeds=(0,))
    frame = next(frame for frame in recipe.frames(opened) if frame.t == t)
    weights = opened.denoiser.weights(frame.x, opened.schedule.level(t)).double()
    return float(1 / weights.square().sum())
