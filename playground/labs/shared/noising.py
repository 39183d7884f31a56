"""The arithmetic that the Forward and the Schedules lab share, over all t at once: numpy, float32 pictures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from engine.language import _
from playground.components.payloads.panels import HistogramPanel, Line
from playground.labs.shared.picture import Picture

if TYPE_CHECKING:
    from engine.schedule import NoiseSchedule

EDGES = np.linspace(-4.0, 4.0, 41)
"""Bins of all histograms; what lies outside is counted in the first and the last."""

MOST_CURVE_POINTS = 251

Stream = Literal["jump", "steps"]
STREAMS: dict[Stream, int] = {"jump": 0, "steps": 2**31}
"""What is added to the seed of each of them."""


@dataclass(frozen=True, eq=False)
class Table:
    """The numbers of a schedule by which pictures are multiplied, float64 of shape (T + 1,)."""

    alpha_bar: NDArray[np.float64]
    beta: NDArray[np.float64]

    @property
    def T(self) -> int:
        """How many steps there are."""
        return len(self.beta) - 1

    @property
    def signal(self) -> NDArray[np.float64]:
        """√ᾱ_t."""
        return np.sqrt(self.alpha_bar)

    @property
    def sigma(self) -> NDArray[np.float64]:
        """√(1 − ᾱ_t)."""
        return np.sqrt(1 - self.alpha_bar)

    @property
    def keep(self) -> NDArray[np.float64]:
        """√(1 − β_t)."""
        return np.sqrt(1 - self.beta)

    @property
    def add(self) -> NDArray[np.float64]:
        """√β_t."""
        return np.sqrt(self.beta)

    @property
    def snr(self) -> NDArray[np.float64]:
        """ᾱ_t / (1 − ᾱ_t), inf at t = 0."""
        with np.errstate(divide="ignore"):
            return self.alpha_bar / (1 - self.alpha_bar)


def table_of(schedule: NoiseSchedule) -> Table:
    """The same tables as numpy arrays."""
    return Table(schedule.alpha_bar.numpy(), schedule.beta.numpy())


@lru_cache(maxsize=16)
def table(name: str, T: int) -> Table:
    """The tables of a schedule of `engine.schedule.SCHEDULES`."""
    from engine.schedule import SCHEDULES

    return table_of(SCHEDULES[name](T))


class Hashed:
    """A picture that can be the key of a cache: two of the same pixels and shape are equal."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self._key = (picture.shape, hashlib.sha256(picture.tobytes()).digest())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hashed) and self._key == other._key


def to_unit(picture: Picture) -> NDArray[np.float32]:
    """0 … 255 as −1 … 1, the scaling of `engine.data.pixels.to_unit`; same shape."""
    return picture.astype(np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(x: NDArray[np.float32]) -> NDArray[np.uint8]:
    """−1 … 1 as 0 … 255, as `engine.data.pixels.to_uint8` does it: values beyond are clamped. Same shape."""
    levels = np.clip(x, -1, 1)
    levels += np.float32(1)
    levels *= np.float32(127.5)
    return np.rint(levels, out=levels).astype(np.uint8)


def shown_times(T: int, most: int) -> NDArray[np.int64]:
    """The t that a timeline stops at: all of 0 … T, or `most` of them, evenly spaced, 0 and T among them."""
    return np.unique(np.linspace(0, T, min(T + 1, most)).round().astype(np.int64))


def thinned_times(T: int) -> NDArray[np.int64]:
    """The t at which curves are drawn."""
    return shown_times(T, MOST_CURVE_POINTS)


def column(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """(F,) as float32 (F, 1), ready to multiply F rows."""
    return values.astype(np.float32)[:, None]


def normals(seed: int, stream: Stream, rows: int, columns: int) -> NDArray[np.float32]:
    """Standard normal numbers as the samplers draw them (`SeededNoise`): float32 (rows, columns), read-only.

    More rows begin with the same rows. The two streams of one seed are independent: a generator of torch takes seeds up to
    2³², those of readers end at 2³¹. Rows are drawn by powers of two, so that a T that moves a little finds them drawn already.
    """
    return _normals(seed + STREAMS[stream], 1 << (rows - 1).bit_length(), columns)[:rows]


@lru_cache(maxsize=6)
def _normals(seed: int, rows: int, columns: int) -> NDArray[np.float32]:
    from engine.sampling import SeededNoise

    noise = SeededNoise([seed], (columns,))
    drawn = np.empty((rows, columns), dtype=np.float32)
    for row in drawn:
        row[:] = noise().numpy()[0]
    drawn.setflags(write=False)
    return drawn


def densities(values: NDArray[np.float32], edges: NDArray[np.float64] = EDGES) -> NDArray[np.float64]:
    """Of each row of values (F, …) its histogram as a density, (F, bins); areas are 1. Bins must be equally wide."""
    flat = values.reshape(len(values), -1)
    bins = len(edges) - 1
    width = (edges[-1] - edges[0]) / bins
    scaled = flat * np.float32(1 / width)
    scaled -= np.float32(edges[0] / width)
    cell = np.clip(scaled, 0, bins - 1, out=scaled).astype(np.int64)
    cell += (np.arange(len(flat)) * bins)[:, None]
    counts = np.bincount(cell.reshape(-1), minlength=len(flat) * bins).reshape(len(flat), bins)
    return counts / (flat.shape[1] * width)


def histogram_of(
    title: str, x_label: str, values: NDArray[np.float32], there: NDArray[np.bool_] | None = None
) -> HistogramPanel:
    """Each row of values (F, D) as a histogram, with the density of N(0, 1) over it.

    `there`, bool (F,), says where there is something to show; one row of values then serves for all.
    """
    x = np.linspace(EDGES[0], EDGES[-1], 97)
    normal = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    density = densities(values)
    if there is not None:
        density = density * there[:, None]
    return HistogramPanel(title, x_label, _("density"), EDGES, density, Line("N(0, 1)", x, normal))


def snr_range(snr: NDArray[np.float64]) -> tuple[float, float]:
    """Whole powers of ten around the ratios, from 10⁻⁶ at the lowest: beyond, nothing of the picture is left."""
    finite = snr[np.isfinite(snr) & (snr > 0)]
    low, high = np.floor(np.log10(finite.min())), np.ceil(np.log10(finite.max()))
    return float(10 ** max(-6.0, low)), float(10 ** max(0.0, high))
