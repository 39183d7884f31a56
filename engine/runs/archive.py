"""Run folders deleted, restored, zipped and exported."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import zipfile
from pathlib import Path

from engine.language import Message
from engine.runs.folder import RunFolder
from engine.storage import checkpoints
from engine.storage.files import atomic_write

DELETED = ".deleted"
RESTORABLE_FOR = 24 * 3600.0
"""Seconds that a deleted run can be restored."""


def discard(root: Path, folder: RunFolder) -> None:
    """Move a run to the deleted ones. Raises OSError where the write fails."""
    place = root / DELETED
    place.mkdir(exist_ok=True)
    target = place / folder.id
    if target.exists():
        shutil.rmtree(target)
    os.rename(folder.path, target)
    os.utime(target)


def restore(root: Path, run_id: str) -> None:
    """Move it back. Raises OSError where it is no longer there, or where another run has its place."""
    target = root / run_id
    if target.exists():
        raise FileExistsError(Message("“{run_id}” is there already.", run_id=run_id))
    os.rename(root / DELETED / run_id, target)


def sweep(root: Path, seconds: float = RESTORABLE_FOR) -> None:
    """Remove runs for good that were deleted longer ago than so many seconds."""
    with contextlib.suppress(OSError):
        for entry in list((root / DELETED).iterdir()):
            if time.time() - entry.stat().st_mtime > seconds:
                shutil.rmtree(entry, ignore_errors=True)


def write_zip(folder: RunFolder, target: Path, *, resumable: bool = False) -> None:
    """Write a run as a zip that holds one folder; unpacked among the runs of another computer, it is a run there.

    Args:
        folder: the run.
        target: the zip; replaced where it exists.
        resumable: with what resuming needs, which takes three times as much as the EMA weights, and with the milestones.

    Raises:
        OSError: where the write fails.
    """
    steps = set(folder.steps()[-1:]) | {step for step, _ in [folder.read_best() or (-1, 0.0)]}
    with atomic_write(target) as part, _new_zip(part) as zipped:
        for path in sorted(folder.path.rglob("*")):
            inner = path.relative_to(folder.path)
            if not path.is_file() or path.is_symlink() or not _belongs(inner, steps, resumable):
                continue
            # Weights do not get smaller by packing.
            how = zipfile.ZIP_STORED if path.suffix in (".safetensors", ".npz") else zipfile.ZIP_DEFLATED
            zipped.write(path, Path(folder.id) / inner, compress_type=how)


def _new_zip(path: Path) -> zipfile.ZipFile:
    """An empty one. Its format knows no time before 1980, which a computer without a clock has: such files get that year."""
    return zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False)


def export(folder: RunFolder, target: Path, checkpoint: Path) -> None:
    """Copy a checkpoint alone, with the log of its training. Raises OSError where the write fails; nothing is left then."""
    left_out = shutil.ignore_patterns(checkpoints.RESUME, checkpoints.MANIFEST, "*.part")
    with atomic_write(target) as part:
        shutil.copytree(checkpoint, part, ignore=left_out)
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(folder.path / "metrics.jsonl", part / "metrics.jsonl")


def _belongs(inner: Path, steps: set[int], resumable: bool) -> bool:
    first = inner.parts[0]
    if first in ("lock", "heartbeat", "request.json", "wish.json", "owner") or any(
        part.startswith(".") or part.endswith(".part") for part in inner.parts
    ):
        return False
    if (checkpoints.RESUME in inner.parts or first == "milestones") and not resumable:
        return False
    return first != "checkpoints" or inner.parts[1] in {checkpoints.name_of(step) for step in steps}
