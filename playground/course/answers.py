"""The numbers that lessons call right, computed by the engine. A lesson names them in its [facts]."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch

from engine.data.catalogue import load
from engine.data.pixels import to_unit
from engine.denoiser import NO_LABEL
from engine.evaluation.metrics import Jackknife
from engine.guidance import Guided
from engine.ideal import ExactDenoiser
from engine.process import TARGETS, Noise, Prediction, prediction_from_x0
from engine.recipes.evaluations import network_evaluations
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.samplers import DDIM, Ancestral, Sampler
from engine.schedule import SCHEDULES, Level, NoiseSchedule
from engine.training.bayes_optimal import bayes_optimal_loss
from playground.labs.likelihood.controls import LikelihoodControls
from playground.labs.likelihood.job import work
from playground.labs.likelihood.results import Measurement, standard_error
from playground.labs.shared import noising
from playground.labs.shared.controls import checked
from playground.labs.shared.picture import PictureChoice, chosen
from playground.policy.visitor import Visitor

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


# --- one step of a sampler --------------------------------------------------------------------------------------------


def _step(sampler: Sampler, schedule: str, T: int, steps: int, step: int, x: float, x0: float, z: float = 0.0) -> float:
    """One number after step number `step` (of 0 … steps − 1), which had x before, with prediction x0 and fresh noise z."""
    table = _schedule(schedule, T)
    now, to = (table.level(t) for t in table.timesteps(steps)[step : step + 2])
    before, fresh = torch.tensor([x], dtype=torch.float64), torch.tensor([z], dtype=torch.float64)
    known = prediction_from_x0(torch.full_like(before, x0), before, now)
    return float(sampler.step(lambda *_: known, before, now, to, lambda: fresh)[0])


def _without_noise(name: str) -> Sampler:
    return Ancestral("zero") if name == "ddpm" else DDIM()


@_answer
def weight_of_x(sampler: str, **at: Any) -> float:
    """The weight of x_t in the mean of a step of DDPM, or in a step of DDIM whose ε̂ is written out in x_t and x̂0."""
    return _step(_without_noise(sampler), **at, x=1, x0=0)


@_answer
def weight_of_x0(sampler: str, **at: Any) -> float:
    """The same of x̂0."""
    return _step(_without_noise(sampler), **at, x=0, x0=1)


@_answer
def weight_of_fresh_noise(**at: Any) -> float:
    """√β̃ of a step of DDPM."""
    return _step(Ancestral("small"), **at, x=0, x0=0, z=1)


# --- sampling, and what was measured of it ----------------------------------------------------------------------------

PUBLISHED_FID = {"0": 13.36, "1": 41.07, "large": 367.43}
"""CIFAR-10 in 10 steps, by η or the variance of DDPM: Song et al. 2021, https://arxiv.org/abs/2010.02502, table 1."""
MEASURED = Path(__file__).parents[2] / "docs" / "results.jsonl"
"""What docs/results.md shows of the digits' network."""


@_answer
def published_fid(row: str, steps: int) -> float:
    """Of the DDIM paper."""
    assert steps == 10, "the column that is kept here"
    return PUBLISHED_FID[row]


@_answer
def measured(what: str, **settings: Any) -> float:
    """A measurement of the digits' network on 500 samples: of docs/results.jsonl the first row with these settings.

    what: "frechet", "frechet error", "accuracy percent", "recall percent".
    """
    rows = (json.loads(line) for line in MEASURED.read_text(encoding="utf-8").splitlines())
    row = next(
        row
        for row in rows
        if row["model"] == "digits"
        and "frechet" in row
        and {"samples": 500, "spacing": "uniform", **settings}.items() <= row["settings"].items()
    )
    distance = Jackknife(**row["frechet"])
    found: dict[str, Callable[[], float]] = {
        "frechet": lambda: distance.value,
        "frechet error": lambda: distance.standard_error,
        "accuracy percent": lambda: 100 * row["accuracy"]["share"],
        "recall percent": lambda: 100 * row["covering"]["recall"]["value"],
    }
    return found[what]()


@_answer
def difference_by_steps(sampler: str, few: int, many: int, count: int) -> float:
    """Root mean square difference of the digits' network's samples in `few` and in `many` steps, from the seeds 0, 1, …"""
    few_steps, many_steps = (_samples(sampler=sampler, steps=steps, seeds=tuple(range(count))) for steps in (few, many))
    return float((few_steps - many_steps).flatten(1).square().mean(1).sqrt().mean())


@_answer
def difference_of_images(data: str) -> float:
    """Root mean square difference of two training images, of 1000 pairs drawn at random."""
    images = to_unit(load(data).training.images)
    pairs = torch.randint(len(images), (1000, 2), generator=torch.Generator().manual_seed(0))
    return float((images[pairs[:, 0]] - images[pairs[:, 1]]).flatten(1).square().mean(1).sqrt().mean())


@_answer
def evaluations(sampler: str, steps: int, scale: float = 1.0, label: int = NO_LABEL) -> float:
    """Network evaluations for one image of the digits' network."""
    recipe = Recipe(model="digits", sampler=sampler, steps=steps, scale=scale, labels=(label,))
    return float(network_evaluations(recipe, open_model("digits")))


def _samples(**recipe: Any) -> torch.Tensor:
    *_, last = Recipe(model="digits", labels=(), **recipe).frames(open_model("digits"))
    return last.x


# --- guidance ---------------------------------------------------------------------------------------------------------


@_answer
def w_of_scale(scale: float) -> float:
    """The w of Ho & Salimans at which (1 + w) ε̂(x, y) − w ε̂(x) is the guided prediction of this scale."""
    weight_of_cond = guided_noise(scale, uncond=0, cond=1)
    return weight_of_cond - 1


@_answer
def guided_noise(scale: float, uncond: float, cond: float) -> float:
    """The guided ε̂ at a pixel where the unconditional and the conditional ones are known."""

    def denoise(x_t: torch.Tensor, level: Level, label: torch.Tensor | None = None) -> Prediction:
        is_cond = label is not None and label != NO_LABEL
        noise = torch.where(is_cond, cond, uncond) if isinstance(is_cond, torch.Tensor) else torch.full((1,), uncond)
        return Noise().read(noise.double().expand(len(x_t)), x_t, level)

    level = NoiseSchedule.cosine().level(500)
    found = Guided(denoise, scale)(torch.zeros(1, dtype=torch.float64), level, torch.zeros(1, dtype=torch.int64))
    return float(found.noise)


# --- training ---------------------------------------------------------------------------------------------------------


@_answer
def loss_of_zero(target: str, data: str, schedule: str, T: int) -> float:
    """The mean squared error per dimension, over t = 1 … T, of a network that answers 0: the mean of the target's square."""
    table, images = _schedule(schedule, T), to_unit(load(data).training.images).double()
    level = table.level(torch.arange(1, T + 1))
    zeros, ones = torch.zeros(T, dtype=torch.float64), torch.ones(T, dtype=torch.float64)
    of_x0, of_noise = TARGETS[target].of(ones, zeros, level), TARGETS[target].of(zeros, ones, level)
    return float((of_x0.square() * images.square().mean() + of_noise.square()).mean())


@_answer
def bayes_optimal(target: str, data: str, schedule: str, T: int) -> float:
    """The loss of the exact denoiser of the training images."""
    return bayes_optimal_loss(load(data).training, _schedule(schedule, T), TARGETS[target]).loss


@_answer
def steps_averaged(decay: float) -> float:
    """Over how many of the last weights an exponential average goes: the sum of their relative weights."""
    return 1 / (1 - decay)


# --- the variational bound --------------------------------------------------------------------------------------------


@cache
def _measurement(compare: str, pictures: int) -> Measurement:
    controls = checked(LikelihoodControls(), compare=compare, pictures=pictures)
    *_, last = work(controls, Visitor())
    return last.result


@_answer
def bits(compare: str, bar: int, pictures: int) -> float:
    """Bits per dimension of a bar of the Likelihood lab, the mean over so many held-out digits."""
    return _measurement(compare, pictures).results[bar].mean


@_answer
def percent_of_bits(compare: str, bar: int, pictures: int, first: int = 1, last: int = 1_000_000) -> float:
    """Of these bits the share in blocks of terms that lie within t = first … last."""
    result = _measurement(compare, pictures).results[bar]
    inside = [k for k, block in enumerate(result.blocks) if first <= block[0] and block[1] <= last]
    return float(100 * result.bits[:, inside].sum(1).mean() / result.mean)


@_answer
def difference_of_bits(compare: str, bar: int, against: int, pictures: int, error: bool = False) -> float:
    """The mean difference of two bars on the same images, or its standard error."""
    results = _measurement(compare, pictures).results
    difference = results[bar].totals - results[against].totals
    return standard_error(difference) if error else float(difference.mean())


@_answer
def bits_of_levels(levels: int) -> float:
    """log₂ of the number of values."""
    return math.log2(levels)
