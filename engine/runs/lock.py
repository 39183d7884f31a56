"""Who trains a run: at most one process, on this machine or on another one that shares the disk.

The file `lock` in the run's folder is held with flock, which the kernel lets go of when the process ends, however it ends. It
also says who holds it, and when that process was last known to live: for disks of many machines, where flock may reach no
further than one of them.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from platform import node

if sys.platform != "win32":
    import fcntl

FILE = "lock"
BEAT = 10.0
"""Seconds between two signs of life."""
DEAD_AFTER = 120.0
"""Who has given no sign of life for so many seconds, on another machine, no longer holds the run."""
PATIENCE = 0.5
"""Seconds: whoever only looks whether a run is held, holds it for an instant."""
LENGTH = 250


class HeldError(ValueError):
    """Another process trains this run; the message is fit to show to a reader."""


@dataclass(frozen=True)
class Holder:
    """The process that trains a run."""

    host: str = ""
    pid: int = 0
    time: float = 0.0
    """Seconds since 1970, of its last sign of life."""
    token: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.pid else "another process"


def holder_of(folder: Path) -> Holder | None:
    """Who trains the run in this folder now; None where nobody does."""
    try:
        descriptor = os.open(folder / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        said = _read(descriptor)
        return said if _flocked(descriptor, shared=True) is False or _beats_elsewhere(said) else None
    finally:
        os.close(descriptor)


class Lease:
    """The right to train one run, until `release` or the end of the process.

    Args:
        folder: the run's; it must exist.

    Raises:
        HeldError: where another process, or another part of this one, trains it.
        OSError: where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline = time.monotonic() + PATIENCE
        while (got := _flocked(self._descriptor, shared=False)) is False and time.monotonic() < deadline:
            time.sleep(0.02)
        before = _read(self._descriptor)
        if got is False or _beats_elsewhere(before) or (got is None and before.token and _beats(before)):
            os.close(self._descriptor)
            raise HeldError(f"This run is being trained by {before}.")
        self._token = secrets.token_hex(8)
        self._end = threading.Event()
        self._writing = threading.Lock()
        """No sign of life goes into a file that is just being closed."""
        try:
            self._write(self._sign())
        except BaseException:
            os.close(self._descriptor)
            raise
        threading.Thread(target=self._keep_beating, name="run-lock", daemon=True).start()

    @property
    def held(self) -> bool:
        """Whether this is still the lock of the folder at its place: False where the folder was moved or deleted, or where
        another machine has taken the run over, because this one had slept for too long."""
        try:
            same = os.stat(self._path).st_ino == os.fstat(self._descriptor).st_ino
        except OSError:
            return False
        return same and _read(self._descriptor).token == self._token

    def release(self) -> None:
        """Let go of the run. A second time does nothing."""
        with self._writing:
            if self._end.is_set():
                return
            self._end.set()
            with contextlib.suppress(OSError):
                if self.held:
                    self._write({})
            os.close(self._descriptor)

    def _sign(self) -> dict[str, object]:
        return {"host": node(), "pid": os.getpid(), "time": round(time.time(), 1), "token": self._token}

    def _write(self, said: dict[str, object]) -> None:
        # Always as long: once it is there, a full disk has no say in it.
        os.pwrite(self._descriptor, json.dumps(said).ljust(LENGTH)[:LENGTH].encode(), 0)

    def _keep_beating(self) -> None:
        while not self._end.wait(BEAT):
            with self._writing, contextlib.suppress(OSError):
                if not self._end.is_set() and self.held:
                    self._write(self._sign())


def _flocked(descriptor: int, *, shared: bool) -> bool | None:
    """Whether we now hold it; None where this system or this disk knows no such locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES) else None
    return True


def _read(descriptor: int) -> Holder:
    """What the file says; nobody where it says nothing sensible."""
    try:
        said = json.loads(os.pread(descriptor, 4096, 0))
        host, token = str(said["host"])[:100], str(said["token"])[:40]
        return Holder(host, int(said["pid"]), float(said["time"]), token)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return Holder()


def _beats(said: Holder) -> bool:
    return abs(time.time() - said.time) < DEAD_AFTER


def _beats_elsewhere(said: Holder) -> bool:
    """Whether another machine gives signs of life, which its flock may not have brought here."""
    return bool(said.token) and said.host != node() and _beats(said)
