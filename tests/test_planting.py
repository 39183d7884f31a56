"""Bugs can still be planted where the code was renamed, reformatted or moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from planting import NotFoundOnceError, plant, planted

CODE = "def mean(values):\n    total = sum(values)\n    return total / len(values)\n"
RIGHT, WRONG = "total / len(values)", "total / (len(values) - 1)"


@pytest.mark.parametrize(
    "code",
    [
        CODE,
        CODE.replace("total / len", "total /\n        len"),
        CODE.replace("total", "amount"),
        CODE.replace("total", "amount").replace("values", "numbers"),
    ],
)
def test_the_place_is_found_and_keeps_its_names(code: str) -> None:
    scope: dict[str, object] = {}
    exec(planted(code, RIGHT, WRONG), scope)
    assert scope["mean"]([1.0, 3.0]) == 4.0  # type: ignore[operator]


def test_a_name_that_is_still_there_stands_for_itself() -> None:
    with pytest.raises(NotFoundOnceError):
        planted("def f(a, b):\n    return b / len(a)\n\n\ntotal = values = 0\n", RIGHT, WRONG)


def test_two_places_are_one_too_many() -> None:
    with pytest.raises(NotFoundOnceError):
        planted(CODE + CODE.replace("total", "amount"), "sum_of / length(values)", WRONG)
    with pytest.raises(NotFoundOnceError):
        planted("x = a + b\ny = c + d\n", "p + q", "p - q")


def test_a_file_that_was_moved_is_found(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "moved.py").write_text(CODE)
    (tmp_path / "other.py").write_text("x = 1\n")
    file, broken = plant(tmp_path, "mean.py", RIGHT, WRONG)
    assert file.name == "moved.py"
    assert WRONG in broken
