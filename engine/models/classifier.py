"""A small classifier of clean pictures, which evaluates generated ones. It shares no weights with the evaluated models.

Its pooled activations before the last layer are the features of the Fréchet distance (`engine.evaluation.metrics`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from engine.language import Message
from engine.storage.saved_network import NetworkCard, NetworkConfig, NetworkFormat, SavedNetwork

ASSETS = Path(__file__).resolve().parents[2] / "assets"
CLASSIFIERS: dict[str, Path] = {name: ASSETS / "checkpoints" / f"{name}-classifier" for name in ("digits", "emoji")}
"""The classifiers that ship, by the name of their data set."""

BATCH = 250
"""Pictures in one forward, which bounds the memory."""


class ClassifierConfig(NetworkConfig):
    """The shape of a classifier."""

    size: int = Field(ge=8, le=128, description="Height and width of a picture in pixels.")
    channels: int = Field(ge=1, le=3)
    classes: int = Field(ge=2, le=1000)
    widths: tuple[int, ...] = Field(
        (16, 32, 64), min_length=1, max_length=4, description="Channels at each resolution, fine to coarse."
    )

    @model_validator(mode="after")
    def _fits(self) -> ClassifierConfig:
        if self.size < 2 ** (len(self.widths) + 1):
            raise ValueError(
                Message(
                    "Pictures of {size} pixels are too small for {resolutions} resolutions.",
                    size=self.size,
                    resolutions=len(self.widths),
                )
            )
        if not all(1 <= width <= 256 for width in self.widths):
            raise ValueError(Message("Each width is between 1 and 256 channels."))
        return self


class ClassifierCard(NetworkCard):
    """What is known of a classifier."""

    class_names: tuple[str, ...] = Field((), max_length=1000)
    trained_on: int = Field(0, ge=0, description="Number of pictures that it was trained on.")
    held_out: int = Field(0, ge=0, description="Number of held-out pictures that it was evaluated on.")
    held_out_accuracy: float | None = Field(None, ge=0, le=1, description="Share of them that it classifies correctly.")
    check_accuracy: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The same on the validation pictures, by which its settings were chosen.",
    )
    seconds: float = Field(0, ge=0, description="Duration of the training.")


class Classifier(nn.Module):
    """Two convolutions at each resolution, the mean over all positions, and one linear layer.

    The pooled mean has as many dimensions as the last width, 64 in the shipped ones: these are the features.

    Args:
        config: its shape.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        channels = config.channels
        for resolution, width in enumerate(config.widths):
            layers += [nn.MaxPool2d(2)] if resolution else []
            for incoming in (channels, width):
                layers += [nn.Conv2d(incoming, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(channels, config.classes)

    def features(self, x: Tensor) -> Tensor:
        """Shape (B, last width) from pictures in [−1, 1], shape (B, C, H, W)."""
        out: Tensor = self.body(x).mean((2, 3))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (B, classes), from pictures in [−1, 1], shape (B, C, H, W)."""
        out: Tensor = self.head(self.features(x))
        return out


@dataclass(frozen=True, eq=False)
class Judge(SavedNetwork[Classifier, ClassifierCard]):
    """A trained classifier with its card."""

    @torch.no_grad()
    def read(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Classify clean pictures, in batches.

        Args:
            pictures: in [−1, 1], shape (N, C, H, W).

        Returns:
            The predicted classes, int64, shape (N,), and the features, float32, shape (N, last width), on the CPU.

        Raises:
            ValueError: where the pictures are of another shape than those it was trained on.
        """
        self.net.config.check_shape(pictures)
        device = self.net.head.weight.device
        classes, features = [], []
        for batch in torch.split(pictures, BATCH):
            pooled = self.net.features(batch.to(device))
            classes.append(self.net.head(pooled).argmax(1).cpu())
            features.append(pooled.cpu())
        return torch.cat(classes), torch.cat(features)


FORMAT = NetworkFormat("picture classifier", "", ClassifierConfig, ClassifierCard, Classifier, Judge, CLASSIFIERS)
save, load = FORMAT.save, FORMAT.load
