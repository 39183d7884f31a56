"""Many callers, one batch: what many threads ask of one network goes through it together.

`Batched` is a denoiser around another one. A call is put into a queue; one thread, the only one of the process that does so,
answers what waits there with as few forwards of the network as it can. Whatever the callers are doing, that is possible: each
row of a batch has its own x_t, level and label, and its noise is drawn elsewhere, from its own seed. Steps, samplers, eta and
guidance are the callers' own.

    model = replace(model, denoiser=batched(model.denoiser, cancelled))
    for frame in recipe.frames(model): ...     # in forty threads

No caller waits for another one's long job. A forward takes a bounded number of rows, so that it lasts about `FORWARD_SECONDS`;
the call that has waited longest comes first, whatever its network, and those that fit in beside it come along. A call of more
rows than that has one share of them answered and then stands at the end of the queue again.

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
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor

from engine.denoiser import Denoiser
from engine.ideal import ExactDenoiser
from engine.process import Prediction
from engine.runtime import torch_threads
from engine.runtime.batched_calls import Call, Share, forward
from engine.schedule import Level

FORWARD_SECONDS = 0.2
"""What one forward should take at most: how long a stop, or a newcomer, has to wait for what is under way."""
MOST_ROWS = 64
"""Rows of one forward. The network of the digits takes as long for a row among 16 as among 128, and half as long again among
1,000, which outgrow the caches. To wait some milliseconds for more callers before each forward gained nothing either: while
one is under way, the others come back."""
FIRST_ROWS = 16
"""The same for a network that has not been timed yet."""


class CallCancelledError(Exception):
    """The call was cancelled before it was answered."""


def batched(denoiser: Denoiser, cancelled: threading.Event | None = None) -> Denoiser:
    """The same denoiser for one of many callers; an exact one, which takes no network's time, is left as it is.

    Args:
        denoiser: hashable, as all of ours are. Calls go together where it is the same object.
        cancelled: set it, and a call that waits raises `CallCancelledError` instead of being answered.
    """
    return denoiser if isinstance(denoiser, ExactDenoiser) else Batched(denoiser, cancelled or threading.Event())


@dataclass(frozen=True, eq=False)
class Batched:
    """A denoiser whose calls share their forwards with those of other threads. Its other attributes are that denoiser's.

    Answers carry no graph, whatever the caller's grad mode, and may be used in any. An error of the network reaches the caller
    whose rows caused it and no other: where a batch fails, its calls are tried one by one.

    Args:
        denoiser: the one that answers.
        cancelled: set when the caller has lost interest.
        worker: the thread that asks it; None for the one that the process has.

    Raises:
        CallCancelledError: (in a call) where that was before the answer.
    """

    denoiser: Denoiser
    cancelled: threading.Event = field(default_factory=threading.Event)
    worker: Worker | None = None

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        return (self.worker or WORKER).ask(Call(self.denoiser, x_t, level, label, self.cancelled))

    def __getattr__(self, name: str) -> Any:
        """`learned_variance`, `classes`, `schedule`, …: whatever the denoiser has that this has not."""
        if name.startswith("__"):  # copying and pickling ask for those before there is a denoiser
            raise AttributeError(name)
        return getattr(self.denoiser, name)


class Worker:
    """The thread that asks, and the queue before it. It begins with the first call and ends with the process.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[Call] = deque()
        self._something = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._paces: WeakKeyDictionary[Denoiser, deque[float]] = WeakKeyDictionary()

    def ask(self, call: Call) -> Prediction:
        """Wait in the queue, and for the answer. Raises whatever the denoiser raises, and CallCancelledError."""
        self._paces.get(call.denoiser)  # raises in the caller, not in the thread, where it is not hashable
        with self._something:
            self._waiting.append(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="batching", daemon=True)
                self._thread.start()
                atexit.register(self._close)
            self._something.notify()
        return call.answer.result()

    def most_rows(self, denoiser: Denoiser) -> int:
        """How many rows a forward of this one takes: 1 … MOST_ROWS, as many as lately took `FORWARD_SECONDS`."""
        paces = self._paces.get(denoiser)
        if paces is None:
            return FIRST_ROWS
        return min(MOST_ROWS, max(1, int(FORWARD_SECONDS / max(median(paces), 1e-6))))

    def _loop(self) -> None:
        while shares := self._next():
            self._answer(shares)

    def _close(self) -> None:
        """As the process ends: a thread that is then still inside the network would bring it down with an abort."""
        with self._something:
            self._closing = True
            self._something.notify()
        if self._thread is not None:
            self._thread.join(timeout=10 * FORWARD_SECONDS)

    def _next(self) -> list[Share]:
        """What goes through the network next: the oldest call, and those that go and fit with it; nothing at the end."""
        with self._something:
            self._drop_given_up()
            while not self._waiting and not self._closing:
                self._something.wait()
                self._drop_given_up()
            if self._closing:
                return []
            first = self._waiting[0]
            most = room = self.most_rows(first.denoiser)
            shares = []
            for call in self._waiting:
                if not call.goes_with(first):
                    continue
                share = call.share(most)
                if len(share) > room:
                    break
                shares.append(share)
                room -= len(share)
            taken = {share.call for share in shares}
            self._waiting = deque(call for call in self._waiting if call not in taken)
        return shares

    def _drop_given_up(self) -> None:
        for call in [call for call in self._waiting if call.cancelled.is_set()]:
            self._waiting.remove(call)
            call.answer.set_exception(CallCancelledError())

    def _answer(self, shares: Sequence[Share]) -> None:
        torch_threads.set_thread_count(torch_threads.sampling_threads())
        began = self._clock()
        try:
            answers = forward(shares)
        except BaseException as problem:  # whatever it is, it belongs to the callers: this thread continues
            if len(shares) == 1:
                shares[0].call.answer.set_exception(problem)
            else:
                for share in shares:
                    self._answer([share])
            return
        self._learn(shares[0].call.denoiser, (self._clock() - began) / max(1, sum(map(len, shares))))
        done_calls = [share.call.take(part, len(share)) for share, part in zip(shares, answers, strict=True)]
        with self._something:
            self._waiting.extend(share.call for share, done in zip(shares, done_calls, strict=True) if not done)

    def _learn(self, denoiser: Denoiser, seconds_per_row: float) -> None:
        """The median of the last few counts: one that was held up changes nothing, a training run that begins soon does."""
        self._paces.setdefault(denoiser, deque(maxlen=5)).append(seconds_per_row)


WORKER: Worker = Worker()
"""The one of this process."""


def _after_fork() -> None:
    """A forked process has no threads, and perhaps a lock that is never released."""
    global WORKER
    WORKER = Worker()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
