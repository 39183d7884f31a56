"""Exact denoisers: the posterior mean E[x_0 | x_t] in closed form, the minimum of the squared error on these data.

If x_0 is one of N points x_i with prior π_i, spread by N(0, std² I), then x_t given point i is N(√ᾱ x_i, v I) with
v = ᾱ std² + 1 − ᾱ, and by Bayes' rule

    w_i = p(i | x_t) = softmax_i(log π_i − ‖x_t − √ᾱ x_i‖² / 2v)
    E[x_0 | x_t] = m + √ᾱ std² / v (x_t − √ᾱ m),   m = Σ w_i x_i

For std = 0 this is the optimal denoiser of a finite data set (Karras et al. 2022, arXiv:2206.00364, eq. 57), for one point
with std > 0 that of a Gaussian. It can be sampled from before any training, its posterior weights w show which data a
prediction comes from, and its loss is the Bayes-optimal loss of a network on these data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from engine.denoiser import NO_LABEL
from engine.process import Prediction, prediction_from_x0
from engine.schedule import Level, broadcast

CHUNK_ELEMENTS = 8_000_000
"""Numbers of the data in one chunk: it bounds the memory, whatever the size of the data."""


@dataclass(frozen=True, eq=False)
class ExactDenoiser:
    """E[x_0 | x_t] where x_0 is drawn from N points, each of them spread by an isotropic Gaussian.

    With std = 0 it is the exact denoiser of a finite data set: x̂0 = Σ w_i x_i,
    w = softmax(−‖x_t − √ᾱ x_i‖² / 2(1−ᾱ)) (Karras et al. 2022, arXiv:2206.00364, eq. 57). One point with std > 0 is a Gaussian,
    several are a mixture: each w then has the variance ᾱ std² + 1 − ᾱ in it, and each x_i moves towards x_t.

    Args:
        points: floating, shape (N, ...), the data or the means. The arithmetic is done in their dtype.
        labels: int64, shape (N,), the class of each point; None where there are no classes.
        std: standard deviation around each point, in the units of the data.
        prior: positive, shape (N,), the prior of each point, not necessarily normalised; None for equal ones.
    """

    points: Tensor
    labels: Tensor | None = None
    std: float = 0.0
    prior: Tensor | None = None

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        self._check(label)
        x = x_t.flatten(1).to(self.points.dtype)
        if len(self.points) <= self._rows:
            return self._prediction(self.weights(x_t, level, label) @ self.points.flatten(1), x_t, level)
        top = x.new_full((len(x), 1), -torch.inf)
        total = x.new_zeros((len(x), 1))
        mean = torch.zeros_like(x)
        # Streaming softmax over the chunks: the sums so far are rescaled whenever a larger logit appears.
        for start, points in self._chunks():
            logits = self._logits(x, points, start, level, label)
            new_top = torch.maximum(top, logits.amax(1, keepdim=True))
            shift = torch.where(new_top.isinf(), 0.0, new_top)
            weights, keep = (logits - shift).exp(), (top - shift).exp()
            total = total * keep + weights.sum(1, keepdim=True)
            mean = mean * keep + weights @ points
            top = new_top
        return self._prediction(mean / total, x_t, level)

    def _prediction(self, mean: Tensor, x_t: Tensor, level: Level) -> Prediction:
        """x̂0 and ε̂ from m = Σ w_i x_i, shape (B, D)."""
        x = x_t.flatten(1).to(self.points.dtype)
        signal, _ = level.scales(x)
        # √ᾱ std² / v of the module's formula; 0 for std = 0.
        gain = signal * self.std**2 / broadcast(self._spread(level), x)
        x0 = (mean + gain * (x - signal * mean)).to(x_t.dtype).reshape(x_t.shape)
        return prediction_from_x0(x0, x_t, level)

    def weights(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Tensor:
        """The posterior weights p(point | x_t) of x̂0: shape (B, N), each row sums to 1."""
        return self.logits(x_t, level, label).softmax(1)

    def logits(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Tensor:
        """log p(x_t, point) up to a constant of each picture: shape (B, N), differentiable in x_t; −inf for the wrong class."""
        self._check(label)
        x = x_t.flatten(1).to(self.points.dtype)
        return torch.cat([self._logits(x, points, start, level, label) for start, points in self._chunks()], 1)

    def _check(self, label: Tensor | None) -> None:
        classes = None if label is None else label[label != NO_LABEL]
        if classes is None or not len(classes):
            return
        if self.labels is None:
            raise ValueError("This data has no classes: give no label.")
        if not bool(torch.isin(classes, self.labels).all()):
            raise ValueError("None of this data has that class.")

    def _spread(self, level: Level) -> Tensor:
        """Variance of x_t around √ᾱ x_i: ᾱ std² + 1 − ᾱ."""
        return level.alpha_bar * self.std**2 + level.variance

    def _chunks(self) -> Iterator[tuple[int, Tensor]]:
        for start in range(0, len(self.points), self._rows):
            yield start, self.points[start : start + self._rows].flatten(1)

    @property
    def _rows(self) -> int:
        """Points in one chunk."""
        return max(1, CHUNK_ELEMENTS // max(1, self.points[0].numel()))

    def _logits(self, x: Tensor, points: Tensor, start: int, level: Level, label: Tensor | None) -> Tensor:
        """log p(x_t | point) + log prior up to a constant of each row, shape (B, chunk); −inf for the wrong class."""
        signal, _ = level.scales(x)
        spread = broadcast(self._spread(level), x)
        # −‖x − √ᾱ p‖² / 2v without ‖x‖², which is the same for every point: one matrix product.
        logits = torch.addmm(-(signal**2) / spread * (points.square().sum(1) / 2), x * (signal / spread), points.T)
        if self.prior is not None:
            logits = logits + self.prior[start : start + len(points)].log().to(x.dtype)
        if label is not None and self.labels is not None:
            wrong = (label[:, None] != NO_LABEL) & (label[:, None] != self.labels[start : start + len(points)])
            logits = logits.masked_fill(wrong, -torch.inf)
        return logits


@dataclass(frozen=True, eq=False)
class ExactByClass:
    """The same predictions faster, for data of few dimensions: a row with a label is compared with the points of its class
    only, and rows are evaluated in blocks whose weights fit into the processor's cache.

    Args:
        exact: the denoiser.
        block: rows at a time.
    """

    exact: ExactDenoiser
    block: int = 256

    def __call__(self, x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        self.exact._check(label)
        x0 = torch.empty_like(x_t)
        for kind in [NO_LABEL] if label is None else torch.unique(label).tolist():
            chosen = torch.arange(len(x_t)) if label is None else (label == kind).nonzero()[:, 0]
            for rows in chosen.split(self.block):
                x0[rows] = self._of(kind)(x_t[rows], level[rows]).x0
        return prediction_from_x0(x0, x_t, level)

    def _of(self, kind: int) -> ExactDenoiser:
        return self.exact if kind == NO_LABEL or self.exact.labels is None else self._of_class[kind]

    @cached_property
    def _of_class(self) -> dict[int, ExactDenoiser]:
        points, labels, prior = self.exact.points, self.exact.labels, self.exact.prior
        assert labels is not None
        return {
            kind: ExactDenoiser(
                points[labels == kind], std=self.exact.std, prior=None if prior is None else prior[labels == kind]
            )
            for kind in torch.unique(labels).tolist()
        }


@dataclass(frozen=True, eq=False)
class ExactClassifier:
    """p(y | x_t) where x_0 is drawn from the points of an exact denoiser: the share of its weights that each class has.

    With it, `ClassifierGuided` at scale 1 turns the exact denoiser of all classes into that of one of them.

    Args:
        exact: with the labels of its points, which are 0 … classes − 1.
        classes: how many there are.

    Raises:
        ValueError: where the exact denoiser has no labels.
    """

    exact: ExactDenoiser
    classes: int

    def __post_init__(self) -> None:
        if self.exact.labels is None:
            raise ValueError("This data has no classes that could be read.")

    def __call__(self, x_t: Tensor, level: Level) -> Tensor:
        """log p(x_t, y) up to a constant of each picture: shape (B, classes), in x_t's dtype, differentiable in x_t."""
        logits = self.exact.logits(x_t, level)
        labels = self.exact.labels
        assert labels is not None
        of_class = [logits[:, labels == k].logsumexp(1) for k in range(self.classes)]
        return torch.stack(of_class, 1).to(x_t.dtype)
