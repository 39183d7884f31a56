"""How t is drawn: uniformly, or by importance sampling: more often where the loss is large, for a less noisy gradient.

Nichol & Dhariwal 2021, arXiv:2102.09672, section 3.3, eq. 18: p_t ∝ √E[L_t²], each loss then divided by p_t.
"""

from __future__ import annotations

import torch
from torch import Tensor

LOSSES_PER_T = 10
"""Losses that are stored of each t; until every t has as many, t is drawn uniformly."""
UNIFORM_SHARE = 0.001
"""Share of the draws that stay uniform, as in the paper's code, so that a t whose losses were all 0 is drawn again."""


def uniform(T: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """t, uniform in 1 … T, int64 (count,); and weights of 1, float64 (count,)."""
    return torch.randint(1, T + 1, (count,), generator=generator), torch.ones(count, dtype=torch.float64)


class LossHistory:
    """The last losses of each t, and the probabilities to draw it with.

    Args:
        T: steps of the forward process.
    """

    def __init__(self, T: int) -> None:
        self.losses = torch.zeros(T, LOSSES_PER_T, dtype=torch.float64)
        """Of t = 1 … T, a ring buffer each."""
        self.counts = torch.zeros(T, dtype=torch.int64)
        """How many losses of each t were added."""

    @property
    def is_warm(self) -> bool:
        """Whether every t has its full number of losses."""
        return bool((self.counts >= LOSSES_PER_T).all())

    def probabilities(self) -> Tensor:
        """p_t of t = 1 … T, float64, shape (T,), adding up to 1."""
        T = len(self.counts)
        rms = self.losses.square().mean(1).sqrt()
        if not self.is_warm or not rms.sum() > 0:
            return torch.full((T,), 1 / T, dtype=torch.float64)
        return (1 - UNIFORM_SHARE) * rms / rms.sum() + UNIFORM_SHARE / T

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """t, int64 (count,), and weights 1 / (T p_t), float64 (count,): the expected weighted loss is that of uniform draws."""
        if not self.is_warm:
            return uniform(len(self.counts), count, generator)
        p = self.probabilities()
        drawn = torch.multinomial(p, count, replacement=True, generator=generator)
        return drawn + 1, 1 / (len(p) * p[drawn])

    def add(self, t: Tensor, losses: Tensor) -> None:
        """Add the losses, shape (B,), at t, shape (B,)."""
        all_losses, counts = self.losses.numpy(), self.counts.numpy()
        for index, loss in zip((t - 1).tolist(), losses.tolist(), strict=True):
            all_losses[index, counts[index] % LOSSES_PER_T] = loss
            counts[index] += 1

    def restore(self, losses: Tensor, counts: Tensor) -> None:
        """Take over the losses and counts of another history. Raises ValueError for those of another T, or damaged."""
        if losses.shape != self.losses.shape or counts.shape != self.counts.shape:
            raise ValueError("These are not the losses of this schedule's steps.")
        if not bool(losses.isfinite().all()) or bool((counts < 0).any()):
            raise ValueError("Losses must be finite and counts not negative.")
        self.losses.copy_(losses)
        self.counts.copy_(counts)
