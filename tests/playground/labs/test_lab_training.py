"""The Training lab: what the settings ask for, what they cost, and what is shown of a run."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from engine.data.catalogue import load
from engine.runs.entry import Snapshot
from engine.runs.record import Status, new_id
from engine.training import loop
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.config import TrainConfig
from engine.training.preflight import Preflight
from engine.training.report import Report
from engine.training.tasks import parameter_count
from engine.training.timestep_bins import TIMESTEP_BINS
from playground.labs.shared.controls import from_link, to_link
from playground.labs.shared.naming import duration, when
from playground.labs.training import charts, estimate, runs, text, view
from playground.labs.training import controls as lab
from playground.labs.training.algorithm import algorithm
from playground.labs.training.charts import SHOWN_PREVIEWS
from playground.labs.training.controls import TrainingControls

NAN = float("nan")


def _report(step: int, loss: float = 0.5, levels: tuple[float, ...] = (0.5,) * TIMESTEP_BINS) -> Report:
    return Report(step, 100, loss, levels, 1e-3, 1.0, 50.0)


def _snapshot(
    reports: tuple[Report, ...] = (),
    *,
    status: Status = "running",
    floor: bool = True,
    previews: int = 0,
    accuracy: ClassifierAccuracy | None = None,
    **config: object,
) -> Snapshot:
    pictures = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    return Snapshot(
        id=new_id(),
        config=TrainConfig.model_validate({"steps": 100, **config}),
        status=status,
        error="",
        note="",
        place=0,
        step=reports[-1].step if reports else 0,
        reports=reports,
        bayes_optimal=BayesOptimalLoss(0.01, (0.0, *[0.01] * (TIMESTEP_BINS - 1))) if floor else None,
        previews=tuple((10 * k, pictures + np.uint8(k % 200)) for k in range(previews)),
        seconds_left=None,
        images_per_second=None,
        can_sample=False,
        accuracy=accuracy,
    )


# --- settings ---------------------------------------------------------------------------------------------------------


CLASSIFIER = {"task": "classifier"}


def test_every_setting_reaches_the_run() -> None:
    changed = {
        "task": "classifier",
        "weighting": "min-snr",
        "learned_variance": True,
        "vlb_weight": 0.5,
        "importance": True,
        "zero_terminal_snr": True,
        "data": "emoji",
        "size": 16,
        "upsampling": True,
        "flips": True,
        "rotation": 4.0,
        "preset": "small",
        "latent": 7,
        "target": "velocity",
        "schedule": "sigmoid",
        "T": 300,
        "steps": 777,
        "batch": 9,
        "learning_rate": 3e-4,
        "ema_decay": 0.9,
        "label_dropout": 0.3,
        "precision": "bf16",
        "micro_batch": 4,
        "compile": True,
        "seed": 12,
    }
    assert set(changed) == set(TrainingControls.model_fields)
    config = estimate.config_of(TrainingControls.model_validate(changed), 0.1)
    assert {name: getattr(config, name) for name in changed} == changed


@pytest.mark.parametrize("steps", [1, 2, 11, 1200, 100_000])
@pytest.mark.parametrize("seconds", [1e-9, 0.004, 0.1, 50.0])
def test_the_extremes_of_the_settings_make_a_run(steps: int, seconds: float) -> None:
    config = estimate.config_of(TrainingControls(steps=steps), seconds)
    assert 1 <= config.report_every <= steps
    assert 1 <= config.sample_every <= steps
    assert config.warmup <= steps
    if seconds == 0.1 and steps >= 4:
        assert config.report_every * seconds == pytest.approx(estimate.REPORT_SECONDS)


def test_bounds_of_the_settings_are_bounds_of_the_run() -> None:
    for name, field in TrainingControls.model_fields.items():
        for bound in ("ge", "le"):
            values = [getattr(entry, bound) for entry in field.metadata if hasattr(entry, bound)]
            for value in values:
                estimate.config_of(TrainingControls.model_validate({name: value}), 0.1)
    with pytest.raises(ValidationError):
        TrainingControls(T=9)


@pytest.mark.parametrize("data", ["digits", "emoji"])
@pytest.mark.parametrize("preset", ["tiny", "small", "medium"])
@pytest.mark.parametrize("more", [{}, {"learned_variance": True}, CLASSIFIER])
def test_parameters_are_counted_as_they_will_be(data: str, preset: str, more: dict[str, object]) -> None:
    config = estimate.config_of(TrainingControls.model_validate({"data": data, "preset": preset, **more}), 0.1)
    state = loop.begin(config, load(data))
    assert parameter_count(config, load(data)) == sum(parameter.numel() for parameter in state.net.parameters())


def test_settings_without_effect_say_why() -> None:
    """And change nothing in what is trained: the same loss with any value of them."""
    assert set(lab.without_effect(TrainingControls())) == {"vlb_weight", "latent"}
    of_noise = lab.without_effect(TrainingControls(target="noise"))
    assert set(of_noise) == {"vlb_weight", "zero_terminal_snr", "latent"}
    assert lab.without_effect(TrainingControls(learned_variance=True)).keys() == {"latent"}
    off = lab.without_effect(TrainingControls(task="classifier"))
    assert set(off) == {"target", "weighting", "learned_variance", "vlb_weight", "label_dropout", "latent"}
    assert all(why.endswith(".") for why in off.values())
    others = {
        "target": "clean",
        "weighting": "bound",
        "learned_variance": True,
        "vlb_weight": 0.7,
        "label_dropout": 0.9,
        "latent": 3,
    }
    losses = []
    for changes in ({}, others):
        config = estimate.config_of(
            TrainingControls.model_validate({**CLASSIFIER, "batch": 2, "steps": 2, **changes}), 1.0
        )
        losses.append(
            [report.loss for report in loop.train(config, load("digits"), loop.begin(config, load("digits")))]
        )
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)  # summed in another order


def test_zero_terminal_snr_and_the_noise_target_do_not_go_together() -> None:
    mended, told = TrainingControls(zero_terminal_snr=True, target="noise").settled()
    assert not mended.zero_terminal_snr
    assert told
    assert lab.NO_SIGNAL in told[0]
    for fine in (
        TrainingControls(zero_terminal_snr=True),
        TrainingControls(zero_terminal_snr=True, task="classifier"),
    ):
        assert fine.settled() == (fine, [])
        estimate.config_of(fine, 0.1)
    # From the other side too: a link that asks for both opens with a sentence.
    opened, problems = from_link(TrainingControls, {"zero_terminal_snr": "1", "target": "noise"})
    assert not opened.zero_terminal_snr
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (NAN, "–"),
        (float("inf"), "–"),
        (0.0, "0 s"),
        (0.4, "0 s"),
        (89.0, "89 s"),
        (120.0, "2 min"),
        (3600.0, "60 min"),
        (5400.0, "1.5 h"),
        (360_000.0, "100.0 h"),
    ],
)
def test_durations_in_words(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_a_run_in_words() -> None:
    assert when("20261123-163105-0123abcd") == "23 Nov, 16:31"
    everything = TrainConfig(
        target="velocity", weighting="min-snr", learned_variance=True, zero_terminal_snr=True, importance=True
    )
    assert runs.described(everything) == (
        "digits, tiny network, predicts velocity, min-SNR weights, learned variance, cosine schedule, T = 1000, "
        "zero terminal SNR, importance-sampled t"
    )
    classifier = TrainConfig(task="classifier", target="velocity", weighting="bound")
    assert runs.described(classifier) == "digits, tiny classifier of noisy images, cosine schedule, T = 1000"
    assert (
        runs.described(TrainConfig(target="noise", T=300))
        == "digits, tiny network, predicts noise, cosine schedule, T = 300"
    )


# --- charts -----------------------------------------------------------------------------------------------------------


def _series(chart: object) -> dict[str, tuple[list[float], list[float]]]:
    return {s.name: (list(s.x), list(s.y)) for s in chart.series}  # type: ignore[attr-defined]


@pytest.mark.parametrize("chart", [charts.loss_chart, charts.level_chart])
def test_charts_without_reports_say_what_to_expect(chart: object) -> None:
    waiting, over = chart(_snapshot()), chart(_snapshot(status="failed"))  # type: ignore[operator]
    assert waiting.series == over.series == ()
    assert "appears" in waiting.empty
    assert "ended" in over.empty
    assert waiting.to_payload()["series"] == []


def test_the_loss_has_its_floor_from_end_to_end() -> None:
    found = _series(charts.loss_chart(_snapshot((_report(10, 0.9), _report(20, 0.5)))))
    assert found["each batch"] == ([10, 20], [0.9, 0.5])
    assert found[text.FLOOR] == ([0, 100], [0.01, 0.01])
    assert text.FLOOR not in _series(charts.loss_chart(_snapshot((_report(10),), floor=False)))


def test_charts_say_what_the_loss_is_counted_in() -> None:
    reports = (_report(10, 0.9), _report(20, 0.5))
    for config, unit, floor in (
        ({}, "mean squared error", text.FLOOR),
        ({"weighting": "min-snr"}, "mean squared error, min-SNR weights", text.FLOOR),
        ({"weighting": "bound"}, "mean squared error, the bound's weights", text.FLOOR),
        (CLASSIFIER, "cross-entropy in nats", text.FLOOR),
    ):
        for chart in (charts.loss_chart, charts.level_chart):
            drawn = chart(_snapshot(reports, **config))
            assert drawn.y_label == unit
            assert floor in _series(drawn)


def test_the_bound_is_drawn_where_it_is_known() -> None:
    reports = (*(replace(_report(k), bound=float(k)) for k in (10, 20)), _report(30))
    found = _series(charts.bound_chart(_snapshot(reports, learned_variance=True)))
    assert found["each batch"] == ([10, 20], [10, 20])
    assert charts.bound_chart(_snapshot((_report(1),))).series == ()


def test_reading_is_drawn_in_percent_of_held_out_pictures() -> None:
    accuracy = ClassifierAccuracy(40, 200, (0.9,) * TIMESTEP_BINS, (0.1,) * TIMESTEP_BINS, (0.8,) * TIMESTEP_BINS)
    drawn = charts.accuracy_chart(_snapshot(accuracy=accuracy, **CLASSIFIER))
    found = _series(drawn)
    assert found["this classifier"][1] == pytest.approx([90] * TIMESTEP_BINS)
    assert found["exact classifier of the training images"][1] == pytest.approx([80] * TIMESTEP_BINS)
    assert "200 held-out images, after 40" in drawn.note
    assert "95 %" in drawn.note
    assert all(series.low is not None for series in drawn.series)
    running, finished = (
        charts.accuracy_chart(_snapshot(status=status, **CLASSIFIER)) for status in ("running", "finished")
    )  # type: ignore[arg-type]
    assert running.empty
    assert finished.empty
    assert running.empty != finished.empty


def test_smoothing_is_an_average_that_begins_where_the_values_do() -> None:
    assert charts.smoothed(np.full(50, 0.7))[0] == pytest.approx(np.full(50, 0.7))
    values = np.random.default_rng(0).uniform(1, 2, 40)
    smooth, _ = charts.smoothed(values)
    assert smooth[0] == pytest.approx(values[0])
    assert ((smooth >= values.min()) & (smooth <= values.max())).all()
    assert smooth.std() < values.std()
    k = 25
    weights = 0.9 ** np.arange(k, -1, -1)
    assert smooth[k] == pytest.approx(float((weights * values[: k + 1]).sum() / weights.sum()))


def test_smoothing_leaves_out_what_is_no_number() -> None:
    smooth, _ = charts.smoothed(np.array([NAN, 2.0, np.inf, 2.0]))
    assert np.isnan(smooth[0])
    assert smooth[1:] == pytest.approx([2.0, 2.0, 2.0])
    assert len(charts.smoothed(np.array([]))[0]) == 0


def test_the_band_of_the_smoothed_loss_is_its_standard_error() -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, (400, 60))
    smooth, errors = zip(*(charts.smoothed(row) for row in 5 + noise), strict=True)
    last, claimed = np.array(smooth)[:, -1], np.array(errors)[:, -1]
    assert last.std() == pytest.approx(np.sqrt((claimed**2).mean()), rel=0.1)
    within = np.abs(last - 5) < 2 * claimed
    assert 0.85 < within.mean() <= 1  # 95 % but for the error of the error
    _, of_falling = charts.smoothed(5 - 0.01 * np.arange(60) + noise[0])
    assert of_falling[-1] == pytest.approx(claimed[0], rel=0.05)  # a slow trend is no noise
    assert np.isnan(errors[0][:9]).all()


def test_a_band_can_be_drawn_on_a_logarithmic_axis() -> None:
    wild = tuple(_report(step, loss=loss) for step, loss in enumerate((1.0, 0.01) * 20, 1))
    for series in charts.loss_chart(_snapshot(wild)).series:
        if series.low is not None:
            low = np.asarray(series.low)
            assert (low[np.isfinite(low)] > 0).all()


def test_loss_by_level_leaves_out_the_parts_where_nothing_fell() -> None:
    empty = (NAN,) + (1.0,) * (TIMESTEP_BINS - 1)
    full = (3.0,) + (2.0,) * (TIMESTEP_BINS - 1)
    chart = charts.level_chart(_snapshot((_report(1, levels=empty), _report(2, levels=full))))
    found = _series(chart)
    x, now = found["latest"]
    assert x == pytest.approx((np.arange(TIMESTEP_BINS) + 0.5) / TIMESTEP_BINS)
    assert now == pytest.approx([3.0] + [1.5] * (TIMESTEP_BINS - 1))
    assert np.isnan(found["at the start"][1][0])
    assert min(found[text.FLOOR][1]) > 0  # the axis is a logarithm
    nothing = charts.level_chart(_snapshot((_report(1, levels=(NAN,) * TIMESTEP_BINS),)))
    assert np.isnan(_series(nothing)["latest"][1]).all()
    for drawn in (chart, nothing):
        json.dumps(drawn.to_payload(), allow_nan=False)  # as the browser reads it


def test_long_runs_are_thinned_and_short_ones_whole() -> None:
    long = charts.loss_chart(_snapshot(tuple(_report(k) for k in range(1, 5000))))
    for series in long.to_payload()["series"]:  # type: ignore[attr-defined]
        assert len(series["x"]) <= 400
    assert long.to_payload()["series"][0]["x"][-1] == 4999  # type: ignore[index]


# --- previews ---------------------------------------------------------------------------------------------------------


def test_previews_stand_on_one_timeline() -> None:
    assert view.run_view(_snapshot()).samples is None
    shown = charts.previews(_snapshot(previews=3))
    assert [position.t for position in shown.positions] == [0, 10, 20]
    assert shown.positions[1].text == "after 10 training steps"
    assert shown.lanes[0].pictures == 10
    assert shown.start_at == "last"


def test_many_previews_are_thinned_evenly_with_both_ends() -> None:
    shown = charts.previews(_snapshot(previews=500))
    at = [position.t for position in shown.positions]
    assert len(at) == SHOWN_PREVIEWS
    assert (at[0], at[-1]) == (0, 4990)
    gaps = np.diff(at)
    assert gaps.max() - gaps.min() <= 10
    exactly = charts.previews(_snapshot(previews=SHOWN_PREVIEWS))
    assert len(exactly.positions) == SHOWN_PREVIEWS


def test_a_run_that_would_have_failed_is_tried_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([Preflight(problems=("The disk is full.",)), Preflight(seconds_per_step=1.0)])
    monkeypatch.setattr(estimate, "_measured", lambda config: next(answers))
    estimate._passed.cache.clear()
    assert estimate.preflight(TrainingControls()).problems == ("The disk is full.",)
    assert estimate.preflight(TrainingControls()).passed
    assert estimate.preflight(TrainingControls(seed=3)).passed  # the same costs: nothing is tried a third time


def test_an_estimate_made_beside_other_work_says_so_and_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    beside = Preflight(seconds_per_step=0.1, seconds_now=1.0)
    answers = iter([beside, Preflight(seconds_per_step=0.1, seconds_now=0.1)])
    monkeypatch.setattr(estimate, "_measured", lambda config: next(answers))
    monkeypatch.setattr(estimate, "AGAIN", 0.0)
    estimate._passed.cache.clear()
    controls = TrainingControls(steps=600)
    found = estimate.preflight(controls)
    assert found.is_slowed
    assert "at present the run would take 10 min" in estimate._details(controls, found)
    found = estimate.preflight(controls)
    assert not found.is_slowed
    assert "Other work" not in estimate._details(controls, found)
    assert estimate.preflight(controls) == found  # that one stays


def test_what_holds_a_run_up_is_said() -> None:
    assert runs.pace(_snapshot()) == ""
    slow = replace(_report(10), waiting=0.25, micro_batch=8)
    assert runs.pace(_snapshot((slow, slow))) == (
        "25 % of the time is spent waiting for images. The micro-batch size is 8."
    )
    assert "micro-batch" not in runs.pace(_snapshot((replace(slow, micro_batch=32),)))
    assert runs.pace(_snapshot((replace(slow, waiting=0.001, micro_batch=32),))) == ""


def test_a_vae_sees_no_noise_and_no_labels() -> None:
    """The settings that say so change nothing: the same losses with any value of them."""
    others = {
        "target": "clean",
        "weighting": "bound",
        "schedule": "linear",
        "T": 50,
        "learned_variance": True,
        "vlb_weight": 0.7,
        "zero_terminal_snr": True,
        "label_dropout": 0.9,
    }
    assert set(others) | {"importance"} == set(lab.without_effect(TrainingControls(task="vae")))
    losses = []
    for changes in ({}, others):
        controls = TrainingControls.model_validate({"task": "vae", "batch": 4, "steps": 2, **changes})
        config = estimate.config_of(controls, 1.0)
        reports = loop.train(config, load("digits"), loop.begin(config, load("digits")))
        losses.append([report.loss for report in reports])
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)  # summed in another order
    snapshot = runs.described(estimate.config_of(TrainingControls(task="vae", latent=5), 1.0))
    assert snapshot == "digits, tiny VAE, 5 latent dimensions"


def test_a_first_visit_opens_with_a_run_of_a_minute_and_older_links_mean_what_they_meant() -> None:
    first, problems = from_link(TrainingControls, {"run": "20260101-000000-abcdef"})
    assert (first.steps, problems) == (400, [])
    assert first == TrainingControls(steps=400)
    assert from_link(TrainingControls, {"target": "velocity"})[0].steps == TrainingControls().steps == 1200
    for controls in (first, TrainingControls(), TrainingControls(steps=7, target="velocity")):
        assert from_link(TrainingControls, to_link(controls))[0] == controls


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"target": "noise"}, "‖<i>ε</i> − <i>ε̂</i>‖²"),
        ({"target": "velocity", "weighting": "min-snr"}, "<i>w</i><sub>t</sub> ‖<i>v</i>"),
        ({"learned_variance": True, "vlb_weight": 0.002}, "0.002 <i>L</i><sub>vlb</sub>"),
        ({"importance": True}, "∝"),
        ({"task": "vae"}, "KL("),
        ({"task": "classifier"}, "<i>y</i> |"),
    ],
)
def test_the_algorithm_is_that_of_the_run_and_is_carried_out_while_it_trains(
    changes: dict[str, object], line: str
) -> None:
    shown = algorithm(_snapshot(**changes)).panel
    assert any(line in each.text for each in shown.lines)
    end = len(shown.lines) - 1
    assert shown.current == (tuple(range(end)),)
    assert algorithm(_snapshot(status="finished", **changes)).panel.current == ((end,),)
    assert algorithm(_snapshot(status="paused", **changes)).panel.current == ((),)
