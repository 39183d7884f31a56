"""The settings of the Training lab: fields of `TrainConfig`, which has their ranges, titles and help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from engine.language import N_, _
from engine.training.config import (
    PrecisionName,
    PresetName,
    ScheduleName,
    TargetName,
    TaskName,
    TrainConfig,
    WeightingName,
)
from playground.labs.shared.controls import Controls, Problem, checked, like

LOSS, MORE, PICTURES, MACHINE = "Loss", "More", "Size and augmentation", "Speed and memory"
NO_SIGNAL = N_("Zero terminal SNR leaves pure noise at T, from which a network that predicts the noise learns nothing.")
LARGEST_SEED = 2**53 - 1
"""Whole numbers above it are not exact in a browser."""


def _like(name: str, **more: Any) -> Any:
    return like(TrainConfig, name, **more)


class TrainingControls(Controls):
    """What is set before a run starts.

    Two defaults differ from those of `TrainConfig`, which are for longer runs: `steps`, so that a run on a CPU takes about a
    minute, and with it `ema_decay`, which averages over about the last 100 of them.
    """

    first_visit: ClassVar[Mapping[str, Any]] = {"steps": 400}
    """About a minute on two cores. The defaults stay as they are: a link has what differs from them."""

    task: TaskName = _like("task", titles={"vae": "VAE"})
    data: str = _like(
        "data",
        title="Data set",
        help="What the network learns from. Other data sets are under “Other data sets …”.",
        max_length=1000,
    )
    size: int = _like("size", group=PICTURES)
    upsampling: bool = _like("upsampling", group=PICTURES)
    flips: bool = _like("flips", group=PICTURES)
    rotation: float = _like("rotation", step=1, group=PICTURES)
    preset: PresetName = _like("preset", titles={"auto": "by size"})
    latent: int = _like("latent", slider=False, group=MORE)
    target: TargetName = _like("target", titles={"noise": "noise ε", "clean": "x₀", "velocity": "v"})
    schedule: ScheduleName = _like("schedule")
    T: int = _like("T", step=10)
    steps: int = _like("steps", default=1200, slider=False, step=100)
    batch: int = _like("batch", slider=False)
    weighting: WeightingName = _like(
        "weighting",
        titles={"plain": "plain, as in DDPM", "min-snr": "min-SNR with γ = 5", "bound": "as in the variational bound"},
        group=LOSS,
    )
    learned_variance: bool = _like("learned_variance", group=LOSS)
    vlb_weight: float = _like("vlb_weight", slider=False, step=0.001, group=LOSS)
    importance: bool = _like("importance", group=LOSS)
    zero_terminal_snr: bool = _like("zero_terminal_snr", group=LOSS)
    learning_rate: float = _like("learning_rate", slider=False, step=1e-4, group=MORE)
    # A widget has a largest value; the field of the run is only below 1.
    ema_decay: float = _like("ema_decay", default=0.99, le=0.9999, slider=False, step=0.001, group=MORE)
    label_dropout: float = _like("label_dropout", step=0.05, group=MORE)
    precision: PrecisionName = _like("precision", group=MACHINE)
    micro_batch: int = _like("micro_batch", slider=False, group=MACHINE)
    compile: bool = _like("compile", group=MACHINE)
    seed: int = _like("seed", le=LARGEST_SEED, slider=False, group=MORE)

    def settled(self) -> tuple[Self, list[Problem]]:
        """Zero terminal SNR is switched off where the network predicts the noise."""
        if self.task == "denoiser" and self.zero_terminal_snr and self.target == "noise":
            return checked(self, zero_terminal_snr=False), [Problem(_(NO_SIGNAL), _("It was switched off."))]
        return self, []


def without_effect(controls: TrainingControls) -> dict[str, str]:
    """Name of each setting that has no effect with these settings, and why."""
    from engine.training.tasks import task_of

    config = TrainConfig(**controls.model_dump())
    return task_of(config).without_effect(config)
