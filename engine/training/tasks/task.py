"""The strategy of a task: everything that differs between training a denoiser, a classifier of noisy pictures and a VAE.

The loop, the runs and the doctor use this protocol only. A new one is a file beside this one, a line in `TASKS`, and its name
in `TrainConfig.task`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from engine.data.image_set import ImageSet
from engine.language import N_
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.config import TrainConfig
from engine.training.objective import Objective

Pictures = npt.NDArray[np.uint8]
"""Shape (B, H, W, C)."""

PREVIEWS = 10
"""Pictures in a preview, always from the same noise."""
ONLY_DENOISER, ONLY_VAE = N_("Only a denoiser has this."), N_("Only a VAE has this.")


class Trained(Protocol):
    """A model around the network that is trained, as `NetDenoiser`; a frozen dataclass."""

    @property
    def net(self) -> Any:
        """The `nn.Module`."""


M = TypeVar("M", bound=Trained)


@dataclass(frozen=True)
class Provenance:
    """What is written into the card of a saved model."""

    config: TrainConfig
    data: ImageSet
    """The training pictures."""
    step: int
    """Of the training."""
    accuracy: ClassifierAccuracy | None = None
    """Of a classifier, the last one measured; used only if it was at this very step."""
    command: str = ""
    """The shell command that trained it; empty where there was none."""

    @property
    def title(self) -> str:
        """Data and network, in words."""
        return f"{self.data.title}, {self.config.preset}"


@dataclass(frozen=True)
class Saved:
    """A saved model that opens."""

    title: str
    step: int
    hint: str
    """How it is opened elsewhere: a clause that follows a sentence."""


class Task(Protocol[M]):
    """A task: which network is trained, on which loss, and how it is previewed, measured, saved and opened."""

    noun: str
    """What is trained, in a sentence: "denoiser"."""
    use: str
    """The purpose of the trained model in a sentence; "" where it is sampling."""
    has_held_out_loss: bool
    """Whether the loss on held-out pictures is measured; else `accuracy` is."""
    has_milestones: bool
    """Whether EMA weights of earlier steps are archived."""
    drops_labels: bool
    """Whether the label dropout applies."""
    min_loss_decrease: float
    """Least decrease of a loss that the doctor calls falling, as a fraction of its distance to the Bayes-optimal loss."""
    skipped_rules: frozenset[str]
    """Rules of the doctor that do not apply to this task."""

    def without_effect(self, config: TrainConfig) -> dict[str, str]:
        """The settings that have no effect on this training, each with the reason in a sentence."""

    def loss_unit(self, config: TrainConfig) -> str:
        """The loss in words, with its unit."""

    def network(self, config: TrainConfig, data: ImageSet) -> nn.Module:
        """A new network for these pictures. Raises ValueError where they do not fit together."""

    def model(self, config: TrainConfig, data: ImageSet, net: Any) -> M:
        """The model around a network of `network`."""

    def evaluate(self, config: TrainConfig, net: Any, pictures: Tensor) -> object:
        """Evaluate a network of `network` once, as a training step does, on pictures (B, C, H, W): to count what it costs."""

    def objective(self, config: TrainConfig, model: M) -> Objective:
        """The loss."""

    def bayes_optimal(self, config: TrainConfig, data: ImageSet) -> BayesOptimalLoss | None:
        """The Bayes-optimal loss on these pictures; None where it is not known."""

    def preview(self, config: TrainConfig, model: M, data: ImageSet, stop: Callable[[], bool]) -> Pictures | None:
        """Samples from fixed noise; None for a task without samples, or where `stop` returned True."""

    def accuracy(
        self, config: TrainConfig, model: M, step: int, stop: Callable[[], bool], most: int
    ) -> ClassifierAccuracy | None:
        """The accuracy on at most so many held-out pictures; None for a task without accuracy, or where `stop` returned
        True."""

    def save(self, folder: Path, model: M, weights: Mapping[str, Tensor], about: Provenance) -> None:
        """Write the model with these weights into a folder. Raises OSError where the write fails."""

    def is_saved_in(self, folder: Path) -> bool:
        """Whether `save` of this task wrote the folder. Raises CheckpointError where its config cannot be read."""

    def open(self, folder: Path) -> Saved:
        """Open what `save` wrote. Raises CheckpointError."""


def with_net(model: M, net: nn.Module) -> M:
    """The same model around another network."""
    return replace(model, net=net)  # type: ignore[type-var]


def with_weights(model: M, weights: Mapping[str, Tensor]) -> M:
    """A copy of the model with these weights, in evaluation mode and without gradients."""
    net: nn.Module = copy.deepcopy(model.net)
    net.load_state_dict(weights)
    net.eval().requires_grad_(False)
    return with_net(model, net)


def device_of(model: Trained) -> Any:
    """The `torch.device` of its weights."""
    return next(model.net.parameters()).device


def on_cpu(model: M) -> M:
    """A copy of the model on the CPU; the model itself where it is there already."""
    return model if device_of(model).type == "cpu" else with_net(model, copy.deepcopy(model.net).cpu())
