"""A training run on disk: a folder that the page and the shell read and write alike.

RUNS/ID/run.json          config, status, title
RUNS/ID/metrics.jsonl     one report a line
RUNS/ID/previews.npz      samples from fixed noise, by training step
RUNS/ID/checkpoint/       a diffusers folder with the averaged weights
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
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine import pretrained
from engine.data import catalogue
from engine.data.catalogue import ImageSet
from engine.training import resume
from engine.training.config import TrainConfig
from engine.training.loop import Report, TrainState
from engine.weights import write_json

Status = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]
ACTIVE: tuple[Status, ...] = ("queued", "running", "paused")
ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")


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
    created: float = Field(default_factory=time.time, description="Seconds since 1970.")


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
        """The diffusers folder."""
        return self.path / "checkpoint"

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
        """Add reports to the log."""
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(report)) + "\n" for report in reports)

    def read_metrics(self) -> list[Report]:
        """Every whole line of the log. A resumed run may have told a step twice: the last telling counts."""
        by_step = {}
        try:
            for line in (self.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
                values = json.loads(line)
                report = Report(**{**values, "loss_by_level": tuple(values["loss_by_level"])})
                by_step[report.step] = report
        except (OSError, json.JSONDecodeError, TypeError, KeyError):
            pass  # no log yet, or its last line was cut short by the end of the process
        return [by_step[step] for step in sorted(by_step)]

    def write_previews(self, steps: Sequence[int], pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Pictures (B, H, W, C) of each step, whole or not at all."""
        temporary = self.path / "previews.part.npz"
        np.savez_compressed(temporary, steps=np.array(steps), pictures=np.stack(pictures))
        os.replace(temporary, self.path / "previews.npz")

    def read_previews(self) -> list[tuple[int, npt.NDArray[np.uint8]]]:
        """(step, pictures), oldest first."""
        try:
            arrays = catalogue.read_arrays(self.path / "previews.npz", wanted=("steps", "pictures"))
        except catalogue.DataError:
            return []
        return [(int(step), pictures) for step, pictures in zip(arrays["steps"], arrays["pictures"], strict=True)]

    def write_state(self, data: ImageSet, config: TrainConfig, state: TrainState) -> None:
        """The checkpoint, and what resuming needs. Raises OSError where the disk does not let us."""
        card = pretrained.Card(
            title=f"{data.title}, {config.preset}",
            data=config.data,
            class_names=data.class_names,
            step=state.step,
            training=config.model_dump(),
        )
        pretrained.save(self.checkpoint, state.denoiser, state.average, card)
        resume.save(self.path / "resume", state)

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
