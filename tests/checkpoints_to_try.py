"""What the tests of checkpoints share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.interop.pretrained import Card
from engine.models.unet import UNet, UNetConfig
from engine.process import TARGETS, Velocity
from engine.schedule import NoiseSchedule

CONFIG = UNetConfig(sample_size=8, block_out_channels=(8, 16), attention=(False, True), num_class_embeds=4)
WEIGHTS = Path("unet") / pretrained.WEIGHTS


def denoiser_of(
    target: str = "velocity", schedule: NoiseSchedule | None = None, config: UNetConfig = CONFIG
) -> NetDenoiser:
    """A network with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = UNet(config).eval()
    return NetDenoiser(net, schedule or NoiseSchedule.sigmoid(60), TARGETS[target], (config.num_class_embeds or 1) - 1)


def save_sound(folder: Path) -> Path:
    """Write a sound checkpoint of ours."""
    denoiser = denoiser_of()
    card = Card(title="Three classes", data="none", class_names=("a", "b", "c"), step=7)
    pretrained.save(folder, denoiser, denoiser.net.state_dict(), card)
    return folder


def edit(file: Path, **changed: Any) -> None:
    """Change some values of a JSON file."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def tiny_model(folder: Path, *, size: int = 28, classes: int = 10, data: str = "digits") -> Path:
    """An untrained network of a few thousand weights, written as a checkpoint."""
    config = UNetConfig(
        sample_size=size,
        in_channels=1,
        out_channels=1,
        block_out_channels=(8, 8),
        layers_per_block=1,
        num_class_embeds=classes + 1 if classes else None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = UNet(config)
    denoiser = NetDenoiser(net.eval(), NoiseSchedule.cosine(100), Velocity(), classes)
    names = tuple(str(k) for k in range(classes))
    pretrained.save(
        folder, denoiser, net.state_dict(), pretrained.Card(title="Tiny", data=data, class_names=names, step=7)
    )
    return folder
