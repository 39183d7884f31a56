"""Networks by name, from one that trains in a minute on a CPU to one for a GPU."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.models.unet import UNetConfig


@dataclass(frozen=True)
class Preset:
    """Widths and depth of a U-Net, for pictures of any size that can be halved as often as there are coarser widths."""

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
    "tiny": Preset("Tiny, trains in a minute", (16, 32, 48)),
    "small": Preset("Small, what the shipped digits were made with", (24, 48, 96)),
    "medium": Preset("Medium, twice as deep", (32, 64, 96), layers_per_block=2),
}


BY_SIZE: tuple[tuple[int, Preset], ...] = (
    (32, Preset("64 channels", (64, 128, 256, 512), 2, (False, False, False, True))),
    (64, Preset("128 channels", (128, 256, 512, 1024), 2, (False, False, False, True))),
    (96, Preset("160 channels", (160, 320, 640, 1280), 2, (False, False, False, True))),
    (512, Preset("192 channels", (192, 192, 384, 384, 768, 768), 2, (False, False, False, False, True, True))),
)
"""By the largest height and width in pixels: channels × (1, 2, 4, 8), above 96 pixels × (1, 1, 2, 2, 4, 4), for a GPU."""


def preset_for(name: str, size: int) -> Preset:
    """The preset of that name; "auto" depends on the size of the pictures, in pixels.

    Where the pictures cannot be halved once per coarser width (28 pixels only twice), the coarsest widths are left out.

    Raises:
        KeyError: for an unknown name.
    """
    if name != "auto":
        return PRESETS[name]
    preset = next(preset for largest, preset in BY_SIZE if size <= largest)
    halvings = next(n for n in reversed(range(len(preset.widths))) if size % 2**n == 0)
    return replace(preset, widths=preset.widths[: halvings + 1], attention=preset.attention[-halvings - 1 :])
