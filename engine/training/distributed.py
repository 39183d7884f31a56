"""Where a run is trained: in this one process, or in several that Hugging Face Accelerate (or torchrun) has started.

The few things that differ are the methods of a `DistributedContext`. Each of n processes takes its n-th of every batch, and the
gradients are averaged (data-parallel training): up to rounding the same steps as one process takes.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from engine.language import Message

if TYPE_CHECKING:
    from accelerate import Accelerator

TRACKERS = ("tensorboard", "trackio", "wandb")
"""Where Accelerate can also write the numbers of a run."""


class DistributedError(ValueError):
    """The requested device or processes do not exist; the message is one sentence for the reader."""


class PeerLostError(RuntimeError):
    """Another process of this run has ended, so that no batch can be finished any more."""


class DistributedContext(Protocol):
    """The process that trains, and the others that train with it."""

    @property
    def device(self) -> torch.device:
        """Where this process computes."""

    @property
    def count(self) -> int:
        """How many processes train together."""

    @property
    def rank(self) -> int:
        """Which of them this is, 0 … count − 1."""

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and prints."""

    def prepare(self, net: nn.Module) -> nn.Module:
        """The network to call in training: it has the same weights, and its gradients are averaged over all processes."""

    def no_sync(self, net: nn.Module) -> AbstractContextManager[object]:
        """A context in which gradients stay in this process, for all micro-batches of a batch but the last."""

    def detect_lost_peers(self) -> AbstractContextManager[object]:
        """A context that raises `PeerLostError` when another process is lost."""

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes."""

    def gather(self, values: Tensor) -> Tensor:
        """The values of all processes, each of shape (B, …), concatenated."""

    def broadcast(self, value: int) -> int:
        """The value of the main process, in every process."""

    def log(self, values: dict[str, float], step: int) -> None:
        """Write numbers to the tracker, if there is one."""

    def close(self) -> None:
        """Close tracker and process group."""


@dataclass(frozen=True)
class SingleProcess:
    """This process alone."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    count: int = 1
    rank: int = 0
    is_main: bool = True

    def prepare(self, net: nn.Module) -> nn.Module:
        return net

    def no_sync(self, net: nn.Module) -> AbstractContextManager[object]:
        return nullcontext()

    def detect_lost_peers(self) -> AbstractContextManager[object]:
        return nullcontext()

    def sum(self, values: Tensor) -> Tensor:
        return values

    def gather(self, values: Tensor) -> Tensor:
        return values

    def broadcast(self, value: int) -> int:
        return value

    def log(self, values: dict[str, float], step: int) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass(frozen=True, eq=False)
class AcceleratedContext:
    """One of the processes that `accelerate launch` or `torchrun` has started.

    The loop sets the precision, not Accelerate, whose state belongs to the whole process: a second run of another precision
    would get that of the first.
    """

    accelerator: Accelerator

    @property
    def device(self) -> torch.device:
        return self.accelerator.device

    @property
    def count(self) -> int:
        return self.accelerator.num_processes

    @property
    def rank(self) -> int:
        return self.accelerator.process_index

    @property
    def is_main(self) -> bool:
        return self.accelerator.is_main_process

    def prepare(self, net: nn.Module) -> nn.Module:
        with self.detect_lost_peers():
            return self.accelerator.prepare_model(net)

    def no_sync(self, net: nn.Module) -> AbstractContextManager[object]:
        return self.accelerator.no_sync(net)

    @contextmanager
    def detect_lost_peers(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # gloo raises a plain RuntimeError
            message = str(error).lower()
            if not isinstance(error, torch.distributed.DistError) and not any(
                word in message for word in ("gloo", "nccl", "connection closed", "connection reset", "process group")
            ):
                raise
            raise PeerLostError(
                Message(
                    "Another of the {count} processes has ended, and without it no batch can be finished.",
                    count=self.count,
                )
            ) from error

    def sum(self, values: Tensor) -> Tensor:
        with self.detect_lost_peers():
            total: Tensor = self.accelerator.reduce(values.to(self.device), "sum")
            return total.to(values.device)

    def gather(self, values: Tensor) -> Tensor:
        with self.detect_lost_peers():
            gathered: Tensor = self.accelerator.gather(values.to(self.device))
            return gathered.to(values.device)

    def broadcast(self, value: int) -> int:
        return int(self.gather(torch.tensor([value]))[0])

    def log(self, values: dict[str, float], step: int) -> None:
        self.accelerator.log(values, step=step)

    def close(self) -> None:
        self.accelerator.end_training()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def best_device() -> torch.device:
    """$DIFFUSION_PLAYGROUND_DEVICE, or a GPU where there is one. Raises DistributedError where there is no such device."""
    if name := os.environ.get("DIFFUSION_PLAYGROUND_DEVICE"):
        return torch.device(device_named(name))
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_named(name: str) -> str:
    """The name itself. Raises DistributedError where there is no such device."""
    try:
        torch.zeros(1, device=name).item()  # a “meta” device has no numbers
    except (RuntimeError, AssertionError) as error:
        raise DistributedError(Message("There is no device “{name}” here.", name=name)) from error
    return name


def launched_processes() -> int:
    """The number of processes that a launcher has started; 1 without one. Raises DistributedError where $WORLD_SIZE is none."""
    text = os.environ.get("WORLD_SIZE") or "1"
    if not text.isdecimal() or int(text) < 1:
        raise DistributedError(
            Message("The environment variable WORLD_SIZE is “{value}”, which is no number of processes.", value=text)
        )
    return int(text)


def hardware_of(net: nn.Module) -> str:
    """The devices that train a network, in words: "one NVIDIA H100", "4 threads of a CPU"."""
    device, count = next(net.parameters()).device, launched_processes()
    if device.type == "cuda":
        one, many = f"one {torch.cuda.get_device_name(device)}", f"{count} × {torch.cuda.get_device_name(device)}"
        return one if count == 1 else many
    threads = torch.get_num_threads() * count
    return f"{threads} thread{'s' if threads > 1 else ''} of a CPU" if device.type == "cpu" else device.type


def launched_context(
    device: str = "", processes: int = 0, tracker: str = "", folder: str = "", run: str = ""
) -> DistributedContext:
    """The context of this process.

    Args:
        device: "cpu", "cuda", …; by default a GPU where there is one.
        processes: how many there should be; 0 for any number.
        tracker: one of `TRACKERS`, or none.
        folder, run: where the tracker writes, and under which name.

    Raises:
        DistributedError: where there is no such device or tracker, or where there are more or fewer processes: some launch
            commands start one process where several were requested.
    """
    device = device_named(device or best_device().type)
    count = launched_processes()
    if processes and count != processes:
        raise DistributedError(
            Message(
                "{processes} processes were requested, and {count} was started. torchrun --standalone "
                "--nproc_per_node {processes} -m engine train … starts as many as it says.",
                processes=processes,
                count=Message("only one") if count == 1 else count,
            )
        )
    if count == 1 and not tracker:
        return SingleProcess(torch.device(device))
    return AcceleratedContext(_accelerator(device, tracker, folder, run))


def _accelerator(device: str, tracker: str, folder: str, run: str) -> Accelerator:
    from accelerate import Accelerator

    if tracker and tracker not in TRACKERS:
        raise DistributedError(
            Message(
                "There is no tracker “{tracker}”: take one of {known}.",
                tracker=tracker,
                known=", ".join(TRACKERS),
            )
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # a missing tracker is reported below
            accelerator = Accelerator(
                cpu=device == "cpu", mixed_precision="no", log_with=tracker or None, project_dir=folder or None
            )
        if tracker and not accelerator.log_with:  # Accelerate would train without logging
            raise DistributedError(Message("{tracker} is not installed here: pip install {tracker}", tracker=tracker))
        if tracker:
            accelerator.init_trackers(run or "diffusion-playground")
    except DistributedError:
        raise
    except (ImportError, ValueError) as error:
        raise DistributedError(
            Message("{package} cannot be used here: {error}", package=tracker or "Accelerate", error=error)
        ) from error
    return accelerator
