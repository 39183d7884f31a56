"""A training run on disk: a folder that the page and the shell read and write alike.

RUNS/ID/run.json          config, status, title
RUNS/ID/metrics.jsonl     one report a line
RUNS/ID/previews.npz      samples from fixed noise, by training step
RUNS/ID/floor.json        the loss of the ideal denoiser, or of the ideal classifier
RUNS/ID/reading.json      how well a classifier reads held-out pictures
RUNS/ID/checkpoint/       the averaged weights: a diffusers folder, or the folder of a classifier
RUNS/ID/resume/           what continuing needs
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from safetensors import SafetensorError

from engine.data import catalogue
from engine.data.catalogue import ImageSet
from engine.training import learner, resume
from engine.training.config import TrainConfig
from engine.training.floor import Floor
from engine.training.loop import Report, TrainState
from engine.training.parts import LEVEL_BINS
from engine.training.reading import Reading
from engine.weights import write_json

Status = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]
ACTIVE: tuple[Status, ...] = ("queued", "running", "paused")
ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")

_REPORT = TypeAdapter(Report)
_FLOOR = TypeAdapter(Floor)
_READING = TypeAdapter(Reading)


def default_root() -> Path:
    """Where runs are kept: $DIFFUSION_PLAYGROUND_RUNS, or runs/ where the program was started."""
    return Path(os.environ.get("DIFFUSION_PLAYGROUND_RUNS") or "runs")


def new_id() -> str:
    """The time and eight random digits: sorts by age, and cannot be guessed from another run's link."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"


class RunRecord(BaseModel):
    """What run.json says."""

    model_config = ConfigDict(extra="ignore")

    config: TrainConfig
    status: Status = "queued"
    error: str = ""
    created: float = Field(default_factory=time.time, ge=0, le=1e11, description="Seconds since 1970.")


class RunFolder:
    """Reads and writes one run's folder.

    Args:
        root: where all runs are.
        run_id: as made by `new_id`; anything else is refused, so that no id leads out of `root`.

    Raises:
        ValueError: for an id that is none.
    """

    def __init__(self, root: Path, run_id: str) -> None:
        if not ID.fullmatch(run_id):
            raise ValueError(f"“{run_id[:40]}” is no run's id.")
        self.id = run_id
        self.path = root / run_id

    @property
    def checkpoint(self) -> Path:
        """The folder of what was learned."""
        return self.path / "checkpoint"

    @property
    def has_checkpoint(self) -> bool:
        """Whether anything was written there that could be opened."""
        return any((self.checkpoint / name).exists() for name in ("model_index.json", "config.json"))

    def write_record(self, record: RunRecord) -> None:
        """Raises OSError where the disk does not let us."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / "run.json", record.model_dump())

    def read_record(self) -> RunRecord | None:
        """None where there is none that can be read."""
        try:
            return RunRecord.model_validate_json((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValidationError, UnicodeDecodeError):
            return None

    def write_metrics(self, reports: Sequence[Report]) -> None:
        """Add reports to the log. Raises OSError where the disk does not let us."""
        lines = "".join(json.dumps(asdict(report)) + "\n" for report in reports).encode()
        with (self.path / "metrics.jsonl").open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":  # a full disk or a killed process has cut the last line short
                    lines = b"\n" + lines
            file.write(lines)

    def read_metrics(self) -> list[Report]:
        """Every line of the log that is whole. A resumed run may have told a step twice: the last telling counts."""
        by_step = {}
        try:
            lines = (self.path / "metrics.jsonl").read_bytes().splitlines()
        except OSError:
            return []
        for line in lines:
            try:
                report = _REPORT.validate_json(line)
            except ValidationError:
                continue
            if len(report.loss_by_level) == LEVEL_BINS:
                by_step[report.step] = report
        return [by_step[step] for step in sorted(by_step)]

    def write_floor(self, floor: Floor) -> None:
        """Raises OSError where the disk does not let us."""
        write_json(self.path / "floor.json", asdict(floor))

    def read_floor(self) -> Floor | None:
        """None where there is none that can be read."""
        try:
            floor = _FLOOR.validate_json((self.path / "floor.json").read_bytes())
        except (OSError, ValidationError):
            return None
        return floor if len(floor.loss_by_level) == LEVEL_BINS else None

    def write_reading(self, reading: Reading) -> None:
        """Raises OSError where the disk does not let us."""
        write_json(self.path / "reading.json", asdict(reading))

    def read_reading(self) -> Reading | None:
        """None where there is none that can be read."""
        try:
            reading = _READING.validate_json((self.path / "reading.json").read_bytes())
        except (OSError, ValidationError):
            return None
        lengths = {len(reading.accuracy_by_level), len(reading.loss_by_level), len(reading.exact_by_level)}
        return reading if lengths == {LEVEL_BINS} else None

    def write_previews(self, steps: Sequence[int], pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Pictures (B, H, W, C) of each step, whole or not at all."""
        temporary = self.path / "previews.part.npz"
        np.savez_compressed(temporary, steps=np.array(steps), pictures=np.stack(pictures))
        os.replace(temporary, self.path / "previews.npz")

    def read_previews(self) -> list[tuple[int, npt.NDArray[np.uint8]]]:
        """(step, pictures), oldest first; nothing where the file is missing or is not what was written."""
        try:
            arrays = catalogue.read_arrays(self.path / "previews.npz", wanted=("steps", "pictures"))
        except catalogue.DataError:
            return []
        steps, pictures = arrays["steps"], arrays["pictures"]
        fits = pictures.dtype == np.uint8 and pictures.ndim == 5 and pictures.size and pictures.shape[-1] in (1, 3)
        if not fits or steps.shape != pictures.shape[:1] or not np.issubdtype(steps.dtype, np.integer):
            return []
        pictures.setflags(write=False)
        return [(int(step), tiles) for step, tiles in zip(steps, pictures, strict=True)]

    def write_state(self, data: ImageSet, config: TrainConfig, state: TrainState, *, resumable: bool = True) -> None:
        """The checkpoint, and what resuming needs (where it can be). Raises OSError where the disk does not let us."""
        try:
            learner.save(self.checkpoint, state.learner, state.average, config, data, state.step, self.read_reading())
            if resumable:
                resume.save(self.path / "resume", state)
        except SafetensorError as error:  # that library's word for a disk that is full or closed
            raise OSError("the disk is full or cannot be written") from error

    def resume(self, state: TrainState) -> bool:
        """Bring a fresh state to where the run was left; False where nothing was saved. Raises ResumeError."""
        if not (self.path / "resume" / resume.FILE).exists():
            return False
        resume.load(self.path / "resume", state)
        return True


def all_runs(root: Path) -> list[RunFolder]:
    """Every folder that looks like a run, oldest first."""
    try:
        names = sorted(entry.name for entry in root.iterdir() if ID.fullmatch(entry.name))
    except OSError:
        return []
    return [RunFolder(root, name) for name in names]
