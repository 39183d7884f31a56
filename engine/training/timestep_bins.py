"""The parts of 0 … T that losses are told apart by."""

from __future__ import annotations

import torch
from torch import Tensor

TIMESTEP_BINS = 10
"""The loss is also reported in this many equal parts of 0 … T."""


def bin_of(t: Tensor, T: int) -> Tensor:
    """In which part each t of 1 … T lies, 0 … LEVEL_BINS − 1. T need not be a multiple of their number."""
    return (t - 1) * TIMESTEP_BINS // T


def draw_in_bin(T: int, part: int, samples: int, generator: torch.Generator) -> tuple[Tensor, float]:
    """Random t of one part, int64 (samples,), and which share of all t lies in it. An empty part has the share 0."""
    first, beyond = -(-T * part // TIMESTEP_BINS) + 1, -(-T * (part + 1) // TIMESTEP_BINS) + 1
    t = torch.randint(first, max(first + 1, beyond), (samples,), generator=generator)
    return t.clamp(max=T), max(0, beyond - first) / T
