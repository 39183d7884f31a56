"""What is known of a source before its pictures are decoded, and the rules for size, colours and classes of all sources."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.data.image_set import DataError
from engine.data.pictures import FORMATS, read_picture

NO_CLASS = -1
LARGEST = 128
"""Pixels along a side that pictures of many sizes are kept at, unless the reader wants more."""
MAX_CLASSES = 1000
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".tif", ".tiff")

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


def read_header(file: Any) -> PictureHeader | None:
    """Read the header of a picture, a path or an open file; None where it has none that can be read."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            grey = image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;16")
            return PictureHeader(image.width, image.height, grey, image.format in ("JPEG", "MPO", "WEBP"))
    except Exception:  # Pillow raises nearly anything on damaged files
        return None


def reader(read: Callable[[], bytes], max_bytes: int, header: PictureHeader | None = None) -> ReadPixels:
    """What reads one picture file when asked to.

    Args:
        read: gives its bytes, or raises PictureError.
        max_bytes: it may have.
        header: of it, where that was read before.
    """

    def pixels(size: int, channels: int) -> Pixels:
        data = b"" if header else read()
        known = header or read_header(io.BytesIO(data))
        if known is not None and known.side < size:
            raise TooSmallError
        return read_picture(data or read(), size=size, channels=channels, max_bytes=max_bytes)

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


def many(count: int, one: str) -> str:
    """ "1 picture", "1,234 pictures"."""
    return f"{count:,} {one if count == 1 else one + 's'}"


def fingerprint_of(parts: Iterable[object]) -> str:
    """SHA-256 of their texts, whatever order they come in."""
    digest = hashlib.sha256()
    for text in sorted(str(part) for part in parts):
        digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


@dataclass(frozen=True)
class Sorted:
    """Pictures sorted into classes by the folders that they lie in."""

    class_names: tuple[str, ...]
    placed: dict[str, tuple[int, bool | None]]
    """Path of each picture that is used: its class and whether it is held out."""
    notes: tuple[str, ...]


SPLITS = {"train": False, "training": False, "test": True, "val": True, "valid": True, "validation": True}
"""Folders that are no classes but parts, and whether these are held out."""


def by_folder(paths: Sequence[str]) -> Sorted:
    """Sort pictures by the folders that they lie in, class = folder; paths have "/" between their parts.

    Folders around everything do not count. Folders called train and test (or validation) are parts, not classes. Pictures
    that lie directly inside have no classes; where fewer do so than lie in class folders, they are left out.
    """
    split = {path: path.split("/")[:-1] for path in paths}
    notes = []
    while split and all(split.values()) and len({folders[0] for folders in split.values()}) == 1:
        split = {path: folders[1:] for path, folders in split.items()}
    parts: dict[str, bool | None] = dict.fromkeys(paths)
    tops = {folders[0].lower() if folders else "" for folders in split.values()}
    if tops and tops <= set(SPLITS) and {SPLITS[top] for top in tops} == {False, True}:
        parts = {path: SPLITS[folders[0].lower()] for path, folders in split.items()}
        split = {path: folders[1:] for path, folders in split.items()}
    inside = [path for path, folders in split.items() if folders]
    beside = len(split) - len(inside)
    names = tuple(sorted({split[path][0] for path in inside}))
    if beside >= len(inside) or len(names) < 2 or len(names) > MAX_CLASSES:
        if len(names) > MAX_CLASSES:
            notes.append(f"{len(names):,} folders are too many for classes: the pictures have none.")
        elif len(names) == 1 and inside:
            notes.append("There is a single folder, so the pictures have no classes.")
        return Sorted((), {path: (NO_CLASS, parts[path]) for path in split}, tuple(notes))
    if beside:
        notes.append(f"Left out: {many(beside, 'picture')} beside the folders that are classes.")
    return Sorted(names, {path: (names.index(split[path][0]), parts[path]) for path in inside}, tuple(notes))


def readable_headers(headers: Sequence[PictureHeader | None], where: str) -> list[PictureHeader]:
    """Those that could be read. Raises `DataError` where none could."""
    good = [header for header in headers if header is not None and header.side >= 1]
    if not good:
        some = (
            f"None of the {len(headers):,} picture files in {where} can be read"
            if headers
            else f"There are no pictures in {where}"
        )
        raise DataError(f"{some}: PNG, JPEG, WebP, GIF, BMP and TIFF can be.")
    return good


def plan_of_files(
    headers: Mapping[str, PictureHeader | None],
    reader_of: Callable[[str], ReadPixels],
    where: str,
    largest: int,
    *,
    title: str,
    source: str,
    fingerprint: str,
) -> Plan:
    """The set of some picture files, class = folder.

    Args:
        headers: of each, by its path, with "/" between its parts.
        reader_of: what reads one of them.
        where: they are, in words.
        largest: see `native_size`.
        title, source, fingerprint: see `Plan`.

    Raises:
        DataError: where none of them can be read.
    """
    good = readable_headers(list(headers.values()), where)
    names = by_folder(sorted(headers))

    def items() -> Iterator[Item]:
        # Pictures that are held out by their folder come last.
        for key in sorted(names.placed, key=lambda key: (names.placed[key][1] is True, key)):
            label, held_out = names.placed[key]
            yield Item(key, label, reader_of(key), held_out)

    return Plan(
        title=title,
        source=source,
        licence="Your own pictures: what may be done with them is for you to know.",
        class_names=names.class_names,
        size=native_size(good, largest),
        channels=channels_of(good),
        natural=are_photographs(good),
        fingerprint=fingerprint,
        items=items(),
        count=len(names.placed),
        notes=names.notes,
    )
