"""Networks by name, from one that learns while one watches to one that takes an afternoon."""

from __future__ import annotations

from dataclasses import dataclass

from engine.models.unet import UNetConfig


@dataclass(frozen=True)
class Preset:
    """The widths of a U-Net, fine to coarse, and how deep it is; fits pictures of any size that can be halved that often."""

    title: str
    widths: tuple[int, ...]
    layers_per_block: int = 1
    attention: tuple[bool, ...] = ()

    def config(self, size: int, channels: int, classes: int) -> UNetConfig:
        """The network for pictures of `size` × `size` pixels, `channels` colours and `classes` classes (0 for none)."""
        return UNetConfig(
            sample_size=size,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=self.widths,
            layers_per_block=self.layers_per_block,
            attention=self.attention,
            num_class_embeds=classes + 1 if classes else None,
        )


PRESETS: dict[str, Preset] = {
    "tiny": Preset("Tiny, to watch it learn", (16, 32, 48)),
    "small": Preset("Small, what the shipped digits were made with", (24, 48, 96)),
    "medium": Preset("Medium, twice as deep", (32, 64, 96), layers_per_block=2),
}
