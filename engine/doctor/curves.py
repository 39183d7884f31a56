"""A run's reports as arrays, and their means over stretches that are long enough to average out chance."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.training.report import Report
from engine.training.timestep_bins import TIMESTEP_BINS

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curves:
    """R reports, oldest first."""

    step: Numbers
    """Shape (R,)."""
    loss: Numbers
    by_level: Numbers
    """Shape (R, TIMESTEP_BINS), NaN where no picture was drawn."""
    norm: Numbers
    """Of the gradient before clipping, shape (R,)."""
    waiting: Numbers
    """Share of the time that the network waited for pictures, shape (R,)."""

    @classmethod
    def of(cls, reports: Sequence[Report], *, without_ends: bool = False) -> Curves:
        """The arrays of these reports.

        Args:
            reports: oldest first.
            without_ends: leave out the first and last timestep bin, where a few t make most of the loss.
        """
        rows = [(r.step, r.loss, r.gradient_norm, r.waiting) for r in reports]
        step, loss, norm, waiting = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        levels = np.array([r.loss_by_level for r in reports], dtype=np.float64)
        levels = levels.reshape(len(rows), TIMESTEP_BINS)
        if without_ends:
            levels[:, [0, -1]] = np.nan
        return cls(step, loss, levels, norm, waiting)

    def __len__(self) -> int:
        return len(self.step)

    def mean_by_bin(self, first: int, beyond: int) -> Numbers:
        """Mean loss in each timestep bin over reports first … beyond − 1; NaN where no picture was drawn."""
        return mean_of_known(self.by_level[first:beyond])

    def windows(self, count: int) -> Numbers:
        """Mean loss over as many equal stretches of the run, shape (count,).

        All timestep bins count alike, however many pictures were drawn in them: the loss differs a hundredfold between bins, so
        that of a small batch varies mostly by its t.
        """
        edges = np.linspace(0, len(self), count + 1).round().astype(int)
        return np.array([mean_of_known(self.mean_by_bin(a, b)[:, None])[0] for a, b in itertools.pairwise(edges)])


def mean_of_known(rows: Numbers) -> Numbers:
    """Mean over the first axis, leaving out NaN; NaN where there is nothing else."""
    known = np.isfinite(rows)
    sums, counts = np.where(known, rows, 0).sum(0), known.sum(0)
    result: Numbers = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return result
