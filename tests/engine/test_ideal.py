"""The exact denoisers, against brute force in float64 and against the conjugate formulas of the normal law."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import engine.ideal
from engine.denoiser import NO_LABEL
from engine.ideal import ExactDenoiser
from engine.process import diffuse
from engine.schedule import Level, NoiseSchedule

from laws import gaussian, schedules

SCHEDULE = NoiseSchedule.linear(1000)


def _random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def _brute_force(points: Tensor, x: Tensor, level: Level, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Weights and mean by the definition, one image and one point at a time, in float64."""
    a, v = level.alpha_bar.expand(len(x)), level.variance.expand(len(x))
    logits = torch.stack(
        [
            torch.stack([-((x[b].double() - a[b].sqrt() * p.double()) ** 2).sum() / (2 * v[b]) for p in points])
            for b in range(len(x))
        ]
    )
    weights = (logits + (0 if weight is None else weight.log())).softmax(1)
    return weights, torch.einsum("bn,n...->b...", weights, points.double())


@pytest.mark.parametrize("t", [1, 2, 10, 100, 400, 700, 1000])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-4)])
def test_is_the_softmax_over_the_data(t: int, dtype: torch.dtype, tolerance: float) -> None:
    points = _random(40, 1, 5, 5, dtype=dtype).clamp(-1, 1)
    level = SCHEDULE.level(t)
    x = diffuse(points[:6], level, _random(6, 1, 5, 5, seed=1, dtype=dtype))
    exact = ExactDenoiser(points)
    weights, mean = _brute_force(points, x, level)
    x0, noise = (prediction := exact(x, level)).x0, prediction.noise
    assert x0.dtype == dtype
    assert x0.shape == x.shape
    torch.testing.assert_close(x0.double(), mean, rtol=0, atol=tolerance)
    torch.testing.assert_close(exact.weights(x, level).double(), weights, rtol=0, atol=tolerance)
    torch.testing.assert_close(diffuse(x0, level, noise), x, rtol=0, atol=1e-5)


def test_real_digits_in_float32_are_told_apart_as_in_float64() -> None:
    """Where the noise is small, logits are in the millions: the digits that matter must survive float32."""
    from engine.data.catalogue import load
    from engine.data.pixels import to_unit

    points = to_unit(load("digits").training.images[:500])
    for t in (1, 5, 30, 120):
        level = SCHEDULE.level(t)
        x = diffuse(points[:8], level, _random(8, *points.shape[1:], dtype=torch.float32))
        single, double = ExactDenoiser(points)(x, level), ExactDenoiser(points.double())(x, level)
        torch.testing.assert_close(single.x0, double.x0, rtol=0, atol=1e-3)


@pytest.mark.parametrize("chunk", [1, 25, 26, 75, 1000])
def test_chunks_change_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    points, labels = _random(33, 1, 5, 5), torch.arange(33) // 11
    exact = ExactDenoiser(points, labels, std=0.1, prior=torch.rand(33, dtype=torch.float64) + 0.1)
    x, label = _random(4, 1, 5, 5, seed=2), torch.tensor([0, 1, 2, NO_LABEL])
    for t in (1, 50, 1000):
        level = SCHEDULE.level(t)
        monkeypatch.setattr(engine.ideal, "CHUNK_ELEMENTS", 10**9)
        whole, weights = exact(x, level, label), exact.weights(x, level, label)
        monkeypatch.setattr(engine.ideal, "CHUNK_ELEMENTS", chunk)
        torch.testing.assert_close(vars(exact(x, level, label)), vars(whole), rtol=0, atol=1e-10)
        torch.testing.assert_close(exact.weights(x, level, label), weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize("t", [1, 100, 600, 1000])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.7, 0.2), (-2.0, 3.0)])
def test_gaussian_is_the_conjugate_formula(mean: float, std: float, t: int) -> None:
    """E[x_0 | x_t] by regression: m + cov(x_0, x_t) / var(x_t) · (x_t − √ᾱ m)."""
    a, v = float(SCHEDULE.alpha_bar[t]), float(1 - SCHEDULE.alpha_bar[t])
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None]
    expected = mean + a**0.5 * std**2 / (a * std**2 + v) * (x - a**0.5 * mean)
    torch.testing.assert_close(gaussian(mean, std)(x, SCHEDULE.level(t)).x0, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("t", [30, 300, 700])
def test_mixture_is_the_integral(t: int) -> None:
    """∫ x_0 p(x_0) q(x_t | x_0) dx_0 / ∫ p(x_0) q(x_t | x_0) dx_0, on a grid."""
    means, std, prior = torch.tensor([-1.0, 0.2, 1.5]).double(), 0.15, torch.tensor([1.0, 5.0, 2.0]).double()
    exact = ExactDenoiser(means[:, None], std=std, prior=prior)
    level = SCHEDULE.level(t)
    a, v = level.alpha_bar.sqrt(), level.variance
    grid = torch.linspace(-4, 4, 80_001, dtype=torch.float64)
    log_p = torch.logsumexp(prior.log()[:, None] - (grid - means[:, None]) ** 2 / (2 * std**2), 0)
    for x in (-2.0, -0.3, 0.0, 0.9, 2.2):
        p = (log_p - (x - a * grid) ** 2 / (2 * v)).softmax(0)
        got = exact(torch.tensor([[x]], dtype=torch.float64), level).x0
        assert float(got) == pytest.approx(float((p * grid).sum()), abs=1e-8)


def test_is_the_best_guess_of_all_in_the_mean_square() -> None:
    """E[x_0 | x_t] has the least mean squared error: to nudge, shrink or stretch it can only make it worse."""
    points = torch.tensor([-1.0, -0.4, 0.9], dtype=torch.float64)[:, None]
    generator = torch.Generator().manual_seed(0)
    x0 = points[torch.randint(3, (200_000,), generator=generator)]
    level = SCHEDULE.level(450)
    guess = ExactDenoiser(points)(diffuse(x0, level, torch.randn(x0.shape, generator=generator).double()), level).x0
    best = float((guess - x0).square().mean())
    for worse in (guess + 0.05, guess - 0.05, guess * 0.9, guess * 1.1):
        assert float((worse - x0).square().mean()) > best


def test_labels_leave_only_their_class() -> None:
    points, labels = _random(12, 3), torch.arange(12) % 3
    exact, level, x = ExactDenoiser(points, labels), SCHEDULE.level(600), _random(4, 3, seed=3)
    label = torch.tensor([2, 0, NO_LABEL, 1])
    x0 = exact(x, level, label).x0
    weights = exact.weights(x, level, label)
    for b, k in enumerate(label.tolist()):
        of_class = points if k == NO_LABEL else points[labels == k]
        alone = ExactDenoiser(of_class)(x[b : b + 1], level).x0[0]
        torch.testing.assert_close(x0[b], alone, rtol=0, atol=1e-12)
        if k != NO_LABEL:
            assert float(weights[b][labels != k].abs().max()) == 0
    torch.testing.assert_close(vars(exact(x, level, torch.full((4,), NO_LABEL))), vars(exact(x, level)), rtol=0, atol=0)


def test_labels_where_there_are_none_are_refused() -> None:
    exact, level, x = ExactDenoiser(_random(3, 2)), SCHEDULE.level(10), _random(2, 2)
    exact(x, level, torch.tensor([NO_LABEL, NO_LABEL]))
    with pytest.raises(ValueError, match="no classes"):
        exact(x, level, torch.tensor([NO_LABEL, 0]))


@pytest.mark.parametrize("wrong", [3, 10, -2])
def test_a_class_that_no_point_has_is_refused_rather_than_answered_with_nan(wrong: int) -> None:
    exact = ExactDenoiser(_random(6, 2), torch.arange(6) % 3)
    with pytest.raises(ValueError, match="class"):
        exact(_random(2, 2), SCHEDULE.level(10), torch.tensor([0, wrong]))


def test_prior_counts_like_repeated_points() -> None:
    points, level, x = _random(4, 2), SCHEDULE.level(500), _random(5, 2, seed=4)
    counts = torch.tensor([1, 2, 3, 1])
    repeated = ExactDenoiser(points.repeat_interleave(counts, 0))(x, level)
    weighted = ExactDenoiser(points, prior=counts.double() * 0.3)(x, level)
    torch.testing.assert_close(vars(weighted), vars(repeated), rtol=0, atol=1e-12)
    torch.testing.assert_close(
        ExactDenoiser(points, prior=counts.double()).weights(x, level),
        _brute_force(points, x, level, counts.double())[0],
        rtol=0,
        atol=1e-12,
    )


def test_a_level_for_each_picture() -> None:
    points, x, t = _random(20, 1, 4, 4), _random(5, 1, 4, 4, seed=5), torch.tensor([1, 30, 200, 600, 1000])
    exact = ExactDenoiser(points, std=0.2)
    together, weights = exact(x, SCHEDULE.level(t)), exact.weights(x, SCHEDULE.level(t))
    for b in range(5):
        alone = exact(x[b : b + 1], SCHEDULE.level(int(t[b])))
        torch.testing.assert_close(together.x0[b], alone.x0[0], rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(together.noise[b], alone.noise[0], rtol=1e-10, atol=1e-8)
        torch.testing.assert_close(weights[b], exact.weights(x[b : b + 1], SCHEDULE.level(int(t[b])))[0])


@pytest.mark.parametrize("std", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_nan_at_either_end(dtype: torch.dtype, std: float) -> None:
    points, x = _random(300, 1, 8, 8, dtype=dtype), _random(4, 1, 8, 8, seed=6, dtype=dtype)
    exact = ExactDenoiser(points, torch.arange(300) % 2, std=std)
    ends = [s.level(t) for s in schedules(1000).values() for t in (1, 1000)]
    ends.append(NoiseSchedule.cosine(1000).with_zero_terminal_snr().level(1000))
    for level in ends:
        for label in (None, torch.tensor([0, 1, 1, NO_LABEL])):
            prediction, weights = exact(x, level, label), exact.weights(x, level, label)
            assert all(bool(part.isfinite().all()) for part in (prediction.x0, prediction.noise))
            torch.testing.assert_close(weights.sum(1), torch.ones(4, dtype=dtype), rtol=0, atol=1e-5)


def test_pure_noise_tells_only_the_mean_and_no_noise_tells_all() -> None:
    points = _random(50, 6)
    exact = ExactDenoiser(points)
    last = NoiseSchedule.cosine(10).with_zero_terminal_snr().level(10)
    torch.testing.assert_close(exact(_random(3, 6, seed=1), last).x0, points.mean(0).expand(3, 6), rtol=0, atol=1e-12)
    first = SCHEDULE.level(1)
    close = diffuse(points[:5], first, _random(5, 6, seed=2))
    torch.testing.assert_close(exact(close, first).x0, points[:5], rtol=0, atol=1e-12)
