"""A folder of pictures on this machine: class = subfolder."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_ISREG

from engine.data.image_set import DataError
from engine.data.pictures import PictureError
from engine.data.sources.plan import (
    SUFFIXES,
    Choices,
    OnProgress,
    PictureFiles,
    PictureHeader,
    Plan,
    Progress,
    fingerprint_of,
    plan_of_files,
    read_header,
)
from engine.language import Message, _
from engine.storage import budgets
from engine.storage.files import open_regular, read_regular

THREADS = min(8, os.cpu_count() or 1)


def plan(path: Path, choices: Choices, on_progress: OnProgress) -> Plan:
    """Inspect the folder. Raises `DataError` where it is not there or holds no picture that can be read."""
    found = files_of(path)
    keys = sorted(found)
    headers: dict[str, PictureHeader | None] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(keys), 256):
            on_progress(Progress(_("Inspecting the pictures"), start, len(keys)))
            some = keys[start : start + 256]
            headers |= zip(some, pool.map(_header, [path / key for key in some]), strict=True)
    return plan_of_files(
        PictureFiles(headers, lambda key: bytes_of(path / key), budgets.OWN_PICTURE, f"“{path}”"),
        choices,
        title=path.name or str(path),
        source=_("The folder {path}", path=path),
        fingerprint=fingerprint(path, found),
    )


def fingerprint(path: Path, found: dict[str, tuple[int, int]] | None = None) -> str:
    """What changes when a picture comes, goes or is written anew; reads no picture. Raises `DataError` as `files_of`."""
    found = files_of(path) if found is None else found
    return fingerprint_of((key, *stat) for key, stat in found.items())


def files_of(path: Path) -> dict[str, tuple[int, int]]:
    """Every picture file below a folder: its path from there, with "/", and its bytes and time of change.

    Hidden files and folders are left out. A folder that links lead to twice is visited once.

    Raises:
        DataError: where there is no such folder, or it may not be read.
    """
    if not path.is_dir():
        raise DataError(Message("There is no folder “{path}” on this machine.", path=path))
    found: dict[str, tuple[int, int]] = {}
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise DataError(Message("The folder “{path}” cannot be read: {why}.", path=error.filename, why=error.strerror))

    for folder, inner, names in os.walk(path, onerror=refuse, followlinks=True):
        stat = os.stat(folder)
        if (stat.st_dev, stat.st_ino) in seen:
            inner.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name != "__MACOSX")
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                file = os.path.join(folder, name)
                try:
                    stat = os.stat(file)
                except OSError:  # a link that leads nowhere
                    continue
                if not S_ISREG(stat.st_mode):  # a pipe or a device would be read for ever
                    continue
                found[os.path.relpath(file, path).replace(os.sep, "/")] = (stat.st_size, stat.st_mtime_ns)
        if len(found) > budgets.FOLDER_PICTURES:
            raise DataError(
                Message(
                    "There are more than {most:,} pictures in “{path}”: choose a folder with fewer.",
                    most=budgets.FOLDER_PICTURES,
                    path=path,
                )
            )
    return found


def _header(path: Path) -> PictureHeader | None:
    try:
        with open_regular(path) as file:
            return read_header(file)
    except OSError:
        return None


def bytes_of(path: Path) -> bytes:
    """Of a picture. Raises `PictureError` where they cannot be read."""
    try:
        return read_regular(path, budgets.OWN_PICTURE)
    except OSError as error:
        raise PictureError(Message("This file cannot be read: {why}.", why=error.strerror)) from error
