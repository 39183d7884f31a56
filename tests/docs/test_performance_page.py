"""docs/performance.md shows what was measured, and the tables tell a goal that was missed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT)]

import make_performance  # noqa: E402

from benchmarks.figures import Figure, read_json, table, write_json  # noqa: E402

FIGURES = [
    Figure("Stop", (1.0, 2.0, 30.0), "ms", goal=20.0, load=0.5),
    Figure("theirs ÷ ours", (1.4, 1.6, 1.7), "×", "median", goal=1.5, load=1.5, least=True),
    Figure("without a goal", (2.0,), "s", load=2.0),
]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_json(tmp_path / "some.json", FIGURES)
    found = read_json(tmp_path / "some.json")
    assert [(one.what, list(one.values), one.kept) for one in found] == [
        (one.what, list(one.values), one.kept) for one in FIGURES
    ]


def test_a_goal_is_kept_from_the_right_side() -> None:
    assert [one.kept for one in FIGURES] == [False, True, None]
    rows = table(FIGURES).splitlines()
    assert ["(missed)" in row for row in rows] == [False, False, True, False, False]
    assert "median ≥ 1.5 ×" in rows[3]


def test_an_earlier_measurement_stands_beside() -> None:
    earlier = [Figure("Stop", (5.0, 7.0, 6.0), "ms"), Figure("gone", (1.0,), "s")]
    cells = [[cell.strip() for cell in row.split("|")] for row in table(FIGURES, earlier).splitlines()]
    assert [row[-2] for row in cells] == ["Before", "-" * len(cells[1][-2]), "6", "–", "–"]


def test_the_page_has_the_tables_of_what_was_measured() -> None:
    """To be made again by `python docs/make_performance.py` where this fails."""
    text = make_performance.PAGE.read_text(encoding="utf-8")
    assert make_performance.page(text) == text
    measured = {path.stem for path in make_performance.VALUES.glob("*.json")}
    assert (
        measured == {found[2] for found in make_performance.BLOCK.finditer(text)} >= {"sampling", "training", "quality"}
    )
    for name in measured:
        assert json.loads((make_performance.VALUES / f"{name}.json").read_text(encoding="utf-8"))["machine"]


def test_a_table_that_was_not_measured_is_an_error() -> None:
    with pytest.raises(OSError, match="nothing"):
        make_performance.page("<!-- nothing -->\n<!-- end -->")


def test_the_page_says_why_where_a_goal_is_missed() -> None:
    missed = [one for path in make_performance.VALUES.glob("*.json") for one in read_json(path) if one.kept is False]
    text = make_performance.PAGE.read_text(encoding="utf-8")
    assert text.count("(missed)") == len(missed)
    assert "## What was not reached, and why" in text or not missed
