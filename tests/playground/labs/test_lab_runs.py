"""The list of runs, their comparison, and what the page makes of the doctor's findings."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.doctor.finding import Facts
from engine.doctor.rules import RULES, examine
from engine.runs.entry import Snapshot
from engine.runs.record import Status, new_id
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.timestep_bins import TIMESTEP_BINS
from playground.labs.shared.naming import when
from playground.labs.training import compare, doctor, estimate, runs, settings_of_run, text, view, visit
from playground.labs.training.controls import TrainingControls

LEVELS = (0.5,) * TIMESTEP_BINS


def _snapshot(
    steps: tuple[int, ...] = (10, 20),
    *,
    status: Status = "finished",
    looks: tuple[int, ...] = (),
    shape: tuple[int, ...] = (10, 4, 4, 1),
    speed: float = 50.0,
    title: str = "",
    held_out: tuple[tuple[int, float], ...] = (),
    floor: float | None = None,
    **config: object,
) -> Snapshot:
    return Snapshot(
        id=new_id(),
        config=TrainConfig.model_validate({"steps": 100, "batch": 4, **config}),
        status=status,
        error="",
        note="",
        place=0,
        step=steps[-1] if steps else 0,
        reports=tuple(Report(step, 100, 1 / step, LEVELS, 1e-3, 1.0, speed) for step in steps),
        bayes_optimal=None if floor is None else BayesOptimalLoss(floor, (floor,) * TIMESTEP_BINS),
        previews=tuple((step, np.full(shape, step % 256, np.uint8)) for step in looks),
        seconds_left=None,
        images_per_second=speed,
        can_sample=True,
        title=title,
        held_out=held_out,
    )


# --- the list ---------------------------------------------------------------------------------------------------------


def test_a_run_is_called_what_its_reader_calls_it() -> None:
    unnamed, named = _snapshot(), _snapshot(title="My best one")
    assert runs.title(unnamed) == f"digits, {when(unnamed.id)}"
    assert runs.title(named) == "My best one"
    assert when(named.id) in runs.summary(named)  # the time is part of the summary
    assert "finished, step 20 of 100, loss 0.0500" in runs.summary(named)


def test_a_run_of_another_process_says_so() -> None:
    assert "training by another process" in runs.summary(replace(_snapshot(status="running"), elsewhere=True))
    assert "by another process" not in runs.summary(replace(_snapshot(), elsewhere=True))  # it has ended: that is over


def test_the_small_picture_is_of_the_latest_samples() -> None:
    assert runs.thumbnail(_snapshot()) is None
    picture = runs.thumbnail(_snapshot(looks=(0, 7)))
    assert picture is not None
    assert picture.shape == (4, 4 * runs.SHOWN_SAMPLES, 1)
    assert (picture == 7).all()


@given(st.integers(0, 60), st.integers(-3, 20))
def test_pages_of_the_list_hold_every_run_once(count: int, number: int) -> None:
    ids = [str(k) for k in range(count)]
    pages = [visit.on_page(ids, k + 1) for k in range(visit.page_count(count))]
    assert [run_id for page in pages for run_id in page] == ids
    assert all(len(page) <= visit.PER_PAGE for page in pages)
    assert visit.on_page(ids, number) in pages


IDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), unique=True)


@given(IDS, IDS)
def test_links_of_comparisons_come_back_and_bad_ones_are_named(asked: list[str], here: list[str]) -> None:
    choice, problems = visit.chosen(visit.Choice(compared=tuple(asked)).link(), here)
    assert list(choice.compared) == [run_id for run_id in asked if run_id in here][: visit.MOST_COMPARED]
    gone = not set(asked) <= set(here)
    many = len(set(asked) & set(here)) > visit.MOST_COMPARED
    assert len(problems) == gone + many


@given(st.text(max_size=60))
def test_no_link_breaks_a_comparison(text: str) -> None:
    choice, _ = visit.chosen({"run": text, "compare": text, "against": text}, ["a", "b"])
    assert set(choice.compared) <= {"a", "b"}
    assert len(set(choice.compared)) == len(choice.compared)
    assert choice.run in ("a", "b")
    assert choice.against in visit.AGAINST


def test_ticking_adds_and_takes_away_and_never_more_than_four() -> None:
    compared: tuple[str, ...] = ()
    for run_id in "abcde":
        compared = visit.toggled(compared, run_id)
    assert compared == tuple("abcd")
    assert visit.toggled(compared, "b") == tuple("acd")


def test_files_are_named_by_letters_and_digits() -> None:
    for title in ("../../etc/passwd", "Füße\n", "a" * 300, ""):
        name = runs.file_name(_snapshot(title=title))
        assert name.endswith(".zip")
        assert len(name) < 70
        assert set(name[:-4]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


# --- comparing --------------------------------------------------------------------------------------------------------


def test_progress_is_counted_in_steps_pictures_or_time() -> None:
    snapshot = _snapshot((10, 20, 40), speed=8.0)
    assert list(compare.along(snapshot, "steps")) == [10, 20, 40]
    assert list(compare.along(snapshot, "pictures")) == [40, 80, 160]
    assert list(compare.along(snapshot, "time")) == [5, 10, 20]
    assert list(compare.at(snapshot, "time", (0, 5, 40))) == [0, 2.5, 20]
    assert list(compare.along(_snapshot(()), "time")) == []


def test_a_slower_run_needs_more_time_for_the_same_pictures() -> None:
    slow, fast = _snapshot(speed=10.0), _snapshot(speed=100.0)
    for against, same in (("steps", True), ("pictures", True), ("time", False)):
        ends = [compare.along(snapshot, against)[-1] for snapshot in (slow, fast)]  # type: ignore[arg-type]
        assert bool(ends[0] == ends[1]) is same


def test_runs_that_report_at_other_times_are_smoothed_alike() -> None:
    """The same losses: one run reports each step, the other the mean of two."""
    every = _snapshot(tuple(range(1, 101)))
    falling = [10 / (9 + report.step) for report in every.reports]
    often = replace(every, reports=tuple(replace(one, loss=y) for one, y in zip(every.reports, falling, strict=True)))
    means = np.array(falling).reshape(-1, 2).mean(1)
    rare = replace(
        every, reports=tuple(replace(one, loss=y) for one, y in zip(every.reports[1::2], means, strict=True))
    )
    a, b = (np.asarray(series.y) for series in compare.loss_chart([often, rare], "steps").series)
    np.testing.assert_allclose(a[1::2][10:], b[10:], rtol=0.02)
    alone = np.asarray(compare.loss_chart([often], "steps").series[0].y)
    assert np.abs(alone[1::2] - b).max() > 0.05  # smoothed over as many reports they would seem to differ


def test_each_curve_has_a_colour_and_a_mark_of_its_own() -> None:
    four = [_snapshot(held_out=((0, 1.0), (20, 0.5))) for _ in range(4)]
    chart, held_out = compare.loss_chart(four, "steps"), compare.held_out_chart(four, "steps")
    for drawn in (chart, held_out):
        assert len({(series.mark, series.color) for series in drawn.series}) == 4
        assert all(series.mark for series in drawn.series)
        json.dumps(drawn.to_payload(), allow_nan=False)
    # The same run looks the same in both.
    assert [s.mark for s in chart.series] == [s.mark for s in held_out.series]
    assert len(view.compare_view([_snapshot()] * 2, "steps").charts) == 1
    assert len(view.compare_view(four, "steps").charts) == 2


def test_runs_without_a_loss_leave_the_others_their_letters() -> None:
    chart = compare.loss_chart([_snapshot(()), _snapshot(title="second")], "steps")
    assert [(s.name, s.mark) for s in chart.series] == [("B · second", "square")]


def test_the_floor_is_drawn_where_it_is_the_same_for_all() -> None:
    def floors(*snapshots: Snapshot) -> int:
        return sum(series.style == "dashed" for series in compare.loss_chart(snapshots, "steps").series)

    assert floors(_snapshot(floor=0.1), _snapshot(floor=0.1)) == 1
    assert floors(_snapshot(floor=0.1), _snapshot(floor=0.2)) == 0
    assert floors(_snapshot(floor=0.1), _snapshot(floor=0.1, target="noise")) == 0
    assert all(series.low is not None for series in compare.loss_chart([_snapshot(floor=0.1)] * 2, "steps").series)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"target": "noise"}, "the prediction target"),
        ({"T": 50, "schedule": "linear"}, "the noise schedule and T"),
        ({"data": "emoji"}, "the data set"),
    ],
)
def test_losses_of_different_things_come_with_a_caution(other: dict[str, object], words: str) -> None:
    assert words in compare.caution([_snapshot(), _snapshot(**other)])


def test_losses_of_the_same_thing_come_without() -> None:
    assert compare.caution([_snapshot(), _snapshot(learning_rate=0.1, batch=8, seed=3, preset="small")]) == ""
    classifiers = [_snapshot(task="classifier", target=target) for target in ("noise", "velocity")]
    assert compare.caution(classifiers) == ""  # a classifier predicts neither


def test_only_the_settings_that_differ_are_listed() -> None:
    one, two = _snapshot(learning_rate=1e-3, report_every=3), _snapshot(learning_rate=1e-2, report_every=9)
    assert compare.differences([one, two]) == [("Learning rate", ["0.001", "0.01"])]
    assert compare.differences([one, one]) == []
    three = compare.differences([one, two, _snapshot(zero_terminal_snr=True, target="velocity")])
    assert ("Zero terminal SNR", ["off", "off", "on"]) in three
    # Whatever is set otherwise is found.
    every = TrainConfig(
        learned_variance=True, importance=True, seed=5, steps=7, batch=3, warmup=0, weighting="bound", flips=True
    )
    listed = compare.differences([one, replace(one, config=every)])
    assert len(listed) == sum(
        getattr(every, name) != getattr(one.config, name)
        for name in TrainConfig.model_fields
        if name not in compare.NOT_COMPARED
    )


def test_results_say_how_far_each_has_come() -> None:
    rows = dict(compare.results([_snapshot(held_out=((0, 0.9), (10, 0.4), (20, 0.6))), _snapshot((), status="queued")]))
    assert rows["Status"] == ["finished", "queued"]
    assert rows["Step"] == ["20", "0"]
    assert rows["Best held-out loss"] == ["0.4000", "–"]
    assert rows[text.LATEST_LOSS][1] == "–"
    value, _, error = dict(compare.results([_snapshot(tuple(range(1, 40)))]))[text.LATEST_LOSS][0].partition(" ± ")
    assert 1 / 39 < float(value) < 1 / 10
    assert 0 < float(error) < 0.01


def _shown(timeline: object, lane: int, stop: int) -> int:
    """Which step's samples a lane shows at a stop, as its caption says."""
    words = timeline.captions[stop].split(", ")[lane]  # type: ignore[attr-defined]
    return int(words.split("after ")[1].split(" ")[0].replace(",", ""))


def test_samples_stand_side_by_side_at_the_same_progress() -> None:
    one = _snapshot(looks=(0, 10, 20))
    two = _snapshot((10, 20, 30, 40), looks=(0, 15, 40), batch=8)
    line = compare.samples([one, two], "steps")
    assert [position.t for position in line.positions] == [0, 10, 15, 20, 40]
    assert [_shown(line, 0, k) for k in range(5)] == [0, 10, 10, 20, 20]  # the last before; its last where it has ended
    assert [_shown(line, 1, k) for k in range(5)] == [0, 0, 15, 15, 40]
    # Against pictures the second is twice as far at the same step.
    line = compare.samples([one, two], "pictures")
    assert [position.t for position in line.positions] == [0, 40, 80, 120, 320]
    assert [_shown(line, 1, k) for k in range(5)] == [0, 0, 0, 15, 40]


def test_the_pictures_shown_are_those_that_the_captions_name() -> None:
    """Through the packing: the tile that a lane points at holds the pictures of that step."""
    one, two = _snapshot(looks=(0, 10, 20)), _snapshot(looks=(0, 7, 20))
    line = compare.samples([one, two], "steps")
    for number, (lane, snapshot) in enumerate(zip(line.lanes, (one, two), strict=True)):
        steps = [step for step, _ in snapshot.previews]
        for stop, tile in enumerate(lane.index):
            assert steps[tile] == _shown(line, number, stop)


def test_long_runs_have_a_bounded_number_of_stops() -> None:
    long = _snapshot(tuple(range(1, 500)), looks=tuple(range(0, 499, 2)))
    line = compare.samples([long, _snapshot(looks=(0, 20))], "steps")
    assert len(line.positions) <= compare.STOPS
    assert line.positions[0].t == 0
    assert line.positions[-1].t == 498
    assert view.compare_view([_snapshot(), _snapshot()], "steps").samples is None


def test_the_same_noise_is_claimed_only_where_it_is_the_same() -> None:
    assert compare.is_same_noise([_snapshot(looks=(0,)), _snapshot(looks=(0,))])
    assert not compare.is_same_noise([_snapshot(looks=(0,)), _snapshot(looks=(0,), shape=(10, 8, 8, 3))])


def test_titles_are_shown_as_they_are() -> None:
    """What a reader writes must not become markup of the timeline or the chart."""
    line = compare.samples([_snapshot(title="<b>{x}", looks=(0,)), _snapshot(looks=(0,))], "steps")
    assert "<b>" not in line.lanes[0].title
    assert "{x}" not in line.lanes[0].title
    assert line.lanes[0].title.replace("\u2060", "") == "<b>{x}"


# --- the doctor in the page -------------------------------------------------------------------------------------------


def test_a_finding_fills_the_controls_with_the_run_and_the_change() -> None:
    wanted = TrainingControls(steps=300, target="velocity", schedule="linear", learning_rate=0.5, seed=4)
    config = estimate.config_of(wanted, 0.1)
    controls, left_out = settings_of_run.controls_of(config, {"learning_rate": 1e-3})
    assert controls == wanted.model_copy(update={"learning_rate": 1e-3})
    assert left_out == []
    assert "learning rate 0.001" in settings_of_run.message({"learning_rate": 1e-3}, left_out)


def test_what_the_page_has_no_control_for_is_named() -> None:
    config = TrainConfig(clip_norm=5.0, ema_decay=0.99999)
    controls, left_out = settings_of_run.controls_of(config, {})
    assert left_out == ["ema_decay", "clip_norm"]
    assert controls.ema_decay == TrainingControls().ema_decay
    assert "gradient clipping norm" in settings_of_run.message({}, left_out)


def test_every_finding_can_be_followed_in_the_page_or_in_the_shell() -> None:
    """Which changes the rules can ask for is read off runs that are ill in every way."""
    config = TrainConfig(steps=50, warmup=90, ema_decay=0.9999, label_dropout=0.0, batch=64, precision="bf16")
    ill = replace(_snapshot(), config=config)
    found = examine(ill, Facts(pictures=4, classes=2, plain_speed=1e9))
    assert {finding.rule for finding in found} == {"warm-up", "EMA", "label dropout", "few pictures", "precision"}
    for finding in found:
        assert finding.rule in RULES
        if settings_of_run.can_take(finding.change):
            controls, _ = settings_of_run.controls_of(config, finding.change)
            estimate.config_of(controls, 0.1)
        else:
            assert settings_of_run.for_the_shell(finding.change).startswith("--set ")


def test_a_value_that_the_page_has_no_room_for_is_left_to_the_shell() -> None:
    assert settings_of_run.can_take({"steps": 1_000_000})
    assert not settings_of_run.can_take({"ema_decay": 0.99999})
    assert not settings_of_run.can_take({"steps": 100, "clip_norm": 5.0})
    assert settings_of_run.can_take({"warmup": 5})


def test_shell_words_are_what_the_command_line_reads() -> None:
    assert settings_of_run.for_the_shell({"clip_norm": 5.0, "steps": 20}) == "--set clip_norm=5 --set steps=20"


def test_samples_are_looked_at_in_the_background_and_found_the_next_time() -> None:
    from engine.data.catalogue import load

    learned = load("digits").training.images[:10]
    snapshot = replace(_snapshot(steps=(10, 2000)), previews=((20, learned),))
    doctor.findings(snapshot)
    deadline = time.monotonic() + 30
    while doctor.is_examining():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "memorised" in [finding.rule for finding in doctor.findings(snapshot)]


def test_the_same_run_is_examined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.doctor import rules

    asked = []
    monkeypatch.setattr(rules, "examine", lambda snapshot, facts: asked.append(snapshot.id) or ())
    snapshot = _snapshot()
    for _ in range(3):
        doctor.findings(snapshot)
    assert len(asked) == 1
    doctor.findings(replace(snapshot, reports=snapshot.reports * 2))
    assert len(asked) == 2


def test_what_a_run_does_just_now_has_a_name() -> None:
    names = {
        "queued 2nd": ({"status": "queued", "place": 1}, "when the runs before it have ended"),
        "preparing": ({"status": "running"}, "draws its first samples"),
        "pausing": ({"status": "running", "request": "paused"}, "saved at the end of the step"),
        "stopping": ({"status": "running", "request": "stopped"}, "saved at the end of the step"),
        "paused": ({"status": "paused"}, ""),
    }
    for name, (changed, why) in names.items():
        line = runs.status(replace(_snapshot(()), **changed))
        assert f"**{name}**" in line
        assert why in line
    assert [runs.ordinal(number) for number in (1, 2, 3, 4, 11, 21, 112)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "21st",
        "112th",
    ]


def test_pause_turns_into_resume_at_once_and_a_second_stop_is_not_offered() -> None:
    pausing = replace(_snapshot(), status="running", request="paused")
    first, stop = view.run_view(pausing).actions
    assert (first.do, first.is_enabled, stop.is_enabled) == ("resume", True, True)
    first, stop = view.run_view(replace(pausing, request="stopped")).actions
    assert (first.do, stop.is_enabled) == ("pause", False)
