"""The random draws of one step: which pictures, at which levels, under which noise.

All of it follows from the run's seed and the number of the step, and the noise of each picture from a seed of its own. So
nothing random needs to be stored: a run goes on after any interruption as if there had been none, and any number of processes
take their parts of the very same batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.training.config import TrainConfig
from engine.training.importance import LossHistory, even


class Drawn(NamedTuple):
    """What is drawn for a batch of B pictures, on the CPU."""

    chosen: Tensor
    """Which pictures, int64 (B,), with replacement."""
    t: Tensor
    """int64 (B,) in 1 … T."""
    share: Tensor
    """What each counts, float64 (B,), 1 where t is drawn evenly."""
    hidden: Tensor
    """Whether the label is hidden, bool (B,)."""
    turned: Tensor
    """Even in 0 … 1, (B, 2): what augmentation goes by."""
    seeds: Tensor
    """Of the noise, int64 (B,)."""

    def part(self, where: slice) -> Drawn:
        """Some of it."""
        return Drawn(*(values[where] for values in self))


def generator_at(seed: int, step: int) -> torch.Generator:
    """The random generator of one step of a run."""
    mixed = np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed))


def draw(config: TrainConfig, count: int, step: int, history: LossHistory | None) -> Drawn:
    """The batch of a step.

    Args:
        config: the run.
        count: how many pictures there are to choose from.
        step: 0, 1, …
        history: what importance sampling goes by; None where t is drawn evenly.
    """
    generator = generator_at(config.seed, step)
    chosen = torch.randint(count, (config.batch,), generator=generator)
    t, share = even(config.T, config.batch, generator) if history is None else history.draw(config.batch, generator)
    hidden = torch.rand(config.batch, generator=generator) < config.hidden_share
    turned = torch.rand(config.batch, 2, generator=generator)
    seeds = torch.randint(2**62, (config.batch,), generator=generator)
    return Drawn(chosen, t, share, hidden, turned, seeds)


def chosen_at(config: TrainConfig, count: int, step: int) -> Tensor:
    """Which pictures the batch of that step has, without the rest of it."""
    return torch.randint(count, (config.batch,), generator=generator_at(config.seed, step))
