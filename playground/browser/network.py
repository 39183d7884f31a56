"""Which networks a browser can evaluate, and a network as src/unet.js reads it: its config, and its weights as safetensors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from engine.denoiser import NetDenoiser
from engine.language import Message
from engine.models.noisy_classifier import LevelClassifier
from engine.models.opened import Model
from engine.models.point_mlp import PointMLP
from engine.models.unet import UNet

MOST_PARAMETERS = 30_000_000
"""More would be 60 MB to fetch, half a gigabyte of memory, and seconds for each network evaluation."""


@dataclass(frozen=True)
class NetworkFiles:
    """A network as it is sent to the browser."""

    config: dict[str, Any]
    """Of a U-Net or a network of points its own; of a classifier its own, with the `UNetConfig` of its blocks as "unet"."""
    weights: bytes
    """A safetensors file, in single or half precision."""


def unsupported(model: Model) -> Message | None:
    """Why the browser cannot evaluate this model's network, in one sentence; None where it can."""
    if not isinstance(model.denoiser, NetDenoiser):
        return Message("The exact denoiser is no trained network: it is evaluated on the server.")
    return unsupported_network(model.denoiser.net, model.title)


def unsupported_network(net: nn.Module, title: str) -> Message | None:
    """The same of a network, or of a classifier of noisy pictures, with that title."""
    if not isinstance(net, UNet | LevelClassifier):
        return Message(
            "“{title}” is not one of this playground's own U-Nets: it is evaluated on the server.", title=title
        )
    count = sum(parameter.numel() for parameter in net.parameters())
    if count > MOST_PARAMETERS:
        return Message(
            "“{title}” has {count:.0f} million parameters, a browser evaluates up to {most:.0f} million: it is evaluated "
            "on the server.",
            title=title,
            count=count / 1e6,
            most=MOST_PARAMETERS / 1e6,
        )
    config = net.config if isinstance(net, UNet) else net.config.unet()
    # unet.c takes 8 channels at a time, and 4 numbers of a head.
    if any(width % 8 for width in config.block_out_channels) or (config.attention_head_dim or 4) % 4:
        return Message(
            "“{title}” has widths that are no multiples of 8, or heads that are none of 4: it is evaluated on the server.",
            title=title,
        )
    return None


def network_files(net: nn.Module, *, half: bool = False) -> NetworkFiles:
    """A network for the browser.

    Args:
        net: a `UNet`, a `LevelClassifier` or a `PointMLP`.
        half: in half precision: half as much to fetch, and outputs that differ by about 0.001. One of points is small and
            stays in single precision.

    Raises:
        TypeError: for any other network.
    """
    if isinstance(net, UNet):
        config = net.config.model_dump(mode="json")
    elif isinstance(net, LevelClassifier):
        config = net.config.model_dump(mode="json") | {"unet": net.config.unet().model_dump(mode="json")}
    elif isinstance(net, PointMLP):
        config = asdict(net.config)
    else:
        raise TypeError(f"A browser evaluates no {type(net).__name__}.")
    dtype = torch.float16 if half and not isinstance(net, PointMLP) else torch.float32
    state = {name: weight.to("cpu", dtype).contiguous() for name, weight in net.state_dict().items()}
    return NetworkFiles(config, save(state))
