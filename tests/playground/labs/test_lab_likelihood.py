"""The Likelihood lab: stacks that add up, pictures that average to the whole, stopping, what is taken away, bad input."""

from __future__ import annotations

import csv
import io
import math
import threading
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.models import vae
from engine.runs.service import TrainingService
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.timestep_bins import TIMESTEP_BINS
from playground.labs.likelihood import excess_loss, latent, results
from playground.labs.likelihood import job as likelihood
from playground.labs.likelihood import view as figures
from playground.labs.likelihood.controls import TITLES, Bar, LikelihoodControls, bars, measured_settings
from playground.labs.likelihood.results import BarResult, Measurement
from playground.labs.shared.controls import from_link, to_link
from playground.labs.shared.job import Job
from playground.labs.shared.naming import shipped_title
from playground.labs.training import doctor
from playground.policy.visitor import HOST, Visitor

QUICK = {"pictures": 3, "seed": 5}


def result_of(**changed: object) -> Measurement:
    """What the lab says in the end."""
    *_, last = likelihood.work(LikelihoodControls.model_validate(QUICK | changed), HOST)
    assert last.done == last.total
    return last.result


@pytest.fixture(scope="module")
def layers() -> Measurement:
    return result_of()


def test_stacks_add_up_to_the_mean_over_the_pictures(layers: Measurement) -> None:
    assert [result.bar.latent for result in layers.results] == [False, False, True]
    for result in layers.results:
        assert sum(part.bits for part in result.segments()) == pytest.approx(result.mean)
        assert result.mean == pytest.approx(float(result.totals.mean()))
        assert result.error == pytest.approx(float(result.totals.std(ddof=1)) / math.sqrt(3))
        assert 0.5 < result.mean < 3  # bits per dimension of a digit
    drawn = figures.stacked(layers)
    for bar, result in zip(drawn["bars"], layers.results, strict=True):
        assert sum(part["value"] for part in bar["segments"]) == pytest.approx(bar["total"])
        assert bar["total"] == pytest.approx(result.mean)
        assert bar["total"] < drawn["most"]


@pytest.mark.parametrize("blocks", [20, 200])
def test_every_term_has_its_place_in_the_stack_however_t_is_cut(blocks: int) -> None:
    from engine.evaluation.bound import blocks_of

    cut = tuple(blocks_of(1000, blocks))
    table = np.random.default_rng(0).random((4, len(cut) + 1))
    one = BarResult(Bar("x", "x"), cut, table, table[:, :-1])
    segments = one.segments()
    assert sum(part.bits for part in segments) == pytest.approx(float(table.sum(1).mean()))
    assert [part.kind for part in segments] == [0, 1, 2, 3, 4]
    assert segments[0].name == "L₀"
    assert segments[0].bits == pytest.approx(float(table[:, 0].mean()))
    assert segments[3].name.endswith("1000")


def test_the_bits_that_were_told_are_all_but_the_last_step(layers: Measurement) -> None:
    for result in layers.results:
        rate, distortion = results.rate_and_distortion(result)
        last_step = result.segments()[0].bits
        assert rate[-1] == pytest.approx(result.mean - last_step)
        assert np.all(np.diff(rate) >= 0)
        assert np.all((distortion >= 0) & (distortion < 255))
    rate, distortion = results.rate_and_distortion(layers.results[0])
    assert distortion[0] > 5 * distortion[-1]  # x_T says nothing of the picture, x_1 nearly all


def test_pictures_are_sorted_by_the_first_bar_and_the_table_says_the_same(layers: Measurement) -> None:
    ordered = results.by_bits(layers)
    first = [priced.bits[0] for priced in ordered]
    assert first == sorted(first)
    rows = list(csv.reader(io.StringIO(figures.csv_of_pictures(layers))))
    assert [int(row[0]) for row in rows[1:]] == [priced.number for priced in ordered]
    for k, result in enumerate(layers.results):
        assert np.mean([float(row[1 + k]) for row in rows[1:]]) == pytest.approx(result.mean, rel=1e-4)


def test_the_table_of_terms_adds_up(layers: Measurement) -> None:
    rows = list(csv.DictReader(io.StringIO(figures.csv_of_terms(layers))))
    for result in layers.results:
        mine = [row for row in rows if row["bar"] == result.bar.title]
        *terms, total = mine
        assert total["term"] == "total"
        assert sum(float(row["bits_per_dim"]) for row in terms) == pytest.approx(float(total["bits_per_dim"]), rel=1e-4)
        assert len(terms) == (len(result.blocks) + 1 if result.blocks else 2)


@pytest.mark.parametrize("data", ["digits", "emoji"])
def test_a_bar_of_one_name_is_the_same_measurement_in_every_comparison(data: str) -> None:
    """And where the variance is compared, it alone differs."""
    named: dict[str, Bar] = {}
    for compare in ("layers", "variance", "schedules", "ideal"):
        compared = bars(LikelihoodControls(data=data, compare=compare), "vae")
        for bar in compared:
            assert named.setdefault(bar.title, bar) == bar
        if compare == "variance":
            assert len({(bar.model, bar.schedule) for bar in compared}) == 1
            assert len({bar.variance for bar in compared}) == len(compared)


def test_the_model_of_every_bar_is_named(layers: Measurement) -> None:
    note = figures.stacked(layers)["note"]
    assert all(
        f"{result.bar.title}" in note and f"“{shipped_title(result.bar.model)}”" in note for result in layers.results
    )


def test_a_learned_variance_and_the_cosine_schedule_cost_less_on_the_very_same_noise() -> None:
    """Paired, so that a few pictures are enough: what docs/results.md says of a thousand."""
    small, large, learned = (result.totals for result in result_of(compare="variance").results)
    assert np.all(learned < small)
    assert np.all(small < large)
    cosine, linear, _ = (result.totals for result in result_of(compare="schedules").results)
    assert np.all(cosine < linear)
    assert any("fewer" in sentence for sentence in results.differences(result_of(compare="variance")))


def test_who_knows_the_training_pictures_by_heart_finds_others_all_but_impossible() -> None:
    trained, ideal = (result.mean for result in result_of(compare="ideal").results)
    assert ideal > 50 * trained
    trained, ideal = (result.mean for result in result_of(compare="ideal", part="training").results)
    assert ideal < trained
    assert ideal < 1
    drawn = figures.stacked(result_of(compare="ideal"))
    assert drawn["bars"][1]["total"] > drawn["most"] > drawn["bars"][0]["total"]  # broken off, and the other one whole


def test_it_stops_at_the_next_picture_and_keeps_what_there_is() -> None:
    seen = threading.Event()

    def watched():  # type: ignore[no-untyped-def]
        for partial in likelihood.work(LikelihoodControls(pictures=150, seed=77, compare="variance"), HOST):
            yield partial
            seen.set()

    job = Job(watched)
    assert seen.wait(60)
    job.stop()
    job.wait(60)
    state = job.state
    assert state.status == "stopped"
    assert state.result is not None
    assert 0 < state.done < state.total
    assert figures.stacked(state.result)["bars"]


def test_what_was_measured_is_remembered_and_is_the_same() -> None:
    first, again = result_of(compare="variance", seed=6), result_of(compare="variance", seed=6)
    for a, b in zip(first.results, again.results, strict=True):
        np.testing.assert_array_equal(a.bits, b.bits)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"compare": "own", "a_model": "emoji"}, "The model is for pictures of"),
        ({"compare": "own", "a_variance": "learned"}, "no learned variance"),
        ({"compare": "own", "b_model": "/nowhere"}, "nowhere"),
        ({"compare": "layers", "vae": "/etc"}, "There is no VAE"),
        ({"compare": "layers", "vae": "run:20200101-000000-00000000"}, "run"),
        ({"compare": "layers", "data": "emoji", "vae": "digits-vae"}, "is for pictures of"),
    ],
)
def test_what_does_not_fit_is_one_sentence(changed: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        result_of(**changed)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_pictures_without_a_vae_say_so() -> None:
    shown = result_of(data="emoji", pictures=2)
    assert [result.bar.latent for result in shown.results] == [False]
    assert "There is no VAE of emoji yet" in shown.problems[0]
    assert "no VAE of emoji" in str(latent.views(LikelihoodControls(data="emoji"), HOST))


def test_a_link_opens_what_it_says() -> None:
    state = LikelihoodControls(
        compare="own", a_model="ideal:digits", b_schedule="linear", blocks=200, pictures=7, first=4
    )
    opened, problems = from_link(LikelihoodControls, to_link(state))
    assert (opened, problems) == (state, [])
    _, problems = from_link(LikelihoodControls, {"blocks": "21", "pictures": "100000", "compare": "x"})
    assert len(problems) == 3
    assert measured_settings(LikelihoodControls(b_model="emoji", first=9)) == measured_settings(LikelihoodControls())
    assert measured_settings(LikelihoodControls(compare="own", b_model="emoji")) != measured_settings(
        LikelihoodControls(compare="own")
    )


@pytest.mark.parametrize("compare", TITLES)
@pytest.mark.parametrize("data", ["digits", "emoji"])
def test_every_comparison_has_bars_with_names_of_their_own(compare: str, data: str) -> None:
    shown = bars(LikelihoodControls.model_validate({"compare": compare, "data": data}), "some-vae")
    assert len({bar.title for bar in shown}) == len(shown) >= 2


# --- the VAE ----------------------------------------------------------------------------------------------------------


def test_the_walk_goes_from_the_one_picture_to_the_other() -> None:
    views = latent.views(LikelihoodControls(first=3, second=905), HOST)
    assert not isinstance(views, str)
    assert [len(lane.index) for lane in views.interpolation.lanes] == [latent.STOPS] * 2
    assert views.grid.shape == (latent.GRID * 28, latent.GRID * 28, 1)
    back = np.abs(views.back[0].astype(float) - views.back[1].astype(float)).mean()
    shuffled = np.abs(views.back[0].astype(float) - views.back[1][::-1].astype(float)).mean()
    assert back < 0.5 * shuffled  # what comes back is the picture that went in
    assert 2 <= views.used <= views.latent


def test_numbers_that_there_are_not_are_said() -> None:
    views = latent.views(LikelihoodControls(across=64, down=60), HOST)
    assert not isinstance(views, str)
    assert any("latent dimensions" in problem for problem in views.problems)
    assert views.axes == (views.latent, views.latent)


# --- loss above the ideal ---------------------------------------------------------------------------------------------


def _report(step: int, loss: float) -> Report:
    levels = (*(loss + k for k in range(TIMESTEP_BINS - 1)), math.nan)
    return Report(step, 100, loss, levels, 1e-3, 1.0, 10.0)


def test_the_map_is_loss_minus_floor_and_leaves_gaps_where_nothing_fell() -> None:
    floor = BayesOptimalLoss(0.5, tuple(float(k) for k in range(TIMESTEP_BINS)))
    shown = excess_loss.binned("x", [_report(step, 100.0 - step) for step in range(1, 97)], floor, "u")
    assert shown.excess.shape == (TIMESTEP_BINS, excess_loss.COLUMNS)
    assert shown.steps[-1] == 96
    np.testing.assert_allclose(shown.excess[0], 100 - (np.arange(1, 97).reshape(-1, 2).mean(1)))
    np.testing.assert_allclose(shown.excess[3], shown.excess[0])
    assert np.isnan(shown.excess[-1]).all()
    drawn = figures.heat(shown)
    assert drawn["values"][-1] == [None] * excess_loss.COLUMNS
    assert len(drawn["csv"].splitlines()) == 1 + excess_loss.COLUMNS


def test_the_network_that_ships_never_beats_the_ideal_and_comes_closer() -> None:
    shown = excess_loss.heat_map("digits", HOST)
    assert np.nanmean(shown.excess[:, -1]) < 0.5 * np.nanmean(shown.excess[:, 0])
    assert np.nanmin(shown.excess[:, -10:].mean(1)) > 0
    with pytest.raises(ValueError, match="no training run of a denoiser"):
        excess_loss.heat_map("run:nothing", HOST)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_opens_with_something_to_see() -> None:
    def script() -> None:
        from playground.streamlit_ui import likelihood

        likelihood.show()

    page = AppTest.from_function(script, default_timeout=60)
    page.query_params["pictures"] = "2"
    page.query_params["blocks"] = "21"
    page.run()
    assert not page.exception
    assert any("Timestep blocks" in warning.value for warning in page.warning)
    job = page.session_state["likelihood/job"]
    job.wait(60)
    page.run()
    assert not page.exception
    assert job.state.status == "finished"


# --- a VAE of one's own -----------------------------------------------------------------------------------------------


def test_a_run_that_trains_a_vae_goes_all_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paused, taken up again, finished; listed, opened here, refused elsewhere; and not there for whom it is not."""
    service = TrainingService(tmp_path)
    monkeypatch.setattr("engine.runs.service._service", service)
    few = {"task": "vae", "batch": 4, "steps": 40, "report_every": 1, "sample_every": 20, "warmup": 0, "latent": 3}
    run_id = service.submit(TrainConfig.model_validate(few))
    service.wait(run_id, lambda snapshot: snapshot.step >= 2, 60)
    service.pause(run_id)
    service.wait(run_id, lambda snapshot: snapshot.status in ("paused", "finished"), 60)
    service.resume(run_id)
    service.wait(run_id, lambda snapshot: snapshot.status == "finished", 60)
    snapshot = service.snapshot(run_id)
    assert snapshot is not None
    assert (snapshot.can_encode, snapshot.can_sample, snapshot.can_guide) == (True, False, False)
    assert snapshot.bayes_optimal is None
    assert snapshot.previews
    assert snapshot.held_out[-1][0] == 40
    assert doctor.findings(snapshot) is not None
    assert f"run:{run_id}" in latent.vaes(HOST)
    assert latent.chosen(f"run:{run_id}", "digits", HOST) == (f"run:{run_id}", "")
    assert f"run:{run_id}" not in latent.vaes(Visitor(public=True))
    views = latent.views(LikelihoodControls(vae=f"run:{run_id}"), HOST)
    assert not isinstance(views, str)
    assert views.latent == 3
    assert result_of(vae=f"run:{run_id}", pictures=2).results[-1].bar.model == f"run:{run_id}"
    with pytest.raises(ValueError, match="Likelihood lab"):
        service.model(run_id)
    with pytest.raises(ValueError, match="not a VAE"):
        service.vae(service.submit(TrainConfig.model_validate(few | {"task": "denoiser", "steps": 1})))
    opened = vae.load(tmp_path / run_id)
    assert opened.card.step == 40
    assert opened.net.config.latent == 3
