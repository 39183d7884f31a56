"""Training: images a second by network and precision, the same network in the loops of others, two processes beside one, and
memory by the number of pictures."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file

from benchmarks.figures import Figure
from benchmarks.sides import compared, side
from benchmarks.training_large import large
from benchmarks.training_peers import MAKERS, write_pictures
from engine.data.prepared import training_pictures
from engine.runs.folder import RunFolder
from engine.training.config import TrainConfig
from engine.training.loop import train
from engine.training.state import begin
from engine.training.tasks import parameter_count

PRECISIONS = ("fp32", "bf16")
HALF = {"preset": "tiny", "data": "digits", "batch": 2, "precision": "fp16"}
"""fp16 is measured with this alone: no CPU that we know computes in it, and it is many times slower there."""
NETWORKS = (
    {"preset": "tiny", "data": "digits", "batch": 32},
    {"preset": "small", "data": "digits", "batch": 32},
    {"preset": "medium", "data": "digits", "batch": 32},
    {"preset": "small", "data": "emoji", "batch": 32},
    {"preset": "auto", "data": "emoji", "batch": 8},
)
"""Those of “auto” for pictures above 32 pixels want a GPU."""
STEPS = 3
PEER_PRESETS, PEER_STEPS, PEER_PICTURES = ("tiny", "small"), 4, 512
PEER_GOAL, LOOP_GOAL = 1.5, 1.1
COUNTS = (5_000, 200_000)
SIDE = 64
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")

PREPARE = """
import sys
import numpy as np
from engine.data.writing import Writer
count, side = int(sys.argv[1]), int(sys.argv[2])
rng = np.random.default_rng(0)
with Writer(sys.argv[3], side, 3) as writer:
    for k in range(count):
        writer.add(rng.integers(0, 256, (side, side, 3), np.uint8), k % 10, str(k))
    names = tuple("0123456789")
    writer.finish(title="Noise", source="", licence="", class_names=names, natural=True, fingerprint="")
"""
TRAIN = """
import sys
from engine.cli import main
assert main(["train", *sys.argv[1:]]) == 0
"""
PEAK = """
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
"""In kilobytes, and of this program alone: what the one that started it had taken does not count."""


def measure(parts: Sequence[str], *, rounds: int, device_name: str) -> list[Figure]:
    """Those that are asked for. Raises CalledProcessError where a training fails."""
    torch.set_num_threads(1)
    measures, figures = {**_PARTS, "large": partial(large, device_name)}, []
    for part in parts:
        for figure in measures[part](rounds):
            figures.append(figure)
            print(f"{figure.what}: {figure.measured()}", flush=True)
    return figures


def _speed(rounds: int) -> Iterator[Figure]:
    """Each precision by turns, so that whatever else the machine does falls on both."""
    kinds = [[{**network, "precision": precision} for precision in PRECISIONS] for network in NETWORKS]
    for kind in (*kinds, [HALF]):
        configs = [TrainConfig.model_validate(settings) for settings in kind]
        seconds: list[list[float]] = [[] for _ in configs]
        for _ in range(rounds):
            for config, times in zip(configs, seconds, strict=True):
                times += _seconds(config)
        for config, times in zip(configs, seconds, strict=True):
            data = training_pictures(config)
            network = f"“{config.preset}”, {parameter_count(config, data) / 1e6:.2f} M weights"
            what = f"{network}, {data.size} × {data.size} × {data.channels}, batch {config.batch}, {config.precision}"
            yield Figure(what, tuple(config.batch / each for each in times), "images/s", "median")


def _seconds(config: TrainConfig) -> list[float]:
    """Of processor time, of each of a few steps after the first: with one thread what a step takes on a core of its own."""
    data, times = training_pictures(config), []
    quick = config.model_copy(update={"steps": STEPS + 1, "report_every": 1})
    began = time.process_time()
    for _ in train(quick, data, begin(quick, data)):
        times.append(time.process_time() - began)
        began = time.process_time()
    return times[1:]


def _loop(rounds: int) -> Iterator[Figure]:
    """What the loop costs on top of forward and backward: noise, AdamW, averages, reports."""
    for preset in PEER_PRESETS:
        work = {"preset": preset, "batch": 32, "steps": PEER_STEPS}
        with (
            side("benchmarks.training_peers:engine", keep_freed=True, **work) as ours,
            side("benchmarks.training_peers:bare", keep_freed=True, **work) as bare,
        ):
            figure = compared(bare, ours, rounds).figure(
                f"Training “{preset}”, batch 32: a whole step ÷ bare forward and backward"
            )
            yield replace(figure, goal=LOOP_GOAL, least=False)


def _peers(rounds: int) -> Iterator[Figure]:
    """The same network and batch in the loops that people would use instead."""
    with tempfile.TemporaryDirectory() as place:
        folder = str(write_pictures(Path(place) / "digits", PEER_PICTURES))
        for preset in PEER_PRESETS:
            work = {"preset": preset, "batch": 32, "steps": PEER_STEPS}
            for title, maker in MAKERS.items():
                with (
                    side("benchmarks.training_peers:engine", keep_freed=True, **work) as ours,
                    side(f"benchmarks.training_peers:{maker.__name__}", folder=folder, **work) as theirs,
                ):
                    what = f"Training “{preset}”, batch 32: {title} ÷ this engine"
                    yield compared(ours, theirs, rounds).figure(what, least=PEER_GOAL)


def _processes(_: int) -> Iterator[Figure]:
    """The same recipe in one process and in two: the same total batch."""
    words = ["-m", "engine", "train", "--device", "cpu"]
    for setting in ("steps=300", "batch=32", "report_every=10", "sample_every=1000", "T=1000"):
        words += ["--set", setting]
    with tempfile.TemporaryDirectory() as place:
        one, two = Path(place) / "one", Path(place) / "two"
        _run([*words, "--out", str(one), "--processes", "1"])
        _run([*TORCHRUN, *words, "--out", str(two), "--processes", "2"])
        curves = [RunFolder.at(path).read_metrics() for path in (one, two)]
        weights = [
            load_file(RunFolder.at(p).checkpoint / "unet/diffusion_pytorch_model.safetensors") for p in (one, two)
        ]
    pairs = list(zip(*curves, strict=True))
    apart = [abs(b.loss - a.loss) / a.loss for a, b in pairs]
    lengths = [float(torch.cat([w.double().flatten() for w in each.values()]).norm()) for each in weights]
    distance = torch.cat([(weights[1][name] - w).double().flatten() for name, w in weights[0].items()]).norm()
    yield Figure("Loss curve of two processes, distance from that of one", tuple(1e6 * x for x in apart), "ppm")
    yield Figure("Averaged weights at the end, the same", (1e6 * float(distance) / lengths[0],), "ppm")
    for count, curve in enumerate(curves, 1):
        speeds = tuple(report.images_per_second for report in curve)
        yield Figure(f"Speed with {count} process{'es' if count > 1 else ''}", speeds, "images/s", "median")


def _memory(_: int) -> Iterator[Figure]:
    """Pictures of noise, written as a prepared set, and a real training on them from the shell's command on."""
    with tempfile.TemporaryDirectory() as place:
        home = {"DIFFUSION_PLAYGROUND_DATA": place}
        for count in COUNTS:
            name = f"folder:{place}/{count}"
            prepared = _peak([PREPARE + PEAK, str(count), str(SIDE), name], home)
            words = ["--out", f"{place}/run-{count}", "--device", "cpu"]
            for setting in (f"data={name}", "steps=200", "batch=16", "T=50", "sample_every=100", "report_every=20"):
                words += ["--set", setting]
            trained = _peak([TRAIN + PEAK, *words], home)
            waited = [report.waiting for report in RunFolder.at(Path(f"{place}/run-{count}")).read_metrics()]
            what = f"{count:,} pictures of {SIDE} × {SIDE} ({count * SIDE * SIDE * 3 / 1e6:,.0f} MB)"
            yield Figure(f"{what}: peak memory of preparing", (prepared,), "MB")
            yield Figure(f"{what}: peak memory of training", (trained,), "MB")
            yield Figure(f"{what}: share of the time waited for pictures", tuple(100 * w for w in waited), "%")


def _peak(program: Sequence[str], more: dict[str, str]) -> float:
    """Megabytes, as the program says with its last word."""
    return int(_run(["-c", *program], more).split()[-1]) / 1000


def _run(words: Sequence[str], more: dict[str, str] | None = None) -> str:
    env = {**os.environ, "OMP_NUM_THREADS": "1", **(more or {})}
    return subprocess.run([sys.executable, *words], env=env, stdout=subprocess.PIPE, text=True, check=True).stdout


_PARTS: dict[str, Callable[[int], Iterator[Figure]]] = {
    "speed": _speed,
    "loop": _loop,
    "peers": _peers,
    "processes": _processes,
    "memory": _memory,
}
