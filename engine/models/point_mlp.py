"""A small network that denoises points: a perceptron that is told how far the noise has come, and the class if there are any.

It is asked by `NetDenoiser` like any other network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

TIME_WAVES = 4
WAVE_NUMBER = 2.0
"""Standard deviation of the wave vectors of the coordinates, in radians per unit."""


@dataclass(frozen=True)
class PointMLPConfig:
    """What the network is made of."""

    T: int
    """Steps of the schedule that it is trained on: t / T is what it is told."""
    width: int = 96
    depth: int = 3
    """Hidden layers, each with a shortcut around it but for the first."""
    frequencies: int = 8
    """Waves along each axis that the coordinates are seen through, beside themselves: fine structure is learned sooner."""
    classes: int = 0
    """How many; one more stands for none given."""


class PointMLP(nn.Module):
    """net(x, timestep, class): what the target of its `NetDenoiser` calls for, of x's shape (B, 2).

    t / T comes in as sines and cosines (Vaswani et al. 2017, arXiv:1706.03762, section 3.5), as in DDPM's network; the
    coordinates come in as they are and through random waves (Tancik et al. 2020, arXiv:2006.10739, eq. 5).
    """

    waves: Tensor
    time_waves: Tensor

    def __init__(self, config: PointMLPConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("waves", torch.randn(2, config.frequencies) * WAVE_NUMBER)
        self.register_buffer("time_waves", math.pi * 2.0 ** torch.arange(TIME_WAVES))
        self.of_point = nn.Linear(2 + 2 * config.frequencies, width)
        self.of_time = nn.Linear(1 + 2 * TIME_WAVES, width)
        self.of_class = nn.Embedding(config.classes + 1, width) if config.classes else None
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(config.depth - 1))
        self.last = nn.Linear(width, 2)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None = None) -> Tensor:
        """The output for x of shape (B, 2); timestep, t − 1, and classes of shape (B,)."""
        share = ((timestep + 1) / self.config.T)[:, None]
        at, when = x @ self.waves, share * self.time_waves
        told = self.of_time(torch.cat([share, when.sin(), when.cos()], 1))
        if self.of_class is not None and classes is not None:
            told = told + self.of_class(classes)
        h = silu(self.of_point(torch.cat([x, at.sin(), at.cos()], 1)) + told)
        for layer in self.hidden:
            h = h + silu(layer(h))
        return self.last(h)
