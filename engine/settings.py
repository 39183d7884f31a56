"""Settings as validated, frozen values, and their former names, so that old links, recipes and runs still open.

A setting that was renamed is listed here once, in `OLD_NAMES` or, where the value of a choice was renamed, in `OLD_VALUES`.
Every model of settings reads both names and writes the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

OLD_NAMES: dict[str, tuple[str, ...]] = {
    "process": ("way",),
    "sampling_schedule": ("walk",),
    "scale": ("w",),
    "task": ("learns",),
    "micro_batch": ("at_once",),
    "ema_decay": ("averaging",),
}
"""Former names of each setting."""

OLD_VALUES: dict[str, dict[str, str]] = {
    "sampling_schedule": {"same": "own"},
    "label": {"open": "none"},
    "view": {"apart": "trace", "price": "tradeoff", "law": "density"},
}
"""Of each choice, its former values with the current ones."""


def current(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings under their current names and values; a current name takes precedence over a former one."""
    renamed = {old: new for new, names in OLD_NAMES.items() for old in names}
    read: dict[str, Any] = {}
    for name, value in given.items():
        now = renamed.get(name, name)
        if now == name or now not in given:
            read[now] = OLD_VALUES.get(now, {}).get(value, value) if isinstance(value, str) else value
    return read


class Settings(BaseModel):
    """Validated settings: frozen, without unknown names, accepting former names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _read_old_names(cls, given: Any) -> Any:
        return current(given) if isinstance(given, Mapping) else given
