"""The terms of the variational bound: against the closed forms of the normal law, and against entropies that are known.

On Gaussian data the expectation of a term needs no draw: it depends on x̂0 only through (x_0 − x̂0)², whose mean is known. A
prediction that is off by exactly the root of it gives the expected term to the last digits.
"""

from __future__ import annotations

import math

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from engine.denoiser import Clipped, Denoiser, NetDenoiser
from engine.ideal import ExactDenoiser
from engine.likelihood import DENSITY, DISCRETISED, Decoder, bound_term, prior_term
from engine.process import Prediction, Velocity, diffuse
from engine.samplers import Variance
from engine.schedule import NoiseSchedule
from engine.training.objective import DenoisingLoss, Noised, weights

from laws import gaussian, schedules

FIXED: tuple[Variance, ...] = ("small", "large")
LEVELS = torch.arange(256).double() / 127.5 - 1
EULER = 0.5772156649015329


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _pictures(*shape: int, seed: int = 0) -> Tensor:
    """Random pictures of 256 levels."""
    return LEVELS[torch.randint(256, shape, generator=torch.Generator().manual_seed(seed))]


def _noisy(x0: Tensor, schedule: NoiseSchedule, t: Tensor, seed: int = 1) -> Tensor:
    return diffuse(x0, schedule.level(t), _random(*x0.shape, seed=seed))


# --- each term against the textbook -----------------------------------------------------------------------------------


def _textbook(
    x0: Tensor, guess: Tensor, x_t: Tensor, schedule: NoiseSchedule, t: int, log_variance: Tensor | float
) -> float:
    """KL( q(x_{t−1} | x_t, x_0) ‖ N(μ(x_t, x̂0), σ²) ) by torch.distributions, with eq. 7 of Ho et al. typed in anew."""
    ab, ab_before, beta = schedule.alpha_bar[t], schedule.alpha_bar[t - 1], schedule.beta[t]

    def mean(x: Tensor) -> Tensor:
        return (ab_before.sqrt() * beta * x + (1 - beta).sqrt() * (1 - ab_before) * x_t) / (1 - ab)

    true = Normal(mean(x0), ((1 - ab_before) / (1 - ab) * beta).sqrt())
    return float(kl_divergence(true, Normal(mean(guess), torch.as_tensor(log_variance / 2).exp())).sum())


@pytest.mark.parametrize("name", schedules())
def test_terms_are_the_kl_of_torch_distributions(name: str) -> None:
    schedule = schedules()[name]
    t = torch.tensor([2, 3, 10, 50, 99, 100])
    x0, mix = _random(6, 2, 3), torch.rand(6, 2, 3, generator=torch.Generator().manual_seed(5)).double() * 1.4 - 0.2
    x_t, guess = _noisy(x0, schedule, t), x0 + 0.1 * _random(6, 2, 3, seed=2)
    small, large = schedule.posterior_variance.log(), schedule.beta.log()
    for variance in (*FIXED, "learned"):
        got = bound_term(Prediction(guess, guess, mix), x0, x_t, schedule, t, variance)
        for b, k in enumerate(t.tolist()):
            of_mix = mix[b] * large[k] + (1 - mix[b]) * small[k]
            log_variance = {"small": small[k], "large": large[k], "learned": of_mix}[variance]
            expected = _textbook(x0[b], guess[b], x_t[b], schedule, k, log_variance)
            assert float(got[b]) == pytest.approx(expected, rel=1e-7, abs=1e-10), (variance, k)


@pytest.mark.parametrize("name", schedules())
def test_small_variance_is_half_the_difference_of_snr_times_the_error(name: str) -> None:
    """½ (SNR(t−1) − SNR(t)) ‖x_0 − x̂0‖²: Kingma et al. 2021, arXiv:2107.00630, eq. 14."""
    schedule = schedules()[name]
    t = torch.arange(2, 101)
    x0 = _random(99, 5)
    guess = x0 + 0.3 * _random(99, 5, seed=3)
    snr = schedule.log_snr.exp()
    expected = 0.5 * (snr[t - 1] - snr[t]) * (x0 - guess).square().sum(1)
    got = bound_term(Prediction(guess, guess), x0, _noisy(x0, schedule, t), schedule, t, "small")
    torch.testing.assert_close(got, expected, rtol=1e-7, atol=1e-10)


def test_variances_are_those_of_diffusers() -> None:
    """`DDPMScheduler._get_variance` for t ≥ 2 of ours; its network says o with v = (o + 1) / 2."""
    from diffusers import DDPMScheduler

    schedule = NoiseSchedule.linear(1000)
    x0, o = _random(1, 4), _random(1, 4, seed=9).clamp(-1, 1)
    for t in (2, 3, 57, 999, 1000):
        when = torch.tensor([t])
        x_t, guess = _noisy(x0, schedule, when), x0 + 0.2
        for ours, kind in (("small", "fixed_small"), ("large", "fixed_large"), ("learned", "learned_range")):
            theirs = DDPMScheduler(1000, 1e-4, 0.02, variance_type=kind)._get_variance(t - 1, o)
            log_variance = theirs.double() if kind == "learned_range" else theirs.double().log()
            got = bound_term(Prediction(guess, guess, (o + 1) / 2), x0, x_t, schedule, when, ours)
            expected = _textbook(x0[0], guess[0], x_t[0], schedule, t, log_variance)
            # Their tables are float32, and 1 − ᾱ has lost digits in them near t = 0.
            assert float(got) == pytest.approx(expected, rel=2e-3), (t, kind)


def test_terms_are_those_of_the_code_of_nichol_and_dhariwal() -> None:
    """`normal_kl` and `discretized_gaussian_log_likelihood` as in improved-diffusion, where β̃_2 stands for β̃_1.

    Their cumulative distribution is an approximation (tanh), good to 3e-4; their floor of 1e-12 is not reached here.
    """
    schedule = NoiseSchedule.cosine(50)
    t = torch.tensor([1, 1, 1, 2, 20, 50])
    x0 = _pictures(6, 3, 4, 4)
    x0[0, 0, 0], x0[1, 0, 0] = -1.0, 1.0
    # Off by about half the last step's standard deviation: no number is less likely than 1e-2.
    guess = x0 + 0.5 * schedule.posterior_variance[2].sqrt() * _random(6, 3, 4, 4, seed=4).clamp(-2, 2)
    mix, x_t = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(6)).double(), _noisy(x0, schedule, t)

    def cdf(x: Tensor) -> Tensor:
        return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    def decoder(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
        inv = torch.exp(-log_scale)
        plus, minus = cdf(inv * (x - mean + 1 / 255)), cdf(inv * (x - mean - 1 / 255))
        logs = [plus, 1 - minus, plus - minus]
        low, high, inside = (p.clamp(min=1e-12).log() for p in logs)
        return torch.where(x < -0.999, low, torch.where(x > 0.999, high, inside))

    def normal_kl(m1: Tensor, lv1: Tensor, m2: Tensor, lv2: Tensor) -> Tensor:
        return 0.5 * (-1 + lv2 - lv1 + torch.exp(lv1 - lv2) + (m1 - m2) ** 2 * torch.exp(-lv2))

    betas = schedule.beta[1:]
    ab = (1 - betas).cumprod(0)
    before = torch.cat([torch.ones(1).double(), ab[:-1]])
    posterior_variance = betas * (1 - before) / (1 - ab)
    clipped = torch.cat([posterior_variance[1:2], posterior_variance[1:]]).log()
    fixed_large = torch.cat([posterior_variance[1:2], betas[1:]]).log()

    def at(table: Tensor) -> Tensor:
        return table[t - 1].reshape(-1, 1, 1, 1)

    def mean(x: Tensor) -> Tensor:
        return at(betas * before.sqrt() / (1 - ab)) * x + at((1 - before) * (1 - betas).sqrt() / (1 - ab)) * x_t

    logs: dict[Variance, Tensor] = {
        "small": at(clipped),
        "large": at(fixed_large),
        "learned": mix * at(betas.log()) + (1 - mix) * at(clipped),
    }
    for variance, log_variance in logs.items():
        kl = normal_kl(mean(x0), at(clipped), mean(guess), log_variance)
        nll = -decoder(x0, mean(guess), 0.5 * log_variance)
        theirs = torch.where(t.reshape(-1, 1, 1, 1) == 1, nll, kl).flatten(1).sum(1)
        ours = bound_term(Prediction(guess, guess, mix), x0, x_t, schedule, t, variance)
        torch.testing.assert_close(ours[3:], theirs[3:], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(ours[:3], theirs[:3], rtol=5e-3, atol=0)


def test_the_learned_mix_runs_from_small_to_large() -> None:
    schedule, t = NoiseSchedule.cosine(30), torch.arange(1, 31)
    x0 = _pictures(30, 6)
    guess, x_t = x0 + 0.01 * _random(30, 6), _noisy(x0, schedule, t)

    def terms(variance: Variance, mix: float | None = None, decoder: Decoder = DISCRETISED) -> Tensor:
        v = None if mix is None else torch.full_like(x0, mix)
        return bound_term(Prediction(guess, guess, v), x0, x_t, schedule, t, variance, decoder)

    torch.testing.assert_close(terms("learned", 0.0), terms("small"), rtol=1e-12, atol=0)
    torch.testing.assert_close(terms("learned", 1.0)[1:], terms("large")[1:], rtol=1e-12, atol=0)
    torch.testing.assert_close(terms("learned", 1.0, DENSITY), terms("large", decoder=DENSITY), rtol=1e-12, atol=0)
    torch.testing.assert_close(terms("large")[0], terms("small")[0])  # both β̃_2, as in the papers' code
    assert bool((terms("learned", 0.5) - terms("small")).abs().amin() > 0)


def test_the_last_step_takes_the_variance_of_the_step_before_it() -> None:
    schedule = NoiseSchedule.linear(100)
    x0 = _pictures(1, 500)
    guess = x0 + 0.004 * _random(1, 500)
    std = schedule.posterior_variance[2].sqrt()
    expected = -DISCRETISED.log_prob(x0, guess, std.expand_as(x0)).sum()
    got = bound_term(Prediction(guess, guess), x0, x0, schedule, torch.tensor([1]), "small")
    torch.testing.assert_close(got[0], expected)


@pytest.mark.parametrize("decoder", [DISCRETISED, DENSITY])
@pytest.mark.parametrize("variance", ["small", "large", "learned"])
def test_a_schedule_of_one_step_has_a_bound(variance: Variance, decoder: Decoder) -> None:
    """Its only step has σ² = β_1, for there is no β̃_2."""
    schedule = NoiseSchedule.from_alpha_bar([1.0, 0.3])
    x0 = _pictures(2, 5)
    mix = torch.full_like(x0, 0.4)
    got = bound_term(Prediction(x0 + 0.1, x0, mix), x0, x0, schedule, torch.tensor([1, 1]), variance, decoder)
    expected = -decoder.log_prob(x0, x0 + 0.1, torch.full_like(x0, math.sqrt(0.7))).sum(1)
    torch.testing.assert_close(got, expected)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    t=st.lists(st.integers(1, 25), min_size=1, max_size=6),
    variance=st.sampled_from(["small", "large", "learned"]),
    decoder=st.sampled_from([DISCRETISED, DENSITY]),
)
def test_each_picture_has_a_term_of_its_own(
    shape: list[int], t: list[int], variance: Variance, decoder: Decoder
) -> None:
    """Any shape, all t in one batch: the same as one after the other, and as pixel after pixel added up."""
    schedule, when = NoiseSchedule.cosine(25), torch.tensor(t)
    x0 = _pictures(len(t), *shape, seed=len(t))
    guess, mix = x0 + 0.01 * _random(*x0.shape), _random(*x0.shape, seed=8)
    x_t = _noisy(x0, schedule, when)
    together = bound_term(Prediction(guess, guess, mix), x0, x_t, schedule, when, variance, decoder)
    assert together.shape == (len(t),)
    assert together.dtype == torch.float64
    for b in range(len(t)):
        parts = [part[b].reshape(-1, 1) for part in (guess, guess, mix, x0, x_t)]
        alone = bound_term(
            Prediction(*parts[:3]), parts[3], parts[4], schedule, when[b].expand(len(parts[0])), variance, decoder
        )
        torch.testing.assert_close(together[b], alone.sum(), rtol=1e-10, atol=1e-12)


def test_float32_pictures_keep_their_digits() -> None:
    schedule, t = NoiseSchedule.cosine(1000), torch.tensor([1, 2, 500, 1000])
    x0 = _pictures(4, 1, 8, 8)
    guess, x_t = (x0 + 0.003 * _random(*x0.shape)).float(), _noisy(x0, schedule, t).float()
    single = bound_term(Prediction(guess, guess), x0.float(), x_t, schedule, t, "small")
    double = bound_term(Prediction(guess.double(), guess.double()), x0, x_t.double(), schedule, t, "small")
    torch.testing.assert_close(single, double, rtol=2e-4, atol=0)


# --- the decoder of 256 levels ----------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(mean=st.floats(-50, 50) | st.floats(-1.01, 1.01) | st.sampled_from(LEVELS.tolist()), log10_std=st.floats(-13, 3))
def test_the_256_levels_have_all_the_probability(mean: float, log10_std: float) -> None:
    log_p = DISCRETISED.log_prob(LEVELS, torch.full_like(LEVELS, mean), torch.full_like(LEVELS, 10**log10_std))
    assert bool(log_p.isfinite().all())
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("std", [1e-6, 1e-3, 0.0045, 0.05, 1.0, 20.0])
@pytest.mark.parametrize("mean", [-1.0, -0.9961, 0.0, 0.4, 1.3, -7.0])
def test_probabilities_have_all_their_digits_far_out_too(mean: float, std: float) -> None:
    """Against 60 digits: log[Φ(b) − Φ(a)], by the tail that is small."""
    mpmath.mp.dps = 60
    levels = [0, 1, 2, 100, 127, 128, 178, 253, 254, 255]
    x0 = LEVELS[levels]
    got = DISCRETISED.log_prob(x0, torch.full_like(x0, mean), torch.full_like(x0, std))
    for level, value in zip(levels, got.tolist(), strict=True):
        low, high = ((mpmath.mpf(2 * level + side) / 255 - 1 - mean) / std for side in (-1, 1))
        low, high = (-mpmath.inf if level == 0 else low), (mpmath.inf if level == 255 else high)
        low, high = (-high, -low) if low > 0 else (low, high)
        expected = mpmath.log(mpmath.ncdf(high) - mpmath.ncdf(low))
        assert value == pytest.approx(float(expected), rel=1e-8, abs=1e-9), level


def test_a_sure_decoder_says_the_level_and_nothing_else() -> None:
    log_p = DISCRETISED.log_prob(LEVELS, LEVELS, torch.full_like(LEVELS, 1e-5))
    torch.testing.assert_close(log_p, torch.zeros(256).double())
    assert float(DISCRETISED.log_prob(LEVELS[:1], LEVELS[1:2], torch.tensor([1e-5]).double())) < -1e4


def test_gradients_of_the_decoder_are_finite_and_right() -> None:
    x0 = LEVELS[[0, 0, 3, 128, 200, 254, 255, 255]]
    mean = (x0 + torch.tensor([0.3, -0.4, 0.002, 0.0, -0.01, 0.5, 0.2, -0.1])).requires_grad_()
    log_std = torch.full((8,), math.log(0.01), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m, s: DISCRETISED.log_prob(x0, m, s.exp()), (mean, log_std), atol=1e-3)
    far = torch.full((8,), 40.0, dtype=torch.float64, requires_grad=True)
    DISCRETISED.log_prob(x0, far, torch.full_like(x0, 1e-4)).sum().backward()
    assert bool(far.grad.isfinite().all())


def test_the_density_is_the_normal_law() -> None:
    x, mean, std = _random(20), _random(20, seed=1), _random(20, seed=2).exp()
    torch.testing.assert_close(DENSITY.log_prob(x, mean, std), Normal(mean, std).log_prob(x))


# --- the sum against entropies ----------------------------------------------------------------------------------------


def _expected_bound(
    error: Tensor, second_moment: float, schedule: NoiseSchedule, variance: Variance, mix: Tensor | None = None
) -> float:
    """The bound of continuous one-dimensional data, in nats and without L_T's sampling: exact.

    Args:
        error: E(x_0 − x̂0)² at t = 1 … T.
        second_moment: E x_0².
        mix: v at t = 1 … T.
    """
    t = torch.arange(1, schedule.T + 1)
    x0, x_t = torch.zeros(schedule.T, 1).double(), torch.zeros(schedule.T, 1).double()
    prediction = Prediction(error.sqrt()[:, None], x0, None if mix is None else mix[:, None])
    terms = bound_term(prediction, x0, x_t, schedule, t, variance, DENSITY)
    return float(terms.sum() + prior_term(torch.tensor([[second_moment**0.5]]).double(), schedule)[0])


def _gaussian_error(std: float, schedule: NoiseSchedule) -> Tensor:
    """Var(x_0 | x_t) = s² (1 − ᾱ) / (ᾱ s² + 1 − ᾱ) at t = 1 … T."""
    level = schedule.level(torch.arange(1, schedule.T + 1))
    return std**2 * level.variance / (level.alpha_bar * std**2 + level.variance)


def _entropy(std: float) -> float:
    return 0.5 * math.log(2 * math.pi * math.e * std**2)


def _end_gap(mean: float, std: float, schedule: NoiseSchedule) -> float:
    """KL( q(x_T) ‖ N(0, 1) ): what it costs to start from N(0, 1), whatever the steps are."""
    ab = schedule.alpha_bar[-1]
    last = Normal(ab.sqrt() * mean, (ab * std**2 + 1 - ab).sqrt())
    return float(kl_divergence(last, Normal(torch.zeros(()).double(), torch.ones(()).double())))


def _log_snr_schedule(T: int, start: float = 10.0, end: float = -10.0) -> NoiseSchedule:
    """Even in log-SNR: unlike the usual ones, its first level stays where it is when T grows."""
    log_snr = torch.linspace(start, end, T, dtype=torch.float64)
    return NoiseSchedule.from_alpha_bar(torch.cat([torch.ones(1).double(), torch.sigmoid(log_snr)]))


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 100, 1000])
@pytest.mark.parametrize("name", ["linear", "cosine", "sigmoid"])
def test_meets_the_entropy_of_the_normal_law_at_any_number_of_steps(name: str, steps: int) -> None:
    """For N(0, 1) every reverse step is N(√α x_t, β): with the large variance the model *is* the chain, and nothing is lost."""
    schedule = getattr(NoiseSchedule, name)(steps)
    bound = _expected_bound(_gaussian_error(1.0, schedule), 1.0, schedule, "large")
    assert bound == pytest.approx(_entropy(1.0), abs=1e-9)


@pytest.mark.parametrize("name", schedules())
@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (0.7, 0.2), (-1.0, 2.5)])
def test_with_the_right_learned_variance_only_the_end_is_lost(mean: float, std: float, name: str) -> None:
    """The reverse steps of any Gaussian are Gaussian, with variance β V_{t−1} / V_t: with that v the bound is
    entropy + KL(q(x_T) ‖ N(0, 1)), exactly, at any T."""
    schedule = schedules(20)[name]
    now, to = (schedule.level(torch.arange(k, 20 + k)) for k in (1, 0))
    spread = [level.alpha_bar * std**2 + level.variance for level in (now, to)]
    wanted = (schedule.beta[1:] * spread[1] / spread[0]).log()
    small = schedule.posterior_variance[[2, *range(2, 21)]].log()
    mix = (wanted - small) / (schedule.beta[1:].log() - small)
    bound = _expected_bound(_gaussian_error(std, schedule), mean**2 + std**2, schedule, "learned", mix)
    assert bound == pytest.approx(_entropy(std) + _end_gap(mean, std, schedule), abs=1e-9)


def _order(gaps: dict[int, float]) -> float:
    """The slope of log gap over log T between the two finest."""
    (t1, g1), (t2, g2) = sorted(gaps.items())[-2:]
    return math.log(g2 / g1) / math.log(t2 / t1)


@pytest.mark.parametrize(("mean", "std"), [(0.7, 0.4), (-1.0, 2.0)])
@pytest.mark.parametrize("variance", FIXED)
def test_falls_to_the_entropy_of_a_gaussian_in_the_order_of_1_over_T(
    variance: Variance, mean: float, std: float
) -> None:
    gaps = {}
    for T in (50, 100, 200, 400, 800):
        schedule = _log_snr_schedule(T)
        bound = _expected_bound(_gaussian_error(std, schedule), mean**2 + std**2, schedule, variance)
        gaps[T] = bound - _entropy(std) - _end_gap(mean, std, schedule)
        assert gaps[T] > 0
    assert _order(gaps) == pytest.approx(-1, abs=0.15)
    assert 2 * gaps[800] - gaps[400] == pytest.approx(0, abs=2e-3)  # what is left at 1/T = 0


@pytest.mark.parametrize("variance", FIXED)
def test_falls_to_the_entropy_of_a_mixture_in_the_order_of_1_over_T(variance: Variance) -> None:
    means, prior, std = torch.tensor([-0.8, 0.1, 0.9]).double(), torch.tensor([0.3, 0.5, 0.2]).double(), 0.15
    exact = ExactDenoiser(means[:, None], std=std, prior=prior)
    second_moment = float((prior * means**2).sum()) + std**2
    grid = torch.linspace(-9, 9, 12_001, dtype=torch.float64)
    width = float(grid[1] - grid[0])

    def density(alpha_bar: Tensor) -> Tensor:
        at = Normal(alpha_bar.sqrt() * means, (alpha_bar * std**2 + 1 - alpha_bar).sqrt())
        return (at.log_prob(grid[:, None]).exp() * prior).sum(1)

    p = density(torch.ones(()).double())
    entropy = -float(torch.xlogy(p, p).sum()) * width
    gaps = {}
    for T in (40, 80, 160):
        schedule = _log_snr_schedule(T)
        seen = [
            float((density(schedule.alpha_bar[t]) * exact(grid[:, None], schedule.level(t)).x0[:, 0] ** 2).sum())
            * width
            for t in range(1, T + 1)
        ]
        error = second_moment - torch.tensor(seen, dtype=torch.float64)
        last = density(schedule.alpha_bar[-1])
        normal = Normal(torch.zeros(()).double(), torch.ones(()).double())
        end = float((torch.xlogy(last, last) - last * normal.log_prob(grid)).sum()) * width
        gaps[T] = _expected_bound(error, second_moment, schedule, variance) - entropy - end
        assert gaps[T] > 0
    assert _order(gaps) == pytest.approx(-1, abs=0.15)


@pytest.mark.parametrize("variance", FIXED)
def test_pictures_of_256_levels_fall_to_their_entropy_in_the_order_of_1_over_T(variance: Variance) -> None:
    """Eleven levels with the exact denoiser, noise integrated on a grid; the first level of noise is far below 2/255."""
    x0 = LEVELS[123:134]
    p = torch.tensor([1, 5, 2, 9, 8, 4, 6, 2, 3, 1, 1]).double()
    p /= p.sum()
    u = torch.linspace(-8, 8, 301, dtype=torch.float64)
    weight = p[:, None] * torch.exp(-(u**2) / 2) / torch.exp(-(u**2) / 2).sum()
    exact = ExactDenoiser(x0[:, None], prior=p)
    pictures = x0[:, None].expand_as(weight).reshape(-1, 1)
    noise = u.expand_as(weight).reshape(-1, 1)
    gaps = {}
    for T in (50, 100, 200):
        schedule = _log_snr_schedule(T, 15.0)
        gaps[T] = float((prior_term(x0[:, None], schedule) * p).sum() + torch.xlogy(p, p).sum())
        for t in range(1, T + 1):
            level, when = schedule.level(t), torch.full((len(pictures),), t)
            x_t = diffuse(pictures, level, noise)
            terms = bound_term(exact(x_t, level), pictures, x_t, schedule, when, variance)
            gaps[T] += float((terms * weight.reshape(-1)).sum())
        assert gaps[T] > 0
    assert _order(gaps) == pytest.approx(-1, abs=0.15)


def test_the_small_variance_never_reaches_the_entropy_where_the_first_steps_are_all_alike() -> None:
    """A fact about the usual schedules, not a slip: at β alike near t = 0, β / β̃ = t / (t−1) at any T, and what that costs,
    Σ ½ (1/(t−1) − log t/(t−1)), does not shrink. It tends to half of Euler's constant, 0.29 nats (0.42 bits) a number."""
    costs = []
    for T in (1000, 10_000, 100_000):
        schedule = NoiseSchedule.linear(T)
        ratio = schedule.beta[2:] / schedule.posterior_variance[2:]
        costs.append(float(0.5 * (ratio - 1 - ratio.log()).sum()))
        bound = _expected_bound(_gaussian_error(1.0, schedule), 1.0, schedule, "small")
        assert bound - _entropy(1.0) == pytest.approx(costs[-1], abs=1e-8)
    assert costs[-1] == pytest.approx(EULER / 2, abs=1e-2)


def test_the_large_variance_never_reaches_the_entropy_of_a_picture_that_is_known() -> None:
    """Nor does the large one where x_0 is known: with x̂0 = x_0 the small one costs nothing and the large one
    Σ ½ (log t/(t−1) − 1/t), which tends to ½ (1 − γ), 0.21 nats a number."""
    schedule = NoiseSchedule.linear(100_000)
    t = torch.arange(2, schedule.T + 1)
    x = torch.zeros(len(t), 1).double()
    small, large = (float(bound_term(Prediction(x, x), x, x, schedule, t, variance).sum()) for variance in FIXED)
    assert small == pytest.approx(0, abs=1e-9)
    assert large == pytest.approx((1 - EULER) / 2, abs=1e-2)


def test_what_is_left_at_the_end() -> None:
    x0 = _random(5, 3, 2)
    for name, schedule in schedules().items():
        ab = schedule.alpha_bar[-1]
        at_T = Normal(ab.sqrt() * x0, (1 - ab).sqrt())
        expected = kl_divergence(at_T, Normal(torch.zeros(()).double(), torch.ones(()).double())).flatten(1).sum(1)
        torch.testing.assert_close(prior_term(x0, schedule), expected, rtol=1e-6, atol=1e-12, msg=name)
    assert bool((prior_term(x0, NoiseSchedule.cosine(50).with_zero_terminal_snr()) == 0).all())


def test_zero_terminal_snr_has_a_finite_bound() -> None:
    schedule = NoiseSchedule.cosine(20).with_zero_terminal_snr()
    bound = _expected_bound(_gaussian_error(1.0, schedule), 1.0, schedule, "large")
    assert bound == pytest.approx(_entropy(1.0), abs=1e-9)


# --- which denoiser has the lower bound -------------------------------------------------------------------------------


@pytest.mark.parametrize("variance", FIXED)
def test_nobody_has_a_lower_bound_than_the_exact_denoiser(variance: Variance) -> None:
    schedule, t = NoiseSchedule.cosine(40), torch.arange(1, 41).repeat_interleave(4000)
    x0 = 0.3 + 0.5 * _random(len(t), 1)
    level, x_t = schedule.level(t), _noisy(x0, schedule, t)

    def total(denoiser: Denoiser) -> float:
        return float(bound_term(denoiser(x_t, level), x0, x_t, schedule, t, variance, DENSITY).sum() / 4000)

    exact = total(gaussian(0.3, 0.5))
    assert all(total(worse) > exact for worse in (gaussian(0.1, 0.5), gaussian(0.3, 0.35), gaussian(0.3, 0.7)))


def test_clipping_to_the_range_of_the_data_costs_nothing_before_the_last_step() -> None:
    """x_0 lies in the range, so x̂0 comes closer to it when it is clipped. Only at t = 1 may it be well to overshoot: the
    outermost bins reach to infinity."""
    schedule, t = NoiseSchedule.cosine(40), torch.randint(2, 41, (300,), generator=torch.Generator().manual_seed(0))
    x0 = _pictures(300, 7)
    level, x_t = schedule.level(t), _noisy(x0, schedule, t)
    wild = ExactDenoiser(torch.zeros(1, 7).double(), std=3.0)
    free, clipped = (bound_term(d(x_t, level), x0, x_t, schedule, t, "small") for d in (wild, Clipped(wild)))
    assert bool((clipped <= free + 1e-9).all())
    assert float(clipped.sum()) < float(free.sum())

    last, white = torch.tensor([1]), torch.ones(1, 1).double()
    at, beyond = (bound_term(Prediction(x, x), white, white, schedule, last, "small") for x in (white, 1.5 * white))
    assert float(beyond) < float(at)


# --- gradients --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decoder", [DISCRETISED, DENSITY])
def test_gradients_reach_the_variance_and_what_is_detached_stays_alone(decoder: Decoder) -> None:
    schedule, t = NoiseSchedule.cosine(50), torch.tensor([1, 2, 25, 50])
    x0 = _pictures(4, 3)
    guess = (x0 + 0.02).requires_grad_()
    mix = torch.full_like(x0, 0.5).requires_grad_()
    x_t = _noisy(x0, schedule, t)

    def terms(guess: Tensor, mix: Tensor) -> Tensor:
        return bound_term(Prediction(guess, guess, mix), x0, x_t, schedule, t, "learned", decoder)

    terms(guess.detach(), mix).sum().backward()
    assert guess.grad is None
    assert mix.grad is not None
    assert bool((mix.grad != 0).all())
    assert torch.autograd.gradcheck(terms, (guess, mix), atol=1e-3, rtol=1e-3)


def test_the_learned_variance_finds_the_variance_that_is_right() -> None:
    """The gradient of the mean over draws is 0 where σ² = E(μ̃ − μ)² + β̃, and nowhere else: for N(0, 1) at v = 1."""
    schedule = NoiseSchedule.cosine(50)
    error = _gaussian_error(1.0, schedule)
    mix = torch.ones(50, 1, dtype=torch.float64, requires_grad=True)
    x0, t = torch.zeros(50, 1).double(), torch.arange(1, 51)
    for at, sign in ((1.0, 0), (0.8, -1), (1.2, 1)):
        mix.data.fill_(at)
        terms = bound_term(Prediction(error.sqrt()[:, None], x0, mix), x0, x0, schedule, t, "learned", DENSITY)
        (slope,) = torch.autograd.grad(terms.sum(), mix)
        # Near T, β and β̃ are nearly the same and v hardly counts.
        assert bool((slope.sign() == sign).all()) if sign else float(slope.abs().max()) < 1e-10


def test_the_hybrid_loss_teaches_the_variance_by_the_bound_alone() -> None:
    """Nichol & Dhariwal 2021, section 3.1: L_vlb reaches the variance only, L_simple the rest only."""

    class Net(torch.nn.Module):
        def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None) -> Tensor:
            raise NotImplementedError

    schedule = NoiseSchedule.cosine(30)
    denoiser = NetDenoiser(Net(), schedule, Velocity(), learned_variance=True)
    loss = DenoisingLoss(denoiser, weights("plain", schedule, Velocity()), 0.001)
    t = torch.tensor([1, 2, 15, 30])
    x0, noise = _pictures(4, 1, 4, 4).float(), _random(4, 1, 4, 4).float()
    level = schedule.level(t)
    batch = Noised(x0, None, noise, t, level, diffuse(x0, level, noise))
    output = torch.cat([_random(4, 1, 4, 4, seed=k) for k in (2, 3)], 1).float().requires_grad_()
    (slope,) = torch.autograd.grad(loss.bound(output, batch).sum(), output)
    assert bool((slope[:, :1] == 0).all())
    assert bool((slope[:, 1:] != 0).all())


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("t", "variance", "said"),
    [
        (torch.tensor([0, 1]), "small", "1 … 10"),
        (torch.tensor([11, 1]), "small", "1 … 10"),
        (torch.tensor([1]), "small", "2 whole numbers"),
        (torch.tensor(3), "small", "2 whole numbers"),
        (torch.tensor([1.0, 2.0]), "small", "whole numbers"),
        (torch.tensor([1, 2]), "zero", "no bound"),
        (torch.tensor([2, 3]), "zero", "no bound"),
        (torch.tensor([1, 2]), "learned", "no learned variance"),
    ],
)
def test_what_has_no_bound_is_one_sentence(t: Tensor, variance: Variance, said: str) -> None:
    x0 = _pictures(2, 3)
    with pytest.raises(ValueError, match=said) as problem:
        bound_term(Prediction(x0, x0), x0, x0, NoiseSchedule.cosine(10), t, variance)
    assert len(str(problem.value).splitlines()) == 1
