"""In the plane: densities are densities, scores are their slopes, and guidance keeps its promise at w = 1 and nowhere else."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.analysis.guided_density import (
    CLEAN,
    Plane,
    coarsened,
    diffused_density,
    finite_sample_distance,
    guided_trajectory,
    log_density,
    tilted_density,
    total_variation,
)
from engine.evaluation.metrics import energy_distance
from engine.ideal import ExactDenoiser
from engine.samplers import DDIM, Ancestral, Sampler
from engine.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule.cosine(1000)
PLANE = Plane(4.5, 90)
AREA = PLANE.width**2


def mixture() -> ExactDenoiser:
    points = torch.tensor([[-1.5, 0.9], [0.5, -0.7], [1.2, 0.1]], dtype=torch.float64)
    prior = torch.tensor([2.0, 1.0, 1.0], dtype=torch.float64)
    return ExactDenoiser(points, torch.tensor([0, 0, 1]), 0.4, prior)


@pytest.mark.parametrize("t", [0, 200, 500, 1000])
@pytest.mark.parametrize("label", [None, 0, 1])
def test_a_density_has_the_mass_1(t: int, label: int | None) -> None:
    density = log_density(mixture(), PLANE.points(), SCHEDULE.level(t), label).exp()
    assert float(density.sum()) * AREA == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("t", [1, 200, 600, 1000])
@pytest.mark.parametrize("label", [None, 0, 1])
def test_its_slope_is_the_score_that_the_exact_denoiser_gives(t: int, label: int | None) -> None:
    level = SCHEDULE.level(t)
    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(t), dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(log_density(mixture(), x, level, label).sum(), x)
    wanted = None if label is None else torch.full((20,), label)
    noise = mixture()(x.detach(), level, wanted).noise
    # Tweedie: ∇ log p_t = −ε̂ / √(1−ᾱ)
    torch.testing.assert_close(slope, -noise / level.variance.sqrt(), rtol=1e-6, atol=1e-8)


def test_the_parts_of_the_density_add_up_by_the_frequency_of_the_classes() -> None:
    both, first, second = (log_density(mixture(), PLANE.points(), CLEAN, k).exp() for k in (None, 0, 1))
    torch.testing.assert_close(both, 0.75 * first + 0.25 * second)


@pytest.mark.parametrize("t", [0, 300, 800])
@pytest.mark.parametrize("w", [0.0, 0.5, 1.0, 3.0, 8.0])
def test_the_product_is_a_density_and_has_the_promised_ratios(w: float, t: int) -> None:
    level = SCHEDULE.level(t)
    density = tilted_density(mixture(), 0, w, PLANE, level)
    assert float(density.sum()) * AREA == pytest.approx(1, abs=1e-9)
    wanted, plain = (log_density(mixture(), PLANE.points(), level, k) for k in (0, None))
    somewhere = density > 1e-12
    constant = (density.log() - w * wanted - (1 - w) * plain)[somewhere]
    assert float(constant.std()) < 1e-8


def test_the_product_at_1_is_the_class_and_at_0_everything() -> None:
    for w, label in ((1.0, 0), (0.0, None)):
        expected = log_density(mixture(), PLANE.points(), CLEAN, label).exp()
        torch.testing.assert_close(tilted_density(mixture(), 0, w, PLANE), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("t", [100, 400, 700, 1000])
def test_noising_a_density_on_the_plane_is_the_forward_process(t: int) -> None:
    level = SCHEDULE.level(t)
    clean, later = (log_density(mixture(), PLANE.points(), one, 0).exp() for one in (CLEAN, level))
    found = diffused_density(clean, PLANE, level)
    assert total_variation(found, later, AREA) < 2e-3
    assert float(found.sum()) * AREA == pytest.approx(1, abs=1e-3)


def sampled(w: float, sampler: Sampler, points: int = 3000) -> Tensor:
    *_, (t, x) = guided_trajectory(
        mixture(), 0, w, points=points, schedule=SCHEDULE, sampler=sampler, steps=150, seed=3
    )  # fmt: skip
    assert t == 0
    return x


@pytest.mark.parametrize("sampler", [DDIM(), Ancestral()], ids=["ddim", "ddpm"])
def test_at_1_both_distributions_are_one_and_at_3_they_are_not(sampler: Sampler) -> None:
    area = AREA * 25
    for w, same in ((1.0, True), (3.0, False)):
        law = coarsened(tilted_density(mixture(), 0, w, PLANE), 5)
        points = sampled(w, sampler)
        distance = total_variation(coarsened(PLANE.histogram(points), 5), law, area)
        floor = finite_sample_distance(law, area, len(points))
        if same:
            assert distance < floor.mean + 5 * floor.std
        else:
            assert distance > floor.mean + 20 * floor.std


def test_another_distance_says_the_same() -> None:
    # Points of the promised law at w = 3, drawn from its cells, against those that guidance makes.
    law = tilted_density(mixture(), 0, 3.0, PLANE)
    rng = torch.Generator().manual_seed(0)
    drawn = torch.multinomial(law.flatten(), 4000, replacement=True, generator=rng)
    spots = (
        PLANE.points().reshape(-1, 2)[drawn]
        + (torch.rand(4000, 2, generator=rng, dtype=torch.float64) - 0.5) * PLANE.width
    )
    floor = energy_distance(spots[:2000], spots[2000:])
    assert energy_distance(sampled(3.0, DDIM(), 2000), spots[2000:]) > 10 * max(floor, 1e-3)


# --- counting ---------------------------------------------------------------------------------------------------------


def test_a_histogram_puts_each_point_where_it_is() -> None:
    plane = Plane(2.0, 4)
    counted = plane.histogram(torch.tensor([[-1.5, 0.5], [-1.4, 0.4], [1.9, -1.9], [5.0, 0.0]])) * plane.width**2 * 4
    assert counted[2, 0] == 2  # x in the first column, y in the third row
    assert counted[0, 3] == 1
    assert float(counted.sum()) == 3  # one lies outside


def test_total_variation_is_0_of_the_same_and_1_of_what_never_meets() -> None:
    p, q = torch.zeros(2, 2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)
    p[0, 0], q[1, 1] = 4.0, 4.0
    assert total_variation(p, p, 0.25) == 0
    assert total_variation(p, q, 0.25) == 1
    assert total_variation(p, torch.zeros_like(p), 0.25) == 1  # all of it lies outside
    assert total_variation(p, (p + q) / 2, 0.25) == pytest.approx(0.5)


def test_the_floor_is_what_chance_alone_makes() -> None:
    # With n points a cell of probability p is off by √(p (1−p) / n) · √(2/π) on average, for n p large.
    law = torch.full((5, 5), 1.0, dtype=torch.float64)
    n, p = 10_000, 1 / 25
    floor = finite_sample_distance(law, 1 / 25, n, rounds=60)
    assert floor.mean == pytest.approx(25 * math.sqrt(p * (1 - p) / n) * math.sqrt(2 / math.pi) / 2, rel=0.06)
    assert 0 < floor.std < floor.mean
    assert finite_sample_distance(law, 1 / 25, 100 * n, rounds=20).mean == pytest.approx(floor.mean / 10, rel=0.15)


def test_coarse_cells_keep_the_mass() -> None:
    law = tilted_density(mixture(), 1, 2.0, PLANE)
    assert float(coarsened(law, 6).sum()) * AREA * 36 == pytest.approx(1)
