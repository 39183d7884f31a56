"""One look at what a run has learned: what it draws or how well it reads, and how it does on held-out pictures."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from engine.data.image_set import ImageSet
from engine.denoiser import NetDenoiser
from engine.models.vae import VAE
from engine.process import Prediction
from engine.runs import looks
from engine.runs.snapshot import Pictures
from engine.schedule import Level
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.config import TrainConfig
from engine.training.held_out import HeldOutLoss
from engine.training.learner import Learner, net_of


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen; None where there was nothing to see, or where it was stopped on the way."""

    pictures: Pictures | None
    accuracy: ClassifierAccuracy | None
    held_out: float | None
    whole: bool
    """Whether nobody stopped it."""


class Looker:
    """Looks at a run again and again, always with the same noise and the same pictures.

    Args:
        config: of the run.
        training, held_out: the two parts of its set, at its size; the second may be empty.
    """

    def __init__(self, config: TrainConfig, training: ImageSet, held_out: ImageSet) -> None:
        self._config, self._training = config, training
        measured = config.task != "classifier" and len(held_out) > 0
        self._loss = HeldOutLoss(config, held_out) if measured else None

    def bayes_optimal(self) -> BayesOptimalLoss | None:
        """The loss that nothing can beat; None where the set is too large to know it by heart in seconds."""
        return looks.bayes_optimal_of(self._config)

    def look(self, learned: Learner, step: int, stop: Callable[[], bool], read_at_most: int = 0) -> Look:
        """Look at the averaged weights.

        Args:
            learned: of its own, frozen; on any device.
            step: of the training.
            stop: asked again and again whether to give up.
            read_at_most: of a classifier, how many held-out pictures it reads; 0 for `looks.READ`.
        """
        pictures, accuracy, held_out = None, None, None
        # Nothing is measured of what has learned nothing; and it is what takes least, so it comes first.
        if self._loss is not None and step and not stop():
            held_out = self._loss(learned)
        if isinstance(learned, VAE):
            pictures = looks.decoded(learned)
        elif isinstance(learned, NetDenoiser):
            pictures = looks.preview(_Anywhere(learned), self._config, self._training, stop)
        else:
            accuracy = looks.accuracy(learned, self._config, step, stop, most=read_at_most or looks.READ)
        return Look(pictures, accuracy, held_out, not stop())

    @staticmethod
    def on_cpu(learned: Learner) -> Learner:
        """The same where everybody can use it; itself where it is on the CPU already."""
        net = net_of(learned)
        if next(net.parameters()).device.type == "cpu":
            return learned
        net = copy.deepcopy(net).cpu()
        return replace(learned, net=net) if isinstance(learned, NetDenoiser) else net  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class _Anywhere:
    """A denoiser on any device, for pictures on the CPU."""

    denoiser: NetDenoiser

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        device = next(self.denoiser.net.parameters()).device
        if device.type == "cpu":
            return self.denoiser(x_t, level, label)
        said = self.denoiser(x_t.to(device), level, label)
        return Prediction(*(None if part is None else part.cpu() for part in said))  # type: ignore[arg-type]
