"""The cheap ratios in about a minute: printed for every change, without a verdict."""

from __future__ import annotations

from benchmarks import sampling, training
from benchmarks.figures import Figure


def measure() -> list[Figure]:
    """Few steps and few rounds: such figures resolve a regression of a tenth or more, and no less."""
    return [
        *sampling.measure(("pipelines", "overhead", "matmul"), images=16, steps=10, rounds=3, device_name="cpu"),
        *training.measure(("loop",), rounds=3),
    ]
