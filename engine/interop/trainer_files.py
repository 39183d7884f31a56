"""Models of denoising-diffusion-pytorch: its `Unet` in `GaussianDiffusion`, as its `Trainer` saves them (model-N.pt).

https://github.com/lucidrains/denoising-diffusion-pytorch, version 2. Such a file holds weights and tables but not the
settings. Inferred from names, shapes and tables are the network, the noise schedule, the objective (by its loss weights),
self-conditioning and a learned variance. The size of the pictures and the frequencies of the timestep embedding cannot be; they
are read from a JSON file of the same name beside it:

    model-10.json    {"image_size": 32}

The file is the only kind of pickle that is opened here, by torch's reader for weights alone (`weights_only=True`), which
executes nothing in it. The EMA weights are used where there are any.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from engine.denoiser import NetDenoiser
from engine.interop.diffusers_format import usable
from engine.language import N_, Message, message_of
from engine.models.opened import Model, channels_problem
from engine.models.uninitialised import uninitialised
from engine.process import TARGETS, Target
from engine.schedule import SCHEDULES, Level, NoiseSchedule
from engine.storage import budgets
from engine.storage.checked_files import CheckpointError, check_numbers, damaged, first_problem, read_json
from engine.storage.file_kinds import because
from engine.storage.files import head_of, open_regular

INSTALL = "uv pip install denoising-diffusion-pytorch"
KIND = N_("checkpoint of denoising-diffusion-pytorch")
SUFFIXES = (".pt", ".pth")
"""Of the files that its `Trainer` saves."""

OBJECTIVES = {"pred_noise": "noise", "pred_x0": "clean", "pred_v": "velocity"}
"""Prediction targets: its names, and ours."""

Pixels = Annotated[int, Field(ge=4, le=1024)]


class TrainerSettings(BaseModel):
    """Settings of a checkpoint that its file does not hold."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    image_size: Pixels | tuple[Pixels, Pixels]
    objective: Literal["pred_noise", "pred_x0", "pred_v"] | None = Field(
        None, description="None: inferred from the loss weights."
    )
    sinusoidal_pos_emb_theta: float = Field(10_000, gt=1, le=1e9)
    auto_normalize: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.image_size if isinstance(self.image_size, tuple) else (self.image_size, self.image_size)


# --- the file ---------------------------------------------------------------------------------------------------------


def load(path: Path, settings: TrainerSettings | None = None, device: torch.device | str = "cpu") -> Model:
    """Open a model-N.pt.

    Args:
        path: the file.
        settings: those it does not hold; None to read them from the JSON file beside it.
        device: where the network goes.

    Raises:
        CheckpointError: with one sentence, for a file that is damaged, of another kind or too large, for settings
            that are missing or do not fit, and where the package is not installed. Nothing in the file is executed.
    """
    state = read_state(path)
    return from_state(state, settings or read_settings(path, state), device)


def read_settings(path: Path, state: Mapping[str, Tensor]) -> TrainerSettings:
    """The settings beside the file. Raises `CheckpointError`, with an example of them, where there are none."""
    beside = path.with_suffix(".json")
    if not beside.exists():
        hint = "" if _objective(state) else ', "objective": "pred_noise" (or "pred_x0", "pred_v")'
        raise CheckpointError(
            Message(
                "{name} does not hold the size of its pictures: put a file {beside} beside it, such as "
                '{{"image_size": 32{hint}}}.',
                name=path.name,
                beside=beside.name,
                hint=hint,
            )
        )
    try:
        return TrainerSettings.model_validate(read_json(beside, KIND))
    except ValidationError as error:
        raise CheckpointError(
            Message("{name} cannot be used: {problem}.", name=beside.name, problem=first_problem(error))
        ) from error


def read_state(path: Path) -> dict[str, Tensor]:
    """The weights of the `Unet` (model.…) and the tables of the `GaussianDiffusion` in a `Trainer`'s file, EMA if any.

    Nothing of the file is executed, and it is mapped, not read into memory.

    Raises:
        CheckpointError: where it is no such file.
    """
    _check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises whatever its many readers raise
        if "weights_only" in str(error) or "Unsupported" in str(error):
            raise CheckpointError(
                Message(
                    "{name} holds more than weights: it would run a program when it is opened, and is refused.",
                    name=path.name,
                )
            ) from error
        raise CheckpointError(damaged(path)) from error
    state = _state_in(content, path.name)
    if sum(weight.nbytes for weight in state.values()) > path.stat().st_size:
        raise CheckpointError(Message("{name} is damaged: its weights share their numbers.", name=path.name))
    if not any(".mem_kv" in key for key in state):  # of the attention, since late versions 1
        _check_version(content, path.name)
    return state


def _check_archive(path: Path) -> None:
    """Raise `CheckpointError` where the file is not what torch.save writes: an archive, uncompressed, with a small pickle."""
    try:
        if path.stat().st_size > budgets.TRAINER_BYTES:
            raise CheckpointError(Message("{name} is too large for this playground.", name=path.name))
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        if isinstance(error, CheckpointError):
            raise
        if not path.is_file():
            raise CheckpointError(Message("{name} is no file.", name=path.name)) from error
        kind = because(head_of(path)) or Message(", or damaged or cut short")
        raise CheckpointError(Message("{name} is no file of torch.save{kind}.", name=path.name, kind=kind)) from error
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    pickles = [entry.file_size for entry in entries if entry.filename.endswith("data.pkl")]
    if packed or len(pickles) != 1 or pickles[0] > budgets.TRAINER_PICKLE or len(entries) > 100_000:
        raise CheckpointError(Message("{name} is no file of torch.save.", name=path.name))


def _state_in(content: object, name: str) -> dict[str, Tensor]:
    """The weights to use, by the names of `GaussianDiffusion`."""
    other = CheckpointError(
        Message(
            "{name} is no {kind}: it should hold what its Trainer saves, a “model” and an “ema” of GaussianDiffusion.",
            name=name,
            kind=Message(KIND),
        )
    )
    if not isinstance(content, dict):
        raise other
    ema, weights = content.get("ema"), content.get("model", content)
    if isinstance(ema, dict) and _flag(ema.get("initted", True)):
        inner = {
            key.removeprefix("ema_model."): value for key, value in ema.items() if str(key).startswith("ema_model.")
        }
        weights = inner or weights
    if not isinstance(weights, dict):
        raise other
    state = {str(key).removeprefix("module."): value for key, value in weights.items() if isinstance(value, Tensor)}
    if "betas" not in state or "model.init_conv.weight" not in state:
        _raise_for_other(state, name, other)
    return state


def _check_version(content: object, name: str) -> None:
    """Raise `CheckpointError` for a file of a version whose `Unet` has other parts."""
    version = content.get("version") if isinstance(content, dict) else None
    found = re.match(r"(\d{1,4})\.", version) if isinstance(version, str) else None
    if found and int(found[1]) < 2:
        raise CheckpointError(
            Message(
                "{name} was saved by version {version} of denoising-diffusion-pytorch, whose network has other "
                "parts: files of version 2 open here.",
                name=name,
                version=str(version)[:20],
            )
        )


def _flag(value: object) -> bool:
    """A flag that may be a tensor; True where it is missing."""
    return bool(value.any()) if isinstance(value, Tensor) and value.numel() == 1 else value is not False


def _raise_for_other(state: Mapping[str, Tensor], name: str, other: CheckpointError) -> None:
    """Raise the error for another model of that package, or `other`."""
    unet = any(key.startswith("model.") for key in state)
    if unet and "model.init_conv.weight" not in state and "betas" in state:
        raise CheckpointError(
            Message(
                "{name} is a model of denoising-diffusion-pytorch, but its network is not the plain Unet, which is the "
                "only one that opens here.",
                name=name,
            )
        )
    if unet and "model.init_conv.weight" in state:
        raise CheckpointError(
            Message(
                "{name} is a model of denoising-diffusion-pytorch, but in continuous time or elucidated: only "
                "GaussianDiffusion with its T steps opens here.",
                name=name,
            )
        )
    raise other


# --- the model --------------------------------------------------------------------------------------------------------


def from_state(state: Mapping[str, Tensor], settings: TrainerSettings, device: torch.device | str = "cpu") -> Model:
    """The denoiser of a state dict of `GaussianDiffusion`.

    Args:
        state: its weights and tables, by its names.
        settings: those that it does not hold.
        device: of the network.

    Raises:
        CheckpointError: with one sentence, as in `load`.
    """
    if not settings.auto_normalize:
        raise CheckpointError(
            Message(
                "This model was trained on pictures from 0 to 1 (auto_normalize = false), which is not supported here."
            )
        )
    unet = infer_unet({key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")})
    if problem := channels_problem(unet.channels):
        raise CheckpointError(problem)
    halvings = len(unet.dim_mults) - 1
    if any(side % 2**halvings for side in settings.size):
        raise CheckpointError(
            Message(
                "Pictures of {height} × {width} cannot be halved {halvings} times evenly, as this network does: "
                "image_size must be another.",
                height=settings.size[0],
                width=settings.size[1],
                halvings=halvings,
            )
        )
    schedule = _schedule(state)
    named = settings.objective or _objective(state)
    if named is None:
        raise CheckpointError(
            Message(
                "Whether this model predicts noise, picture or velocity does not follow from its file: set it in the "
                'JSON beside it, as "objective": "pred_noise" (or "pred_x0", "pred_v").'
            )
        )
    if unet.learned_variance and named != "pred_noise":
        raise CheckpointError(Message("With a learned variance only the objective pred_noise is known here."))
    target = TARGETS[OBJECTIVES[named]]
    net = TrainerUNet(_filled(unet, settings, state), schedule, target, unet.self_condition)
    net = net.to(device).eval().requires_grad_(False)
    try:
        denoiser = NetDenoiser(net, schedule, target, learned_variance=unet.learned_variance)
    except ValueError as error:
        raise CheckpointError(message_of(error)) from error
    return Model("", "", denoiser, (unet.channels, *settings.size), (), schedule, "")


@dataclass(frozen=True)
class UnetShape:
    """The arguments of its `Unet` that follow from a state dict."""

    dim: int
    init_dim: int
    dim_mults: tuple[int, ...]
    channels: int
    self_condition: bool
    learned_variance: bool
    full_attn: tuple[bool, ...]
    attn_heads: tuple[int, ...]
    attn_dim_head: tuple[int, ...]


def infer_unet(weights: Mapping[str, Tensor]) -> UnetShape:
    """The network of some weights.

    Args:
        weights: of a `Unet`, by name.

    Raises:
        CheckpointError: where it is another network.
    """
    if "time_mlp.0.weights" in weights:
        raise CheckpointError(
            Message(
                "This network takes the noise level itself (learned or random sines), as for models in continuous "
                "time: only GaussianDiffusion with its T steps opens here."
            )
        )
    if any(key.startswith(("classes_mlp", "null_classes_emb", "classes_emb")) for key in weights):
        raise CheckpointError(
            Message("This is the network with classes of that package; only its plain Unet opens here.")
        )
    try:
        first, last = weights["init_conv.weight"], weights["final_conv.weight"]
        if first.ndim != 4:
            raise CheckpointError(
                Message("This network is for sequences, not for pictures: only the plain Unet opens here.")
            )
        dim = weights["time_mlp.1.weight"].shape[0] // 4
        stages = sum(f"downs.{k}.0.block1.proj.weight" in weights for k in range(9))
        widths = [
            weights[f"downs.{k}.3.weight" if k == stages - 1 else f"downs.{k}.3.1.weight"].shape[0]
            for k in range(stages)
        ]
        # Of full attention (2, heads, memories, channels), of linear attention (2, heads, channels, memories).
        full = tuple(f"downs.{k}.2.to_out.weight" in weights for k in range(stages))
        memory = [weights[f"downs.{k}.2.mem_kv"].shape for k in range(stages)]
        inputs, outputs = first.shape[1], last.shape[0]
        channels = min(inputs, outputs)
        if dim < 1 or not stages or any(width % dim for width in widths) or channels < 1:
            raise KeyError("widths")
        return UnetShape(
            dim,
            first.shape[0],
            tuple(width // dim for width in widths),
            channels,
            self_condition=inputs == 2 * channels,
            learned_variance=outputs == 2 * channels,
            full_attn=full,
            attn_heads=tuple(shape[1] for shape in memory),
            attn_dim_head=tuple(shape[3] if whole else shape[2] for shape, whole in zip(memory, full, strict=True)),
        )
    except (KeyError, IndexError) as error:
        raise CheckpointError(
            Message(
                "This is not the Unet of denoising-diffusion-pytorch of version 2: older versions built it from "
                "other parts."
            )
        ) from error


def _filled(unet: UnetShape, settings: TrainerSettings, state: Mapping[str, Tensor]) -> nn.Module:
    """Its `Unet` with these weights."""
    if find_spec("denoising_diffusion_pytorch") is None:
        raise CheckpointError(
            Message("This needs the package denoising-diffusion-pytorch: install it with “{command}”.", command=INSTALL)
        )
    if max(unet.dim, unet.init_dim, *(unet.dim * m for m in unet.dim_mults)) > 8192 or max(unet.attn_heads) > 256:
        raise CheckpointError(Message("This network is too large for this playground."))
    from denoising_diffusion_pytorch import Unet  # imported here, for it takes seconds

    made: Any = Unet
    try:
        with uninitialised():
            net: nn.Module = made(
                dim=unet.dim,
                init_dim=unet.init_dim,
                out_dim=2 * unet.channels if unet.learned_variance else unet.channels,
                dim_mults=unet.dim_mults,
                channels=unet.channels,
                self_condition=unet.self_condition,
                learned_variance=unet.learned_variance,
                sinusoidal_pos_emb_theta=settings.sinusoidal_pos_emb_theta,
                full_attn=unet.full_attn if any(unet.full_attn) else None,
                attn_heads=unet.attn_heads,
                attn_dim_head=unet.attn_dim_head,
            )
    except (AssertionError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(Message("The weights fit no network that denoising-diffusion-pytorch builds.")) from error
    if sum(weight.numel() for weight in net.parameters()) > budgets.PARAMETERS:
        raise CheckpointError(Message("This network is too large for this playground."))
    expected = {name: tuple(weight.shape) for name, weight in net.state_dict().items()}
    given = {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
    shapes = {name: tuple(weight.shape) for name, weight in given.items()}
    if shapes != expected:
        odd = sorted(set(shapes) ^ set(expected)) or [name for name in shapes if shapes[name] != expected[name]]
        raise CheckpointError(
            Message("The weights do not fit the Unet of denoising-diffusion-pytorch: see “{weight}”.", weight=odd[0])
        )
    check_numbers(given, net.state_dict())
    net.load_state_dict({name: weight.to(torch.float32, copy=True) for name, weight in given.items()}, assign=True)
    return net


class TrainerUNet(nn.Module):
    """Its `Unet` as `NetDenoiser` calls it. It counts 0 … T − 1 as diffusers does.

    Args:
        unet: the network.
        schedule, target: what its output means.
        self_condition: whether it takes an x̂0 prediction beside x_t. It is evaluated twice then, first without one, as in
            training; the package's own samplers give it the prediction of the step before, which a denoiser of a single x_t
            does not have.
    """

    def __init__(self, unet: nn.Module, schedule: NoiseSchedule, target: Target, self_condition: bool) -> None:
        super().__init__()
        self.unet, self.schedule, self.target, self.self_condition = unet, schedule, target, self_condition

    def forward(self, x: Tensor, timestep: Tensor, classes: None = None) -> Tensor:
        """As `engine.models.unet.UNet.forward`, without classes."""
        output = self.unet(x, timestep, None)
        if not self.self_condition:
            return output
        return self.unet(x, timestep, self.target.read(output, x, self._level(timestep)).x0)

    def _level(self, timestep: Tensor) -> Level:
        """The inverse of `NoiseSchedule.t_of`: linear in log-SNR between the steps."""
        t = (timestep.cpu().double() + 1).clamp(1, self.schedule.T)
        below = t.floor().long()
        above = (below + 1).clamp(max=self.schedule.T)
        table = self.schedule.log_snr
        return Level(torch.where(t > below, torch.lerp(table[below], table[above], t - below), table[below]))


# --- schedule and objective -------------------------------------------------------------------------------------------


def _table(state: Mapping[str, Tensor], name: str) -> Tensor | None:
    table = state.get(name)
    return table.double() if table is not None and table.ndim == 1 and 1 <= len(table) <= 100_000 else None


def _schedule(state: Mapping[str, Tensor]) -> NoiseSchedule:
    """The schedule of its table of β; a named one in float64 where the table is that one rounded to float32."""
    betas = _table(state, "betas")
    if betas is None:
        raise CheckpointError(Message("The noise schedule cannot be used: its table of betas is missing or damaged."))
    for named in SCHEDULES.values():
        schedule = named(len(betas))
        if torch.allclose(schedule.beta[1:], betas, rtol=1e-6, atol=1e-9):
            return schedule
    try:
        return usable(NoiseSchedule(torch.cat([torch.zeros(1, dtype=torch.float64), betas]), "the model's own"))
    except ValueError as error:
        raise CheckpointError(Message("The noise schedule cannot be used: {error}", error=error)) from error


def _objective(state: Mapping[str, Tensor]) -> str | None:
    """The prediction target, inferred from the loss weights; None where that is not possible.

    They are min(SNR, γ) over SNR, 1 or SNR + 1, where noise, picture or velocity is predicted, γ being infinite or that of
    min-SNR weighting (Hang et al. 2023, arXiv:2303.09556): of the three, the right one gives the SNR up to a ceiling.
    """
    weight, alpha_bar = _table(state, "loss_weight"), _table(state, "alphas_cumprod")
    if weight is None or alpha_bar is None or weight.shape != alpha_bar.shape or not len(weight):
        return None
    # At ᾱ = 0 the weights may be 0 / 0.
    weight, alpha_bar = (table[(alpha_bar > 0) & weight.isfinite()] for table in (weight, alpha_bar))
    snr = alpha_bar / (1 - alpha_bar)
    fitting = []
    for name, factor in (("pred_noise", snr), ("pred_x0", torch.ones_like(snr)), ("pred_v", snr + 1)):
        capped = weight * factor
        if torch.allclose(capped, snr.clamp(max=float(capped.max())), rtol=2e-3, atol=1e-7):
            fitting.append(name)
    return fitting[0] if len(fitting) == 1 else None
