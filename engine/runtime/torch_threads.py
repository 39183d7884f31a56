"""How many cores torch takes for what, where drawing, training and an interface share one process.

`torch.set_num_threads(n)` does two things that are easily taken for one. It sets the number of the thread that calls it
(OpenMP's and MKL's, which are a thread's own); threads that have used torch already keep theirs. And it sets what every thread
gets that touches torch for the first time later. So a thread that helps itself to all cores also gives them to those that begin
after it: `set_thread_count` puts that right.
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
    """From now on threads that begin, and this one, leave one core to the interface."""
    torch.set_num_threads(max(1, ALL - 1))


def set_thread_count(count: int) -> None:
    """Let torch take so many cores for what this thread computes, and for no other thread.

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
    """While a training run computes in this process."""
    global _training
    with _lock:
        _training += 1
    try:
        yield
    finally:
        with _lock:
            _training -= 1


def sampling_threads() -> int:
    """How many cores drawing should take now: all of them, but one is left to a training run."""
    return max(1, ALL - 1) if _training else ALL


def _in_a_new_thread(work: Callable[[], R]) -> R:
    done: Future[R] = Future()
    thread = threading.Thread(target=lambda: done.set_result(work()))
    thread.start()
    thread.join()
    return done.result()
