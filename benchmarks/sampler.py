"""What the sampler costs on top of the network that it asks, and how long a training step takes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.figures import Figure
from engine.denoiser import NO_LABEL, NetDenoiser
from engine.library import Model, open_model
from engine.models.presets import PRESETS
from engine.recipe import Recipe
from engine.training.config import TrainConfig
from engine.training.preflight import preflight

GOAL = 1.03

SETTINGS = (
    ("DDIM, scale 1", {"sampler": "ddim", "scale": 1.0}),
    ("DDPM, scale 1", {"sampler": "ddpm", "scale": 1.0}),
    ("DDIM, guided (scale 2)", {"sampler": "ddim", "scale": 2.0}),
)


def measure(*, model_name: str, images: int, steps: int, walks: int) -> list[Figure]:
    """All of it. Raises ModelError for a model that cannot be opened, ValueError for one that is no network."""
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))  # as many as the playground takes
    model = open_model(model_name)
    figures = []
    for title, settings in SETTINGS:
        recipe = Recipe(
            model=model_name,
            steps=steps,
            labels=tuple(k % len(model.class_names) for k in range(images)),
            seeds=tuple(range(images)),
            **settings,
        )
        figures += _overhead(f"{title}, {steps} steps, {images} images", model, recipe, walks)
        print(f"{figures[-1].what}: {figures[-1].measured()}", flush=True)
    for preset in PRESETS:
        config = TrainConfig(preset=preset, batch=32)
        seconds = float(np.median([preflight(config).seconds_per_step for _ in range(3)]))
        figures.append(Figure(f"A training step, “{preset}”, batch 32", (1000 * seconds,), "ms"))
        print(f"{figures[-1].what}: {figures[-1].measured()}", flush=True)
    return figures


def _overhead(title: str, model: Model, recipe: Recipe, walks: int) -> list[Figure]:
    """The sampler's steps and bare forwards by turns, so that whatever else the machine does falls on both."""
    forward = _bare_forward(model, recipe)
    for _ in range(3):  # to warm up
        forward()
    wall, processor, forwards = [], [], []
    for walk in range(walks):
        frames = recipe.frames(model)
        sampling, bare = np.zeros(2), np.zeros(2)
        for step in range(recipe.steps):
            if (walk + step) % 2:
                bare += _seconds(forward)
            sampling += _seconds(lambda frames=frames: next(frames))
            if not (walk + step) % 2:
                bare += _seconds(forward)
        sampling += _seconds(lambda frames=frames: next(frames))  # the last frame comes without a forward
        wall.append(float(sampling[0] / bare[0]))
        processor.append(float(sampling[1] / bare[1]))
        forwards.append(1000 * float(bare[0]) / recipe.steps)
    return [
        Figure(f"{title}: one forward of the network", tuple(forwards), "ms", "median"),
        Figure(f"{title}: processor time, sampling / bare forwards", tuple(processor), "×", "median"),
        Figure(f"{title}: time, sampling / bare forwards", tuple(wall), "×", "median", GOAL),
    ]


def _bare_forward(model: Model, recipe: Recipe) -> Callable[[], object]:
    """The sampler's very network on a batch of the same size: with guidance, twice as large."""
    if not isinstance(model.denoiser, NetDenoiser):
        raise ValueError(f"“{model.title}” is no network: choose one that was trained.")
    net = model.denoiser.net
    labels = torch.tensor(recipe.labels)
    if recipe.scale != 1:
        labels = torch.cat([labels, torch.full_like(labels, NO_LABEL)])
    classes = torch.where(labels == NO_LABEL, model.denoiser.classes, labels)
    x = torch.randn(len(classes), *model.shape, generator=torch.Generator().manual_seed(0))
    timestep = torch.full((len(classes),), model.schedule.T / 2)
    return torch.no_grad()(lambda: net(x, timestep, classes))


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Of the clock on the wall, and of the processor: the second hardly minds what else the machine does."""
    began = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began[0], time.process_time() - began[1]
