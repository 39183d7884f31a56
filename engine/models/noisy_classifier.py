"""A network that reads the class of a noisy picture and is told how noisy it is: what classifier guidance asks.

Dhariwal & Nichol 2021, arXiv:2105.05233, section 4: the half of the U-Net that leads down, and one linear layer on all that is
left at its bottom. Theirs pools by attention that knows the places; for our small pictures a weight for each place will do.

What the picture says is multiplied by √ᾱ. log p(y | x_t) of any data depends on x_t through √ᾱ x_t / (1 − ᾱ), so that its
gradient fades as √ᾱ does; guidance divides by √ᾱ, and a gradient that did not fade would throw x̂0 anywhere in the first steps.

    DIR/config.json                            its shape
    DIR/model.safetensors                      its weights
    DIR/card.json                              how it was trained, and how well it reads at each noise level
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor, nn
from torch.nn.functional import silu

from engine.models.classifier import ASSETS
from engine.models.unet import DownBlock, MiddleBlock, TimeEmbedding, UNetConfig, Width, timestep_embedding
from engine.schedule import Level, broadcast
from engine.storage import saved_network as on_disk
from engine.storage.checked_files import CheckpointError, checked_folder, first_problem, read_json
from engine.storage.checkpoints import newest_in

NOISY_CLASSIFIERS: dict[str, Path] = {"digits": ASSETS / "checkpoints" / "digits-noisy-classifier"}
"""The classifiers of noisy pictures that ship, by the name of the picture set that they read."""

KIND = "folder of a classifier of noisy pictures"
TURNS = 1000.0
"""The time embedding was made for numbers up to about this."""


class NoisyClassifierConfig(BaseModel):
    """The shape of a classifier of noisy pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["noisy-classifier"] = "noisy-classifier"
    size: int = Field(ge=4, le=1024, description="Height and width of a picture in pixels.")
    channels: int = Field(ge=1, le=16)
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
        """What the blocks want to know. Raises pydantic's ValidationError where they cannot be built."""
        return UNetConfig(
            sample_size=self.size,
            in_channels=self.channels,
            out_channels=self.channels,
            block_out_channels=self.widths,
            layers_per_block=self.layers_per_block,
        )


class NoisyClassifierCard(BaseModel):
    """What such a classifier says of itself."""

    model_config = ConfigDict(extra="ignore")

    title: str = Field("", max_length=200)
    data: str = Field("", max_length=200)
    class_names: tuple[str, ...] = Field((), max_length=1000)
    step: int = Field(0, ge=0)
    training: dict[str, Any] = Field(default_factory=dict, description="The training config, as it was given.")
    held_out: int = Field(0, ge=0, description="How many held-out pictures it was measured on, all new to it.")
    held_out_accuracy_by_level: tuple[float, ...] = Field(
        (), max_length=1000, description="Share that it reads rightly in equal parts of 0 … T, cleanest first."
    )
    held_out_loss_by_level: tuple[float, ...] = Field(
        (), max_length=1000, description="Cross-entropy in nats, in the same parts."
    )
    command: str = Field("", max_length=500, description="What made it.")


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
            ValueError: where the pictures are of another shape than those it learned from.
        """
        config = self.config
        if x_t.ndim != 4 or tuple(x_t.shape[1:]) != (config.channels, config.size, config.size):
            raise ValueError(
                f"This classifier reads pictures of {config.channels} × {config.size} × {config.size}, "
                f"not of {' × '.join(str(n) for n in x_t.shape[1:])}."
            )
        when = TURNS * how_noisy(level).to(device=x_t.device, dtype=torch.float32).expand(len(x_t))
        embedding = self.time_embedding(timestep_embedding(when, self._unet).to(x_t.dtype))
        x = self.conv_in(x_t)
        for down in self.down_blocks:
            x = down(x, embedding, [])
        x = self.mid_block(x, embedding)
        seen: Tensor = self.head(silu(self.norm_out(x)).flatten(1))
        return self.prior + broadcast(level.alpha_bar.sqrt(), seen) * seen

    @property
    def parameter_count(self) -> int:
        """How many numbers there are to learn."""
        return sum(parameter.numel() for parameter in self.parameters())


def how_noisy(level: Level) -> Tensor:
    """(2/π) arctan(σ / √ᾱ), from 0, clean, to 1, pure noise: float64, the level's shape.

    Of no schedule, and finite at both ends; on the cosine schedule without its offset it is t / T itself.
    """
    return torch.atan2(level.variance.sqrt(), level.alpha_bar.sqrt()) * (2 / math.pi)


@dataclass(frozen=True, eq=False)
class TrainedClassifier:
    """A trained classifier of noisy pictures with its card; itself the `NoisyClassifier` that guidance asks."""

    net: LevelClassifier
    card: NoisyClassifierCard

    def __call__(self, x_t: Tensor, level: Level) -> Tensor:
        return self.net(x_t, level)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture: channels, height, width."""
        config = self.net.config
        return (config.channels, config.size, config.size)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of every class that it tells apart; numbers where the card has no name for each."""
        count = self.net.config.classes
        return self.card.class_names if len(self.card.class_names) == count else tuple(str(k) for k in range(count))


def save(folder: Path, config: NoisyClassifierConfig, weights: Mapping[str, Tensor], card: NoisyClassifierCard) -> None:
    """Write a classifier; each file is whole or not there at all. Raises OSError where the disk does not let us."""
    on_disk.save(folder, config, weights, card)


def load(folder: str | Path, device: torch.device | str = "cpu") -> TrainedClassifier:
    """Open a classifier of noisy pictures, ready to read and frozen.

    Args:
        folder: what `save` wrote, the folder of a training run, or a name in `NOISY_CLASSIFIERS`.
        device: where the network goes.

    Raises:
        CheckpointError: with one clear sentence, for a folder that is missing, incomplete, damaged or of another kind.
    """
    path = newest_in(checked_folder(NOISY_CLASSIFIERS.get(str(folder), Path(folder)), str(folder)))
    if (path / "unet").is_dir() or (path / "model_index.json").exists():
        raise CheckpointError(f"“{path.name}” draws pictures: guidance asks a classifier that reads noisy ones.")
    if read_json(path / "config.json", KIND).get("kind") != "noisy-classifier":
        raise CheckpointError(f"“{path.name}” reads clean pictures only: guidance asks a classifier of noisy ones.")
    return TrainedClassifier(
        *on_disk.load(path, str(folder), KIND, NoisyClassifierConfig, NoisyClassifierCard, LevelClassifier, device)
    )
