"""What the Forward and the Schedules page have instead of Python: tables of β_t, and pictures to be noised.

The engine computes β_t of every schedule that can be chosen when the site is built, for the T of `STEPS`. What follows from β_t
by definition, its products and quotients, is computed by src/schedule_tables.js: a curve that the reader draws can have no
table, and seven columns would be seven times as large. tests/playground/static_site compares both with the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.catalogue import load
from engine.language import _
from engine.schedule import NoiseSchedule
from playground.components.payloads.encoding import PackedFloats, Payload
from playground.labs.shared.controls import describe
from playground.labs.shared.picture import PictureChoice
from playground.static_site.controls import Rule, SiteControls, site_controls
from playground.static_site.stored import packed, packed_json

STEPS = (10, 20, 50, 100, 150, 200, 250, 300, 400, 500, 1000)
"""T that can be chosen."""
OFFSETS = (0.0, 0.008, 0.05, 0.2)
"""Offsets s of the cosine schedule that can be chosen."""
NUMBERS = 10
"""Pictures of each class."""
SETS = ("digits", "emoji")


@dataclass(frozen=True)
class ScheduleTables(Payload):
    """β_t of schedules, which `keys` names as `schedule_key`: a row for each, with β_1 … β_T for each T of `steps`."""

    keys: tuple[str, ...]
    steps: tuple[int, ...]
    beta: PackedFloats


def schedule_key(name: str, *, rescale: bool = True, s: float = 0.008) -> str:
    """The name of a schedule's tables: "linear 1" with β scaled by 1000 / T, "cosine 0.008", "sigmoid"."""
    return {"linear": f"linear {int(rescale)}", "cosine": f"cosine {s:g}"}.get(name, name)


def schedule_tables() -> ScheduleTables:
    """The tables of all schedules that can be chosen."""
    schedules = {schedule_key("sigmoid"): [NoiseSchedule.sigmoid(T) for T in STEPS]}
    for rescale in (True, False):
        schedules[schedule_key("linear", rescale=rescale)] = [NoiseSchedule.linear(T, rescale=rescale) for T in STEPS]
    for s in OFFSETS:
        schedules[schedule_key("cosine", s=s)] = [NoiseSchedule.cosine(T, s) for T in STEPS]
    rows = [np.concatenate([one.beta[1:].numpy() for one in each]) for each in schedules.values()]
    return ScheduleTables(tuple(schedules), STEPS, np.stack(rows))


@dataclass(frozen=True)
class PictureSet(Payload):
    """The pictures of a data set that can be chosen: `numbers` of each class, one class after the other.

    stored: the name of their pixels, uint8 (classes · numbers, H, W, C).
    """

    stored: str
    shape: tuple[int, int, int]
    numbers: int


def picture_sets() -> dict[str, PictureSet]:
    """By the name of the data set."""
    return {name: PictureSet(f"pictures-{name}", _shape(name), NUMBERS) for name in SETS}


def pixels(name: str) -> NDArray[np.uint8]:
    """The pixels of a `PictureSet`."""
    images = load(name)
    return np.stack([images.picture(k, n) for k in range(len(images.class_names)) for n in range(NUMBERS)])


def _shape(name: str) -> tuple[int, int, int]:
    height, width, channels = load(name).picture(0, 0).shape
    return height, width, channels


def lab_controls(
    model: type[PictureChoice],
    names: Sequence[str] | None = None,
    options: Mapping[str, Mapping[Any, str]] | None = None,
    rules: Sequence[Rule] = (),
) -> SiteControls:
    """The controls of a lab of pictures under noise, with the pictures and the T that the page has."""
    titles = dict(next(one.options for one in describe(PictureChoice) if one.name == "data"))
    classes = {name: {k: _(title) for k, title in enumerate(load(name).class_names)} for name in SETS}
    choices: dict[str, Mapping[Any, str]] = {
        "data": {name: titles[name] for name in SETS},
        "T": {T: str(T) for T in STEPS},
    }
    choices |= options or {}
    return site_controls(
        model,
        names,
        options=choices,
        rules=rules,
        bounds={"number": (0, NUMBERS - 1)},
        follows={"class_index": ("data", classes)},
    )


NEEDS: dict[str, Callable[[], str]] = {
    "schedule-tables": lambda: packed_json(schedule_tables().to_payload()),
    **{f"pictures-{name}": partial(lambda name: packed(pixels(name).tobytes()), name) for name in SETS},
}
"""What both pages read."""
