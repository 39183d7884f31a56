"""The tables of the forward process, held against their definitions in exact arithmetic and against each other."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.schedule import SCHEDULES, SPACINGS, Level, NoiseSchedule

from laws import schedules

QUICK = settings(deadline=None, derandomize=True, database=None, max_examples=60)
EVERY = pytest.mark.parametrize("name", list(schedules()))


def _tables(schedule: NoiseSchedule) -> dict[str, torch.Tensor]:
    return {name: getattr(schedule, name) for name in ("beta", "alpha", "alpha_bar", "log_snr", "posterior_variance")}


@EVERY
@pytest.mark.parametrize("T", [10, 100, 1000])
def test_tables_have_t_plus_1_entries_of_float64_and_begin_with_clean_data(name: str, T: int) -> None:
    schedule = schedules(T)[name]
    assert schedule.T == T
    for table in _tables(schedule).values():
        assert table.shape == (T + 1,)
        assert table.dtype == torch.float64
    assert schedule.beta[0] == 0
    assert schedule.alpha_bar[0] == 1
    assert schedule.log_snr[0] == math.inf
    assert schedule.posterior_variance[0] == 0


@EVERY
def test_tables_are_what_exact_fractions_give(name: str) -> None:
    schedule = schedules(50)[name]
    alpha_bar = Fraction(1)
    for t in range(1, schedule.T + 1):
        beta, earlier = Fraction(float(schedule.beta[t])), alpha_bar
        alpha_bar *= 1 - beta
        assert float(schedule.alpha_bar[t]) == pytest.approx(float(alpha_bar), rel=1e-12)
        assert float(schedule.log_snr[t]) == pytest.approx(math.log(alpha_bar / (1 - alpha_bar)), rel=1e-11, abs=1e-11)
        assert float(schedule.posterior_variance[t]) == pytest.approx(
            float((1 - earlier) / (1 - alpha_bar) * beta), rel=1e-10, abs=0
        )


@EVERY
def test_precisions_add_up_in_the_posterior(name: str) -> None:
    """1/β̃ = α/β + 1/(1−ᾱ before): what two independent measurements of x_{t−1} tell together."""
    s = schedules()[name]
    precision = s.alpha[2:] / s.beta[2:] + 1 / s.level(torch.arange(1, s.T)).variance
    torch.testing.assert_close(1 / s.posterior_variance[2:], precision, rtol=1e-10, atol=0)
    assert (s.posterior_variance[1:] <= s.beta[1:]).all()
    assert s.posterior_variance[1] == 0


def test_linear_is_the_papers_at_1000() -> None:
    s = NoiseSchedule.linear(1000)
    assert float(s.beta[1]) == pytest.approx(1e-4, rel=1e-15)
    assert float(s.beta[1000]) == pytest.approx(0.02, rel=1e-15)
    torch.testing.assert_close(
        s.beta[1:].diff(), torch.full((999,), (0.02 - 1e-4) / 999, dtype=torch.float64), rtol=1e-9, atol=0
    )


@pytest.mark.parametrize(("T", "expected"), [(50, 0.60), (300, 0.05)])
def test_linear_left_alone_keeps_much_of_the_picture_when_there_are_few_steps(T: int, expected: float) -> None:
    """What the product of 1 − β is with the paper's numbers at another T, and that `terminal_snr` says so."""
    left = NoiseSchedule.linear(T, rescale=False)
    assert float(left.alpha_bar[-1]) == pytest.approx(expected, abs=0.005)
    assert left.terminal_snr == pytest.approx(float(left.alpha_bar[-1] / (1 - left.alpha_bar[-1])), rel=1e-10)
    assert NoiseSchedule.linear(T).terminal_snr < 1e-4


def test_linear_rescaled_falls_along_the_same_curve_whatever_T_is() -> None:
    """With β · T kept, log ᾱ at a given share of the way differs only by the discretisation, of order 1/T."""
    fine, coarse = NoiseSchedule.linear(1000), NoiseSchedule.linear(250)
    for share in (0.2, 0.4, 0.6):
        a, b = fine.alpha_bar[round(1000 * share)].log(), coarse.alpha_bar[round(250 * share)].log()
        assert float(a) == pytest.approx(float(b), abs=10 / 250)
    assert float(coarse.beta[-1]) == pytest.approx(0.08, rel=1e-12)


def test_terminal_snr_of_the_papers_schedule() -> None:
    """ln ᾱ_T = Σ ln(1 − β_t) ≈ −∫β − ½∫β² = −10.05 − 0.067…: ᾱ_T ≈ 4.0e-5."""
    first, second = 1000 * (1e-4 + 0.02) / 2, 1000 * (0.02**3 - 1e-4**3) / (3 * (0.02 - 1e-4)) / 2
    assert math.log(NoiseSchedule.linear(1000).terminal_snr) == pytest.approx(-first - second, abs=2e-3)


def test_cosine_follows_equation_17_up_to_the_clip() -> None:
    T, s = 200, 0.008
    schedule = NoiseSchedule.cosine(T)
    f = [math.cos((t / T + s) / (1 + s) * math.pi / 2) ** 2 for t in range(T + 1)]
    expected = torch.tensor(f[:-1], dtype=torch.float64) / f[0]
    torch.testing.assert_close(schedule.alpha_bar[:-1], expected, rtol=1e-10, atol=0)
    assert schedule.beta[-1] == 0.999
    assert schedule.terminal_snr > 0


def test_the_offset_keeps_the_first_beta_from_vanishing() -> None:
    """Nichol & Dhariwal 2021, section 3.2. Without it β_1 = 1 − cos²(π/2T) = sin²(π/2T)."""
    without, with_it = NoiseSchedule.cosine(1000, s=0.0), NoiseSchedule.cosine(1000)
    assert float(without.beta[1]) == pytest.approx(math.sin(math.pi / 2000) ** 2, rel=1e-6)
    assert with_it.beta[1] > 10 * without.beta[1]
    assert float(without.alpha_bar[500]) == pytest.approx(0.5, rel=1e-10)


def test_sigmoid_is_symmetric_and_clipped() -> None:
    s = NoiseSchedule.sigmoid(1000)
    torch.testing.assert_close(
        s.alpha_bar[:-1] + s.alpha_bar.flip(0)[:-1], torch.ones(1000).double(), rtol=0, atol=3e-6
    )
    assert s.beta.max() == 0.999


@EVERY
def test_zero_terminal_snr_shifts_and_scales_the_root(name: str) -> None:
    """Lin et al. 2023, algorithm 1: √ᾱ keeps its first value and its shape, and ends at exactly 0."""
    s = schedules()[name]
    z = s.with_zero_terminal_snr()
    assert z.alpha_bar[-1] == 0
    assert z.beta[-1] == 1
    assert z.terminal_snr == 0
    assert float(z.alpha_bar[1]) == pytest.approx(float(s.alpha_bar[1]), rel=1e-12)
    old, new = s.alpha_bar.sqrt()[1:], z.alpha_bar.sqrt()[1:]
    ratio = (new - new[-1]) / (old - old[-1]).clamp(min=1e-300)
    torch.testing.assert_close(ratio[:-1], ratio[0].expand(len(ratio) - 1), rtol=1e-9, atol=0)
    assert all(not bool(table[:-1].isnan().any()) for table in _tables(z).values())
    torch.testing.assert_close(z.with_zero_terminal_snr().alpha_bar, z.alpha_bar, rtol=1e-12, atol=1e-15)


@EVERY
def test_from_alpha_bar_gives_back_what_it_was_given(name: str) -> None:
    s = schedules()[name]
    torch.testing.assert_close(NoiseSchedule.from_alpha_bar(s.alpha_bar).beta, s.beta, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("zero_terminal", [False, True])
@EVERY
def test_t_of_level_is_t_on_the_grid_and_rises_in_between(name: str, zero_terminal: bool) -> None:
    s = schedules()[name]
    s = s.with_zero_terminal_snr() if zero_terminal else s
    t = torch.arange(1, s.T + 1)
    assert torch.equal(s.t_of(s.level(t)), t.double())
    one = s.t_of(s.level(7))
    assert one.shape == ()
    assert one == 7
    last = -60.0 if zero_terminal else float(s.log_snr[-1])
    dense = torch.linspace(float(s.log_snr[1]), last, 5001, dtype=torch.float64)
    assert (s.t_of(Level(dense)).diff() > 0).all()
    halfway = Level((s.log_snr[3] + s.log_snr[4]) / 2)
    assert float(s.t_of(halfway)) == pytest.approx(3.5, abs=1e-9)


@EVERY
def test_t_of_is_held_to_what_a_network_has_seen(name: str) -> None:
    s = schedules()[name]
    outside = Level(torch.tensor([math.inf, 90.0, -90.0, -math.inf], dtype=torch.float64))
    assert s.t_of(outside).tolist() == [1, 1, s.T, s.T]


@QUICK
@given(
    beta=st.lists(st.floats(1e-30, 0.9999), min_size=1, max_size=40),
    asked=st.floats(allow_nan=False),
    black=st.booleans(),
)
@example(beta=[0.9999] * 12, asked=-math.inf, black=True)
@example(beta=[1e-60, 1e-50, 1e-40], asked=math.inf, black=False)
def test_any_schedule_knows_its_t_everywhere(beta: list[float], asked: float, black: bool) -> None:
    """Also where β leaves so little that several levels are beyond all measure."""
    s = NoiseSchedule(torch.tensor([0.0, *beta, *([1.0] if black else [])], dtype=torch.float64))
    t = float(s.t_of(Level(torch.tensor(asked, dtype=torch.float64))))
    assert 1 <= t <= s.T
    assert all(1 <= float(s.t_of(s.level(t))) <= s.T for t in range(s.T + 1))


@QUICK
@given(log_snr=st.floats(-60, 60))
def test_the_two_shares_of_a_level_add_up_to_1(log_snr: float) -> None:
    level = Level(torch.tensor(log_snr, dtype=torch.float64))
    assert float(level.alpha_bar + level.variance) == pytest.approx(1, abs=1e-15)
    assert float(torch.log(level.alpha_bar / level.variance)) == pytest.approx(log_snr, abs=1e-9)
    signal, sigma = level.scales(torch.zeros(2, 3, dtype=torch.float64))
    assert float(signal**2 + sigma**2) == pytest.approx(1, abs=1e-15)


def test_scales_broadcast_over_a_batch_in_its_dtype() -> None:
    level = NoiseSchedule.linear(10).level(torch.tensor([0, 4, 10]))
    signal, sigma = level.scales(torch.zeros(3, 2, 5, 5))
    assert signal.shape == sigma.shape == (3, 1, 1, 1)
    assert signal.dtype == torch.float32
    assert signal[0] == 1
    assert sigma[0] == 0


@EVERY
def test_noise_that_came_in_between_two_levels(name: str) -> None:
    """β for neighbours, with all its digits also near t = 0, where ᾱ is almost 1; products of α over longer ways."""
    s = schedules()[name]
    t = torch.arange(1, s.T + 1)
    torch.testing.assert_close(s.level(t).variance_since(s.level(t - 1)), s.beta[1:], rtol=1e-9, atol=0)
    alpha = math.prod(1 - Fraction(float(b)) for b in s.beta[8:31])
    assert float(s.level(30).variance_since(s.level(7))) == pytest.approx(float(1 - alpha), rel=1e-10)


@QUICK
@given(T=st.integers(1, 1000), data=st.data())
def test_timesteps_go_from_T_to_0_evenly_and_never_stand_still(T: int, data: st.DataObject) -> None:
    steps = data.draw(st.integers(1, T))
    times = NoiseSchedule(torch.cat([torch.zeros(1), torch.full((T,), 0.01)]).double()).timesteps(steps)
    assert len(times) == steps + 1
    assert times[0] == T
    assert times[-1] == 0
    gaps = {a - b for a, b in pairwise(times)}
    assert min(gaps) >= 1
    assert max(gaps) - min(gaps) <= 1 or max(gaps) <= math.ceil(T / steps) + 1


@pytest.mark.parametrize("steps", [0, -1, 11])
def test_timesteps_refuses_more_steps_than_there_are(steps: int) -> None:
    with pytest.raises(ValueError, match="1 to 10 steps"):
        NoiseSchedule.linear(10).timesteps(steps)


@pytest.mark.parametrize(
    "values", [[], [1.0], [0.9, 0.5], [1, 0.5, 0.5], [1, 0.5, 0.6], [1, 0.5, -0.1], [1, math.nan], [1, 0, 0], [[1, 0]]]
)
def test_impossible_alpha_bar_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="alpha_bar"):
        NoiseSchedule.from_alpha_bar(values)


@pytest.mark.parametrize(
    "beta", [[0.0], [0.1, 0.1], [0, 0.0], [0, -0.1], [0, 1.1], [0, math.nan], [0, math.inf], [0, 1.0, 0.5]]
)
def test_impossible_beta_is_refused(beta: list[float]) -> None:
    with pytest.raises(ValueError, match=r"schedule|last step"):
        NoiseSchedule(torch.tensor(beta, dtype=torch.float64))


def test_no_steps_and_no_level_outside() -> None:
    for make in SCHEDULES.values():
        with pytest.raises(ValueError, match="at least one step"):
            make(0)
        assert make(1).T == 1
        assert make(1).t_of(make(1).level(1)) == 1
    with pytest.raises(ValueError, match="outside"):
        NoiseSchedule.linear(10).level(11)
    with pytest.raises(ValueError, match="outside"):
        NoiseSchedule.linear(10).level(-1)


# --- spacings ---------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=80)
@given(
    st.integers(1, 300), st.data(), st.sampled_from(sorted(SPACINGS)), st.sampled_from(["linear", "cosine", "sigmoid"])
)
def test_every_spacing_goes_from_T_to_0_without_a_step_twice(
    T: int, data: st.DataObject, spacing: str, name: str
) -> None:
    steps = data.draw(st.integers(1, T))
    zero = data.draw(st.booleans()) and T > 1
    schedule = SCHEDULES[name](T)
    times = (schedule.with_zero_terminal_snr() if zero else schedule).timesteps(steps, spacing)
    assert times[0] == T
    assert times[-1] == 0
    assert len(times) == steps + 1
    assert all(a > b for a, b in pairwise(times))


def test_spacings_are_what_their_names_say() -> None:
    """Even in t; even in √t (Song et al. 2021, appendix D.2); even in log-SNR down to t = 1, and from there to 0."""
    schedule = NoiseSchedule.linear(10_000)
    t = {name: torch.tensor(schedule.timesteps(20, name), dtype=torch.float64) for name in SPACINGS}
    assert torch.allclose(t["uniform"].diff(), torch.tensor(-500.0).double())
    assert torch.allclose(t["quadratic"].sqrt().diff(), torch.tensor(-5.0).double(), atol=0.1)
    assert t["log-snr"][-2] == 1
    gaps = schedule.log_snr[t["log-snr"][:-1].long()].diff()
    assert float(gaps.max() / gaps.min()) < 1.6  # at t = 1, 2, 3 there are no finer steps
    assert float(gaps[:-4].max() / gaps[:-4].min()) < 1.02
    with pytest.raises(ValueError, match="no spacing “karras”, only uniform, quadratic, log-snr"):
        schedule.timesteps(20, "karras")
