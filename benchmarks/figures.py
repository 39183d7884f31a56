"""A measured figure, and the table that a reader gets."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

import numpy as np

Judged = Literal["median", "p95"]


def load() -> float:
    """How many programs wanted to compute in the last minute, on average, this one among them."""
    return os.getloadavg()[0]


@dataclass(frozen=True)
class Figure:
    """One thing that was measured many times.

    Args:
        what: in the reader's words.
        values: all of them, in `unit`.
        unit: "s", "ms" or "×".
        judged: which number is compared with the goal.
        goal: not more than this, in `unit`; None where there is none.
        load: of the machine, taken when the figure was done.
        least: the goal is to reach `goal`, not to stay below it.
    """

    what: str
    values: tuple[float, ...]
    unit: str
    judged: Judged = "p95"
    goal: float | None = None
    load: float = field(default_factory=load)
    least: bool = False

    def at(self, percent: float) -> float:
        """So many per cent of the values are not larger than this."""
        return float(np.percentile(self.values, percent))

    @property
    def kept(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        reached = self.at(50 if self.judged == "median" else 95)
        return reached >= self.goal if self.least else reached <= self.goal

    def measured(self) -> str:
        """The numbers in words."""
        low, median, high, p95, most = (self._written(self.at(q)) for q in (25, 50, 75, 95, 100))
        if len(self.values) == 1:
            return f"{median} {self.unit}"
        if self.judged == "median":
            return f"median {median} {self.unit}, half of them {low} … {high}"
        return f"p50 {median}, p95 {p95}, most {most} {self.unit}"

    def row(self) -> tuple[str, ...]:
        """What, goal, measured, how often, load."""
        goal = "–" if self.goal is None else f"{self.judged} {'≥' if self.least else '≤'} {self.goal:g} {self.unit}"
        missed = " (missed)" if self.kept is False else ""
        return self.what, goal, self.measured() + missed, str(len(self.values)), f"{self.load:.1f}"

    def _written(self, value: float) -> str:
        digits = {"×": 3, "s": 2}.get(self.unit, 0 if value >= 100 else 1)
        return f"{value:.{digits}f}"


def machine() -> str:
    """What this was measured on."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:  # not Linux
        pass
    return f"{os.cpu_count()} cores, {name}, {platform.system()}, Python {platform.python_version()}"


def table(figures: Sequence[Figure], committed: Sequence[Figure] = ()) -> str:
    """All of them as a Markdown table that also reads well as it is.

    Args:
        figures: its rows.
        committed: of an earlier measurement; the medians of the same figures get a column of their own where there are any.
    """
    rows = [("Figure", "Goal", "Measured", "n", "Load"), *(figure.row() for figure in figures)]
    if committed:
        medians = {figure.what: f"{figure.at(50):.3g}" for figure in committed}
        before = [medians.get(figure.what, "–") for figure in figures]
        rows = [(*row, more) for row, more in zip(rows, ("Before", *before), strict=True)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def read_json(path: Path) -> list[Figure]:
    """What `write_json` has written. Raises OSError where there is no such file."""
    names = {one.name for one in fields(Figure)}
    rows = json.loads(path.read_text(encoding="utf-8"))["figures"]
    return [Figure(**{name: value for name, value in row.items() if name in names}) for row in rows]


def write_json(path: Path, figures: Sequence[Figure]) -> None:
    """Everything that was measured, value by value. Raises OSError where that cannot be written."""
    rows = [
        {
            "what": figure.what,
            "unit": figure.unit,
            "judged": figure.judged,
            "goal": figure.goal,
            "least": figure.least,
            "kept": figure.kept,
            "load": figure.load,
            "values": figure.values,
        }
        for figure in figures
    ]
    path.write_text(json.dumps({"machine": machine(), "figures": rows}, indent=1), encoding="utf-8")
