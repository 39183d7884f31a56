"""What the microscope shows, as plain frozen data: trajectories that branch, and every step as a weighted sum of pictures.

All numbers travel at once, so that pointing and scrubbing need no request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from playground.components.payloads.encoding import Inlined, PackedBytes, PackedFloats, Payload


@dataclass(frozen=True)
class PoolPicture:
    """Picture number `index` of a branch's pool. Symbols may hold the small markup of panels.EquationPanel.

    kind: which colour and mark it has; `vmax` is the value that is drawn white, minus it black.
    """

    kind: str
    symbol: str
    title: str
    index: int
    vmax: float = 1.0


@dataclass(frozen=True)
class WeightedPicture:
    """A picture times a coefficient.

    coefficient_map: where every pixel has its own coefficient, the number of their picture in the pool.
    """

    picture: Annotated[PoolPicture, Inlined]
    coefficient: float
    coefficient_map: int | None = None


@dataclass(frozen=True)
class Equation:
    """result = Σ coefficient × picture."""

    name: str
    result: PoolPicture
    terms: tuple[WeightedPicture, ...]


@dataclass(frozen=True)
class StepView:
    """One step of a trajectory.

    progress: the share of the trajectory that lies before it, 0 … 1.
    posterior_weights: (number of a picture in the atlas, its weight), the heaviest first; `posterior_text` describes them.
    """

    step: int
    t: int
    progress: float
    text: str
    equations: tuple[Equation, ...]
    other_pictures: tuple[PoolPicture, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    posterior_weights: tuple[tuple[int, float], ...] = ()
    posterior_text: str = ""


@dataclass(frozen=True, eq=False)
class Branch:
    """One trajectory.

    pool: its pictures, shape (N, C, H, W).
    thumbnails: the numbers of the pictures along the strip, one for each step; `final`: that of its result.
    parent: the number of the branch that it left, None for the first; the strip begins where its first step stands.
    is_standalone: it is no trajectory, and no fork can leave it.
    """

    name: str
    label: str
    pool: PackedFloats
    steps: tuple[StepView, ...]
    thumbnails: tuple[int, ...]
    final: int | None = None
    parent: int | None = None
    is_standalone: bool = False

    def __post_init__(self) -> None:
        if self.pool.ndim != 4 or len(self.thumbnails) != len(self.steps):
            raise ValueError("A branch needs pictures (N, C, H, W), and one for each step along its strip.")


@dataclass(frozen=True)
class Cursor:
    """Where the reader is: number of the branch, steps taken in it, pixel. −1 leaves the pixel to the browser."""

    branch: int = 0
    step: int = 0
    row: int = -1
    column: int = -1


def read_cursor(value: object, version: str) -> Cursor | None:
    """The cursor that the browser reports; None where that is none, or belongs to another version."""
    if not isinstance(value, Mapping) or value.get("version") != version:
        return None
    numbers = [value.get(name) for name in ("branch", "step", "row", "column")]
    if not all(isinstance(number, int) and -1 <= number <= 1000 for number in numbers):
        return None
    return Cursor(*numbers)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Microscope(Payload):
    """Everything that microscope.js shows.

    id, revision: as long as both stay, the browser keeps its cursor; else it goes to `cursor`.
    home: where an address leads that names no cursor.
    atlas: pictures that posterior weights name, uint8 (N, H, W, C), with their captions.
    """

    computed: ClassVar[tuple[str, ...]] = ("version",)

    id: str
    branches: tuple[Branch, ...]
    cursor: Cursor
    revision: str = ""
    home: Cursor = field(default_factory=Cursor)
    atlas: PackedBytes | None = None
    captions: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """What the browser names when it reports its cursor: after a fork, an old cursor counts no more."""
        return f"{self.id}/{self.revision}"
