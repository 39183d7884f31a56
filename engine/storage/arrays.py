"""Arrays in .npy and .npz files, judged by their headers before anything of them is read. Pickled objects are never opened."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from engine.language import Message
from engine.storage.files import open_regular

Array = npt.NDArray[Any]
CHUNK = 1 << 20


def read_npz(path: Path, names: tuple[str, ...], most: int) -> dict[str, Array]:
    """Some arrays of an .npz file.

    Args:
        path: the file.
        names: of the arrays.
        most: bytes that all of them may take.

    Raises:
        OSError: where there is no such file.
        ValueError: where it takes more, or is damaged. An altered archive makes `zipfile` raise nearly anything else as well.
    """
    arrays = {}
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        for name in names:
            info = archive.getinfo(f"{name}.npy")
            with archive.open(info) as member:
                arrays[name] = _read(member, min(most, info.file_size))  # type: ignore[arg-type]
            most -= arrays[name].nbytes
    return arrays


def read_npy(path: Path, most: int) -> Array:
    """The array of an .npy file. Raises as `read_npz`."""
    with open_regular(path) as file:
        return _read(file, min(most, os.fstat(file.fileno()).st_size))


def _read(file: BinaryIO, most: int) -> Array:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(Message("This version of the format is not known: {version}.", version=version))
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read_header(file)
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or not dtype.itemsize or size > most:
        raise ValueError(Message("The array is larger than it may be, or holds objects."))
    data, at = np.empty(size, np.uint8), 0
    while at < size and (read := file.readinto(memoryview(data)[at : at + CHUNK])):  # type: ignore[attr-defined,arg-type]
        at += read
    file.read(1)  # at the end of an entry of a zip its checksum is compared
    if at < size:
        raise ValueError(Message("The array is cut short."))
    return data.view(dtype).reshape(shape, order="F" if is_fortran else "C")
