"""Schedules over the steps of a training: of the learning rate, and of the decay of the averaged weights (EMA).

The warm-up of the learning rate is Goyal et al. 2017, arXiv:1706.02677, section 2.2; its cosine decay Loshchilov & Hutter 2017,
arXiv:1608.03983, eq. 5, without restarts. The average is Ho et al. 2020, appendix B, with a decay that rises to its value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def warm_up(step: int, length: int) -> float:
    """Factor of the learning rate in (0, 1] at step 0, 1, …: rises linearly to 1 over `length` steps; 0 for no warm-up."""
    return min(1.0, (step + 1) / length) if length else 1.0


def cosine_decay(progress: float, end: float) -> float:
    """Factor of the learning rate: half a cosine from 1 at progress 0 to `end` at progress 1."""
    return end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameter groups."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def ema_decay(step: int, decay: float) -> float:
    """d = min(decay, (1 + step) / (10 + step)), the decay of the averaged weights after `step` steps."""
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def update_ema(average: Sequence[Tensor], weights: Sequence[Tensor], step: int, decay: float) -> None:
    """average ← d · average + (1 − d) · weights, in place, with d of `ema_decay`.

    The smaller decay of the first steps (EMA warm-up) makes the average forget the random initial weights sooner.

    Args:
        average: the averaged weights.
        weights: the weights after the step, in the same order.
        step: how many steps were taken, from 1.
        decay: its value late in the training, in [0, 1).
    """
    torch._foreach_lerp_(list(average), list(weights), 1 - ema_decay(step, decay))
