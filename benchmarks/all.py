"""Every table of docs/performance.md in one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks import memory, quality, sampling, training
from benchmarks.figures import Figure


def measure(*, quick: bool) -> list[Figure]:
    """Sampling, training, quality, memory, in this order. Raises whatever one of them raises."""
    limit = 240 if quick else 900
    groups: dict[str, Callable[[], list[Figure]]] = {
        "Sampling": lambda: sampling.measure(
            tuple(sampling.PARTS), images=16, steps=50, rounds=2 if quick else 7, device_name="cpu"
        ),
        "Training": lambda: training.measure(("loop", "peers", "speed"), rounds=2 if quick else 7),
        "Quality": lambda: quality.measure(pictures=100, percent=90, limit=limit),
        "Memory": lambda: memory.measure(images=64, steps=1000),
    }
    return [replace(figure, group=group) for group, found in groups.items() for figure in found()]
