"""The names and the counting of diffusers: configs of its networks and schedulers, read and written.

Its step i = 0 … T − 1 is our t = i + 1. This module, `pretrained` beside it and `NetDenoiser` are the only places that know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from engine.interop.diffusers_unet import DiffusersUNet, DiffusersUNetConfig
from engine.language import N_, Message, _
from engine.models.opened import channels_problem
from engine.models.unet import UNet, UNetConfig
from engine.models.uninitialised import uninitialised
from engine.schedule import NoiseSchedule
from engine.storage import budgets
from engine.storage.checked_files import CheckpointError, first_problem

PREDICTION_TYPES = {"noise": "epsilon", "clean": "sample", "velocity": "v_prediction"}
"""Prediction targets: our names, and diffusers'."""

MIN_BETA = 1e-12
"""The variance of the least noise that is read from a file; its standard deviation is the precision of float32."""

AnyUNetConfig = UNetConfig | DiffusersUNetConfig

# --- kinds of folders -------------------------------------------------------------------------------------------------

NO_PIXELS = ("vae", "vqvae", "movq", "image_encoder", "autoencoder")
TEXT = ("text_encoder", "tokenizer", "transformer", "prior", "text_model", "bert")


def check_index(index: dict[str, Any]) -> None:
    """Raise `CheckpointError`, which names it, where a model_index.json describes another kind of pipeline."""
    named = index.get("_class_name")
    name = _short(named) if isinstance(named, str) and named else _("pipeline without a name")
    parts = [key for key, value in index.items() if isinstance(value, list) and any(value)]
    if any(part.startswith(TEXT) for part in parts):
        raise CheckpointError(
            Message(
                "This is a {name}, which draws from text; only models that draw from noise alone open here.", name=name
            )
        )
    if any(part.startswith(NO_PIXELS) for part in parts):
        raise CheckpointError(
            Message(
                "This is a {name}, which works on compressed pictures (latents); only models that work on pixels "
                "open here.",
                name=name,
            )
        )
    network = index.get("unet")
    if not isinstance(network, list) or len(network) != 2 or network[1] != "UNet2DModel":
        what = Message("has no “unet”")
        if isinstance(network, list) and len(network) == 2:
            what = Message("has a {kind}", kind=_short(network[1]))
        raise CheckpointError(
            Message(
                "This is a {name}, which {what}; only pipelines with a UNet2DModel in pixel space open here.",
                name=name,
                what=what,
            )
        )


def not_a_unet(values: dict[str, Any]) -> CheckpointError:
    """The error for a config.json of something else."""
    kind = values.get("model_type") or next(iter(values.get("architectures") or []), None)
    if kind is not None:
        return CheckpointError(
            Message("This is a Transformers model ({kind}), not a diffusion model.", kind=_short(kind))
        )
    return CheckpointError(Message("config.json does not name its network; only UNet2DModel opens here."))


def _short(value: object) -> str:
    """A name out of a file, short and on one line."""
    return re.sub(r"\s+", " ", str(value))[:60]


# --- networks ---------------------------------------------------------------------------------------------------------


def unet_from_diffusers(values: dict[str, Any]) -> AnyUNetConfig:
    """The config of a unet/config.json: of our network where it does the same arithmetic, else of diffusers' own class.

    Raises:
        CheckpointError: with one sentence, for another network or a config that cannot be built.
    """
    name = values.get("_class_name")
    if name == "UNet2DConditionModel":
        raise CheckpointError(
            Message("The network is a UNet2DConditionModel, which draws from text; only UNet2DModel opens here.")
        )
    if name != "UNet2DModel":
        raise CheckpointError(
            Message(
                "The network is a {name}; only UNet2DModel opens here (no text, no latent models).", name=_short(name)
            )
        )
    if values.get("time_embedding_type") == "fourier":
        raise CheckpointError(
            Message(
                "This network takes a noise strength instead of a time (time_embedding_type = fourier): it belongs "
                "to a variance-exploding model, not to a DDPM."
            )
        )
    if values.get("class_embed_type") == "identity":
        raise CheckpointError(
            Message(
                "This network takes a vector instead of a class (class_embed_type = identity), which is not "
                "supported here."
            )
        )
    if values.get("sample_size") is None:
        raise CheckpointError(
            Message("unet/config.json does not say how large the pictures are: its sample_size is missing.")
        )
    # null is a value of these settings; for all others it stands for the default.
    nullable = ("mid_block_type", "attention_head_dim", "attn_norm_num_groups", "class_embed_type")
    given = {key: value for key, value in values.items() if value is not None or key in nullable}
    try:
        theirs = DiffusersUNetConfig.model_validate(given)
    except ValidationError as error:
        raise CheckpointError(
            Message(
                "unet/config.json describes no network that can be built here: {problem}.",
                problem=first_problem(error),
            )
        ) from error
    _check_channels(theirs)
    own = _as_ours(theirs)
    _check_size(own or theirs)
    return own or theirs


def _check_channels(config: DiffusersUNetConfig) -> None:
    if config.out_channels not in (config.in_channels, 2 * config.in_channels):
        raise CheckpointError(
            Message(
                "The network takes {in_channels} channels and gives back {out_channels}: it needs another picture as "
                "input (as for super-resolution or inpainting), so it cannot draw from noise alone.",
                in_channels=config.in_channels,
                out_channels=config.out_channels,
            )
        )
    if problem := channels_problem(config.in_channels):
        raise CheckpointError(problem)
    if config.class_embed_type == "timestep" and config.num_class_embeds is None:
        raise CheckpointError(
            Message(
                "This network takes its class as a number (class_embed_type = timestep) and does not say how many "
                "there are: num_class_embeds is missing in unet/config.json."
            )
        )


def _as_ours(config: DiffusersUNetConfig) -> UNetConfig | None:
    """The same network as one of ours; None where ours differs."""
    as_ours = {
        "center_input_sample": False,
        "time_embedding_type": "positional",
        "mid_block_type": "UNetMidBlock2D",
        "mid_block_scale_factor": 1,
        "downsample_type": "conv",
        "upsample_type": "conv",
        "resnet_time_scale_shift": "default",
        "add_attention": True,
        "attn_norm_num_groups": None,
        "class_embed_type": None,
    }
    downs = config.down_block_types
    mirrored = tuple(name.replace("Down", "Up") for name in reversed(downs))
    if (
        any(getattr(config, key) != value for key, value in as_ours.items())
        or config.time_embedding_dim not in (None, 4 * config.block_out_channels[0])
        or not set(downs) <= {"DownBlock2D", "AttnDownBlock2D"}
        or config.up_block_types != mirrored
        or config.size[0] != config.size[1]
    ):
        return None
    fields = {key: getattr(config, key) for key in UNetConfig.model_fields if key != "attention"}
    fields |= {"sample_size": config.size[0], "attention": [name == "AttnDownBlock2D" for name in downs]}
    fields["act_fn"] = "silu" if config.act_fn == "swish" else config.act_fn
    try:
        return UNetConfig.model_validate(fields)
    except ValidationError:
        return None


def build(config: AnyUNetConfig) -> UNet | DiffusersUNet:
    """The network of a config, on the current default device of torch."""
    return UNet(config) if isinstance(config, UNetConfig) else DiffusersUNet(config)


def _check_size(config: AnyUNetConfig) -> None:
    """Raise `CheckpointError` where its parts do not fit or it is too large. On the device "meta" this costs nothing."""
    try:
        with uninitialised():
            net = build(config)
        if net.parameter_count <= budgets.PARAMETERS and isinstance(net, DiffusersUNet):
            net.check_shapes()
    except (
        ValueError,
        TypeError,
        RuntimeError,
        NotImplementedError,
        AttributeError,
        IndexError,
        ArithmeticError,
    ) as error:
        why = str(error).split("\n")[0][:200].rstrip(".")
        raise CheckpointError(
            Message("unet/config.json describes no network that can be built: {why}.", why=why)
        ) from error
    if net.parameter_count > budgets.PARAMETERS:
        millions = net.parameter_count / 1e6
        raise CheckpointError(
            Message(
                "A network of {millions:,.0f} million parameters is too large for this playground.", millions=millions
            )
        )


OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Names of the parts of attention before diffusers 0.15, as in google/ddpm-cifar10-32."""


def current_name(name: str) -> str:
    """The name now of a weight of an old checkpoint."""
    return re.sub(
        r"(\.attentions\.\d+)\.(query|key|value|proj_attn)\.",
        lambda found: f"{found[1]}.{OLD_ATTENTION[found[2]]}.",
        name,
    )


def unet_to_diffusers(config: UNetConfig) -> dict[str, Any]:
    """unet/config.json for one of our networks."""
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


# --- schedulers -------------------------------------------------------------------------------------------------------

SAME_PROCESS = (
    "DDPM",
    "DDIM",
    "PNDM",
    "IPNDM",
    "DPMSolver",
    "DEIS",
    "UniPC",
    "Heun",
    "EulerDiscrete",
    "EulerAncestral",
    "LMSDiscrete",
    "KDPM2",
    "SASolver",
    "RePaint",
)
"""Beginnings of the names of schedulers that differ as samplers only: the network was trained on the noise of DDPM."""

OTHER_PROCESS = {
    "ScoreSdeVe": "a variance-exploding model (score SDE)",
    "KarrasVe": "a variance-exploding model",
    "EDM": N_("a model with the preconditioning of EDM"),
    "CMStochastic": "a consistency model",
    "LCM": "a consistency model",
    "TCD": "a consistency model",
    "FlowM": N_("a flow matching model"),
    "SCM": "a consistency model",
}
"""Beginnings of the names of schedulers of another process, and its name."""


class _SchedulerConfig(BaseModel):
    """The part of a scheduler_config.json that is read; the defaults are diffusers'."""

    model_config = ConfigDict(extra="ignore")

    num_train_timesteps: int = Field(1000, ge=1, le=100_000)
    beta_start: float = Field(1e-4, gt=0, lt=1)
    beta_end: float = Field(0.02, gt=0, lt=1)
    beta_schedule: str = "linear"
    trained_betas: list[float] | None = Field(None, max_length=100_000)
    prediction_type: str = "epsilon"
    rescale_betas_zero_snr: bool = False
    variance_type: str | None = None


@dataclass(frozen=True, eq=False)
class SchedulerFacts:
    """What a scheduler_config.json says about the training."""

    schedule: NoiseSchedule
    target: str
    """A name in `engine.process.TARGETS`."""
    learned_variance: bool


def scheduler_from_diffusers(values: dict[str, Any], unet: AnyUNetConfig) -> SchedulerFacts:
    """The noise schedule that the network was trained on, and what its output means.

    Args:
        values: of a scheduler_config.json. Which sampler it names does not matter, only its process.
        unet: the network beside it, whose outputs must fit.

    Raises:
        CheckpointError: for another process, an unknown schedule or target, or a variance that does not fit the network.
    """
    _check_process(values.get("_class_name"))
    given = {key: value for key, value in values.items() if value is not None}
    if given.get("predict_epsilon") is False:  # the setting before prediction_type
        given.setdefault("prediction_type", "sample")
    try:
        config = _SchedulerConfig.model_validate(given)
    except ValidationError as error:
        raise CheckpointError(
            Message("scheduler_config.json makes no sense: {problem}.", problem=first_problem(error))
        ) from error
    target = next((ours for ours, theirs in PREDICTION_TYPES.items() if theirs == config.prediction_type), None)
    if target is None:
        raise CheckpointError(
            Message("Networks that predict “{target}” are not supported here.", target=_short(config.prediction_type))
        )
    try:
        schedule = _schedule(config)
    except ValueError as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(Message("The noise schedule cannot be used: {error}", error=error)) from error
    return SchedulerFacts(schedule, target, _learned_variance(config.variance_type, unet))


def _check_process(name: object) -> None:
    if name is None:
        return
    name = _short(name)
    for start, what in OTHER_PROCESS.items():
        if name.startswith(start):
            raise CheckpointError(
                Message(
                    "The scheduler is a {name}: this is {what}, not a DDPM, and does not open here.",
                    name=name,
                    what=Message(what),
                )
            )
    if not name.startswith(SAME_PROCESS):
        raise CheckpointError(Message("The scheduler is a {name}, whose noise schedule is not known here.", name=name))


def _schedule(config: _SchedulerConfig) -> NoiseSchedule:
    T, name = config.num_train_timesteps, config.beta_schedule
    if config.trained_betas is not None:
        schedule = NoiseSchedule(torch.tensor([0.0, *config.trained_betas], dtype=torch.float64), _short(name))
    elif name == "linear":
        ramp = torch.linspace(config.beta_start, config.beta_end, T, dtype=torch.float64)
        schedule = _from_betas(ramp, name)
    elif name == "squaredcos_cap_v2":
        schedule = NoiseSchedule.cosine(T)
    elif name == "scaled_linear":
        schedule = _from_betas(
            torch.linspace(config.beta_start**0.5, config.beta_end**0.5, T, dtype=torch.float64) ** 2, name
        )
    elif name == "sigmoid":
        share = torch.sigmoid(torch.linspace(-6, 6, T, dtype=torch.float64))
        schedule = _from_betas(config.beta_start + (config.beta_end - config.beta_start) * share, name)
    else:
        raise CheckpointError(Message("The noise schedule “{name}” is not known here.", name=_short(name)))
    return usable(schedule.with_zero_terminal_snr() if config.rescale_betas_zero_snr else schedule)


def usable(schedule: NoiseSchedule) -> NoiseSchedule:
    """The schedule. Raises ValueError where a step adds so little noise that float32, in which networks compute, loses it."""
    if bool((schedule.beta[1:] < MIN_BETA).any()):
        raise ValueError(
            Message("every beta must be at least {least:g}, or pictures in float32 become NaN.", least=MIN_BETA)
        )
    return schedule


def _from_betas(betas: Tensor, name: str) -> NoiseSchedule:
    """Of β_1 … β_T."""
    return NoiseSchedule(torch.cat([torch.zeros(1, dtype=torch.float64), betas]), name)


def _learned_variance(variance_type: str | None, unet: AnyUNetConfig) -> bool:
    doubled = unet.out_channels == 2 * unet.in_channels
    if variance_type == "learned":
        raise CheckpointError(
            Message(
                "This model predicts its variance directly (variance_type = learned); only learned_range is known "
                "here, the mix of the small and the large one by Nichol & Dhariwal."
            )
        )
    if variance_type == "learned_range" and not doubled:
        raise CheckpointError(
            Message(
                "The scheduler says that the variance is learned, but the network gives back {out_channels} channels "
                "instead of {expected}: there is none in them.",
                out_channels=unet.out_channels,
                expected=2 * unet.in_channels,
            )
        )
    if doubled and variance_type != "learned_range":
        raise CheckpointError(
            Message(
                "The network gives back {out_channels} channels for {in_channels}, as where the variance is learned, "
                "but the scheduler does not say so: if that is what they are, put variance_type = learned_range into "
                "scheduler_config.json.",
                out_channels=unet.out_channels,
                in_channels=unet.in_channels,
            )
        )
    return doubled


def scheduler_to_diffusers(schedule: NoiseSchedule, target: str, learned_variance: bool) -> dict[str, Any]:
    """scheduler/scheduler_config.json.

    Args:
        schedule: written as the table itself rather than by name: diffusers' names mean other numbers for T ≠ 1000, and
            for its sigmoid.
        target: a name in `engine.process.TARGETS`.
        learned_variance: whether the second half of the network's channels predicts the variance.
    """
    return {
        "_class_name": "DDPMScheduler",
        "num_train_timesteps": schedule.T,
        "trained_betas": schedule.beta[1:].tolist(),
        "beta_schedule": schedule.name,
        "prediction_type": PREDICTION_TYPES[target],
        "variance_type": "learned_range" if learned_variance else "fixed_small",
        "clip_sample": True,
        "clip_sample_range": 1.0,
    }
