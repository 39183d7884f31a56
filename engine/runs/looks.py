"""What is shown of a network while it learns: pictures that it draws, or how well it reads. And what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_uint8
from engine.data.prepared import augmented_pictures, held_out_pictures
from engine.denoiser import Clipped, Denoiser
from engine.guidance import Guided
from engine.models.noisy_classifier import LevelClassifier
from engine.models.vae import VAE
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

PREVIEWS = 10
"""Pictures drawn from fixed noise, class after class."""
PREVIEW_STEPS = 20
READ = 200
"""Held-out pictures that a classifier is shown at every part of 0 … T."""


def preview(denoiser: Denoiser, config: TrainConfig, data: ImageSet, stop: Callable[[], bool]) -> Pictures | None:
    """Draw a few pictures, always from the same noise. None where it was stopped."""
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
def decoded(vae: VAE) -> Pictures:
    """What a VAE makes of a few z of its prior, always the same: the mean of p(x | z)."""
    z = torch.randn((PREVIEWS, vae.config.latent), generator=torch.Generator().manual_seed(0))
    pictures = to_uint8(vae.decode(z.to(vae.to_latent.weight.device)).mean.cpu())
    pictures.setflags(write=False)
    return pictures


def accuracy(
    classifier: LevelClassifier,
    config: TrainConfig,
    step: int,
    stop: Callable[[], bool] = lambda: False,
    most: int = READ,
) -> ClassifierAccuracy | None:
    """Let it read held-out pictures, always the same. None where it was stopped, or where there are none."""
    held_out = held_out_pictures(config)
    if not len(held_out):
        return None
    exact = _exact_accuracy(_that_matters(config), most)
    if exact is None or stop():
        return None
    device = classifier.head.weight.device

    def read(x_t: Tensor, level: Level) -> Tensor:
        logits: Tensor = classifier(x_t.to(device), level)
        return logits

    measured = evaluate_by_level(read, held_out, config.noise_schedule(), most=most, stop=stop)
    return None if measured is None else ClassifierAccuracy(step, min(most, len(held_out)), *measured, exact)


def bayes_optimal_of(config: TrainConfig) -> BayesOptimalLoss | None:
    """The loss that nothing can beat. Takes seconds, once for each kind of run; None where it would take minutes, and for
    pictures that are turned, of which there are endlessly many."""
    return _floor(_that_matters(config))


def _that_matters(config: TrainConfig) -> TrainConfig:
    """What the floor depends on, and the rest as it is by itself."""
    pictures = ("data", "size", "upsampling", "flips", "rotation")
    names = ("task", *pictures, "schedule", "T", "target", "zero_terminal_snr", "weighting")
    return TrainConfig.model_validate({name: getattr(config, name) for name in names})


@lru_cache(maxsize=16)
def _floor(config: TrainConfig) -> BayesOptimalLoss | None:
    data, schedule = augmented_pictures(config), config.noise_schedule()
    if data is None or config.task == "vae":  # of a VAE it is not known
        return None
    if config.task == "classifier":
        return bayes_optimal_cross_entropy(data, schedule)
    return bayes_optimal_loss(data, schedule, config.prediction_target(), config.weighting)


@lru_cache(maxsize=16)
def _exact_accuracy(config: TrainConfig, most: int) -> tuple[float, ...] | None:
    """Accuracy by part of who knows the training pictures by heart; () where these are too many, or endless."""
    data = augmented_pictures(config)
    if data is None:
        return ()
    measured = evaluate_by_level(exact_classifier(data), held_out_pictures(config), config.noise_schedule(), most=most)
    return None if measured is None else measured[0]
