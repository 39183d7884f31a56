"""Checkpoints: folders that diffusers opens as they are, and that open here.

    DIR/model_index.json      what the parts are
    DIR/unet/                 config.json and diffusion_pytorch_model.safetensors, for `UNet2DModel.from_pretrained`
    DIR/scheduler/            scheduler_config.json, for `DDPMScheduler.from_pretrained` and `DDIMScheduler.from_pretrained`
    DIR/card.json             written by this project only: class names, the training config, measured quality

Older folders of diffusers, without the two inner ones, open as well: config.json, the weights and scheduler_config.json lie
side by side there. Only safetensors are read. See `engine.interop.diffusers_format` for their contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from engine.data.shipped import DATASETS
from engine.denoiser import NetDenoiser
from engine.interop import diffusers_format as theirs
from engine.interop.diffusers_unet import DiffusersUNet
from engine.language import N_, Message, message_of
from engine.models.opened import Model
from engine.models.unet import UNet, UNetConfig
from engine.models.uninitialised import uninitialised
from engine.process import TARGETS
from engine.storage.checked_files import (
    PICKLES,
    CheckpointError,
    checked_folder,
    first_problem,
    load_weights,
    read_json,
    save_tensors,
)
from engine.storage.checkpoints import newest_in
from engine.storage.files import write_json

__all__ = ["CHECKPOINTS", "PICKLES", "Card", "Checkpoint", "CheckpointError", "load", "save", "write_json"]

ASSETS = Path(__file__).resolve().parents[2] / "assets"
CHECKPOINTS: dict[str, Path] = {
    name: ASSETS / "checkpoints" / name for name in ("digits", "digits-learned-variance", "emoji")
}
"""Trained networks that ship, by name."""

KIND = N_("diffusers folder of a DDPM")
WEIGHTS = "diffusion_pytorch_model.safetensors"


class Card(BaseModel):
    """What is known of a checkpoint beyond what diffusers needs."""

    model_config = ConfigDict(extra="ignore")

    title: str = Field("", max_length=200)
    data: str = Field("", max_length=200)
    class_names: tuple[str, ...] = Field((), max_length=10_000)
    step: int = Field(0, ge=0)
    null_class: bool = Field(True, description="Whether the network's last class is the unconditional one.")
    training: dict[str, Any] = Field(default_factory=dict, description="The training config, as it was given.")
    machine: str = Field("", max_length=200, description="What it computed on; empty where that was not noted.")
    quality: dict[str, Any] = Field(
        default_factory=dict, description="What was measured, with the command that did it."
    )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A denoiser with the card of the folder that it came from."""

    denoiser: NetDenoiser
    unet: theirs.AnyUNetConfig
    card: Card

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture: channels, height, width."""
        unet = self.unet
        size = (unet.sample_size, unet.sample_size) if isinstance(unet, UNetConfig) else unet.size
        return (unet.in_channels, *size)

    def model(self, name: str, title: str = "") -> Model:
        """The same as a model. The name of its data counts only for a set that ships.

        Args:
            name: of the model, in recipes and links.
            title: for the reader; "" for that of the card.
        """
        card, classes = self.card, self.denoiser.classes
        class_names = card.class_names if len(card.class_names) == classes else tuple(str(k) for k in range(classes))
        return Model(
            name,
            title or card.title or name,
            self.denoiser,
            self.shape,
            class_names,
            self.denoiser.schedule,
            card.data if card.data in DATASETS else "",
            needs_label=classes > 0 and not self.denoiser.has_null_class,
        )


# --- writing ----------------------------------------------------------------------------------------------------------


def save(folder: Path, denoiser: NetDenoiser, weights: Mapping[str, Tensor], card: Card) -> None:
    """Write a checkpoint; each file is whole or not there at all (written beside its name, then renamed).

    Args:
        folder: made where it is missing; files of an earlier checkpoint in it are replaced.
        denoiser: its network must be our `UNet`.
        weights: of the network, usually the EMA.
        card: beyond what diffusers needs.

    Raises:
        OSError: where the write fails.
        ValueError: for a prediction target that diffusers does not know.
    """
    net = denoiser.net
    if not isinstance(net, UNet):
        raise TypeError("Only our own U-Net is written as a diffusers folder.")
    target = next((name for name, target in TARGETS.items() if target == denoiser.target), None)
    if target is None:
        raise ValueError("diffusers does not know this prediction target.")
    for part in ("unet", "scheduler"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    save_tensors(folder / "unet" / WEIGHTS, weights)
    write_json(folder / "unet" / "config.json", theirs.unet_to_diffusers(net.config))
    write_json(
        folder / "scheduler" / "scheduler_config.json",
        theirs.scheduler_to_diffusers(denoiser.schedule, target, denoiser.learned_variance),
    )
    write_json(folder / "card.json", card.model_copy(update={"null_class": denoiser.has_null_class}).model_dump())
    write_json(
        folder / "model_index.json",
        {
            "_class_name": "DDPMPipeline",
            "unet": ["diffusers", "UNet2DModel"],
            "scheduler": ["diffusers", "DDPMScheduler"],
        },
    )


# --- reading ----------------------------------------------------------------------------------------------------------


def load(folder: str | Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Open a folder as a denoiser.

    Args:
        folder: a diffusers folder with a `UNet2DModel` in pixel space, the folder of a training run, of which the newest
            checkpoint that is whole counts, or a name in `CHECKPOINTS`.
        device: of the network.

    Raises:
        CheckpointError: with one sentence, for a folder that is missing, incomplete, damaged, a pickle, of another
            architecture or too large. Nothing of it is executed in any case.
    """
    path = newest_in(checked_folder(CHECKPOINTS.get(str(folder), Path(folder)), str(folder)))
    unet_file, config, scheduler = read_configs(path)
    card, ours = Card(), (path / "card.json").exists()
    if ours:
        try:
            card = Card.model_validate(read_json(path / "card.json", KIND))
        except ValidationError as error:
            raise CheckpointError(
                Message(
                    "card.json in “{name}” is damaged: {problem}.",
                    name=path.name,
                    problem=first_problem(error),
                )
            ) from error
    # Only our own checkpoints have an unconditional class; elsewhere every class is a class.
    null_class = ours and card.null_class
    classes = (config.num_class_embeds or 0) - (null_class and config.num_class_embeds is not None)
    net = _filled(config, _weights_file(unet_file.parent))
    net = net.to(device=device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    try:
        denoiser = NetDenoiser(
            net,
            scheduler.schedule,
            TARGETS[scheduler.target],
            classes,
            learned_variance=scheduler.learned_variance,
            has_null_class=null_class or not classes,
        )
    except ValueError as error:
        raise CheckpointError(message_of(error)) from error
    return Checkpoint(denoiser=denoiser, unet=config, card=card)


def read_configs(path: Path) -> tuple[Path, theirs.AnyUNetConfig, theirs.SchedulerFacts]:
    """Path of a folder's network config, the config, and its scheduler; the weights are not read.

    Raises:
        CheckpointError: with one sentence, as in `load`.
    """
    unet_file, scheduler_file = _parts(path)
    config = theirs.unet_from_diffusers(read_json(unet_file, KIND))
    return unet_file, config, theirs.scheduler_from_diffusers(read_json(scheduler_file, KIND), config)


def _parts(path: Path) -> tuple[Path, Path]:
    """Paths of the configs of network and scheduler: in folders of their own, or, as in old folders, side by side."""
    if path.name == "unet" and (path.parent / "scheduler").is_dir():  # one folder too deep opens as well
        path = path.parent
    if (path / "model_index.json").exists():
        theirs.check_index(read_json(path / "model_index.json", KIND))
    flat = path / "config.json"
    if (path / "unet").is_dir() or not flat.exists():
        return path / "unet" / "config.json", path / "scheduler" / "scheduler_config.json"
    if "_class_name" not in (values := read_json(flat, KIND)):
        raise theirs.not_a_unet(values)
    beside = path / "scheduler_config.json"
    return flat, beside if beside.exists() else path / "scheduler" / "scheduler_config.json"


def _weights_file(folder: Path) -> Path:
    """The weights, or the ones in half precision where there are no others."""
    whole, half = folder / WEIGHTS, folder / WEIGHTS.replace(".safetensors", ".fp16.safetensors")
    if (folder / f"{WEIGHTS}.index.json").exists() and not whole.exists():
        raise CheckpointError(
            Message("The weights are split into several files, as of networks too large for this playground.")
        )
    return half if half.exists() and not whole.exists() else whole


def _filled(config: theirs.AnyUNetConfig, file: Path) -> nn.Module:
    if isinstance(config, UNetConfig):
        with uninitialised("cpu"):
            net: nn.Module = UNet(config)
    else:
        net = theirs.build(config)
    load_weights(net.theirs if isinstance(net, DiffusersUNet) else net, file, theirs.current_name)
    return net
