"""Numbers of torch threads, where sampling, training and an interface share one process.

`torch.set_num_threads(n)` has two effects. It sets the thread count of the calling thread (OpenMP's and MKL's counts are
per thread); threads that have used torch already keep theirs. It also sets the default of threads that use torch for the first
time later. `set_thread_count` changes the calling thread only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

import torch

R = TypeVar("R")

ALL = torch.get_num_threads()
"""Torch's default as it was at import: usually the number of cores."""

_lock = threading.Lock()
_training = 0


def reserve_one() -> None:
    """Leave one core to the interface, in this thread and in new ones."""
    torch.set_num_threads(max(1, ALL - 1))


def set_thread_count(count: int) -> None:
    """Set the number of torch threads of the calling thread only.

    Costs 0.1 ms where that is another number than before, and nothing where it is not.
    """
    if count == torch.get_num_threads():
        return
    with _lock:
        others = _in_a_new_thread(torch.get_num_threads)
        torch.set_num_threads(count)
        _in_a_new_thread(lambda: torch.set_num_threads(others))


@contextmanager
def training_run() -> Iterator[None]:
    """A context in which a training run computes in this process."""
    global _training
    with _lock:
        _training += 1
    try:
        yield
    finally:
        with _lock:
            _training -= 1


def sampling_threads() -> int:
    """Number of torch threads for sampling: all cores, less one during a training run."""
    return max(1, ALL - 1) if _training else ALL


def _in_a_new_thread(work: Callable[[], R]) -> R:
    done: Future[R] = Future()
    thread = threading.Thread(target=lambda: done.set_result(work()))
    thread.start()
    thread.join()
    return done.result()
