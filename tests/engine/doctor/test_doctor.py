"""The doctor of training runs: each rule on a real run that is ill, and silence on those that are well."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from engine.data.catalogue import load
from engine.data.image_set import ImageSet
from engine.doctor.copies import copies
from engine.doctor.finding import Copies, Finding
from engine.doctor.rules import RULES, Facts, examine
from engine.runs.entry import Snapshot
from engine.runs.record import Status, new_id
from engine.schedule import PURE_NOISE_SNR, SCHEDULES, NoiseSchedule
from engine.training import loop, prefetch, tasks
from engine.training.bayes_optimal import BayesOptimalLoss, bayes_optimal_loss
from engine.training.config import TrainConfig
from engine.training.held_out import HeldOutLoss
from engine.training.loop import TrainingDivergedError
from engine.training.report import Report
from engine.training.tasks.task import Pictures
from engine.training.timestep_bins import TIMESTEP_BINS

from runs_to_try import DATA, config_of

SHIPPED = ("digits", "digits-learned-variance")
FOLDER = Path(__file__).resolve().parents[3] / "assets" / "checkpoints"


@dataclass(frozen=True, eq=False)
class Trained:
    """A real short run."""

    config: TrainConfig
    reports: tuple[Report, ...]
    learned: tasks.Trained
    error: str = ""

    def snapshot(
        self, *, floor: BayesOptimalLoss | None = None, held_out: Sequence[tuple[int, float]] = ()
    ) -> Snapshot:
        return _snapshot(
            self.config,
            self.reports,
            status="failed" if self.error else "finished",
            error=self.error,
            floor=floor,
            held_out=held_out,
        )


def _snapshot(
    config: TrainConfig,
    reports: Sequence[Report] = (),
    *,
    status: Status = "finished",
    error: str = "",
    floor: BayesOptimalLoss | None = None,
    held_out: Sequence[tuple[int, float]] = (),
    speed: float | None = None,
) -> Snapshot:
    return Snapshot(
        id=new_id(),
        config=config,
        status=status,
        error=error,
        note="",
        place=0,
        step=reports[-1].step if reports else 0,
        reports=tuple(reports),
        bayes_optimal=floor,
        previews=(),
        seconds_left=None,
        images_per_second=speed,
        can_sample=True,
        held_out=tuple(held_out),
    )


def _train(data: ImageSet = DATA, **changed: object) -> Trained:
    values = {"steps": 64, "batch": 8, "warmup": 6, "report_every": 2, "ema_decay": 0.9}
    config = config_of(**{**values, **changed})
    state, reports, error = loop.begin(config, data), [], ""
    try:
        reports.extend(loop.train(config, data, state))
    except TrainingDivergedError as refusal:
        error = str(refusal)
    return Trained(config, tuple(reports), state.averaged(), error)


def _rules(found: Sequence[Finding]) -> list[str]:
    return [finding.rule for finding in found]


@pytest.fixture(scope="module")
def healthy() -> Trained:
    return _train(batch=16)


@pytest.fixture(scope="module")
def floor(healthy: Trained) -> BayesOptimalLoss:
    config = healthy.config
    return bayes_optimal_loss(DATA, config.noise_schedule(), config.prediction_target())


# --- silence ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_is_said_of_a_shipped_model_at_any_step(name: str) -> None:
    """Whose log is that of a real training, 3,000 steps and more."""
    card = json.loads((FOLDER / name / "card.json").read_text(encoding="utf-8"))
    config = TrainConfig.model_validate(card["training"])
    read = TypeAdapter(Report).validate_json
    reports = [read(line) for line in (FOLDER / name / "metrics.jsonl").read_bytes().splitlines()]
    data = load(config.data).training
    floor = bayes_optimal_loss(data, config.noise_schedule(), config.prediction_target(), config.weighting)
    facts = Facts(len(data), len(data.class_names))
    assert len(reports) > 100
    for count in range(len(reports) + 1):
        assert examine(_snapshot(config, reports[:count], status="running", floor=floor), facts) == ()
    assert examine(_snapshot(config, reports, floor=floor), facts) == ()


def test_nothing_is_said_of_a_healthy_short_run_at_any_step(healthy: Trained, floor: BayesOptimalLoss) -> None:
    facts = Facts(len(DATA), len(DATA.class_names))
    for count in range(len(healthy.reports) + 1):
        snapshot = _snapshot(healthy.config, healthy.reports[:count], status="running", floor=floor)
        assert examine(snapshot, facts) == ()


def test_every_rule_keeps_silent_where_nothing_is_known() -> None:
    for task in ("denoiser", "classifier"):
        config = config_of(task=task, steps=1000)
        assert examine(_snapshot(config, status="queued")) == ()


# --- rules that read the curves ---------------------------------------------------------------------------------------


def test_a_lower_learning_rate_is_proposed_to_a_run_that_diverged() -> None:
    run = _train(learning_rate=1.0, warmup=0, steps=30)
    assert run.error
    (found,) = examine(run.snapshot())
    assert (found.rule, found.severity) == ("diverged", "wrong")
    assert found.change == {"learning_rate": 1e-3}
    again = _train(learning_rate=found.change["learning_rate"], warmup=0, steps=30)
    assert "diverged" not in _rules(examine(again.snapshot()))


def test_fp16_is_named_where_it_is_the_likely_reason() -> None:
    config = config_of(precision="fp16", learning_rate=1e-3)
    snapshot = _snapshot(config, status="failed", error="The loss stopped being a number at step 7.")
    assert examine(snapshot)[0].change == {"precision": "fp32"}
    large = config.model_copy(update={"learning_rate": 0.1})
    assert examine(replace(snapshot, config=large))[0].change == {"learning_rate": 1e-3}


def test_too_large_steps_are_found_by_a_loss_that_rises_or_stays(floor: BayesOptimalLoss) -> None:
    run = _train(learning_rate=0.1, steps=72)
    found = examine(run.snapshot(floor=floor))
    assert found
    assert found[0].rule in ("rising", "not falling")
    assert found[0].severity == "wrong"
    assert found[0].change == {"learning_rate": 1e-3}
    assert "0.1" in found[0].text


def test_a_loss_that_was_much_lower_before_is_rising(healthy: Trained, floor: BayesOptimalLoss) -> None:
    """The same run told backwards."""
    there = [report.step for report in healthy.reports]
    backwards = [replace(r, step=step) for step, r in zip(there, reversed(healthy.reports), strict=True)]
    found = examine(_snapshot(healthy.config, backwards, floor=floor))
    assert _rules(found) == ["rising"]
    assert found[0].change["learning_rate"] < healthy.config.learning_rate  # type: ignore[operator]


def test_too_small_steps_are_found_by_a_loss_that_does_not_fall(floor: BayesOptimalLoss) -> None:
    run = _train(learning_rate=1e-6, steps=72)
    found = examine(run.snapshot(floor=floor))
    assert _rules(found) == ["not falling"]
    assert found[0].change == {"learning_rate": 1e-3}
    assert "1e-06" in found[0].text


def test_what_could_be_learned_and_was_not_is_found_with_its_noise_level(floor: BayesOptimalLoss) -> None:
    run = _train(learning_rate=2e-5)
    found = examine(run.snapshot(floor=floor))
    assert _rules(found) == ["above the floor"]
    assert found[0].change == {"learning_rate": 1e-3}
    assert "t / T = " in found[0].text
    # Half-way through the same run nothing is said: it may still come.
    half = _snapshot(run.config, run.reports[: len(run.reports) // 2], status="running", floor=floor)
    assert examine(half) == ()


def test_where_a_level_is_left_behind_more_steps_are_advised(healthy: Trained, floor: BayesOptimalLoss) -> None:
    """The healthy run, but for one noise level where it stays at its first loss."""
    first = healthy.reports[0].loss_by_level
    stuck = [
        replace(r, loss_by_level=tuple(1.1 if k == 3 else loss for k, loss in enumerate(r.loss_by_level)))
        for r in healthy.reports
    ]
    assert len(first) == TIMESTEP_BINS
    found = examine(_snapshot(healthy.config, stuck, floor=floor))
    assert _rules(found) == ["above the floor"]
    assert "t / T = 0.3 … 0.4" in found[0].text
    assert found[0].change == {"steps": 3 * healthy.config.steps}


def test_gradients_that_are_all_clipped_are_found() -> None:
    run = _train(clip_norm=0.002)
    found = {finding.rule: finding for finding in examine(run.snapshot())}
    assert "clipped" in found
    norms = [report.gradient_norm for report in run.reports[len(run.reports) // 2 :]]
    assert min(norms) < found["clipped"].change["clip_norm"] < 4 * max(norms)  # type: ignore[operator]


def test_waiting_for_pictures_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A real run whose disk takes twice as long for each batch as its network, on a busy computer too."""
    quick, needed, pauses, returned = prefetch.gather, threading.Event(), [0.05], [time.perf_counter()]

    def slow(images: object, chosen: object) -> object:
        needed.wait(10)
        needed.clear()
        time.sleep(pauses[-1])
        return quick(images, chosen)  # type: ignore[arg-type]

    class SlowDisk(prefetch.Prefetcher):
        def take(self, chosen: torch.Tensor, then: torch.Tensor) -> torch.Tensor:
            pauses.append(0.05 + 2 * (time.perf_counter() - returned[-1]))
            needed.set()
            pictures = super().take(chosen, then)
            returned.append(time.perf_counter())
            return pictures

        def close(self) -> None:
            needed.set()
            super().close()

    monkeypatch.setattr(prefetch, "gather", slow)
    monkeypatch.setattr(loop, "Prefetcher", partial(SlowDisk, small=0))
    run = _train(steps=20, report_every=1, batch=1)
    assert "waiting" in _rules(examine(run.snapshot()))


# --- learning by heart ------------------------------------------------------------------------------------------------


FEW, UNSEEN = 4, 40


@pytest.fixture(scope="module")
def memorised() -> tuple[Trained, list[tuple[int, float]], Pictures, ImageSet, ImageSet]:
    """A network that sees four pictures of random patches until it knows them, and its loss on others meanwhile."""
    patches = np.random.default_rng(0).integers(0, 2, (FEW + UNSEEN, 4, 4, 1)).astype(np.uint8) * 255
    images = patches.repeat(2, 1).repeat(2, 2)
    unseen = np.arange(FEW + UNSEEN) >= FEW
    labels = np.full(FEW + UNSEEN, -1, dtype=np.int64)
    data = ImageSet("patches", "Patches", images, labels, (), unseen, "made here", "none", "")
    config = config_of(steps=160, batch=4, warmup=8, report_every=4, ema_decay=0.9, learning_rate=3e-3, target="clean")
    measure = HeldOutLoss(config, data.held_out_part)
    state, reports, held_out = loop.begin(config, data.training), [], []
    for report in loop.train(config, data.training, state):
        reports.append(report)
        if report.step % 20 == 0:
            held_out.append((report.step, measure(state.averaged())))  # type: ignore[arg-type]
    learned = state.averaged()
    drawn = tasks.task_of(config).preview(config, learned, data.training, lambda: False)  # type: ignore[arg-type]
    assert drawn is not None
    return Trained(config, tuple(reports), learned), held_out, drawn, data.training, data.held_out_part


Heart = tuple[Trained, list[tuple[int, float]], Pictures, ImageSet, ImageSet]


def test_samples_that_are_training_pictures_are_found(memorised: Heart) -> None:
    run, held_out, drawn, training, unseen = memorised
    measured = copies(run.config.steps, drawn, training, unseen)
    assert measured is not None
    assert measured.near >= 5
    found = examine(run.snapshot(held_out=held_out), Facts(len(training), 0, measured))
    assert found[0].rule == "memorised"
    assert f"{measured.near} of 10 samples" in found[0].text
    assert not {"held-out rising", "few pictures"} & set(_rules(found))  # said already


def test_a_loss_that_rises_on_held_out_pictures_is_found(memorised: Heart) -> None:
    run, held_out, *_ = memorised
    found = examine(run.snapshot(held_out=held_out))
    best = min(held_out, key=lambda one: one[1])[0]
    assert _rules(found) == ["held-out rising"]
    assert found[0].change == {"steps": best}
    # A short rise is no reason for alarm, nor is a loss that only falls.
    until = [step for step, _ in held_out].index(best)
    assert examine(run.snapshot(held_out=held_out[: until + 2])) == ()
    falling = [(step, 1 / (1 + k)) for k, (step, _) in enumerate(held_out)]
    assert examine(run.snapshot(held_out=falling)) == ()


def test_held_out_pictures_are_no_copies_and_training_pictures_are() -> None:
    data = load("digits")
    unseen = data.held_out_part
    # Of real pictures that it has not seen as many are near as chance says: no finding.
    other = unseen.only(np.arange(len(unseen)) < 500)
    rest = unseen.only(np.arange(len(unseen)) >= 500)
    measured = copies(1, other.images[:10], data.training, rest)
    assert measured is not None
    assert examine(_snapshot(config_of(steps=1000)), Facts(copies=measured)) == ()
    learned = copies(1, data.training.images[:10], data.training, rest)
    assert learned is not None
    assert (learned.near, learned.samples) == (10, 10)
    assert _rules(examine(_snapshot(config_of(steps=1000)), Facts(copies=learned))) == ["memorised"]


def test_copies_are_not_searched_where_there_is_nothing_to_compare_with() -> None:
    data = load("digits")
    few = data.held_out_part.only(np.arange(len(data.held_out_part)) < 5)
    assert copies(1, data.images[:3], data.training, few) is None
    assert copies(1, np.zeros((3, 8, 8, 1), np.uint8), data.training, data.held_out_part) is None
    assert copies(1, data.images[:0], data.training, data.held_out_part) is None


def test_two_near_samples_of_ten_are_no_proof() -> None:
    config = config_of(steps=1000)
    assert examine(_snapshot(config), Facts(copies=Copies(1, 10, 2, 0.057, 0.01))) == ()
    assert examine(_snapshot(config), Facts(copies=Copies(1, 4, 2, 0.15, 0.01))) == ()
    assert examine(_snapshot(config), Facts(copies=Copies(1, 40, 20, 0.35, 0.3))) == ()  # no more than by chance
    assert len(examine(_snapshot(config), Facts(copies=Copies(1, 40, 20, 0.35, 0.01)))) == 1


# --- rules that read the settings -------------------------------------------------------------------------------------


def test_few_pictures_used_very_often_are_found() -> None:
    config = config_of(steps=5000, batch=8)
    (found,) = examine(_snapshot(config), Facts(pictures=40))
    assert found.rule == "few pictures"
    assert found.change["steps"] * 8 / 40 <= 100  # type: ignore[operator]
    assert examine(_snapshot(config), Facts(pictures=4000)) == ()
    assert examine(_snapshot(config_of(steps=500, batch=8)), Facts(pictures=40)) == ()


def test_a_schedule_that_leaves_signal_at_T_is_found() -> None:
    from engine.doctor.of_settings import of_schedule

    found = of_schedule(NoiseSchedule.linear(50, rescale=False))
    assert found is not None
    assert (found.rule, found.severity) == ("terminal SNR", "wrong")
    # What a run can be asked for is fine at any T, so of it nothing is ever said.
    for name in SCHEDULES:
        for T in (10, 11, 20, 50, 300, 1000):
            schedule = config_of(schedule=name, T=T).noise_schedule()
            assert (of_schedule(schedule) is None) == (schedule.terminal_snr <= PURE_NOISE_SNR)
            assert of_schedule(schedule) is None


def test_a_warm_up_that_outlasts_the_run_is_found() -> None:
    run = _train(steps=10, warmup=100, batch=2, ema_decay=0.5)
    (found,) = examine(run.snapshot())
    assert found.rule == "warm-up"
    assert found.change == {"warmup": 1}
    assert f"{max(report.learning_rate for report in run.reports):.2g}" in found.text


def test_an_ema_over_more_steps_than_there_are_is_found() -> None:
    short, long = (_train(steps=12, batch=2, ema_decay=value) for value in (0.99, 0.9999))
    same = [torch.equal(a, b) for a, b in zip(_weights(short), _weights(long), strict=True)]
    assert all(same)
    (found,) = examine(long.snapshot())
    assert (found.rule, found.severity) == ("EMA", "note")
    shorter = float(found.change["ema_decay"])
    assert 1 / (1 - shorter) <= 12
    assert examine(_train(steps=12, batch=2, ema_decay=shorter).snapshot()) == ()


def _weights(run: Trained) -> list[torch.Tensor]:
    return list(run.learned.net.state_dict().values())  # type: ignore[union-attr]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_labels_that_are_always_or_never_dropped_are_found(share: float) -> None:
    config = config_of(label_dropout=share, steps=1000)
    (found,) = examine(_snapshot(config), Facts(classes=10))
    assert found.change == {"label_dropout": 0.1}
    assert examine(_snapshot(config), Facts(classes=0)) == ()
    assert examine(_snapshot(config_of(label_dropout=share, steps=1000, task="classifier")), Facts(classes=10)) == ()


def test_half_precision_that_is_slower_is_found() -> None:
    half = config_of(precision="bf16", steps=1000)
    (found,) = examine(_snapshot(half, speed=10.0), Facts(plain_speed=40.0))
    assert found.change == {"precision": "fp32"}
    for speed, plain in ((39.0, 40.0), (100.0, 40.0), (None, 40.0), (10.0, None)):
        assert examine(_snapshot(half, speed=speed), Facts(plain_speed=plain)) == ()
    assert examine(_snapshot(config_of(steps=1000), speed=10.0), Facts(plain_speed=40.0)) == ()


# --- all of them ------------------------------------------------------------------------------------------------------


def test_every_change_makes_a_run_that_can_be_started(healthy: Trained, floor: BayesOptimalLoss) -> None:
    """And no rule says the name of another."""
    ill = [
        _snapshot(config_of(learning_rate=1.0), status="failed", error="The loss stopped being a number at step 3."),
        _snapshot(config_of(steps=1, warmup=50, ema_decay=0.999)),
        _snapshot(config_of(steps=1_000_000, batch=1024), healthy.reports, floor=floor),
    ]
    for snapshot in ill:
        for finding in examine(snapshot, Facts(pictures=3, classes=2, copies=Copies(1, 10, 10, 0.7, 0.0))):
            assert finding.rule in RULES
            assert finding.text.endswith(".")
            TrainConfig.model_validate(snapshot.config.model_dump() | dict(finding.change))


def test_broken_reports_break_no_rule(healthy: Trained, floor: BayesOptimalLoss) -> None:
    nothing = replace(
        healthy.reports[0], loss=math.nan, loss_by_level=(math.nan,) * TIMESTEP_BINS, gradient_norm=math.inf
    )
    broken = [replace(nothing, step=k + 1) for k in range(60)]
    for status in ("running", "finished", "failed"):
        found = examine(_snapshot(healthy.config, broken, status=status, floor=floor))  # type: ignore[arg-type]
        assert _rules(found)[0] == "diverged"


def test_the_gravest_is_said_first() -> None:
    config = config_of(label_dropout=0.0, steps=20, ema_decay=0.999, learning_rate=0.5)
    snapshot = _snapshot(config, status="failed", error="The loss stopped being a number at step 3.")
    assert [f.severity for f in examine(snapshot, Facts(classes=10))] == ["wrong", "note", "note"]


def test_weights_as_in_the_bound_make_no_false_alarm() -> None:
    """A few t make most of that loss: its mean over a stretch of the run jumps up and down by chance alone."""
    run = _train(weighting="bound", steps=100, batch=8)
    means = [report.loss for report in run.reports]
    assert max(means[len(means) // 2 :]) > 2 * min(means[: len(means) // 2])  # it does jump
    for count in range(len(run.reports)):
        assert examine(_snapshot(run.config, run.reports[:count], status="running")) == ()
