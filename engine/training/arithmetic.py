"""What a training step costs, counted on a network without weights: before the first step, which may take minutes, is taken."""

from __future__ import annotations

import time
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import conv2d

from engine.data.image_set import ImageSet
from engine.models.uninitialised import uninitialised
from engine.training.config import TrainConfig
from engine.training.tasks import task_of

BACKWARD = 3
"""A step takes so many times the operations of its forward pass."""


class StepCost(NamedTuple):
    """Of one picture."""

    operations: float
    """Multiplications and additions, forward and backward."""
    activations: int
    """Bytes in float32 that the forward pass leaves for the backward pass."""


def most_operations(parameters: int, size: int) -> float:
    """An upper bound on those of one picture: every weight used once for each pixel."""
    return 2.0 * BACKWARD * parameters * size**2


def step_cost(config: TrainConfig, data: ImageSet) -> StepCost:
    """Count one picture's share of a training step; takes a second, and no memory.

    Args:
        config: the run.
        data: of the run; only its size, channels and classes count.

    Raises:
        ValueError: where network and pictures do not fit together.
    """
    from torch.utils.flop_counter import FlopCounterMode

    task, kept = task_of(config), {}

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with uninitialised():
        net = task.network(config, data).train()
        picture = torch.zeros(1, data.channels, data.size, data.size)
        with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda tensor: tensor):
            task.evaluate(config, net, picture)
    return StepCost(float(BACKWARD * counter.get_total_flops()), sum(kept.values()))


def operations_per_second() -> float:
    """How many of them a CPU does here, measured on a convolution like those of the networks; takes a fraction of a second."""
    x, weight = torch.zeros(1, 64, 64, 64), torch.zeros(64, 64, 3, 3)
    best = float("inf")
    with torch.no_grad():
        for _ in range(4):
            began = time.perf_counter()
            conv2d(x, weight, padding=1)
            best = min(best, time.perf_counter() - began)
    return 2.0 * x.numel() * 64 * 9 / best
