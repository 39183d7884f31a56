"""Everything that determines a training run, as one checked value: the JSON file, the form in the page, the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from engine.language import N_, Message
from engine.settings import Settings

if TYPE_CHECKING:  # a page that shows these settings opens before torch is loaded
    from engine.process import Target
    from engine.schedule import NoiseSchedule

ScheduleName = Literal["linear", "cosine", "sigmoid"]
TargetName = Literal["noise", "clean", "velocity"]
PresetName = Literal["tiny", "small", "medium", "auto"]
PrecisionName = Literal["fp32", "bf16", "fp16"]
TaskName = Literal["denoiser", "classifier", "vae"]
WeightingName = Literal["plain", "min-snr", "bound"]

NO_SIGNAL = N_(
    "At zero terminal SNR the last x_T is pure noise, and knowing the noise says nothing about the image: "
    "let the network predict the velocity or the clean image."
)


class TrainConfig(Settings):
    """One training run. Two runs of the same config on the same machine and thread count give the same weights.

    Raises:
        ValueError: (pydantic's) for a value out of range or a name that there is not.
    """

    task: TaskName = Field(
        "denoiser",
        title="Task",
        description="A denoiser, which draws samples. A classifier of noisy images, whose gradient guides a denoiser. Or a "
        "variational autoencoder (VAE), whose bound is compared with the denoiser's.",
    )
    data: str = Field("digits", title="Data set", description="The images that the network is trained on.")
    size: int = Field(
        0,
        ge=0,
        le=512,
        title="Image size (pixels)",
        description="Height and width. Smaller images train faster. 0, as usual: the size of the data set.",
    )
    upsampling: bool = Field(
        False, title="Upsampling", description="Allow a size above that of the data set: more pixels, no more detail."
    )
    flips: bool = Field(
        False,
        title="Horizontal flips",
        description="Mirror half of the images, as usual for photographs. Not for digits or letters.",
    )
    rotation: float = Field(
        0.0,
        ge=0,
        le=30,
        title="Rotation (degrees)",
        description="Rotate each image by up to this angle either way. More augments more and blurs the images. Usually 0.",
    )
    preset: PresetName = Field(
        "tiny",
        title="Network",
        description="Size of the U-Net. A larger one reaches a lower loss and takes longer; auto chooses by the image size.",
    )
    latent: int = Field(
        16,
        ge=2,
        le=256,
        title="Latent dimensions",
        description="Dimensions of a VAE's z. More lower the reconstruction term and raise the KL term. Usually 16.",
    )
    target: TargetName = Field(
        "velocity",
        title="Prediction target",
        description="The noise ε as in DDPM, the clean image x₀, or the velocity v, which gives the best samples after a short "
        "training (docs/performance.md).",
    )
    schedule: ScheduleName = Field(
        "cosine", title="Noise schedule", description="How the noise level rises over the T steps. Usually cosine."
    )
    T: int = Field(
        1000,
        ge=10,
        le=1000,
        title="Diffusion steps T",
        description="More make each reverse step smaller. Usually 1000.",
    )
    zero_terminal_snr: bool = Field(
        False,
        title="Zero terminal SNR",
        description="Rescale the schedule until no signal is left at T (Lin et al. 2023, arXiv:2305.08891). Not for a network "
        "that predicts the noise.",
    )
    weighting: WeightingName = Field(
        "plain",
        title="Loss weighting",
        description="Weight of an error at each noise level. Plain, as usual: all equal (Ho et al. 2020). Min-SNR: the "
        "cleanest levels count less (Hang et al. 2023). Bound: as in the variational bound.",
    )
    learned_variance: bool = Field(
        False,
        title="Learned variance",
        description="The network also predicts the variance of each reverse step (Nichol & Dhariwal 2021).",
    )
    vlb_weight: float = Field(
        0.001,
        ge=0,
        le=1,
        title="Weight λ of the variational bound",
        description="Weight of the variational bound, in bits per dimension, beside the squared error. More trains the "
        "variance faster; nothing else is trained by it. Usually 0.001.",
    )
    importance: bool = Field(
        False,
        title="Importance sampling of t",
        description="Draw noise levels with a large loss more often and weight them down, which makes the gradient of the "
        "bound less noisy (Nichol & Dhariwal 2021). Starts when every t was drawn 10 times: after some 22,000 images.",
    )
    steps: int = Field(
        1500,
        ge=1,
        le=1_000_000,
        title="Training steps",
        description="More take longer and give a better model. Usually 1,000 to 100,000.",
    )
    batch: int = Field(
        32,
        ge=1,
        le=1024,
        title="Batch size",
        description="Images per step. More make the gradient less noisy and a step slower. Usually 32 to 256.",
    )
    micro_batch: int = Field(
        0,
        ge=0,
        le=1024,
        title="Micro-batch size",
        description="Images that go through the network at a time. Fewer take less memory; the gradients accumulate to the "
        "same. 0, as usual: the whole batch, halved where memory runs out.",
    )
    precision: PrecisionName = Field(
        "fp32",
        title="Precision",
        description="Number format of the network's computations; its weights stay fp32. On a GPU bf16 is faster.",
    )
    compile: bool = Field(
        False,
        title="Compilation",
        description="Compile the network with torch.compile: the first step takes longer, the others are faster on a GPU.",
    )
    learning_rate: float = Field(
        1e-3,
        ge=1e-7,
        le=1.0,
        title="Learning rate",
        description="How far each step moves the weights. More learns faster, until the loss explodes. Usually 0.001.",
    )
    warmup: int = Field(
        100,
        ge=0,
        le=100_000,
        title="Warm-up (steps)",
        description="Steps over which the learning rate rises from 0. More makes a start with a large rate safer. Usually 100.",
    )
    ema_decay: float = Field(
        0.999,
        ge=0,
        lt=1,
        title="EMA decay",
        description="Samples come from an exponential moving average of the weights over about the last 1 / (1 − decay) steps. "
        "More averages over more steps: smoother, and slower to follow. Usually 0.999.",
    )
    label_dropout: float = Field(
        0.1,
        ge=0,
        le=1,
        title="Label dropout",
        description="Share of the images whose label is dropped, so that the network also learns the unconditional "
        "prediction, which classifier-free guidance needs. More weakens the conditional model. Usually 0.1.",
    )
    weight_decay: float = Field(
        0.01, ge=0, le=1, title="Weight decay", description="More keeps the weights smaller (AdamW). Usually 0.01."
    )
    clip_norm: float = Field(
        1.0,
        gt=0,
        le=1000,
        title="Gradient clipping norm",
        description="Longer gradients are shortened to this norm. More lets larger steps through. Usually 1.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**63 - 1,
        title="Seed",
        description="Of the first weights and all random draws: the same seed gives the same weights.",
    )
    report_every: int = Field(
        10,
        ge=1,
        le=100_000,
        title="Report interval (steps)",
        description="More gives fewer and less noisy reports. Usually 10.",
    )
    sample_every: int = Field(
        150,
        ge=1,
        le=1_000_000,
        title="Preview interval (steps)",
        description="Steps between two sets of samples from the same noise. More saves time. Usually a tenth of the training.",
    )
    milestones: int = Field(
        12,
        ge=0,
        le=100,
        title="Milestones",
        description="Most copies of the averaged weights that are kept at evenly spaced steps, for the Recorder. "
        "More take more room on the disk. Usually 12, 0 for none; none of networks above 4 million weights.",
    )

    @model_validator(mode="after")
    def _keeps_signal(self) -> TrainConfig:
        if self.task == "denoiser" and self.zero_terminal_snr and self.target == "noise":
            raise ValueError(Message(NO_SIGNAL))
        return self

    def settings_of_loss(self) -> TrainConfig:
        """The settings that the Bayes-optimal loss depends on; all others have their defaults."""
        pictures = ("data", "size", "upsampling", "flips", "rotation")
        names = ("task", *pictures, "schedule", "T", "target", "zero_terminal_snr", "weighting")
        return TrainConfig.model_validate({name: getattr(self, name) for name in names})

    def noise_schedule(self) -> NoiseSchedule:
        """The forward process to train on."""
        from engine.schedule import SCHEDULES

        schedule = SCHEDULES[self.schedule](self.T)
        return schedule.with_zero_terminal_snr() if self.zero_terminal_snr else schedule

    def prediction_target(self) -> Target:
        """The target that the output is trained to predict."""
        from engine.process import TARGETS

        return TARGETS[self.target]
