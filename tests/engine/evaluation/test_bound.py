"""The estimate of the whole bound: unbiased, with errors that are true, the same for the same seed; and its command."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.cli import main
from engine.data.catalogue import load
from engine.data.pixels import to_unit
from engine.denoiser import Clipped
from engine.evaluation.bound import (
    Bound,
    BoundError,
    blocks_of,
    held_out_bound,
    variational_bound,
)
from engine.evaluation.drawing import Progress
from engine.ideal import ExactDenoiser
from engine.likelihood import DENSITY, bound_term, prior_term
from engine.process import Prediction
from engine.registry import open_model
from engine.schedule import Level, NoiseSchedule

from laws import gaussian

SCHEDULE = NoiseSchedule.cosine(20)
MEAN, STD = 0.3, 0.5


def _last(events: Iterator[Progress | Bound]) -> Bound:
    *_, bound = events
    assert isinstance(bound, Bound)
    return bound


def _points(count: int) -> Tensor:
    """A small set of numbers, drawn from N(MEAN, STD²)."""
    return MEAN + STD * torch.randn(count, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def _truth(x0: Tensor, schedule: NoiseSchedule) -> Tensor:
    """L_T and the terms t = 1 … T of the exact denoiser of N(MEAN, STD²), on average over these numbers and all noise.

    x̂0 = m + g (x_t − √ᾱ m), so E(x_0 − x̂0)² = (1 − g √ᾱ)² (x_0 − m)² + g² (1 − ᾱ), and a term is linear in that.
    """
    t = torch.arange(1, schedule.T + 1)
    level = schedule.level(t)
    gain = level.alpha_bar.sqrt() * STD**2 / (level.alpha_bar * STD**2 + level.variance)
    spread = float((x0 - MEAN).square().mean())
    error = (1 - gain * level.alpha_bar.sqrt()) ** 2 * spread + gain**2 * level.variance
    zero = torch.zeros(schedule.T, 1, dtype=torch.float64)
    terms = bound_term(Prediction(error.sqrt()[:, None], zero), zero, zero, schedule, t, "small", DENSITY)
    return torch.cat([prior_term(x0, schedule).mean()[None], terms])


# --- the estimate -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strata", [None, 6, 1])
def test_estimates_are_unbiased_and_their_errors_true(strata: int | None) -> None:
    """Of 200 estimates (estimate − truth) / standard error has mean 0 and standard deviation 1; of the sum, and of a term."""
    x0 = _points(7)
    truth = _truth(x0, SCHEDULE)
    sums, firsts = [], []
    for seed in range(200):
        bound = _last(
            variational_bound(
                gaussian(MEAN, STD), SCHEDULE, x0, decoder=DENSITY, per_step=40, strata=strata, seed=seed, batch=9999
            )
        )
        sums.append((bound.nats - float(truth.sum())) / bound.standard_error)
        first = bound.terms[0]
        firsts.append((first.nats - float(truth[first.first : first.last + 1].sum())) / first.standard_error)
    for z in (torch.tensor(sums), torch.tensor(firsts)):
        assert abs(float(z.mean())) < 4 / math.sqrt(200)
        assert float(z.std()) == pytest.approx(1, abs=0.2)


def test_each_term_is_the_term_of_its_t() -> None:
    x0 = _points(7)
    truth = _truth(x0, SCHEDULE)
    bound = _last(variational_bound(gaussian(MEAN, STD), SCHEDULE, x0, decoder=DENSITY, per_step=1000, batch=10**6))
    assert [(term.first, term.last) for term in bound.terms] == [(t, t) for t in range(1, 21)]
    for term in bound.terms:
        assert abs(term.nats - float(truth[term.first])) < 5 * term.standard_error, term.first
    assert bound.prior.nats == pytest.approx(float(truth[0]))
    assert bound.prior.standard_error == 0


@pytest.mark.parametrize("strata", [None, 7])
def test_the_terms_add_up_in_nats_and_in_bits(strata: int | None) -> None:
    x0 = _points(12).reshape(2, 3, 2)
    exact = ExactDenoiser(torch.full((1, 3, 2), MEAN).double(), std=STD)
    bound = _last(variational_bound(exact, SCHEDULE, x0, decoder=DENSITY, strata=strata))
    assert bound.dimensions == 6
    assert bound.nats == pytest.approx(bound.prior.nats + sum(term.nats for term in bound.terms))
    assert bound.standard_error == pytest.approx(math.hypot(*(term.standard_error for term in bound.terms)))
    assert bound.bits_per_dim == pytest.approx(bound.nats / (6 * math.log(2)))
    assert bound.bits_per_dim_error == pytest.approx(bound.standard_error / (6 * math.log(2)))
    for term in (bound.prior, *bound.terms):
        assert term.bits_per_dim == pytest.approx(term.nats / (6 * math.log(2)))
        assert term.bits_per_dim_error == pytest.approx(term.standard_error / (6 * math.log(2)))
    parts = bound.parts()
    assert sum(part.nats for part in parts) == pytest.approx(bound.nats - bound.prior.nats)
    assert math.hypot(*(part.standard_error for part in parts)) == pytest.approx(bound.standard_error)
    assert (parts[0].first, parts[-1].last) == (1, 20)
    assert all(before.last + 1 == after.first for before, after in itertools.pairwise(parts))
    assert Bound.model_validate_json(bound.model_dump_json()) == bound


def test_gaussian_data_cost_their_entropy() -> None:
    """N(0, 1), its exact denoiser and the large variance, at T = 5 already: what is left is the error that is stated."""
    x0 = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    bound = _last(
        variational_bound(
            gaussian(0, 1),
            NoiseSchedule.cosine(5),
            x0,
            variance="large",
            decoder=DENSITY,
            per_step=4000,
            batch=10**6,
        )
    )
    assert bound.standard_error < 0.02
    assert abs(bound.nats - 0.5 * math.log(2 * math.pi * math.e)) < 4 * bound.standard_error


def test_data_of_256_levels_cost_a_little_more_than_their_entropy() -> None:
    """Discretised Gaussian data with the exact denoiser of their levels, T = 50: not below the entropy, not far above it."""
    levels = torch.arange(256).double() / 127.5 - 1
    p = torch.exp(-0.5 * ((levels - 0.1) / 0.2) ** 2)
    p /= p.sum()
    entropy = -float((p * p.log2()).sum())
    x0 = levels[torch.multinomial(p, 100_000, replacement=True, generator=torch.Generator().manual_seed(0))][:, None]
    exact = ExactDenoiser(levels[:, None], prior=p)
    schedule = NoiseSchedule.cosine(50)
    bound = _last(variational_bound(exact, schedule, x0, variance="large", per_step=200, batch=10_000))
    assert -3 * bound.bits_per_dim_error < bound.bits_per_dim - entropy < 0.25


def test_a_better_denoiser_has_the_lower_bound() -> None:
    x0 = _points(5000)
    better, worse = (
        _last(variational_bound(d, SCHEDULE, x0, decoder=DENSITY, per_step=500, batch=10**6))
        for d in (gaussian(MEAN, STD), gaussian(MEAN, 2 * STD))
    )
    assert worse.nats - better.nats > 5 * math.hypot(better.standard_error, worse.standard_error)


# --- draws ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strata", [None, 4])
@pytest.mark.parametrize("batch", [1, 7, 33, 10_000])
def test_the_batch_changes_nothing_and_the_seed_the_draws(strata: int | None, batch: int) -> None:
    x0, schedule = _points(9), NoiseSchedule.cosine(6)

    def nats(batch: int, seed: int = 5) -> float:
        events = variational_bound(
            gaussian(MEAN, STD), schedule, x0, decoder=DENSITY, per_step=3, strata=strata, seed=seed, batch=batch
        )
        return _last(events).nats

    assert nats(batch) == pytest.approx(nats(64), rel=1e-12)
    assert abs(nats(batch, seed=6) - nats(batch)) > 1e-6


def test_progress_is_told_and_the_rest_of_the_world_left_alone() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    events = variational_bound(gaussian(MEAN, STD), SCHEDULE, _points(4), decoder=DENSITY, per_step=8, batch=40)
    seen: list[Progress] = []
    for event in events:
        assert torch.is_grad_enabled()
        if isinstance(event, Progress):
            seen.append(event)
    assert len(seen) > 3
    assert [e.done for e in seen] == sorted({e.done for e in seen})
    assert {e.total for e in seen} == {seen[-1].done}
    assert seen[-1].seconds_left == 0
    assert math.isnan(Progress(0, 10, 0.0).seconds_left)
    assert bool((torch.random.get_rng_state() == before).all())


def test_a_dropped_estimate_asks_the_denoiser_no_more() -> None:
    asked: list[int] = []
    exact = gaussian(MEAN, STD)

    def counting(x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        asked.append(len(x_t))
        return exact(x_t, level, label)

    events = variational_bound(counting, SCHEDULE, _points(4), decoder=DENSITY, batch=10)
    next(events)
    del events
    assert asked == [10]


def test_each_picture_goes_with_its_label_and_each_t_is_looked_at_as_often_as_is_said() -> None:
    """Whoever is told the label knows the picture: then only the last step costs anything."""
    x0, labels = torch.tensor([[-1.0], [-1 / 255], [1.0]]).double(), torch.tensor([7, 8, 9])
    asked: Counter[int] = Counter()

    def told(x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        assert label is not None
        asked.update(SCHEDULE.t_of(level).round().long().tolist())
        return Prediction(x0[label - 7], x_t)

    bound = _last(variational_bound(told, SCHEDULE, x0, labels, per_step=4))
    assert all(abs(term.nats) < 1e-9 for term in bound.terms[1:])
    assert [asked[t] for t in range(1, 21)] == [term.draws for term in bound.terms]
    assert [term.draws for term in bound.terms] == [4 * max(1, 32 // t) for t in range(1, 21)]


@settings(max_examples=60, deadline=None)
@given(T=st.integers(1, 3000), data=st.data())
def test_blocks_cut_1_to_T_into_as_many_pieces(T: int, data: st.DataObject) -> None:
    strata = data.draw(st.integers(1, T))
    blocks = blocks_of(T, strata)
    assert len(blocks) == strata
    assert strata == 1 or blocks[0] == (1, 1)
    assert [t for first, last in blocks for t in range(first, last + 1)] == list(range(1, T + 1))
    assert blocks_of(T, T) == blocks_of(T, None)


def test_the_first_blocks_are_short() -> None:
    assert blocks_of(1000, 40)[:6] == [(t, t) for t in range(1, 7)]
    lengths = [last - first for first, last in blocks_of(1000, 40)]
    assert max(lengths) == lengths[-1] < 200


@pytest.mark.parametrize("strata", [None, 1])
def test_a_schedule_of_one_step(strata: int | None) -> None:
    schedule = NoiseSchedule.from_alpha_bar([1.0, 0.2])
    bound = _last(variational_bound(gaussian(MEAN, STD), schedule, _points(5), decoder=DENSITY, strata=strata))
    assert [(term.first, term.last) for term in bound.terms] == [(1, 1)]
    assert [(part.first, part.last) for part in bound.parts()] == [(1, 1)]


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"variance": "zero"}, "none for “zero”"),
        ({"variance": "learned"}, "no learned variance"),
        ({"per_step": 1}, "2 draws"),
        ({"batch": 0}, "at least one"),
        ({"strata": 0}, "1 to 20 blocks"),
        ({"strata": 21}, "1 to 20 blocks"),
        ({"x0": torch.zeros(0, 1)}, "at least one picture"),
        ({"x0": torch.zeros(3)}, "at least one picture"),
        ({"x0": torch.zeros(3, 1, dtype=torch.int64)}, "at least one picture"),
        ({"x0": torch.full((3, 1), 0.5)}, "256 levels"),
        ({"x0": torch.full((3, 1), 3.0)}, "256 levels"),
        ({"x0": torch.full((3, 1), float("nan"))}, "not numbers"),
        ({"labels": torch.tensor([1])}, "3 labels"),
        ({"denoiser": lambda x_t, level, label=None: Prediction(x_t * float("nan"), x_t)}, "not numbers"),
    ],
)
def test_what_cannot_be_is_one_sentence(changed: dict[str, object], said: str) -> None:
    exact = ExactDenoiser(torch.zeros(1, 1), std=1.0)
    arguments = {"denoiser": exact, "schedule": SCHEDULE, "x0": torch.ones(3, 1), "labels": None} | changed
    with pytest.raises(ValueError, match=said) as problem:
        list(variational_bound(**arguments))
    assert len(str(problem.value).splitlines()) == 1


# --- models and pictures that there are -------------------------------------------------------------------------------


def test_the_network_that_ships_and_the_denoiser_that_knows_its_data_by_heart() -> None:
    """On held-out digits the network needs a bit or two for each number; the ideal denoiser, which can only answer with
    pictures that it knows, hundreds and more. On its own pictures it is the better one."""
    data = load("digits")
    net = _last(held_out_bound(open_model("digits"), data, per_step=2, strata=4, batch=50))
    assert net.variance == "small"
    assert net.pictures == len(data.held_out_part)
    assert net.dimensions == 784
    assert 0.5 < net.bits_per_dim < 3
    ideal = open_model("ideal:digits")
    heart = _last(held_out_bound(ideal, data, per_step=2, strata=4))
    assert heart.bits_per_dim > 100 * net.bits_per_dim
    own = to_unit(data.training.images[:20])
    known = _last(variational_bound(Clipped(ideal.denoiser), ideal.schedule, own, per_step=2, strata=4))
    assert known.bits_per_dim < net.bits_per_dim


def test_a_model_for_other_pictures_is_refused() -> None:
    with pytest.raises(BoundError, match="1 × 28 × 28"):
        next(held_out_bound(open_model("digits"), load("emoji")))


def test_the_command_says_the_bits_and_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "evaluate",
        "--bound",
        "--model",
        "ideal:digits",
        "--strata",
        "5",
        "--per-step",
        "2",
        "--variance",
        "large",
    ]
    assert main([*words, "--json", str(tmp_path / "new" / "bound.json")]) == 0
    told = capsys.readouterr().out
    for said in ("bits/dim", "L_0", "L_1 … L_999", "L_1000", "large variance", "t = 1 ", "%"):
        assert said in told
    written = json.loads((tmp_path / "new" / "bound.json").read_text())
    assert written["command"].startswith("python -m engine evaluate --bound --model ideal:digits --variance large")
    again = Bound.model_validate({name: written[name] for name in Bound.model_fields})
    assert f"{again.bits_per_dim:.4f} ± {again.bits_per_dim_error:.4f} bits/dim" in told
    assert again.variance == "large"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--variance", "zero"], "none for “zero”"),
        (["--variance", "huge"], "none for “huge”"),
        (["--variance", "learned"], "no learned variance"),
        (["--strata", "1001"], "1 to 1000"),
        (["--per-step", "1"], "2 draws"),
        (["--variance", "small", "large", "--json", "x.json"], "one result"),
        (["--results", "x.jsonl"], "--json"),
        (["--data", "emoji"], "1 × 28 × 28"),
        (["--device", "nowhere"], "no device"),
    ],
)
def test_a_command_that_cannot_be_is_one_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "--bound", "--model", "ideal:digits", *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())
