"""The process that trains a run: at most one, on this computer or on another one that shares the disk.

RUNS/ID/lock         held with `filelock`; the operating system releases it when the process ends, however it ends
RUNS/ID/heartbeat    the process that holds it, and when it last gave a sign of life

The heartbeat is for disks of many computers, where a lock may reach no further than one of them. Its age is by the clock of
the disk: its time of change, compared with that of the lock, which is touched. Two computers' own clocks are never compared.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from platform import node

from engine.language import Message, _
from engine.storage.files import acquire, clock_of, file_lock

LOCK = "lock"
HEARTBEAT = "heartbeat"
BEAT = 10.0
"""Seconds between two heartbeats."""
DEAD_AFTER = 120.0
"""Seconds without a heartbeat after which a process of another computer no longer holds the run."""
PATIENCE = 0.5
"""Seconds: a process that only checks whether a run is held, holds its lock for an instant."""
LENGTH = 250


class HeldError(ValueError):
    """Another process trains this run; the message is one sentence for the reader."""


@dataclass(frozen=True)
class Holder:
    """The process that trains a run."""

    host: str = ""
    pid: int = 0
    folder: Path = Path()
    """Of the run."""
    changed: float = 0.0
    """Its last sign of life, in seconds since 1970 by the clock of the disk."""
    token: str = ""
    """Of its lease; empty where nobody holds the run."""

    def __str__(self) -> str:
        if self.pid:
            return _("process {pid} on {host}", pid=self.pid, host=self.host)
        return _("another process")

    @property
    def silent_for(self) -> float:
        """Seconds since its last sign of life."""
        return clock_of(self.folder / LOCK) - self.changed

    @property
    def is_alive(self) -> bool:
        """Whether it gave a sign of life lately."""
        return bool(self.token) and abs(self.silent_for) < DEAD_AFTER

    @property
    def is_elsewhere(self) -> bool:
        """Whether it lives on another computer, so that its lock may not be seen here."""
        return self.host != node() and self.is_alive


def holder_of(folder: Path) -> Holder | None:
    """The process that trains the run in this folder now; None where there is none."""
    holder = _read(folder)
    if not holder.token or holder.is_elsewhere:
        return holder if holder.token else None
    if holder.host != node():
        return None
    lock = file_lock(folder / LOCK)
    locked = acquire(lock, 0)
    lock.release()
    return holder if locked is False or (locked is None and holder.is_alive) else None


class Lease:
    """The right to train one run, until `release` or the end of the process.

    Args:
        folder: the run's; it must exist.

    Raises:
        HeldError: where another process, or another part of this one, trains it.
        OSError: where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._token = folder, secrets.token_hex(8)
        self._lock = file_lock(folder / LOCK)
        locked, holder = acquire(self._lock, PATIENCE), _read(folder)
        if locked is False or holder.is_elsewhere or (locked is None and holder.is_alive):
            self._lock.release()
            since = (
                Message(", which gave a sign of life {seconds:.0f} s ago", seconds=max(0.0, holder.silent_for))
                if holder.is_elsewhere
                else ""
            )
            raise HeldError(Message("This run is being trained by {holder}{since}.", holder=holder, since=since))
        self._end = threading.Event()
        self._writing = threading.Lock()
        """No sign of life is written while the lease is being released."""
        try:
            self._file_id = _file_id(folder / HEARTBEAT, create=True)
            self._write(self._sign())
        except BaseException:
            self._lock.release()
            raise
        threading.Thread(target=self._keep_beating, name="run-lock", daemon=True).start()

    @property
    def held(self) -> bool:
        """Whether this is still the lease of the folder at its place: False where the folder was moved or deleted, or where
        another computer has taken the run over because this one had slept for too long."""
        return _file_id(self._folder / HEARTBEAT) == self._file_id and _read(self._folder).token == self._token

    def release(self) -> None:
        """Let other processes train the run. A second time does nothing."""
        with self._writing:
            if self._end.is_set():
                return
            self._end.set()
            with contextlib.suppress(OSError):
                if self.held:
                    self._write({})
            self._lock.release()

    def _sign(self) -> dict[str, object]:
        return {"host": node(), "pid": os.getpid(), "time": round(time.time(), 1), "token": self._token}

    def _write(self, sign: dict[str, object]) -> None:
        # Always of the same length: once the file is there, a full disk cannot refuse it.
        with (self._folder / HEARTBEAT).open("r+b", buffering=0) as file:
            file.write(json.dumps(sign).ljust(LENGTH)[:LENGTH].encode())

    def _keep_beating(self) -> None:
        while not self._end.wait(BEAT):
            with self._writing, contextlib.suppress(OSError):
                if not self._end.is_set() and self.held:
                    self._write(self._sign())


def _file_id(path: Path, *, create: bool = False) -> tuple[int, int] | None:
    if create:
        path.touch()
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _read(folder: Path) -> Holder:
    """What the heartbeat says; nobody where it says nothing sensible."""
    try:
        with (folder / HEARTBEAT).open("rb") as file:
            said, changed = json.loads(file.read(4096)), os.fstat(file.fileno()).st_mtime
        host, token = str(said["host"])[:100], str(said["token"])[:40]
        return Holder(host, int(said["pid"]), folder, changed, token)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return Holder()
