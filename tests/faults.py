"""A disk that fills up, or turns read-only, at the n-th write below a folder; no root is needed.

`failing` makes the n-th attempt to create, open for writing, rename, link or flush something fail, and every later one, as a
full disk does; deleting works. `small_files` ends every file at so many bytes, also where another
language writes it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import safetensors.torch
from safetensors import SafetensorError

CREATING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_lock = threading.Lock()
_active: list[Faults] = []
_hooked: list[bool] = []


@dataclass
class Faults:
    """What was written below `folder`, and what failed."""

    folder: Path
    first: int | None
    """Which write fails first, from 0; None for none."""
    code: int = errno.ENOSPC
    lasting: bool = True
    """Whether the later ones fail as well."""
    writes: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def write(self, what: str, path: object) -> None:
        """Count one, where it is below the folder. Raises OSError where it fails."""
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor of an open file
        place = os.path.realpath(os.fsdecode(path))
        if not place.startswith(os.path.realpath(self.folder) + os.sep):
            return
        with _lock:
            number = len(self.writes)
            self.writes.append(f"{what} {os.path.relpath(place, self.folder)}")
            fails = self.first is not None and (number >= self.first if self.lasting else number == self.first)
            if fails:
                self.failed.append(self.writes[-1])
        if fails:
            raise OSError(self.code, os.strerror(self.code), os.fsdecode(path))


@contextlib.contextmanager
def failing(folder: Path, first: int | None, code: int = errno.ENOSPC, *, lasting: bool = True) -> Iterator[Faults]:
    """Within this context, a write below `folder` fails; see `Faults`. With `first` None, they are counted only."""
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked.append(True)
    faults, fsync, serialize = Faults(folder, first, code, lasting), os.fsync, safetensors.torch.serialize_file

    def flushed(descriptor: int) -> None:
        with contextlib.suppress(FileNotFoundError):  # where /proc is not
            faults.write("fsync", os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    def serialized(tensors: Any, filename: Any, metadata: Any = None) -> None:
        try:
            faults.write("save_file", filename)
        except OSError as error:  # as that library says it
            raise SafetensorError(f"Error while serializing: I/O error: {error.strerror} (os error {code})") from None
        serialize(tensors, filename, metadata=metadata)

    _active.append(faults)
    try:
        with mock.patch("os.fsync", flushed), mock.patch("safetensors.torch.serialize_file", serialized):
            yield faults
    finally:
        _active.remove(faults)


@contextlib.contextmanager
def small_files(size: int) -> Iterator[None]:
    """Within this context no file grows beyond so many bytes: what is more fails with EFBIG, in every library."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def leftovers(folder: Path) -> list[str]:
    """Names below a folder that only an unfinished write has."""
    unfinished = (path for path in folder.rglob(".*") if path.name.endswith(".part") or path.name.startswith(".new-"))
    return sorted(str(path.relative_to(folder)) for path in unfinished)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active or not event.startswith(("open", "os.")):
        return
    if event == "open":
        path, _, flags = arguments
        if not flags & CREATING:
            return
    elif event in ("os.mkdir", "os.truncate"):
        path = arguments[0]
    elif event in ("os.rename", "os.link", "os.symlink"):
        path = arguments[1]
    else:
        return
    for faults in list(_active):
        faults.write(event.removeprefix("os."), path)
