"""How soon the network of the Points lab comes to the energy-distance floor of each built-in set.

The floor is one half of the data against the other; samples are as many as the data, in 20 steps of DPM-Solver++ 2M, with
the classes of the data where there are any. Time is that of training alone, by the clock on the wall: evaluating samples is not
counted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from benchmarks.figures import Figure
from engine.data.points import POINT_SETS, named
from engine.denoiser import Denoiser
from engine.evaluation.metrics import energy_floor, energy_from_data
from engine.samplers import DPMSolver2M
from engine.sampling import sample
from engine.training.points import PointTraining, begin, train

EVALUATED_AT = (100, 200, 300, 400, 500, 750, 1000)
"""The steps after which samples are drawn."""
WITHIN, SECONDS_GOAL = 1.2, 10.0


@dataclass(frozen=True)
class Way:
    """How the training of one set went."""

    floor: float
    normal: float
    """The distance of N(0, I), in multiples of the floor; as is `end`."""
    seconds: float
    """Until the samples were first within `WITHIN` of the floor; infinite where they never were."""
    processor: float
    steps: int
    end: float


def measure(*, points: int) -> list[Figure]:
    """Every built-in set with so many points."""
    torch.set_num_threads(1)
    figures = []
    for name in POINT_SETS:
        way = way_of(name, points)
        print(
            f"{name}: floor {way.floor:.5f}, N(0, I) {way.normal:.1f} times that; within {WITHIN} after {way.steps} steps, "
            f"{way.seconds:.1f} s ({way.processor:.1f} s of processor); at the end {way.end:.2f}",
            flush=True,
        )
        what = f"{name}, {points} points: from scratch to {WITHIN} × the floor"
        figures.append(Figure(what, (way.seconds,), "s", "median", SECONDS_GOAL))
    return figures


def way_of(name: str, count: int) -> Way:
    """Train on one set to the end."""
    data, config = named(name, count), PointTraining()
    state, x, schedule = begin(config, data), torch.from_numpy(data.x), config.noise_schedule()
    labels = torch.from_numpy(data.labels) if data.class_names else None
    floor = energy_floor(x, splits=2).value

    def ratio(samples: torch.Tensor) -> float:
        return energy_from_data(samples, x, splits=2).value / floor

    def drawn(denoiser: Denoiser) -> torch.Tensor:
        *_, last = sample(denoiser, schedule, DPMSolver2M(), shape=(2,), steps=20, seeds=range(count), label=labels)
        return last.x

    there, now, seconds, processor = (float("inf"), float("inf"), 0), float("inf"), 0.0, 0.0
    wall, cpu = time.perf_counter(), time.thread_time()
    for report in train(config, data, state):
        seconds, processor = seconds + time.perf_counter() - wall, processor + time.thread_time() - cpu
        if report.step in EVALUATED_AT:
            now = ratio(drawn(state.averaged))
            if now <= WITHIN and not there[2]:
                there = (seconds, processor, report.step)
        wall, cpu = time.perf_counter(), time.thread_time()
    normal = ratio(torch.randn(count, 2, generator=torch.Generator().manual_seed(1)))
    return Way(floor, normal, *there, now)
