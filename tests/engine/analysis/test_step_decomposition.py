"""A step taken apart: the parts add up to the step, the weights are the papers', and the truth is Bayes' rule."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.analysis.step_decomposition import (
    DecomposingSampler,
    StepDecomposition,
    StepErrors,
    compare_with_posterior,
    decompose_step,
    step_coefficients,
)
from engine.denoiser import Clipped
from engine.ideal import ExactDenoiser
from engine.process import Prediction, diffuse
from engine.samplers import DDIM, Ancestral, Denoise, DPMSolver2M, Draw, Heun, PreviousStep, Sampler, Variance
from engine.samplers import SAMPLERS as BY_NAME
from engine.sampling import SeededNoise, sample
from engine.schedule import Level, NoiseSchedule

from laws import SAMPLERS, schedules

SHAPE = (2, 3, 3)
POINTS = torch.randn(12, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
EXACT = ExactDenoiser(POINTS, std=0.3)
SCHEDULE = NoiseSchedule.cosine(100)


def learned(x: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
    """A denoiser that has learned another variance for each number."""
    return replace(EXACT(x, level, label), variance_mix=torch.sigmoid(x))


EVERY: dict[str, Sampler] = {
    **SAMPLERS,
    **{f"by name: {name}": named() for name, named in BY_NAME.items()},
    "ddpm learned": Ancestral("learned"),
    **{f"ddim {eta}": DDIM(eta) for eta in (0.1, 0.9)},
    "dpm++2m 0.4": DPMSolver2M(0.4),
}


def walk(sampler: Sampler, steps: int = 8, schedule: NoiseSchedule = SCHEDULE) -> list[StepDecomposition]:
    """Every step of a walk, in float64 throughout."""
    previous: PreviousStep | None = None
    watched, float32 = DecomposingSampler(sampler), SeededNoise((0, 1), SHAPE)
    x, found = float32().double(), []
    for t, next_t in pairwise(schedule.timesteps(steps)):
        now = schedule.level(t)
        x, said = watched.step(learned, x, now, schedule.level(next_t), lambda: float32().double(), previous)
        previous = PreviousStep(now, said)
        assert watched.latest is not None
        found.append(watched.latest)
    return found


def coefficients(anatomy: StepDecomposition) -> dict[str, float]:
    for term in anatomy.terms:
        assert bool((term.coefficient == term.coefficient.flatten()[0]).all())
    return {term.name: float(term.coefficient.flatten()[0]) for term in anatomy.terms}


@pytest.mark.parametrize("schedule", list(schedules()))
@pytest.mark.parametrize("name", list(EVERY))
def test_the_parts_add_up_to_the_very_next_picture(name: str, schedule: str) -> None:
    steps = walk(EVERY[name], schedule=schedules()[schedule])
    for step, following in pairwise(steps):
        assert torch.equal(step.following, following.x)
        torch.testing.assert_close(step.total, following.x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", list(EVERY))
def test_looking_on_changes_nothing(name: str) -> None:
    plain = [
        [frame.x for frame in sample(EXACT, SCHEDULE, sampler, shape=SHAPE, steps=9, seeds=(3,))]
        for sampler in (EVERY[name], DecomposingSampler(EVERY[name]))
        if name != "ddpm learned"
    ]
    for one, other in zip(*plain, strict=True) if plain else ():
        assert torch.equal(one, other)


@pytest.mark.parametrize("variance", ["small", "large", "zero"])
def test_ddpm_has_the_weights_of_its_paper(variance: Variance) -> None:
    for anatomy in walk(Ancestral(variance), steps=SCHEDULE.T)[:-1]:
        found = coefficients(anatomy)
        t = round(float(SCHEDULE.t_of(anatomy.now)))
        beta, alpha_bar, previous = SCHEDULE.beta[t], SCHEDULE.alpha_bar[t], SCHEDULE.alpha_bar[t - 1]
        # Ho et al. 2020, eq. 7
        assert found["x0"] == pytest.approx(float(previous.sqrt() * beta / (1 - alpha_bar)), rel=1e-9)
        assert found["x"] == pytest.approx(float((1 - beta).sqrt() * (1 - previous) / (1 - alpha_bar)), rel=1e-9)
        sigma = {"small": (1 - previous) / (1 - alpha_bar) * beta, "large": beta, "zero": torch.zeros(())}[variance]
        assert found.get("fresh", 0.0) == pytest.approx(math.sqrt(sigma), rel=1e-9)
        assert set(found) <= {"x", "x0", "fresh"}


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_ddim_has_the_weights_of_its_paper(eta: float) -> None:
    for anatomy in walk(DDIM(eta))[:-1]:
        found = coefficients(anatomy)
        sigma = eta * math.sqrt(
            float(anatomy.to.variance / anatomy.now.variance * anatomy.now.variance_since(anatomy.to))
        )
        assert found["x0"] == pytest.approx(float(anatomy.to.alpha_bar.sqrt()))  # Song et al. 2021, eq. 12
        assert found["noise"] == pytest.approx(math.sqrt(float(anatomy.to.variance) - sigma**2))
        assert found.get("fresh", 0.0) == pytest.approx(sigma)
        assert set(found) <= {"x0", "noise", "fresh"}


def test_two_evaluations_weigh_alike_and_the_step_before_is_a_part() -> None:
    found = coefficients(walk(Heun(), steps=20)[5])
    assert found["noise"] == pytest.approx(found["noise second"])
    assert "x0 second" not in found
    first, *_, later, _ = walk(DPMSolver2M(), steps=20)
    assert "x0 previous" not in coefficients(first)
    assert coefficients(later)["x0 previous"] < 0 < coefficients(later)["x0"]  # it extrapolates


def test_a_learned_variance_is_another_weight_for_each_number() -> None:
    anatomy = walk(Ancestral("learned"))[2]
    fresh = next(term for term in anatomy.terms if term.name == "fresh")
    assert len(fresh.coefficient[0].unique()) == math.prod(SHAPE)
    torch.testing.assert_close(anatomy.std, fresh.coefficient)
    torch.testing.assert_close(anatomy.mean + anatomy.std * fresh.picture, anatomy.following)


def test_a_batch_may_have_a_level_for_each_picture() -> None:
    x = torch.randn(5, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    t = torch.tensor([100, 70, 40, 20, 5])
    for sampler in EVERY.values():
        draw = SeededNoise(range(5), SHAPE)
        whole = decompose_step(sampler, learned, x, SCHEDULE.level(t), SCHEDULE.level(t - 5), draw)
        torch.testing.assert_close(whole.total, whole.following)
        for k in range(5):
            now, to = SCHEDULE.level(int(t[k])), SCHEDULE.level(int(t[k]) - 5)
            alone = decompose_step(sampler, learned, x[k : k + 1], now, to, SeededNoise([k], SHAPE))
            torch.testing.assert_close(whole.total[k : k + 1], alone.total)
            torch.testing.assert_close(whole.std[k : k + 1], alone.std)


def test_a_step_that_is_no_sum_is_refused() -> None:
    class Clipping:
        def step(
            self, denoise: Denoise, x: Tensor, now: Level, to: Level, noise: Draw, previous: PreviousStep | None = None
        ) -> tuple[Tensor, Prediction]:
            following, prediction = DDIM().step(denoise, x, now, to, noise, previous)
            return following.clamp(-0.1, 0.1), prediction

    x = torch.randn(1, *SHAPE)
    with pytest.raises(ValueError, match="no weighted sum"):
        decompose_step(Clipping(), Clipped(EXACT), x, SCHEDULE.level(50), SCHEDULE.level(40), SeededNoise([0], SHAPE))


# --- where the truth is known -------------------------------------------------------------------------------------------


def judged(
    sampler: Sampler, denoiser: ExactDenoiser, x0: Tensor, t: int = 60, to: int = 50
) -> tuple[StepDecomposition, StepErrors]:
    noise = torch.randn(x0.shape, dtype=x0.dtype, generator=torch.Generator().manual_seed(9))
    now = SCHEDULE.level(t)
    x = diffuse(x0, now, noise)
    anatomy = decompose_step(sampler, denoiser, x, now, SCHEDULE.level(to), SeededNoise(range(len(x)), SHAPE))
    return anatomy, compare_with_posterior(anatomy, x0, noise)


ONE = ExactDenoiser(POINTS[:1])


@pytest.mark.parametrize("sampler", [Ancestral("small"), DDIM(1.0), DPMSolver2M(1.0)])
def test_who_knows_the_picture_steps_as_the_posterior_does(sampler: Sampler) -> None:
    """All data are one point, so the exact denoiser knows x_0, and the small variance is the right one."""
    anatomy, found = judged(sampler, ONE, POINTS[:1])
    torch.testing.assert_close(anatomy.mean, found.posterior.mean)
    torch.testing.assert_close(anatomy.std**2, found.posterior.variance.expand_as(anatomy.std))
    for error in (found.kl, found.mean_error, found.x0_error, found.noise_error):
        assert float(error) == pytest.approx(0, abs=1e-9)


def test_the_posterior_is_bayes_rule() -> None:
    """Its precision is that of x_s given x_0 plus that of x_t given x_s; its mean weighs both by them."""
    _, found = judged(Ancestral(), EXACT, POINTS[:3])
    now, to = SCHEDULE.level(60), SCHEDULE.level(50)
    noise = torch.randn(3, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(9))
    x = diffuse(POINTS[:3], now, noise)
    ratio = (now.alpha_bar / to.alpha_bar).sqrt()
    precision = 1 / to.variance + ratio**2 / (1 - ratio**2)
    mean = (to.alpha_bar.sqrt() * POINTS[:3] / to.variance + ratio * x / (1 - ratio**2)) / precision
    torch.testing.assert_close(found.posterior.variance, 1 / precision)
    torch.testing.assert_close(found.posterior.mean, mean)


def test_what_another_variance_costs() -> None:
    """With the right mean, KL = (v₁/v₂ − 1 − log v₁/v₂) / 2."""
    anatomy, found = judged(Ancestral("large"), ONE, POINTS[:1])
    ratio = float(found.posterior.variance / anatomy.std.flatten()[0] ** 2)
    assert float(found.kl) == pytest.approx((ratio - 1 - math.log(ratio)) / 2)
    assert float(found.kl) > 0


def test_a_wrong_mean_costs_its_square_over_twice_the_variance() -> None:
    anatomy, found = judged(Ancestral("small"), EXACT, POINTS[:4])
    torch.testing.assert_close(found.kl, found.mean_error**2 / (2 * found.posterior.variance))
    assert bool((found.kl > 0).all())
    assert anatomy.prediction.x0.shape == (4, *SHAPE)


def test_the_two_errors_are_one() -> None:
    """x_t is known, so what is wrong in x̂0 is wrong in ε̂, seen through √ᾱ / √(1−ᾱ)."""
    _, found = judged(DDIM(), EXACT, POINTS[:4])
    now = SCHEDULE.level(60)
    torch.testing.assert_close(found.noise_error, found.x0_error * (now.alpha_bar / now.variance).sqrt())


@pytest.mark.parametrize("sampler", [DDIM(), Heun(), Ancestral("zero")])
def test_a_step_without_noise_is_infinitely_far_and_the_last_step_has_no_density(sampler: Sampler) -> None:
    assert float(judged(sampler, EXACT, POINTS[:1])[1].kl) == math.inf
    assert math.isnan(float(judged(sampler, EXACT, POINTS[:1], t=3, to=0)[1].kl))


@pytest.mark.parametrize("name", BY_NAME)
def test_coefficients_without_a_network_are_those_of_the_steps_themselves(name: str) -> None:
    sampler = BY_NAME[name]()
    before: Level | None = None
    for step in walk(sampler):
        alone = step_coefficients(sampler, step.now, step.to, before)
        assert alone == pytest.approx(
            {term.name: float(term.coefficient.flatten()[0]) for term in step.terms}, abs=1e-9
        )
        before = step.now
