"""A classifier of noisy pictures, conditioned on the noise level, for classifier guidance.

Dhariwal & Nichol 2021, arXiv:2105.05233, section 4: the downward path of the U-Net, and one linear layer on its last
activations. Theirs pools with attention; for these small pictures a weight for each position is enough.

The logits of the picture are multiplied by √ᾱ. log p(y | x_t) of any data depends on x_t through √ᾱ x_t / (1 − ᾱ), so that
its gradient vanishes as √ᾱ does; guidance divides by √ᾱ, so a gradient that does not vanish there gives an arbitrary x̂0 in the
first steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor, nn
from torch.nn.functional import silu

from engine.language import N_
from engine.models.classifier import ASSETS
from engine.models.unet import DownBlock, MiddleBlock, TimeEmbedding, UNetConfig, Width, timestep_embedding
from engine.schedule import Level, broadcast
from engine.storage.checked_files import first_problem
from engine.storage.saved_network import NetworkCard, NetworkConfig, NetworkFormat, SavedNetwork

NOISY_CLASSIFIERS: dict[str, Path] = {"digits": ASSETS / "checkpoints" / "digits-noisy-classifier"}
"""The classifiers of noisy pictures that ship, by the name of their data set."""

TIME_SCALE = 1000.0
"""The range of the time embedding's input."""


class NoisyClassifierConfig(NetworkConfig):
    """The shape of a classifier of noisy pictures."""

    kind: Literal["noisy-classifier"] = "noisy-classifier"
    classes: int = Field(ge=2, le=1000)
    widths: tuple[Width, ...] = Field((16, 32, 48), min_length=1, max_length=8, description="As the U-Net's.")
    layers_per_block: int = Field(1, ge=1, le=8)

    @model_validator(mode="after")
    def _fits(self) -> NoisyClassifierConfig:
        try:
            self.unet()
        except ValidationError as error:
            raise ValueError(first_problem(error)) from error
        return self

    def unet(self) -> UNetConfig:
        """The config of the blocks. Raises pydantic's ValidationError where they cannot be built."""
        return UNetConfig(
            sample_size=self.size,
            in_channels=self.channels,
            out_channels=self.channels,
            block_out_channels=self.widths,
            layers_per_block=self.layers_per_block,
        )


class NoisyClassifierCard(NetworkCard):
    """What is known of a classifier of noisy pictures."""

    class_names: tuple[str, ...] = Field((), max_length=1000)
    step: int = Field(0, ge=0)
    held_out: int = Field(0, ge=0, description="Number of held-out pictures that it was evaluated on.")
    held_out_accuracy_by_level: tuple[float, ...] = Field(
        (), max_length=1000, description="Share that it classifies correctly in equal parts of 0 … T, cleanest first."
    )
    held_out_loss_by_level: tuple[float, ...] = Field(
        (), max_length=1000, description="Cross-entropy in nats, in the same parts."
    )


class LevelClassifier(nn.Module):
    """The network.

    Args:
        config: its shape.
    """

    def __init__(self, config: NoisyClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self._unet = unet = config.unet()
        widths = config.widths
        self.conv_in = nn.Conv2d(config.channels, widths[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(unet)
        self.down_blocks = nn.ModuleList(
            DownBlock(resolution, below, width, unet)
            for resolution, (below, width) in enumerate(pairwise([widths[0], *widths]))
        )
        self.mid_block = MiddleBlock(widths[-1], unet)
        self.norm_out = nn.GroupNorm(unet.norm_num_groups, widths[-1], unet.norm_eps)
        coarsest = config.size // 2 ** (len(widths) - 1)
        self.head = nn.Linear(widths[-1] * coarsest**2, config.classes, bias=False)
        self.prior = nn.Parameter(torch.zeros(config.classes))

    def forward(self, x_t: Tensor, level: Level) -> Tensor:
        """log p(y | x_t) up to a constant of each picture.

        Args:
            x_t: shape (B, C, H, W).
            level: one for all, or one for each of the B.

        Returns:
            Logits, shape (B, classes), differentiable in x_t.

        Raises:
            ValueError: where the pictures are of another shape than those it was trained on.
        """
        self.config.check_shape(x_t)
        time = TIME_SCALE * noise_angle(level).to(device=x_t.device, dtype=torch.float32).expand(len(x_t))
        embedding = self.time_embedding(timestep_embedding(time, self._unet).to(x_t.dtype))
        x = self.conv_in(x_t)
        for down in self.down_blocks:
            x = down(x, embedding, [])
        x = self.mid_block(x, embedding)
        logits: Tensor = self.head(silu(self.norm_out(x)).flatten(1))
        return self.prior + broadcast(level.alpha_bar.sqrt(), logits) * logits


def noise_angle(level: Level) -> Tensor:
    """(2/π) arctan(σ / √ᾱ), from 0, clean, to 1, pure noise: float64, the level's shape.

    The angle φ of Salimans & Ho 2022, arXiv:2202.00512, appendix D, in units of π/2. It depends on no schedule and is finite at
    both ends; on the cosine schedule without its offset it is t / T.
    """
    return torch.atan2(level.variance.sqrt(), level.alpha_bar.sqrt()) * (2 / math.pi)


@dataclass(frozen=True, eq=False)
class TrainedClassifier(SavedNetwork[LevelClassifier, NoisyClassifierCard]):
    """A trained classifier of noisy pictures with its card; itself a `NoisyClassifier`, as guidance needs one."""

    def __call__(self, x_t: Tensor, level: Level) -> Tensor:
        return self.net(x_t, level)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of all classes; their numbers where the card does not name each."""
        count = self.net.config.classes
        return self.card.class_names if len(self.card.class_names) == count else tuple(str(k) for k in range(count))


FORMAT = NetworkFormat(
    N_("classifier of noisy pictures"),
    "noisy-classifier",
    NoisyClassifierConfig,
    NoisyClassifierCard,
    LevelClassifier,
    TrainedClassifier,
    NOISY_CLASSIFIERS,
)
save, load, is_saved_in = FORMAT.save, FORMAT.load, FORMAT.is_saved_in
