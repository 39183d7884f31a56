"""Milestones of a run: its EMA weights at a few evenly spaced steps, to compare what it had learned by each.

RUNS/ID/milestones/step-00000640.safetensors

No run is resumed from them, so that none is ever needed: where one cannot be written, it is left out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from engine.denoiser import NetDenoiser
from engine.language import Message
from engine.storage import checkpoints
from engine.storage.checked_files import CheckpointError, load_tensors, save_tensors
from engine.storage.checkpoints import name_of
from engine.training.tasks.task import with_weights

ENDING = ".safetensors"
LARGEST = 4_000_000
"""Most weights of a network that has milestones: 12 of them then take at most 200 MB."""


def spacing(step: int, every: int, most: int) -> int:
    """Steps between two milestones of a run that is at `step`: `every` times a power of two.

    As the run grows, the distance doubles whenever there would be more than `most` of them (at least 2), and every other one is
    deleted: they stay even without knowing how long the run will be. As soon as there are `most`, there are never fewer than
    half as many.
    """
    distance = every
    while step // distance + 1 > most:
        distance *= 2
    return distance


def is_due(step: int, every: int, most: int) -> bool:
    """Whether there is a milestone at this step; `most` below 2 for none at all."""
    return most >= 2 and step % spacing(step, every, most) == 0


def steps(folder: Path) -> list[int]:
    """Steps of the milestones, oldest first.

    Args:
        folder: that of the milestones of a run; it may be missing.
    """
    return checkpoints.steps(folder, ENDING)


def moments(at: list[int], saved: list[int]) -> tuple[int, ...]:
    """Steps to compare, as even as possible: those of the milestones and of the last checkpoint.

    Args:
        at: steps of the milestones, oldest first.
        saved: steps of the checkpoints, oldest first; the only ones where there are no milestones.
    """
    if len(at) < 2 or not saved or saved[-1] < at[-1]:
        return tuple(sorted({*at, *saved}))
    now, distance = saved[-1], at[1] - at[0]
    return (*(step for step in at if now - step >= distance / 2), now)


def write(folder: Path, step: int, average: Mapping[str, Tensor], every: int, most: int) -> None:
    """Write a milestone, whole or not at all, and delete those that the new spacing leaves out.

    Args:
        folder: made where it is missing.
        step: of the training, where one `is_due`.
        average: the EMA weights, by name; not changed.
        every, most: as for `spacing`.
    """
    try:
        if not folder.is_dir():
            folder.mkdir()
        save_tensors(_file(folder, step), average)
    except OSError:
        return
    distance = spacing(step, every, most)
    _delete(folder, [there for there in steps(folder) if there % distance])


def cut(folder: Path, step: int) -> None:
    """Delete those after the step that a run is resumed at."""
    _delete(folder, [there for there in steps(folder) if there > step])


def load(folder: Path, step: int, like: NetDenoiser) -> NetDenoiser:
    """The denoiser of a run at a milestone.

    Args:
        folder: that of the milestones.
        step: of one of them.
        like: a denoiser of the same run, at any step.

    Raises:
        CheckpointError: where it is not there, damaged, or of another network.
    """
    try:
        learned = with_weights(like, load_tensors(_file(folder, step)))
    except (OSError, SafetensorError, RuntimeError, CheckpointError) as error:
        raise CheckpointError(Message("The milestone of step {step:,} cannot be opened.", step=step)) from error
    return learned


def _file(folder: Path, step: int) -> Path:
    return folder / (name_of(step) + ENDING)


def _delete(folder: Path, unwanted: list[int]) -> None:
    for step in unwanted:
        with contextlib.suppress(OSError):
            _file(folder, step).unlink(missing_ok=True)
