"""The Training lab: what the reader can train, what it costs, and how it is said. Its charts are in training_charts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from playground.labs.shared.controls import Controls, Field, checked, ui
from playground.labs.shared.naming import data_title, duration
from playground.labs.training import text

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot
    from engine.training.config import TrainConfig
    from engine.training.preflight import Preflight
    from playground.policy.visitor import Visitor

REPORT_SECONDS = 0.4
"""How often the loop should report: also how quickly it answers to Stop."""

PREVIEWS_PER_RUN = 12
LOSS, MORE, PICTURES, MACHINE = "Loss", "More", "Size, mirroring, turning", "Speed and memory"

NO_SIGNAL = "Zero terminal SNR leaves only noise at T, and knowing the noise then says nothing about the picture"
NOT_IN_PUBLIC = ("compile", "upsampling")
OF_DENOISERS = "Only a denoiser has this."
OF_VAES = "Only a VAE has this."
OF_NOISE = ("target", "schedule", "T", "weighting", "learned_variance", "vlb_weight", "importance", "zero_terminal_snr")
OF_NOISE += ("label_dropout",)
"""Settings of noise levels and labels."""


class TrainingControls(Controls):
    """What the reader sets before the start."""

    task: Literal["denoiser", "classifier", "vae"] = Field(
        "denoiser",
        title="What is trained",
        description="A denoiser, which draws. Or a classifier that reads noisy pictures: with its gradient a denoiser can be "
        "guided towards a class in the Sampling lab. Or a variational autoencoder (VAE), which draws in one step: the "
        "Likelihood lab sets it beside a denoiser.",
        json_schema_extra=ui(titles={"denoiser": "denoiser", "classifier": "classifier", "vae": "VAE"}),
    )
    data: str = Field(
        "digits",
        max_length=1000,
        title="Pictures",
        description="What the network learns to draw, or to read. More of them under “Other pictures …”.",
    )
    size: int = Field(
        0,
        ge=0,
        le=512,
        title="Size",
        description="Smaller pictures are learned much sooner.",
        json_schema_extra=ui(group=PICTURES),
    )
    upsampling: bool = Field(
        False,
        title="Enlarge",
        description="Allow sizes above that of the pictures: more pixels, and no more detail.",
        json_schema_extra=ui(group=PICTURES),
    )
    flips: bool = Field(
        False,
        title="Mirror",
        description="Every other picture is mirrored left to right, anew each time. It suits photographs; mirrored digits, "
        "letters and emoji would be others.",
        json_schema_extra=ui(group=PICTURES),
    )
    rotation: float = Field(
        0.0,
        ge=0,
        le=30,
        title="Turn, degrees",
        description="Each picture is turned by up to so many degrees either way, anew each time. A few suit photographs above "
        "64 pixels; smaller ones lose detail by it.",
        json_schema_extra=ui(step=1, group=PICTURES),
    )
    preset: Literal["tiny", "small", "medium", "auto"] = Field(
        "tiny",
        title="Network",
        description="How large the U-Net is; a classifier is its way down. Larger gets better and learns more slowly. By size: "
        "64 channels and more, the larger the pictures the wider, which wants a GPU.",
        json_schema_extra=ui(titles={"tiny": "tiny", "small": "small", "medium": "medium", "auto": "by size"}),
    )
    latent: int = Field(
        16,
        ge=2,
        le=256,
        title="Latent numbers",
        description="Of a VAE: into how many numbers it puts a picture.",
        json_schema_extra=ui(slider=False, group=MORE),
    )
    target: Literal["noise", "clean", "velocity"] = Field(
        "velocity",
        title="The network predicts",
        description="The noise ε as in DDPM, the clean picture x₀, or a mix of both, the velocity v: with it a short training "
        "comes furthest.",
        json_schema_extra=ui(titles={"noise": "noise ε", "clean": "x₀", "velocity": "v"}),
    )
    schedule: Literal["linear", "cosine", "sigmoid"] = Field(
        "cosine",
        title="Noise schedule",
        description="How the noise comes in. See the Schedules lab.",
        json_schema_extra=ui(titles={"linear": "linear", "cosine": "cosine", "sigmoid": "sigmoid"}),
    )
    T: int = Field(
        1000, ge=10, le=1000, title="T", description="Steps of the forward process.", json_schema_extra=ui(step=10)
    )
    steps: int = Field(
        1200,
        ge=1,
        le=100_000,
        title="Training steps",
        description="Each step looks at one batch and moves the weights a little.",
        json_schema_extra=ui(slider=False, step=100),
    )
    batch: int = Field(32, ge=1, le=256, title="Batch", description="Pictures looked at in one step.")
    weighting: Literal["plain", "min-snr", "bound"] = Field(
        "plain",
        title="Loss weighting",
        description="What an error counts at each noise level. Plain: all alike, as in DDPM. Min-SNR: the cleanest "
        "levels count less (Hang et al. 2023). Bound: as in the variational bound, for likelihood rather than for looks.",
        json_schema_extra=ui(
            titles={
                "plain": "plain, as in DDPM",
                "min-snr": "min-SNR with γ = 5",
                "bound": "as in the variational bound",
            },
            group=LOSS,
        ),
    )
    learned_variance: bool = Field(
        False,
        title="Learned variance",
        description="The network also says how much noise each step back should add (Nichol & Dhariwal 2021): DDPM in the "
        "Sampling lab can then take the variance “learned”.",
        json_schema_extra=ui(group=LOSS),
    )
    vlb_weight: float = Field(
        0.001,
        ge=0,
        le=1,
        title="Weight of the bound λ",
        description="How much the variational bound, in bits per dimension, counts beside the squared error. It teaches the "
        "variance only.",
        json_schema_extra=ui(slider=False, step=0.001, group=LOSS),
    )
    importance: bool = Field(
        False,
        title="Importance sampling",
        description="Noise levels with a large loss are drawn more often and count less: the same loss on average, with less "
        "chance in it. It begins when every t has been seen 10 times: at T = 1000 after some 22,000 pictures.",
        json_schema_extra=ui(group=LOSS),
    )
    zero_terminal_snr: bool = Field(
        False,
        title="Zero terminal SNR",
        description="The schedule is stretched until nothing at all is left of the picture at T (Lin et al. 2023). With "
        "min-SNR or the bound's weights the steps next to T hardly count.",
        json_schema_extra=ui(group=LOSS),
    )
    learning_rate: float = Field(
        1e-3,
        ge=1e-6,
        le=1.0,
        title="Learning rate",
        description="How far each step moves the weights. It rises at first and falls towards the end. Too much explodes.",
        json_schema_extra=ui(slider=False, step=1e-4, group=MORE),
    )
    ema_decay: float = Field(
        0.99,
        ge=0,
        le=0.9999,
        title="EMA decay",
        description="Samples are drawn with an average of the weights over about the last 1 / (1 − this) steps.",
        json_schema_extra=ui(slider=False, step=0.001, group=MORE),
    )
    label_dropout: float = Field(
        0.1,
        ge=0,
        le=1,
        title="Label dropout",
        description="How often the label is hidden, so that the network also learns to draw without: guidance needs both.",
        json_schema_extra=ui(step=0.05, group=MORE),
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32",
        title="Precision",
        description="What the network computes in; its weights are kept in fp32. bf16 and fp16 (with scaling) take half the "
        "memory and pay on a GPU; what a step takes here stands above the start button.",
        json_schema_extra=ui(titles={"fp32": "fp32", "bf16": "bf16", "fp16": "fp16"}, group=MACHINE),
    )
    micro_batch: int = Field(
        0,
        ge=0,
        le=256,
        title="Micro-batch size",
        description="So many of a batch go through the network at a time, to save memory; the step is the same. 0: the whole "
        "batch, and by itself fewer where memory runs out.",
        json_schema_extra=ui(slider=False, group=MACHINE),
    )
    compile: bool = Field(
        False,
        title="Compile",
        description="torch.compile rewrites the network before the first step, which takes a minute or two. It pays in long "
        "runs on a GPU.",
        json_schema_extra=ui(group=MACHINE),
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**53 - 1,
        title="Seed",
        description="Settings and seed decide the weights, on one and the same machine.",
        json_schema_extra=ui(slider=False, group=MORE),
    )

    def settled(self) -> tuple[Self, list[str]]:
        """Zero terminal SNR is switched off where the network predicts the noise."""
        if self.task == "denoiser" and self.zero_terminal_snr and self.target == "noise":
            return checked(self, zero_terminal_snr=False), [f"{NO_SIGNAL}. It was switched off."]
        return self, []


def without_effect(controls: TrainingControls, visitor: Visitor) -> dict[str, str]:
    """Name of each setting that has no effect now, and why."""
    return _without_effect(controls) | (dict.fromkeys(NOT_IN_PUBLIC, text.NOT_IN_PUBLIC) if visitor.public else {})


def _without_effect(controls: TrainingControls) -> dict[str, str]:
    off = {} if controls.task == "vae" else {"latent": OF_VAES}
    if controls.task == "vae":
        return off | dict.fromkeys(OF_NOISE, "A VAE sees no noise levels and no labels.")
    if controls.task == "classifier":
        off |= dict.fromkeys(("target", "weighting", "learned_variance", "vlb_weight"), OF_DENOISERS)
        return off | {"label_dropout": "A classifier is always told what it should have read."}
    if not controls.learned_variance:
        off["vlb_weight"] = "It belongs to a learned variance."
    if controls.target == "noise":
        off["zero_terminal_snr"] = f"{NO_SIGNAL}: let the network predict x₀ or v."
    return off


def config(controls: TrainingControls, seconds_per_step: float) -> TrainConfig:
    """The run that these settings ask for. Raises pydantic's ValidationError."""
    from engine.training.config import TrainConfig

    return TrainConfig(
        **controls.model_dump(),
        warmup=min(100, controls.steps // 10),
        report_every=max(1, min(controls.steps, round(REPORT_SECONDS / max(seconds_per_step, 1e-6)))),
        sample_every=max(1, controls.steps // PREVIEWS_PER_RUN),
    )


def planned(controls: TrainingControls, visitor: Visitor) -> tuple[TrainConfig, Preflight]:
    """The run that would be started, and what it costs. Raises ValueError with one sentence where it cannot be started."""
    if visitor.public:
        controls = checked(controls, **dict.fromkeys(NOT_IN_PUBLIC, False))
    found = tried(controls, visitor)
    if not found.passed:
        raise ValueError(found.problems[0])
    seconds, most = found.seconds_per_step * controls.steps, visitor.limits.training_seconds
    if seconds > most:
        raise ValueError(text.too_long(duration(seconds), duration(most)))
    run = config(controls, found.seconds_per_step)
    visitor.check_training(run)
    return run, found


def tried(controls: TrainingControls, visitor: Visitor) -> Preflight:
    """What a few steps cost on this machine, and what would fail: once for each kind of network and batch.

    Raises:
        DataError: where the pictures are not there.
    """
    visitor.check_data(controls.data)
    costs = _costs(controls)
    key = (costs, _shape(costs))
    found = _tries.get(key)
    if found is None:
        found = _tried(costs)
        if found.passed:  # what is wrong today, as a full disk, may be right in a moment
            _tries[key] = found
    return found


_tries: dict[tuple[TrainConfig, tuple[int, int, int]], Preflight] = {}


def _tried(costs: TrainConfig) -> Preflight:
    from engine.runs.record import default_root
    from engine.training.distributed import SingleProcess, best_device
    from engine.training.preflight import preflight

    return preflight(costs, SingleProcess(best_device()), default_root())


def cost(controls: TrainingControls, found: Preflight) -> str:
    """What was found, in a line or two."""
    parts = f", {found.micro_batch} of {controls.batch} pictures at once" if found.micro_batch < controls.batch else ""
    line = f"{_short(found.seconds_per_step)} s a step, tried on this machine{parts}; its files take {found.disk / 1e6:.0f} MB."
    compiling = " Compiling comes on top, and what it gains is not in this." if controls.compile else ""
    return line + compiling


def pace(snapshot: Snapshot) -> str:
    """What held it up lately, in a line; empty before its first report."""
    recent = snapshot.reports[-20:]
    if not recent:
        return ""
    waited = sum(report.waiting for report in recent) / len(recent)
    parts = (
        f" {recent[-1].micro_batch} pictures go at once." if 0 < recent[-1].micro_batch < snapshot.config.batch else ""
    )
    return f"{100 * waited:.1f} % of the time the network waited for pictures.{parts}"


def _short(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 1 else f"{seconds:.1f}"


def _costs(controls: TrainingControls) -> TrainConfig:
    """What the costs of a step depend on, and the rest as it is by itself."""
    from engine.training.config import TrainConfig

    names = ("task", "data", "size", "upsampling", "flips", "rotation", "preset", "batch", "learned_variance")
    names += ("precision", "micro_batch", "latent")
    return TrainConfig.model_validate({name: getattr(controls, name) for name in names})


def _shape(costs: TrainConfig) -> tuple[int, int, int]:
    """Size, channels and classes of the pictures: they may be prepared anew under the same name. Raises DataError."""
    from engine.data.prepared import pictures_of

    pictures = pictures_of(costs)
    return pictures.size, pictures.channels, len(pictures.class_names)


WEIGHTED = {"plain": "", "min-snr": ", min-SNR weights", "bound": ", the bound's weights"}


def described(config: TrainConfig) -> str:
    """A run in one line."""
    end = f"{config.schedule} schedule, T = {config.T}" + (", zero terminal SNR" if config.zero_terminal_snr else "")
    end += ", t by importance" if config.importance else ""
    if config.task == "vae":
        return f"{_pictures(config)}, {config.preset} VAE, {config.latent} latent numbers"
    if config.task == "classifier":
        return f"{_pictures(config)}, {config.preset} classifier of noisy pictures, {end}"
    more = WEIGHTED[config.weighting] + (", learned variance" if config.learned_variance else "")
    return f"{_pictures(config)}, {config.preset} network, predicts {config.target}{more}, {end}"


def _pictures(config: TrainConfig) -> str:
    """Of a run, in a few words."""
    changed = [f"at {config.size} × {config.size}"] if config.size else []
    changed += ["mirrored"] if config.flips else []
    changed += [f"turned by up to {config.rotation:g}°"] if config.rotation else []
    return " ".join([data_title(config.data), ", ".join(changed)]).strip()
