"""What is known of a source before its pictures are decoded, and the rules for size, colours and classes of all sources."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.data.image_set import DataError
from engine.data.picture_files import open_picture
from engine.data.pictures import PictureError, brightest_value, read_picture
from engine.data.sources.layout import FoldersMean, by_folder
from engine.language import N_, Message, _
from engine.storage.file_kinds import HEAD, kind_of
from engine.storage.texts import plain_name

LEAST = 4
"""Pixels along a side that pictures must have."""
LARGEST = 128
"""Pixels along a side that pictures of many sizes are kept at, unless the reader wants more."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff")

DARK_SAMPLE = 32
"""Pictures whose brightest value is looked up."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Progress:
    """How far a preparation is."""

    what: str
    """What is being done, for the reader."""
    done: int
    total: int
    """0 where it is not known."""
    unit: str = "pictures"
    """Or "bytes"."""


OnProgress = Callable[[Progress], None]
"""Called now and then with the progress; an exception that it raises ends the preparation."""


def silent(progress: Progress) -> None:
    """Discard the progress."""


ReadPixels = Callable[[int, int], Pixels]
"""Of size and channels: gives a picture as uint8 (size, size, channels). Raises PictureError, and TooSmallError."""


@dataclass(frozen=True)
class Item:
    """One picture that has not been read yet."""

    key: str
    """What it is called in its source: the same on every machine."""
    label: int
    """Its class, or `NO_CLASS`."""
    read: ReadPixels
    held_out: bool | None = None
    """As the source says; None where it does not, and the rule of `engine.data.writing` decides."""


@dataclass(frozen=True)
class Plan:
    """A set whose pictures have been inspected but not decoded."""

    title: str
    source: str
    licence: str
    class_names: tuple[str, ...]
    size: int
    channels: int
    natural: bool
    fingerprint: str
    items: Iterable[Item]
    """Given once, training pictures before those that the source says are held out."""
    count: int | None
    """How many, where that is known."""
    notes: tuple[str, ...] = ()


class TooSmallError(ValueError):
    """A picture that would have to be enlarged to belong to its set."""


@dataclass(frozen=True)
class PictureHeader:
    """What the header of a picture file says."""

    width: int
    height: int
    grey: bool
    photograph: bool
    """Whether it is stored as photographs are, with loss."""

    @property
    def side(self) -> int:
        """Of the largest square in it."""
        return min(self.width, self.height)


def read_header(file: BinaryIO) -> PictureHeader | None:
    """Read the header of a picture; None where it has none that can be read."""
    try:
        with open_picture(file) as image:
            grey = image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;16")
            return PictureHeader(image.width, image.height, grey, image.format in ("JPEG", "MPO", "WEBP"))
    except Exception:  # Pillow raises nearly anything on damaged files
        return None


def reader(
    read: Callable[[], bytes], max_bytes: int, header: PictureHeader | None = None, white: int = 0
) -> ReadPixels:
    """What reads one picture file when asked to.

    Args:
        read: gives its bytes, or raises PictureError.
        max_bytes: it may have.
        header: of it, where that was read before.
        white: see `engine.data.pictures.read_picture`.
    """

    def pixels(size: int, channels: int) -> Pixels:
        data = b"" if header else read()
        known = header or read_header(io.BytesIO(data))
        if known is not None and known.side < size:
            raise TooSmallError
        return read_picture(data or read(), size=size, channels=channels, max_bytes=max_bytes, white=white)

    return pixels


def native_size(headers: Sequence[PictureHeader], largest: int = LARGEST) -> int:
    """Pixels along a side to keep these pictures at, so that none has to be enlarged but a tenth at most, which are left out.

    Squares of one size are kept as they are; of others the size is a multiple of 8, which networks can halve. Never above
    `largest`.
    """
    sides = sorted(header.side for header in headers)
    if sides[0] == sides[-1] and all(header.width == header.height for header in headers) and sides[0] % 4 == 0:
        return min(sides[0], largest)
    size = min(sides[len(sides) // 10], largest)
    return size - size % 8 if size >= 8 else size


def channels_of(headers: Sequence[PictureHeader]) -> int:
    """1 where all pictures are grey, else 3."""
    return 1 if all(header.grey for header in headers) else 3


def are_photographs(headers: Sequence[PictureHeader]) -> bool:
    """Whether these are photographs, as far as their files indicate: in colour, and most of them stored with loss."""
    return channels_of(headers) == 3 and 2 * sum(header.photograph for header in headers) > len(headers)


def shrunk(pixels: Image.Image, size: int, channels: int) -> Pixels:
    """The middle square of an open picture at that size, Lanczos."""
    side = min(pixels.size)
    left, top = (pixels.width - side) // 2, (pixels.height - side) // 2
    square = pixels.convert("L" if channels == 1 else "RGB").crop((left, top, left + side, top + side))
    if side != size:
        square = square.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.array(square, dtype=np.uint8).reshape(size, size, channels)


def fingerprint_of(parts: Iterable[object]) -> str:
    """SHA-256 of their texts, whatever order they come in."""
    digest = hashlib.sha256()
    for text in sorted(str(part) for part in parts):
        digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def readable_headers(
    headers: Sequence[PictureHeader | None], where: object, why: Message | str = ""
) -> list[PictureHeader]:
    """Those that could be read. Raises `DataError` where none could; `why` says what they are."""
    good = [header for header in headers if header is not None and header.side >= 1]
    if not good:
        why = why or Message("PNG, JPEG, WebP, GIF, BMP and TIFF can be")
        raise DataError(
            Message(
                "None of the {count:,} picture files in {where} can be read: {why}.",
                count=len(headers),
                where=where,
                why=why,
            )
            if headers
            else Message("There are no pictures in {where}: {why}.", where=where, why=why)
        )
    return good


@dataclass(frozen=True)
class Choices:
    """What the reader chooses of a set of picture files."""

    largest: int = LARGEST
    """See `native_size`."""
    folders_mean: FoldersMean = "auto"
    white: int = 0
    """See `engine.data.pictures.read_picture`."""


@dataclass(frozen=True)
class PictureFiles:
    """The picture files of a folder or a zip."""

    headers: Mapping[str, PictureHeader | None]
    """Of each, by its path, with "/" between its parts."""
    bytes_of: Callable[[str], bytes]
    """Gives the bytes of one; raises PictureError."""
    max_bytes: int
    """Of one."""
    where: str
    """They are, in words."""


def plan_of_files(files: PictureFiles, choices: Choices, *, title: str, source: str, fingerprint: str) -> Plan:
    """The set of some picture files, sorted by their folders.

    Args:
        files, choices: see there.
        title, source, fingerprint: see `Plan`.

    Raises:
        DataError: where none of them can be read, or where it is not clear what their folders mean.
    """
    headers = files.headers
    readable = [key for key in sorted(headers) if headers[key] is not None]
    good = readable_headers(list(headers.values()), files.where, _what_they_are(files))
    names = by_folder(sorted(headers), choices.folders_mean)

    def items() -> Iterator[Item]:
        # Pictures that are held out by their folder come last.
        for key in sorted(names.placed, key=lambda key: (names.placed[key][1] is True, key)):
            label, held_out = names.placed[key]
            read = reader(partial(files.bytes_of, key), files.max_bytes, headers[key], choices.white)
            yield Item(key, label, read, held_out)

    return Plan(
        title=plain_name(title, 200),
        source=plain_name(source, 400),
        licence=N_("Your own pictures: what may be done with them is for you to know."),
        class_names=names.class_names,
        size=native_size(good, choices.largest),
        channels=channels_of(good),
        natural=are_photographs(good),
        fingerprint=fingerprint,
        items=items(),
        count=len(names.placed),
        notes=(*names.notes, *dark_note(readable, files.bytes_of, files.max_bytes, choices.white)),
    )


def _what_they_are(files: PictureFiles) -> Message | str:
    """What the first file is, where that shows and it is no picture; "" otherwise."""
    for key in files.headers:
        try:
            kind = kind_of(files.bytes_of(key)[:HEAD])
        except PictureError:
            return ""
        return Message("the first is {kind}", kind=Message(kind)) if kind and not kind.endswith("picture") else ""
    return ""


def dark_note(keys: Sequence[str], bytes_of: Callable[[str], bytes], max_bytes: int, white: int) -> tuple[str, ...]:
    """A sentence where pictures use little of their range, as 12-bit values in a file of 16 bits do, with the remedy.

    Every way in asks it: a folder, a zip, their previews, and the Hub.

    Args:
        keys: of the pictures, of which some are looked at.
        bytes_of, max_bytes: see `PictureFiles`.
        white: what the reader has chosen; where that is given, there is nothing to say.
    """
    brightest, top = 0, 255
    for key in [] if white else keys[:: max(1, len(keys) // DARK_SAMPLE)][:DARK_SAMPLE]:
        try:
            value, most = brightest_value(bytes_of(key), max_bytes)
        except PictureError:
            continue
        brightest, top = max(brightest, value), max(top, most)
    if not 0 < brightest <= top // 8:
        return ()
    least = (1 << max(1, brightest.bit_length())) - 1
    return (
        _(
            "The pictures are nearly black: their brightest value is {brightest:,} of {top:,}. Prepare them with {least:,} "
            "as white (in the shell: --white {least}).",
            brightest=brightest,
            top=top,
            least=least,
        ),
    )
