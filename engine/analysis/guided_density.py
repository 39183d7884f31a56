"""In the plane: the distribution that guided sampling draws from, and the tilted distribution p(x|c)^s p(x)^(1−s), both exact.

Guidance at scale s follows the score ∇ log p_t(x|c)^s p_t(x)^(1−s) at every level t (s = w + 1 of Ho & Salimans 2022). If
these densities were the noised versions of p(x|c)^s p(x)^(1−s), samples would have that distribution. They are not: noise and
powers do not commute (Bradley & Nakkiran 2024, arXiv:2408.09000; Chidambaram et al. 2024, arXiv:2409.13074). For s = 1 both are
p(x|c).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from engine.guidance import Guided
from engine.ideal import ExactDenoiser
from engine.process import Prediction
from engine.samplers import PreviousStep, Sampler
from engine.schedule import Level, NoiseSchedule

CLEAN = Level(torch.tensor(torch.inf, dtype=torch.float64))


@dataclass(frozen=True)
class Plane:
    """A square from −half to half in both directions, in cells × cells cells."""

    half: float = 4.0
    cells: int = 96

    @property
    def centres(self) -> Tensor:
        """Of the cells along one direction: float64, shape (cells,)."""
        return (torch.arange(self.cells, dtype=torch.float64) + 0.5) * self.width - self.half

    @property
    def width(self) -> float:
        """Of a cell."""
        return 2 * self.half / self.cells

    def points(self) -> Tensor:
        """The centres of all cells: float64, shape (cells, cells, 2), the second coordinate along the first axis."""
        y, x = torch.meshgrid(self.centres, self.centres, indexing="ij")
        return torch.stack([x, y], -1)

    def histogram(self, points: Tensor) -> Tensor:
        """Density of points, shape (N, 2), per unit of area: float64, shape (cells, cells). Points outside are not counted."""
        index = ((points.double() + self.half) / self.width).floor().long()
        inside = ((index >= 0) & (index < self.cells)).all(1)
        flat = index[inside, 1] * self.cells + index[inside, 0]
        counts = torch.bincount(flat, minlength=self.cells**2).double()
        return counts.reshape(self.cells, self.cells) / (len(points) * self.width**2)


def log_density(mixture: ExactDenoiser, at: Tensor, level: Level = CLEAN, label: int | None = None) -> Tensor:
    """log p_t(x), or log p_t(x | label), of a Gaussian mixture that was noised to `level`, with all its constants.

    p_t is again a mixture: each point m becomes N(√ᾱ m, (ᾱ std² + 1 − ᾱ) I).

    Args:
        mixture: with std > 0, or a level with noise.
        at: shape (..., d).
        label: one that some of the points have; None for all of them.

    Returns:
        float64, shape (...).
    """
    points = mixture.points.double()
    prior = torch.ones(len(points), dtype=torch.float64) if mixture.prior is None else mixture.prior.double()
    if label is not None:
        assert mixture.labels is not None
        points, prior = points[mixture.labels == label], prior[mixture.labels == label]
    variance = level.alpha_bar * mixture.std**2 + level.variance
    distance = torch.cdist(at.double().reshape(-1, at.shape[-1]), level.alpha_bar.sqrt() * points).square()
    each = (
        (prior / prior.sum()).log() - distance / (2 * variance) - at.shape[-1] / 2 * torch.log(2 * math.pi * variance)
    )
    return each.logsumexp(1).reshape(at.shape[:-1])


def tilted_density(mixture: ExactDenoiser, label: int, scale: float, plane: Plane, level: Level = CLEAN) -> Tensor:
    """p_t(x|c)^s p_t(x)^(1−s), normalised on the plane: the density whose score guidance follows at that level.

    At the clean level it is p(x|c)^s p(x)^(1−s). Returns float64, shape (cells, cells), of integral 1.
    """
    at = plane.points()
    cond, uncond = log_density(mixture, at, level, label), log_density(mixture, at, level)
    log_p = scale * cond + (1 - scale) * uncond
    density = (log_p - log_p.max()).exp()
    return density / (density.sum() * plane.width**2)


def diffused_density(density: Tensor, plane: Plane, level: Level) -> Tensor:
    """The distribution of √ᾱ x_0 + √(1−ᾱ) ε for x_0 of that density: the forward process applied to it.

    Each cell's mass is spread as a Gaussian that is integrated over each cell exactly: only mass outside the plane is lost.
    """
    if float(level.variance) == 0:
        return density
    edges = torch.linspace(-plane.half, plane.half, plane.cells + 1, dtype=torch.float64)
    sigma = level.variance.sqrt()
    below = torch.special.ndtr((edges[:, None] - level.alpha_bar.sqrt() * plane.centres) / sigma)
    spread = below.diff(dim=0)  # (to, from): the share of a cell's mass along one direction
    return spread @ density @ spread.T


@torch.no_grad()
def guided_trajectory(
    mixture: ExactDenoiser,
    label: int,
    scale: float,
    *,
    points: int,
    schedule: NoiseSchedule,
    sampler: Sampler,
    steps: int,
    seed: int = 0,
) -> Iterator[tuple[int, Tensor]]:
    """Guided sampling with the exact denoiser: (t, x_t of shape (points, d)) from T to 0.

    One generator draws for all points, since thousands of them need no seed each. Each tensor is float64 and not shared.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (points, mixture.points.shape[1])
    labels = torch.full((points,), label)
    guided = Guided(mixture, scale)

    def draw() -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def denoise(x: Tensor, level: Level) -> Prediction:
        return guided(x, level, labels)

    x, previous = draw(), None
    for t, to in pairwise(schedule.timesteps(steps)):
        yield t, x
        x, prediction = sampler.step(denoise, x, schedule.level(t), schedule.level(to), draw, previous)
        previous = PreviousStep(schedule.level(t), prediction)
    yield 0, x


def coarsened(density: Tensor, factor: int) -> Tensor:
    """The same density on factor × factor fewer cells, each the mean of those it covers."""
    n = len(density) // factor
    return density.reshape(n, factor, n, factor).mean((1, 3))


def total_variation(p: Tensor, q: Tensor, area: float) -> float:
    """½ Σ |p − q| · area, of two densities on the same cells; mass outside the cells counts as one more cell: in 0 … 1."""
    inside = float((p - q).abs().sum()) * area
    outside = abs(float(p.sum() - q.sum())) * area
    return (inside + outside) / 2


@dataclass(frozen=True)
class FiniteSampleDistance:
    """Mean and standard deviation of the distance between a finite sample of a distribution and that distribution."""

    mean: float
    std: float


def finite_sample_distance(
    density: Tensor, area: float, points: int, rounds: int = 20, seed: int = 0
) -> FiniteSampleDistance:
    """The total variation between `points` draws of a distribution and the distribution itself, by simulation; it is above 0.

    Args:
        density: on cells of that area.
        points: how many are drawn in each round.
    """
    generator = torch.Generator().manual_seed(seed)
    shares = (density * area).flatten()
    shares = shares / shares.sum()
    distances = []
    for _ in range(rounds):
        drawn = torch.multinomial(shares, points, replacement=True, generator=generator)
        counts = torch.bincount(drawn, minlength=len(shares)).double() / points
        distances.append(float((counts - shares).abs().sum() / 2))
    values = torch.tensor(distances, dtype=torch.float64)
    return FiniteSampleDistance(float(values.mean()), float(values.std()))
