"""What run.json says of a run, and how runs are named."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.training.config import TrainConfig

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


class RunRecord(BaseModel):
    """What run.json says."""

    model_config = ConfigDict(extra="ignore")

    config: TrainConfig
    status: Status = "queued"
    error: str = ""
    created: float = Field(default_factory=time.time, ge=0, le=1e11, description="Seconds since 1970.")
    command: str = Field("", max_length=2000, description="What started it, where that was in the shell.")
    held_out: int | None = Field(None, ge=0, description="How many held-out pictures the set has; None: not yet known.")
    pictures: str = Field(
        "", max_length=200, description="Checksum of a prepared set's pictures; empty for one that ships."
    )

    def age_key(self, name: str) -> str:
        """What runs are sorted by: the id, or the time of its beginning for a folder of another name."""
        return name if ID.fullmatch(name) else f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(self.created))}-{name}"


def default_root() -> Path:
    """The folder of all runs: $DIFFUSION_PLAYGROUND_RUNS, or runs/ where the program was started."""
    return Path(os.environ.get("DIFFUSION_PLAYGROUND_RUNS") or "runs")


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
