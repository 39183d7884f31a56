"""A run's reports as tables, and means over stretches of it in which chance weighs little."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.training.loop import Report
from engine.training.timestep_bins import TIMESTEP_BINS

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curves:
    """R reports, oldest first."""

    step: Numbers
    """Shape (R,)."""
    loss: Numbers
    by_level: Numbers
    """Shape (R, LEVEL_BINS), NaN where nothing fell."""
    norm: Numbers
    """Of the gradient before clipping, shape (R,)."""
    waiting: Numbers
    """Share of the time that the network waited for pictures, shape (R,)."""

    @classmethod
    def of(cls, reports: Sequence[Report], *, without_ends: bool = False) -> Curves:
        """The tables of these reports; without the first and last part of 0 … T where a few t make nearly all of their loss."""
        rows = [(r.step, r.loss, r.gradient_norm, r.waiting) for r in reports]
        step, loss, norm, waiting = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        levels = np.array([r.loss_by_level for r in reports], dtype=np.float64)
        levels = levels.reshape(len(rows), TIMESTEP_BINS)
        if without_ends:
            levels[:, [0, -1]] = np.nan
        return cls(step, loss, levels, norm, waiting)

    def __len__(self) -> int:
        return len(self.step)

    def part(self, first: int, beyond: int) -> Numbers:
        """Mean loss of each part of 0 … T over reports first … beyond − 1; NaN where nothing fell there."""
        return mean_of_known(self.by_level[first:beyond])

    def windows(self, count: int) -> Numbers:
        """Mean loss over as many equal stretches of the run, shape (count,).

        Parts of 0 … T count alike in each, however many pictures fell on them: the loss differs a hundredfold between
        them, and which of them a small batch meets is what makes its loss jump.
        """
        edges = np.linspace(0, len(self), count + 1).round().astype(int)
        return np.array([mean_of_known(self.part(a, b)[:, None])[0] for a, b in itertools.pairwise(edges)])


def mean_of_known(rows: Numbers) -> Numbers:
    """Mean over the first axis, leaving out NaN; NaN where there is nothing else."""
    known = np.isfinite(rows)
    sums, counts = np.where(known, rows, 0).sum(0), known.sum(0)
    result: Numbers = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return result
