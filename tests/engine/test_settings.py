"""Settings under the names that they had before."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from engine import settings
from engine.cli.train import recipe_of
from engine.runs.record import report_of
from engine.settings import Settings
from engine.training.config import TrainConfig
from playground.labs.shared.controls import from_link
from playground.labs.training.controls import TrainingControls


class _Renamed(Settings):
    task: str = "denoiser"
    decay: float = 0.9


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "OLD_NAMES", {"decay": ("averaging", "mean")})
    monkeypatch.setattr(settings, "OLD_VALUES", {"task": {"judge": "classifier"}})


def test_an_old_name_and_an_old_value_are_read_and_new_ones_written() -> None:
    read = _Renamed.model_validate({"averaging": 0.5, "task": "judge"})
    assert read.model_dump() == {"decay": 0.5, "task": "classifier"}
    assert _Renamed.model_validate_json('{"mean": 0.25}').decay == 0.25


def test_a_new_name_wins_over_an_old_one() -> None:
    assert _Renamed.model_validate({"averaging": 0.5, "decay": 0.75}).decay == 0.75


def test_an_unknown_name_is_still_refused() -> None:
    with pytest.raises(ValidationError):
        _Renamed.model_validate({"average": 0.5})


def test_no_old_name_is_the_name_of_a_setting_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    old = [name for names in settings.OLD_NAMES.values() for name in names]
    assert len(old) == len(set(old))
    assert not set(old) & set(settings.OLD_NAMES)


def test_the_names_of_training_settings_before_still_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    before = {"learns": "classifier", "at_once": 4, "averaging": 0.5}
    config = TrainConfig.model_validate(before)
    assert (config.task, config.micro_batch, config.ema_decay) == ("classifier", 4, 0.5)
    assert TrainConfig.model_validate_json(json.dumps(before)) == config
    assert not set(before) & set(config.model_dump())
    changes = [f"{name}={value}" for name, value in before.items()]
    assert recipe_of(None, changes) == config
    controls, problems = from_link(TrainingControls, {name: str(value) for name, value in before.items()})
    assert (controls.task, controls.micro_batch, controls.ema_decay, problems) == ("classifier", 4, 0.5, [])


def test_a_line_of_metrics_written_before_still_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    line = {"step": 1, "steps": 2, "loss": 0.5, "loss_by_level": [None] * 10, "learning_rate": 0.1}
    report = report_of(json.dumps(line | {"gradient_norm": 1.0, "images_per_second": 9.0, "at_once": 4}).encode())
    assert report is not None
    assert report.micro_batch == 4
