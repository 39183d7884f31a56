"""Picture sets at another size than their own: computed once, and never enlarged without upsampling."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from engine.data import store
from engine.data.image_set import DataError, ImageSet
from engine.data.sources.plan import LEAST
from engine.data.writing import check_room
from engine.language import Message, _
from engine.storage.disk_errors import sentence
from engine.storage.files import atomic_write

CHUNK = 512

_writing = threading.Lock()
"""Held while a set is stored at another size: the pictures are resized by as many threads as there are cores anyway."""


def sized(data: ImageSet, size: int, upsampling: bool = False) -> ImageSet:
    """The same pictures with `size` pixels along a side, resized with Lanczos.

    A prepared set keeps them on its disk, where they are made the first time; others keep them in memory.

    Args:
        data: a whole set.
        size: in pixels; 0 for the size that the pictures have.
        upsampling: whether it may be above that size.

    Raises:
        DataError: where it is and may not, and where the disk does not let us.
    """
    if not check_size(data, size, upsampling):
        return data
    folder = _folder(data)
    if folder is None:
        return _in_memory(data, size)
    path, shape = folder / f"images-{size}.npy", (len(data), size, size, data.channels)
    with _writing:  # the second of two who want it waits, and finds it done
        if not path.exists():
            _write(path, data.images, shape)
    return replace(data, images=_stored(path, shape, path.stat().st_mtime_ns))


@lru_cache(maxsize=8)
def _stored(path: Path, shape: tuple[int, ...], stamp: int) -> npt.NDArray[np.uint8]:
    return store.open_array(path, shape)


@lru_cache(maxsize=4)
def _in_memory(data: ImageSet, size: int) -> ImageSet:
    return replace(
        data,
        images=np.concatenate(
            [*resized(data.images, size), data.images[:0, :0, :0].reshape(0, size, size, data.channels)]
        ),
    )


def check_size(data: ImageSet, size: int, upsampling: bool) -> bool:
    """Whether `sized` has to resize them. Raises DataError where it may not."""
    if size in (0, data.size):
        return False
    if size < LEAST:
        raise DataError(
            Message("An image size of {size} × {size} is too small: choose at least {least}.", size=size, least=LEAST)
        )
    if size > data.size and not upsampling:
        raise DataError(
            Message(
                "The images of “{title}” are {size} × {size}. To train at {wanted} × {wanted}, allow upsampling: it "
                "adds pixels, and no detail.",
                title=Message(data.title),
                size=data.size,
                wanted=size,
            )
        )
    return True


def outline(data: ImageSet, size: int, upsampling: bool = False) -> ImageSet:
    """What `sized` gives, with all pixels black, at once and without memory: for what depends on shapes alone."""
    check_size(data, size, upsampling)
    size = size or data.size
    black = np.zeros((1, 1, 1, 1), np.uint8)
    return replace(data, images=np.broadcast_to(black, (len(data), size, size, data.channels)))


def _folder(data: ImageSet) -> Path | None:
    """Where a whole prepared set is kept; None for any other."""
    images = data.images
    if not isinstance(images, np.memmap) or not isinstance(images.filename, (str, Path)):
        return None
    path = Path(images.filename)
    whole = path.stat().st_size - images.nbytes < store.LONGEST_HEADER
    return path.parent if path.name == store.IMAGES and whole else None


def resized(images: npt.NDArray[np.uint8], size: int) -> Iterator[npt.NDArray[np.uint8]]:
    """The pictures, uint8 (N, H, W, C), at `size`, some at a time."""

    def one(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        pixels = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
        small = pixels.resize((size, size), Image.Resampling.LANCZOS)
        return np.asarray(small, dtype=np.uint8).reshape(size, size, picture.shape[2])

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # Pillow lets others work while it resizes
        for start in range(0, len(images), CHUNK):
            chunk = store.gather(images, np.arange(start, min(start + CHUNK, len(images))))
            yield np.stack(list(pool.map(one, chunk)))


def _write(path: Path, images: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> None:
    """Under another name first, its own: what is cut off, or what two processes write, is never taken for the whole."""
    try:
        check_room(int(np.prod(shape)), path.parent)
        with atomic_write(path, durable=True) as part, part.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            for chunk in resized(images, shape[1]):
                file.write(chunk.tobytes())
    except OSError as error:
        raise DataError(sentence(error, _("The images cannot be stored at {size} × {size}", size=shape[1]))) from error
