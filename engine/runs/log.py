"""Files with one JSON object a line, which one process appends to while others read them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from engine.settings import current
from engine.training.report import Report
from engine.training.timestep_bins import TIMESTEP_BINS

_REPORT = TypeAdapter(Report)
_NUMBERS = ("loss", "learning_rate", "gradient_norm", "images_per_second", "waiting")

Point = tuple[int, float]
"""A training step and the loss there."""


def plain(value: object) -> object:
    """The same without what JSON does not have: NaN becomes null, infinity a word."""
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def line_of(values: Mapping[str, object]) -> str:
    """One line of JSON, without its end."""
    return json.dumps(plain(values))


def report_line(report: Report) -> str:
    """One line of metrics.jsonl."""
    return line_of(asdict(report))


def report_of(line: bytes) -> Report | None:
    """The report in a line; None where there is none that is valid."""
    values = _object(line)
    if values is None:
        return None
    for name in _NUMBERS:
        if name in values and values[name] is None:
            values[name] = math.nan
    levels = values.get("loss_by_level")
    if isinstance(levels, list):
        values["loss_by_level"] = [math.nan if loss is None else loss for loss in levels]
    try:
        report = _REPORT.validate_python(current(values))
    except ValidationError:
        return None
    return report if len(report.loss_by_level) == TIMESTEP_BINS and report.step >= 0 else None


def point_of(line: bytes) -> Point | None:
    """Step and loss in a line of held_out.jsonl; None where there is none that is valid."""
    values = _object(line) or {}
    step, loss = values.get("step"), values.get("loss")
    good = type(step) is int and step >= 0 and isinstance(loss, int | float) and math.isfinite(loss)
    return (step, float(loss)) if good else None  # type: ignore[return-value, arg-type]


def add(path: Path, lines: Sequence[str]) -> None:
    """Append lines to a file. Raises OSError where the write fails, or the folder is gone."""
    if not lines:
        return
    data = "".join(line + "\n" for line in lines).encode()
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":  # a full disk or a killed process has cut the last line short
                data = b"\n" + data
        file.write(data)


def merge(reports: list[Report], found: Iterable[Report]) -> None:
    """Append reports in the order of the log. A resumed run logs some steps a second time: these replace what was logged before
    of them and of later steps."""
    for report in found:
        while reports and reports[-1].step >= report.step:
            reports.pop()
        reports.append(report)


def merge_points(points: list[Point], found: Iterable[Point]) -> None:
    """The same for steps and losses."""
    for point in found:
        while points and points[-1][0] >= point[0]:
            points.pop()
        points.append(point)


class Tail:
    """Reads only what is new of a growing file.

    Args:
        path: the file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._file: tuple[int, int] | None = None

    def read(self, *, to_end: bool = False) -> tuple[list[bytes], bool]:
        """The whole lines that have come since the last time, and whether the file is another one now.

        Args:
            to_end: read a last line without an end as well, where no process writes any more.
        """
        try:
            with self._path.open("rb") as file:
                stat = os.fstat(file.fileno())
                is_new = self._file != (stat.st_dev, stat.st_ino) or stat.st_size < self._offset
                if is_new:
                    self._file, self._offset = (stat.st_dev, stat.st_ino), 0
                if stat.st_size == self._offset:
                    return [], is_new
                file.seek(self._offset)
                data = file.read()
        except OSError:
            gone, self._file, self._offset = self._file is not None, None, 0
            return [], gone
        end = len(data) if to_end else data.rfind(b"\n") + 1
        self._offset += end
        return data[:end].splitlines(), is_new


def _object(line: bytes) -> dict[str, Any] | None:
    """The object in a line; None where there is none. pydantic reads any depth, and numbers of a thousand digits."""
    try:
        values = from_json(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
