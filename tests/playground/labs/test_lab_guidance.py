"""The Guidance lab without a front end: what it refuses and how, what it draws, and that nothing is drawn twice."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.pixels import to_uint8
from playground.labs.guidance import controls as guidance_settings
from playground.labs.guidance import density, sweep, trace, tradeoff, view
from playground.labs.guidance import job as lab
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.shared.controls import from_link, to_link
from playground.labs.shared.job import Job, Partial
from playground.policy import mode
from playground.policy.visitor import HOST, visitor_of
from playground.serving.request_queue import RequestQueue


def set_to(**settings: object) -> GuidanceControls:
    return GuidanceControls(**{"steps": 3, **settings})  # type: ignore[arg-type]


def planned(**settings: object) -> sweep.Plan:
    controls = set_to(**settings)
    return sweep.plan(controls, HOST.open_model(controls.model), visitor_of(None))


@pytest.fixture
def in_public() -> Iterator[None]:
    mode.set_public(True)
    yield
    mode.set_public(False)


# --- sweeps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"across": "seed", "across_values": "0:99", "down_values": "0:9"}, "100 values of seed"),
        ({"across": "seed", "across_values": "0:49", "down_values": "0:9"}, "500 cells, and 64 are the most"),
        ({"across": "scale", "down": "scale"}, "Both axes"),
        ({"across_values": "0:30"}, "between 0 and 20"),
        ({"across": "label", "across_values": "0:12", "down": "seed"}, "between -1 and 9"),
        ({"across": "sampler", "across_values": "dimm"}, "is no sampler"),
        (
            {"across": "steps", "across_values": "500,1000", "down_values": "0:9", "pictures": 4},
            "network evaluations",
        ),
        ({"across": "scale_from", "across_values": "0.5", "scale_to": 0.3}, "above its end"),
        ({"across": "classifier", "across_values": "none,gone"}, "is no classifier"),
    ],
)
def test_a_sweep_that_cannot_be_gets_one_sentence_before_it_begins(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        planned(**settings)
    assert str(refusal.value).endswith(".")


def test_a_sweep_says_what_it_costs_and_strangers_have_less(in_public: None) -> None:
    assert "network evaluations" in planned().in_words
    with pytest.raises(ValueError, match="4,000 are the most here"):
        planned(steps=200)
    assert visitor_of(None).bounds("guidance")["steps"] == 100


def test_every_axis_has_usual_values_that_work() -> None:
    for axis in guidance_settings.AXES:
        down = "seed" if axis != "seed" else "scale"
        plan = planned(across=axis, across_values="", down=down, down_values="0:1", classifier="digits", scale=2.0)
        assert len(plan.axes.columns) >= 2
        assert len({cell.model_dump_json() for cell in plan.cells}) == len(plan.cells)


def test_cells_stand_where_their_axes_say_and_are_what_the_recipe_gives() -> None:
    plan = planned(across="scale", across_values="1,4", down="label", down_values="none,2,7", pictures=2, seed=5)
    *_, last = sweep.draw(plan)
    grid = last.result
    assert (plan.axes.columns, plan.axes.rows) == (("1", "4"), ("none", "2", "7"))
    assert grid.frames is not None
    assert grid.frames["x0"].shape == (4, 6, 28, 56, 1)
    for cell, (label, scale) in enumerate((k, s) for k in (-1, 2, 7) for s in (1, 4)):
        recipe = plan.cells[cell]
        expected = (scale, (label, label)) if label >= 0 else (0, ())  # without a label nothing guides
        assert (recipe.scale, recipe.labels, recipe.seeds) == (*expected, (5, 6))
        frames = list(recipe.frames(plan.model))
        for position, frame in enumerate(frames):
            for kind, alone in (("x0", frame.x0), ("x", frame.x)):
                wanted = np.concatenate(list(to_uint8(alone)), axis=1)
                found = grid.frames[kind][position, cell]
                assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1
    assert (grid.now == grid.frames["x0"][-1]).all()


def test_cells_of_different_steps_share_the_playhead_by_the_share_of_the_way() -> None:
    plan = planned(across="steps", across_values="2,4", down="seed", down_values="0")
    *_, last = sweep.draw(plan)
    frames = last.result.frames
    assert frames is not None
    few, many = (list(plan.cells[k].frames(plan.model)) for k in (0, 1))
    shown = sweep.timeline("t", last.result, "x")
    assert [position.text for position in shown.positions] == [f"{p} % of the steps" for p in (0, 25, 50, 75, 100)]
    assert (frames["x"][0, 0] == frames["x"][0, 1]).all()  # the same noise
    for position, frame in ((0, few[0]), (2, few[1]), (4, few[2])):
        assert np.abs(frames["x"][position, 0].astype(int) - to_uint8(frame.x)[0]).max() <= 1
    for position, frame in enumerate(many):
        assert np.abs(frames["x"][position, 1].astype(int) - to_uint8(frame.x)[0]).max() <= 1


def test_while_it_is_drawn_each_step_is_seen_and_what_has_not_begun_is_grey() -> None:
    plan = planned(across="steps", across_values="1,3", down="seed", down_values="0")
    first = next(iter(sweep.draw(plan)))
    assert first.result.frames is None
    assert (first.result.now[1] == sweep.BLANK).all()
    assert not (first.result.now[0] == sweep.BLANK).all()
    shown = sweep.timeline("t", first.result, "x0")
    assert len(shown.positions) == 1
    axes = shown.lanes[0].axes
    assert axes is not None
    assert (axes.columns, axes.rows) == (("1", "3"), ("0",))


# --- trace, trade-off, density ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beside", ["none", "interval", "classifier"])
def test_guidance_is_traced_for_every_kind(beside: str) -> None:
    controls = set_to(view="trace", beside=beside, count=3, scale_to=0.9, classifier_scale=2.0)
    *_, last = lab.compute(controls, HOST)
    shown = view.shown(last.result)
    assert shown.timeline is not None
    assert len(shown.timeline.lanes) == (5 if beside == "none" else 10)
    assert len(shown.timeline.positions) == 3
    rows = list(csv.reader(io.StringIO(shown.files[0].data.decode())))
    assert len(rows) == 1 + 3 * (1 if beside == "none" else 2)


def test_outside_its_interval_guidance_is_the_plain_conditional_model() -> None:
    controls = set_to(view="trace", beside="interval", count=2, scale_to=0.5, scale=4.0)
    *_, last = lab.compute(controls, HOST)
    found = last.result.result
    assert isinstance(found, trace.Traces)
    everywhere, within = found.steps
    assert everywhere[0].measured == pytest.approx({**within[0].measured, **_of_guided(everywhere[0])})
    assert (within[0].pictures["guided"] == within[0].pictures["cond"]).all()  # pure noise lies outside
    assert not (everywhere[0].pictures["guided"] == everywhere[0].pictures["cond"]).all()


def _of_guided(step: trace.Step) -> dict[str, float]:
    return {name: step.measured[name] for name in ("guided", "saturation of guided")}


def test_walking_with_a_look_inside_draws_the_recipes_own_pictures() -> None:
    controls = set_to(view="trace", count=3)
    model = HOST.open_model("digits")
    (way,) = trace.variants(controls, model, [0, 1, 2], [0, 1, 2], HOST)
    for (frame, _), expected in zip(
        trace.traced_frames(way.recipe, model, HOST), way.recipe.frames(model), strict=False
    ):
        assert np.abs(to_uint8(frame.x0).astype(int) - to_uint8(expected.x0)).max() <= 1


def test_the_trade_off_is_measured_at_every_scale() -> None:
    controls = set_to(view="tradeoff", scales="0,4", per_class=3, steps=6)
    *_, last = lab.compute(controls, HOST)
    measured = last.result.result
    assert isinstance(measured, tradeoff.TradeOff)
    ignored, guided = measured.points
    assert (ignored.scale, guided.scale) == (0, 4)
    assert ignored.accuracy.total == 30
    # Without a label the judge reads what it likes; guided, it reads nearly all of them, and x̂0 leaves the range.
    assert ignored.accuracy.high < 0.5 < guided.accuracy.low
    assert guided.saturation.value > ignored.saturation.value
    # At scale 0 all classes walk the same way from the same noise, and differ as little as one class does: that of the seeds.
    assert guided.diversity.value > 0
    assert measured.real.value > guided.diversity.value
    charts = view.shown(last.result).charts
    assert [len(chart.series) for chart in charts] == [1, 2, 1]


def test_the_trade_off_is_bounded() -> None:
    with pytest.raises(ValueError, match="60,000 are the most"):
        lab.announced(set_to(view="tradeoff", per_class=20, steps=200), HOST)


@pytest.mark.parametrize(("w", "words"), [(1.0, "both are p(x|c)"), (3.0, "another density")])
def test_the_verdict_on_the_two_densities(w: float, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(density, "CURVE", (w,))
    *_, last = lab.compute(GuidanceControls(view="density", scale=w, seed=11), HOST)
    found = last.result.result
    assert isinstance(found, density.GuidedDensity)
    assert words in density.verdict(found)
    moment = found.frames[-1]
    assert moment.t == 0
    np.testing.assert_allclose(moment.tilted, moment.target)
    assert np.abs(found.frames[20].tilted - found.frames[20].target).max() > (0 if w == 1 else 0.01)
    shown = view.shown(last.result)
    assert [len(list(csv.reader(io.StringIO(file.data.decode())))) for file in shown.files] == [1 + 90 * 90, 2]


# --- the lab as a whole -----------------------------------------------------------------------------------------------


def test_what_was_drawn_is_not_drawn_again() -> None:
    controls = set_to(across_values="0,3", down_values="1", seed=12345)
    *_, first = lab.compute(controls, HOST)
    again = list(lab.compute(controls.model_copy(update={"show": "x"}), HOST))
    assert len(again) == 1
    assert again[0].result.result is first.result.result
    other = set_to(across_values="0,3", down_values="1", seed=12346)
    assert not lab.same(controls, other)


def test_a_sweep_stops_when_it_is_told_to() -> None:
    controls = set_to(steps=100, across_values="0,2", down_values="1", seed=777)
    begun = threading.Event()

    def work() -> Iterator[object]:
        for k, partial in enumerate(lab.compute(controls, HOST)):
            if k == 3:
                begun.set()
            yield partial

    job = Job(work)  # type: ignore[arg-type]
    assert begun.wait(30)
    job.stop()
    job.wait(30)
    state = job.state
    assert state.status == "stopped"
    assert 0 < state.done < state.total


def test_a_dropped_job_is_stopped_and_forgotten() -> None:
    queue, ended = RequestQueue(), threading.Event()

    def endless() -> Iterator[Partial[int]]:
        try:
            while True:
                yield Partial(0, 1, 0)
        finally:
            ended.set()

    tab = "0123456789abcdef" * 2
    queue.put(tab, "guidance", Job(endless))
    queue.drop(tab, "guidance")
    assert queue.job(tab, "guidance") is None
    assert ended.wait(10)
    queue.drop(tab, "guidance")  # nothing is there: nothing happens


def test_two_axes_are_two_settings() -> None:
    controls, problems = from_link(GuidanceControls, {"across": "label", "down": "label"})
    assert (controls.across, controls.down) == ("label", "seed")
    assert "Both axes were class" in problems[0]


@given(
    st.sampled_from(sorted(guidance_settings.VIEWS)),
    st.sampled_from(sorted(guidance_settings.AXES)),
    st.text(max_size=20),
)
def test_any_link_opens(view: str, axis: str, text: str) -> None:
    controls, problems = from_link(GuidanceControls, {"view": view, "across": axis, "across_values": text})
    assert controls.view == view
    assert controls.across_values in (text, "0,1,2,4,8")
    assert controls.across_values == text or problems
    assert from_link(GuidanceControls, to_link(controls)) == (controls, [])


def test_every_view_shows_its_own_settings_and_no_others() -> None:
    for name_of_view, names in guidance_settings.OF_VIEW.items():
        hidden = guidance_settings.hidden(GuidanceControls(view=name_of_view))
        shown = set(GuidanceControls.model_fields) - hidden
        assert shown <= {"view", *names}
        assert "view" in shown
