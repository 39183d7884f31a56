"""The U-Net of DDPM: from a noised picture and its time to an output of the same size.

Ronneberger et al. 2015, arXiv:1505.04597, as adapted to diffusion by Ho et al. 2020, arXiv:2006.11239, appendix B: residual
blocks conditioned on the time, self-attention at the coarse resolutions, and skip connections from the downward to the upward
path.

The modules bear the names, and do the arithmetic, of diffusers' `UNet2DModel`, so that one state dict serves both.
Shapes in the comments: B pictures, C channels, H × W pixels, E = 4 · first width, the size of the time embedding.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, relu, scaled_dot_product_attention, silu

from engine.language import Message

Width = Annotated[int, Field(ge=1, le=2048)]


class UNetConfig(BaseModel):
    """What determines the network's shape, under the names of diffusers' `UNet2DModel`.

    Raises:
        ValueError: (pydantic's) where the numbers do not fit together.
    """

    model_config = ConfigDict(frozen=True)

    sample_size: int = Field(ge=4, le=1024, description="Height and width of the pictures, in pixels.")
    in_channels: int = Field(1, ge=1, le=16)
    out_channels: int = Field(1, ge=1, le=32)
    block_out_channels: tuple[Width, ...] = Field(
        (32, 64, 96), min_length=1, max_length=8, description="Widths, fine to coarse."
    )
    attention: tuple[bool, ...] = Field(
        (), description="Self-attention at each resolution; empty for none but the middle's."
    )
    layers_per_block: int = Field(2, ge=1, le=8, description="Residual blocks at each resolution of the downward path.")
    num_class_embeds: int | None = Field(None, ge=1, le=100_000, description="Classes and one for 'none', the last.")
    attention_head_dim: int | None = Field(
        8, ge=1, le=2048, description="Channels of one attention head; None for one head."
    )
    norm_num_groups: int = Field(8, ge=1, le=256)
    norm_eps: float = Field(1e-5, gt=0, lt=1)
    act_fn: Literal["silu", "relu"] = "silu"
    downsample_padding: Literal[0, 1] = Field(
        1, description="0 pads below and to the right only, as the paper's code does."
    )
    flip_sin_to_cos: bool = True
    freq_shift: Literal[0, 1] = 0

    @model_validator(mode="after")
    def _fits(self) -> UNetConfig:
        halvings = len(self.block_out_channels) - 1
        if self.sample_size % 2**halvings:
            raise ValueError(
                Message(
                    "Pictures of {size} pixels cannot be halved {halvings} times evenly.",
                    size=self.sample_size,
                    halvings=halvings,
                )
            )
        if self.attention and len(self.attention) != len(self.block_out_channels):
            raise ValueError(Message("attention needs one entry for each resolution."))
        for width in self.block_out_channels:
            if width % self.norm_num_groups:
                raise ValueError(
                    Message(
                        "A width of {width} channels cannot be normed in {groups} equal groups.",
                        width=width,
                        groups=self.norm_num_groups,
                    )
                )
            if self.attention_head_dim is not None and width % self.attention_head_dim:
                raise ValueError(
                    Message(
                        "A width of {width} channels cannot be split into heads of {head}.",
                        width=width,
                        head=self.attention_head_dim,
                    )
                )
        if self.block_out_channels[0] < 4 or self.block_out_channels[0] % 2:
            raise ValueError(
                Message("The first width must be even and at least 4: it carries the sines and cosines of the time.")
            )
        return self

    def attends(self, resolution: int) -> bool:
        """Whether the blocks at this resolution (0 is the finest) have self-attention."""
        return bool(self.attention) and self.attention[resolution]


def timestep_embedding(timestep: Tensor, config: UNetConfig) -> Tensor:
    """Sines and cosines of the time at geometrically spaced frequencies; Vaswani et al. 2017, section 3.5.

    Args:
        timestep: floating, shape (B,), may be fractional.

    Returns:
        float32, shape (B, first width).
    """
    half = config.block_out_channels[0] // 2
    frequency = torch.exp(
        -math.log(10_000) * torch.arange(half, dtype=torch.float32, device=timestep.device) / (half - config.freq_shift)
    )
    angle = timestep[:, None].float() * frequency
    parts = (angle.cos(), angle.sin()) if config.flip_sin_to_cos else (angle.sin(), angle.cos())
    return torch.cat(parts, dim=1)


class TimeEmbedding(nn.Module):
    """Two linear layers on the sines and cosines: (B, first width) to (B, E)."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        width = config.block_out_channels[0]
        self.linear_1 = nn.Linear(width, 4 * width)
        self.linear_2 = nn.Linear(4 * width, 4 * width)

    def forward(self, sines: Tensor) -> Tensor:
        return self.linear_2(silu(self.linear_1(sines)))


class ResidualBlock(nn.Module):
    """Norm, activation, convolution, twice; the time is added in between, the input at the end."""

    def __init__(self, in_channels: int, out_channels: int, config: UNetConfig) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(config.norm_num_groups, in_channels, config.norm_eps)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time_emb_proj = nn.Linear(4 * config.block_out_channels[0], out_channels)
        self.norm2 = nn.GroupNorm(config.norm_num_groups, out_channels, config.norm_eps)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else None
        self.activation = relu if config.act_fn == "relu" else silu

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv1(self.activation(self.norm1(x)))
        h = h + self.time_emb_proj(self.activation(embedding))[:, :, None, None]
        h = self.conv2(self.activation(self.norm2(h)))
        return h + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    """Self-attention over the H · W positions, with a residual connection; Ho et al. 2020, appendix B."""

    def __init__(self, channels: int, config: UNetConfig) -> None:
        super().__init__()
        self.heads = channels // (config.attention_head_dim or channels)
        self.group_norm = nn.GroupNorm(config.norm_num_groups, channels, config.norm_eps)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        h = self.group_norm(x).flatten(2).transpose(1, 2)  # (B, H·W, C)
        q, k, v = (
            project(h).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, H·W, C / heads)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        h = scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        return x + self.to_out[0](h).transpose(1, 2).reshape(x.shape)


class Downsample(nn.Module):
    """Half the resolution, by a convolution of stride 2."""

    def __init__(self, channels: int, config: UNetConfig) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=config.downsample_padding)
        self.pads = config.downsample_padding == 0

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(pad(x, (0, 1, 0, 1)) if self.pads else x)


class Upsample(nn.Module):
    """Twice the resolution: every pixel four times, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))


class DownBlock(nn.Module):
    """One resolution of the downward path. Every result is a skip connection to the upward path."""

    def __init__(self, resolution: int, in_channels: int, out_channels: int, config: UNetConfig) -> None:
        super().__init__()
        widths = [in_channels, *[out_channels] * config.layers_per_block]
        self.resnets = nn.ModuleList(ResidualBlock(a, b, config) for a, b in pairwise(widths))
        self.attentions = nn.ModuleList(
            Attention(out_channels, config) for _ in self.resnets if config.attends(resolution)
        )
        coarsest = resolution == len(config.block_out_channels) - 1
        self.downsamplers = nn.ModuleList([] if coarsest else [Downsample(out_channels, config)])

    def forward(self, x: Tensor, embedding: Tensor, skips: list[Tensor]) -> Tensor:
        for i, resnet in enumerate(self.resnets):
            x = resnet(x, embedding)
            if self.attentions:
                x = self.attentions[i](x)
            skips.append(x)
        for down in self.downsamplers:
            x = down(x)
            skips.append(x)
        return x


class MiddleBlock(nn.Module):
    """The bottom of the U: attention between two residual blocks."""

    def __init__(self, channels: int, config: UNetConfig) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([Attention(channels, config)])
        self.resnets = nn.ModuleList(ResidualBlock(channels, channels, config) for _ in range(2))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        x = self.attentions[0](self.resnets[0](x, embedding))
        return self.resnets[1](x, embedding)


class UpBlock(nn.Module):
    """One resolution of the upward path: each residual block takes one skip connection beside the coarser result."""

    def __init__(self, resolution: int, in_channels: int, skip_channels: list[int], config: UNetConfig) -> None:
        super().__init__()
        width = config.block_out_channels[resolution]
        below = [in_channels, *[width] * (len(skip_channels) - 1)]
        self.resnets = nn.ModuleList(
            ResidualBlock(a + skip, width, config) for a, skip in zip(below, skip_channels, strict=True)
        )
        self.attentions = nn.ModuleList(Attention(width, config) for _ in self.resnets if config.attends(resolution))
        self.upsamplers = nn.ModuleList([] if resolution == 0 else [Upsample(width)])

    def forward(self, x: Tensor, embedding: Tensor, skips: list[Tensor]) -> Tensor:
        for i, resnet in enumerate(self.resnets):
            x = resnet(torch.cat([x, skips.pop()], dim=1), embedding)
            if self.attentions:
                x = self.attentions[i](x)
        for up in self.upsamplers:
            x = up(x)
        return x


class UNet(nn.Module):
    """The network.

    Args:
        config: its shape.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.block_out_channels
        embedding_size = 4 * widths[0]

        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(config)
        self.class_embedding = (
            nn.Embedding(config.num_class_embeds, embedding_size) if config.num_class_embeds is not None else None
        )

        self.down_blocks = nn.ModuleList()
        skip_channels = [widths[0]]
        for resolution, (below, width) in enumerate(pairwise([widths[0], *widths])):
            block = DownBlock(resolution, below, width, config)
            self.down_blocks.append(block)
            skip_channels += [width] * (config.layers_per_block + len(block.downsamplers))

        self.mid_block = MiddleBlock(widths[-1], config)

        self.up_blocks = nn.ModuleList()
        channels = widths[-1]
        for resolution in reversed(range(len(widths))):
            taken = [skip_channels.pop() for _ in range(config.layers_per_block + 1)]
            self.up_blocks.append(UpBlock(resolution, channels, taken, config))
            channels = widths[resolution]

        self.conv_norm_out = nn.GroupNorm(config.norm_num_groups, widths[0], config.norm_eps)
        self.conv_out = nn.Conv2d(widths[0], config.out_channels, 3, padding=1)

    def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None = None) -> Tensor:
        """The output of the network for a batch.

        Args:
            x: shape (B, C, H, W).
            timestep: shape (B,), t − 1 in 0 … T − 1, as diffusers counts; may be fractional.
            classes: int64, shape (B,); needed exactly where `num_class_embeds` is set.

        Returns:
            Shape (B, out_channels, H, W).
        """
        embedding = self.time_embedding(timestep_embedding(timestep, self.config).to(x.dtype))
        if self.class_embedding is not None:
            embedding = embedding + self.class_embedding(classes)

        h = self.conv_in(x)
        skips = [h]
        for down in self.down_blocks:
            h = down(h, embedding, skips)
        h = self.mid_block(h, embedding)
        for up in self.up_blocks:
            h = up(h, embedding, skips)
        # Under autocast the activations have another precision than the picture.
        return self.conv_out(silu(self.conv_norm_out(h))).to(x.dtype)

    @property
    def parameter_count(self) -> int:
        """Number of trained parameters."""
        return sum(parameter.numel() for parameter in self.parameters())
