"""Timestep bins: the equal parts of 0 … T in which losses are reported."""

from __future__ import annotations

import torch
from torch import Tensor

TIMESTEP_BINS = 10
"""Number of bins, cleanest first."""


def bin_of(t: Tensor, T: int) -> Tensor:
    """The bin of each t in 1 … T, from 0 to TIMESTEP_BINS − 1. T need not be a multiple of their number."""
    return (t - 1) * TIMESTEP_BINS // T


def draw_in_bin(T: int, bin_index: int, samples: int, generator: torch.Generator) -> tuple[Tensor, float]:
    """Random t of one bin, int64 (samples,), and the share of all t that lies in it; 0 for an empty bin."""
    first, beyond = -(-T * bin_index // TIMESTEP_BINS) + 1, -(-T * (bin_index + 1) // TIMESTEP_BINS) + 1
    t = torch.randint(first, max(first + 1, beyond), (samples,), generator=generator)
    return t.clamp(max=T), max(0, beyond - first) / T
