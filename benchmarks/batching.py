"""What it costs to be one of forty: requests that are drawn side by side, against one batch of all their pictures."""

from __future__ import annotations

import gc
import secrets
import time
from dataclasses import dataclass

import psutil

from benchmarks.figures import Figure
from engine.models.opened import Model
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.runtime import torch_threads
from playground.serving.request_queue import Request, RequestQueue

RATIO_GOAL = 1.3
FIRST_GOAL = 2.0
POLL = 0.01
"""Seconds between two polls of all requests."""
SCALE = 2.0


@dataclass(frozen=True)
class Round:
    """All requests once. Seconds since the first was handed in."""

    makespan: float
    first: float
    """Until the slowest visitor has seen x_T and the x̂0 of the first step."""


def measure(*, model_name: str, visitors: int, images: int, steps: int, rounds: int) -> list[Figure]:
    """All of it. Raises ModelError for a model that cannot be opened, RuntimeError for a request that fails."""
    torch_threads.set_thread_count(
        torch_threads.ALL
    )  # for the one batch, which is drawn in this thread; the requests' network takes them by itself
    model = open_model(model_name)
    recipes = [_recipe(model, images, steps, first=k * images) for k in range(visitors)]
    everything = _recipe(model, visitors * images, steps)
    together, alone, ratios, memory = [], [], [], []
    _visit(model, recipes[:2])  # to warm up
    for number in range(rounds):
        # By turns, and not always in the same order, so that whatever else the machine does falls on both.
        for kind in ("together", "alone") if number % 2 else ("alone", "together"):
            if kind == "together":
                together.append(_visit(model, recipes))
                memory.append(_megabytes())
            else:
                alone.append(_seconds(model, everything))
        ratios.append(together[-1].makespan / alone[-1])
        print(
            f"Round {number + 1}: {together[-1].makespan:.2f} s, one batch {alone[-1]:.2f} s, ratio {ratios[-1]:.2f}; "
            f"the slowest visitor sees something after {together[-1].first:.2f} s; {memory[-1]:.0f} MB",
            flush=True,
        )
    who = f"{visitors} visitors × {images} images × {steps} steps, scale {SCALE:g}"
    return [
        Figure(f"{who}: all done", tuple(one.makespan for one in together), "s", "median"),
        Figure("One batch of all these images", tuple(alone), "s", "median"),
        Figure("Ratio of the two", tuple(ratios), "×", "median", RATIO_GOAL),
        Figure(
            "First progress of the slowest visitor", tuple(one.first for one in together), "s", "median", FIRST_GOAL
        ),
        Figure("Memory after the last round ÷ after the first", (memory[-1] / memory[0],), "×", "median"),
    ]


def _recipe(model: Model, images: int, steps: int, first: int = 0) -> Recipe:
    labels = tuple((first + k) % len(model.class_names) for k in range(images)) if model.class_names else ()
    return Recipe(model=model.name, steps=steps, scale=SCALE, labels=labels, seeds=tuple(range(first, first + images)))


def _visit(model: Model, recipes: list[Recipe]) -> Round:
    """Submit all of them together and follow their progress."""
    queue, began = RequestQueue(), time.perf_counter()
    tabs = [secrets.token_hex(16) for _ in recipes]
    for tab in tabs:
        queue.attach(tab, session=tab)
    requests = [queue.submit(tab, model, {"A": recipe}) for tab, recipe in zip(tabs, recipes, strict=True)]
    unseen, first = set(requests), 0.0
    while unseen or any(request.state.status == "running" for request in requests):
        unseen -= {request for request in unseen if request.frames() or request.state.status == "failed"}
        first = first or (0.0 if unseen else time.perf_counter() - began)
        time.sleep(POLL)
    makespan = time.perf_counter() - began
    _check(requests)
    return Round(makespan, first)


def _check(requests: list[Request]) -> None:
    for request in requests:
        if request.state.status != "finished":
            raise RuntimeError(f"A request is {request.state.status}: {request.state.error}")


def _seconds(model: Model, recipe: Recipe) -> float:
    began = time.perf_counter()
    for _ in recipe.frames(model):
        pass
    return time.perf_counter() - began


def _megabytes() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6
