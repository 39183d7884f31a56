"""An uploaded zip of pictures. Nothing in it is trusted: its sizes are limited, and no file of it is ever written.

DATA/uploads/ID.zip is the upload, kept until its preparation is over, however that ends; ID is taken from its content.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import struct
import tempfile
import threading
import time
import unicodedata
import zipfile
import zlib
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from engine.data import store
from engine.data.image_set import DataError
from engine.data.pictures import MEGABYTE, PictureError
from engine.data.sources.plan import (
    SUFFIXES,
    OnProgress,
    PictureHeader,
    Plan,
    Progress,
    many,
    plan_of_files,
    read_header,
    reader,
)
from engine.storage.files import room_problem, write_json

MAX_BYTES = 2_000 * MEGABYTE
"""Of the zip."""
MAX_ENTRIES = 300_000
MAX_DIRECTORY = 60 * MEGABYTE
"""Of the list of what is in it: `zipfile` reads all of it, so it must be small enough before."""
MAX_UNPACKED = 8_000 * MEGABYTE
MAX_PICTURE = 20 * MEGABYTE
"""Of one picture in it, unpacked."""
KEPT = 24 * 3600.0
"""Seconds after which an upload is removed that was not prepared, or whose preparation was killed."""
HEAD = 1 << 16
CHUNK = 1 << 20
ID = re.compile(r"[0-9a-f]{16}")
NEW = ".new-"
"""How uploads are called that are still coming."""
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of these `zipfile` unpacks no more than it is asked for; of all others the whole entry at once, however large."""

_BROKEN = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error, OSError)
"""What `zipfile` raises on archives that are no good; RuntimeError for those locked with a password."""


def keep(file: BinaryIO, title: str, root: Path | None = None, on_progress: OnProgress | None = None) -> str:
    """Store an upload, and give the name of the set that it can be prepared as, "zip:ID".

    Args:
        file: seekable.
        title: what it is called.
        root: see `store.data_root`.
        on_progress: called with the progress.

    Raises:
        DataError: where it is no zip, or too large, or there is no room.
    """
    size = file.seek(0, os.SEEK_END)
    if size > MAX_BYTES:
        raise DataError(
            f"This zip has {size / MEGABYTE:,.0f} MB, and at most {MAX_BYTES / MEGABYTE:,.0f} MB can be taken."
        )
    file.seek(0)
    try:
        good = zipfile.is_zipfile(file)
    except _BROKEN:  # it is one, of several disks
        good = False
    if not good:
        raise DataError("This is no zip, or it is damaged or cut short.")
    file.seek(0)
    home = (root or store.data_root()) / "uploads"
    try:
        home.mkdir(parents=True, exist_ok=True)
        sweep(home)
        if problem := room_problem(size, home):
            raise DataError(problem)
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=home, prefix=NEW) as copy:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                copy.write(chunk)
                if on_progress is not None:
                    on_progress(Progress("Storing the zip", copy.tell(), size, "bytes"))
            copy.flush()
            upload = digest.hexdigest()[:16]
            write_json(home / f"{upload}.json", {"title": title[:200]})
            try:
                os.link(copy.name, home / f"{upload}.zip")
            except FileExistsError:
                os.utime(home / f"{upload}.zip")  # it is wanted again, see `sweep`
    except OSError as error:
        raise DataError(f"The zip cannot be stored: {error.strerror or error}.") from error
    return f"zip:{upload}"


def uploaded(upload: str, root: Path | None = None) -> tuple[Path, str]:
    """Where an upload is, and what it is called. Raises `DataError` where it is not here."""
    path = (root or store.data_root()) / "uploads" / f"{upload}.zip"
    if ID.fullmatch(upload) is None or not path.is_file():
        raise DataError("This zip was uploaded elsewhere, or is no longer kept: upload it again.")
    try:
        return path, str(json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["title"])
    except (OSError, ValueError, KeyError, TypeError):
        return path, "pictures.zip"


def discard(upload: str, root: Path | None = None) -> None:
    """Take an upload away; what was prepared from it stays. Where the disk does not let us, `sweep` tries it again."""
    if ID.fullmatch(upload):
        for suffix in (".zip", ".json"):
            with suppress(OSError):
                ((root or store.data_root()) / "uploads" / f"{upload}{suffix}").unlink(missing_ok=True)


def sweep(home: Path) -> None:
    """Remove old uploads, complete or not, that were never prepared."""
    for path in home.glob("*"):
        ours = ID.fullmatch(path.stem) and path.suffix in (".zip", ".json")
        if ours or path.name.startswith(NEW):
            with suppress(OSError):  # another process has just done it, or this is Windows, and it is being read
                if path.stat().st_mtime < time.time() - KEPT:
                    path.unlink()


def plan(path: Path, title: str, upload: str, largest: int, on_progress: OnProgress) -> Plan:
    """Inspect the zip.

    Raises:
        DataError: where it is damaged, locked, holds more than it may, or no picture that can be read.
    """
    try:
        _check_directory(path)
        archive = zipfile.ZipFile(path)
    except DataError:
        raise
    except (*_BROKEN, ValueError, struct.error) as error:
        raise DataError("This is no zip, or it is damaged or cut short.") from error
    entries, other = _pictures(archive)
    zipped = _Reader(archive)
    headers: dict[str, PictureHeader | None] = {}
    for number, (key, entry) in enumerate(sorted(entries.items())):
        if number % 256 == 0:
            on_progress(Progress("Inspecting the pictures", number, len(entries)))
        headers[key] = zipped.header(entry)
    plan = plan_of_files(
        headers,
        lambda key: reader(partial(zipped.read, entries[key]), MAX_PICTURE, headers[key]),
        "this zip",
        largest,
        title=PurePosixPath(title).stem or "Uploaded pictures",
        source=f"The uploaded file {title}",
        fingerprint=upload,
    )
    left_out = (f"Left out: {many(other, 'file')} of another kind than pictures.",) if other else ()
    return replace(plan, class_names=tuple(map(_plain, plan.class_names)), notes=plan.notes + left_out)


def _check_directory(path: Path) -> None:
    """Refuse a zip whose list of files would fill the memory, by what stands at its end.

    There must be no other reading of the end than that of `zipfile`, which then takes in as much as it says: so it is its own,
    of which a test checks that it is there. Raises what `zipfile` raises, and `DataError`.
    """
    with path.open("rb") as file:
        end: list[Any] | None = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if end is None:
        raise zipfile.BadZipFile("there is no end record")
    if end[zipfile._ECD_SIZE] > MAX_DIRECTORY:  # type: ignore[attr-defined]
        raise DataError(f"The zip holds far more files than can be taken, which is {MAX_ENTRIES:,}.")
    count = end[zipfile._ECD_ENTRIES_TOTAL]  # type: ignore[attr-defined]
    if count > MAX_ENTRIES:
        raise _too_many(count)


def _too_many(count: int) -> DataError:
    return DataError(f"The zip holds {count:,} files, and at most {MAX_ENTRIES:,} can be taken.")


def _pictures(archive: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], int]:
    """The entries that may be pictures, by their path, and how many others there are. Links and zips in it are others."""
    infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        raise _too_many(len(infos))
    found: dict[str, zipfile.ZipInfo] = {}
    other = unpacked = 0
    for entry in infos:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        parts = [part for part in path.parts if part not in ("/", "..", ".")]
        # What computers put beside pictures by themselves is not worth a word.
        if entry.is_dir() or not parts or parts[0] == "__MACOSX" or parts[-1].startswith("."):
            continue
        if parts[-1].lower() in ("thumbs.db", "desktop.ini"):
            continue
        if stat.S_ISLNK(entry.external_attr >> 16) or not parts[-1].lower().endswith(SUFFIXES):
            other += 1
            continue
        if entry.compress_type not in BOUNDED:
            other += 1
            continue
        if entry.flag_bits & 0x1:
            raise DataError("The zip is locked with a password: pack it without one.")
        unpacked += entry.file_size
        found["/".join(parts)] = entry
    if unpacked > MAX_UNPACKED:
        raise DataError(
            f"The pictures in the zip take {unpacked / MEGABYTE:,.0f} MB unpacked, and at most "
            f"{MAX_UNPACKED / MEGABYTE:,.0f} MB can be taken."
        )
    return found, other


class _Reader:
    """Reads entries of one zip, one at a time: `zipfile` may not be read by two threads at once."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive, self._lock = archive, threading.Lock()

    def header(self, entry: zipfile.ZipInfo) -> PictureHeader | None:
        """The head of a picture; None where it cannot be read."""
        for most in (HEAD, MAX_PICTURE):  # nearly always the first bytes are enough
            try:
                seen = read_header(io.BytesIO(self._bytes(entry, most)))
            except PictureError:
                return None
            if seen is not None:
                return seen
        return None

    def read(self, entry: zipfile.ZipInfo) -> bytes:
        """The bytes of an entry. Raises `PictureError` where there are too many or they are damaged."""
        data = self._bytes(entry, MAX_PICTURE + 1)
        if len(data) > MAX_PICTURE:
            raise PictureError("This picture is too large.")
        return data

    def _bytes(self, entry: zipfile.ZipInfo, most: int) -> bytes:
        try:
            with self._lock, self._archive.open(entry) as file:
                return file.read(most)
        except (*_BROKEN, ValueError) as error:
            raise PictureError("This file in the zip is damaged.") from error


def _plain(name: str) -> str:
    """A folder's name as it may be shown."""
    return "".join(c for c in name if unicodedata.category(c)[0] != "C")[:60] or "unnamed"
