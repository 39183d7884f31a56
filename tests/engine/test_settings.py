"""Settings under the names that they had before."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from engine import settings
from engine.settings import Settings


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
