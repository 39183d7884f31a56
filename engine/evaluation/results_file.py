"""A file of results, one line of JSON each, that several processes may fill and that survives any interruption."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import fcntl


class ResultsFile:
    """Lines of JSON, each with a "key" that says what was measured.

    A line is appended in one piece under a lock, and a last line that was cut short is mended first. `claim` keeps two
    processes from measuring the same thing at once; claims end with the process, however it ends. (Where the system has no
    such locks, as Windows, claims are always granted.)

    Args:
        path: made with its folder where there is none; a file of locks, path + ".lock", lies beside it.

    Raises:
        OSError: where the disk does not let us.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        # A lock ends when its process closes any handle of that file: this one is opened once, and nothing else opens it.
        self._locks = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)

    def close(self) -> None:
        """Give up all claims."""
        os.close(self._locks)

    def rows(self) -> dict[str, dict[str, Any]]:
        """What is there, by key; of two lines with one key the later. Lines that cannot be read are left out."""
        found: dict[str, dict[str, Any]] = {}
        for line in self.path.read_bytes().split(b"\n"):
            row = _row(line)
            if row is not None:
                found[row["key"]] = row
        return found

    def append(self, row: dict[str, Any]) -> None:
        """Write one line, and see it to the disk."""
        line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        with self._locked(), self.path.open("r+b") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if _row(content[whole:]) is not None:
                line = b"\n" + line  # only the end of its line is missing
                whole = len(content)
            file.seek(whole)
            file.truncate()
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def claim(self, key: str) -> bool:
        """Whether this process may measure this now: False where another one is at it.

        Args:
            key: hexadecimal, 12 digits or more.
        """
        if sys.platform != "win32":
            try:
                fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1 + int(key[:12], 16))
            except (BlockingIOError, PermissionError):
                return False
        return True

    def release(self, key: str) -> None:
        """Let go of a claim."""
        if sys.platform != "win32":
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, 1 + int(key[:12], 16))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: the lock of byte 0."""
        if sys.platform != "win32":
            fcntl.lockf(self._locks, fcntl.LOCK_EX, 1, 0)
        try:
            yield
        finally:
            if sys.platform != "win32":
                fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, 0)


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("key"), str) else None
