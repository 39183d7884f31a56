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

if TYPE_CHECKING:
    from accelerate import Accelerator

TRACKERS = ("tensorboard", "trackio", "wandb")
"""Where Accelerate can also write the numbers of a run."""


class DistributedError(ValueError):
    """The processes, or the device, are not what was asked for; the message is fit to show to a reader."""


class PeerLostError(RuntimeError):
    """Another process of this run has ended, so that no batch can be finished any more."""


class DistributedContext(Protocol):
    """What the loop asks of where it runs."""

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
        """Whether this is the one that writes and prints."""

    def prepare(self, net: nn.Module) -> nn.Module:
        """The network as it is to be called: with the same weights, whose gradients become those of all processes."""

    def no_sync(self, net: nn.Module) -> AbstractContextManager[object]:
        """While this is open, gradients stay in this process: for all parts of a batch but the last."""

    def detect_lost_peers(self) -> AbstractContextManager[object]:
        """Turns what happens when another process is lost into `PeerLostError`."""

    def sum(self, values: Tensor) -> Tensor:
        """Added up over all processes."""

    def gather(self, values: Tensor) -> Tensor:
        """Of all processes, shape (B, …) each, one after the other."""

    def broadcast(self, value: int) -> int:
        """What the main process says, in every process."""

    def log(self, values: dict[str, float], step: int) -> None:
        """Write numbers to whatever the run is tracked with."""

    def close(self) -> None:
        """The run is over."""


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

    Precision is the loop's business, not Accelerate's: its state belongs to the whole process, and a second run of another
    precision would get that of the first.
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
        except RuntimeError as error:  # gloo raises no kind of its own
            words = str(error).lower()
            if not isinstance(error, torch.distributed.DistError) and not any(
                word in words for word in ("gloo", "nccl", "connection closed", "connection reset", "process group")
            ):
                raise
            raise PeerLostError(
                f"Another of the {self.count} processes has ended, and without it no batch can be finished."
            ) from error

    def sum(self, values: Tensor) -> Tensor:
        with self.detect_lost_peers():
            added: Tensor = self.accelerator.reduce(values.to(self.device), "sum")
            return added.to(values.device)

    def gather(self, values: Tensor) -> Tensor:
        with self.detect_lost_peers():
            found: Tensor = self.accelerator.gather(values.to(self.device))
            return found.to(values.device)

    def broadcast(self, value: int) -> int:
        return int(self.gather(torch.tensor([value]))[0])

    def log(self, values: dict[str, float], step: int) -> None:
        self.accelerator.log(values, step=step)

    def close(self) -> None:
        self.accelerator.end_training()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def best_device() -> torch.device:
    """$DIFFUSION_PLAYGROUND_DEVICE, or a GPU where there is one."""
    wanted = os.environ.get("DIFFUSION_PLAYGROUND_DEVICE")
    return torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))


def launched_processes() -> int:
    """How many processes a launcher has said it started; 1 where there was none."""
    return int(os.environ.get("WORLD_SIZE") or 1)


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
    """The machine that this process is part of.

    Args:
        device: "cpu", "cuda", …; by default a GPU where there is one.
        processes: how many there should be; 0 for as many as there are.
        tracker: one of `TRACKERS`, or none.
        folder, run: where the tracker writes, and under which name.

    Raises:
        DistributedError: where there is no such device or tracker, or where there are more or fewer processes. Some launch
            commands start one process where several were asked for and do not say so.
    """
    device = device or best_device().type
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DistributedError(f"There is no device “{device}” here.") from error
    found = launched_processes()
    if processes and found != processes:
        raise DistributedError(
            f"{processes} processes were asked for, and {'only one' if found == 1 else found} was started. "
            f"torchrun --standalone --nproc_per_node {processes} -m engine train … starts as many as it says."
        )
    if found == 1 and not tracker:
        return SingleProcess(torch.device(device))
    return AcceleratedContext(_accelerator(device, tracker, folder, run))


def _accelerator(device: str, tracker: str, folder: str, run: str) -> Accelerator:
    from accelerate import Accelerator

    if tracker and tracker not in TRACKERS:
        raise DistributedError(f"There is no tracker “{tracker}”: take one of {', '.join(TRACKERS)}.")
    try:
        with warnings.catch_warnings(action="ignore"):  # that there is no such tracker is said below
            accelerator = Accelerator(
                cpu=device == "cpu", mixed_precision="no", log_with=tracker or None, project_dir=folder or None
            )
        if tracker and not accelerator.log_with:  # it would train, and log nothing
            raise DistributedError(f"{tracker} is not installed here: pip install {tracker}")
        if tracker:
            accelerator.init_trackers(run or "diffusion-playground")
    except DistributedError:
        raise
    except (ImportError, ValueError) as error:
        raise DistributedError(f"{tracker or 'Accelerate'} cannot be used here: {error}") from error
    return accelerator
