"""The tasks by name, and functions that apply to every task."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from engine.data.image_set import ImageSet
from engine.data.prepared import augmented_pictures
from engine.models.uninitialised import uninitialised
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.config import TaskName, TrainConfig
from engine.training.tasks.classifier import ClassifierTask
from engine.training.tasks.denoiser import DenoiserTask
from engine.training.tasks.task import Task, Trained
from engine.training.tasks.vae import VAETask

TASKS: dict[TaskName, Task[Any]] = {"denoiser": DenoiserTask(), "vae": VAETask(), "classifier": ClassifierTask()}


def task_of(config: TrainConfig) -> Task[Any]:
    """The task of a run."""
    return TASKS[config.task]


def new_model(config: TrainConfig, data: ImageSet, device: torch.device | str = "cpu") -> Trained:
    """A model with random weights, which follow from the config's seed alone.

    Raises:
        ValueError: where network and pictures do not fit together.
    """
    task = task_of(config)
    with torch.random.fork_rng(devices=[]):  # layers initialise from the global random state, which is restored
        torch.manual_seed(config.seed)
        net = task.network(config, data)
    net = net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    model: Trained = task.model(config, data, net)
    return model


def parameter_count(config: TrainConfig, data: ImageSet) -> int:
    """Weights of the network of `new_model`, without making it.

    Raises:
        ValueError: where network and pictures do not fit together.
    """
    with uninitialised():
        return sum(parameter.numel() for parameter in task_of(config).network(config, data).parameters())


def bayes_optimal_of(config: TrainConfig) -> BayesOptimalLoss | None:
    """The Bayes-optimal loss of the run's training pictures, cached.

    Takes seconds the first time. None where it is not known, where it would take minutes, and with rotation, which
    gives infinitely many pictures.
    """
    return _bayes_optimal_of(config.settings_of_loss())


@lru_cache(maxsize=16)
def _bayes_optimal_of(config: TrainConfig) -> BayesOptimalLoss | None:
    data = augmented_pictures(config)
    return None if data is None else task_of(config).bayes_optimal(config, data)
