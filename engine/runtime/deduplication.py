"""Repeated calls of a denoiser are evaluated once: equal rows of a batch are one row of the forward.

A sweep repeats many of them. Every trajectory from one seed begins with the same noise, so its first evaluation is the same
whatever the scale, the sampler, eta or the number of steps; and where the label is ignored, all classes give one trajectory.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.denoiser import NO_LABEL, Denoiser
from engine.ideal import ExactDenoiser
from engine.process import Prediction
from engine.schedule import Level

MAX_STORED = 1024
"""Predictions that are stored, each of one row."""


def deduplicated(denoiser: Denoiser) -> Denoiser:
    """The same denoiser without repeated evaluations; an exact one, which costs little, as it is."""
    return denoiser if isinstance(denoiser, ExactDenoiser) else Deduplicated(denoiser)


@dataclass(eq=False)
class Deduplicated:
    """A denoiser around another one, whose other attributes it has too.

    Within a call rows of equal x_t, level and label are one row. Between calls only predictions at the level of the first call
    or at noisier ones are stored: all trajectories begin there, and later evaluations differ.

    Args:
        denoiser: any whose prediction for a row does not depend on the other rows.
    """

    denoiser: Denoiser
    rows: int = 0
    """Rows that the denoiser has evaluated so far."""
    _stored: dict[bytes, Prediction] = field(default_factory=dict)
    _first_log_snr: float | None = None

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        keys = _keys(x_t, level, label)
        new = {key: row for row, key in reversed(list(enumerate(keys))) if key not in self._stored}
        if self._first_log_snr is None:
            self._first_log_snr = float(level.log_snr.max())
        store = float(level.log_snr.max()) <= self._first_log_snr and len(self._stored) + len(new) <= MAX_STORED
        self.rows += len(new)
        if len(new) == len(keys) and not store:
            return self.denoiser(x_t, level, label)
        known = self._stored if store else dict(self._stored)
        if new:
            order = sorted(new.values())
            prediction = self.denoiser(x_t[order], level[order], None if label is None else label[order])
            known |= {keys[row]: prediction[k : k + 1] for k, row in enumerate(order)}
        return Prediction.cat([known[key] for key in keys])

    def __getattr__(self, name: str) -> Any:
        """`learned_variance`, `classes`, `schedule`, …: what the denoiser has."""
        if name.startswith("_"):  # copy reads these before `denoiser` is set
            raise AttributeError(name)
        return getattr(self.denoiser, name)


def _keys(x_t: Tensor, level: Level, label: Tensor | None) -> list[bytes]:
    """A hash of x_t, level and label for each row."""
    rows = x_t.detach().cpu().contiguous().flatten(1).numpy()
    levels = level.log_snr.expand(len(x_t)).double().cpu().numpy()
    labels = (torch.full((len(x_t),), NO_LABEL) if label is None else label).cpu().numpy()
    return [
        hashlib.blake2b(rows[k].tobytes() + levels[k].tobytes() + labels[k].tobytes(), digest_size=16).digest()
        for k in range(len(rows))
    ]
