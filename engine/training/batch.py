"""The random draws of one training step: which pictures, at which noise levels, with which noise.

They follow from the run's seed and the number of the step; each picture's noise has its own seed. So no random state is stored:
a run that is resumed continues as if it had not been interrupted, and any number of processes share the same batches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.training.config import TrainConfig
from engine.training.importance import LossHistory, uniform
from engine.training.tasks import task_of


class BatchDraws(NamedTuple):
    """The draws for a batch of B pictures, on the CPU."""

    chosen: Tensor
    """Indices of the pictures, int64 (B,), with replacement."""
    t: Tensor
    """int64 (B,) in 1 … T."""
    share: Tensor
    """Weight of each in the loss, float64 (B,); 1 where t is drawn uniformly."""
    label_dropped: Tensor
    """Whether the label is dropped (label dropout), bool (B,)."""
    turned: Tensor
    """Uniform in [0, 1), (B, 2): the random draws of augmentation."""
    seeds: Tensor
    """Seeds of the noise, int64 (B,)."""

    def part(self, where: slice) -> BatchDraws:
        """The draws of some of the pictures."""
        return BatchDraws(*(values[where] for values in self))


def generator_at(seed: int, step: int) -> torch.Generator:
    """The random generator of one step of a run."""
    mixed = np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed))


def draw(config: TrainConfig, count: int, step: int, history: LossHistory | None) -> BatchDraws:
    """The batch of a step.

    Args:
        config: the run.
        count: number of training pictures.
        step: 0, 1, …
        history: the losses that importance sampling draws t by; None to draw it uniformly.
    """
    generator = generator_at(config.seed, step)
    chosen = torch.randint(count, (config.batch,), generator=generator)
    t, share = uniform(config.T, config.batch, generator) if history is None else history.draw(config.batch, generator)
    dropout = config.label_dropout if task_of(config).drops_labels else 0.0
    label_dropped = torch.rand(config.batch, generator=generator) < dropout
    turned = torch.rand(config.batch, 2, generator=generator)
    seeds = torch.randint(2**62, (config.batch,), generator=generator)
    return BatchDraws(chosen, t, share, label_dropped, turned, seeds)


def chosen_at(config: TrainConfig, count: int, step: int) -> Tensor:
    """The indices of the pictures in the batch of a step, without its other draws."""
    return torch.randint(count, (config.batch,), generator=generator_at(config.seed, step))
