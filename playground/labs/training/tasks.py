"""What the Training page says and shows for each task: a denoiser, a classifier, a VAE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from playground.labs.training import text

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

NO_SIGNAL = "Zero terminal SNR leaves pure noise at T, from which a network that predicts the noise learns nothing"
ONLY_DENOISERS = "Only a denoiser has this setting."
ONLY_VAES = "Only a VAE has this setting."
NO_NOISE = "A VAE is trained without noise levels and labels."
OF_LOSS = {
    "task": "the task",
    "data": "the data set",
    "size": "the image size",
    "target": "the prediction target",
    "schedule": "the noise schedule",
    "T": "T",
    "zero_terminal_snr": "the terminal SNR",
    "weighting": "the loss weighting",
}
"""The settings on which the meaning of the loss depends, in words."""
OF_NOISE = ("target", "schedule", "T", "weighting", "zero_terminal_snr")
OF_LABELS = ("learned_variance", "vlb_weight", "importance", "label_dropout")
WEIGHTED = {"plain": "", "min-snr": ", min-SNR weights", "bound": ", VLB weights"}


class TaskSettings(Protocol):
    """What is read of the settings here, of the controls and of a run's config alike."""

    @property
    def task(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def learned_variance(self) -> bool: ...


@dataclass(frozen=True)
class TaskWords:
    """One task, as the page shows it."""

    about_loss: str
    described: Callable[[TrainConfig], str]
    """Network and process of a run, in a few words."""
    use_help: str
    """Of the button that opens the trained network in another lab."""
    without_effect: Callable[[TaskSettings], Mapping[str, str]]
    """Settings that change nothing, and why."""
    loss_ignores: tuple[str, ...] = ()
    """Settings of `OF_LOSS` on which this task's loss does not depend."""
    is_log: bool = True
    """Whether the loss has a logarithmic axis."""
    charts: tuple[str, ...] = ("loss", "levels", "bound")
    """Names of the charts of a run; "bound" is drawn with a learned variance only."""

    @property
    def has_samples(self) -> bool:
        """Whether the previews of a run are samples; a classifier has an accuracy instead."""
        return "accuracy" not in self.charts


def _denoiser_off(controls: TaskSettings) -> dict[str, str]:
    off = {"latent": ONLY_VAES}
    if not controls.learned_variance:
        off["vlb_weight"] = "It belongs to the learned variance."
    if controls.target == "noise":
        off["zero_terminal_snr"] = f"{NO_SIGNAL}: predict x₀ or v."
    return off


def _classifier_off(_: TaskSettings) -> dict[str, str]:
    names = ("target", "weighting", "learned_variance", "vlb_weight")
    return {"latent": ONLY_VAES, **dict.fromkeys(names, ONLY_DENOISERS), "label_dropout": text.ALWAYS_LABELLED}


def _process(config: TrainConfig) -> str:
    terminal = ", zero terminal SNR" if config.zero_terminal_snr else ""
    importance = ", importance-sampled t" if config.importance else ""
    return f"{config.schedule} schedule, T = {config.T}{terminal}{importance}"


def _denoiser(config: TrainConfig) -> str:
    variance = ", learned variance" if config.learned_variance else ""
    return (
        f"{config.preset} network, predicts {config.target}{WEIGHTED[config.weighting]}{variance}, {_process(config)}"
    )


TASKS = {
    "denoiser": TaskWords(text.LOSS, _denoiser, text.SAMPLE_HELP, _denoiser_off),
    "classifier": TaskWords(
        text.LOSS_OF_CLASSIFIER,
        lambda config: f"{config.preset} classifier of noisy images, {_process(config)}",
        text.GUIDE_HELP,
        _classifier_off,
        loss_ignores=("target", "weighting"),
        is_log=False,
        charts=("loss", "levels", "accuracy"),
    ),
    "vae": TaskWords(
        text.LOSS_OF_VAE,
        lambda config: f"{config.preset} VAE, {config.latent} latent dimensions",
        text.LOOK_INSIDE_HELP,
        lambda _: dict.fromkeys((*OF_NOISE, *OF_LABELS), NO_NOISE),
        loss_ignores=OF_NOISE,
        charts=("loss",),
    ),
}


def words_of(config: TaskSettings) -> TaskWords:
    """Of the task that these settings train."""
    return TASKS[config.task]
