"""Previews of a model in training: its samples, or its accuracy as a classifier, and its loss on held-out pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.data.image_set import ImageSet
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.config import TrainConfig
from engine.training.held_out import HeldOutLoss
from engine.training.tasks import Trained, task_of
from engine.training.tasks.task import Pictures

CLASSIFIED = 200
"""Held-out pictures that a classifier is evaluated on in every timestep bin."""


@dataclass(frozen=True, eq=False)
class Preview:
    """What was measured at a step; None where there is nothing to measure, or where it was stopped."""

    pictures: Pictures | None
    accuracy: ClassifierAccuracy | None
    held_out: float | None
    is_complete: bool
    """Whether it was not stopped."""


class Previewer:
    """Measures a run at several steps, always with the same noise and the same pictures.

    Args:
        config: of the run.
        training, held_out: the two parts of its set, at its size; the second may be empty.
    """

    def __init__(self, config: TrainConfig, training: ImageSet, held_out: ImageSet) -> None:
        self._config, self._training, self._task = config, training, task_of(config)
        self._loss = HeldOutLoss(config, held_out) if self._task.has_held_out_loss and len(held_out) else None

    def preview(self, model: Trained, step: int, stop: Callable[[], bool], classified: int = 0) -> Preview:
        """Measure the EMA weights.

        Args:
            model: a frozen copy, on any device.
            step: of the training.
            stop: called often; whether to stop.
            classified: held-out pictures that a classifier is evaluated on; 0 for `CLASSIFIED`.
        """
        # First, for it takes least; and not of random weights.
        held_out = self._loss(model) if self._loss is not None and step and not stop() else None
        pictures = self._task.preview(self._config, model, self._training, stop)
        accuracy = self._task.accuracy(self._config, model, step, stop, classified or CLASSIFIED)
        return Preview(pictures, accuracy, held_out, not stop())
