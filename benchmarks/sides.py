"""Two ways to the same thing, each in a process of its own: while one works the other waits.

So neither shares memory, threads or settings with the other, and whatever else the machine does falls on both. Compared is
processor time, pair by pair: with one thread it is the time that the work takes on a core of its own.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.figures import Figure

Result = npt.NDArray[np.float32] | None
Work = Callable[[], Result]
"""What a side does each time it is its turn. What it answers, if anything, is compared."""


@dataclass(frozen=True)
class Turn:
    """What one turn took, in seconds, and what came out."""

    wall: float
    processor: float
    result: Result


@dataclass(frozen=True)
class Side:
    """A process that does its work each time it gets a line."""

    pipe: Connection

    def turn(self) -> Turn:
        """Raises RuntimeError, with what the process said, where it cannot."""
        self.pipe.send(True)
        answer = self.pipe.recv()
        if isinstance(answer, str):
            raise RuntimeError(answer)
        turn: Turn = answer
        return turn


@contextlib.contextmanager
def side(maker: str, *, keep_freed: bool = False, **settings: Any) -> Iterator[Side]:
    """One side, ready for its first turn.

    Args:
        maker: "module:function", which takes the settings and gives back the work.
        keep_freed: whether its process keeps freed memory, as the programs of this project do.
        settings: for the maker.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, maker, keep_freed, settings), daemon=False)
    process.start()
    there.close()
    try:
        yield Side(here)
    finally:
        here.close()
        process.join(20)
        if process.is_alive():
            process.terminate()


def _serve(pipe: Connection, maker: str, keep_freed: bool, settings: dict[str, Any]) -> None:
    import torch

    from engine.runtime import allocator

    if keep_freed:
        allocator.keep_freed_memory()
    torch.set_num_threads(1)
    module, _, name = maker.partition(":")
    with (
        contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError),
        open(os.devnull, "w") as nowhere,
        # Progress bars of the peers are discarded.
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        work: Work | None = None
        while pipe.recv():
            try:
                work = work or getattr(import_module(module), name)(**settings)
                began = time.perf_counter(), time.process_time()
                result = work()
                taken = time.perf_counter() - began[0], time.process_time() - began[1]
            except Exception as problem:
                pipe.send(f"{maker}: {type(problem).__name__}: {problem}")
                return
            pipe.send(Turn(*taken, result))


@dataclass(frozen=True)
class Pairs:
    """Turns of both, pair by pair; the first of each, to warm up, is left out."""

    ours: Sequence[Turn]
    theirs: Sequence[Turn]
    apart: float
    """The largest difference of two numbers of the results; NaN where there are none."""

    def figure(self, what: str, *, least: float | None = None, on_wall: bool = False) -> Figure:
        """How many times as long theirs takes as ours."""
        pairs = zip(self.ours, self.theirs, strict=True)
        ratios = tuple(b.wall / a.wall if on_wall else b.processor / a.processor for a, b in pairs)
        return Figure(what, ratios, "×", "median", least, least=True)


def compared(ours: Side, theirs: Side, rounds: int, *, apart: float | None = None) -> Pairs:
    """By turns, and not always in the same order.

    Args:
        rounds: pairs of turns that count.
        apart: how far the results may lie apart; None where they need not be the same.

    Raises:
        RuntimeError: where they lie further apart: then it is not the same that both do.
    """
    first = ours.turn().result, theirs.turn().result
    found = float("nan")
    if first[0] is not None and first[1] is not None:
        found = float(np.abs(first[0] - first[1]).max())
    if apart is not None and not found <= apart:
        raise RuntimeError(f"The results lie {found:.2g} apart, further than {apart:g}: there is nothing to compare.")
    turns: tuple[list[Turn], list[Turn]] = ([], [])
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            turns[which].append((ours, theirs)[which].turn())
    return Pairs(turns[0], turns[1], found)
