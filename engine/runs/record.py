"""What the files of a run say: run.json, and logs of one JSON object a line, which one process appends to while others read."""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from pydantic_core import from_json

from engine.settings import current
from engine.storage import budgets
from engine.storage.files import open_regular
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.timestep_bins import TIMESTEP_BINS

Status = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]
"""See the state diagram in docs/architecture.md. "interrupted" is never written: it is a run that is queued or running by its
run.json, and that no process holds."""
ACTIVE: tuple[Status, ...] = ("queued", "running", "paused")
"""Those of a run that is going to change."""
ControlRequest = Literal["paused", "stopped"]
"""The status that a running run is asked to take at its next report."""

ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,99}")
"""Of a folder that --out named, among all runs."""

_REPORT = TypeAdapter(Report)
_NUMBERS = ("loss", "learning_rate", "gradient_norm", "images_per_second", "waiting")


class Point(NamedTuple):
    """A training step and the loss there."""

    step: int
    loss: float


Entry = TypeVar("Entry", Report, Point)


class RunRecord(BaseModel):
    """What run.json says."""

    model_config = ConfigDict(extra="ignore")

    config: TrainConfig
    status: Status = "queued"
    error: str = ""
    created: float = Field(default_factory=time.time, validate_default=True, description="Seconds since 1970.")
    command: str = Field("", max_length=2000, description="What started it, where that was in the shell.")
    trained_on: str = Field(
        "", max_length=200, description="Device, and number of threads, of the process that trained it last."
    )
    held_out: int | None = Field(None, ge=0, description="How many held-out pictures the set has; None: not yet known.")
    pictures: str = Field(
        "", max_length=200, description="Checksum of a prepared set's pictures; empty for one that ships."
    )

    @field_validator("created", mode="before")
    @classmethod
    def _a_year_that_is_shown(cls, value: object) -> object:
        """A computer without a clock may write any time: that must not hide a run."""
        return min(max(value, 0.0), 1e11) if isinstance(value, int | float) and not math.isnan(value) else 0.0

    def age_key(self, name: str) -> str:
        """What runs are sorted by: the id, or the time of its beginning for a folder of another name."""
        return name if ID.fullmatch(name) else f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(self.created))}-{name}"


def new_id() -> str:
    """The time and eight random hexadecimal digits: sorts by age, and cannot be guessed from the link of another run."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"


def settings_of(config: TrainConfig) -> list[str]:
    """The settings that differ from the defaults, as the arguments of --set: "steps=2000"."""
    defaults = TrainConfig().model_dump()
    changed = {name: value for name, value in config.model_dump().items() if value != defaults[name]}
    return [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in changed.items()]


def command_of(config: TrainConfig, out: str = "") -> str:
    """The shell command that trains the same run on any computer that has the pictures.

    Args:
        config: the run.
        out: the folder to write; empty for a new one among all runs.
    """
    words = ["python", "-m", "engine", "train"]
    for setting in settings_of(config):
        words += ["--set", setting]
    return shlex.join(words + (["--out", out] if out else []))


# --- logs --------------------------------------------------------------------------------------------------------------


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
    return Point(step, float(loss)) if good else None  # type: ignore[arg-type]


def add(path: Path, entries: Sequence[Mapping[str, object]]) -> None:
    """Append a line for each entry to a file. Raises OSError where the write fails, or the folder is gone."""
    if not entries:
        return
    data = "".join(line_of(entry) + "\n" for entry in entries).encode()
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read() != b"\n":  # a full disk or a killed process has cut the last line short
                data = b"\n" + data
        file.write(data)


def merge(entries: list[Entry], lines: Iterable[bytes], parse: Callable[[bytes], Entry | None]) -> None:
    """Append what the lines of a log say, without those that are not valid. A resumed run logs some steps a second time: these
    replace what was logged before of them and of later steps."""
    for line in lines:
        entry = parse(line)
        if entry is None:
            continue
        while entries and entries[-1].step >= entry.step:
            entries.pop()
        entries.append(entry)


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

        Of a log without measure the beginning is read: see `budgets.LOG_BYTES`.

        Args:
            to_end: read a last line without an end as well, where no process writes any more.
        """
        try:
            with open_regular(self._path) as file:
                stat = os.fstat(file.fileno())
                is_new = self._file != (stat.st_dev, stat.st_ino) or stat.st_size < self._offset
                if is_new:
                    self._file, self._offset = (stat.st_dev, stat.st_ino), 0
                if stat.st_size == self._offset:
                    return [], is_new
                file.seek(self._offset)
                lines = list(islice(self._lines(file, to_end), budgets.LOG_LINES))
        except OSError:
            gone, self._file, self._offset = self._file is not None, None, 0
            return [], gone
        return lines, is_new

    def _lines(self, file: BinaryIO, to_end: bool) -> Iterator[bytes]:
        """The lines from here on that are not too long to be of a log."""
        while self._offset < budgets.LOG_BYTES and (line := file.readline(budgets.LINE_BYTES)):
            is_whole = line.endswith(b"\n")
            if not (is_whole or to_end or len(line) == budgets.LINE_BYTES):
                break  # it is still being written
            self._offset += len(line)
            if is_whole or to_end:
                yield line.rstrip(b"\r\n")


def _object(line: bytes) -> dict[str, Any] | None:
    """The object in a line; None where there is none. pydantic reads any depth, and numbers of a thousand digits."""
    try:
        values = from_json(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
