"""The settings of the Training lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from playground.labs.shared.controls import Controls, Field, checked, ui
from playground.labs.training.tasks import NO_SIGNAL, words_of

LOSS, MORE, PICTURES, MACHINE = "Loss", "More", "Size and augmentation", "Speed and memory"


class TrainingControls(Controls):
    """What is set before a run starts."""

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


def without_effect(controls: TrainingControls) -> Mapping[str, str]:
    """Name of each setting that has no effect with these settings, and why."""
    return words_of(controls).without_effect(controls)
