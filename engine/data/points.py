"""Sets of points in the plane, on which diffusion is visible. Needs numpy only.

Every set, also one that was drawn or read from a file, is shifted and scaled to a mean of 0 and a variance of 1 along each
axis, so that one noise schedule suits them all: x_T is then as wide as the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.language import Message

Floats = npt.NDArray[np.float64]
Drawing = tuple[Floats, npt.NDArray[np.int64]]
"""Points of shape (N, 2) in any units, and the class of each, int64 of shape (N,)."""

MOST_CLASSES = 6
"""As many as colour and mark can distinguish."""


class PointsError(ValueError):
    """Points that cannot be used; the message is one sentence, fit to show to the reader."""


@dataclass(frozen=True, eq=False)
class PointSet:
    """Points to learn from, mean 0 and variance 1 along each axis."""

    name: str
    title: str
    x: npt.NDArray[np.float32]
    """Shape (N, 2)."""
    labels: npt.NDArray[np.int64]
    """Shape (N,), the class of each; all 0 where there are none."""
    class_names: tuple[str, ...] = ()
    """Empty where there are no classes."""

    def __len__(self) -> int:
        return len(self.x)

    def without_classes(self) -> PointSet:
        """The same points, with nothing known of their classes."""
        return PointSet(self.name, self.title, self.x, np.zeros_like(self.labels))


def point_set(
    name: str, title: str, x: npt.ArrayLike, labels: npt.ArrayLike | None = None, class_names: tuple[str, ...] = ()
) -> PointSet:
    """Any points as a set: checked, shifted and scaled. An axis along which all are alike is shifted only.

    Args:
        name, title: what it goes by.
        x: shape (N, 2), in any units.
        labels: whole numbers below `len(class_names)`, shape (N,).
        class_names: at most `MOST_CLASSES`; fewer than 2 are none.

    Raises:
        PointsError: for fewer than two different points, too many classes, or numbers that are none.
    """
    points = np.asarray(x, dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise PointsError(Message("Some of these coordinates are no finite numbers."))
    if len(points) == 0 or bool((points == points[0]).all()):
        raise PointsError(Message("A set needs at least two different points."))
    if len(class_names) > MOST_CLASSES:
        raise PointsError(
            Message(
                "There are {count} classes; at most {most} can be distinguished by colour and mark.",
                count=len(class_names),
                most=MOST_CLASSES,
            )
        )
    # Divided first: the square of a number above 1e154 is none any more.
    points = points / max(float(np.abs(points).max()), 1e-300)
    points = points - points.mean(0)
    spread = points.std(0)
    scaled = points / np.where(spread > 1e-12, spread, 1)
    kinds = np.zeros(len(points), dtype=np.int64) if labels is None else np.asarray(labels, dtype=np.int64)
    return PointSet(name, title, scaled.astype(np.float32), kinds, class_names if len(class_names) > 1 else ())


@dataclass(frozen=True)
class NamedPoints:
    """A distribution in the plane that goes by a name."""

    title: str
    draw: Callable[[int, np.random.Generator], Drawing]
    """So many independent points of it."""
    class_names: tuple[str, ...] = ()

    def __call__(self, name: str, count: int, seed: int) -> PointSet:
        """`count` points, the same for the same seed."""
        x, labels = self.draw(count, np.random.default_rng([seed, *name.encode()]))
        return point_set(name, self.title, x, labels, self.class_names)


def named(name: str, count: int, seed: int = 0) -> PointSet:
    """Draw a set of `POINT_SETS`. Raises PointsError for another name, or fewer than 2 points."""
    if name not in POINT_SETS:
        raise PointsError(
            Message(
                "There is no set of points “{name}”, only {names}.",
                name=name[:40],
                names=", ".join(POINT_SETS),
            )
        )
    if count < 2:
        raise PointsError(Message("A set needs at least two different points."))
    return POINT_SETS[name](name, count, seed)


# --- the distributions ------------------------------------------------------------------------------------------------


def _kinds(count: int, classes: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    return rng.integers(classes, size=count)


def _polar(radius: Floats, angle: Floats) -> Floats:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)


def _jitter(x: Floats, std: float, rng: np.random.Generator) -> Floats:
    return x + std * rng.standard_normal(x.shape)


def _moons(count: int, rng: np.random.Generator) -> Drawing:
    kind = _kinds(count, 2, rng)
    upper = _polar(np.ones(count), rng.uniform(0, np.pi, count))
    moons = np.where(kind[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)
    return _jitter(moons, 0.07, rng), kind


def _circles(count: int, rng: np.random.Generator) -> Drawing:
    kind = _kinds(count, 2, rng)
    ring = _polar(np.where(kind == 0, 1.0, 0.45), rng.uniform(0, 2 * np.pi, count))
    return _jitter(ring, 0.05, rng), kind


def _roll(count: int, rng: np.random.Generator) -> Drawing:
    angle = 1.5 * np.pi * (1 + 2 * rng.uniform(size=count))
    return _jitter(_polar(angle, angle), 0.35, rng), np.zeros(count, dtype=np.int64)


def _spiral(count: int, rng: np.random.Generator) -> Drawing:
    kind = _kinds(count, 2, rng)
    along = np.sqrt(rng.uniform(0.02, 1, count))
    return _jitter(_polar(along, 2.6 * np.pi * along + np.pi * kind), 0.022, rng), kind


def _gaussians(count: int, rng: np.random.Generator) -> Drawing:
    which = rng.integers(8, size=count)
    middles = _polar(np.ones(count), which * np.pi / 4)
    return _jitter(middles, 0.07, rng), which // 2


def _checkerboard(count: int, rng: np.random.Generator) -> Drawing:
    row, pair = rng.integers(4, size=count), rng.integers(2, size=count)
    corner = np.stack([2 * pair + row % 2, row], 1).astype(np.float64)
    return corner + rng.uniform(size=(count, 2)), (row // 2).astype(np.int64)


def _pinwheel(count: int, rng: np.random.Generator) -> Drawing:
    kind = _kinds(count, 5, rng)
    out, across = 1 + 0.3 * rng.standard_normal(count), 0.08 * rng.standard_normal(count)
    return _polar(np.hypot(out, across), np.arctan2(across, out) + 2 * np.pi * kind / 5 + 0.9 * out), kind


@dataclass(frozen=True, eq=False)
class _Outline:
    """A line through corners, shape (K, 2); the last is the first again where it is closed."""

    corners: Floats

    @property
    def _reached(self) -> Floats:
        """How long the line is up to each corner."""
        return np.concatenate([[0.0], np.hypot(*np.diff(self.corners, axis=0).T).cumsum()])

    @property
    def length(self) -> float:
        """Of the whole line."""
        return float(self._reached[-1])

    def at(self, share: Floats) -> Floats:
        """The points at these shares of its length, 0 … 1: shape (N, 2)."""
        reached, here = self._reached, share * self.length
        return np.stack([np.interp(here, reached, self.corners[:, axis]) for axis in (0, 1)], 1)


def _arc(middle: tuple[float, float], radius: float, begin: float = 0.0, end: float = 1.0) -> _Outline:
    """Part of a circle, in turns."""
    angle = 2 * np.pi * np.linspace(begin, end, 97)
    return _Outline(np.array(middle) + _polar(np.full(97, radius), angle))


def _heart() -> tuple[_Outline, ...]:
    """x = 16 sin³ u, y = 13 cos u − 5 cos 2u − 2 cos 3u − cos 4u, a heart well known; https://mathworld.wolfram.com/HeartCurve.html."""
    u = np.linspace(0, 2 * np.pi, 193)
    x = 16 * np.sin(u) ** 3
    y = 13 * np.cos(u) - 5 * np.cos(2 * u) - 2 * np.cos(3 * u) - np.cos(4 * u)
    return (_Outline(np.stack([x, y], 1) / 16),)


def _star() -> tuple[_Outline, ...]:
    """A star of five points; the inner corners lie where the lines of a pentagram cross."""
    angle = np.pi / 2 + np.pi / 5 * np.linspace(0, 10, 11)
    radius = np.where(np.arange(11) % 2 == 0, 1.0, 0.382)
    return (_Outline(_polar(radius, angle)),)


def _smiley() -> tuple[_Outline, ...]:
    """A face, two eyes and a mouth."""
    return (_arc((0, 0), 1), _arc((-0.35, 0.3), 0.12), _arc((0.35, 0.3), 0.12), _arc((0, 0), 0.6, 0.56, 0.94))


def _outline(shape: Callable[[], tuple[_Outline, ...]]) -> Callable[[int, np.random.Generator], Drawing]:
    """Points scattered along the lines of a figure, each line a class of its own."""

    def draw(count: int, rng: np.random.Generator) -> Drawing:
        lines = shape()
        lengths = np.array([line.length for line in lines])
        kind = rng.choice(len(lines), size=count, p=lengths / lengths.sum())
        along = rng.uniform(size=count)
        x = np.zeros((count, 2))
        for number, line in enumerate(lines):
            x[kind == number] = line.at(along[kind == number])
        return _jitter(x, 0.02, rng), kind

    return draw


POINT_SETS: Mapping[str, NamedPoints] = {
    "moons": NamedPoints("Two moons", _moons, ("upper", "lower")),
    "circles": NamedPoints("Circles", _circles, ("outer", "inner")),
    "roll": NamedPoints("Swiss roll", _roll),
    "spiral": NamedPoints("Two spirals", _spiral, ("one arm", "other arm")),
    "gaussians": NamedPoints(
        "Eight Gaussians", _gaussians, ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")
    ),
    "checkerboard": NamedPoints("Checkerboard", _checkerboard, ("lower half", "upper half")),
    "pinwheel": NamedPoints("Pinwheel", _pinwheel, tuple(f"blade {k}" for k in range(1, 6))),
    "heart": NamedPoints("Heart", _outline(_heart)),
    "star": NamedPoints("Star", _outline(_star)),
    "smiley": NamedPoints("Smiley", _outline(_smiley), ("face", "left eye", "right eye", "mouth")),
}
"""The sets that go by a name. A line here puts one into the Points lab."""
