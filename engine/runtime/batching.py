"""Dynamic batching: calls of one network by many threads are evaluated together.

`Batched` is a denoiser around another one. A call is put into a queue; the one worker thread of the process evaluates
waiting calls with as few forwards of the network as possible. Callers may differ in steps, sampler, eta and guidance: each row
of a batch has its own x_t, level and label, and noise is drawn by the caller, from its own seed.

    model = replace(model, denoiser=batched(model.denoiser, cancelled))
    for frame in recipe.frames(model): ...     # in forty threads

A long call does not delay others. A forward takes a bounded number of rows, so that it lasts about `FORWARD_SECONDS`; the
oldest call comes first, whatever its network, and compatible calls fill the batch up. A call of more rows is evaluated in
chunks, and returns to the end of the queue after each.

The numbers are those of the network evaluated alone, up to the rounding of its convolutions, which depends on how many rows go
through them together; a caller who is alone, with no more rows than fit, gets the very same numbers. In pictures of 256 greys
little of that is left: of 67,000 pixels of digits after 20 steps of DDIM, drawn in common batches and each request alone, none
differed; with DDPM's learned variance 4 of 2,352 did, by one grey.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from statistics import median
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from engine.denoiser import NO_LABEL, Denoiser
from engine.ideal import ExactDenoiser
from engine.process import Prediction
from engine.runtime import torch_threads
from engine.schedule import Level

FORWARD_SECONDS = 0.2
"""What one forward should take at most: how long a cancelled or a new call has to wait for the current one."""
MOST_ROWS = 64
"""Rows of one forward. The network of the digits takes as long for a row among 16 as among 128, and half as long again among
1,000, which outgrow the caches. Waiting some milliseconds for more calls before each forward gained nothing: other callers
enqueue their next call during a forward."""
FIRST_ROWS = 16
"""The same for a network that has not been timed yet."""


class CallCancelledError(Exception):
    """The call was cancelled before it was answered."""


def batched(denoiser: Denoiser, cancelled: threading.Event | None = None) -> Denoiser:
    """The same denoiser for one of many callers; an exact one, which has no network, is returned as it is.

    Args:
        denoiser: hashable, as all of ours are. Calls go together where it is the same object.
        cancelled: set it, and a call that waits raises `CallCancelledError` instead of being answered.
    """
    return denoiser if isinstance(denoiser, ExactDenoiser) else Batched(denoiser, cancelled or threading.Event())


@dataclass(frozen=True, eq=False)
class Batched:
    """A denoiser whose calls share forwards with those of other threads. Its other attributes are that denoiser's.

    Predictions are detached from the autograd graph, in any grad mode. An error of the network is raised only in the caller
    whose rows caused it: where a batch fails, its calls are evaluated one by one.

    Args:
        denoiser: the one that is evaluated.
        cancelled: set to cancel the caller's calls.
        worker: the thread that evaluates it; None for the one of the process.

    Raises:
        CallCancelledError: (in a call) where `cancelled` was set before the evaluation.
    """

    denoiser: Denoiser
    cancelled: threading.Event = field(default_factory=threading.Event)
    worker: Worker | None = None

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return (self.worker or WORKER).evaluate(Call(self.denoiser, x_t, level, label, self.cancelled))

    def __getattr__(self, name: str) -> Any:
        """`learned_variance`, `classes`, `schedule`, …: whatever the denoiser has that this has not."""
        if name.startswith("__"):  # copy and pickle read these before `denoiser` is set
            raise AttributeError(name)
        return getattr(self.denoiser, name)


# --- calls ----------------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Call:
    """A call by one caller, with the rows that are evaluated so far."""

    denoiser: Denoiser
    x_t: Tensor
    level: Level
    label: Tensor | None
    cancelled: threading.Event
    result: Future[Prediction] = field(default_factory=Future)
    parts: list[Prediction] = field(default_factory=list)
    rows_done: int = 0

    def is_compatible_with(self, other: Call) -> bool:
        """Whether rows of both may be in one batch: the same denoiser, and x_t of one shape, dtype and device."""
        x, y = self.x_t, other.x_t
        same_kind = (x.shape[1:], x.dtype, x.device) == (y.shape[1:], y.dtype, y.device)
        return self.denoiser is other.denoiser and same_kind

    def next_chunk(self, most: int) -> Chunk:
        """The rows to evaluate next: the remaining rows are split into equal chunks of at most `most`."""
        left = len(self.x_t) - self.rows_done
        rows = slice(self.rows_done, self.rows_done + -(-left // -(-left // most)) if left else 0)
        return Chunk(self, self.x_t[rows], self.level[rows], None if self.label is None else self.label[rows])

    def add_result(self, part: Prediction, rows: int) -> bool:
        """Store the prediction of a chunk of so many rows; returns whether the call is complete, and its result set."""
        self.parts.append(part)
        self.rows_done += rows
        if self.rows_done < len(self.x_t):
            return False
        try:
            self.result.set_result(self.parts[0] if len(self.parts) == 1 else Prediction.cat(self.parts))
        except Exception as error:  # out of memory, or predictions that do not concatenate
            self.result.set_exception(error)
        return True


@dataclass(frozen=True, eq=False)
class Chunk:
    """Rows of a call that go through the network in one forward."""

    call: Call
    x_t: Tensor
    level: Level
    label: Tensor | None

    def __len__(self) -> int:
        return len(self.x_t)


@torch.no_grad()
def forward(chunks: Sequence[Chunk]) -> list[Prediction]:
    """One forward of the network on all chunks. Not in inference mode, whose tensors cannot be used in autograd later."""
    denoiser = chunks[0].call.denoiser
    if len(chunks) == 1:
        return [denoiser(chunks[0].x_t, chunks[0].level, chunks[0].label)]
    x_t = torch.cat([chunk.x_t for chunk in chunks])
    level = Level.cat(chunk.level.expand(len(chunk)) for chunk in chunks)
    label = None
    if any(chunk.label is not None for chunk in chunks):
        label = torch.cat([_label(chunk) for chunk in chunks])
    prediction, ends = denoiser(x_t, level, label), accumulate(map(len, chunks), initial=0)
    return [prediction[start:end] for start, end in pairwise(ends)]


def _label(chunk: Chunk) -> Tensor:
    return torch.full((len(chunk),), NO_LABEL) if chunk.label is None else chunk.label


# --- the thread -----------------------------------------------------------------------------------------------------------


class Worker:
    """The thread that evaluates calls, and their queue. It starts with the first call and ends with the process.

    Args:
        clock: a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[Call] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._paces: WeakKeyDictionary[Denoiser, deque[float]] = WeakKeyDictionary()

    def evaluate(self, call: Call) -> Prediction:
        """Enqueue a call and wait for its prediction. Raises what the denoiser raises, and CallCancelledError."""
        self._paces.get(call.denoiser)  # an unhashable denoiser raises here, in the caller's thread
        with self._changed:
            self._waiting.append(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="batching", daemon=True)
                self._thread.start()
                atexit.register(self._close)
            self._changed.notify()
        return call.result.result()

    def most_rows(self, denoiser: Denoiser) -> int:
        """Rows of a forward of this denoiser: 1 … MOST_ROWS, so many that it takes about `FORWARD_SECONDS`."""
        paces = self._paces.get(denoiser)
        if paces is None:
            return FIRST_ROWS
        return min(MOST_ROWS, max(1, int(FORWARD_SECONDS / max(median(paces), 1e-6))))

    def _loop(self) -> None:
        while chunks := self._next():
            self._evaluate(chunks)

    def _close(self) -> None:
        """Stop at interpreter exit: a thread that still computes in torch then would abort the process."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout=10 * FORWARD_SECONDS)

    def _next(self) -> list[Chunk]:
        """The chunks of the next forward: of the oldest call and of compatible ones that fit; empty when closing."""
        with self._changed:
            self._drop_cancelled()
            while not self._waiting and not self._closing:
                self._changed.wait()
                self._drop_cancelled()
            if self._closing:
                return []
            first = self._waiting[0]
            most = room = self.most_rows(first.denoiser)
            chunks = []
            for call in self._waiting:
                if not call.is_compatible_with(first):
                    continue
                chunk = call.next_chunk(most)
                if len(chunk) > room:
                    break
                chunks.append(chunk)
                room -= len(chunk)
            taken = {chunk.call for chunk in chunks}
            self._waiting = deque(call for call in self._waiting if call not in taken)
        return chunks

    def _drop_cancelled(self) -> None:
        for call in [call for call in self._waiting if call.cancelled.is_set()]:
            self._waiting.remove(call)
            call.result.set_exception(CallCancelledError())

    def _evaluate(self, chunks: Sequence[Chunk]) -> None:
        torch_threads.set_thread_count(torch_threads.sampling_threads())
        began = self._clock()
        try:
            predictions = forward(chunks)
        except BaseException as error:  # raised in the callers; this thread continues
            if len(chunks) == 1:
                chunks[0].call.result.set_exception(error)
            else:
                for chunk in chunks:
                    self._evaluate([chunk])
            return
        self._record_pace(chunks[0].call.denoiser, (self._clock() - began) / max(1, sum(map(len, chunks))))
        done_calls = [chunk.call.add_result(part, len(chunk)) for chunk, part in zip(chunks, predictions, strict=True)]
        with self._changed:
            self._waiting.extend(chunk.call for chunk, done in zip(chunks, done_calls, strict=True) if not done)

    def _record_pace(self, denoiser: Denoiser, seconds_per_row: float) -> None:
        """Record the time per row; `most_rows` uses the median of the last five, which single outliers do not change."""
        self._paces.setdefault(denoiser, deque(maxlen=5)).append(seconds_per_row)


WORKER: Worker = Worker()
"""The worker of this process."""


def _after_fork() -> None:
    """A forked process has no worker thread, and may have inherited a held lock: it gets a new worker."""
    global WORKER
    WORKER = Worker()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
