"""A multilayer perceptron for points in the plane, conditioned on time and class; the network of a `NetDenoiser`."""

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
    """The shape of the network."""

    T: int
    """Steps of the schedule that it is trained on; its input is t / T."""
    width: int = 96
    depth: int = 3
    """Hidden layers, each with a residual connection except the first."""
    frequencies: int = 8
    """Random Fourier features of the coordinates, concatenated to them: fine structure is learned sooner."""
    classes: int = 0
    """Number of classes; index `classes` is the null class (unconditional)."""


class PointMLP(nn.Module):
    """net(x, timestep, class): the prediction target of its `NetDenoiser`, shape (B, 2) as x.

    The inputs are t / T with its sines and cosines (Vaswani et al. 2017, arXiv:1706.03762, section 3.5), and the coordinates
    with random Fourier features (Tancik et al. 2020, arXiv:2006.10739, eq. 5).
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
        condition = self.of_time(torch.cat([share, when.sin(), when.cos()], 1))
        if self.of_class is not None and classes is not None:
            condition = condition + self.of_class(classes)
        h = silu(self.of_point(torch.cat([x, at.sin(), at.cos()], 1)) + condition)
        for layer in self.hidden:
            h = h + silu(layer(h))
        return self.last(h)
