"""What the timeline shows, as plain frozen data: lanes of pictures over positions, and one playhead for all.

`Timeline.to_payload()` is what timeline.js receives. While a sampler runs, send `live=True` with only the new
positions (`first` tells from where on); when it has finished, send the whole once with `live=False`.
On a busy machine a message may be overtaken by the next one and never be seen: the browser then shows the nearest frame
that it has, until the whole arrives. Sending a frame again does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads import packing
from playground.components.payloads.encoding import Inlined, MessagePayload
from playground.components.payloads.packing import Sheets
from playground.components.payloads.panels import Panel


@dataclass(frozen=True)
class Position:
    """One stop of the playhead. `t` is the diffusion time (or the training step); `text` is what the reader reads."""

    t: int
    text: str


@dataclass(frozen=True)
class Pick:
    """The picture that the reader chose: number `picture` in the tiles of the lane with key `lane`."""

    lane: str
    picture: int
    position: int


def read_pick(value: object, timeline_id: str) -> Pick | None:
    """The pick that the browser reports; None where that is none, or belongs to another timeline and so to other pictures."""
    if not isinstance(value, Mapping) or value.get("id") != timeline_id or not isinstance(value.get("picture"), int):
        return None
    return Pick(str(value.get("lane")), value["picture"], int(value.get("position") or 0))


@dataclass(frozen=True)
class Axes:
    """What the columns and the rows of a grid of pictures stand for: a title, and one label for each."""

    across: str
    columns: tuple[str, ...]
    down: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Lane:
    """One row of tiles. `index[i]` is the number of the tile that position i shows.

    `title`, `help` and `group_title` may hold the small markup of panels.EquationPanel. Lanes with the same `group`
    ("A", "B" or "") stand together, under `group_title` or that name, and share the highlighted picture. `grid` is
    (rows, columns) of pictures in a tile, `pictures` how many of its cells are filled. `axes` labels the columns and
    rows of that grid.
    """

    key: str
    title: str
    sheets: Annotated[Sheets, Inlined]
    index: tuple[int, ...]
    grid: tuple[int, int] = (1, 1)
    pictures: int = 1
    help: str = ""
    group: str = ""
    axes: Axes | None = None
    group_title: str = ""

    def __post_init__(self) -> None:
        rows, columns = self.grid
        if self.axes and (len(self.axes.rows), len(self.axes.columns)) != self.grid:
            raise ValueError(
                f"Lane {self.key!r}: its axes have not one label for each of {rows} rows, {columns} columns."
            )
        width, height = self.sheets.tile
        if rows < 1 or columns < 1 or width % columns or height % rows:
            raise ValueError(f"Lane {self.key!r}: a tile of {width} × {height} pixels is no {rows} × {columns} grid.")
        if not 1 <= self.pictures <= rows * columns:
            raise ValueError(f"Lane {self.key!r}: {self.pictures} pictures in {rows * columns} cells.")
        if self.index and min(self.index) < 0:
            raise ValueError(f"Lane {self.key!r}: a tile number is negative.")

    @classmethod
    def of_pictures(
        cls,
        key: str,
        title: str,
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        *,
        index: Sequence[int] | None = None,
        first: int = 0,
        width_over_height: float = 1.0,
        help: str = "",
        group: str = "",
        group_title: str = "",
    ) -> Lane:
        """A lane of `frames`, one for each tile, each uint8 (B, H, W) or (B, H, W, C).

        Without `index`, position i shows frame i. `first` is the number of the first tile when only new ones are
        sent (live), and then `index` counts from the lane's beginning.
        """
        if len(frames) == 0:
            raise ValueError("A lane needs at least one frame.")
        count = len(frames[0])
        shape = packing.grid_shape(count, width_over_height)
        sheets = packing.pack([packing.grid(frame, shape) for frame in frames], first=first)
        numbers = tuple(range(first, first + len(frames))) if index is None else tuple(index)
        return cls(key, title, sheets, numbers, shape, count, help, group, group_title=group_title)

    @classmethod
    def of_grid(cls, key: str, title: str, frames: Sequence[NDArray[np.uint8]], axes: Axes) -> Lane:
        """A lane of grids with labelled axes: `frames` as in `of_pictures`, the pictures of each row by row."""
        shape = (len(axes.rows), len(axes.columns))
        if len(frames) == 0 or len(frames[0]) != shape[0] * shape[1]:
            raise ValueError(f"A grid of {shape[0]} × {shape[1]} needs as many pictures in every frame.")
        sheets = packing.pack([packing.grid(frame, shape) for frame in frames])
        return cls(key, title, sheets, tuple(range(len(frames))), shape, len(frames[0]), axes=axes)


@dataclass(frozen=True)
class Timeline(MessagePayload):
    """Lanes over positions with one playhead.

    id: the browser keeps the playhead as long as the id stays the same, and starts anew with another id.
    captions: one sentence for each position, or empty.
    live, first, total: while frames still arrive, this carries only positions first, first + 1, … of `total`.
    start_at: where the playhead stands when the id is new: the number of a position, or an end. autoplay starts
    playing once, unless the reader asked their system for less motion. pick: pictures can be chosen.
    report_position: the server hears where the playhead rests after it was moved.
    """

    id: str
    lanes: tuple[Lane, ...]
    positions: tuple[Position, ...]
    captions: tuple[str, ...] = ()
    panels: tuple[Panel, ...] = ()
    live: bool = False
    first: int = 0
    total: int | None = None
    start_at: Literal["first", "last"] | int = "first"
    fps: float = 12.0
    pick: bool = False
    report_position: bool = False
    autoplay: bool = False
    label: str = field(default="Timeline")

    def __post_init__(self) -> None:
        count = len(self.positions)
        if count == 0:
            raise ValueError("A timeline needs at least one position.")
        if not self.live and self.first:
            raise ValueError("Only a live timeline may begin after position 0.")
        if self.first < 0 or (self.total is not None and self.total < self.first + count):
            raise ValueError(f"Positions {self.first} to {self.first + count - 1} of {self.total} cannot be.")
        if self.captions and len(self.captions) != count:
            raise ValueError(f"{len(self.captions)} captions for {count} positions.")
        if not 0 < self.fps <= 60:
            raise ValueError(f"fps must be in (0, 60], not {self.fps}.")
        if len({lane.key for lane in self.lanes}) != len(self.lanes):
            raise ValueError("Two lanes have the same key.")
        for lane in self.lanes:
            if len(lane.index) != count:
                raise ValueError(f"Lane {lane.key!r} has {len(lane.index)} entries for {count} positions.")
            if not self.live and max(lane.index) >= lane.sheets.count:
                raise ValueError(f"Lane {lane.key!r} points at a tile that it does not have.")
        for panel in self.panels:
            if panel.count != count:
                raise ValueError(f"Panel {panel.title!r} has {panel.count} entries for {count} positions.")
