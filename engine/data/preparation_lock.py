"""One process at a time prepares a set: two would delete each other's downloads, and what each unpacks.

DATA/preparing/KEY is locked meanwhile; KEY is that of `store.folder_of`. The system releases it when the process ends, however
it ends. On disks without locks every process may prepare.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from engine.data import store
from engine.data.image_set import DataError

FOLDER = "preparing"
_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EINVAL, errno.ENOTSUP)


@contextmanager
def preparation_lock(name: str, root: Path) -> Iterator[None]:
    """While in this context, no other process, and no other part of this one, prepares the set.

    Raises:
        DataError: where another one prepares it.
        OSError: where the write fails.
    """
    path = root / FOLDER / store.folder_of(name, root).name
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False, fallback_to_soft=False)  # a soft lock would outlive its process
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataError(f"“{name[:200]}” is being prepared by another process.") from None
    except (OSError, NotImplementedError) as error:  # filelock raises the latter where the file system has no locks
        if isinstance(error, OSError) and error.errno not in _WITHOUT_LOCKS:
            raise
    try:
        yield
    finally:
        lock.release()
