"""What many callers want to know of one network, as rows of one batch: calls, their shares, and one forward for several."""

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
    """The rows that one caller needs, and how many of them are computed."""

    denoiser: Denoiser
    x_t: Tensor
    level: Level
    label: Tensor | None
    cancelled: threading.Event
    answer: Future[Prediction] = field(default_factory=Future)
    parts: list[Prediction] = field(default_factory=list)
    rows_done: int = 0

    def goes_with(self, other: Call) -> bool:
        """Whether both can be rows of one batch."""
        x, y = self.x_t, other.x_t
        same_kind = (x.shape[1:], x.dtype, x.device) == (y.shape[1:], y.dtype, y.device)
        return self.denoiser is other.denoiser and same_kind

    def share(self, most: int) -> Share:
        """The rows of its next turn: what is left, in turns as equal as can be, none of them above `most`."""
        left = len(self.x_t) - self.rows_done
        rows = slice(self.rows_done, self.rows_done + -(-left // -(-left // most)) if left else 0)
        return Share(self, self.x_t[rows], self.level[rows], None if self.label is None else self.label[rows])

    def take(self, part: Prediction, rows: int) -> bool:
        """Keep the answer to a share of so many rows; whether that was the last one, and the caller has its answer."""
        self.parts.append(part)
        self.rows_done += rows
        if self.rows_done < len(self.x_t):
            return False
        try:
            self.answer.set_result(self.parts[0] if len(self.parts) == 1 else Prediction.cat(self.parts))
        except Exception as problem:  # of memory, or of what the denoiser has answered
            self.answer.set_exception(problem)
        return True


@dataclass(frozen=True, eq=False)
class Share:
    """Rows of a call that go through the network in one forward."""

    call: Call
    x_t: Tensor
    level: Level
    label: Tensor | None

    def __len__(self) -> int:
        return len(self.x_t)


@torch.no_grad()
def forward(shares: Sequence[Share]) -> list[Prediction]:
    """One forward of the network on all of them. (Not in inference mode: its tensors could not be used with gradients
    later.)"""
    denoiser = shares[0].call.denoiser
    if len(shares) == 1:
        return [denoiser(shares[0].x_t, shares[0].level, shares[0].label)]
    x_t = torch.cat([share.x_t for share in shares])
    level = Level.cat(share.level.expand(len(share)) for share in shares)
    label = None
    if any(share.label is not None for share in shares):
        label = torch.cat([_label(share) for share in shares])
    prediction, ends = denoiser(x_t, level, label), accumulate(map(len, shares), initial=0)
    return [prediction[start:end] for start, end in pairwise(ends)]


def _label(share: Share) -> Tensor:
    return torch.full((len(share),), NO_LABEL) if share.label is None else share.label
