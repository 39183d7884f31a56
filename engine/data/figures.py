"""Figures to scatter points along: each a few lines in the plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outline:
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


def _arc(middle: tuple[float, float], radius: float, begin: float = 0.0, end: float = 1.0) -> Outline:
    """Part of a circle, in turns."""
    angle = 2 * np.pi * np.linspace(begin, end, 97)
    return Outline(np.array(middle) + radius * np.stack([np.cos(angle), np.sin(angle)], 1))


def heart() -> tuple[Outline, ...]:
    """x = 16 sin³ u, y = 13 cos u − 5 cos 2u − 2 cos 3u − cos 4u, a heart well known; https://mathworld.wolfram.com/HeartCurve.html."""
    u = np.linspace(0, 2 * np.pi, 193)
    x = 16 * np.sin(u) ** 3
    y = 13 * np.cos(u) - 5 * np.cos(2 * u) - 2 * np.cos(3 * u) - np.cos(4 * u)
    return (Outline(np.stack([x, y], 1) / 16),)


def star() -> tuple[Outline, ...]:
    """A star of five points; the inner corners lie where the lines of a pentagram cross."""
    angle = np.pi / 2 + np.pi / 5 * np.arange(11)
    radius = np.where(np.arange(11) % 2 == 0, 1.0, 0.382)
    return (Outline(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)),)


def smiley() -> tuple[Outline, ...]:
    """A face, two eyes and a mouth."""
    return (_arc((0, 0), 1), _arc((-0.35, 0.3), 0.12), _arc((0.35, 0.3), 0.12), _arc((0, 0), 0.6, 0.56, 0.94))
