"""The Points page: networks that have learned their points, and programs that all of them share."""

from __future__ import annotations

import torch

from engine.evaluation.metrics import energy_floor, energy_from_data
from engine.samplers import SAMPLERS
from engine.sampling import sample
from playground.labs.points.controls import points_of
from playground.labs.points.trajectory import labels_of, schedule_of
from playground.static_site import points


def test_each_network_has_learned_its_points() -> None:
    for name in points.SETS:
        controls = points._controls_of(name)
        data = points_of(controls)
        labels = labels_of(controls, data, controls.particles)
        assert labels is not None
        *_before, last = sample(
            points._trained(name).denoiser,
            schedule_of(controls),
            SAMPLERS["ddim"](0.0),
            shape=(2,),
            steps=controls.steps,
            seeds=range(controls.particles),
            label=torch.from_numpy(labels),
        )
        truth = torch.from_numpy(data.x)
        floor = energy_floor(truth)
        noise = energy_from_data(torch.randn(truth.shape, generator=torch.Generator().manual_seed(0)), truth).value
        assert energy_from_data(last.x, truth).value < floor.value + 0.1 * noise, name


def test_the_programs_are_those_of_every_set() -> None:
    first, *others = (points._live(name) for name in points.SETS)
    for other in others:
        assert other.clouds == first.clouds
        assert other.steps_choices == first.steps_choices
        assert other.can_guide == first.can_guide


def test_the_page_reads_what_is_stored_once_for_all_languages() -> None:
    page = points.page(points.SETS[:1])
    (name,) = points.SETS[:1]
    assert set(page.needs) == {points.PLANS, points.network_name(name), f"{points.network_name(name)}-points"}
    payload = page.to_payload()["data"]
    assert all(not cloud["plans"] for cloud in payload["live"]["clouds"])
    assert set(payload["class_names"]) == {name}
