"""Calls of one network by many callers, as rows of one batch: calls, their chunks, and one forward for several chunks."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from engine.denoiser import NO_LABEL, Denoiser
from engine.process import Prediction
from engine.schedule import Level


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
