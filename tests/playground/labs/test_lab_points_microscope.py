"""The Points lab's microscope: what it adds up is the walk of the cloud, and what it says of a step is true."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.schedule import SCHEDULES
from playground.components.payloads.microscope import Equation
from playground.components.payloads.point_clouds import PointClouds
from playground.components.payloads.points_microscope import (
    ParticleCursor,
    ParticleTrajectory,
    PointsMicroscope,
    read_particle_cursor,
)
from playground.labs.points import controls as lab
from playground.labs.points import decomposition, training, trajectory
from playground.labs.points import job as points_stage
from playground.labs.points.controls import PointsControls
from playground.labs.shared.controls import from_link, to_link
from playground.labs.shared.job import Job

SAMPLERS = get_args(PointsControls.model_fields["sampler"].annotation)
COMPARED = get_args(PointsControls.model_fields["compare"].annotation)
QUICK = {"count": 300, "particles": 200, "steps": 12, "compare": "nothing", "eta": 0.4}
PARTICLES = st.integers(0, 199)


def asked(**changes: object) -> PointsControls:
    return PointsControls.model_validate({**QUICK, **changes})


@cache
def stage(controls: PointsControls) -> PointClouds:
    *_, last = points_stage.work(controls, lab.points_of(controls), None)
    assert last.result is not None
    return last.result


def bench(controls: PointsControls, **more: object) -> PointsMicroscope:
    return decomposition.bench(controls, lab.points_of(controls), None, **more)  # type: ignore[arg-type]


def total(way: ParticleTrajectory, equation: Equation) -> np.ndarray:
    """The sum of an equation, as the browser makes it."""
    pool = way.branch.pool[:, 0, 0]
    return sum(np.float64(term.coefficient) * pool[term.picture.index] for term in equation.terms)  # type: ignore[return-value]


@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize("sampler", SAMPLERS)
@given(particle=PARTICLES)
@settings(deadline=None, max_examples=6)
def test_the_terms_add_up_to_the_next_frame_of_the_cloud(sampler: str, scale: float, particle: int) -> None:
    controls = asked(sampler=sampler, scale=scale)
    cloud = stage(controls).clouds[0].x[:, particle]
    (way,) = bench(controls.model_copy(update={"particle": particle})).trajectories
    assert len(way.branch.steps) == controls.steps
    for cut, here, following in zip(way.branch.steps, cloud[:-1], cloud[1:], strict=True):
        np.testing.assert_allclose(way.branch.pool[way.branch.thumbnails[cut.step], 0, 0], here, atol=2e-5)
        np.testing.assert_allclose(total(way, cut.equations[0]), following, atol=2e-5)
        assert all(term.coefficient_map is None for term in cut.equations[0].terms)


@pytest.mark.parametrize("compare", COMPARED)
def test_every_cloud_has_its_way(compare: str) -> None:
    controls = asked(compare=compare, scale=2.0)
    shown, clouds = bench(controls.model_copy(update={"particle": 7})), stage(controls).clouds
    assert [way.branch.label for way in shown.trajectories] == [cloud.title for cloud in clouds]
    for way, cloud in zip(shown.trajectories, clouds, strict=True):
        walked = way.branch.pool[[*way.branch.thumbnails, way.branch.final], 0, 0]
        np.testing.assert_allclose(walked, cloud.x[:, 7], atol=2e-5)


@given(particle=PARTICLES)
@settings(deadline=None, max_examples=6)
def test_ddpm_draws_from_the_posterior(particle: int) -> None:
    """x_s = m + σ z with the mean and the σ of q(x_s | x_t, x̂0); Ho et al. 2020, eqs. 6 and 7."""
    controls = asked(sampler="ddpm", particle=particle)
    (way,) = bench(controls).trajectories
    schedule = SCHEDULES[controls.schedule](controls.T)
    path = schedule.timesteps(controls.steps)
    for cut, std, posterior_std in zip(way.branch.steps, way.std, way.posterior_std, strict=True):
        step, posterior = cut.equations
        (*_, last) = step.terms
        noise = last.coefficient * way.branch.pool[last.picture.index, 0, 0] if last.picture.kind == "fresh" else 0.0
        np.testing.assert_allclose(total(way, step) - noise, total(way, posterior), atol=2e-5)
        now, to = schedule.alpha_bar[cut.t], schedule.alpha_bar[path[cut.step + 1]]
        assert posterior_std == pytest.approx(float(((1 - to) / (1 - now) * (1 - now / to)).sqrt()), abs=1e-9)
        assert std == pytest.approx(posterior_std)
    assert way.std[-1] == 0


def test_a_deterministic_step_has_no_law() -> None:
    (way,) = bench(asked(sampler="ddim", eta=0, particle=3)).trajectories
    assert set(way.std) == {0.0}
    assert all(std > 0 for std in way.posterior_std[:-1])


@given(particle=PARTICLES)
@settings(deadline=None, max_examples=6)
def test_the_thoughts_are_points_of_the_class_whose_weighted_mean_is_x0(particle: int) -> None:
    controls = asked(particle=particle, smoothing=0)
    data = lab.points_of(controls)
    labels = trajectory.labels_of(controls, data, controls.particles)
    assert labels is not None
    shown = bench(controls)
    assert shown.name == data.class_names[labels[particle]]
    (way,) = shown.trajectories
    for cut in way.branch.steps:
        rows, weights = (np.array(column) for column in zip(*cut.posterior_weights, strict=True))
        assert set(data.labels[rows]) == {labels[particle]}
        assert (np.diff(weights) <= 0).all()
        assert weights.sum() <= 1 + 1e-3
        said = re.search(r"The ([\d,]+) drawn have (\d+) % of it", cut.posterior_text)
        if said is None:
            assert weights.sum() > 0.999
        else:
            assert int(said[1].replace(",", "")) == len(rows)
            assert float(said[2]) == pytest.approx(100 * weights.sum(), abs=0.6)
        if weights.sum() > 0.99:  # those that are not named could move the mean by no more than this
            x0 = next(term.picture.index for term in cut.equations[0].terms if term.picture.kind == "x0")
            rest = 4 * (1 - weights.sum()) + 2e-3
            np.testing.assert_allclose(weights @ data.x[rows], way.branch.pool[x0, 0, 0], atol=rest)
    assert sum(weight for _, weight in way.branch.steps[-1].posterior_weights) > 0.99


def test_a_particle_that_is_told_no_class_thinks_of_all() -> None:
    for changes in ({"label": "none"}, {"scale": 0.0}, {"classes": False}):
        (way,) = bench(asked(particle=5, **changes)).trajectories
        assert "of the class" not in way.branch.steps[0].posterior_text
        assert "300 points" in way.branch.steps[0].posterior_text


def test_beside_a_network_stands_the_exact_denoiser_of_the_plain_points() -> None:
    controls = asked(train_steps=100, width=16, model="trained", compare="model", particle=4)
    data = lab.points_of(controls)
    job = Job(lambda: training.work(controls, data, None))
    job.wait(60)
    trained = training.usable(job, controls, data)
    assert trained is not None
    network, exact = decomposition.bench(controls, data, trained).trajectories
    assert (network.branch.label, exact.branch.label) == ("Trained network", "Exact denoiser")
    errors = [
        [float(dict(cut.facts)["RMS difference to the exact x̂₀"]) for cut in way.branch.steps]
        for way in (network, exact)
    ]
    assert max(errors[0]) > 0.01
    assert max(errors[1]) == pytest.approx(0, abs=1e-3)


def test_nobody_is_taken_apart_until_chosen_and_nothing_is_computed_twice() -> None:
    empty = bench(asked())
    assert (empty.trajectories, empty.cursor.particle) == ((), -1)
    chosen = bench(asked(particle=3, frame=5), before=empty)
    assert chosen.cursor == ParticleCursor(3, 5)
    assert bench(asked(particle=3, frame=9), before=chosen) is chosen
    assert bench(asked(particle=4), before=chosen) is not chosen
    assert bench(asked(particle=3, steps=11), before=chosen) is not chosen
    data = lab.points_of(asked())
    assert len({trajectory.stage_key(asked(particle=k, frame=k), data, None) for k in range(3)}) == 1


def test_the_link_keeps_the_place_and_a_particle_that_there_is_not_is_named() -> None:
    there = decomposition.moved(asked(), ParticleCursor(17, 8))
    assert to_link(there) | {"particle": "17", "frame": "8"} == to_link(there)
    assert from_link(PointsControls, to_link(there)) == (there, [])
    controls, problems = from_link(PointsControls, {"particles": "100", "particle": "100"})
    assert (controls.particles, controls.particle) == (100, -1)
    assert len(problems) == 1
    assert "99" in problems[0]


def test_where_the_reader_looks_is_only_believed_of_this_stage() -> None:
    good = {"id": "a", "particle": 3, "frame": 4}
    assert read_particle_cursor(good, "a", 10) == ParticleCursor(3, 4)
    for wrong in (None, 3, {}, {**good, "id": "b"}, {**good, "particle": 10}, {**good, "frame": -1}, {**good, "frame": 1.5},
                  {**good, "particle": True}, {**good, "frame": "4"}):  # fmt: skip
        assert read_particle_cursor(wrong, "a", 10) is None


def test_what_travels_is_json_and_short() -> None:
    shown = bench(asked(steps=200, compare="heun", particle=0))
    payload = json.dumps(shown.to_payload(), allow_nan=False)
    assert len(payload) < 2_500_000
    assert len(shown.times) == 201
    assert [cut.t for cut in shown.trajectories[0].branch.steps] == list(shown.times[:-1])
