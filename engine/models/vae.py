"""A variational autoencoder (VAE), small and convolutional; Kingma & Welling 2014, arXiv:1312.6114.

The prior of z is N(0, I). The decoder predicts a mean and a variance for each pixel and channel, of a Gaussian that is
discretised to 256 levels by `engine.likelihood.Discretised`, as in the last step of the diffusion model's bound, so that their
bits per dimension compare. It is unconditional.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

from engine.language import Message
from engine.latent import DiagonalGaussian
from engine.models.classifier import ASSETS
from engine.models.unet import Width
from engine.storage.saved_network import NetworkCard, NetworkConfig, NetworkFormat, SavedNetwork

VAES: dict[str, Path] = {"digits-vae": ASSETS / "checkpoints" / "digits-vae"}
"""The VAEs that ship, by name."""

GROUPS = 8
"""Groups of each group normalisation."""
NARROWEST = -12.0
"""Least log σ² of p(x | z): a narrower Gaussian lies within one of the 256 levels, and its gradients explode."""
WIDEST = 3.0


class VAEConfig(NetworkConfig):
    """The shape of a VAE."""

    kind: Literal["vae"] = "vae"
    latent: int = Field(16, ge=1, le=4096, description="Dimensions of z.")
    widths: tuple[Width, ...] = Field((16, 32, 48), min_length=1, max_length=8, description="Fine to coarse, halving.")

    @model_validator(mode="after")
    def _fits(self) -> VAEConfig:
        if any(width % GROUPS for width in self.widths):
            raise ValueError(Message("the widths must be multiples of {groups}", groups=GROUPS))
        return self

    @property
    def sides(self) -> tuple[int, ...]:
        """Pixels along a side at each resolution, fine to coarse; an odd number is halved upwards."""
        sides = [self.size]
        for _ in self.widths[1:]:
            sides.append(-(-sides[-1] // 2))
        return tuple(sides)


class VAECard(NetworkCard):
    """What is known of a VAE."""

    step: int = Field(0, ge=0, description="Of the training.")


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

    def encode(self, x: Tensor) -> DiagonalGaussian:
        """q(z | x).

        Args:
            x: in [−1, 1], shape (B, C, H, W).

        Returns:
            Mean and log-variance, each of shape (B, latent).

        Raises:
            ValueError: for pictures of another shape than those it was trained on.
        """
        self.config.check_shape(x)
        x = silu(self.conv_in(x))
        for block in self.down:
            x = block(x)
        mean, log_variance = self.to_latent(x.flatten(1)).chunk(2, dim=1)
        return DiagonalGaussian(mean, log_variance.clamp(-20, 10))

    def decode(self, z: Tensor) -> DiagonalGaussian:
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
        return DiagonalGaussian(mean, log_variance.clamp(NARROWEST, WIDEST))

    def forward(self, x: Tensor, noise: Tensor) -> tuple[DiagonalGaussian, DiagonalGaussian]:
        """q(z | x), and p(x | z) at the z sampled from it with the noise, of shape (B, latent)."""
        posterior = self.encode(x)
        return posterior, self.decode(posterior.sample(noise))


class _Block(nn.Module):
    """Convolution, normalisation, SiLU."""

    def __init__(self, below: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(below, width, 3, padding=1, stride=stride)
        self.norm = nn.GroupNorm(GROUPS, width)

    def forward(self, x: Tensor) -> Tensor:
        return silu(self.norm(self.conv(x)))


@dataclass(frozen=True, eq=False)
class TrainedVAE(SavedNetwork[VAE, VAECard]):
    """A trained VAE with its card."""


FORMAT = NetworkFormat("VAE", "vae", VAEConfig, VAECard, VAE, TrainedVAE, VAES)
save, load, is_saved_in = FORMAT.save, FORMAT.load, FORMAT.is_saved_in
