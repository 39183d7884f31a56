"""A file of results, one line of JSON each, that several processes may fill and that survives any interruption."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout


class ResultsFile:
    """Lines of JSON, each with a "key" that says what was measured.

    A line is appended in one piece under a lock, and a last line that was cut short is mended first. `claim` keeps two
    processes from measuring the same thing at once; claims end with the process, however it ends.

    Args:
        path: made with its folder where there is none; the files of its locks lie beside it.

    Raises:
        OSError: where the disk does not let us.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        self._writing = FileLock(path.with_name(path.name + ".lock"), thread_local=False)
        self._claims: dict[str, FileLock] = {}

    def close(self) -> None:
        """Give up all claims."""
        for key in list(self._claims):
            self.release(key)

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
        with self._writing, self.path.open("r+b", buffering=0) as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if _row(content[whole:]) is not None:
                line = b"\n" + line  # only the end of its line is missing
                whole = len(content)
            file.seek(whole)
            file.truncate()
            try:
                while line:
                    line = line[file.write(line) :]
                os.fsync(file.fileno())
            except OSError:  # what is there of the line goes again
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), whole)
                raise

    def claim(self, key: str) -> bool:
        """Whether this process may measure this now: False where another one measures it.

        Args:
            key: of the measurement; a name of a file.
        """
        lock = FileLock(self.path.with_name(f".{self.path.name}.{key}.lock"), thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self._claims[key] = lock
        return True

    def release(self, key: str) -> None:
        """Give up a claim."""
        lock = self._claims.pop(key)
        # While it is held. A process that opens the file at this moment measures once more what it finds missing.
        with contextlib.suppress(OSError):
            os.unlink(lock.lock_file)
        lock.release()


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("key"), str) else None
