"""The same question is asked once: rows of a batch that are alike go through the network as one.

A sweep asks many of them. Every walk from one seed begins with the very same noise, so the first look is the same whatever the
scale, the sampler, eta or the number of steps; and where a label is ignored, all classes walk the same way.
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

MOST_KEPT = 1024
"""Answers that are kept, each of one row."""


def deduplicated(denoiser: Denoiser) -> Denoiser:
    """The same denoiser without repeated questions; an exact one, which is cheap and may yet be smoothed, is left as it is."""
    return denoiser if isinstance(denoiser, ExactDenoiser) else Deduplicated(denoiser)


@dataclass(eq=False)
class Deduplicated:
    """A denoiser around another one. What else it knows, it knows from that one.

    Within a call rows of equal x_t, level and label are one row. Between calls only answers at the level of the first call, or
    at noisier ones, are kept: that is where all walks begin, and later on no two of them meet again.

    Args:
        denoiser: any whose answer to a row does not depend on the other rows.
    """

    denoiser: Denoiser
    rows: int = 0
    """That went through the denoiser so far."""
    _kept: dict[bytes, Prediction] = field(default_factory=dict)
    _begins: float | None = None

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        keys = _keys(x_t, level, label)
        new = {key: row for row, key in reversed(list(enumerate(keys))) if key not in self._kept}
        if self._begins is None:
            self._begins = float(level.log_snr.max())
        keep = float(level.log_snr.max()) <= self._begins and len(self._kept) + len(new) <= MOST_KEPT
        if len(new) == len(keys) and not keep:
            self.rows += len(keys)
            return self.denoiser(x_t, level, label)
        answers = dict(self._kept) if len(new) < len(keys) or keep else {}
        if new:
            order = sorted(new.values())
            self.rows += len(order)
            asked = self.denoiser(
                x_t[order],
                level if level.log_snr.ndim == 0 else Level(level.log_snr[order]),
                None if label is None else label[order],
            )
            for k, row in enumerate(order):
                mix = None if asked.variance_mix is None else asked.variance_mix[k]
                answers[keys[row]] = Prediction(asked.x0[k], asked.noise[k], mix)
                if keep:
                    self._kept[keys[row]] = answers[keys[row]]
        found = [answers[key] for key in keys]
        mixes = [one.variance_mix for one in found if one.variance_mix is not None]
        x0, noise = torch.stack([one.x0 for one in found]), torch.stack([one.noise for one in found])
        return Prediction(x0, noise, torch.stack(mixes) if mixes else None)

    def __getattr__(self, name: str) -> Any:
        """`learned_variance`, `classes`, `schedule`, …: whatever the denoiser has that this has not."""
        if name.startswith("_"):  # copying asks for those before there is a denoiser
            raise AttributeError(name)
        return getattr(self.denoiser, name)


def _keys(x_t: Tensor, level: Level, label: Tensor | None) -> list[bytes]:
    """What tells one question from another, for each row."""
    rows = x_t.detach().cpu().contiguous().flatten(1).numpy()
    levels = level.log_snr.expand(len(x_t)).double().cpu().numpy()
    labels = (torch.full((len(x_t),), NO_LABEL) if label is None else label).cpu().numpy()
    return [
        hashlib.blake2b(rows[k].tobytes() + levels[k].tobytes() + labels[k].tobytes(), digest_size=16).digest()
        for k in range(len(rows))
    ]
