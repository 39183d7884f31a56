"""What the Training page says and shows for each task: a denoiser, a classifier, a VAE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.labs.training import text

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

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
WEIGHTED = {"plain": "", "min-snr": ", min-SNR weights", "bound": ", the bound's weights"}


@dataclass(frozen=True)
class TaskWords:
    """One task, as the page shows it."""

    about_loss: str
    described: Callable[[TrainConfig], str]
    """Network and process of a run, in a few words."""
    use_help: str
    """Of the button that opens the trained network in another lab."""
    is_log: bool = True
    """Whether the loss has a logarithmic axis."""
    charts: tuple[str, ...] = ("loss", "levels", "bound")
    """Names of the charts of a run; "bound" is drawn with a learned variance only."""

    @property
    def has_samples(self) -> bool:
        """Whether the previews of a run are samples; a classifier has an accuracy instead."""
        return "accuracy" not in self.charts


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
    "denoiser": TaskWords(text.LOSS, _denoiser, text.SAMPLE_HELP),
    "classifier": TaskWords(
        text.LOSS_OF_CLASSIFIER,
        lambda config: f"{config.preset} classifier of noisy images, {_process(config)}",
        text.GUIDE_HELP,
        is_log=False,
        charts=("loss", "levels", "accuracy"),
    ),
    "vae": TaskWords(
        text.LOSS_OF_VAE,
        lambda config: f"{config.preset} VAE, {config.latent} latent dimensions",
        text.LOOK_INSIDE_HELP,
        charts=("loss",),
    ),
}


def words_of(config: TrainConfig) -> TaskWords:
    """Of the task that these settings train."""
    return TASKS[config.task]
