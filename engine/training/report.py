"""Reports of a training, and the running sums that they are computed from."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.training.objective import Losses
from engine.training.timestep_bins import TIMESTEP_BINS, bin_of


@dataclass(frozen=True, eq=False)
class Report:
    """The training since the last report, as plain numbers."""

    step: int
    """Steps taken so far."""
    steps: int
    """Steps of the whole run."""
    loss: float
    """Mean over the steps since the last report. Of a denoiser the squared error of the output per dimension,
    weighted as the config says with weights of mean 1 over t: unweighted it is the mean squared error, and losses of different
    weightings do not compare. Of a classifier the cross-entropy in nats. Of a VAE its bound in bits per dimension."""
    loss_by_level: tuple[float, ...]
    """The same in each of `TIMESTEP_BINS` equal parts of 0 … T, cleanest first; NaN where no picture was drawn."""
    learning_rate: float
    gradient_norm: float
    """Of the last step, before clipping."""
    images_per_second: float
    bound: float | None = None
    """The variational bound on the training pictures in bits per dimension, without its constant L_T; None where the variance
    is not learned."""
    waiting: float = 0.0
    """Share of the time that the network waited for pictures, 0 … 1."""
    micro_batch: int = 0
    """Pictures that went through the network at a time, in each process; 0 in older reports, which lack it."""


class Tally:
    """The sums of the losses since the last report.

    Each picture has its importance weight, so that reports of uniform and of importance-sampled t estimate the same mean.

    Args:
        T: steps of the forward process.
        waited: seconds that the network has waited for pictures before.
    """

    def __init__(self, T: int, waited: float = 0.0) -> None:
        self._T, self._waited, self._began = T, waited, time.perf_counter()
        self._sums = torch.zeros(TIMESTEP_BINS, dtype=torch.float64)
        self._shares = torch.zeros(TIMESTEP_BINS, dtype=torch.float64)
        self._bound: float | None = None
        self._pictures = 0

    def add(self, t: Tensor, share: Tensor, losses: Losses) -> None:
        """Add a batch: t in 1 … T, shares and losses of shape (B,)."""
        bins = bin_of(t, self._T)
        self._sums.index_add_(0, bins, losses.reported.double().cpu() * share)
        self._shares.index_add_(0, bins, share)
        self._pictures += len(t)
        if losses.bound is not None:
            self._bound = (self._bound or 0.0) + float((losses.bound.double().cpu() * share).sum())

    def report(
        self, step: int, steps: int, *, rate: float, gradient_norm: float, waited: float, micro_batch: int
    ) -> Report:
        """The report; `waited` as at the beginning, other names as in `Report`."""
        weight, seconds = float(self._shares.sum()), time.perf_counter() - self._began
        return Report(
            step=step,
            steps=steps,
            loss=float(self._sums.sum()) / weight,
            loss_by_level=tuple((self._sums / self._shares).tolist()),
            learning_rate=rate,
            gradient_norm=gradient_norm,
            images_per_second=self._pictures / seconds,
            bound=None if self._bound is None else self._bound / weight,
            waiting=min(1.0, (waited - self._waited) / seconds),
            micro_batch=micro_batch,
        )
