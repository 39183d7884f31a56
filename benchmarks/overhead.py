"""What the sampler costs on top of the network that it asks, and the network on top of the machine's matrix product."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.drawing import forward
from benchmarks.figures import Figure
from engine.models.opened import Model
from engine.recipes.recipe import Recipe

GOAL = 1.03
SHARE_GOAL = 60.0
SIDE = 512
"""Of the square matrices, which fit into the caches: as fast as this machine multiplies."""

SETTINGS = (
    ("DDIM, scale 1", {"sampler": "ddim", "scale": 1.0}),
    ("DDPM, scale 1", {"sampler": "ddpm", "scale": 1.0}),
    ("DDIM, guided (scale 2)", {"sampler": "ddim", "scale": 2.0}),
)


def overheads(model: Model, images: int, steps: int, runs: int) -> list[Figure]:
    """N steps of sampling ÷ N bare forwards of the network, for each of `SETTINGS`."""
    figures = []
    for title, settings in SETTINGS:
        recipe = Recipe(
            model=model.name,
            steps=steps,
            labels=tuple(k % len(model.class_names) for k in range(images)),
            seeds=tuple(range(images)),
            **settings,
        )
        figures += _overhead(f"{title}, {steps} steps, {images} images", model, recipe, runs)
    return figures


def _overhead(title: str, model: Model, recipe: Recipe, runs: int) -> list[Figure]:
    """The sampler's steps and bare forwards by turns, so that whatever else the machine does falls on both."""
    evaluate = forward(model, len(recipe.seeds) * (1 if recipe.scale == 1 else 2))
    for _ in range(3):  # to warm up
        evaluate()
    wall, processor = [], []
    for run in range(runs):
        frames = recipe.frames(model)
        sampling, bare = np.zeros(2), np.zeros(2)
        for step in range(recipe.steps):
            if (run + step) % 2:
                bare += seconds(evaluate)
            sampling += seconds(lambda frames=frames: next(frames))
            if not (run + step) % 2:
                bare += seconds(evaluate)
        sampling += seconds(lambda frames=frames: next(frames))  # the last frame comes without a forward
        wall.append(float(sampling[0] / bare[0]))
        processor.append(float(sampling[1] / bare[1]))
    return [
        Figure(f"{title}: time, sampling ÷ bare forwards", tuple(wall), "×", "median"),
        Figure(f"{title}: processor time, sampling ÷ bare forwards", tuple(processor), "×", "median", GOAL),
    ]


def share_of_matrix_product(model: Model, rows: int, pairs: int) -> Figure:
    """Multiplications of one forward per second, ÷ those of a plain matrix product, by turns; on one core."""
    evaluate, a = forward(model, rows), torch.randn(SIDE, SIDE)
    with FlopCounterMode(display=False) as counter:
        evaluate()
    repeats = max(1, counter.get_total_flops() // (2 * SIDE**3) // 2)

    def product() -> None:
        for _ in range(repeats):
            torch.mm(a, a)

    shares = []
    for _ in range(pairs):
        of_product = repeats * 2 * SIDE**3 / seconds(product)[1]
        shares.append(100 * counter.get_total_flops() / seconds(evaluate)[1] / of_product)
    each = counter.get_total_flops() / rows / 1e9
    what = f"Network forward, {rows} rows ({each:.2f} GFLOP each): share of the machine's matrix product"
    return Figure(what, tuple(shares[2:]), "%", "median", SHARE_GOAL, least=True)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock time and processor time; other load has little influence on the second."""
    began = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began[0], time.process_time() - began[1]
