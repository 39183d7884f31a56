"""A variational autoencoder: a picture becomes a handful of numbers z, and a picture again; Kingma & Welling 2014.

arXiv:1312.6114. Small and convolutional. The prior is N(0, I). The decoder gives each number of the picture a Gaussian with
a mean and a variance of its own, read as 256 levels by `engine.likelihood.Discretised`: the very last step of the diffusion
model's bound, so that bits per dimension compare. No class is given to it.

    DIR/config.json, DIR/model.safetensors, DIR/card.json       as of a classifier, see `engine.storage.saved_network`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

from engine.latent import Gaussian
from engine.models.classifier import ASSETS
from engine.models.unet import Width
from engine.storage import saved_network as on_disk
from engine.storage.checked_files import CheckpointError, checked_folder, read_json
from engine.storage.checkpoints import newest_in

VAES: dict[str, Path] = {"digits-vae": ASSETS / "checkpoints" / "digits-vae"}
"""The VAEs that ship, by name."""

KIND = "folder of a VAE"
GROUPS = 8
"""Of channels that are normalised together."""
NARROWEST = -12.0
"""Of log σ² of a number of the picture: a narrower Gaussian would lie within one of the 256 levels anyway, and its gradients
explode."""
WIDEST = 3.0


class VAEConfig(BaseModel):
    """The shape of a VAE."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["vae"] = "vae"
    size: int = Field(ge=4, le=1024, description="Height and width of a picture in pixels.")
    channels: int = Field(ge=1, le=16)
    latent: int = Field(16, ge=1, le=4096, description="Numbers in z.")
    widths: tuple[Width, ...] = Field((16, 32, 48), min_length=1, max_length=8, description="Fine to coarse, halving.")

    @model_validator(mode="after")
    def _fits(self) -> VAEConfig:
        if any(width % GROUPS for width in self.widths):
            raise ValueError(f"the widths must be multiples of {GROUPS}")
        return self

    @property
    def sides(self) -> tuple[int, ...]:
        """Pixels along a side at each resolution, fine to coarse; an odd number is halved upwards."""
        sides = [self.size]
        for _ in self.widths[1:]:
            sides.append(-(-sides[-1] // 2))
        return tuple(sides)


class VAECard(BaseModel):
    """What a VAE says of itself."""

    model_config = ConfigDict(extra="ignore")

    title: str = Field("", max_length=200)
    data: str = Field("", max_length=200)
    step: int = Field(0, ge=0)
    training: dict[str, Any] = Field(default_factory=dict, description="The training config, as it was given.")
    command: str = Field("", max_length=500, description="What made it.")


class VAE(nn.Module):
    """The network; an `engine.latent.Autoencoder`.

    Args:
        config: its shape.
    """

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        widths, coarsest = config.widths, config.sides[-1]
        self._bottom = (widths[-1], coarsest, coarsest)
        flat = widths[-1] * coarsest**2
        self.conv_in = nn.Conv2d(config.channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(_Block(below, width, stride=2) for below, width in pairwise(widths))
        self.to_latent = nn.Linear(flat, 2 * config.latent)
        self.from_latent = nn.Linear(config.latent, flat)
        back = widths[::-1]
        self.up = nn.ModuleList(_Block(below, width, stride=1) for below, width in pairwise(back))
        self.last = _Block(widths[0], widths[0], stride=1)
        self.conv_out = nn.Conv2d(widths[0], 2 * config.channels, 3, padding=1)

    def encode(self, x: Tensor) -> Gaussian:
        """q(z | x).

        Args:
            x: in [−1, 1], shape (B, C, H, W).

        Returns:
            Mean and log-variance, each of shape (B, latent).

        Raises:
            ValueError: for pictures of another shape than those it learned from.
        """
        config = self.config
        if x.ndim != 4 or tuple(x.shape[1:]) != (config.channels, config.size, config.size):
            raise ValueError(
                f"This VAE is for pictures of {config.channels} × {config.size} × {config.size}, "
                f"not of {' × '.join(str(n) for n in x.shape[1:])}."
            )
        x = silu(self.conv_in(x))
        for block in self.down:
            x = block(x)
        mean, log_variance = self.to_latent(x.flatten(1)).chunk(2, dim=1)
        return Gaussian(mean, log_variance.clamp(-20, 10))

    def decode(self, z: Tensor) -> Gaussian:
        """p(x | z) before its 256 levels.

        Args:
            z: shape (B, latent).

        Returns:
            Mean, which may lie a little outside of [−1, 1], and log-variance, each of shape (B, C, H, W).
        """
        x = silu(self.from_latent(z)).view(len(z), *self._bottom)
        for block, side in zip(self.up, self.config.sides[-2::-1], strict=True):
            x = interpolate(block(x), size=(side, side))
        mean, log_variance = self.conv_out(self.last(x)).chunk(2, dim=1)
        return Gaussian(mean, log_variance.clamp(NARROWEST, WIDEST))

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Gaussian, Gaussian]:
        """q(z | x), and p(x | z) at the z that the noise, of shape (B, latent), draws from it."""
        posterior = self.encode(x)
        return posterior, self.decode(posterior.at(noise))

    @property
    def parameter_count(self) -> int:
        """How many numbers there are to learn."""
        return sum(parameter.numel() for parameter in self.parameters())


class _Block(nn.Module):
    """Convolution, normalisation, SiLU."""

    def __init__(self, below: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(below, width, 3, padding=1, stride=stride)
        self.norm = nn.GroupNorm(GROUPS, width)

    def forward(self, x: Tensor) -> Tensor:
        return silu(self.norm(self.conv(x)))


@dataclass(frozen=True, eq=False)
class TrainedVAE:
    """A trained VAE with its card."""

    net: VAE
    card: VAECard

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture: channels, height, width."""
        config = self.net.config
        return (config.channels, config.size, config.size)


def save(folder: Path, config: VAEConfig, weights: Mapping[str, Tensor], card: VAECard) -> None:
    """Write a VAE; each file is whole or not there at all. Raises OSError where the disk does not let us."""
    on_disk.save(folder, config, weights, card)


def load(folder: str | Path, device: torch.device | str = "cpu") -> TrainedVAE:
    """Open a VAE, frozen.

    Args:
        folder: what `save` wrote, the folder of a training run, or a name in `VAES`.
        device: where the network goes.

    Raises:
        CheckpointError: with one clear sentence, for a folder that is missing, incomplete, damaged or of another kind.
    """
    path = newest_in(checked_folder(VAES.get(str(folder), Path(folder)), str(folder)))
    if not is_vae(path):
        raise CheckpointError(f"“{path.name}” is no VAE.")
    return TrainedVAE(*on_disk.load(path, str(folder), KIND, VAEConfig, VAECard, VAE, device))


def is_vae(folder: Path) -> bool:
    """Whether a folder of what was learned holds one. Raises CheckpointError where its config cannot be read."""
    if (folder / "unet").is_dir() or (folder / "model_index.json").exists():
        return False
    return read_json(folder / "config.json", KIND).get("kind") == "vae"
