"""What is measured of a network while it is trained: pictures that it draws, its accuracy as a classifier, its loss on held-out
pictures, and the Bayes-optimal loss that these are compared with.

A preview samples with DDIM from fixed noise, so that those of two steps differ by the weights alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_uint8
from engine.data.prepared import augmented_pictures, held_out_pictures
from engine.denoiser import Clipped, Denoiser, NetDenoiser
from engine.guidance import Guided
from engine.models.noisy_classifier import LevelClassifier
from engine.models.vae import VAE
from engine.process import Prediction
from engine.runs.snapshot import Pictures
from engine.samplers import DDIM
from engine.sampling import sample
from engine.schedule import Level
from engine.training.bayes_optimal import BayesOptimalLoss, bayes_optimal_loss
from engine.training.classifier_accuracy import (
    ClassifierAccuracy,
    bayes_optimal_cross_entropy,
    evaluate_by_level,
    exact_classifier,
)
from engine.training.config import TrainConfig
from engine.training.held_out import HeldOutLoss
from engine.training.learner import Learner, net_of

PREVIEWS = 10
"""Pictures of a preview, class after class."""
PREVIEW_STEPS = 20
CLASSIFIED = 200
"""Held-out pictures that a classifier is evaluated on, in every part of 0 … T."""


def draw_preview(denoiser: Denoiser, config: TrainConfig, data: ImageSet, stop: Callable[[], bool]) -> Pictures | None:
    """A few pictures, uint8 (B, H, W, C), always from the same noise. None where it was stopped."""
    classes = len(data.class_names)
    scale = 2.0 if config.label_dropout > 0 else 1.0
    frames = sample(
        Clipped(Guided(denoiser, scale) if classes else denoiser),
        config.noise_schedule(),
        DDIM(),
        shape=(data.channels, data.size, data.size),
        steps=min(PREVIEW_STEPS, config.T),
        seeds=range(PREVIEWS),
        label=torch.arange(PREVIEWS) % classes if classes else None,
    )
    for frame in frames:
        if stop():
            return None
        last = frame
    pictures = to_uint8(last.x)
    pictures.setflags(write=False)
    return pictures


@torch.no_grad()
def decode_prior(vae: VAE) -> Pictures:
    """The mean of p(x | z) for a few z of the prior, always the same: uint8 (B, H, W, C)."""
    z = torch.randn((PREVIEWS, vae.config.latent), generator=torch.Generator().manual_seed(0))
    pictures = to_uint8(vae.decode(z.to(vae.to_latent.weight.device)).mean.cpu())
    pictures.setflags(write=False)
    return pictures


def classifier_accuracy(
    classifier: LevelClassifier,
    config: TrainConfig,
    step: int,
    stop: Callable[[], bool] = lambda: False,
    most: int = CLASSIFIED,
) -> ClassifierAccuracy | None:
    """On held-out pictures, always the same. None where it was stopped, or where there are none."""
    held_out = held_out_pictures(config)
    if not len(held_out):
        return None
    exact = _exact_accuracy(_measured_config(config), most)
    if exact is None or stop():
        return None
    device = classifier.head.weight.device

    def read(x_t: Tensor, level: Level) -> Tensor:
        logits: Tensor = classifier(x_t.to(device), level)
        return logits

    measured = evaluate_by_level(read, held_out, config.noise_schedule(), most=most, stop=stop)
    return None if measured is None else ClassifierAccuracy(step, min(most, len(held_out)), *measured, exact)


def bayes_optimal_of(config: TrainConfig) -> BayesOptimalLoss | None:
    """The Bayes-optimal loss. Takes seconds, and is computed a single time for each kind of run; None where it would take
    minutes, and for augmented pictures, of which there are infinitely many."""
    return _bayes_optimal(_measured_config(config))


def _measured_config(config: TrainConfig) -> TrainConfig:
    """The settings that the Bayes-optimal loss depends on; the others at their defaults."""
    pictures = ("data", "size", "upsampling", "flips", "rotation")
    names = ("task", *pictures, "schedule", "T", "target", "zero_terminal_snr", "weighting")
    return TrainConfig.model_validate({name: getattr(config, name) for name in names})


@lru_cache(maxsize=16)
def _bayes_optimal(config: TrainConfig) -> BayesOptimalLoss | None:
    data, schedule = augmented_pictures(config), config.noise_schedule()
    if data is None or config.task == "vae":  # whose Bayes-optimal loss is not known
        return None
    if config.task == "classifier":
        return bayes_optimal_cross_entropy(data, schedule)
    return bayes_optimal_loss(data, schedule, config.prediction_target(), config.weighting)


@lru_cache(maxsize=16)
def _exact_accuracy(config: TrainConfig, most: int) -> tuple[float, ...] | None:
    """Accuracy by part of 0 … T of the exact classifier of the training pictures; () where these are too many, or infinitely
    many."""
    data = augmented_pictures(config)
    if data is None:
        return ()
    measured = evaluate_by_level(exact_classifier(data), held_out_pictures(config), config.noise_schedule(), most=most)
    return None if measured is None else measured[0]


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
        self._config, self._training = config, training
        measured = config.task != "classifier" and len(held_out) > 0
        self._loss = HeldOutLoss(config, held_out) if measured else None

    def bayes_optimal(self) -> BayesOptimalLoss | None:
        """See `bayes_optimal_of`."""
        return bayes_optimal_of(self._config)

    def preview(self, learned: Learner, step: int, stop: Callable[[], bool], classified: int = 0) -> Preview:
        """Measure the EMA weights.

        Args:
            learned: a frozen copy, on any device.
            step: of the training.
            stop: called often; whether to stop.
            classified: held-out pictures that a classifier is evaluated on; 0 for `CLASSIFIED`.
        """
        pictures, accuracy, held_out = None, None, None
        # First, for it takes least; and not of random weights.
        if self._loss is not None and step and not stop():
            held_out = self._loss(learned)
        if isinstance(learned, VAE):
            pictures = decode_prior(learned)
        elif isinstance(learned, NetDenoiser):
            pictures = draw_preview(_OnDevice(learned), self._config, self._training, stop)
        else:
            accuracy = classifier_accuracy(learned, self._config, step, stop, most=classified or CLASSIFIED)
        return Preview(pictures, accuracy, held_out, not stop())

    @staticmethod
    def on_cpu(learned: Learner) -> Learner:
        """The same on the CPU; itself where it is there already."""
        net = net_of(learned)
        if next(net.parameters()).device.type == "cpu":
            return learned
        net = copy.deepcopy(net).cpu()
        return replace(learned, net=net) if isinstance(learned, NetDenoiser) else net  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class _OnDevice:
    """A denoiser on any device, of pictures on the CPU: sampling gives the same pictures on every device."""

    denoiser: NetDenoiser

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        device = next(self.denoiser.net.parameters()).device
        if device.type == "cpu":
            return self.denoiser(x_t, level, label)
        prediction = self.denoiser(x_t.to(device), level, label)
        return Prediction(*(None if part is None else part.cpu() for part in prediction))  # type: ignore[arg-type]
