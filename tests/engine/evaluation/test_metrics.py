"""Facts that measures of quality must satisfy. Names of figures, and what a Gaussian or a known identity says of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.catalogue import load
from engine.data.pixels import to_unit
from engine.evaluation.memorization import measure_memorization
from engine.evaluation.metrics import (
    Z_95,
    Jackknife,
    _deal,
    accuracy,
    energy_distance,
    frechet_distance,
    frechet_jackknife,
    nearest_neighbours,
    precision_recall,
    wilson,
)


def gaussian(count: int, width: int, seed: int) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exactly_moments(mean: torch.Tensor, root: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """Rows whose own mean is `mean` and whose own covariance is root rootᵀ, to rounding."""
    x = gaussian(count, len(mean), seed)
    x = x - x.mean(0)
    x = torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(x.T).reshape(len(mean), -1)), x.T, upper=False).T
    return x @ root.T + mean


def rotation(width: int, seed: int) -> torch.Tensor:
    return torch.linalg.qr(gaussian(width, width, seed))[0]


# --- shares -----------------------------------------------------------------------------------------------------------


@given(total=st.integers(1, 5000), data=st.data())
def test_wilson_ends_solve_the_equation_that_defines_them(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, total))
    s = wilson(count, total)
    assert 0 <= s.low <= s.share <= s.high <= 1
    for end in (s.low, s.high):
        if 0 < end < 1:
            assert abs(s.share - end) == pytest.approx(Z_95 * math.sqrt(end * (1 - end) / total), abs=1e-9)
    mirrored = wilson(total - count, total)
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((s.low, s.high), abs=1e-12)


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    # The exact coverage at p = 0.97 and n = 1000: sum of binomial probabilities of the counts whose interval holds p.
    p, n = 0.97, 1000
    log_choose = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)]
    covered = 0.0
    for k in range(n + 1):
        s = wilson(k, n)
        if s.low <= p <= s.high:
            covered += math.exp(log_choose[k] + k * math.log(p) + (n - k) * math.log(1 - p))
    assert 0.94 < covered < 0.96


def test_z_is_the_normal_quantile() -> None:
    assert math.erf(Z_95 / math.sqrt(2)) == pytest.approx(0.95, abs=1e-12)


@pytest.mark.parametrize(("count", "total"), [(1, 0), (-1, 5), (6, 5)])
def test_there_is_no_such_share(count: int, total: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(count, total)


def test_accuracy_counts_what_agrees() -> None:
    wanted = torch.tensor([0, 1, 2, 3])
    assert accuracy(wanted, wanted).share == 1
    assert accuracy((wanted + 1) % 4, wanted).share == 0
    assert accuracy(torch.tensor([0, 1, 2, 2]), wanted) == wilson(3, 4)
    with pytest.raises(ValueError, match="do not fit"):
        accuracy(wanted, wanted[:2])
    with pytest.raises(ValueError, match="no share"):
        accuracy(wanted[:0], wanted[:0])


# --- Fréchet distance -------------------------------------------------------------------------------------------------


def test_frechet_of_a_set_with_itself_is_nothing() -> None:
    x = gaussian(300, 20, 0)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, x[torch.randperm(300)]) == pytest.approx(0, abs=1e-9)


@given(shift=st.floats(-5, 5), scale=st.floats(0.05, 20), width=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_frechet_of_shifted_and_scaled_gaussians_is_the_closed_form(shift: float, scale: float, width: int) -> None:
    # N(0, S) against N(m, c² S): |m|² + (c − 1)² Tr S.
    root = gaussian(width, width, 5)
    m = shift * gaussian(1, width, 6)[0]
    a = exactly_moments(torch.zeros(width, dtype=torch.float64), root, 200, 1)
    b = exactly_moments(m, scale * root, 300, 2)
    expected = float(m.square().sum() + (scale - 1) ** 2 * (root @ root.T).trace())
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-7, abs=1e-6)


def test_frechet_of_gaussians_with_different_axes() -> None:
    # In two dimensions Tr √M = √(Tr M + 2 √det M) for M = Σ_a Σ_b: nothing of ours is needed to know the answer.
    root_a, root_b = gaussian(2, 2, 1), gaussian(2, 2, 2)
    a = exactly_moments(torch.zeros(2, dtype=torch.float64), root_a, 100, 3)
    b = exactly_moments(torch.zeros(2, dtype=torch.float64), root_b, 100, 4)
    cov_a, cov_b = root_a @ root_a.T, root_b @ root_b.T
    product = cov_a @ cov_b
    overlap = (product.trace() + 2 * product.det().sqrt()).sqrt()
    assert frechet_distance(a, b) == pytest.approx(float(cov_a.trace() + cov_b.trace() - 2 * overlap), rel=1e-9)


def test_frechet_does_not_change_under_rotation_translation_or_exchange() -> None:
    a, b = gaussian(400, 8, 0) * 2, gaussian(500, 8, 1) + 0.3
    q, shift = rotation(8, 2), gaussian(1, 8, 3)
    distance = frechet_distance(a, b)
    assert frechet_distance(a @ q + shift, b @ q + shift) == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(3 * a, 3 * b) == pytest.approx(9 * distance, rel=1e-9)


def test_frechet_survives_covariances_without_full_rank() -> None:
    # Fewer rows than features, and features that never change, as dead units give.
    a, b = gaussian(10, 64, 0), gaussian(10, 64, 1)
    a[:, 5], b[:, 5] = 1.0, 1.0
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) > 0
    constant = torch.ones(5, 3)
    assert frechet_distance(constant, constant + 2) == pytest.approx(12)


def test_frechet_standard_error_is_the_spread_over_fresh_samples() -> None:
    pairs = [(gaussian(400, 4, 2 * s), gaussian(400, 4, 2 * s + 1) + 0.5) for s in range(60)]
    estimates = [frechet_jackknife(a, b).estimate for a, b in pairs]
    spread = float(np.std([e.value for e in estimates], ddof=1))
    assert np.mean([e.standard_error for e in estimates]) == pytest.approx(spread, rel=0.3)


def test_the_error_knows_that_as_many_of_each_class_were_chosen() -> None:
    """Classes far apart: whether one has more rows than another would matter most, and is not left to chance."""
    classes = torch.arange(400) % 4
    centres = 8 * gaussian(4, 3, 999)
    pairs = [
        (gaussian(400, 3, 2 * s) + centres[classes], gaussian(400, 3, 2 * s + 1) + centres[classes]) for s in range(30)
    ]
    found = [frechet_jackknife(a, b, of_a=classes, of_b=classes) for a, b in pairs]
    spread = float(np.std([f.value for f in found], ddof=1))
    said = np.mean([f.standard_error for f in found])
    assert 0.6 * spread < said < 1.8 * spread
    blind = np.mean([frechet_jackknife(a, b).standard_error for a, b in pairs[:10]])
    assert blind > 2 * said


def test_differences_of_distances_know_what_both_share() -> None:
    real = gaussian(300, 3, 0)
    samples = [gaussian(300, 3, s) for s in range(1, 21)]
    far, near = ([frechet_jackknife(x + shift, real) for x in samples] for shift in (0.6, 0.5))
    gaps = [a - b for a, b in zip(far, near, strict=True)]
    # The real rows are the same 20 times: only the samples differ from one gap to the next.
    spread = float(np.std([gap.value for gap in gaps], ddof=1))
    of_samples = [Jackknife(gap.value, gap.without_a, (0.0,) * 20).standard_error for gap in gaps]
    assert np.mean(of_samples) == pytest.approx(spread, rel=0.4)
    assert np.mean([gap.standard_error for gap in gaps]) < 0.4 * np.mean([f.standard_error for f in far])
    assert (far[0] - far[0]).standard_error == 0
    with pytest.raises(ValueError, match="shorter"):
        far[0] - frechet_jackknife(samples[0], real, groups=10)


def test_every_group_of_a_jackknife_has_its_share_of_every_class() -> None:
    classes = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    group = _deal(100, 10, torch.Generator().manual_seed(0), classes)
    assert (
        torch.stack([torch.bincount(classes[group == g], minlength=3) for g in range(10)]).tolist() == [[6, 3, 1]] * 10
    )
    other = _deal(100, 10, torch.Generator().manual_seed(1), classes)
    assert (group != other).any()


def test_frechet_refuses_what_it_cannot_compare() -> None:
    x = gaussian(10, 3, 0)
    for bad in (x[:1], x[0], x[:, :2], torch.full((10, 3), math.nan)):
        with pytest.raises(ValueError, match=r"Features|features"):
            frechet_distance(x, bad)
    with pytest.raises(ValueError, match="too few"):
        frechet_jackknife(x, x, groups=20)


# --- distances between rows -------------------------------------------------------------------------------------------


def test_energy_distance_of_single_points_and_of_a_shift() -> None:
    origin, point = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    assert energy_distance(origin, point) == pytest.approx(10)
    # {0, 1} against {2}: 2 · 1.5 − 0.5 − 0.
    assert energy_distance(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0]])) == pytest.approx(2.5)


def test_energy_distance_is_zero_for_equal_sets_only_and_turns_with_them() -> None:
    a, b = gaussian(3000, 2, 0), gaussian(200, 2, 1) * 1.5
    assert energy_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-9)
    assert energy_distance(a, b) > 0.01
    q = rotation(2, 3)
    assert energy_distance(a @ q, b @ q) == pytest.approx(energy_distance(a, b), rel=1e-9)
    assert energy_distance(b, a) == pytest.approx(energy_distance(a, b), rel=1e-9)


@given(queries=st.integers(1, 40), rows=st.integers(1, 60), block=st.integers(1, 70), data=st.data())
@settings(max_examples=40, deadline=None)
def test_nearest_neighbours_are_those_of_brute_force(queries: int, rows: int, block: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, rows))
    q, d = gaussian(queries, 6, queries).view(queries, 2, 3), gaussian(rows, 6, 1000 + rows).view(rows, 2, 3)
    everything = (q.flatten(1)[:, None] - d.flatten(1)[None]).square().sum(2).sqrt()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.evaluation.metrics.BLOCK", block)
        distances, indices = nearest_neighbours(q, d, k)
    torch.testing.assert_close(distances, everything.sort(dim=1).values[:, :k])
    torch.testing.assert_close(everything.gather(1, indices), distances)
    assert all(len(set(row)) == k for row in indices.tolist())


def test_a_copy_is_found_at_distance_zero_exactly() -> None:
    # Far from the origin, where |q|² + |d|² − 2 q·d alone would leave a distance of rounding errors.
    d = gaussian(50, 30, 0).float() + 1e4
    distances, indices = nearest_neighbours(d, d, 2)
    assert (distances[:, 0] == 0).all()
    assert indices[:, 0].tolist() == list(range(50))
    assert (distances[:, 1] > 0).all()


def test_nearest_neighbours_refuses_bad_input() -> None:
    x = torch.zeros(3, 2)
    for k in (0, 4):
        with pytest.raises(ValueError, match="nearest ones"):
            nearest_neighbours(x, x, k)
    with pytest.raises(ValueError, match="cannot be compared"):
        nearest_neighbours(x, torch.zeros(3, 5))
    with pytest.raises(ValueError, match="finite"):
        nearest_neighbours(x, torch.full((3, 2), math.nan))


# --- memorising -------------------------------------------------------------------------------------------------------


def test_copies_of_training_digits_are_seen_for_what_they_are() -> None:
    digits = load("digits")
    training, held_out = to_unit(digits.training.images), to_unit(digits.held_out_part.images)
    found = measure_memorization(
        training[::20],
        training,
        held_out,
        sample_labels=torch.tensor(digits.training.labels[::20]),
        held_out_labels=torch.tensor(digits.held_out_part.labels),
    )
    assert found.median == 0
    for share in (found.near_copies, found.nearest_is_training, found.nearer_than_1_percent):
        assert share.measured.share == 1
        assert share.chance < 0.81


def test_fresh_real_digits_come_out_at_chance() -> None:
    digits = load("digits")
    training, real = to_unit(digits.training.images), digits.held_out_part
    # Half of the held-out digits of each class play the samples, the others are the yardstick.
    half = np.zeros(len(real), dtype=bool)
    for k in range(10):
        half[np.flatnonzero(real.labels == k)[::2]] = True
    samples, others = real.only(half), real.only(~half)
    found = measure_memorization(
        to_unit(samples.images),
        training,
        to_unit(others.images),
        sample_labels=torch.tensor(samples.labels),
        held_out_labels=torch.tensor(others.labels),
    )
    assert found.nearest_is_training.chance == pytest.approx(4000 / 4500)
    for share in (found.nearer_than_5_percent, found.nearest_is_training, found.near_copies):
        # Twice the width of the interval: the thresholds are estimates too.
        slack = share.measured.high - share.measured.low
        assert abs(share.measured.share - share.chance) < slack
    assert found.median == pytest.approx(found.held_out_median, rel=0.05)


def test_the_chance_level_is_exact_for_any_distribution() -> None:
    # Training at 0 on a line: distances are |x|. Many repetitions of fresh samples against a fresh yardstick.
    rng = torch.Generator().manual_seed(0)
    training = torch.zeros(1, 1)
    below = chance = 0.0
    for _ in range(400):
        draw = torch.rand(70, 1, generator=rng).square() + 0.1
        found = measure_memorization(draw[:20], training, draw[20:])
        below += found.nearer_than_5_percent.measured.share / 400
        chance += found.nearer_than_5_percent.chance / 400
    assert chance == pytest.approx(2 / 51)  # ⌊0.05 · 51⌋ = 2 of 50
    assert below == pytest.approx(chance, abs=0.006)


def test_a_yardstick_too_short_for_one_percent_says_nothing() -> None:
    draw = gaussian(60, 3, 0)
    found = measure_memorization(draw[:20], draw[20:40], draw[40:])
    assert (found.nearer_than_1_percent.measured.count, found.nearer_than_1_percent.chance) == (0, 0)


def test_memorised_share_refuses_bad_input() -> None:
    x, labels = gaussian(6, 3, 0), torch.arange(6)
    with pytest.raises(ValueError, match="all needed"):
        measure_memorization(x[:0], x, x)
    with pytest.raises(ValueError, match="neither"):
        measure_memorization(x, x, x, sample_labels=labels)
    with pytest.raises(ValueError, match="one label"):
        measure_memorization(x, x, x, sample_labels=labels[:2], held_out_labels=labels)
    with pytest.raises(ValueError, match="No held-out picture has the class 5"):
        measure_memorization(x, x, x[:5], sample_labels=labels, held_out_labels=labels[:5])


def test_near_copies_lie_within_half_the_usual_distance() -> None:
    # On a line with the training at 0: class 0 is usually 4 away, class 1 only 1, so the same 1.9 says different things.
    usual, of_usual = torch.tensor([[4.0], [-4.0], [4.0], [1.0], [-1.0], [1.0]]), torch.tensor([0, 0, 0, 1, 1, 1])
    draw, of_draw = torch.tensor([[1.9], [-2.1], [0.4], [1.9]]), torch.tensor([0, 0, 1, 1])
    found = measure_memorization(
        draw, torch.zeros(1, 1), usual, sample_labels=of_draw, held_out_labels=of_usual
    ).near_copies
    assert (found.measured.count, found.measured.total, found.chance) == (2, 4, 0)


# --- precision and recall ---------------------------------------------------------------------------------------------


def both(samples: torch.Tensor, real: torch.Tensor, k: int = 3) -> tuple[float, float]:
    found = precision_recall(samples, real, k)
    return found.precision.value, found.recall.value


def test_a_set_covers_itself_and_nothing_far_away() -> None:
    x = gaussian(100, 4, 0)
    assert both(x, x) == (1, 1)
    assert both(x, x[torch.randperm(100, generator=torch.Generator().manual_seed(0))]) == (1, 1)
    assert both(x + 100, x) == (0, 0)


def test_samples_that_collapse_are_true_but_not_diverse() -> None:
    real = gaussian(300, 2, 0)
    precision, recall = both(0.05 * gaussian(300, 2, 1), real)
    assert precision == 1
    assert recall < 0.05
    # All one and the same picture: its ball is a point.
    assert both(real[:1].expand(300, -1), real) == (1, 1 / 300)


def test_half_of_the_modes_is_half_of_the_recall_and_wild_samples_cost_precision() -> None:
    mode = torch.tensor([50.0, 0.0])
    real = torch.cat([gaussian(200, 2, 0), gaussian(200, 2, 1) + mode])
    one_mode = gaussian(400, 2, 2)
    precision, recall = both(one_mode, real)
    assert recall == pytest.approx(0.5, abs=0.06)
    assert precision > 0.9
    a_third_wild = torch.cat([real[:200], real[:100] - 1000 * torch.arange(1, 101)[:, None]])
    assert both(a_third_wild, real)[0] == pytest.approx(2 / 3)


def test_precision_and_recall_are_each_other_with_the_sets_exchanged() -> None:
    a, b = gaussian(60, 3, 0), 1.5 * gaussian(90, 3, 1)
    one, other = precision_recall(a, b), precision_recall(b, a)
    assert (one.precision.value, one.recall.value) == (other.recall.value, other.precision.value)
    assert both(7 * a + 3, 7 * b + 3) == both(a, b)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_are_the_definition_of_the_paper(k: int) -> None:
    real, samples = gaussian(45, 2, 0), gaussian(50, 2, 1) + 0.5

    def covered(points: torch.Tensor, by: torch.Tensor) -> float:
        inside = 0
        for point in points:
            for centre in by:
                reach = sorted(float((centre - other).norm()) for other in by)[k]  # [0] is the centre itself
                if float((point - centre).norm()) <= reach:
                    inside += 1
                    break
        return inside / len(points)

    assert both(samples, real, k) == pytest.approx((covered(samples, real), covered(real, samples)))


def test_the_errors_of_precision_and_recall_are_what_they_vary_by() -> None:
    found = [precision_recall(gaussian(200, 6, 2 * k), gaussian(300, 6, 2 * k + 1)) for k in range(40)]
    for which in ("precision", "recall"):
        values = torch.tensor([getattr(pair, which).value for pair in found], dtype=torch.float64)
        said = sum(getattr(pair, which).standard_error for pair in found) / len(found)
        assert 0.7 < said / float(values.std()) < 1.4, which  # 40 values know their own spread to some 11 %


def test_precision_and_recall_refuse_what_is_too_little() -> None:
    x = gaussian(50, 2, 0)
    with pytest.raises(ValueError, match="too few"):
        precision_recall(x[:7], x)
    with pytest.raises(ValueError, match="too few"):
        precision_recall(x, x, k=49)
    with pytest.raises(ValueError, match="cannot be compared"):
        precision_recall(x, gaussian(50, 3, 0))
