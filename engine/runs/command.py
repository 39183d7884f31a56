"""The shell command that trains a run."""

from __future__ import annotations

import json
import shlex

from engine.training.config import TrainConfig


def settings_of(config: TrainConfig) -> list[str]:
    """What differs from the defaults, as the arguments of --set: "steps=2000"."""
    usual = TrainConfig().model_dump()
    changed = {name: value for name, value in config.model_dump().items() if value != usual[name]}
    return [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in changed.items()]


def command_of(config: TrainConfig, out: str = "") -> str:
    """The command that trains the same run on any machine that has the pictures.

    Args:
        config: the run.
        out: the folder to write; empty for a new one among all runs.
    """
    words = ["python", "-m", "engine", "train"]
    for setting in settings_of(config):
        words += ["--set", setting]
    return shlex.join(words + (["--out", out] if out else []))
