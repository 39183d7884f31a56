"""The checkpoints of a run: folders that are there whole or not at all.

RUNS/ID/checkpoints/step-00001200/   EMA weights: a diffusers folder, or that of a classifier or a VAE
    resume/                          what resuming needs besides
    whole.json                       size and SHA-256 of every file, so that damage is noticed

One is written under another name, flushed to the disk, and then renamed: a process that is killed on the way leaves the earlier
ones as they were.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from engine.language import Message
from engine.storage.checked_files import CheckpointError, read_json
from engine.storage.files import atomic_write, hidden_beside, open_regular, write_json

NAME = re.compile(r"step-([0-9]{8,12})")
MANIFEST = "whole.json"
RESUME = "resume"
MAY_CHANGE = ("card.json", "README.md", "samples.png")
"""Files that later measurements are written into."""


def name_of(step: int) -> str:
    """The folder's name; sorts by step."""
    return f"step-{step:08d}"


def steps(folder: Path, ending: str = "") -> list[int]:
    """Steps of the checkpoints, oldest first, which may open or not; or of other files that are called so, with that ending."""
    try:
        found = [NAME.fullmatch(entry.name.removesuffix(ending)) for entry in folder.iterdir()]
    except (OSError, ValueError):  # no file has a name with a zero byte
        return []
    return sorted(int(match[1]) for match in found if match)


def write(folder: Path, step: int, fill: Callable[[Path], None]) -> None:
    """Write a checkpoint; one of the same step is replaced.

    Args:
        folder: that of all checkpoints; made where it is missing, its own parent is not.
        step: of the training.
        fill: writes the files into a folder.

    Raises:
        OSError: where the write fails; the earlier checkpoints are then as they were.
    """
    if not folder.is_dir():
        folder.mkdir()
    target = folder / name_of(step)
    with atomic_write(target, durable=True) as part:
        part.mkdir()
        fill(part)
        files = sorted(path for path in part.rglob("*") if path.is_file())
        sums = {path.relative_to(part).as_posix(): _of(path) for path in files if path.name not in MAY_CHANGE}
        write_json(part / MANIFEST, {"files": sums})
    sweep(folder)


def prune(folder: Path, kept: Collection[int]) -> None:
    """Delete all checkpoints but those of these steps. Each is renamed first, so that none is ever there in part."""
    for step in steps(folder):
        if step not in kept:
            with contextlib.suppress(OSError):
                os.rename(folder / name_of(step), hidden_beside(folder / name_of(step)))
    sweep(folder)


def sweep(folder: Path) -> None:
    """Remove what a killed process has left unfinished. Only for the process that holds the run."""
    with contextlib.suppress(OSError):
        for entry in list(folder.iterdir()):
            if entry.name.startswith(".step-"):
                shutil.rmtree(entry, ignore_errors=True)


def check(checkpoint: Path, *, resuming: bool = False) -> None:
    """Check that every file is as it was written: of the weights, or of what resuming needs.

    Raises:
        CheckpointError: with one sentence.
    """
    files = read_json(checkpoint / MANIFEST, "whole checkpoint").get("files")
    if not isinstance(files, dict):
        raise CheckpointError(Message("{file} in “{name}” is damaged.", file=MANIFEST, name=checkpoint.name))
    checked = {name: sums for name, sums in files.items() if name.startswith(f"{RESUME}/") == resuming}
    for name, sums in checked.items():
        path = checkpoint / name
        try:
            if ".." in Path(name).parts or Path(name).is_absolute() or not _has_size(path, sums) or sums != _of(path):
                raise CheckpointError(
                    Message("“{name}” is damaged: {file} is not what was written.", name=checkpoint.name, file=name)
                )
        except (OSError, ValueError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(
                Message("“{name}” is damaged: {file} is missing.", name=checkpoint.name, file=name)
            ) from error
    if not checked:
        nothing = (
            Message("“{name}” holds nothing to resume from.", name=checkpoint.name)
            if resuming
            else Message("“{name}” holds nothing to open.", name=checkpoint.name)
        )
        raise CheckpointError(nothing)


def newest_in(folder: Path) -> Path:
    """Of a run's folder the newest checkpoint that is whole; of any other folder, or where there is none, the folder itself."""
    place = folder / "checkpoints"
    for step in reversed(steps(place)):
        try:
            check(place / name_of(step))
        except CheckpointError:
            continue
        return place / name_of(step)
    earlier = folder / "checkpoint"
    return earlier if (folder / "run.json").exists() and earlier.is_dir() else folder


def _has_size(path: Path, sums: object) -> bool:
    """Whether a file is as long as it was: a much longer one is not read."""
    return isinstance(sums, dict) and sums.get("bytes") == path.stat().st_size


def _of(path: Path) -> dict[str, object]:
    with open_regular(path) as file:
        return {"bytes": os.fstat(file.fileno()).st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
