"""The findings of the doctor, and the facts that a run does not contain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["wrong", "doubtful", "note"]
"""`wrong`: it will not get better by itself. `doubtful`: the result will be worse than it need be. `note`: worth knowing."""

Setting = str | int | float | bool


@dataclass(frozen=True)
class Finding:
    """One problem of a run."""

    rule: str
    """The name of the rule."""
    severity: Severity
    text: str
    """What is wrong and why, for the reader."""
    change: Mapping[str, Setting] = field(default_factory=dict)
    """Fields of a TrainConfig and the values with which to start again; empty where no setting would help."""


@dataclass(frozen=True)
class Copies:
    """How many of a run's last samples are near copies of training pictures (`engine.doctor.copies`)."""

    step: int
    """Of the training, when they were drawn."""
    samples: int
    near: int
    """Samples whose nearest training picture is nearer than half the usual distance for held-out pictures."""
    least: float
    """Lower end of the 95 % interval of their share."""
    chance: float
    """The share of held-out pictures that lie as near to a training picture."""


@dataclass(frozen=True)
class Facts:
    """Facts that a run does not contain. None for what is not known; the rules that need it give no finding."""

    pictures: int | None = None
    """Training pictures, without the held-out ones."""
    classes: int | None = None
    copies: Copies | None = None
    plain_speed: float | None = None
    """Images per second of the same settings in fp32 on the same computer."""
