"""Points in the plane: the sets, CSV, the network that learns them, and the distances by which it is judged."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.points import MOST_CLASSES, POINT_SETS, PointsError, named, point_set
from engine.data.points_csv import read_csv
from engine.denoiser import NO_LABEL, NetDenoiser
from engine.evaluation.metrics import energy_distance, energy_error, energy_floor, energy_from_data
from engine.ideal import ExactByClass, ExactDenoiser
from engine.process import TARGETS
from engine.samplers import DDIM, DPMSolver2M
from engine.sampling import SeededNoise, sample
from engine.schedule import NoiseSchedule
from engine.storage import budgets
from engine.training.points import PointTraining, bayes_optimal_loss, begin, noised, train

# --- sets -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POINT_SETS)
def test_a_set_has_mean_0_and_variance_1_and_is_its_seeds(name: str) -> None:
    data = named(name, 700, seed=3)
    assert data.x.shape == (700, 2)
    np.testing.assert_allclose(data.x.mean(0, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(data.x.var(0, dtype=np.float64), 1, atol=1e-5)
    assert np.array_equal(data.x, named(name, 700, seed=3).x)
    assert not np.array_equal(data.x, named(name, 700, seed=4).x)
    assert set(data.labels) == set(range(max(1, len(data.class_names))))
    assert len(data.class_names) <= MOST_CLASSES


@pytest.mark.parametrize(
    ("x", "names", "said"),
    [
        ([], (), "two different points"),
        ([[1, 2]], (), "two different points"),
        ([[1, 2], [1, 2]], (), "two different points"),
        ([[1, math.nan], [0, 0]], (), "no finite numbers"),
        ([[1, 2], [0, 0]], tuple("abcdefg"), "7 classes; at most 6"),
    ],
)
def test_points_that_cannot_be_used_are_refused_in_a_sentence(
    x: list[list[float]], names: tuple[str, ...], said: str
) -> None:
    with pytest.raises(PointsError, match=said):
        point_set("x", "x", np.array(x).reshape(-1, 2), [0] * len(x), names)


def test_points_on_a_line_are_shifted_and_not_blown_up() -> None:
    data = point_set("x", "x", [[1.0, 5.0], [3.0, 5.0]])
    np.testing.assert_allclose(data.x, [[-1, 0], [1, 0]], atol=1e-6)


# --- CSV --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "points", "classes"),
    [
        ("0,0\n2,2\n", 2, ()),
        ("x,y\n0,0\n2,2", 2, ()),
        ("x;y;kind\r\n0;0;b\r\n\r\n2;2;a\r\n4;1;a", 3, ("a", "b")),
        ("0\t1\n2\t3", 2, ()),
        ("0 1\n2   3\n", 2, ()),
        ("0,0,only\n2,2,only", 2, ()),
        ("\ufeff1e300,1\n-1e300,2", 2, ()),
    ],
)
def test_points_are_read_from_text(text: str, points: int, classes: tuple[str, ...]) -> None:
    for given_ in (text, text.encode()):
        data, left_out = read_csv(given_)
        assert (len(data), data.class_names, left_out) == (points, classes, "")
        assert np.isfinite(data.x).all()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "no points in this"),
        ("hello world and more", "Line 1 has 4 values"),
        ("x,y\n", "no points in this"),
        ("1,2\n3,four", "Line 2 begins with “3, four”"),
        ("1,2\nnan,3", "finite numbers"),
        ("1,2\n3,inf", "finite numbers"),
        ("1,2\n3", "Line 2 has 1 values"),
        ("1,2", "two different points"),
        (b"\x00\x01\x02", "this is no text"),
        ("\n".join(f"{k},{k},{k}" for k in range(9)), "9 classes"),
    ],
)
def test_what_is_no_csv_of_points_is_refused_in_a_sentence(data: bytes | str, said: str) -> None:
    with pytest.raises(PointsError, match=said):
        read_csv(data)


def test_a_file_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budgets, "CSV_ROWS", 300)
    data, left_out = read_csv("\n".join(f"{k},{k % 7}" for k in range(1000)) + "\nnot,points", most_points=100)
    assert len(data) == 100
    assert left_out == "100 points, drawn at random from the first 300 lines, are used."
    monkeypatch.setattr(budgets, "CSV_BYTES", 1000)
    with pytest.raises(PointsError, match="too large"):
        read_csv("1,2\n" * 1000)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200), st.text("0123456789.,;-enai \n\t\"'", max_size=120)))
@settings(max_examples=300, deadline=None)
def test_whatever_is_given_it_is_points_or_one_sentence(data: bytes | str) -> None:
    said = ""
    try:
        found, _ = read_csv(data)
    except PointsError as problem:
        said = str(problem)
    assert said == "" or (said.endswith(".") and "\n" not in said)
    assert said or (len(found) >= 2 and np.isfinite(found.x).all())


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.sampled_from("ab")), min_size=2, max_size=30
    ).filter(lambda rows: len({row[:2] for row in rows}) > 1)
)
@settings(deadline=None)
def test_points_come_back_from_the_text_they_were_written_to(rows: list[tuple[float, float, str]]) -> None:
    data, _ = read_csv("x,y,kind\n" + "\n".join(f"{x!r},{y!r},{kind}" for x, y, kind in rows))
    names = sorted({kind for *_, kind in rows})
    expected = point_set("", "", [row[:2] for row in rows], [names.index(kind) for *_, kind in rows])
    assert np.array_equal(data.x, expected.x)
    if len(names) > 1:
        assert [data.class_names[k] for k in data.labels] == [kind for *_, kind in rows]


# --- distances --------------------------------------------------------------------------------------------------------


def test_the_floor_is_what_the_distribution_says() -> None:
    """With n points in each half, all pairs counted: 2/n E|X − X'|, and E|X − X'| = √π for N(0, I) in the plane."""
    rng = torch.Generator().manual_seed(0)
    floors, fresh, repeated = [], [], []
    for _ in range(30):
        data = torch.randn(300, 2, generator=rng)
        floors.append(energy_floor(data).value)
        fresh.append(energy_from_data(torch.randn(1000, 2, generator=rng), data).value)
        repeated.append(energy_from_data(data[torch.randint(300, (3000,), generator=rng)], data).value)
    expected = 2 / 150 * math.sqrt(math.pi)
    assert np.mean(floors) == pytest.approx(expected, rel=0.08)
    assert np.mean(fresh) == pytest.approx(expected, rel=0.12)
    assert np.mean(repeated) == pytest.approx(0.75 * expected, rel=0.12)


def test_the_closed_forms_are_the_means_over_the_halvings() -> None:
    data, samples = torch.from_numpy(named("moons", 60).x), torch.from_numpy(named("star", 80).x)
    halves, mixed = [], []
    for seed in range(1500):
        rng = torch.Generator().manual_seed(seed)
        order, other = torch.randperm(60, generator=rng), torch.randperm(80, generator=rng)
        halves.append(energy_distance(data[order[:30]], data[order[30:]]))
        mixed.append(energy_distance(data[order[:30]], samples[other[:30]]))
    for values, estimate in ((halves, energy_floor(data)), (mixed, energy_from_data(samples, data))):
        error = float(np.std(values)) / math.sqrt(len(values))
        assert estimate.value == pytest.approx(np.mean(values), abs=5 * error)
        assert error < 0.05 * estimate.value
        assert 0.3 < estimate.standard_error / np.std(values) < 3


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.8, 1.8), (0.5, 0.7, 1.3)])
def test_the_error_of_a_distance_is_what_other_samples_do_to_it(shift: float, least: float, most: float) -> None:
    data = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    values, errors = [], []
    for seed in range(60):
        samples = torch.randn(200, 2, generator=torch.Generator().manual_seed(1 + seed)) + shift
        values.append(energy_from_data(samples, data, splits=2).value)
        errors.append(energy_error(samples, data))
    assert least < np.sqrt(np.mean(np.square(errors))) / np.std(values) < most
    with pytest.raises(ValueError, match="four samples"):
        energy_error(data[:3], data)


def test_another_distribution_lies_far_above_the_floor() -> None:
    """The floor falls with the number of points, the distance between the laws does not: it takes many to tell them apart."""
    data = torch.from_numpy(named("circles", 4000).x)
    normal = torch.randn(4000, 2, generator=torch.Generator().manual_seed(1))
    assert energy_from_data(normal, data, splits=3).value > 1.6 * energy_floor(data, splits=3).value
    with pytest.raises(ValueError, match="two points"):
        energy_floor(data[:1])


# --- denoisers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("each_its_level", [False, True])
def test_by_class_is_the_exact_denoiser_itself(each_its_level: bool) -> None:
    data = named("pinwheel", 300)
    exact = ExactDenoiser(torch.from_numpy(data.x).double(), torch.from_numpy(data.labels), std=0.1)
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(500, 2, generator=rng, dtype=torch.float64)
    label = torch.randint(NO_LABEL, 5, (500,), generator=rng)
    schedule = NoiseSchedule.cosine(100)
    level = schedule.level(torch.randint(1, 101, (500,), generator=rng) if each_its_level else 40)
    for given_ in (label, None):
        ours, theirs = ExactByClass(exact, block=64)(x, level, given_), exact(x, level, given_)
        torch.testing.assert_close(ours.x0, theirs.x0, rtol=0, atol=1e-10)
        torch.testing.assert_close(ours.noise, theirs.noise, rtol=0, atol=1e-8)
    with pytest.raises(ValueError, match="has that class"):
        ExactByClass(exact)(x, level, label + 9)


@pytest.mark.parametrize("shape", [(2,), (1,), (3, 5), (4, 4)])
def test_noise_drawn_ahead_is_the_noise_drawn_in_turn(shape: tuple[int, ...]) -> None:
    many = SeededNoise([5, 6], shape)
    generator = torch.Generator().manual_seed(6)
    for _ in range(20):
        assert torch.equal(many()[1], torch.randn(shape, generator=generator))


@pytest.mark.parametrize("name", ["moons", "gaussians"])
def test_samples_of_the_exact_denoiser_lie_at_the_floor(name: str) -> None:
    data = named(name, 600)
    x = torch.from_numpy(data.x)
    exact = ExactByClass(ExactDenoiser(x, std=0.05))
    *_, last = sample(exact, NoiseSchedule.cosine(200), DDIM(), shape=(2,), steps=50, seeds=range(1000))
    assert energy_from_data(last.x, x).value < 1.2 * energy_floor(x).value


# --- training ---------------------------------------------------------------------------------------------------------


def test_the_network_comes_to_the_floor() -> None:
    data = named("circles", 2000)
    config = PointTraining(steps=400)
    state, x, before = begin(config, data), torch.from_numpy(data.x), torch.random.get_rng_state()
    reports = list(train(config, data, state))
    assert reports[-1].step == state.step == 400
    assert torch.equal(torch.random.get_rng_state(), before)
    schedule, labels = config.noise_schedule(), torch.from_numpy(data.labels)
    *_, last = sample(state.frozen(), schedule, DPMSolver2M(), shape=(2,), steps=20, seeds=range(2000), label=labels)
    assert energy_from_data(last.x, x).value < 1.2 * energy_floor(x).value
    # Each goes to its own class: the outer circle and the inner one.
    radius = last.x.norm(dim=1)
    assert radius[labels == 0].mean() > 2 * radius[labels == 1].mean()
    assert bayes_optimal_loss(config, data).value < np.mean([report.loss for report in reports[-4:]])


def test_an_untrained_network_is_as_wrong_as_the_data_are_wide() -> None:
    """It answers 0, and E v² = ᾱ E ε² + (1 − ᾱ) E x_0² = 1 at every level, for data of variance 1."""
    data = named("star", 1000)
    config = PointTraining(steps=1, batch=20_000, report_every=1)
    assert next(train(config, data, begin(config, data))).loss == pytest.approx(1, abs=0.02)


def test_the_loss_floor_of_two_points_is_the_textbook_integral() -> None:
    """x_0 = ±1 along one axis: E[x_0 | x_t] = tanh(√ᾱ x_t / (1 − ᾱ)); the other axis is 0, where v = √ᾱ ε is read off x_t."""
    data = point_set("two", "two", [[-1.0, 0.0], [1.0, 0.0]])
    config = PointTraining(T=20, target="clean")
    schedule, z = config.noise_schedule(), torch.linspace(-9, 9, 20001, dtype=torch.float64)
    density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    expected = []
    for t in range(1, 21):
        a, v = float(schedule.alpha_bar[t]), float(schedule.level(t).variance)
        x_t = math.sqrt(a) + math.sqrt(v) * z
        expected.append(float(torch.trapezoid((1 - torch.tanh(math.sqrt(a) * x_t / v)) ** 2 * density, z)) / 2)
    assert bayes_optimal_loss(config, data, samples=65536).value == pytest.approx(np.mean(expected), rel=0.04)
    # Of two estimates each lies in the band that the other one gives for so many samples, 19 of 20 times.
    few = [bayes_optimal_loss(dataclasses.replace(config, seed=seed), data, samples=2048) for seed in range(40)]
    apart = np.array([(a.value - b.value) / a.spread(b.samples) for a, b in itertools.pairwise(few)])
    assert 0.6 < apart.std() < 1.4
    assert few[0].standard_error == pytest.approx(np.std([one.value for one in few]), rel=0.4)


def test_the_class_is_hidden_as_often_as_asked_and_x_t_belongs_to_its_noise() -> None:
    data, schedule = named("pinwheel", 500), NoiseSchedule.cosine(50)
    points = torch.from_numpy(data.x), torch.from_numpy(data.labels)
    batch = noised(points, schedule, 20_000, torch.Generator().manual_seed(0), dropout=0.3)
    assert batch.label is not None
    assert float((batch.label == NO_LABEL).double().mean()) == pytest.approx(0.3, abs=0.015)
    alpha_bar = schedule.alpha_bar[batch.t].float()[:, None]
    torch.testing.assert_close(batch.x_t, alpha_bar.sqrt() * batch.x0 + (1 - alpha_bar).sqrt() * batch.noise)
    assert {int(batch.t.min()), int(batch.t.max())} == {1, 50}


def test_training_on_goes_on_where_it_was_and_leaves_earlier_copies_alone() -> None:
    data, config = named("moons", 300), PointTraining(steps=30, report_every=10)
    state = begin(config, data)
    assert [report.step for report in train(config, data, state)] == [10, 20, 30]
    early = state.frozen()
    x, level = torch.zeros(4, 2), config.noise_schedule().level(100)
    said = early(x, level).x0
    assert [(report.step, report.left) for report in train(config, data, state)] == [(40, 20), (50, 10), (60, 0)]
    assert torch.equal(early(x, level).x0, said)
    assert not torch.equal(state.averaged(x, level).x0, said)


def test_a_point_is_denoised_alone_as_in_company() -> None:
    data, config = named("smiley", 100), PointTraining(width=16, depth=2)
    denoiser = begin(config, data).averaged
    assert isinstance(denoiser, NetDenoiser)
    torch.nn.init.normal_(denoiser.net.last.weight)  # type: ignore[union-attr,arg-type]
    x, level = torch.randn(7, 2), config.noise_schedule().level(50)
    label = torch.tensor([0, 1, 2, 3, NO_LABEL, 0, 1])
    together = denoiser(x, level, label).x0
    for k in range(7):
        torch.testing.assert_close(denoiser(x[k : k + 1], level, label[k : k + 1]).x0, together[k : k + 1])
    assert not torch.allclose(denoiser(x[:1], level, label[1:2]).x0, together[:1])
    assert config.target in TARGETS
