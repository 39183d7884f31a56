"""How fast this server samples: measured on the jobs of late, so that a reader's browser can be compared with it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from playground.labs.shared.job import Job

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe

LATEST = 8
"""Jobs of a model that count."""
MOST_MODELS = 64


@dataclass(frozen=True)
class ServerSpeed:
    """Of one model. ms: for one image and network evaluation; None before the first job. waiting: jobs that have not ended."""

    ms: float | None
    waiting: int


_lock = threading.Lock()
_latest: dict[str, deque[float]] = {}
_jobs: WeakSet[Job[Any]] = WeakSet()


def watch(job: Job[Any]) -> None:
    """Count a job as waiting until it has ended."""
    with _lock:
        _jobs.add(job)


def note(job: Job[Any], recipes: Collection[Recipe], model: Model) -> None:
    """Measure a job that has ended; one that was stopped or failed tells nothing."""
    from engine.recipes.evaluations import network_evaluations

    state = job.state
    if state.status != "finished":
        return
    evaluations = sum(network_evaluations(recipe, model) * len(recipe.seeds) for recipe in recipes)
    with _lock:
        name = next(iter(recipes)).model
        _latest.setdefault(name, deque(maxlen=LATEST)).append(1000 * state.seconds / evaluations)
        while len(_latest) > MOST_MODELS:
            del _latest[next(iter(_latest))]


def server_speed(model: str) -> ServerSpeed:
    """Of the model with this name."""
    with _lock:
        waiting = sum(job.state.is_running for job in _jobs)
        latest = _latest.get(model)
        return ServerSpeed(median(latest) if latest else None, waiting)
