"""From arrays of pictures to sprite sheets: what the timeline sends to the browser, once.

A *tile* is what a lane shows at one position: a grid of pictures. All tiles of a lane lie in one PNG (or a few), so
that the browser decodes once and then only copies pixels. numpy only, so that the first screen can use it.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.encoding import Png

MAX_SIDE = 4096
"""Longest side of a sheet in pixels. Browsers promise little beyond 4096 on phones, and never beyond 8192."""

_SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True)
class Sheet:
    """One PNG file with `count` tiles, row by row; the first is tile number `first` of its lane."""

    png: Png
    first: int
    count: int


@dataclass(frozen=True)
class Sheets:
    """All tiles of a lane. `tile` is (width, height) in pixels; every sheet has `columns` tiles in a row."""

    sheets: tuple[Sheet, ...]
    tile: tuple[int, int]
    columns: int

    @property
    def count(self) -> int:
        """How many tiles there are in all."""
        return sum(sheet.count for sheet in self.sheets)


def grid_shape(n: int, width_over_height: float = 1.0) -> tuple[int, int]:
    """(rows, columns) for n square pictures whose block should be about `width_over_height` times as wide as high.

    There is always room for all, and never an empty row. Raises ValueError if n < 1 or the ratio is not positive.
    """
    if n < 1:
        raise ValueError(f"A grid needs at least one picture, not {n}.")
    if not (math.isfinite(width_over_height) and width_over_height > 0):
        raise ValueError(f"width_over_height must be positive, not {width_over_height}.")

    def cost(rows: int) -> float:
        columns = math.ceil(n / rows)
        empty = rows * columns - n
        return abs(math.log(columns / rows / width_over_height)) + empty / n

    candidates = [rows for rows in range(1, n + 1) if (rows - 1) * math.ceil(n / rows) < n]
    rows = min(candidates, key=cost)
    return rows, math.ceil(n / rows)


def grid(pictures: NDArray[np.uint8], shape: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """One tile of pictures (B, H, W) or (B, H, W, C), C being 1 or 3, placed row by row.

    Returns uint8 (rows·H, columns·W, C), C = 1 where the pictures have no channel axis; cells left over are 0.
    `shape` is (rows, columns), by default `grid_shape(B)`. Raises ValueError on another dtype, shape or too few cells.
    """
    if pictures.dtype != np.uint8:
        raise ValueError(f"Pictures must be uint8, not {pictures.dtype}.")
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    if pictures.ndim != 4 or pictures.shape[-1] not in (1, 3) or 0 in pictures.shape:
        raise ValueError(f"Pictures must be (B, H, W, 1 or 3), not {pictures.shape}.")
    count, height, width, channels = pictures.shape
    rows, columns = shape or grid_shape(count)
    if rows * columns < count:
        raise ValueError(f"{rows} × {columns} cells do not hold {count} pictures.")
    cells = np.zeros((rows * columns, height, width, channels), dtype=np.uint8)
    cells[:count] = pictures
    return (
        cells.reshape(rows, columns, height, width, channels)
        .transpose(0, 2, 1, 3, 4)
        .reshape(rows * height, columns * width, channels)
    )


def pack(tiles: Sequence[NDArray[np.uint8]], *, first: int = 0, max_side: int = MAX_SIDE) -> Sheets:
    """Tiles (H, W), (H, W, 1) or (H, W, 3), all of one size, as PNG sheets. Lossless.

    One channel becomes a greyscale PNG. `first` is the number of the first tile in its lane, for adding to what the
    browser has. Raises ValueError if there is no tile, sizes differ, or a tile is larger than `max_side`.
    """
    if not tiles:
        raise ValueError("There is no tile to pack.")
    tiles = [tile if tile.ndim == 3 else tile[..., None] for tile in tiles]
    height, width, channels = tiles[0].shape
    if any(tile.shape != tiles[0].shape or tile.dtype != np.uint8 for tile in tiles):
        raise ValueError("All tiles of a lane must be uint8 and have one size.")
    if channels not in (1, 3):
        raise ValueError(f"Tiles must have one or three channels, not {channels}.")
    if max(height, width) > max_side:
        raise ValueError(f"A tile of {width} × {height} pixels does not fit into a sheet of {max_side}.")
    # A sheet about as wide as high: a strip 12,800 pixels long is slow to decode and too long for some browsers.
    columns = max(1, min(max_side // width, len(tiles), math.ceil(math.sqrt(len(tiles) * height / width))))
    per_sheet = columns * (max_side // height)
    sheets = []
    for start in range(0, len(tiles), per_sheet):
        part = tiles[start : start + per_sheet]
        image = grid(np.stack(part), (math.ceil(len(part) / columns), columns))
        sheets.append(Sheet(png(image), first + start, len(part)))
    return Sheets(tuple(sheets), (width, height), columns)


def png(image: NDArray[np.uint8]) -> bytes:
    """A PNG file of uint8 (H, W), (H, W, 1), (H, W, 3), or (H, W, 4) with transparency.

    Written here rather than by Pillow because most sheets are noise: trying a filter on every row and searching for
    repeats costs four times as long and saves nothing. So rows are not filtered, and repeats are only searched for
    where a sample of the rows shows that there are some (the black of digits).
    Format: https://www.w3.org/TR/png-3/
    """
    if image.dtype != np.uint8:
        raise ValueError(f"A picture must be uint8, not {image.dtype}.")
    if image.ndim == 2:
        image = image[..., None]
    height, width, channels = image.shape
    colour_type = {1: 0, 3: 2, 4: 6}[channels]
    rows = np.zeros((height, 1 + width * channels), dtype=np.uint8)
    rows[:, 1:] = image.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", _deflate(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _deflate(rows: NDArray[np.uint8]) -> bytes:
    def compress(data: bytes, strategy: int) -> bytes:
        packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
        return packer.compress(data) + packer.flush()

    data = rows.tobytes()
    sample_rows = max(1, _SAMPLE_BYTES // rows.shape[1])
    sample = rows[:: max(1, len(rows) // sample_rows)].tobytes()
    repeats = len(compress(sample, zlib.Z_DEFAULT_STRATEGY)) < 0.95 * len(compress(sample, zlib.Z_HUFFMAN_ONLY))
    return compress(data, zlib.Z_DEFAULT_STRATEGY if repeats else zlib.Z_HUFFMAN_ONLY)


def spread(steps: int, most: int) -> tuple[int, ...]:
    """Of the steps 0 … `steps` all, or of more than `most` + 1 that many, evenly spaced: which frames are shown."""
    return tuple(np.linspace(0, steps, min(steps, most) + 1).round().astype(int).tolist())


def nearest_index(positions: Sequence[float], tile_times: Sequence[float]) -> tuple[int, ...]:
    """For every position's t the number of the tile whose t is nearest; a lane with fewer steps shares a playhead so.

    Between two equally near tiles the earlier one in the list is taken. Raises ValueError if a list is empty.
    """
    if len(positions) == 0 or len(tile_times) == 0:
        raise ValueError("Positions and tiles must not be empty.")
    distance = np.abs(np.asarray(positions, dtype=np.float64)[:, None] - np.asarray(tile_times, dtype=np.float64))
    return tuple(distance.argmin(axis=1).tolist())
