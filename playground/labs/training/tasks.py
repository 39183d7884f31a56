"""What the Training page says and shows for each task: a denoiser, a classifier, a VAE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.language import N_, _
from playground.labs.training import text

if TYPE_CHECKING:
    from engine.training.config import TrainConfig

OF_LOSS = {
    "task": N_("the task"),
    "data": N_("the data set"),
    "size": N_("the image size"),
    "target": N_("the prediction target"),
    "schedule": N_("the noise schedule"),
    "T": "T",
    "zero_terminal_snr": N_("the terminal SNR"),
    "weighting": N_("the loss weighting"),
}
"""The settings on which the meaning of the loss depends, in words."""
WEIGHTED = {"plain": "", "min-snr": N_(", min-SNR weights"), "bound": N_(", the bound's weights")}


@dataclass(frozen=True)
class TaskWords:
    """One task, as the page shows it."""

    about_loss: str
    """Under the chart of the loss; English, to be translated where it is shown, as is `use_help`."""
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
    terminal = _(", zero terminal SNR") if config.zero_terminal_snr else ""
    importance = _(", importance-sampled t") if config.importance else ""
    return _(
        "{schedule} schedule, T = {t}{terminal}{importance}",
        schedule=_(config.schedule),
        t=config.T,
        terminal=terminal,
        importance=importance,
    )


def _denoiser(config: TrainConfig) -> str:
    variance = _(", learned variance") if config.learned_variance else ""
    return _(
        "{preset} network, predicts {target}{weighted}{variance}, {process}",
        preset=_(config.preset),
        target=_(config.target),
        weighted=_(WEIGHTED[config.weighting]),
        variance=variance,
        process=_process(config),
    )


TASKS = {
    "denoiser": TaskWords(text.LOSS, _denoiser, text.SAMPLE_HELP),
    "classifier": TaskWords(
        text.LOSS_OF_CLASSIFIER,
        lambda config: _(
            "{preset} classifier of noisy images, {process}", preset=_(config.preset), process=_process(config)
        ),
        text.GUIDE_HELP,
        is_log=False,
        charts=("loss", "levels", "accuracy"),
    ),
    "vae": TaskWords(
        text.LOSS_OF_VAE,
        lambda config: _("{preset} VAE, {latent} latent dimensions", preset=_(config.preset), latent=config.latent),
        text.LOOK_INSIDE_HELP,
        charts=("loss",),
    ),
}


def words_of(config: TrainConfig) -> TaskWords:
    """Of the task that these settings train."""
    return TASKS[config.task]
