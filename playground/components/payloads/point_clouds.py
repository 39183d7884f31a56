"""What the points stage shows, as plain frozen data: one or two clouds of particles over positions, and one playhead for both.

Positions, estimates and arrows travel once, as float32; points_stage.js draws everything else from them.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.numbers import as_list
from playground.components.payloads.timeline import Position

Array = NDArray[np.float32]
HALF_WIDTH = 3.4
"""The stage shows −REACH … REACH along both axes: of 2,000 points of N(0, I) all but two or three."""


@dataclass(frozen=True, eq=False)
class VectorField:
    """A field of arrows at L levels, on a grid of `grid` × `grid` points over the whole stage, row by row from below.

    vectors: float32 (L, grid², 2), of length 1 where an arrow shall fill its cell; longer ones are drawn as long as that.
    at: (P,) which of the L each position shows.
    """

    grid: int
    vectors: Array
    level_index: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Cloud:
    """N particles at F moments.

    x: float32 (F, N, 2). x0: x̂0 at the same moments, or None.
    at: (P,) which moment each position shows; between two of them the particles move in straight lines.
    title, note: what stands above and below; the small markup of panels.EquationPanel.
    """

    key: str
    title: str
    x: Array
    frame_index: tuple[float, ...]
    x0: Array | None = None
    arrows: VectorField | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class PointClouds:
    """Clouds over positions. Particle k of one cloud began where particle k of the other did.

    id: the browser keeps the playhead as long as it stays the same. data: float32 (M, 2), what the clouds are to become.
    labels, data_labels: the class of each particle and each point, −1 for none; told apart by colour and mark.
    ways: whether positions are moments of one way, so that trails make sense.
    live: while it grows, the playhead keeps to the newest position unless the reader has moved it.
    """

    id: str
    clouds: tuple[Cloud, ...]
    positions: tuple[Position, ...]
    data: Array
    data_labels: NDArray[np.int64] | None = None
    labels: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    has_trajectories: bool = True
    live: bool = False
    start_at: Literal["first", "last"] = "first"
    fps: float = 12.0
    autoplay: bool = False
    label: str = field(default="Particles from noise to data")

    def __post_init__(self) -> None:
        count = len(self.positions)
        if not count or not 1 <= len(self.clouds) <= 2:
            raise ValueError("A stage needs a position, and one or two clouds.")
        for cloud in self.clouds:
            frames, particles = cloud.x.shape[:2]
            if cloud.x.shape != (frames, particles, 2) or particles != self.clouds[0].x.shape[1]:
                raise ValueError(f"Cloud {cloud.key!r} has the shape {cloud.x.shape}.")
            if cloud.x0 is not None and cloud.x0.shape != cloud.x.shape:
                raise ValueError(f"Cloud {cloud.key!r}: {cloud.x0.shape} estimates for {cloud.x.shape} particles.")
            if (
                len(cloud.frame_index) != count
                or not 0 <= min(cloud.frame_index) <= max(cloud.frame_index) <= frames - 1
            ):
                raise ValueError(f"Cloud {cloud.key!r} does not say which of its {frames} moments each position shows.")
            arrows = cloud.arrows
            if arrows is not None and (
                len(arrows.level_index) != count
                or arrows.vectors.shape != (len(arrows.vectors), arrows.grid**2, 2)
                or not 0 <= min(arrows.level_index) <= max(arrows.level_index) < len(arrows.vectors)
            ):
                raise ValueError(f"The arrows of cloud {cloud.key!r} do not fit.")
        for labels, points in ((self.labels, self.clouds[0].x[0]), (self.data_labels, self.data)):
            if labels is not None and len(labels) != len(points):
                raise ValueError(f"{len(labels)} labels for {len(points)} points.")

    def to_message(self) -> bytes:
        """All of it in one piece of bytes; message.js reads it.

        16 bytes that differ when the content does, the length of the JSON as uint32 (little-endian), the JSON, the arrays.
        In the JSON an array is {"shape": […], "at": where it begins after the JSON}, little-endian float32.
        """
        arrays: list[bytes] = []
        begin = 0

        def place(values: Array | NDArray[np.int64] | None) -> dict[str, object] | None:
            nonlocal begin
            if values is None:
                return None
            packed = np.ascontiguousarray(values, dtype="<f4").tobytes()
            arrays.append(packed)
            begin += len(packed)
            return {"shape": list(values.shape), "at": begin - len(packed)}

        payload = {
            "id": self.id,
            "label": self.label,
            "clouds": [
                {
                    "key": cloud.key,
                    "title": cloud.title,
                    "note": cloud.note,
                    "x": place(cloud.x),
                    "x0": place(cloud.x0),
                    "at": as_list(cloud.frame_index),
                    "arrows": cloud.arrows
                    and {
                        "grid": cloud.arrows.grid,
                        "vectors": place(cloud.arrows.vectors),
                        "at": list(cloud.arrows.level_index),
                    },
                }
                for cloud in self.clouds
            ],
            "positions": [{"t": p.t, "text": p.text} for p in self.positions],
            "data": place(self.data),
            "data_labels": place(self.data_labels),
            "labels": place(self.labels),
            "class_names": list(self.class_names),
            "reach": HALF_WIDTH,
            "ways": self.has_trajectories,
            "live": self.live,
            "start_at": self.start_at,
            "fps": self.fps,
            "autoplay": self.autoplay,
        }
        header = json.dumps(payload, allow_nan=False).encode()
        content = b"".join(arrays)
        stamp = hashlib.blake2b(header + content, digest_size=16).digest()
        return b"".join((stamp, struct.pack("<I", len(header)), header, content))
