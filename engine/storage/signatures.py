"""Whether a file or folder is still the one that was read."""

from __future__ import annotations

import os
import time
from pathlib import Path

SETTLED = 2.0
"""Seconds: the longest tick of a file system's clock, that of FAT."""

Signature = tuple[int, int, int]
"""Inode, time of the last change in nanoseconds, and size."""


def signature(path: Path) -> Signature | None:
    """Equal as long as a file or folder is unchanged; None where there is none."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):  # no file has a name with a zero byte
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


class ChangedFiles:
    """Which files of a folder are others than when they were asked for the last time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, Signature | None] = {}

    def has(self, name: str) -> bool:
        """Whether this file is one of them; from now on it counts as read."""
        now = signature(self._folder / name)
        changed = name not in self._seen or self._seen[name] != now
        self._seen[name] = now
        return changed


def is_settled(*signatures: Signature | None) -> bool:
    """Whether any later change will give other signatures: two within one tick of the file system's clock may give the same."""
    newest = max((mark[1] for mark in signatures if mark is not None), default=0)
    return time.time_ns() - newest > SETTLED * 1e9
