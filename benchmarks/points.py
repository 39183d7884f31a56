"""How soon the network of the Points lab comes to the energy-distance floor of each built-in set.

    python -m benchmarks.points [number of points, by default 2000]

A row for each set: the floor (two halves of the data against each other), what N(0, I) has in multiples of it, after how many
steps and seconds of training the samples first are within 1.2 of it, and where they are at the end of the round. Samples are as
many as the data, in 20 steps of DPM-Solver++ 2M; where there are classes, with the classes of the data.
"""

from __future__ import annotations

import sys
import time

import torch

from engine.data.points import POINT_SETS, named
from engine.denoiser import Denoiser
from engine.measuring.metrics import energy_floor, energy_from_data
from engine.samplers import DPMSolver2M
from engine.sampling import sample
from engine.training.points import PointTraining, begin, train

LOOKS = (100, 200, 300, 400, 500, 750, 1000)
"""The steps after which samples are drawn; the time that this takes is not counted."""
WITHIN = 1.2


def row(name: str, count: int) -> str:
    """Train on one set and say how it went."""
    data, config = named(name, count), PointTraining()
    state, x, schedule = begin(config, data), torch.from_numpy(data.x), config.noise_schedule()
    labels = torch.from_numpy(data.labels) if data.class_names else None
    floor = energy_floor(x, splits=2).value

    def ratio(samples: torch.Tensor) -> float:
        return energy_from_data(samples, x, splits=2).value / floor

    def drawn(denoiser: Denoiser) -> torch.Tensor:
        *_, last = sample(denoiser, schedule, DPMSolver2M(), shape=(2,), steps=20, seeds=range(count), label=labels)
        return last.x

    there, now, seconds, processor = "never", 0.0, 0.0, 0.0
    wall, cpu = time.perf_counter(), time.thread_time()
    for report in train(config, data, state):
        seconds, processor = seconds + time.perf_counter() - wall, processor + time.thread_time() - cpu
        if report.step in LOOKS:
            now = ratio(drawn(state.averaged))
            if there == "never" and now <= WITHIN:
                there = f"{report.step:5} steps {seconds:5.1f} s ({processor:.1f} s of processor)"
        wall, cpu = time.perf_counter(), time.thread_time()
    normal = ratio(torch.randn(count, 2, generator=torch.Generator().manual_seed(1)))
    end = f"{now:.2f} after {seconds:5.1f} s ({processor:.1f})"
    return f"{name:13} floor {floor:.5f}  N(0, I) {normal:5.2f}  within {WITHIN}: {there:44} end: {end}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in POINT_SETS:
        print(row(each, int(sys.argv[1]) if len(sys.argv) > 1 else 2000), flush=True)
