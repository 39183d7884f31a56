"""Zips that other people packed: the one reader of them. Nothing in a zip is trusted, and no path of it is ever written to."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, BinaryIO, Self

from engine.language import N_, Message, _
from engine.storage import budgets
from engine.storage.file_kinds import HEAD, because, kind_of
from engine.storage.texts import NAME_ENCODINGS, names_of

BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    RuntimeError,
    ValueError,
    OSError,
    zlib.error,
    struct.error,
)
"""What `zipfile` raises on zips that are no good; RuntimeError for those locked with a password."""
LOCKED = N_("The zip is locked with a password: pack it without one.")
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of these `zipfile` unpacks no more than it is asked for; of all others the whole entry at once, however large."""
_ZIP64_END = 76
"""Bytes between the list and the end record of a large zip."""
_UTF8 = 0x800
"""The flag of an entry whose name is UTF-8."""
_UNICODE_PATH = 0x7075
"""The extra field with the name in UTF-8, after a byte and a checksum."""
_CLUTTER = ("thumbs.db", "desktop.ini")


class ZipError(ValueError):
    """A zip that cannot be read; the message is one sentence for the reader."""


@dataclass(frozen=True)
class Entry:
    """One file in a zip."""

    info: zipfile.ZipInfo
    size: int
    """Bytes, as the zip says: reading more is an error."""
    is_locked: bool
    """Whether a password is needed."""
    is_unusual: bool
    """Whether it is compressed so that reading it is not bounded."""

    @property
    def method(self) -> str:
        """How it is compressed: "lzma"."""
        names: dict[int, str] = zipfile.compressor_names  # type: ignore[attr-defined]
        return names.get(self.info.compress_type, f"method {self.info.compress_type}")


class OpenZip:
    """A zip that is open to read, to be used in a `with`; the path of each file in it, with "/", and its entry.

    Folders, links, hidden files and what computers put beside files by themselves are left out. A path has no "..", and does
    not begin with "/"; backslashes, which some programs of Windows write, count as "/".

    Args:
        file: seekable.
        most: files that it may hold.

    Raises:
        ZipError: where it is no zip, damaged, or holds more than it may.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._most = most
        try:
            self._check_directory(file)
            self._archive = zipfile.ZipFile(file)
        except ZipError:
            raise
        except BROKEN as error:
            raise _no_zip(file) from error
        infos = self._archive.infolist()
        if sum(info.compress_size for info in infos) > file.seek(0, os.SEEK_END):  # the same bytes as several files
            raise ZipError(Message("This zip is damaged: its files overlap."))
        if len(infos) > most:
            raise self._too_many(len(infos))
        names, self.encoding = _names(infos)
        self.entries: Mapping[str, Entry] = {}
        self.links = 0
        found: dict[str, Entry] = {}
        for name, info in zip(names, infos, strict=True):
            parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".")]
            if info.is_dir() or name.endswith("\\") or _is_clutter(parts):
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                self.links += 1
                continue
            unusual = info.compress_type not in _BOUNDED
            found["/".join(parts)] = Entry(info, info.file_size, bool(info.flag_bits & 0x1), unusual)
        self.entries = found

    @property
    def note(self) -> str:
        """A sentence where the encoding of the names had to be guessed; "" where it is known."""
        if self.encoding == "utf-8":
            return ""
        kind = NAME_ENCODINGS[self.encoding]
        return _(
            "The names in the zip do not say how they are encoded: they were read as {kind} ({encoding}).",
            kind=kind,
            encoding=self.encoding,
        )

    def open(self, entry: Entry) -> BinaryIO:
        """A file in it, to read. Raises what is in `BROKEN`."""
        return self._archive.open(entry.info)  # type: ignore[return-value]

    def close(self) -> None:
        """Let the file go."""
        self._archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_directory(self, file: BinaryIO) -> None:
        """Refuse a zip whose list of files would fill the memory, by what stands at its end.

        There must be no other reading of the end than that of `zipfile`, which then takes in as much as it says: so it is its
        own, of which a test checks that it is there.
        """
        end: list[Any] | None = zipfile._EndRecData(file)  # type: ignore[attr-defined]
        if end is None:
            raise zipfile.BadZipFile("there is no end record")
        if end[zipfile._ECD_SIZE] > budgets.ZIP_DIRECTORY:  # type: ignore[attr-defined]
            raise ZipError(
                Message("The zip holds far more files than can be taken, which is {most:,}.", most=self._most)
            )
        count = end[zipfile._ECD_ENTRIES_TOTAL]  # type: ignore[attr-defined]
        if count > self._most:
            raise self._too_many(count)
        tail = _ZIP64_END if end[zipfile._ECD_SIGNATURE] == zipfile.stringEndArchive64 else 0  # type: ignore[attr-defined]
        file.seek(end[zipfile._ECD_LOCATION] - tail - end[zipfile._ECD_SIZE])  # type: ignore[attr-defined]
        if any(extra > budgets.ZIP_EXTRA for extra in _extras(file.read(end[zipfile._ECD_SIZE]))):  # type: ignore[attr-defined]
            raise ZipError(Message("This zip is damaged: what stands beside the names of its files is far too long."))

    def _too_many(self, count: int) -> ZipError:
        return ZipError(
            Message("The zip holds {count:,} files, and at most {most:,} can be taken.", count=count, most=self._most)
        )


def _names(infos: list[zipfile.ZipInfo]) -> tuple[list[str], str]:
    """The names of the entries, and the encoding of those that do not say theirs."""
    said = {id(info): name for info in infos if (name := _said(info)) is not None}
    unsaid = [info for info in infos if id(info) not in said]
    # `zipfile` reads them as cp437, which loses nothing.
    read, encoding = names_of([info.orig_filename.split("\0")[0].encode("cp437") for info in unsaid])
    said |= {id(info): name for info, name in zip(unsaid, read, strict=True)}
    return [said[id(info)] for info in infos], encoding


def _extras(directory: bytes) -> Iterator[int]:
    """How many bytes stand beside the name of each file in the list of what is in a zip."""
    at = 0
    while at + 46 <= len(directory):
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        yield extra
        at += 46 + name + extra + comment


def _said(info: zipfile.ZipInfo) -> str | None:
    """The name where its encoding is known: by the flag, or in the extra field of Info-ZIP."""
    if info.flag_bits & _UTF8 or info.orig_filename.isascii():
        return info.filename
    at = 0
    while at + 4 <= len(info.extra):
        kind, size = struct.unpack_from("<HH", info.extra, at)
        if kind == _UNICODE_PATH and size > 5:
            return info.extra[at + 9 : at + 4 + size].decode("utf-8", "replace")
        at += 4 + size
    return None


def _is_clutter(parts: list[str]) -> bool:
    return not parts or parts[0] == "__MACOSX" or parts[-1].startswith(".") or parts[-1].lower() in _CLUTTER


def _no_zip(file: BinaryIO) -> ZipError:
    try:
        file.seek(0)
        head = file.read(HEAD)
    except (OSError, ValueError):
        head = b""
    if kind_of(head) == "a zip":
        return ZipError(Message("This zip is damaged or cut short."))
    kind = because(head)
    return ZipError(
        Message("This is no zip{kind}.", kind=kind)
        if kind
        else Message("This is no zip, or it is damaged or cut short.")
    )
