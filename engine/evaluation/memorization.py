"""Memorization: whether samples copy training pictures, measured against what chance alone would give.

All distances are Euclidean, between pixels in [−1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.evaluation.metrics import Share, nearest_neighbours, wilson


@dataclass(frozen=True)
class AgainstChance:
    """A share, and its expected value for a model that has memorized nothing."""

    measured: Share
    chance: float


@dataclass(frozen=True)
class Memorization:
    """What `measure_memorization` measures. d(x) is the distance from x to its nearest training picture."""

    nearer_than_5_percent: AgainstChance
    """Samples x with d(x) below that of all but the nearest 5 % of held-out pictures of the same class."""
    nearer_than_1_percent: AgainstChance
    """The same with 1 %."""
    near_copies: AgainstChance
    """Samples x with d(x) below half the median d of held-out pictures of the same class. Chance: the share of those
    held-out pictures that lie as near."""
    nearest_is_training: AgainstChance
    """Samples whose nearest real picture, training and held-out together, is a training one. Chance: the share of training
    pictures among them. Unlike the others it is not misled by samples that are smoother than real pictures, and so
    nearer to everything."""
    median: float
    """Median d of the samples."""
    held_out_median: float
    """Median d of the held-out pictures."""


def measure_memorization(
    samples: Tensor,
    training: Tensor,
    held_out: Tensor,
    *,
    sample_labels: Tensor | None = None,
    held_out_labels: Tensor | None = None,
) -> Memorization:
    """Compare how near samples come to training pictures with how near held-out real ones come to them.

    Within each class the k-th smallest of n held-out distances is the threshold, k = ⌊q (n + 1)⌋ for q = 5 % or 1 %: a new
    real picture falls below it with probability k / (n + 1) exactly, whatever the distribution, and this is the chance
    level given. Classes are compared with themselves because a 1 has nearer neighbours than an 8. The test by the nearest
    real picture is after Meehan, Chaudhuri & Dasgupta 2020, https://arxiv.org/abs/2004.05675; it takes for granted
    that the held-out pictures were chosen at random, as many of each class in proportion.

    Args:
        samples, training, held_out: pictures, shapes (S, ...), (N, ...) and (H, ...).
        sample_labels, held_out_labels: int64, (S,) and (H,), both or neither; None counts all as one class.

    Raises:
        ValueError: for an empty set, shapes that do not fit, or a class of samples that is not among the held-out.
    """
    if not min(len(samples), len(training), len(held_out)):
        raise ValueError("Samples, training and held-out pictures are all needed.")
    if (sample_labels is None) != (held_out_labels is None):
        raise ValueError("Labels are needed for both the samples and the held-out pictures, or for neither.")
    of_sample = torch.zeros(len(samples), dtype=torch.int64) if sample_labels is None else sample_labels.cpu()
    of_held_out = torch.zeros(len(held_out), dtype=torch.int64) if held_out_labels is None else held_out_labels.cpu()
    if len(of_sample) != len(samples) or len(of_held_out) != len(held_out):
        raise ValueError("Each picture needs one label.")
    missing = set(of_sample.tolist()) - set(of_held_out.tolist())
    if missing:
        raise ValueError(f"No held-out picture has the class {min(missing)}.")

    nearest = nearest_neighbours(samples, training)[0][:, 0]
    usual = nearest_neighbours(held_out, training)[0][:, 0]
    to_held_out = nearest_neighbours(samples, held_out)[0][:, 0]
    return Memorization(
        nearer_than_5_percent=_nearer(nearest, of_sample, usual, of_held_out, 0.05),
        nearer_than_1_percent=_nearer(nearest, of_sample, usual, of_held_out, 0.01),
        near_copies=_copies(nearest, of_sample, usual, of_held_out),
        nearest_is_training=AgainstChance(
            wilson(int((nearest < to_held_out).sum()), len(samples)), len(training) / (len(training) + len(held_out))
        ),
        median=float(nearest.median()),
        held_out_median=float(usual.median()),
    )


def _nearer(distance: Tensor, of_sample: Tensor, usual: Tensor, of_held_out: Tensor, quantile: float) -> AgainstChance:
    below, expected = 0, 0.0
    for k in torch.unique(of_sample):
        mine, theirs = distance[of_sample == k], usual[of_held_out == k].sort().values
        rank = int(quantile * (len(theirs) + 1) + 1e-9)  # 0.05 · 20 must not fall short of 1
        if rank:
            below += int((mine < theirs[rank - 1]).sum())
        expected += len(mine) * rank / (len(theirs) + 1)
    return AgainstChance(wilson(below, len(distance)), expected / len(distance))


def _copies(distance: Tensor, of_sample: Tensor, usual: Tensor, of_held_out: Tensor) -> AgainstChance:
    below, expected = 0, 0.0
    for k in torch.unique(of_sample):
        mine, theirs = distance[of_sample == k], usual[of_held_out == k]
        threshold = theirs.median() / 2
        below += int((mine < threshold).sum())
        expected += len(mine) * float((theirs < threshold).double().mean())
    return AgainstChance(wilson(below, len(distance)), expected / len(distance))
