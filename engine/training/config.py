"""Everything that determines a training run, as one checked value: the JSON file, the form in the page, the command line."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from engine.models.noisy_classifier import NoisyClassifierConfig
from engine.models.presets import preset_for
from engine.models.unet import UNetConfig
from engine.models.vae import VAEConfig
from engine.process import TARGETS, Target
from engine.schedule import SCHEDULES, NoiseSchedule
from engine.settings import Settings

ScheduleName = Literal["linear", "cosine", "sigmoid"]
TargetName = Literal["noise", "clean", "velocity"]
PresetName = Literal["tiny", "small", "medium", "auto"]
PrecisionName = Literal["fp32", "bf16", "fp16"]
TaskName = Literal["denoiser", "classifier", "vae"]
WeightingName = Literal["plain", "min-snr", "bound"]

NO_SIGNAL = (
    "At zero terminal SNR the last x_T is pure noise, and knowing the noise says nothing about the picture: "
    "let the network predict the velocity or the clean picture."
)


class TrainConfig(Settings):
    """One training run. Two runs of the same config on the same machine and thread count give the same weights.

    Raises:
        ValueError: (pydantic's) for a value out of range or a name that there is not.
    """

    task: TaskName = Field(
        "denoiser",
        title="What is trained",
        description="A denoiser, which draws. Or a classifier of noisy pictures, by whose gradient a denoiser is guided. Or a "
        "variational autoencoder (VAE), whose bound is compared with the denoiser's.",
    )
    data: str = Field("digits", title="Pictures", description="What the network learns to draw, or to read.")
    size: int = Field(
        0, ge=0, le=512, title="Size", description="Pixels along a side; 0 for the size that the pictures have."
    )
    upsampling: bool = Field(
        False, title="Enlarge", description="Allow a size above that of the pictures, which adds pixels and no detail."
    )
    flips: bool = Field(
        False, title="Flips", description="Every other picture is mirrored left to right. Not for digits or letters."
    )
    rotation: float = Field(
        0.0, ge=0, le=30, title="Rotation", description="Each picture is turned by up to so many degrees either way."
    )
    preset: PresetName = Field("tiny", title="Network", description="How large the U-Net is; auto goes by the size.")
    latent: int = Field(
        16, ge=2, le=256, title="Latent numbers", description="Of a VAE: into how many numbers a picture is put."
    )
    target: TargetName = Field(
        "velocity",
        title="The network predicts",
        description="ε as in DDPM, x_0, or the velocity v, with which a short training comes furthest (docs/performance.md).",
    )
    schedule: ScheduleName = Field(
        "cosine", title="Noise schedule", description="How the noise comes in over the T steps."
    )
    T: int = Field(1000, ge=10, le=1000, title="Steps of the forward process T")
    zero_terminal_snr: bool = Field(
        False,
        title="Zero terminal SNR",
        description="The schedule is stretched until nothing of the picture is left at T (Lin et al. 2023). "
        "A network that predicts the noise cannot learn from that.",
    )
    weighting: WeightingName = Field(
        "plain",
        title="Loss weighting",
        description="What an error counts at each noise level. Plain: all alike (Ho et al. 2020). Min-SNR: the cleanest "
        "levels count less (Hang et al. 2023). Bound: as in the variational bound.",
    )
    learned_variance: bool = Field(
        False,
        title="Learned variance",
        description="The network also says how much noise each reverse step should add (Nichol & Dhariwal 2021).",
    )
    vlb_weight: float = Field(
        0.001,
        ge=0,
        le=1,
        title="Weight of the bound λ",
        description="How much the variational bound, in bits per dimension, counts beside the squared error. "
        "It teaches the variance only.",
    )
    importance: bool = Field(
        False,
        title="Importance sampling",
        description="Noise levels with a large loss are drawn more often and count less, which steadies the bound's gradient "
        "(Nichol & Dhariwal 2021). It begins when every t has been seen 10 times: at T = 1000 after some 22,000 pictures.",
    )
    steps: int = Field(1500, ge=1, le=1_000_000, title="Training steps", description="Each looks at one batch.")
    batch: int = Field(32, ge=1, le=1024, title="Batch", description="Pictures looked at in one step.")
    micro_batch: int = Field(
        0,
        ge=0,
        le=1024,
        title="Micro-batch size",
        description="So many of a batch go through the network at a time, to save memory: the gradients add up to the "
        "same. 0 for the whole batch, halved where memory runs out.",
    )
    precision: PrecisionName = Field(
        "fp32",
        title="Precision",
        description="What the network computes in; its weights stay fp32. bf16 and fp16 pay on a GPU.",
    )
    compile: bool = Field(
        False,
        title="Compile",
        description="Let torch.compile rewrite the network: slow to begin, and pays on a GPU only.",
    )
    learning_rate: float = Field(
        1e-3, ge=1e-7, le=1.0, title="Learning rate", description="How far each step moves the weights."
    )
    warmup: int = Field(
        100, ge=0, le=100_000, title="Warm-up", description="Steps over which the learning rate rises from 0."
    )
    ema_decay: float = Field(
        0.999,
        ge=0,
        lt=1,
        title="EMA decay",
        description="Samples come from an exponential moving average of the weights over about 1/(1−this) steps.",
    )
    label_dropout: float = Field(
        0.1,
        ge=0,
        le=1,
        title="Label dropout",
        description="How often the label is hidden, so that guidance has something to compare with.",
    )
    weight_decay: float = Field(0.01, ge=0, le=1, title="Weight decay")
    clip_norm: float = Field(
        1.0, gt=0, le=1000, title="Gradient clipping", description="Longer gradients are shortened to this."
    )
    seed: int = Field(0, ge=0, le=2**63 - 1, title="Seed")
    report_every: int = Field(10, ge=1, le=100_000, title="Report every … steps")
    sample_every: int = Field(
        150, ge=1, le=1_000_000, title="Sample every … steps", description="Pictures from fixed noise."
    )
    milestones: int = Field(
        12,
        ge=0,
        le=100,
        title="Milestones kept",
        description="The averaged weights at so many evenly spaced steps at most, for the flight recorder; thinned out as the "
        "run grows. 0 for none. Of networks above 4 million weights none are kept.",
    )

    @model_validator(mode="after")
    def _keeps_signal(self) -> TrainConfig:
        if self.task == "denoiser" and self.zero_terminal_snr and self.target == "noise":
            raise ValueError(NO_SIGNAL)
        return self

    def unet(self, size: int, channels: int, classes: int) -> UNetConfig:
        """The network for this data; with a learned variance it puts out twice as many channels."""
        preset = preset_for(self.preset, size)
        net = preset.config(size, channels, classes)
        return net.model_copy(update={"out_channels": 2 * channels}) if self.learned_variance else net

    def classifier(self, size: int, channels: int, classes: int) -> NoisyClassifierConfig:
        """The classifier for this data: as wide and as deep as the U-Net's way down.

        Raises:
            ValueError: where there are no classes to tell apart.
        """
        if classes < 2:
            raise ValueError("A classifier needs pictures of at least two classes, and these have none to tell apart.")
        preset = preset_for(self.preset, size)
        return NoisyClassifierConfig(
            size=size,
            channels=channels,
            classes=classes,
            widths=preset.widths,
            layers_per_block=preset.layers_per_block,
        )

    def vae(self, size: int, channels: int) -> VAEConfig:
        """The VAE for this data: as wide and as deep as the U-Net's way down and up."""
        return VAEConfig(size=size, channels=channels, latent=self.latent, widths=preset_for(self.preset, size).widths)

    @property
    def hidden_share(self) -> float:
        """How often the label is hidden from what learns. A classifier is always told what it should have read."""
        return self.label_dropout if self.task == "denoiser" else 0.0

    def noise_schedule(self) -> NoiseSchedule:
        """The forward process to train on."""
        schedule = SCHEDULES[self.schedule](self.T)
        return schedule.with_zero_terminal_snr() if self.zero_terminal_snr else schedule

    def prediction_target(self) -> Target:
        """What the output is compared with."""
        return TARGETS[self.target]
