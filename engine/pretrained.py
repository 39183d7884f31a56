"""Checkpoints: folders that diffusers opens as they are, and that open here.

    DIR/model_index.json      what the parts are
    DIR/unet/                 config.json and diffusion_pytorch_model.safetensors, for `UNet2DModel.from_pretrained`
    DIR/scheduler/            scheduler_config.json, for `DDPMScheduler.from_pretrained` and `DDIMScheduler.from_pretrained`
    DIR/card.json             what only we write: class names, the training config, measured quality

Only safetensors are read. This is the one place that knows how diffusers counts and names things (`UNet.forward` aside).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from engine.denoiser import NetDenoiser
from engine.models.unet import UNet, UNetConfig
from engine.process import TARGETS
from engine.schedule import NoiseSchedule
from engine.weights import (
    PICKLES,
    CheckpointError,
    checked_folder,
    first_complaint,
    load_weights,
    read_json,
    save_weights,
    write_json,
)

__all__ = ["CHECKPOINTS", "PICKLES", "Card", "Checkpoint", "CheckpointError", "load", "save", "write_json"]

ASSETS = Path(__file__).resolve().parents[1] / "assets"
CHECKPOINTS: dict[str, Path] = {"digits": ASSETS / "checkpoints" / "digits"}
"""The trained networks that ship, by name."""

KIND = "diffusers folder of a DDPM"
WEIGHTS = "diffusion_pytorch_model.safetensors"
MAX_PARAMETERS = 500_000_000
"""Two gigabytes of float32: far more than any pixel-space `UNet2DModel` that this playground is for."""

PREDICTION_TYPES = {"noise": "epsilon", "clean": "sample", "velocity": "v_prediction"}
"""Our names of what a network predicts, and diffusers'."""


class Card(BaseModel):
    """What a checkpoint says of itself beyond what diffusers needs."""

    model_config = ConfigDict(extra="ignore")

    title: str = Field("", max_length=200)
    data: str = Field("", max_length=200)
    class_names: tuple[str, ...] = Field((), max_length=10_000)
    step: int = Field(0, ge=0)
    training: dict[str, Any] = Field(default_factory=dict, description="The training config, as it was given.")
    quality: dict[str, Any] = Field(
        default_factory=dict, description="What was measured, with the command that did it."
    )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A denoiser with the card of the folder that it came from."""

    denoiser: NetDenoiser
    unet: UNetConfig
    card: Card

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one picture: channels, height, width."""
        return (self.unet.in_channels, self.unet.sample_size, self.unet.sample_size)


# --- writing ----------------------------------------------------------------------------------------------------------


def save(folder: Path, denoiser: NetDenoiser, weights: Mapping[str, Tensor], card: Card) -> None:
    """Write a checkpoint; each file is whole or not there at all (written beside its name, then renamed).

    Args:
        folder: made where it is missing; files of an earlier checkpoint in it are replaced.
        denoiser: its network must be our `UNet`.
        weights: what to write as the network's, usually the averaged ones.
        card: said to readers.

    Raises:
        OSError: where the disk does not let us.
        ValueError: where the denoiser's target has no name at diffusers.
    """
    net = denoiser.net
    if not isinstance(net, UNet):
        raise TypeError("Only our own U-Net is written as a diffusers folder.")
    target = next((name for name, target in TARGETS.items() if target == denoiser.target), None)
    if target is None:
        raise ValueError("This target has no name at diffusers.")
    for part in ("unet", "scheduler"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    save_weights(folder / "unet" / WEIGHTS, weights)
    write_json(folder / "unet" / "config.json", _unet_to_diffusers(net.config))
    write_json(folder / "scheduler" / "scheduler_config.json", _schedule_to_diffusers(denoiser.schedule, target))
    write_json(folder / "card.json", card.model_dump())
    write_json(
        folder / "model_index.json",
        {
            "_class_name": "DDPMPipeline",
            "unet": ["diffusers", "UNet2DModel"],
            "scheduler": ["diffusers", "DDPMScheduler"],
        },
    )


def _unet_to_diffusers(config: UNetConfig) -> dict[str, Any]:
    resolutions = range(len(config.block_out_channels))
    names = ["AttnDownBlock2D" if config.attends(r) else "DownBlock2D" for r in resolutions]
    values = config.model_dump(exclude={"attention"})
    return {
        "_class_name": "UNet2DModel",
        **values,
        "block_out_channels": list(config.block_out_channels),
        "down_block_types": names,
        "up_block_types": [name.replace("Down", "Up") for name in reversed(names)],
        "center_input_sample": False,
        "time_embedding_type": "positional",
        "mid_block_scale_factor": 1,
    }


def _schedule_to_diffusers(schedule: NoiseSchedule, target: str) -> dict[str, Any]:
    return {
        "_class_name": "DDPMScheduler",
        "num_train_timesteps": schedule.T,
        # The table itself rather than a name: diffusers' names mean other numbers for T ≠ 1000, and for its sigmoid.
        "trained_betas": schedule.beta[1:].tolist(),
        "beta_schedule": schedule.name,
        "prediction_type": PREDICTION_TYPES[target],
        "variance_type": "fixed_small",
        "clip_sample": True,
        "clip_sample_range": 1.0,
    }


# --- reading ----------------------------------------------------------------------------------------------------------


def load(folder: str | Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Open a folder as a denoiser.

    Args:
        folder: a diffusers folder with a `UNet2DModel` in pixel space, or a name in `CHECKPOINTS`.
        device: where the network goes.

    Raises:
        CheckpointError: with one clear sentence, for a folder that is missing, incomplete, damaged, a pickle, of another
            architecture or of absurd size. Nothing of it is executed in any case.
    """
    path = checked_folder(CHECKPOINTS.get(str(folder), Path(folder)), str(folder))
    unet_config = _unet_from_diffusers(read_json(path / "unet" / "config.json", KIND))
    schedule, target = _schedule_from_diffusers(read_json(path / "scheduler" / "scheduler_config.json", KIND))
    card = Card()
    if (path / "card.json").exists():
        try:
            card = Card.model_validate(read_json(path / "card.json", KIND))
        except ValidationError as error:
            raise CheckpointError(f"card.json in “{path.name}” is damaged: {first_complaint(error)}.") from error
    with torch.device("meta"):
        net = UNet(unet_config)
    net = net.to_empty(device="cpu")
    load_weights(net, path / "unet" / WEIGHTS)
    net = net.to(device=device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    classes = (unet_config.num_class_embeds or 1) - 1
    try:
        denoiser = NetDenoiser(net, schedule, TARGETS[target], classes)
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    return Checkpoint(denoiser=denoiser, unet=unet_config, card=card)


def _unet_from_diffusers(values: dict[str, Any]) -> UNetConfig:
    name = values.get("_class_name")
    if name != "UNet2DModel":
        raise CheckpointError(f"The network is a {name}; only UNet2DModel is opened here (no text, no latent models).")
    expected: dict[str, tuple[Any, ...]] = {
        "center_input_sample": (False, None),
        "time_embedding_type": ("positional", None),
        "mid_block_scale_factor": (1, None),
        "mid_block_type": ("UNetMidBlock2D", None),
        "downsample_type": ("conv", None),
        "upsample_type": ("conv", None),
        "resnet_time_scale_shift": ("default", None),
        "class_embed_type": (None,),
        "add_attention": (True, None),
        "attn_norm_num_groups": (None,),
        "dropout": (0, None),
    }
    for key, allowed in expected.items():
        if values.get(key, allowed[0]) not in allowed:
            raise CheckpointError(f"This UNet2DModel has {key} = {values[key]}, which is not supported here.")
    blocks = values.get("down_block_types") or ["DownBlock2D", *["AttnDownBlock2D"] * 3]
    up_blocks = values.get("up_block_types") or [*["AttnUpBlock2D"] * 3, "UpBlock2D"]
    known = {"DownBlock2D": False, "AttnDownBlock2D": True}
    if not isinstance(blocks, list) or any(str(block) not in known for block in blocks):
        raise CheckpointError(f"The network has blocks that are not supported here: {blocks}.")
    if up_blocks != [str(block).replace("Down", "Up") for block in reversed(blocks)]:
        raise CheckpointError("The network's way up does not mirror its way down, which is not supported here.")
    defaults = {
        "block_out_channels": (224, 448, 672, 896),
        "in_channels": 3,
        "out_channels": 3,
        "norm_num_groups": 32,
    }
    fields = {key: values[key] for key in UNetConfig.model_fields if values.get(key) is not None}
    fields["attention_head_dim"] = values.get("attention_head_dim", 8)
    try:
        config = UNetConfig.model_validate({**defaults, **fields, "attention": [known[str(block)] for block in blocks]})
        with torch.device("meta"):
            size = UNet(config).parameter_count
    except ValidationError as error:
        raise CheckpointError(
            f"unet/config.json describes no network that can be built: {first_complaint(error)}."
        ) from error
    if size > MAX_PARAMETERS:
        raise CheckpointError(f"A network of {size / 1e6:,.0f} million parameters is too large for this playground.")
    return config


class _SchedulerConfig(BaseModel):
    """What is read of a scheduler_config.json; the defaults are diffusers'."""

    model_config = ConfigDict(extra="ignore")

    num_train_timesteps: int = Field(1000, ge=1, le=100_000)
    beta_start: float = Field(1e-4, gt=0, lt=1)
    beta_end: float = Field(0.02, gt=0, lt=1)
    beta_schedule: str = "linear"
    trained_betas: list[float] | None = Field(None, max_length=100_000)
    prediction_type: str = "epsilon"
    rescale_betas_zero_snr: bool = False


def _schedule_from_diffusers(values: dict[str, Any]) -> tuple[NoiseSchedule, str]:
    """The schedule and the name of the target. diffusers' step i = 0 … T−1 is our t = i + 1."""
    try:
        config = _SchedulerConfig.model_validate(values)
    except ValidationError as error:
        raise CheckpointError(f"scheduler_config.json makes no sense: {first_complaint(error)}.") from error
    T, name = config.num_train_timesteps, config.beta_schedule
    target = next((ours for ours, theirs in PREDICTION_TYPES.items() if theirs == config.prediction_type), None)
    if target is None:
        raise CheckpointError(f"Networks that predict “{config.prediction_type}” are not supported here.")
    try:
        if config.trained_betas is not None:
            beta = torch.tensor([0.0, *config.trained_betas], dtype=torch.float64)
            schedule = NoiseSchedule(beta, name)
        elif name == "linear":
            schedule = NoiseSchedule.linear(T, config.beta_start, config.beta_end, rescale=False)
        elif name == "squaredcos_cap_v2":
            schedule = NoiseSchedule.cosine(T)
        elif name in ("scaled_linear", "sigmoid"):
            ends = torch.tensor([config.beta_start, config.beta_end], dtype=torch.float64)
            ramp = torch.linspace(0, 1, T, dtype=torch.float64)
            if name == "scaled_linear":
                beta = torch.lerp(ends[0].sqrt(), ends[1].sqrt(), ramp) ** 2
            else:
                beta = torch.lerp(ends[0], ends[1], torch.sigmoid(12 * ramp - 6))
            schedule = NoiseSchedule(torch.cat([torch.zeros(1, dtype=torch.float64), beta]), name)
        else:
            raise CheckpointError(f"The noise schedule “{name}” is not known here.")
        return (schedule.with_zero_terminal_snr() if config.rescale_betas_zero_snr else schedule), target
    except ValueError as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"The noise schedule cannot be used: {error}") from error
