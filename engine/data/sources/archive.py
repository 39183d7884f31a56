"""An uploaded zip of pictures. Nothing in it is trusted: its sizes are limited, and no file of it is ever written.

DATA/uploads/ID.zip is the upload, kept until its preparation is over, however that ends; ID is taken from its content.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.data import store
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
    plan_of_files,
    read_header,
)
from engine.language import Message, _, message_of, plural
from engine.storage import budgets
from engine.storage.disk_errors import sentence
from engine.storage.files import room_problem, write_json
from engine.storage.zips import BROKEN, LOCKED, Entry, OpenZip, ZipError

KEPT = 24 * 3600.0
"""Seconds after which an upload is removed that was not prepared, or whose preparation was killed."""
HEAD = 1 << 16
CHUNK = 1 << 20
ID = re.compile(r"[0-9a-f]{16}")
NEW = ".new-"
"""How uploads are called that are still coming."""


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
    if size > budgets.PICTURE_ZIP_BYTES:
        raise DataError(
            Message(
                "This zip has {size:,.0f} MB, and at most {most:,.0f} MB can be taken.",
                size=size / 1000000.0,
                most=budgets.PICTURE_ZIP_BYTES / 1000000.0,
            )
        )
    try:
        OpenZip(file, budgets.PICTURE_ZIP_FILES)  # nothing that cannot be opened is stored
    except ZipError as error:
        raise DataError(message_of(error)) from error
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
                    on_progress(Progress(_("Storing the zip"), copy.tell(), size, "bytes"))
            copy.flush()
            upload = digest.hexdigest()[:16]
            write_json(home / f"{upload}.json", {"title": title[:200]})
            try:
                os.link(copy.name, home / f"{upload}.zip")
            except FileExistsError:
                os.utime(home / f"{upload}.zip")  # it is wanted again, see `sweep`
    except OSError as error:
        raise DataError(sentence(error, _("The zip cannot be stored"))) from error
    return f"zip:{upload}"


def uploaded(upload: str, root: Path | None = None) -> tuple[Path, str]:
    """Where an upload is, and what it is called. Raises `DataError` where it is not here."""
    path = (root or store.data_root()) / "uploads" / f"{upload}.zip"
    if ID.fullmatch(upload) is None or not path.is_file():
        raise DataError(Message("This zip was uploaded elsewhere, or is no longer kept: upload it again."))
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


def plan(path: Path, title: str, upload: str, choices: Choices, on_progress: OnProgress) -> Plan:
    """Inspect the zip.

    Raises:
        DataError: where it is damaged, locked, holds more than it may, or no picture that can be read.
    """
    try:
        file = path.open("rb")
        zipped = OpenZip(file, budgets.PICTURE_ZIP_FILES)
    except (ZipError, OSError) as error:
        raise DataError(
            message_of(error)
            if isinstance(error, ZipError)
            else Message("The zip cannot be read: {why}.", why=error.strerror)
        ) from error
    entries, other = _pictures(zipped)
    reading = _Reader(zipped)
    headers: dict[str, PictureHeader | None] = {}
    for number, (key, entry) in enumerate(sorted(entries.items())):
        if number % 256 == 0:
            on_progress(Progress(_("Inspecting the pictures"), number, len(entries)))
        headers[key] = reading.header(entry)
    _check_pixels(headers.values())
    plan = plan_of_files(
        PictureFiles(headers, lambda key: reading.read(entries[key]), budgets.SENT_PICTURE, "this zip"),
        choices,
        title=PurePosixPath(title).stem or "Uploaded pictures",
        source=_("The uploaded file {title}", title=title),
        fingerprint=upload,
    )
    left_out = (
        (
            plural(
                "Left out: {count:,} file of another kind than pictures.",
                "Left out: {count:,} files of another kind than pictures.",
                other,
            ),
        )
        if other
        else ()
    )
    names = (zipped.note,) if zipped.note else ()
    return replace(plan, notes=names + plan.notes + left_out)


def pictures_in(file: BinaryIO) -> tuple[list[str], Callable[[str], bytes], str]:
    """The paths of the pictures in a zip, what reads one, and a sentence on how their names were read, "" for none.

    Raises:
        DataError: as `plan`.
    """
    try:
        zipped = OpenZip(file, budgets.PICTURE_ZIP_FILES)
    except ZipError as error:
        raise DataError(message_of(error)) from error
    entries, _ = _pictures(zipped)
    reading = _Reader(zipped)
    return sorted(entries), lambda key: reading.read(entries[key]), zipped.note


def _pictures(zipped: OpenZip) -> tuple[dict[str, Entry], int]:
    """The entries that may be pictures, by their path, and how many others there are. Links and zips in it are others."""
    found: dict[str, Entry] = {}
    other, unpacked, method = zipped.links, 0, ""
    for path, entry in zipped.entries.items():
        is_picture = path.lower().endswith(SUFFIXES)
        if not is_picture or entry.is_unusual:
            other += 1
            method = entry.method if is_picture else method
            continue
        if entry.is_locked:
            raise DataError(Message(LOCKED))
        unpacked += entry.size
        found[path] = entry
    if method and not found:
        raise DataError(
            Message(
                "The pictures in this zip are packed with “{method}”, which is not read here: pack them again with "
                "Deflate, as zips are by default, or unpack them and choose the folder.",
                method=method,
            )
        )
    if unpacked > budgets.PICTURE_ZIP_UNPACKED:
        raise DataError(
            Message(
                "The pictures in the zip take {unpacked:,.0f} MB unpacked, and at most {most:,.0f} MB can be taken.",
                unpacked=unpacked / 1000000.0,
                most=budgets.PICTURE_ZIP_UNPACKED / 1000000.0,
            )
        )
    return found, other


def _check_pixels(headers: Iterable[PictureHeader | None]) -> None:
    """Refuse what would take hours to decode."""
    pixels = sum(header.width * header.height for header in headers if header is not None)
    if pixels > budgets.PICTURE_ZIP_PIXELS:
        raise DataError(
            Message(
                "The pictures in the zip have {pixels:,.0f} million pixels together, and at most "
                "{most:,.0f} million can be taken: make them smaller first.",
                pixels=pixels / 1000000.0,
                most=budgets.PICTURE_ZIP_PIXELS / 1000000.0,
            )
        )


class _Reader:
    """Reads entries of one zip, one at a time: `zipfile` may not be read by two threads at once."""

    def __init__(self, zipped: OpenZip) -> None:
        self._zip, self._lock = zipped, threading.Lock()

    def header(self, entry: Entry) -> PictureHeader | None:
        """The head of a picture; None where it cannot be read."""
        for most in (HEAD, budgets.SENT_PICTURE):  # nearly always the first bytes are enough
            try:
                seen = read_header(io.BytesIO(self._bytes(entry, most)))
            except PictureError:
                return None
            if seen is not None:
                return seen
        return None

    def read(self, entry: Entry) -> bytes:
        """The bytes of an entry. Raises `PictureError` where there are too many or they are damaged."""
        data = self._bytes(entry, budgets.SENT_PICTURE + 1)
        if len(data) > budgets.SENT_PICTURE:
            raise PictureError(Message("This picture is too large."))
        return data

    def _bytes(self, entry: Entry, most: int) -> bytes:
        try:
            with self._lock, self._zip.open(entry) as file:
                return file.read(most)
        except BROKEN as error:
            raise PictureError(Message("This file in the zip is damaged.")) from error
