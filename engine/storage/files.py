"""Writes that are there whole or not at all, locks, and the room left on a disk.

A file or folder is written beside its place under a hidden name, flushed to the disk where it must survive a power cut, and
renamed: a process that is killed on the way leaves what was there before as it was.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from engine.language import N_, _
from engine.storage.disk_errors import os_error, sentence
from engine.storage.file_kinds import HEAD

SPARE = 200_000_000
"""Bytes that stay free on a disk."""
NO_FILE = N_("This is no file but a pipe or a device")
_STALE = 3600.0
"""Seconds after which an unfinished write is that of a process that was killed."""
_NO_FOLDER_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP)
"""How file systems answer that cannot flush a folder."""
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL)
"""How file systems answer that have no locks."""


def runs_root() -> Path:
    """The folder of all runs: $DIFFUSION_PLAYGROUND_RUNS, or runs/ where the program was started."""
    return Path(os.environ.get("DIFFUSION_PLAYGROUND_RUNS") or "runs")


@contextlib.contextmanager
def atomic_write(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A path beside `path`, to write a file or a folder to; it becomes `path` where the block ends without an error.

    Args:
        path: what is written; replaced where it exists. Its folder must exist.
        durable: flush all of it to the disk before it is renamed, and the new name after that.

    Raises:
        OSError: where the write fails, with `path`. It is then as it was, and nothing is left beside it.
    """
    if path.exists() and not path.is_file() and not path.is_dir():  # as root one would replace /dev/null
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    with _unfinished(path) as part:
        yield part
        publish(part, path, durable=durable)


@contextlib.contextmanager
def atomic_files(folder: Path) -> Iterator[Path]:
    """A hidden folder to write files to; where the block ends without an error they go to `folder`, where other files stay.

    Args:
        folder: made where it is missing, together with those around it.

    Raises:
        OSError: where the write fails. What is in `folder` is then as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        with atomic_write(folder) as part:
            part.mkdir()
            yield part
        return
    with _unfinished(folder / "files") as part:
        part.mkdir()
        _remove_stale(folder / "files", part.stat().st_mtime)
        yield part
        for path in sorted(path for path in part.rglob("*") if path.is_file()):
            target = folder / path.relative_to(part)
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True)
            os.replace(path, target)
        _remove(part)


@contextlib.contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """A hidden name beside `path`, which is removed where the block fails; an OSError that is of it names `path` instead."""
    part = hidden_beside(path)
    try:
        yield part
    except BaseException as error:
        _remove(part)
        if isinstance(error, OSError) and (str(part) in str(error) or (error.errno and not error.filename)):
            raise os_error(error, path) from error
        raise


def publish(part: Path, path: Path, *, durable: bool = False) -> None:
    """Give a finished file or folder its name; see `atomic_write`, which calls this."""
    _remove_stale(path, part.stat().st_mtime)
    if durable:
        flush(part)
    # A folder takes the place of a folder; a file never does.
    if path.is_dir() and part.is_dir():
        _remove(_swap(part, path))
    else:
        os.rename(part, path) if part.is_dir() else os.replace(part, path)
    if durable:
        _flush_one(path.parent)


def _swap(part: Path, path: Path) -> Path:
    """Put a folder in the place of another one, and give the name that that one has now."""
    if sys.platform == "linux":  # in one step: where the process is killed, one of both is there
        exchange = getattr(ctypes.CDLL(None), "renameat2", None)
        here, both = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        if exchange is not None and exchange(here, os.fsencode(part), here, os.fsencode(path), both) == 0:
            return part
    replaced = hidden_beside(path)
    os.rename(path, replaced)
    try:
        os.rename(part, path)
    except OSError:
        os.rename(replaced, path)
        raise
    return replaced


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically. Raises OSError where the write fails."""
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object atomically. Raises OSError where the write fails."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def flush(path: Path) -> None:
    """Wait until a file, or a folder with all that is in it, is on the disk. Raises OSError where that fails."""
    for place, _folders, names in os.walk(path, topdown=False):
        for name in names:
            _flush_one(Path(place) / name)
        _flush_one(Path(place))
    if path.is_file():
        _flush_one(path)


def file_lock(path: Path) -> FileLock:
    """A lock that the operating system releases when the process ends, however it ends; any thread may release it."""
    return FileLock(path, thread_local=False, fallback_to_soft=False)  # a soft lock would outlive its process


def acquire(lock: FileLock, seconds: float) -> bool | None:
    """Whether the lock was acquired within so long; None where this disk has no locks. Raises OSError where it cannot be
    written."""
    try:
        lock.acquire(timeout=seconds, poll_interval=0.02)
    except Timeout:
        return False
    except RuntimeError:  # of filelock, where the file system has no locks
        return None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def clock_of(file: Path) -> float:
    """The time now, in seconds since 1970, by the clock of the disk that a file is on, perhaps a server's.

    The ages of files there are differences to it; the clocks of two computers may be minutes apart.

    Args:
        file: made where it is missing; its time of change becomes now. Where it cannot be written, the clock of this computer
            counts.
    """
    try:
        file.touch()
        return file.stat().st_mtime
    except OSError:
        return time.time()


def free_bytes(path: Path) -> int:
    """Bytes that are free on the disk that a path is on, or will be on when it is made; very many where it does not say."""
    path = path.absolute()
    usage = shutil.disk_usage(next(place for place in (path, *path.parents) if place.exists()))
    return usage.free if usage.total else 2**62


def refusal(folder: Path, what: str) -> str:
    """One sentence where no file can be made in a folder, empty where one can.

    It is tried: permissions do not say whether a disk is full or can only be read, and mean nothing to an administrator.

    Args:
        folder: there already.
        what: what cannot be done then, with its verb.
    """
    probe = hidden_beside(folder / "probe")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        return sentence(error, what)
    return ""


def room_problem(needed: int, path: Path) -> str:
    """One sentence where a disk has no room; empty where it has.

    Args:
        needed: bytes to write.
        path: a place on that disk; it need not exist.
    """
    free = free_bytes(path)
    if needed <= free - SPARE:
        return ""
    return _(
        "There is no room on the disk: this takes {needed:,.0f} MB, {spare:,.0f} MB have to stay free, and "
        "{free:,.0f} MB are free.",
        needed=needed / 1e6,
        spare=SPARE / 1e6,
        free=free / 1e6,
    )


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read. Raises OSError also where it is a pipe or a device, which could be read for ever."""
    # Without O_NONBLOCK a pipe that nobody writes to would not even open.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, NO_FILE, str(path))
        return os.fdopen(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def read_regular(path: Path, most: int) -> bytes:
    """The bytes of a file. Raises OSError as `open_regular`, and where it has more than `most`."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(
                errno.EFBIG,
                _("This file is far too large: at most {most:,.0f} MB are read", most=most / 1e6),
                str(path),
            )
        return file.read(most)


def head_of(path: Path) -> bytes:
    """The first bytes of a file, for `engine.storage.file_kinds`; b"" where it cannot be read."""
    with contextlib.suppress(OSError), open_regular(path) as file:
        return file.read(HEAD)
    return b""


def hidden_beside(path: Path) -> Path:
    """A new hidden name in the same folder."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _remove_stale(path: Path, now: float) -> None:
    """Remove what killed processes left of earlier writes to this path; `now` by the clock of its disk."""
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            ours = entry.name.startswith(f".{path.name}.") and entry.name.endswith(".part")
            if ours and now - entry.stat().st_mtime > _STALE:
                _remove(Path(entry.path))


def _flush_one(path: Path) -> None:
    folder = path.is_dir()
    if folder and os.name == "nt":  # that system flushes no folders
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not folder or error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)
