"""The law of what samplers draw, against what is known of it: every sampler × schedule × target.

On normal data every sampler here is linear in x and in its noise, so that the mean and the variance of its output follow by
recursion, without a single draw: those tests are exact, and see a wrong coefficient that no number of samples would show.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
import torch

from engine.denoiser import NetDenoiser
from engine.ideal import ExactDenoiser
from engine.process import TARGETS, Prediction, posterior_variance
from engine.samplers import DDIM, Ancestral, DPMSolver2M, Heun, PreviousStep, Sampler
from engine.schedule import SPACINGS, Level, NoiseSchedule

from laws import SAMPLERS, PerfectNet, affine, fresh, gaussian, law_along, law_of_samples, levels, schedules, walk

SCHEDULES = schedules()
EVERY_SAMPLER = pytest.mark.parametrize("name", list(SAMPLERS))
EVERY_SCHEDULE = pytest.mark.parametrize("schedule", list(SCHEDULES))
EVERY_TARGET = pytest.mark.parametrize("target", list(TARGETS))
EVERY_SPACING = pytest.mark.parametrize("spacing", list(SPACINGS))
DRAWS = 20_000
STEPS = 50


def _by_the_papers(name: str, a_t: float, a_s: float, mean: float, std: float) -> tuple[float, float, float]:
    """x_s = A x_t + B + C z on N(mean, std²), in plain numbers, from the formulas as they are printed."""
    # E[x_0 | x_t] = k x_t + l
    k = math.sqrt(a_t) * std**2 / (a_t * std**2 + 1 - a_t)
    l = mean - k * math.sqrt(a_t) * mean  # noqa: E741
    alpha = a_t / a_s
    small, large = (1 - a_s) / (1 - a_t) * (1 - alpha), 1 - alpha
    if name.startswith("ddpm"):  # Ho et al. 2020, eq. 7 and algorithm 2
        of_x0, of_x = math.sqrt(a_s) * (1 - alpha) / (1 - a_t), math.sqrt(alpha) * (1 - a_s) / (1 - a_t)
        variance = {"small": small, "large": large, "zero": 0.0}[name.split()[1]]
        return of_x0 * k + of_x, of_x0 * l, math.sqrt(variance) if a_s < 1 else 0.0
    rho_t, rho_s = math.sqrt((1 - a_t) / a_t), math.sqrt((1 - a_s) / a_s)
    if name == "heun" and rho_s > rho_t / 4:  # Karras et al. 2022, algorithm 1: dx = ε dσ in x/√ᾱ and σ = √((1−ᾱ)/ᾱ)

        def epsilon(x: float, rho: float) -> float:  # (x − E[x_0 | x]) / σ where x = x_0 + σ ε
            return (x - (std**2 * x + rho**2 * mean) / (std**2 + rho**2)) / rho

        def heun(x_t: float) -> float:
            x = x_t / math.sqrt(a_t)
            here = epsilon(x, rho_t)
            there = epsilon(x + (rho_s - rho_t) * here, rho_s)
            return math.sqrt(a_s) * (x + (rho_s - rho_t) * (here + there) / 2)

        return heun(1) - heun(0), heun(0), 0.0
    eta = 0.0 if name == "heun" else float(name.split()[1])  # the first step of DPM-Solver++ 2M is one of DDIM
    sigma = eta * math.sqrt((1 - a_s) / (1 - a_t)) * math.sqrt(1 - a_t / a_s)  # Song et al., eq. 16
    direction = math.sqrt(max(1 - a_s - sigma**2, 0)) / math.sqrt(1 - a_t)  # eq. 12
    of_x0 = math.sqrt(a_s) - direction * math.sqrt(a_t)
    return of_x0 * k + direction, of_x0 * l, sigma


@EVERY_SAMPLER
@EVERY_SCHEDULE
@pytest.mark.parametrize("steps", [100, 7])
def test_each_step_has_the_papers_coefficients(name: str, schedule: str, steps: int) -> None:
    s, exact = SCHEDULES[schedule], gaussian(0.4, 0.6)
    for t, to in pairwise(s.timesteps(steps)):
        expected = _by_the_papers(name, float(s.alpha_bar[t]), float(s.alpha_bar[to]), 0.4, 0.6)
        got = affine(exact, SAMPLERS[name], s.level(t), s.level(to))
        assert got == pytest.approx(expected, rel=1e-8, abs=1e-8), f"step {t} -> {to}"


@EVERY_SCHEDULE
@pytest.mark.parametrize("spacing", list(SPACINGS))
def test_dpm_solver_extrapolates_as_its_paper_says(schedule: str, spacing: str) -> None:
    """Lu et al. 2022, algorithm 2: x_s = σ_s/σ_t x_t − α_s (e^−h − 1) D, D = (1 + 1/2r) x̂0 − 1/2r x̂0 before, r = h before / h.

    And SDE-DPM-Solver++ 2M: x_s = σ_s/σ_t e^−h x_t + α_s (1 − e^−2h) D + σ_s √(1 − e^−2h) z.
    """
    s, exact = SCHEDULES[schedule], gaussian(0.4, 0.6)
    x, z = torch.tensor([[-1.3], [0.2], [2.0]]).double(), torch.tensor([[0.7], [-0.1], [1.1]]).double()
    path = list(levels(s, 12, spacing))[:-1]
    for (earlier, now), (_, to) in pairwise(path):
        lam = [float(level.log_snr) / 2 for level in (earlier, now, to)]
        h, r = lam[2] - lam[1], (lam[1] - lam[0]) / (lam[2] - lam[1])
        alpha, sigma, sigma_t = float(to.alpha_bar.sqrt()), float(to.variance.sqrt()), float(now.variance.sqrt())
        previous = PreviousStep(earlier, exact(x - 0.5, earlier))
        d = (1 + 1 / (2 * r)) * exact(x, now).x0 - 1 / (2 * r) * previous.prediction.x0
        ode = sigma / sigma_t * x - alpha * math.expm1(-h) * d
        sde = (
            sigma / sigma_t * math.exp(-h) * x
            - alpha * math.expm1(-2 * h) * d
            + sigma * math.sqrt(-math.expm1(-2 * h)) * z
        )
        for sampler, expected in ((DPMSolver2M(), ode), (DPMSolver2M(1.0), sde)):
            got, _ = sampler.step(lambda x, level: exact(x, level), x, now, to, lambda: z, previous)
            torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


@EVERY_SAMPLER
@EVERY_SCHEDULE
@EVERY_TARGET
@EVERY_SPACING
def test_law_on_normal_data(name: str, schedule: str, target: str, spacing: str) -> None:
    """20,000 draws through a network of each kind: within 4 standard errors of the law that the recursion predicts."""
    s, exact = SCHEDULES[schedule], gaussian(0.4, 0.6)
    net = NetDenoiser(PerfectNet(exact, s, TARGETS[target]), s, TARGETS[target])
    mean, variance = _predicted(name, schedule, spacing)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(DRAWS, 1, generator=generator).double()
    x = walk(net, levels(s, STEPS, spacing), SAMPLERS[name], start, fresh(generator))
    assert float(x.mean()) == pytest.approx(mean, abs=4 * (variance / DRAWS) ** 0.5)
    assert float(x.var()) == pytest.approx(variance, rel=4 * (2 / DRAWS) ** 0.5)


@cache
def _predicted(name: str, schedule: str, spacing: str) -> tuple[float, float]:
    return law_of_samples(gaussian(0.4, 0.6), SCHEDULES[schedule], SAMPLERS[name], STEPS, spacing)


@EVERY_SAMPLER
@EVERY_SCHEDULE
@EVERY_SPACING
def test_fifty_steps_come_near_the_data(name: str, schedule: str, spacing: str) -> None:
    """What the recursion predicts for 50 steps of 100 is itself near N(0.4, 0.6²); samplers of order 2 are nearer than DDIM.

    The latter where the steps are even. Others leap at the noisy end, where a mean over the leap is worse than its beginning.
    """
    if name == "ddpm zero":
        return  # which draws no spread at all, as the test further down shows
    mean, variance = _predicted(name, schedule, spacing)
    assert mean == pytest.approx(0.4, abs=0.4 * float(SCHEDULES[schedule].alpha_bar[-1]) ** 0.5 + 1e-9)
    assert variance == pytest.approx(0.36, rel=0.5 if name == "ddpm large" else 0.2)
    if name in ("heun", "dpm++2m 0") and spacing == "uniform":
        assert abs(variance - 0.36) < abs(_predicted("ddim 0", schedule, spacing)[1] - 0.36)


@EVERY_SAMPLER
@EVERY_SCHEDULE
def test_many_steps_bring_out_the_data(name: str, schedule: str) -> None:
    """As T grows the law becomes N(0.4, 0.6²), with an error of order 1/T; drawing no noise at all never gets there."""
    s = schedules(400)[schedule]
    mean, variance = law_of_samples(gaussian(0.4, 0.6), s, SAMPLERS[name], 400)
    # x_T ~ N(0, I) rather than N(√ᾱ_T m, …) is all that shifts the mean, and it is forgotten on the way.
    assert mean == pytest.approx(0.4, abs=0.4 * float(s.alpha_bar[-1]) ** 0.5 + 1e-9)
    if name == "ddpm zero":
        assert variance < 0.2 * 0.36
    else:
        assert variance == pytest.approx(0.36, rel=0.05)


@EVERY_SCHEDULE
def test_without_noise_ancestral_sampling_ends_at_the_mean(schedule: str) -> None:
    """Chained conditional means are one conditional mean: what comes out is E[x_0 | x_T], whatever the number of steps.

    That is nearly constant. It is not DDIM, which keeps the spread.
    """
    s = SCHEDULES[schedule]
    a = float(s.alpha_bar[-1])
    slope = a**0.5 * 0.36 / (a * 0.36 + 1 - a)
    for steps in (2, 20, 100):
        mean, variance = law_of_samples(gaussian(0.4, 0.6), s, Ancestral("zero"), steps)
        assert variance == pytest.approx(slope**2, rel=1e-9)
        assert mean == pytest.approx(0.4 - slope * a**0.5 * 0.4, rel=1e-9)
    assert slope**2 < 0.01 * 0.36
    assert _predicted("ddim 0", schedule, "uniform")[1] > 0.9 * 0.36


@EVERY_SCHEDULE
@pytest.mark.parametrize("name", ["ddpm small", "ddim 0", "ddim 0.5", "ddim 1"])
def test_on_one_point_every_level_is_met_exactly(name: str, schedule: str) -> None:
    """Ho et al. 2020, section 3.2 (β̃ is right where x_0 is known) and Song et al. 2021, lemma 1, for any eta."""
    s, point = SCHEDULES[schedule], ExactDenoiser(torch.tensor([[0.7]], dtype=torch.float64))
    for now, to in levels(s, 20):
        a, b, c = affine(point, SAMPLERS[name], now, to)
        assert a * 0.7 * float(now.alpha_bar) ** 0.5 + b == pytest.approx(0.7 * float(to.alpha_bar) ** 0.5, abs=1e-9)
        assert a * a * float(now.variance) + c * c == pytest.approx(float(to.variance), abs=1e-9)


@EVERY_SCHEDULE
def test_on_standard_normal_data_the_large_variance_is_exact(schedule: str) -> None:
    """Ho et al. 2020, section 3.2: β is right for x_0 ~ N(0, I): every x_t is N(0, I), and each step keeps it."""
    for now, to in list(levels(SCHEDULES[schedule], 20))[:-1]:
        a, b, c = affine(gaussian(0, 1), Ancestral("large"), now, to)
        assert b == pytest.approx(0, abs=1e-12)
        assert a * a + c * c == pytest.approx(1, abs=1e-12)
        a, _, c = affine(gaussian(0, 1), Ancestral("small"), now, to)
        assert a * a + c * c < 1


@EVERY_SCHEDULE
@pytest.mark.parametrize("eta", [0.0, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("kind", [DDIM, DPMSolver2M])
def test_noise_of_a_step_is_eta_times_the_posteriors_std(
    schedule: str, eta: float, kind: type[DDIM | DPMSolver2M]
) -> None:
    s = SCHEDULES[schedule]
    for t in (2, 5, 50, 100):
        _, _, c = affine(gaussian(0.4, 0.6), kind(eta), s.level(t), s.level(t - 1))
        assert abs(c) == pytest.approx(eta * float(s.posterior_variance[t]) ** 0.5, rel=1e-8)


@EVERY_SCHEDULE
def test_eta_1_is_ddpm(schedule: str) -> None:
    for now, to in levels(SCHEDULES[schedule], 17):
        ddim, ddpm = (affine(gaussian(0.4, 0.6), sampler, now, to) for sampler in (DDIM(1.0), Ancestral("small")))
        assert ddim == pytest.approx(ddpm, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("sampler", "order", "to_the_end"),
    [(DDIM(), 1, False), (Heun(), 2, False), (DPMSolver2M(), 2, False), (DDIM(), 1, True), (Heun(), 2, True)],
    ids=str,
)
def test_order_of_convergence(sampler: Sampler, order: int, to_the_end: bool) -> None:
    """The end point against the exact solution of the ODE, on N(0, s²): x_s = x_t · √((ᾱ_s s² + 1 − ᾱ_s) / (ᾱ_t s² + 1 − ᾱ_t)).

    Halving the steps must divide the error by 2 to the power of the order. Between two noisy levels, and down to the clean
    picture, where the last step is of order 1 but short: here σ falls evenly to 0. (There DPM-Solver++ 2M cannot have its
    order quite, for its steps are even in λ = log √ᾱ/σ, and the last ones never become short in that.)
    """
    sigma = torch.linspace(0, 0.8, 2049).double()
    s, std, cut = NoiseSchedule.from_alpha_bar(1 - sigma**2), 0.5, 0 if to_the_end else 256

    def spread(t: int) -> float:
        a = float(s.alpha_bar[t])
        return math.sqrt(a * std**2 + 1 - a)

    errors = []
    for steps in (32, 64, 128, 256):
        times = torch.linspace(2048, cut, steps + 1).round().int().tolist()
        path = [(s.level(now), s.level(to)) for now, to in pairwise(times)]
        end = walk(gaussian(0, std), path, sampler, torch.ones(1, 1).double(), lambda *_: torch.zeros(1, 1).double())
        errors.append(abs(float(end) - spread(cut) / spread(2048)))
    slopes = [math.log2(a / b) for a, b in pairwise(errors)]
    assert slopes[-1] == pytest.approx(order, abs=0.15), slopes
    assert sum(slopes) / len(slopes) == pytest.approx(order, abs=0.15), slopes


@pytest.mark.parametrize(
    ("sampler", "order"),
    [
        (Ancestral("small"), 1),
        (Ancestral("large"), 1),
        (DDIM(0.5), 1),
        (DDIM(1.0), 1),
        (DPMSolver2M(0.5), 2),
        (DPMSolver2M(1.0), 2),
    ],
    ids=str,
)
def test_order_of_convergence_of_the_law(sampler: Sampler, order: int) -> None:
    """With fresh noise at every step it is the law that converges: its variance on N(0, s²), begun with the right one.

    Only the stochastic DPM-Solver++ 2M does so with order 2; with its D as plain x̂0 it is DDPM, of order 1.
    """
    sigma = torch.linspace(0, 0.8, 4097).double()
    s, std = NoiseSchedule.from_alpha_bar(1 - sigma**2), 0.5

    def variance(t: int) -> float:
        a = float(s.alpha_bar[t])
        return a * std**2 + 1 - a

    errors = []
    for steps in (32, 64, 128, 256):
        times = torch.linspace(4096, 512, steps + 1).round().int().tolist()
        path = [(s.level(now), s.level(to)) for now, to in pairwise(times)]
        _, got = law_along(gaussian(0, std), path, sampler, variance=variance(4096))
        errors.append(abs(got - variance(512)))
    slopes = [math.log2(a / b) for a, b in pairwise(errors)]
    assert slopes == pytest.approx([order] * 3, abs=0.15)


@EVERY_SCHEDULE
@pytest.mark.parametrize(("mean", "std"), [(0.4, 0.6), (0.0, 1.0), (-1.0, 0.1)])
def test_with_the_right_learned_variance_every_level_is_met_exactly(schedule: str, mean: float, std: float) -> None:
    """Reverse steps of N(m, s²) are normal with variance β V_{t−1} / V_t, V_t = ᾱ s² + 1 − ᾱ: exact in however few steps.

    As the v of Nichol & Dhariwal 2021, eq. 15. Neither of the fixed variances does it, unless the data are N(0, 1).
    """
    s, exact = schedules(12)[schedule], gaussian(mean, std)

    def spread(level: Level) -> torch.Tensor:
        return level.alpha_bar * std**2 + level.variance

    def learned(x: torch.Tensor, now: Level, label: torch.Tensor | None = None) -> Prediction:
        t = round(float(s.t_of(now)))
        to = s.level(t - 1)
        small, large = posterior_variance(now, to).log(), s.beta[t].log()
        wanted = (s.beta[t] * spread(to) / spread(now)).log()
        return replace(exact(x, now), variance_mix=((wanted - small) / (large - small)).expand_as(x))

    path, last = list(levels(s, 12))[:-1], s.level(12)
    begin = float(last.alpha_bar) ** 0.5 * mean, float(spread(last))
    for k in range(1, len(path) + 1):
        to = path[k - 1][1]
        got = law_along(learned, path[:k], Ancestral("learned"), *begin)
        assert got == pytest.approx((float(to.alpha_bar) ** 0.5 * mean, float(spread(to))), rel=1e-9, abs=1e-12)
    if std != 1:
        for fixed in ("small", "large"):
            off = law_along(exact, path, Ancestral(fixed), *begin)[1]  # type: ignore[arg-type]
            assert abs(off / float(spread(s.level(1))) - 1) > 1e-3


@pytest.mark.parametrize("sampler", [DDIM(), Heun(), DPMSolver2M(), Ancestral("zero")], ids=str)
def test_without_noise_a_sampler_is_one_smooth_map_of_its_start(sampler: Sampler) -> None:
    def never() -> torch.Tensor:
        raise AssertionError("a deterministic sampler draws nothing")

    for now, to in levels(SCHEDULES["cosine"], 10):
        sampler.step(lambda x, level: gaussian(0, 1)(x, level), torch.zeros(1, 1).double(), now, to, never)


# --- mixtures ---------------------------------------------------------------------------------------------------------

CENTERS = torch.tensor([[-1.5, 0.0], [1.5, 0.9], [0.9, -1.6]], dtype=torch.float64)
SHARES = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
SPREAD = 0.15
MIXTURE = ExactDenoiser(CENTERS, torch.arange(3), std=SPREAD, prior=SHARES)


def _of_the_mixture(name: str, schedule: str, target: str, draws: int, spacing: str = "uniform") -> torch.Tensor:
    s = SCHEDULES[schedule]
    net = NetDenoiser(PerfectNet(MIXTURE, s, TARGETS[target]), s, TARGETS[target])
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(draws, 2, generator=generator).double()
    return walk(net, levels(s, STEPS, spacing), SAMPLERS[name], start, fresh(generator))


@EVERY_SAMPLER
@EVERY_SCHEDULE
@EVERY_SPACING
def test_what_a_network_predicts_changes_no_sample_of_a_mixture(name: str, schedule: str, spacing: str) -> None:
    by_noise, *others = (_of_the_mixture(name, schedule, target, 200, spacing) for target in TARGETS)
    for other in others:
        torch.testing.assert_close(other, by_noise, rtol=0, atol=1e-6)


@EVERY_SAMPLER
@EVERY_SCHEDULE
@EVERY_SPACING
def test_law_on_a_mixture(name: str, schedule: str, spacing: str) -> None:
    """Three modes in the plane: their shares, centres and spreads come out.

    Bounds: shares within 4 standard errors and 0.005 for the 50 steps; centres within 4 standard errors and 0.02;
    inside a mode the walk ends between the mode's spread and that which the recursion predicts for a walk on that mode
    alone, within 4 standard errors and 5 %.
    """
    s = SCHEDULES[schedule]
    x = _of_the_mixture(name, schedule, "noise", DRAWS, spacing)
    spread = law_of_samples(gaussian(0.0, SPREAD), s, SAMPLERS[name], STEPS, spacing)[1] ** 0.5
    if name == "ddpm zero":
        # Without noise nearly every x_T ends at one and the same place: far less spread than one mode has, let alone three.
        assert float(x.std(0).max()) < 0.5 * SPREAD
        return
    mode = torch.cdist(x, CENTERS).argmin(1)
    for k in range(3):
        of_mode, share = x[mode == k], float(SHARES[k])
        got = len(of_mode) / DRAWS
        assert got == pytest.approx(share, abs=4 * (share * (1 - share) / DRAWS) ** 0.5 + 0.005)
        error = SPREAD / len(of_mode) ** 0.5
        torch.testing.assert_close(of_mode.mean(0), CENTERS[k], rtol=0, atol=4 * error + 0.02)
        for axis in (0, 1):
            slack = 4 / (2 * len(of_mode)) ** 0.5 + 0.05
            got = float(of_mode[:, axis].std())
            assert min(spread, SPREAD) * (1 - slack) < got < max(spread, SPREAD) * (1 + slack)


@EVERY_SAMPLER
def test_labels_pick_the_mode(name: str) -> None:
    s = SCHEDULES["cosine"]
    generator = torch.Generator().manual_seed(2)
    label = torch.arange(600) % 3
    x = walk(
        lambda x, level, _=None: MIXTURE(x, level, label),
        levels(s, 50),
        SAMPLERS[name],
        torch.randn(600, 2, generator=generator).double(),
        fresh(generator),
    )
    assert torch.equal(torch.cdist(x, CENTERS).argmin(1), label)
    for k in range(3):
        torch.testing.assert_close(x[label == k].mean(0), CENTERS[k], rtol=0, atol=4 * SPREAD / 200**0.5 + 0.01)


def test_starting_from_n01_is_wrong_where_much_of_the_picture_is_left() -> None:
    """What `terminal_snr` warns of: with the paper's β at T = 50 the mean 0.9 is drawn as less, by √ᾱ_T of what was lost."""
    s = NoiseSchedule.linear(50, rescale=False)
    assert s.terminal_snr > 1
    mean, _ = law_of_samples(gaussian(0.9, 0.3), s, DDIM(0), 50)
    assert mean < 0.9 - 0.2
    assert law_of_samples(gaussian(0.9, 0.3), s.with_zero_terminal_snr(), DDIM(0), 50)[0] == pytest.approx(
        0.9, abs=1e-6
    )


@EVERY_SAMPLER
@EVERY_SCHEDULE
def test_zero_terminal_snr_can_be_sampled(name: str, schedule: str) -> None:
    s = SCHEDULES[schedule].with_zero_terminal_snr()
    mean, variance = law_of_samples(gaussian(0.4, 0.6), s, SAMPLERS[name], 100)
    assert mean == pytest.approx(0.4, abs=1e-9)
    assert math.isfinite(variance)
    first: Level = s.level(100)
    assert affine(gaussian(0.4, 0.6), SAMPLERS[name], first, s.level(99))[1] == pytest.approx(
        0.4 * float(s.alpha_bar[99]) ** 0.5, abs=1e-9
    )
