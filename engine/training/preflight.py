"""Before a run begins: its batch, its network and a few real steps, in seconds, and all that would go wrong later."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch

from engine.data.image_set import ImageSet
from engine.data.prepared import training_pictures
from engine.storage.files import room_problem
from engine.training import loop
from engine.training.config import TrainConfig
from engine.training.distributed import DistributedContext, SingleProcess
from engine.training.state import TrainState
from engine.training.tasks import parameter_count

STEPS = 3
"""Measured, after one to warm up."""
PATIENCE = 20.0
"""Seconds. Where whole batches would take a CPU longer, single pictures are measured and the rest is reckoned from them."""
COPIES = 5
"""Of every weight, in training: itself, its gradient, its average, two moments of AdamW. On disk the average takes the place of
the gradient and stands beside what is needed to go on."""
KEPT_CHECKPOINTS = 4
"""The last ones, the best one, and one that is being written."""


@dataclass(frozen=True)
class Preflight:
    """What was found."""

    problems: tuple[str, ...] = ()
    """What would fail, one sentence each. Where there are any, the rest says nothing."""
    remarks: tuple[str, ...] = ()
    """What works and is not as one would wish."""
    parameters: int = 0
    seconds_per_step: float = float("nan")
    """Median of a few real ones."""
    micro_batch: int = 0
    """How many pictures go through the network at a time in each process: as many as fit."""
    memory: int = 0
    """The most bytes of a GPU that were taken; 0 without one."""
    disk: int = 0
    """Bytes that its checkpoints will take."""

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the start."""
        return not self.problems


def preflight(
    config: TrainConfig,
    context: DistributedContext | None = None,
    folder: Path | None = None,
    *,
    thorough: bool = False,
) -> Preflight:
    """Try a run out: pictures, network, forward, backward, step. Nothing of it is kept.

    Args:
        config: the run.
        machine: where it will train. Each process tries on its own, and the smallest `micro_batch` counts.
        folder: where it will be written.
        thorough: also measure what another precision and compiling gain, against doing without.
    """
    context = context or SingleProcess()
    try:
        data = training_pictures(config)
        loop.share_of(config.batch, context)
        parameters = parameter_count(config, data)
        disk = KEPT_CHECKPOINTS * COPIES * 4 * parameters
        missing = _room_missing(disk, folder) or _memory_missing(COPIES * 4 * parameters, context)
        if missing:
            return Preflight(problems=(missing,))
        state = loop.begin(config, data, context.device)
    except ValueError as error:  # of the pictures, the network, or the batch: all say in a sentence what is wrong
        return Preflight(problems=(str(error),))
    if context.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(context.device)
    try:
        share = config.model_copy(update={"batch": config.batch // context.count})
        times, micro_batch = _measured(share, data, state, context.device)
        remarks = tuple(_remarks(share, data, times, context.device)) if thorough else ()
    except loop.TrainingDivergedError as error:
        return Preflight(problems=(str(error),))
    except RuntimeError as error:
        return Preflight(problems=(_why(error, config),))
    return Preflight(
        remarks=remarks,
        parameters=parameters,
        seconds_per_step=float(np.median(times[1:])),
        micro_batch=int(context.gather(torch.tensor([micro_batch])).min()),
        memory=torch.cuda.max_memory_allocated(context.device) if context.device.type == "cuda" else 0,
        disk=disk,
    )


def _measured(config: TrainConfig, data: ImageSet, state: TrainState, device: torch.device) -> tuple[list[float], int]:
    """Seconds of each of a few steps, before them one with all that is done once; and how many pictures went at once."""
    if device.type == "cpu" and not config.compile:
        alone = config.model_copy(update={"batch": 1, "learning_rate": 1e-7})  # a batch of 1 must not lead it astray
        times, _ = _timed(alone, data, state, device, steps=1)
        reckoned = [seconds * config.batch for seconds in times]
        if sum(reckoned[1:]) * STEPS > PATIENCE:
            return reckoned, config.micro_batch or config.batch
    return _timed(config, data, state, device)


def _timed(
    config: TrainConfig, data: ImageSet, state: TrainState, device: torch.device, steps: int = STEPS
) -> tuple[list[float], int]:
    state.step = 0
    quick = config.model_copy(update={"steps": steps + 1, "report_every": 1})
    times, micro_batch, began = [], 0, time.perf_counter()
    for report in loop.train(quick, data, state, SingleProcess(device)):
        times.append(time.perf_counter() - began)
        micro_batch, began = report.micro_batch, time.perf_counter()
    return times, micro_batch


def _remarks(config: TrainConfig, data: ImageSet, times: list[float], device: torch.device) -> Iterator[str]:
    """What another precision and compiling are good for here, measured against doing without."""
    without = config.model_copy(update={"precision": "fp32", "compile": False})
    if without == config:
        return
    plain, _ = _measured(without, data, loop.begin(without, data, device), device)
    ratio = float(np.median(times[1:]) / np.median(plain[1:]))
    if config.compile:
        first = times[0] - times[1]
        gained = float(np.median(plain[1:]) - np.median(times[1:]))
        pays = (
            f"pays after {first / gained:,.0f} steps" if gained > 0.02 * np.median(plain[1:]) else "does not pay here"
        )
        yield f"Compiling takes {first:.0f} s, and a step then {ratio:.2f} times as long as without: it {pays}."
    elif ratio > 0.95:
        yield f"A step in {config.precision} takes {ratio:.2f} times as long here as one in fp32: it does not pay."


def _room_missing(disk: int, folder: Path | None) -> str:
    """What to say where the disk cannot hold the run; empty where it can."""
    if folder is None:
        return ""
    here = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("."))
    if not os.access(here, os.W_OK):
        return f"The run cannot be written: “{folder}” is not ours to write to."
    there = sum(path.stat().st_size for path in (folder / "checkpoints").rglob("*") if path.is_file())
    return room_problem(max(0, disk - there), here)


def _memory_missing(needed: int, context: DistributedContext) -> str:
    """What to say where a network would not even fit without pictures. A system ends such a program without a word."""
    if context.device.type == "cuda":
        free = torch.cuda.mem_get_info(context.device)[0]
    elif context.device.type == "cpu":
        free = psutil.virtual_memory().available // context.count  # as on one machine: none of them knows of the others
    else:
        return ""
    if needed <= free:
        return ""
    return (
        f"To train this network takes {needed / 1e9:,.1f} GB of memory before the first picture, and {free / 1e9:,.1f} GB are "
        "free: take a smaller one."
    )


def _why(error: RuntimeError, config: TrainConfig) -> str:
    """A failed step in the reader's words."""
    if loop.out_of_memory(error):
        return "Not even one picture at a time fits into memory: take a smaller network or smaller pictures."
    if config.compile:
        return f"torch.compile does not work here ({type(error).__name__}): switch it off."
    return f"A training step fails here: {str(error).splitlines()[0][:300]}"
