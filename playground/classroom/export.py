"""What a class has answered, as files: JSON with everything, and a table with a line for each answer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

COLUMNS = ("kind", "student", "name", "step or task", "done", "answers", "wrong", "text", "address", "facts", "changed")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would calculate."""


def as_json(state: Mapping[str, Any]) -> str:
    """The state of the teacher's page (`Rooms.teacher_state` since version 0)."""
    return json.dumps(state, ensure_ascii=False, indent=1)


def as_csv(state: Mapping[str, Any]) -> str:
    """One line for each step of each student and each result; begins with a mark by which spreadsheets know UTF-8."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for line in _lines(state):
        table.writerow([_harmless(cell) for cell in line])
    return "\ufeff" + out.getvalue()


def _lines(state: Mapping[str, Any]) -> Iterator[list[object]]:
    names = {one["number"]: one["name"] for one in state["students"]}
    for row in state["progress"]:
        value, number = row["value"], row["number"]
        said = [json.dumps(value["answers"]), value["wrong"], value["text"], "", ""]
        yield ["step", number, names[number], row["step"] + 1, value["done"], *said, _time(row["changed"])]
    for row in state["results"]:
        facts = json.dumps(row["facts"], ensure_ascii=False)
        about = ["", "", "", "", row["address"], facts, _time(row["changed"])]
        yield ["result", row["number"], names[row["number"]], row["task"], *about]


def _harmless(cell: object) -> object:
    """A text that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
