"""A `UNet2DModel` of diffusers that our own U-Net does not cover: diffusers' own class, with the signature of ours.

It covers other down- and upsampling, other activations and embeddings, and pictures that are not square. diffusers is imported
only when such a network is opened.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from engine.language import Message

Width = Annotated[int, Field(ge=1, le=2048)]
Pixels = Annotated[int, Field(ge=4, le=1024)]

DownBlock = Literal[
    "DownBlock2D",
    "AttnDownBlock2D",
    "ResnetDownsampleBlock2D",
    "SkipDownBlock2D",
    "AttnSkipDownBlock2D",
    "KDownBlock2D",
]
UpBlock = Literal[
    "UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D", "SkipUpBlock2D", "AttnSkipUpBlock2D", "KUpBlock2D"
]


class DiffusersUNetConfig(BaseModel):
    """All settings of a `UNet2DModel`, by their names and with their defaults, limited to sizes that can be built.

    Raises:
        ValueError: (pydantic's) for a value that diffusers does not know, or a size that is too large.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    sample_size: Pixels | tuple[Pixels, Pixels]
    in_channels: int = Field(3, ge=1, le=16)
    out_channels: int = Field(3, ge=1, le=32)
    center_input_sample: bool = False
    time_embedding_type: Literal["positional", "learned"] = "positional"
    time_embedding_dim: int | None = Field(None, ge=1, le=8192)
    freq_shift: int = Field(0, ge=0, le=1)
    flip_sin_to_cos: bool = True
    down_block_types: tuple[DownBlock, ...] = Field(
        ("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"), min_length=1, max_length=8
    )
    mid_block_type: Literal["UNetMidBlock2D"] | None = "UNetMidBlock2D"
    up_block_types: tuple[UpBlock, ...] = Field(
        ("AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"), min_length=1, max_length=8
    )
    block_out_channels: tuple[Width, ...] = Field((224, 448, 672, 896), min_length=1, max_length=8)
    layers_per_block: int = Field(2, ge=1, le=8)
    mid_block_scale_factor: float = Field(1.0, gt=0, le=1000)
    downsample_padding: int = Field(1, ge=0, le=1)
    downsample_type: Literal["conv", "resnet"] = "conv"
    upsample_type: Literal["conv", "resnet"] = "conv"
    dropout: float = Field(0.0, ge=0, lt=1)
    act_fn: Literal["silu", "swish", "mish", "gelu", "relu"] = "silu"
    attention_head_dim: int | None = Field(8, ge=1, le=2048)
    norm_num_groups: int = Field(32, ge=1, le=256)
    attn_norm_num_groups: int | None = Field(None, ge=1, le=256)
    norm_eps: float = Field(1e-5, gt=0, lt=1)
    resnet_time_scale_shift: Literal["default", "scale_shift"] = "default"
    add_attention: bool = True
    class_embed_type: Literal["timestep"] | None = None
    num_class_embeds: int | None = Field(None, ge=1, le=100_000)
    num_train_timesteps: int | None = Field(None, ge=1, le=100_000)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.sample_size if isinstance(self.sample_size, tuple) else (self.sample_size, self.sample_size)


class DiffusersUNet(nn.Module):
    """A `UNet2DModel` as `NetDenoiser` calls it: (x, timestep, class or None) to the network's output.

    Args:
        config: its shape.

    Raises:
        ValueError, TypeError, RuntimeError: (diffusers') where the settings do not fit together.
    """

    def __init__(self, config: DiffusersUNetConfig) -> None:
        super().__init__()
        import diffusers  # imported here, for it takes seconds

        self.config = config
        unet: Any = diffusers.UNet2DModel
        self.theirs: nn.Module = unet(**config.model_dump())

    def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None = None) -> Tensor:
        """As `engine.models.unet.UNet.forward`. A network with an embedding for each timestep takes the nearest one."""
        if self.config.time_embedding_type == "learned":
            timestep = timestep.round().long()
        return self.theirs(x, timestep, class_labels=classes, return_dict=False)[0]

    @property
    def parameter_count(self) -> int:
        """How many parameters it has."""
        return sum(parameter.numel() for parameter in self.parameters())

    @torch.no_grad()
    def check_shapes(self) -> None:
        """Evaluate it for shapes alone, on "meta". Raises what torch raises where its parts do not fit together."""
        classes = self.config.num_class_embeds and torch.zeros(1, dtype=torch.long, device="meta")
        x = torch.zeros(1, self.config.in_channels, *self.config.size, device="meta")
        out = self(x, torch.zeros(1, device="meta"), classes)
        if out.shape[-2:] != x.shape[-2:]:
            raise ValueError(Message("its output has another size than its input"))
