"""What the microscope shows, as plain frozen data: walks that branch, and every step as a weighted sum of pictures.

`Bench.to_payload()` is what microscope.js receives. All numbers travel at once, so that pointing and scrubbing ask nobody.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.numbers import as_float32

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class PoolPicture:
    """A picture of a branch's pool, number `picture`. Symbols may hold the small markup of panels.EquationPanel.

    kind: which colour and mark it has; `reach` is the value that is drawn white, minus it black.
    """

    kind: str
    symbol: str
    title: str
    index: int
    vmax: float = 1.0

    def to_payload(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "symbol": self.symbol,
            "title": self.title,
            "picture": self.index,
            "reach": self.vmax,
        }


@dataclass(frozen=True)
class WeightedPicture:
    """A picture times a number; `each` is the number of a picture in the pool where every pixel has its own number."""

    picture: PoolPicture
    coefficient: float
    coefficient_map: int | None = None

    def to_payload(self) -> dict[str, object]:
        return {**self.picture.to_payload(), "coefficient": self.coefficient, "each": self.coefficient_map}


@dataclass(frozen=True)
class Equation:
    """result = Σ coefficient × picture."""

    name: str
    result: PoolPicture
    terms: tuple[WeightedPicture, ...]

    def to_payload(self) -> dict[str, object]:
        return {
            "name": self.name,
            "result": self.result.to_payload(),
            "terms": [term.to_payload() for term in self.terms],
        }


@dataclass(frozen=True)
class StepView:
    """One step: `t` and the share of the way that is behind it (0 … 1); what it says, its equations, what else is worth seeing.

    thoughts: (number of a picture in the bench's atlas, its weight), the heaviest first; `thinking` is a sentence about them.
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

    def to_payload(self) -> dict[str, object]:
        return {
            "step": self.step,
            "t": self.t,
            "way": self.progress,
            "text": self.text,
            "equations": [equation.to_payload() for equation in self.equations],
            "more": [shown.to_payload() for shown in self.other_pictures],
            "facts": [list(fact) for fact in self.facts],
            "thoughts": [list(thought) for thought in self.posterior_weights],
            "thinking": self.posterior_text,
        }


@dataclass(frozen=True, eq=False)
class Branch:
    """One walk. `film` are the numbers of the pictures along the strip, one for each cut; `outcome` is what it has come to.

    parent: the number of the branch that it left, None for the first; the way begins where its first cut stands.
    """

    name: str
    label: str
    pool: Floats
    """Shape (N, C, H, W)."""
    steps: tuple[StepView, ...]
    thumbnails: tuple[int, ...]
    final: int | None = None
    parent: int | None = None
    is_standalone: bool = False
    """Whether it stands for itself: no walk, and no fork can leave it."""

    def __post_init__(self) -> None:
        if self.pool.ndim != 4 or len(self.thumbnails) != len(self.steps):
            raise ValueError("A branch needs pictures (N, C, H, W), and one for each cut along its strip.")

    def to_payload(self) -> dict[str, object]:
        return {
            "name": self.name,
            "label": self.label,
            "pool": as_float32(self.pool),
            "cuts": [cut.to_payload() for cut in self.steps],
            "film": list(self.thumbnails),
            "outcome": self.final,
            "parent": self.parent,
            "apart": self.is_standalone,
        }


@dataclass(frozen=True)
class Cursor:
    """Where the reader looks: number of the branch, steps taken in it, pixel. −1 leaves the pixel to the browser."""

    branch: int = 0
    step: int = 0
    row: int = -1
    column: int = -1


def read_cursor(value: object, version: str) -> Cursor | None:
    """What the browser says of where the reader looks; None where that is nothing, or was about another bench."""
    if not isinstance(value, Mapping) or value.get("stamp") != version:
        return None
    numbers = [value.get(name) for name in ("branch", "step", "row", "column")]
    if not all(isinstance(number, int) and -1 <= number <= 1000 for number in numbers):
        return None
    return Cursor(*numbers)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Microscope:
    """All of it. With the same `id` and `go` the browser stays where the reader is; else it goes to `place`."""

    id: str
    branches: tuple[Branch, ...]
    cursor: Cursor
    revision: str = ""
    atlas: NDArray[np.uint8] | None = None
    """Pictures that are thought of, uint8 (N, H, W, C)."""
    captions: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """What the browser names when it says where the reader looks: a fork later, the old place counts no more."""
        return f"{self.id}/{self.revision}"

    def to_payload(self) -> dict[str, object]:
        """What `update` of microscope.js takes; made once, for a page may ask again and again."""
        return self._payload

    @cached_property
    def _payload(self) -> dict[str, object]:
        atlas = None
        if self.atlas is not None and len(self.atlas):
            data = base64.b64encode(np.ascontiguousarray(self.atlas).tobytes()).decode("ascii")
            atlas = {"shape": list(self.atlas.shape), "u8": data, "captions": list(self.captions)}
        cursor = self.cursor
        return {
            "id": self.id,
            "stamp": self.version,
            "place": {"branch": cursor.branch, "step": cursor.step, "row": cursor.row, "column": cursor.column},
            "branches": [branch.to_payload() for branch in self.branches],
            "atlas": atlas,
        }
