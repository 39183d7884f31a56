"""Everything that determines a training run, as one checked value: the JSON file, the form in the page, the command line."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.models.presets import PRESETS, Preset
from engine.models.unet import UNetConfig
from engine.process import TARGETS, Target
from engine.schedule import SCHEDULES, NoiseSchedule

ScheduleName = Literal["linear", "cosine", "sigmoid"]
TargetName = Literal["noise", "clean", "velocity"]
PresetName = Literal["tiny", "small", "medium"]


class TrainConfig(BaseModel):
    """One training run. Two runs of the same config on the same machine and thread count give the same weights.

    Raises:
        ValueError: (pydantic's) for a value out of range or a name that there is not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = Field("digits", title="Pictures", description="What the network learns to draw.")
    preset: PresetName = Field("tiny", title="Network", description="How large the U-Net is.")
    target: TargetName = Field(
        "noise", title="The network predicts", description="ε as in DDPM, x_0, or the velocity v."
    )
    schedule: ScheduleName = Field(
        "cosine", title="Noise schedule", description="How the noise comes in over the T steps."
    )
    T: int = Field(1000, ge=10, le=1000, title="Steps of the forward process T")
    steps: int = Field(1500, ge=1, le=1_000_000, title="Training steps", description="Each looks at one batch.")
    batch: int = Field(32, ge=1, le=1024, title="Batch", description="Pictures looked at in one step.")
    learning_rate: float = Field(
        1e-3, ge=1e-7, le=1.0, title="Learning rate", description="How far each step moves the weights."
    )
    warmup: int = Field(
        100, ge=0, le=100_000, title="Warm-up", description="Steps over which the learning rate rises from 0."
    )
    averaging: float = Field(
        0.999,
        ge=0,
        lt=1,
        title="Averaging",
        description="Samples come from an average of the weights over about 1/(1−this) steps.",
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

    def unet(self, size: int, channels: int, classes: int) -> UNetConfig:
        """The network for this data."""
        preset: Preset = PRESETS[self.preset]
        return preset.config(size, channels, classes)

    def noise_schedule(self) -> NoiseSchedule:
        """The forward process to train on."""
        return SCHEDULES[self.schedule](self.T)

    def prediction_target(self) -> Target:
        """What the output is compared with."""
        return TARGETS[self.target]
