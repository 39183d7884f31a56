"""Densities in the plane as pictures: a colour for each height, and lines of equal height."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STOPS = np.array(
    [[250, 250, 252], [205, 219, 244], [126, 160, 226], [72, 92, 190], [58, 38, 128], [26, 12, 54]], dtype=np.float64
)
"""From nothing to the top: one colour that only grows darker, so that it can be read without seeing hues."""
LINE = np.array([226, 88, 12], dtype=np.uint8)
HEIGHTS = (0.05, 0.2, 0.5, 0.8)
"""Of the lines, as shares of the top."""


def heat(density: NDArray[np.floating], top: float, *, zoom: int = 1) -> NDArray[np.uint8]:
    """A picture, uint8 (H·zoom, W·zoom, 3), of a density (H, W) whose first row is the lowest; `top` gets the darkest colour.

    The root of the height is shown, so that thin tails are seen as well.
    """
    share = np.sqrt(np.clip(density[::-1] / max(top, 1e-300), 0, 1)).repeat(zoom, 0).repeat(zoom, 1)
    place = share * (len(STOPS) - 1)
    below = np.minimum(place.astype(int), len(STOPS) - 2)
    part = (place - below)[..., None]
    return np.rint(STOPS[below] * (1 - part) + STOPS[below + 1] * part).astype(np.uint8)


def with_lines(picture: NDArray[np.uint8], density: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The picture with lines of equal height of another density on it, as shares of that one's top; any larger size.

    A pixel is on a line where the density passes one of the heights between it and the pixel to the right or below.
    """
    zoom = len(picture) // len(density)
    fine = _smooth(density[::-1] / max(float(density.max()), 1e-300), zoom)
    drawn = picture.copy()
    for height in HEIGHTS:
        above = fine >= height
        edge = np.zeros_like(above)
        edge[:, :-1] |= above[:, :-1] != above[:, 1:]
        edge[:-1] |= above[:-1] != above[1:]
        drawn[edge] = LINE
    return drawn


def _smooth(values: NDArray[np.floating], zoom: int) -> NDArray[np.floating]:
    """Linear interpolation to zoom times as many pixels in both directions."""
    for axis in (0, 1):
        n = values.shape[axis]
        at = (np.arange(n * zoom) + 0.5) / zoom - 0.5
        low = np.clip(np.floor(at).astype(int), 0, n - 2)
        part = np.clip(at - low, 0, 1)
        part = part[:, None] if axis == 0 else part[None, :]
        values = values.take(low, axis) * (1 - part) + values.take(low + 1, axis) * part
    return values
