"""The Schedules page of the site: what Node computes from its tables is what the engine and the lab say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from site_node import as_bytes, computed, tiles_of_lab, tiles_of_page

from engine.schedule import NoiseSchedule
from playground.labs.schedules import drawn, job, view
from playground.labs.schedules.controls import ScheduleControls
from playground.labs.shared import picture
from playground.labs.shared.controls import to_text
from playground.static_site import schedules, tables

SETTINGS = [
    ScheduleControls(T=1000, sigmoid=False, drawn=True, points="0,1; 0.5,0.5; 1,0"),
    ScheduleControls(T=50, rescale=False, s=0.05, data="emoji", class_index=2, number=1, seed=9),
    ScheduleControls(T=150, s=0, zero="all", drawn=True, points="0,1; 0.2,0.9; 0.4,0.9; 1,0.3"),
]


def settings_of(controls: ScheduleControls) -> dict[str, str]:
    return {name: to_text(value) for name, value in controls.model_dump().items()}


@pytest.fixture(scope="module")
def columns() -> list[dict[str, dict[str, list[float]]]]:
    data, stored = schedules.data().to_payload(), tables.schedule_tables().to_payload()
    calls = [[data, stored, settings_of(one), drawn.parse_points(one.points)] for one in SETTINGS]
    return computed("schedules", "schedulesOf", calls)


def expected(schedule: NoiseSchedule) -> dict[str, Any]:
    level = schedule.level(0).cat([schedule.level(t).expand(1) for t in range(schedule.T + 1)])
    return {
        "beta": schedule.beta,
        "alphaBar": schedule.alpha_bar,
        "signal": level.alpha_bar.sqrt(),
        "sigma": level.variance.sqrt(),
        "keep": schedule.alpha.sqrt(),
        "add": schedule.beta.sqrt(),
        "logSnr": schedule.log_snr,
        "snr": schedule.log_snr.exp(),
        "posterior": schedule.posterior_variance.sqrt(),
    }


@pytest.mark.parametrize("k", range(len(SETTINGS)))
def test_tables_are_the_engine_s(columns: list[dict[str, dict[str, list[float]]]], k: int) -> None:
    of_lab = job.schedules_of(SETTINGS[k])
    assert list(columns[k]) == list(of_lab)
    for name, schedule in of_lab.items():
        for quantity, values in expected(schedule).items():
            found = np.array(columns[k][name][quantity], dtype=float)  # JSON has no infinity: null, and so NaN
            finite = np.isfinite(values.numpy())
            np.testing.assert_allclose(
                found[finite], values.numpy()[finite], rtol=2e-5, atol=1e-7, err_msg=f"{name} {quantity}"
            )
            assert np.isnan(found[~finite]).all()


@pytest.mark.parametrize("k", range(len(SETTINGS)))
def test_pictures_and_charts_are_the_lab_s(columns: list[dict[str, dict[str, list[float]]]], k: int) -> None:
    controls = SETTINGS[k]
    lab = view.timeline(controls)
    call = [schedules.data().to_payload(), tables.schedule_tables().to_payload(), as_bytes(picture.chosen(controls))]
    (shown_of_page,) = computed("schedules", "shownOf", [[*call, settings_of(controls)]])
    page = shown_of_page["timeline"]
    for row, (name, pictures) in zip(shown_of_page["strips"], job.strips(controls).items(), strict=True):
        assert row["name"] == name
        assert np.abs(np.array(row["pictures"]).reshape(pictures.shape) - pictures.astype(int)).max() <= 1
    for ours, theirs in zip(page["lanes"], lab.lanes, strict=True):
        assert (ours["key"], ours["title"]) == (theirs.key, theirs.title)
        tiles = tiles_of_lab(theirs).astype(int)
        assert np.abs(tiles_of_page(ours, tiles.shape[-1]) - tiles).max() <= 1
    shown = lab.to_payload()
    assert page["positions"] == shown["positions"]
    for ours, theirs in zip(page["panels"], shown["panels"], strict=True):
        assert (ours["title"], ours["y_label"], ours["marker"]) == (
            theirs["title"],
            theirs["y_label"],
            theirs["marker"],
        )
        for one, other in zip(ours["lines"], theirs["lines"], strict=True):
            assert (one["name"], one["color"], one["x"]) == (other["name"], other["color"], other["x"])
            np.testing.assert_allclose(np.array(one["y"], float), np.array(other["y"], float), rtol=5e-5, atol=1e-5)


@pytest.mark.parametrize("k", range(len(SETTINGS)))
def test_verdicts_are_the_lab_s(k: int) -> None:
    controls = SETTINGS[k]
    call = [schedules.data().to_payload(), tables.schedule_tables().to_payload(), as_bytes(picture.chosen(controls))]
    (found,) = computed("schedules", "shownOf", [[*call, settings_of(controls)]])
    assert not found["problems"]
    for ours, theirs in zip(found["verdicts"], job.verdicts(controls), strict=True):
        assert (ours["name"], ours["state"], ours["sentence"]) == (theirs.name, theirs.state, theirs.sentence)
        assert ours["snr"] == pytest.approx(theirs.snr, rel=1e-4)
        assert ours["button"] == theirs.button
        if theirs.remedy is not None:
            assert settings_of(controls) | ours["remedy"] == settings_of(theirs.remedy)
        else:
            assert ours["remedy"] is None


def test_points_are_read_as_in_the_lab() -> None:
    good = ["0,1; 0.3,0.7; 1,0", "0,1;0.1,1;1,1"]
    bad = ["", "0,1; 1,0", "0,1; 0.5,0.5; 0.4,0.2; 1,0", "0,1; 0.5,0.2; 1,0.3", "0,1; 0.5,; 1,0", "0,1; x,0.5; 1,0"]
    bad += ["0.1,1; 0.5,0.5; 1,0", "0,1; 0.5,0.5; 0.9,0", "0,1; 0.5,0.5,0.1; 1,0"]
    found = computed("schedules", "pointsOf", [[one, drawn.EXAMPLE] for one in [*good, *bad]])
    for one, read in zip(good, found, strict=False):
        assert tuple(map(tuple, read["points"])) == drawn.parse_points(one)
        assert not read["problem"]
    for one, read in zip(bad, found[len(good) :], strict=True):
        with pytest.raises(ValueError, match=r".+"):
            drawn.parse_points(one)
        assert read["problem"]
        assert tuple(map(tuple, read["points"])) == drawn.parse_points(drawn.EXAMPLE)
