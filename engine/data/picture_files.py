"""Picture files as Pillow opens them, but for what Pillow reads beside the pixels: tags are judged before anything is read.

A directory of tags may say of thousands that each of them is the whole file: Pillow copies all of them, at opening a TIFF or a
JPEG already. So no EXIF is opened with Pillow here, and no TIFF whose tags take more than the file has.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import struct
import threading
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from engine.language import Message
from engine.storage import budgets

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
JPEG = b"\xff\xd8\xff"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SIGNATURES = (b"\x89PNG", JPEG, b"GIF8", b"BM", *TIFF)
ORIENTATION = 0x0112
"""The tag that says how the camera was held."""
LARGE = 4_000_000
"""Pixels from which on the memory of a picture is given back at once."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value of each type of TIFF."""


def open_picture(file: BinaryIO) -> Image.Image:
    """Open a picture, lazily as `Image.open`. Raises nearly anything where it is damaged."""
    head = file.read(8)
    file.seek(0)
    if head.startswith(JPEG):
        return _Jpeg(file)
    if head.startswith(TIFF):
        _check_tags(file, head)
        return _Tiff(file)
    return Image.open(file, formats=FORMATS)


class _Jpeg(JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """Read nothing."""


class _Tiff(TiffImageFile):
    def load_end(self) -> None:
        """Turn it upright, and read no other directories than the first."""
        ImageOps.exif_transpose(self, in_place=True)
        if ORIENTATION in self.tag_v2:
            del self.tag_v2[ORIENTATION]


def _check_tags(file: BinaryIO, head: bytes) -> None:
    """Raise ValueError for a TIFF whose first directory says that its values take more bytes than there are."""
    order = "<" if head.startswith(b"II") else ">"
    is_big = head[2:4] in (b"+\0", b"\0+")
    offset, count, entry = ("Q", "Q", "HHQQ") if is_big else ("I", "H", "HHII")
    size = file.seek(0, 2)
    file.seek(8 if is_big else 4)
    (start,) = struct.unpack(order + offset, file.read(struct.calcsize(order + offset)))
    file.seek(start)
    (number,) = struct.unpack(order + count, file.read(struct.calcsize(order + count)))
    entries = file.read(min(number * struct.calcsize(order + entry), size))
    file.seek(0)
    length = struct.calcsize(order + entry)
    whole = entries[: len(entries) // length * length]
    taken = sum(values * _SIZES.get(kind, 1) for _, kind, values, _ in struct.iter_unpack(order + entry, whole))
    if taken > size:
        raise ValueError(Message("The tags of this TIFF overlap."))


def orientation_of(image: Image.Image) -> int:
    """How the camera was held, 1 … 8; 1 where a picture does not say it, or in a way that cannot be read."""
    with contextlib.suppress(struct.error, ValueError, TypeError, IndexError, KeyError, AttributeError):
        if isinstance(image, TiffImageFile):
            return int(image.tag_v2.get(ORIENTATION, 1))
        if "Raw profile type exif" in image.info:
            text = image.info["Raw profile type exif"]
            return _orientation_in(bytes.fromhex("".join(text.split("\n")[3:])))
        if "exif" in image.info and (said := _orientation_in(image.info["exif"])):
            return said
        about = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp", "").encode()
        said_there = re.search(rb'tiff:Orientation(?:="|>)([0-9])', about)
        return int(said_there[1]) if said_there else 1
    return 1


def _orientation_in(exif: bytes) -> int:
    """The orientation in EXIF data; 0 where there is none. Raises struct.error or KeyError where they are damaged."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}[tiff[:2]]
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", tiff, at)
        if tag == ORIENTATION:
            return int(struct.unpack_from(order + {1: "B", 3: "H", 4: "I"}[kind], tiff, at + 8)[0])
    return 0


class PixelGate:
    """Lets as many pictures through at a time as have so many pixels together; a larger one goes alone."""

    def __init__(self, most: int) -> None:
        self._most, self._free, self._changed = most, most, threading.Condition()

    @contextlib.contextmanager
    def passing(self, pixels: int) -> Iterator[None]:
        """While in this context, a picture of so many pixels is decoded."""
        taken = min(pixels, self._most)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            if pixels > LARGE:
                with contextlib.suppress(OSError, AttributeError, TypeError):  # of another libc
                    ctypes.CDLL(None).malloc_trim(0)  # or glibc would keep it, for this thread alone
            with self._changed:
                self._free += taken
                self._changed.notify_all()


DECODING = PixelGate(budgets.PIXELS)
"""Of all threads of this process."""
