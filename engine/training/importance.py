"""Where t is drawn: evenly, or more often where the loss is large, so that its gradient is less noisy.

Nichol & Dhariwal 2021, arXiv:2102.09672, section 3.3, eq. 18: p_t ∝ √E[L_t²], each loss then divided by p_t.
"""

from __future__ import annotations

import torch
from torch import Tensor

KEPT = 10
"""Of each t the last so many losses are kept; until every t has as many, t is drawn evenly."""
EVEN_SHARE = 0.001
"""This share of the draws stays even, as in the paper's code: a t whose losses were all 0 is drawn again some day."""


def even(T: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """t from 1 … T, all alike, int64 (count,); and weights of 1, float64 (count,)."""
    return torch.randint(1, T + 1, (count,), generator=generator), torch.ones(count, dtype=torch.float64)


class LossHistory:
    """The last losses of each t, and the probabilities that follow from them.

    Args:
        T: steps of the forward process.
    """

    def __init__(self, T: int) -> None:
        self.losses = torch.zeros(T, KEPT, dtype=torch.float64)
        """Of t = 1 … T, in a ring."""
        self.seen = torch.zeros(T, dtype=torch.int64)
        """How many losses of each t there have been."""

    @property
    def warm(self) -> bool:
        """Whether every t has been seen often enough."""
        return bool((self.seen >= KEPT).all())

    def probabilities(self) -> Tensor:
        """p_t of t = 1 … T, float64, shape (T,), adding up to 1."""
        T = len(self.seen)
        spread = self.losses.square().mean(1).sqrt()
        if not self.warm or not spread.sum() > 0:
            return torch.full((T,), 1 / T, dtype=torch.float64)
        return (1 - EVEN_SHARE) * spread / spread.sum() + EVEN_SHARE / T

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """t, int64 (count,), and weights 1 / (T p_t), float64 (count,): the expected weighted loss is that of even draws."""
        if not self.warm:
            return even(len(self.seen), count, generator)
        p = self.probabilities()
        drawn = torch.multinomial(p, count, replacement=True, generator=generator)
        return drawn + 1, 1 / (len(p) * p[drawn])

    def add(self, t: Tensor, losses: Tensor) -> None:
        """Remember the losses, shape (B,), that were found at t, shape (B,)."""
        all_losses, seen = self.losses.numpy(), self.seen.numpy()
        for index, loss in zip((t - 1).tolist(), losses.tolist(), strict=True):
            all_losses[index, seen[index] % KEPT] = loss
            seen[index] += 1

    def restore(self, losses: Tensor, seen: Tensor) -> None:
        """Take over what another history of the same T holds. Raises ValueError where it cannot be one."""
        if losses.shape != self.losses.shape or seen.shape != self.seen.shape:
            raise ValueError("These are not the losses of this schedule's steps.")
        if not bool(losses.isfinite().all()) or bool((seen < 0).any()):
            raise ValueError("Losses are finite numbers, and nothing is seen less than never.")
        self.losses.copy_(losses)
        self.seen.copy_(seen)
