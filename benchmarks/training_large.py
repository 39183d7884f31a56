"""Training for a GPU: images a second, the share of what the device can multiply, how long the models that ship take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.figures import Figure
from engine.data.prepared import training_pictures
from engine.training.config import TrainConfig
from engine.training.distributed import SingleProcess
from engine.training.loop import train
from engine.training.state import begin
from engine.training.tasks import parameter_count

SHARE_GOAL = 40.0
"""Per cent, on a GPU and in bf16."""
SIZES = (32, 64)
RECIPES = ("mnist", "emoji")
RECIPE_FOLDER = Path(__file__).resolve().parent.parent / "assets/recipes"


def large(device_name: str, rounds: int) -> Iterator[Figure]:
    """On a CPU with one step of two pictures at a time and in fp32: there it only shows that the command works."""
    on_gpu = torch.device(device_name).type != "cpu"
    less = {} if on_gpu else {"batch": 2}
    precision = "bf16" if on_gpu else "fp32"
    for size in SIZES:
        settings = {
            "preset": "auto",
            "data": "emoji",
            "size": size,
            "upsampling": True,
            "precision": precision,
            "batch": 64,
        }
        yield from _share(TrainConfig.model_validate(settings | less), device_name, 20 if on_gpu else 1, rounds)
    for name in RECIPES:
        config = TrainConfig.model_validate_json((RECIPE_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        work, steps = _work(config, device_name, 100 if on_gpu else 2)
        minutes = tuple(_seconds(work, device_name) / steps * config.steps / 60 for _ in range(rounds + 1))[1:]
        what = f"{name}.json, {config.steps:,} steps of {config.batch} in {config.precision}"
        yield Figure(f"{what}, at the pace of {steps} steps on {device_name}", minutes, "min", "median")


def _share(config: TrainConfig, device: str, steps: int, rounds: int) -> Iterator[Figure]:
    """Whole steps and plain matrix products by turns, by the clock."""
    work, steps = _work(config, device, steps)
    with FlopCounterMode(display=False) as counter:
        work()
    operations = counter.get_total_flops()
    side = 8192 if device != "cpu" else 512
    a = torch.randn(side, side, device=device, dtype=torch.bfloat16 if config.precision == "bf16" else torch.float32)
    repeats = max(1, round(operations / 2 / side**3))

    def product() -> None:
        for _ in range(repeats):
            torch.mm(a, a)

    product()
    ours, plain = [], []
    for _ in range(rounds):
        ours.append(_seconds(work, device))
        plain.append(_seconds(product, device) / (repeats * 2 * side**3))
    data = training_pictures(config)
    network = f"“{config.preset}”, {parameter_count(config, data) / 1e6:.2f} M weights"
    what = f"{network}, {config.size} × {config.size} × {data.channels}, batch {config.batch}, {config.precision} on {device}"
    yield Figure(what, tuple(steps * config.batch / took for took in ours), "images/s", "median")
    yield Figure(f"{what}: computed", tuple(operations / took / 1e9 for took in ours), "GFLOP/s", "median")
    shares = tuple(100 * operations / took * each for took, each in zip(ours, plain, strict=True))
    goal = SHARE_GOAL if device != "cpu" else None
    yield Figure(f"{what}: share of the device's matrix product", shares, "%", "median", goal, least=True)


def _work(config: TrainConfig, device: str, steps: int) -> tuple[Callable[[], object], int]:
    """So many steps of the loop itself at a time; and how many."""
    config = config.model_copy(update={"report_every": steps, "steps": 1_000_000})
    data = training_pictures(config)
    state = begin(config, data, device)
    reports = train(config, data, state, SingleProcess(torch.device(device)))
    return lambda: next(reports), steps


def _seconds(work: Callable[[], object], device: str) -> float:
    """By the clock, until the device has done it."""
    began = time.perf_counter()
    work()
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began
