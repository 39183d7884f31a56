"""docs/reliability.md shows the results of the campaign and every limit on files."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT)]

import make_reliability  # noqa: E402

from benchmarks.faults import KINDS, Outcome  # noqa: E402


def test_the_page_is_what_its_command_writes() -> None:
    text = make_reliability.PAGE.read_text(encoding="utf-8")
    assert make_reliability.page(text) == text


def test_what_is_lost_stands_below_the_table() -> None:
    table = make_reliability.faults([Outcome("kills", "a", tried=3), Outcome("kills", "b", "the log")])
    assert "| 4 | 3 | 1 |" in table
    assert "Lost: kills b: the log" in table
    assert table.count("\n| ") == len(KINDS)
