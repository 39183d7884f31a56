"""One process at a time prepares a set: two would take away each other's downloads, and what each unpacks.

DATA/preparing/KEY is an empty file, held with flock, which the kernel lets go of when the process ends, however it ends; KEY is
that of `store.folder_of`. On Windows, and on disks without such locks, nobody is kept waiting.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.data import store
from engine.data.image_set import DataError

if sys.platform != "win32":
    import fcntl

FOLDER = "preparing"


@contextmanager
def alone(name: str, root: Path) -> Iterator[None]:
    """While in this context, no other process, and no other part of this one, prepares the set.

    Raises:
        DataError: where one does.
        OSError: where the disk does not let us.
    """
    path = root / FOLDER / store.folder_of(name, root).name
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _held(path)
    if descriptor is None:
        raise DataError(f"“{name[:200]}” is being prepared by another process.")
    try:
        yield
    finally:
        # Before it is let go of: whoever has opened it meanwhile sees that it is no longer the one at this place.
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _held(path: Path) -> int | None:
    """The open file at this place, which is now ours; None where it is another's."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        if not _flocked(descriptor):
            os.close(descriptor)
            return None
        try:
            if os.path.samestat(os.stat(path), os.fstat(descriptor)):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)  # who held it has taken it away since we opened it


def _flocked(descriptor: int) -> bool:
    """Whether nobody else holds it."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
    return True
