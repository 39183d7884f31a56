"""A check before a run begins: a few real steps of its network, their time and memory, and what would fail later."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import torch
from torch import nn

from engine.data.image_set import ImageSet
from engine.data.prepared import outline_of, training_pictures
from engine.language import N_, _
from engine.storage.checked_files import sentence_of
from engine.storage.files import refusal, room_problem
from engine.training import loop
from engine.training.arithmetic import StepCost, most_operations, operations_per_second, step_cost
from engine.training.config import TrainConfig
from engine.training.distributed import DistributedContext, SingleProcess
from engine.training.state import TrainState
from engine.training.tasks import parameter_count

COUNTED = N_(
    "A step would take minutes here, so that none was measured: the time is estimated from the number of operations."
)
COUNTED_FROM = 5e10
"""Operations of a picture from which on they are counted before a step is taken: a second or more on a core."""
STEPS = 3
"""Steps that are measured, after one to warm up."""
MEASURING_LIMIT = 20.0
"""Seconds. Where whole batches would take a CPU longer, single pictures are measured and a step is estimated from them; where
even these would, it is estimated from the number of operations."""
SLOWED = 1.5
"""Where a step takes more than this times what it takes alone, other work is running on the computer."""
COPIES = 5
"""Numbers per weight in training: itself, its gradient, its EMA, and two moments of AdamW. On disk there is no gradient, and
the EMA is stored twice: as the model and for resuming."""
KEPT_CHECKPOINTS = 4
"""The last two, the best one, and one that is being written."""


@dataclass(frozen=True)
class Preflight:
    """The result."""

    problems: tuple[str, ...] = ()
    """What would fail, one sentence each. Where there are any, the other fields have no meaning."""
    remarks: tuple[str, ...] = ()
    """Settings that work but cost more than they gain, one sentence each."""
    parameters: int = 0
    seconds_per_step: float = float("nan")
    """Median of the measured steps. On a CPU it is the time of the thread on a core, so that other work does not count."""
    seconds_now: float = float("nan")
    """The same by the clock: with whatever else runs at present."""
    micro_batch: int = 0
    """Pictures that go through the network at a time in each process: as many as fit into memory."""
    memory: int = 0
    """The most bytes of GPU memory in use; 0 without a GPU."""
    disk: int = 0
    """Bytes of its checkpoints."""

    @property
    def passed(self) -> bool:
        """Whether the run can start."""
        return not self.problems

    @property
    def is_slowed(self) -> bool:
        """Whether other work made the steps slower than they are alone."""
        return self.seconds_now > SLOWED * self.seconds_per_step


class _Seconds(NamedTuple):
    """How long a step took."""

    alone: float
    """As if nothing else ran."""
    now: float
    """By the clock."""


def _median(steps: list[_Seconds]) -> _Seconds:
    """Of all steps but the first, which has start-up costs."""
    return _Seconds(*(float(np.median(times)) for times in zip(*steps[1:], strict=True)))


def preflight(
    config: TrainConfig,
    context: DistributedContext | None = None,
    folder: Path | None = None,
    *,
    thorough: bool = False,
) -> Preflight:
    """Try a run: pictures, network, forward, backward, step. The result is discarded.

    Args:
        config: the run.
        context: of the run. Each process tries on its own, and the smallest `micro_batch` counts.
        folder: where it will be written.
        thorough: also measure what half precision and compiling gain.
    """
    context = context or SingleProcess()
    try:
        loop.process_slice(config.batch, context)
        shapes = outline_of(config)
        parameters = parameter_count(config, shapes)
        disk = _disk_of(parameters)
        cost = _cost_if_large(config, shapes, parameters, context)
        needed = COPIES * 4 * parameters + _activations(config, cost)
        missing = _room_missing(disk, folder) or _memory_missing(needed, context)
        if missing:
            return Preflight(problems=(missing,))
        if cost is not None and _seconds_of(cost) > MEASURING_LIMIT / 2:
            return _counted(config, context, cost, parameters)
        data = training_pictures(config)
        state = loop.begin(config, data, context.device)
    except ValueError as error:  # of the pictures, the network or the batch; each message is one sentence
        return Preflight(problems=(sentence_of(error),))
    if context.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(context.device)
    try:
        share = config.model_copy(update={"batch": config.batch // context.count})
        steps, micro_batch = _measured(share, data, state, context.device)
        remarks = tuple(_remarks(share, data, steps, context.device)) if thorough else ()
    except loop.TrainingDivergedError as error:
        return Preflight(problems=(str(error),))
    except _OutOfPatienceError:
        return _counted(config, context, cost or step_cost(config, shapes), parameters)
    except RuntimeError as error:
        return Preflight(problems=(_problem_of(error, config),))
    seconds = _median(steps)
    return Preflight(
        remarks=remarks,
        parameters=parameters,
        seconds_per_step=seconds.alone,
        seconds_now=seconds.now,
        micro_batch=int(context.gather(torch.tensor([micro_batch])).min()),
        memory=torch.cuda.max_memory_allocated(context.device) if context.device.type == "cuda" else 0,
        disk=disk,
    )


def _cost_if_large(
    config: TrainConfig, shapes: ImageSet, parameters: int, context: DistributedContext
) -> StepCost | None:
    """What a picture costs, where that may be much for a CPU; None elsewhere, for counting takes a second."""
    if context.device.type != "cpu" or most_operations(parameters, shapes.size) < COUNTED_FROM:
        return None
    return step_cost(config, shapes)


def _disk_of(parameters: int) -> int:
    """Bytes of the checkpoints of a run."""
    return KEPT_CHECKPOINTS * COPIES * 4 * parameters


def _seconds_of(cost: StepCost) -> float:
    """How long a CPU takes for it here, about."""
    return cost.operations / operations_per_second()


def _counted(config: TrainConfig, context: DistributedContext, cost: StepCost, parameters: int) -> Preflight:
    """An estimate where no step was measured."""
    batch = config.batch // context.count
    seconds = _seconds_of(cost) * batch
    return Preflight(
        remarks=(_(COUNTED),),
        parameters=parameters,
        seconds_per_step=seconds,
        seconds_now=seconds,
        micro_batch=config.micro_batch or batch,
        disk=_disk_of(parameters),
    )


class _OutOfPatienceError(Exception):
    """A step takes too long to be measured."""


@contextlib.contextmanager
def _patience(net: nn.Module) -> Iterator[None]:
    """Within this context a layer that begins after `MEASURING_LIMIT` raises _OutOfPatienceError, also within a step."""
    deadline = time.monotonic() + MEASURING_LIMIT

    def check(*_layer: object) -> None:
        if time.monotonic() > deadline:
            raise _OutOfPatienceError

    hooks = [layer.register_forward_pre_hook(check) for layer in net.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _activations(config: TrainConfig, cost: StepCost | None) -> int:
    """Bytes that the forward pass of a micro-batch of one picture leaves in memory, at least."""
    return 0 if cost is None else cost.activations // (1 if config.precision == "fp32" else 2)


def _measured(
    config: TrainConfig, data: ImageSet, state: TrainState, device: torch.device
) -> tuple[list[_Seconds], int]:
    """A few steps, after a first one with its start-up costs; and the micro-batch size."""
    if device.type == "cpu" and not config.compile:
        single = config.model_copy(update={"batch": 1, "learning_rate": 1e-7})  # a batch of 1 must not make it diverge
        with _patience(state.net):
            steps, _ = _timed(single, data, state, device, steps=1)
        estimated = [_Seconds(alone * config.batch, now * config.batch) for alone, now in steps]
        if sum(step.now for step in estimated[1:]) * STEPS > MEASURING_LIMIT:
            return estimated, config.micro_batch or config.batch
    return _timed(config, data, state, device)


def _timed(
    config: TrainConfig, data: ImageSet, state: TrainState, device: torch.device, steps: int = STEPS
) -> tuple[list[_Seconds], int]:
    state.step = 0
    quick = config.model_copy(update={"steps": steps + 1, "report_every": 1})
    measured, micro_batch = [], 0
    began, began_thread = time.perf_counter(), time.thread_time()
    for report in loop.train(quick, data, state, SingleProcess(device)):
        now = time.perf_counter() - began
        computed = time.thread_time() - began_thread + report.waiting * now  # it waits for the disk alone, too
        measured.append(_Seconds(min(now, computed) if device.type == "cpu" else now, now))
        micro_batch = report.micro_batch
        began, began_thread = time.perf_counter(), time.thread_time()
    return measured, micro_batch


def _remarks(config: TrainConfig, data: ImageSet, steps: list[_Seconds], device: torch.device) -> Iterator[str]:
    """What half precision and compiling gain here, measured."""
    without = config.model_copy(update={"precision": "fp32", "compile": False})
    if without == config:
        return
    baseline = _median(_measured(without, data, loop.begin(without, data, device), device)[0]).alone
    seconds = _median(steps).alone
    ratio = seconds / baseline
    if config.compile:
        first = steps[0].now - steps[1].now
        gained = baseline - seconds
        pays = (
            _("saves time after {steps:,.0f} steps", steps=first / gained)
            if gained > 0.02 * baseline
            else _("saves no time here")
        )
        yield _(
            "Compiling takes {seconds:.0f} s, and a step then {ratio:.2f} times as long as without: it {pays}.",
            seconds=first,
            ratio=ratio,
            pays=pays,
        )
    elif ratio > 0.95:
        yield _(
            "A step in {precision} takes {ratio:.2f} times as long here as one in fp32: it saves no time.",
            precision=config.precision,
            ratio=ratio,
        )


def _room_missing(disk: int, folder: Path | None) -> str:
    """One sentence where the disk cannot hold the run; "" where it can."""
    if folder is None:
        return ""
    here = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("."))
    if problem := refusal(here, _("“{folder}” cannot be written", folder=folder)):
        return problem
    there = sum(path.stat().st_size for path in (folder / "checkpoints").rglob("*") if path.is_file())
    return room_problem(max(0, disk - there), here)


def _memory_missing(needed: int, context: DistributedContext) -> str:
    """One sentence where the network does not fit into memory; "" where it does. The system would kill such a program."""
    if context.device.type == "cuda":
        free = torch.cuda.mem_get_info(context.device)[0]
    elif context.device.type == "cpu":
        free = psutil.virtual_memory().available // context.count  # as if all processes were on one computer
    else:
        return ""
    if needed <= free:
        return ""
    return _(
        "Training this network needs {needed:,.1f} GB of memory at least, and {free:,.1f} GB are free: choose a "
        "smaller network, or smaller images.",
        needed=needed / 1e9,
        free=free / 1e9,
    )


def _problem_of(error: RuntimeError, config: TrainConfig) -> str:
    """One sentence about a failed step."""
    if loop.is_out_of_memory(error):
        return _("A micro-batch of one image does not fit into memory: choose a smaller network or smaller images.")
    if config.compile:
        return _("torch.compile does not work here ({kind}): switch it off.", kind=type(error).__name__)
    return _("A training step fails here: {why}", why=str(error).splitlines()[0][:300])
