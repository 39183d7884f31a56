"""The forward process and its posterior, against the recursion of the chain and against Bayes' rule done by numbers."""

from __future__ import annotations

import math

import pytest
import torch

from engine.process import TARGETS, Noise, diffuse, markov_step, posterior, posterior_variance
from engine.schedule import Level, NoiseSchedule

from laws import schedules

EVERY = pytest.mark.parametrize("name", list(schedules()))


def _column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


@EVERY
def test_markov_steps_have_the_closed_forms_law_exactly(name: str) -> None:
    """Mean √ᾱ_t x_0 and variance 1 − ᾱ_t, by composing the steps' own affine maps."""
    s = schedules()[name]
    mean, variance = 1.0, 0.0
    for t in range(1, s.T + 1):
        # Two points and no noise, then one and unit noise: the map of this step.
        ends = markov_step(_column(0, 1, 0), s.level(t - 1), s.level(t), _column(0, 0, 1)).flatten()
        mean, variance = float(ends[1]) * mean, float(ends[1]) ** 2 * variance + float(ends[2]) ** 2
        jump = diffuse(_column(1, 0), s.level(t), _column(0, 1)).flatten()
        assert mean == pytest.approx(float(jump[0]), rel=1e-9)
        assert variance == pytest.approx(float(jump[1]) ** 2, rel=1e-9)
        assert float(jump[0]) == pytest.approx(float(s.alpha_bar[t]) ** 0.5, rel=1e-9)
        assert float(jump.square().sum()) == pytest.approx(1, abs=1e-12)


@EVERY
def test_markov_steps_have_the_closed_forms_law_in_samples(name: str) -> None:
    s, draws, x0 = schedules()[name], 20_000, 0.8
    generator = torch.Generator().manual_seed(1)
    x = torch.full((draws, 1), x0, dtype=torch.float64)
    for t in range(1, s.T // 2 + 1):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = markov_step(x, s.level(t - 1), s.level(t), noise)
    level = s.level(s.T // 2)
    std = float(level.variance.sqrt())
    # Bounds: 4 standard errors of the mean, and of the variance of a Gaussian.
    assert float(x.mean()) == pytest.approx(float(level.alpha_bar.sqrt()) * x0, abs=4 * std / draws**0.5)
    assert float(x.var()) == pytest.approx(std**2, rel=4 * (2 / draws) ** 0.5)


def test_one_step_of_the_chain_is_equation_2() -> None:
    s = NoiseSchedule.linear(1000)
    beta = float(s.beta[300])
    x = markov_step(_column(1, 0), s.level(299), s.level(300), _column(0, 1)).flatten().tolist()
    assert x == pytest.approx([math.sqrt(1 - beta), math.sqrt(beta)], rel=1e-9)


def test_clean_pictures_stay_and_pure_noise_forgets() -> None:
    s = NoiseSchedule.cosine(50).with_zero_terminal_snr()
    x0, noise = torch.randn(2, 3), torch.randn(2, 3)
    assert torch.equal(diffuse(x0, s.level(0), noise), x0)
    assert torch.equal(diffuse(x0, s.level(50), noise), noise)
    each = diffuse(x0, s.level(torch.tensor([0, 50])), noise)
    assert torch.equal(each, torch.stack([x0[0], noise[1]]))


@EVERY
@pytest.mark.parametrize(("to", "now"), [(4, 5), (49, 50), (99, 100), (10, 60), (3, 40), (1, 2)])
def test_posterior_is_bayes_rule(name: str, to: int, now: int) -> None:
    """p(x_s | x_t, x_0) ∝ q(x_t | x_s) q(x_s | x_0), multiplied and normalised on a fine grid, neighbours or not."""
    s, x0, x_t = schedules()[name], 0.7, -0.4
    a_s, a_t = float(s.alpha_bar[to]), float(s.alpha_bar[now])
    between = a_t / a_s
    grid = torch.linspace(-9, 9, 400_001, dtype=torch.float64)
    log_p = -((grid - a_s**0.5 * x0) ** 2) / (2 * (1 - a_s)) - (x_t - between**0.5 * grid) ** 2 / (2 * (1 - between))
    p = log_p.softmax(0)
    mean = float((p * grid).sum())
    variance = float((p * (grid - mean) ** 2).sum())

    ours = posterior(_column(x_t), _column(x0), s.level(now), s.level(to))
    assert float(ours.mean) == pytest.approx(mean, abs=1e-7)
    assert float(ours.variance) == pytest.approx(variance, rel=1e-6)
    assert float(posterior_variance(s.level(now), s.level(to))) == float(ours.variance)


@EVERY
def test_posterior_of_neighbours_has_the_tables_variance(name: str) -> None:
    s = schedules()[name]
    t = torch.arange(1, s.T + 1)
    torch.testing.assert_close(
        posterior_variance(s.level(t), s.level(t - 1)), s.posterior_variance[1:], rtol=1e-9, atol=0
    )


@EVERY
def test_posterior_takes_the_marginal_at_t_to_the_marginal_at_s(name: str) -> None:
    """Averaged over x_t ~ q(x_t | x_0), the posterior must be q(x_s | x_0): means and variances, exactly."""
    s, x0 = schedules()[name], 0.7
    for now, to in [(100, 99), (100, 1), (50, 20), (2, 1), (7, 0)]:
        mean = posterior(_column(0, 1), _column(x0, x0), s.level(now), s.level(to)).mean.flatten()
        offset, slope = float(mean[0]), float(mean[1] - mean[0])
        a_t, a_s = float(s.alpha_bar[now]), s.level(to)
        assert offset + slope * a_t**0.5 * x0 == pytest.approx(float(a_s.alpha_bar) ** 0.5 * x0, abs=1e-10)
        total = slope**2 * (1 - a_t) + float(posterior_variance(s.level(now), a_s))
        assert total == pytest.approx(float(a_s.variance), abs=1e-10)


def test_posterior_knows_where_it_came_from_at_t_0() -> None:
    s = NoiseSchedule.linear(100)
    mean, variance = posterior(_column(5.0), _column(0.3), s.level(40), s.level(0))
    assert float(mean) == pytest.approx(0.3, abs=1e-12)
    assert float(variance) == 0


@pytest.mark.parametrize("target", list(TARGETS))
@EVERY
def test_targets_read_what_they_asked_for(name: str, target: str) -> None:
    s, target_ = schedules()[name], TARGETS[target]
    t = torch.tensor([1, 5, 50, 99, 100])
    x0, noise = torch.randn(2, 5, 1, 4, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x_t = diffuse(x0, s.level(t), noise)
    read = target_.read(target_.of(x0, noise, s.level(t)), x_t, s.level(t))
    torch.testing.assert_close(read.x0, x0, rtol=0, atol=1e-9)
    torch.testing.assert_close(read.noise, noise, rtol=0, atol=1e-9)


@pytest.mark.parametrize("target", list(TARGETS))
def test_x0_and_noise_of_a_prediction_belong_together(target: str) -> None:
    """Whatever a network puts out, x_t = √ᾱ x̂0 + √(1−ᾱ) ε̂."""
    s = NoiseSchedule.cosine(100)
    output, x_t = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    for t in (1, 30, 95):
        prediction = TARGETS[target].read(output, x_t, s.level(t))
        x0, noise = prediction.x0, prediction.noise
        torch.testing.assert_close(diffuse(x0, s.level(t), noise), x_t, rtol=0, atol=1e-10)


def test_velocity_turns_from_noise_into_minus_the_picture() -> None:
    """Salimans & Ho 2022: v = dx/dφ along x = cos φ x_0 + sin φ ε: ε where the picture is clean, −x_0 where it is gone."""
    s = NoiseSchedule.cosine(10).with_zero_terminal_snr()
    x0, noise = _column(0.3), _column(-1.2)
    velocity = TARGETS["velocity"]
    assert float(velocity.of(x0, noise, s.level(0))) == pytest.approx(-1.2)
    assert float(velocity.of(x0, noise, s.level(10))) == pytest.approx(-0.3)
    angle, d = 0.7, 1e-6
    ahead, behind = (math.cos(p) * 0.3 + math.sin(p) * -1.2 for p in (angle + d, angle - d))
    level = Level(torch.tensor(2 * math.log(math.cos(angle) / math.sin(angle)), dtype=torch.float64))
    assert float(velocity.of(x0, noise, level)) == pytest.approx((ahead - behind) / (2 * d), abs=1e-8)


def test_noise_says_nothing_where_no_picture_is_left() -> None:
    """Why `NetDenoiser` refuses that pair: x̂0 is 0/0 there, while the other targets stay finite."""
    level = NoiseSchedule.cosine(10).with_zero_terminal_snr().level(10)
    assert not bool(Noise().read(_column(0.5), _column(0.5), level).x0.isfinite().all())
    for other in ("clean", "velocity"):
        prediction = TARGETS[other].read(_column(0.5), _column(0.5), level)
        assert all(bool(part.isfinite().all()) for part in (prediction.x0, prediction.noise))
