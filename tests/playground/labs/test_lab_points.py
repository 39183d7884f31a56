"""The Points lab: its controls, its stages and its training."""

from __future__ import annotations

import json
import struct
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.points import POINT_SETS, PointsError
from playground.components.payloads.point_clouds import Cloud, PointClouds
from playground.labs.points import controls as lab
from playground.labs.points import job as points_stage
from playground.labs.points import training, trajectory
from playground.labs.points.controls import PointsControls
from playground.labs.points.drawn import MOST_DRAWN, check_drawn, drawn_set, written
from playground.labs.shared.controls import from_link, to_link
from playground.labs.shared.job import Job


def drawn(**settings_: object) -> PointClouds:
    controls = PointsControls.model_validate(
        {"count": 300, "particles": 400, "steps": 20, "compare": "nothing", **settings_}
    )
    *_, last = points_stage.work(controls, lab.points_of(controls), None)
    assert last.result is not None
    return last.result


def way(cloud: Cloud) -> float:
    return float(np.linalg.norm(np.diff(cloud.x, axis=0), axis=2).sum(0).mean())


# --- controls ---------------------------------------------------------------------------------------------------------


def test_every_set_can_be_chosen_and_the_link_keeps_it() -> None:
    names = get_args(PointsControls.model_fields["data"].annotation)
    assert set(names) == {*POINT_SETS, "drawn", "file"}
    text = written([(0.1, 0.2, 0), (0.9, 0.8, 1)])
    controls = PointsControls(data="drawn", drawn=text, steps=7, label="1")
    assert from_link(PointsControls, to_link(controls)) == (controls, [])


def test_a_bad_link_is_named_and_leaves_the_rest() -> None:
    controls, problems = from_link(PointsControls, {"drawn": "no points!", "steps": "90", "T": "40", "count": "x"})
    assert (controls.drawn, controls.steps, controls.T, controls.count) == ("", 40, 40, 1000)
    assert len(problems) == 3
    assert "no points that were drawn here" in problems[0]


def test_what_to_do_is_said_where_there_are_no_points_yet() -> None:
    for data, said in (("drawn", "Draw at least two"), ("file", "Choose a CSV file")):
        with pytest.raises(PointsError, match=said):
            lab.points_of(PointsControls(data=data))
        assert lab.label_titles(PointsControls(data=data)) == {"each": "No classes"}


def test_the_classes_are_those_of_the_points() -> None:
    assert list(lab.label_titles(PointsControls(data="smiley"))) == ["each", "none", "0", "1", "2", "3"]
    assert "label" in lab.without_effect(PointsControls(data="roll"))
    assert "scale" in lab.without_effect(PointsControls(classes=False))
    shares = trajectory.labels_of(PointsControls(), lab.points_of(PointsControls()), 1000)
    assert shares is not None
    data = lab.points_of(PointsControls())
    assert (shares == 0).mean() == pytest.approx((data.labels == 0).mean(), abs=0.002)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3)), min_size=2, max_size=60))
@settings(deadline=None)
def test_drawn_points_come_back_from_the_link(points: list[tuple[float, float, int]]) -> None:
    text = written(points)
    assert check_drawn(text) == text
    in_order = sorted(points, key=lambda point: point[2])
    grid = np.array([[round(4095 * x), round(4095 * y)] for x, y, _ in in_order], dtype=float)
    if len(np.unique(grid, axis=0)) < 2:
        with pytest.raises(PointsError):
            drawn_set(text)
        return
    spread = grid.std(0)
    expected = (grid - grid.mean(0)) / np.where(spread > 0, spread, 1)
    np.testing.assert_allclose(drawn_set(text).x, expected, atol=1e-4)


@given(st.text(max_size=60))
@settings(deadline=None)
def test_a_text_that_nobody_drew_is_refused_in_a_sentence(text: str) -> None:
    said = "."
    try:
        drawn_set(text)
    except ValueError as problem:
        said = str(problem)
    assert said.endswith(".")


def test_more_points_than_a_link_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="At most 600"):
        check_drawn("ABCD" * (MOST_DRAWN + 1))


# --- stages -----------------------------------------------------------------------------------------------------------


def test_ddim_takes_the_shorter_way_and_ddpm_wanders_the_more_the_more_steps_it_takes() -> None:
    """The path of DDIM has a length, which finer steps only measure better; that of DDPM is a Brownian one, ~ √steps."""
    ddim = [way(drawn(steps=steps).clouds[0]) for steps in (25, 100)]
    ddpm = [way(drawn(steps=steps, sampler="ddpm").clouds[0]) for steps in (25, 100)]
    assert ddim[1] == pytest.approx(ddim[0], rel=0.1)
    assert ddpm[1] == pytest.approx(2 * ddpm[0], rel=0.25)
    assert ddpm[0] > 3 * ddim[0]


def test_two_clouds_begin_with_the_same_noise_and_differ_in_one_thing() -> None:
    stage = drawn(compare="ddpm")
    a, b = stage.clouds
    assert (a.title, b.title) == ("DDIM", "DDPM")
    assert np.array_equal(a.x[0], b.x[0])
    assert not np.allclose(a.x[-1], b.x[-1])
    quarter = drawn(compare="quarter")
    assert quarter.clouds[1].x.shape[0] == 6
    # Both show the same t at the same position: every fourth step of one is a step of the other.
    assert quarter.clouds[1].frame_index[::4] == pytest.approx(range(6))
    assert len(drawn(compare="ddim").clouds) == 1  # which is what it is anyway
    assert np.array_equal(drawn(compare="nothing").clouds[0].x, a.x)


def test_all_become_the_class_that_is_wanted_and_guidance_takes_them_away_from_the_other() -> None:
    controls = PointsControls(count=300)
    data = lab.points_of(controls)

    def wrong(scale: float) -> float:
        """Share of the particles that end nearer to the other moon."""
        x = drawn(label="0", scale=scale).clouds[0].x[-1]
        nearest = np.linalg.norm(x[:, None] - data.x, axis=2).argmin(1)
        return float((data.labels[nearest] != 0).mean())

    assert wrong(1.0) == 0
    assert wrong(0.0) == pytest.approx((data.labels == 1).mean(), abs=0.08)
    plain, strong = (drawn(label="0", scale=scale).clouds[0].x[-1] for scale in (1.0, 4.0))
    middle = data.x[data.labels == 1].mean(0)
    assert np.linalg.norm(strong - middle, axis=1).mean() > np.linalg.norm(plain - middle, axis=1).mean()


def test_arrows_point_to_the_data_where_there_is_only_one_place_to_go() -> None:
    controls = PointsControls(data="drawn", drawn=written([(0.5, 0.5, 0), (0.5, 0.501, 0)]), particles=100, steps=5)
    *_, last = points_stage.work(controls, lab.points_of(controls), None)
    assert last.result is not None
    arrows = last.result.clouds[0].arrows
    assert arrows is not None
    # Two points at (0, ±1), and the noise still large: everything on the x axis is drawn towards the middle.
    row = arrows.vectors[0].reshape(arrows.grid, arrows.grid, 2)[arrows.grid // 2]
    assert (row[: arrows.grid // 2, 0] > 0).all()
    assert (row[arrows.grid // 2 + 1 :, 0] < 0).all()


def test_many_steps_travel_in_few_frames_and_the_walk_may_follow_another_schedule() -> None:
    stage = drawn(steps=200, particles=100, sampling_schedule="linear")
    assert stage.clouds[0].x.shape == (101, 100, 2)
    assert (stage.positions[0].t, stage.positions[-1].t) == (200, 0)
    assert not np.allclose(stage.clouds[0].x[50], drawn(steps=200, particles=100).clouds[0].x[50])


def test_a_message_holds_the_stage() -> None:
    stage = drawn(particles=100, steps=3)
    message = stage.to_message()
    (length,) = struct.unpack("<I", message[16:20])
    header = json.loads(message[20 : 20 + length])
    packed = header["clouds"][0]["x"]
    begin = 20 + length + packed["at"]
    values = np.frombuffer(message[begin : begin + 4 * np.prod(packed["shape"])], "<f4").reshape(packed["shape"])
    assert np.array_equal(values, stage.clouds[0].x)
    assert message == drawn(particles=100, steps=3).to_message()
    assert message[:16] != drawn(particles=100, steps=3, seed=1).to_message()[:16]
    with pytest.raises(ValueError, match="which of its 4 moments"):
        PointClouds("x", (Cloud("A", "", stage.clouds[0].x, (0.0, 9.0)),), stage.positions[:2], stage.data)


# --- training ---------------------------------------------------------------------------------------------------------


def test_a_network_is_trained_sampled_from_and_trained_on() -> None:
    controls = PointsControls(count=300, particles=100, train_steps=100, width=16, steps=5, model="trained")
    data = lab.points_of(controls)
    assert training.usable(None, controls, data) is None
    job = Job(lambda: training.work(controls, data, None))
    job.wait(60)
    trained = training.usable(job, controls, data)
    assert trained is not None
    assert trained.step == 100
    learning = job.state.result
    assert learning is not None
    assert learning.ended
    stage = training.stage(learning)
    assert stage.positions[-1].t == 100
    assert not stage.live
    chart = training.chart(learning)
    assert np.mean(chart.series[0].y[-1:]) > learning.floor.value - 0.1
    assert training.losses_file(learning).data.count(b"\n") == 1 + len(learning.steps)
    # It is another network that other settings ask for.
    for change in ({"seed": 1}, {"schedule": "linear"}, {"classes": False}, {"data": "star"}, {"width": 24}):
        other = controls.model_copy(update=change)
        assert training.usable(job, other, lab.points_of(other)) is None
    *_, shown = points_stage.work(controls.model_copy(update={"compare": "model"}), data, trained)
    assert shown.result is not None
    assert [cloud.title for cloud in shown.result.clouds] == ["Trained network", "Exact denoiser"]
    before = training.continued(job, controls, data)
    assert before is learning
    *_, more = training.work(controls, data, before)
    assert more.result.trained.step == 200
    assert more.result.losses[: len(learning.losses)] == learning.losses


def test_without_a_network_the_exact_denoiser_stands_in() -> None:
    controls = PointsControls(model="trained", compare="model")
    assert [side.model for side in trajectory.sides(controls, None)] == ["exact"]
