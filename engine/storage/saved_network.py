"""Small networks on disk, each kind by one `NetworkFormat`: the classifiers and the VAE. A denoiser is a folder of diffusers.

DIR/config.json                            its shape
DIR/model.safetensors                      its weights
DIR/card.json                              how it was trained, and how good it is
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from engine.language import Message
from engine.storage import budgets
from engine.storage.checked_files import (
    CheckpointError,
    checked_folder,
    first_problem,
    load_weights,
    read_json,
    save_tensors,
)
from engine.storage.checkpoints import newest_in
from engine.storage.files import write_json

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "card.json"


class NetworkConfig(BaseModel):
    """The shape of a network for pictures; each kind adds its own fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(ge=4, le=1024, description="Height and width of a picture in pixels.")
    channels: int = Field(ge=1, le=16)

    def check_shape(self, pictures: Tensor) -> None:
        """Raise ValueError for pictures that are not of shape (B, channels, size, size)."""
        if pictures.ndim != 4 or tuple(pictures.shape[1:]) != (self.channels, self.size, self.size):
            raise ValueError(
                Message(
                    "This network is for pictures of {channels} × {size} × {size}, not of {shape}.",
                    channels=self.channels,
                    size=self.size,
                    shape=" × ".join(str(n) for n in pictures.shape[1:]),
                )
            )


class NetworkCard(BaseModel):
    """What is known of a saved network; each kind adds its own fields."""

    model_config = ConfigDict(extra="ignore")

    title: str = Field("", max_length=200)
    data: str = Field("", max_length=200, description="The data set it was trained on.")
    training: dict[str, Any] = Field(default_factory=dict, description="The training config.")
    command: str = Field("", max_length=500, description="The shell command that made it.")


Config = TypeVar("Config", bound=NetworkConfig)
Card = TypeVar("Card", bound=NetworkCard)
Net = TypeVar("Net", bound=nn.Module)
Opened = TypeVar("Opened")


@dataclass(frozen=True, eq=False)
class SavedNetwork(Generic[Net, Card]):
    """A network with its card."""

    net: Net
    card: Card

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture: channels, height, width."""
        config: NetworkConfig = self.net.config  # type: ignore[assignment]
        return (config.channels, config.size, config.size)


@dataclass(frozen=True)
class NetworkFormat(Generic[Config, Card, Net, Opened]):
    """One kind of saved network."""

    title: str
    """What a folder of it is called in messages: "VAE"."""
    kind: str
    """The `kind` in its config.json; "" where it has none."""
    config: type[Config]
    card: type[Card]
    build: Callable[[Config], Net]
    opened: Callable[[Net, Card], Opened]
    """Puts network and card together."""
    shipped: Mapping[str, Path]
    """The folders that ship, by name."""

    def save(self, folder: Path, config: Config, weights: Mapping[str, Tensor], card: Card) -> None:
        """Write one; each file is written atomically. Raises OSError where the write fails."""
        save_tensors(folder / WEIGHTS, weights)
        write_json(folder / CONFIG, config.model_dump())
        write_json(folder / CARD, card.model_dump())

    def is_saved_in(self, folder: Path) -> bool:
        """Whether a folder holds one. Raises CheckpointError where its config cannot be read."""
        return not is_diffusers(folder) and read_json(folder / CONFIG, self.title).get("kind", "") == self.kind

    def load(self, folder: str | Path, device: torch.device | str = "cpu") -> Opened:
        """Open one, in evaluation mode and without gradients.

        Args:
            folder: one that `save` wrote, the folder of a training run, or the name of one that ships.
            device: where the network goes.

        Raises:
            CheckpointError: with one sentence, for a folder that is missing, incomplete, damaged or of another kind.
        """
        path = newest_in(checked_folder(self.shipped.get(str(folder), Path(folder)), str(folder)))
        if not self.is_saved_in(path):
            holds = Message("it holds a diffusion model") if is_diffusers(path) else Message("it holds another network")
            raise CheckpointError(
                Message("“{name}” is no {title}: {holds}.", name=path.name, title=Message(self.title), holds=holds)
            )
        file = CONFIG
        try:
            config = self.config.model_validate(read_json(path / file, self.title))
            file = CARD
            card = self.card.model_validate(read_json(path / file, self.title))
        except ValidationError as error:
            raise CheckpointError(
                Message(
                    "{file} in “{name}” makes no sense: {problem}.",
                    file=file,
                    name=path.name,
                    problem=first_problem(error),
                )
            ) from error
        with torch.device("meta"):
            net = self.build(config)
        size = sum(parameter.numel() for parameter in net.parameters())
        if size > budgets.PARAMETERS:
            raise CheckpointError(
                Message(
                    "A network of {millions:,.0f} million parameters is too large for this playground.",
                    millions=size / 1000000.0,
                )
            )
        net = net.to_empty(device="cpu")
        load_weights(net, path / WEIGHTS)
        net = net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self.opened(net.eval().requires_grad_(False), card)


def is_diffusers(folder: Path) -> bool:
    """Whether a folder holds a diffusion model."""
    return (folder / "unet").is_dir() or (folder / "model_index.json").exists()
