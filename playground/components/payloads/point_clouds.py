"""What point_clouds.js shows, as plain frozen data: one or two clouds of particles over positions, and one playhead for both.

Positions, estimates and arrows travel once, as float32; everything else is drawn from them in the browser.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.encoding import Floats, MessagePayload
from playground.components.payloads.timeline import Position

Array = NDArray[np.float32]
HALF_WIDTH = 3.4
"""The view shows −HALF_WIDTH … HALF_WIDTH along both axes: of 2,000 points of N(0, I) all but two or three."""


@dataclass(frozen=True, eq=False)
class VectorField:
    """A field of arrows at L levels, on a grid of `grid` × `grid` points over the whole view, row by row from below.

    vectors: float32 (L, grid², 2), of length 1 where an arrow shall fill its cell; longer ones are drawn as long as that.
    level_index: (P,) which of the L each position shows.
    """

    grid: int
    vectors: Floats
    level_index: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Cloud:
    """N particles at F moments.

    x: float32 (F, N, 2). x0: x̂0 at the same moments, or None.
    frame_index: (P,) which moment each position shows; between two of them the particles move in straight lines.
    title, note: what stands above and below; the small markup of panels.EquationPanel.
    """

    key: str
    title: str
    x: Floats
    frame_index: tuple[float, ...]
    x0: Floats | None = None
    arrows: VectorField | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class PointClouds(MessagePayload):
    """Clouds over positions. Particle k of one cloud began where particle k of the other did.

    id: the browser keeps the playhead as long as it stays the same. data: float32 (M, 2), the data distribution.
    labels, data_labels: the class of each particle and each point, −1 for none; they differ in colour and mark.
    has_trajectories: positions are moments of one trajectory, so that trails make sense.
    live: while it grows, the playhead keeps to the newest position unless the reader has moved it.
    """

    computed: ClassVar[tuple[str, ...]] = ("half_width",)

    id: str
    clouds: tuple[Cloud, ...]
    positions: tuple[Position, ...]
    data: Floats
    data_labels: Floats | None = None
    labels: Floats | None = None
    class_names: tuple[str, ...] = ()
    has_trajectories: bool = True
    live: bool = False
    start_at: Literal["first", "last"] = "first"
    fps: float = 12.0
    autoplay: bool = False
    label: str = field(default="Particles from noise to data")

    @property
    def half_width(self) -> float:
        """Of what is shown, along both axes."""
        return HALF_WIDTH

    def __post_init__(self) -> None:
        count = len(self.positions)
        if not count or not 1 <= len(self.clouds) <= 2:
            raise ValueError("Point clouds need a position, and one or two clouds.")
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
