"""Metrics of samples, with their uncertainty. Everything is computed in float64.

No network is needed here: features, pictures and points are all vectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

Z_95 = 1.959963984540054
"""A normal variable lies within this many standard deviations of its mean with probability 0.95."""
BLOCK = 2048
"""Rows that are compared with each other in one block: memory follows BLOCK², not the size of the sets."""


# --- shares -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval; Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953."""

    share: float
    low: float
    high: float
    count: int
    """How many there are,"""
    total: int
    """of how many."""

    def __str__(self) -> str:
        """“97.2% [96.0%, 98.1%]”."""
        return f"{self.share:.1%} [{self.low:.1%}, {self.high:.1%}]"


def wilson(count: int, total: int, z: float = Z_95) -> Share:
    """The share count / total and its Wilson score interval: all p with |count/total − p| ≤ z √(p (1 − p) / total).

    Unlike ± z standard errors it never leaves 0 … 1 and does not shrink to nothing at count = 0 or count = total.

    Raises:
        ValueError: unless 0 ≤ count ≤ total and total ≥ 1.
    """
    if total < 1 or not 0 <= count <= total:
        raise ValueError(f"There is no share of {count} in {total}.")
    p, n = count / total, float(total)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if count == 0 else middle - half
    high = 1.0 if count == total else middle + half
    return Share(p, low, high, count, total)


def accuracy(predicted: Tensor, labels: Tensor) -> Share:
    """The share of correct predictions; both int64, shape (N,). Raises `ValueError` for unequal shapes or N = 0."""
    if predicted.shape != labels.shape or predicted.ndim != 1:
        raise ValueError(f"{tuple(predicted.shape)} predictions do not fit {tuple(labels.shape)} labels.")
    return wilson(int((predicted == labels).sum()), len(labels))


# --- Fréchet distance -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """A number measured on samples, and how far it would move from one set of samples to another."""

    value: float
    standard_error: float

    def __str__(self) -> str:
        """“0.123 ± 0.004”."""
        return f"{self.value:.3f} ± {self.standard_error:.3f}"


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """|μ_a − μ_b|² + Tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½): the squared 2-Wasserstein distance of two Gaussians with these moments.

    Heusel et al. 2017, https://arxiv.org/abs/1706.08500, eq. 6 (Dowson & Landau 1982). Theirs are features of Inception;
    ours come from a small network, so the numbers compare only with others in the same features.

    The trace of the root is the sum of the singular values of Σ_a^½ Σ_b^½, each root by eigen-decomposition: no complex
    numbers appear, and a covariance without full rank does no harm. The result is biased upwards, the more so the fewer
    the rows, so it should be compared with the distance between real and real at the same number of rows.

    Args:
        a, b: features, shapes (N, F) and (M, F), N and M at least 2.

    Returns:
        A number ≥ 0, in squared units of the features.

    Raises:
        ValueError: for other shapes, or values that are not finite.
    """
    mean_a, covariance_a = _moments(a)
    mean_b, covariance_b = _moments(b)
    if mean_a.shape != mean_b.shape:
        raise ValueError(f"Features of {len(mean_a)} and of {len(mean_b)} numbers cannot be compared.")
    overlap = torch.linalg.svdvals(_root(covariance_a) @ _root(covariance_b)).sum()
    distance = (mean_a - mean_b).square().sum() + covariance_a.trace() + covariance_b.trace() - 2 * overlap
    return max(0.0, float(distance))


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"Features need the shape (at least 2, F), not {tuple(features.shape)}.")
    values = features.detach().cpu().double()
    if not bool(torch.isfinite(values).all()):
        raise ValueError("The features hold values that are not numbers.")
    return values.mean(0), torch.cov(values.T).reshape(values.shape[1], values.shape[1])


def _root(covariance: Tensor) -> Tensor:
    """The symmetric square root of a positive semi-definite matrix."""
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    return (vectors * eigenvalues.clamp(min=0).sqrt()) @ vectors.T  # rounding can make a zero slightly negative


@dataclass(frozen=True)
class Jackknife:
    """A number measured on two sets, and what it would be with some of the rows left out.

    The difference of two of them, with the same rows left out in both, excludes what they have in common: where both share
    their noise or their real pictures, its error is smaller than either's.
    """

    value: float
    without_a: tuple[float, ...]
    """With each group of the first set left out,"""
    without_b: tuple[float, ...]
    """and of the second."""

    @property
    def standard_error(self) -> float:
        """s² = Σ_sets (G − 1)/G Σ_g (d_g − d̄)²."""
        variance = 0.0
        for without in (self.without_a, self.without_b):
            mean = sum(without) / len(without)
            variance += (len(without) - 1) / len(without) * sum((d - mean) ** 2 for d in without)
        return math.sqrt(variance)

    @property
    def estimate(self) -> Estimate:
        """The number with its error."""
        return Estimate(self.value, self.standard_error)

    def __sub__(self, other: Jackknife) -> Jackknife:
        """The difference. Raises `ValueError` where not as many groups were left out in both."""
        return Jackknife(
            self.value - other.value,
            tuple(d - e for d, e in zip(self.without_a, other.without_a, strict=True)),
            tuple(d - e for d, e in zip(self.without_b, other.without_b, strict=True)),
        )


def frechet_jackknife(
    a: Tensor,
    b: Tensor,
    groups: int = 20,
    seed: int = 0,
    *,
    of_a: Tensor | None = None,
    of_b: Tensor | None = None,
) -> Jackknife:
    """`frechet_distance` with what it is when each of some groups of rows is left out.

    Each set is split at random into groups. A bootstrap would do worse: rows drawn twice make the set seem smaller than it
    is, which raises this distance.

    Args:
        a, b: as there.
        groups: into how many each set is split.
        seed: decides the groups, with the sizes and classes alone: other rows in their place are grouped alike.
        of_a, of_b: classes, int64, shapes (N,) and (M,), where as many of each were chosen on purpose: then every group has
            its share of each. Without that their numbers would seem to be left to chance, and the error be too large.

    Raises:
        ValueError: as `frechet_distance`, and for fewer than 2 groups or than 2 rows a group.
    """
    if groups < 2 or min(len(a), len(b)) < 2 * groups:
        raise ValueError(f"{min(len(a), len(b))} rows are too few for {groups} groups.")
    generator = torch.Generator().manual_seed(seed)
    group_of_a, group_of_b = _deal(len(a), groups, generator, of_a), _deal(len(b), groups, generator, of_b)
    return Jackknife(
        frechet_distance(a, b),
        tuple(frechet_distance(a[group_of_a != g], b) for g in range(groups)),
        tuple(frechet_distance(a, b[group_of_b != g]) for g in range(groups)),
    )


def _deal(count: int, groups: int, generator: torch.Generator, classes: Tensor | None) -> Tensor:
    """A group for each row, int64, shape (count,): at random, class by class, in turn like cards."""
    order = torch.randperm(count, generator=generator)
    if classes is not None:
        order = order[classes.cpu()[order].argsort(stable=True)]
    group = torch.empty(count, dtype=torch.int64)
    group[order] = torch.arange(count) % groups
    return group


# --- precision and recall ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PrecisionRecall:
    """How far two sets of samples cover each other."""

    precision: Estimate
    """The share of samples inside the manifold of real ones: fidelity."""
    recall: Estimate
    """The share of real ones inside the manifold of samples: diversity."""


def precision_recall(samples: Tensor, real: Tensor, k: int = 3, splits: int = 20, seed: int = 0) -> PrecisionRecall:
    """Improved precision and recall; Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991, eqs. 1 and 2.

    A set covers the union of balls around its rows, each reaching to the k-th nearest other row of that set. Both numbers
    depend on how many rows there are, so they should be compared with those of real against real at the same number.

    The standard errors come from cutting both sets at random into halves: the two pairs of halves are independent, each
    with about twice the variance of the whole, so that s² = E[(p₁ − p₂)²] / 4 over many cuts. (A jackknife finds up to twice as
    much: balls are no smooth function of the rows.) Memory follows the product of the two sizes.

    Args:
        samples, real: features, shapes (N, F) and (M, F).
        k: which neighbour a ball reaches to; 3 in the paper.
        splits, seed: how many cuts, and what decides them.

    Raises:
        ValueError: for shapes that do not fit, values that are not finite, or fewer than 2 (k + 1) rows.
    """
    a, b = _rows(samples), _rows(real)
    _same_width(a, b)
    if k < 1 or splits < 1 or min(len(a), len(b)) < 2 * (k + 1):
        raise ValueError(f"{min(len(a), len(b))} rows are too few for the neighbour {k}.")
    exact = "donot_use_mm_for_euclid_dist"  # a row must lie at distance 0 from itself
    among_a, among_b, between = (torch.cdist(x, y, compute_mode=exact) for x, y in ((a, a), (b, b), (a, b)))

    def both(keep_a: Tensor, keep_b: Tensor) -> Tensor:
        pairs = between[keep_a][:, keep_b]
        # The nearest row of all is the row itself, so that the k-th other one is the (k + 1)-th.
        reach_a = among_a[keep_a][:, keep_a].kthvalue(k + 1, dim=1).values
        reach_b = among_b[keep_b][:, keep_b].kthvalue(k + 1, dim=1).values
        inside_real = (pairs <= reach_b).any(dim=1).double().mean()
        inside_samples = (pairs <= reach_a[:, None]).any(dim=0).double().mean()
        return torch.stack([inside_real, inside_samples])

    generator = torch.Generator().manual_seed(seed)
    squares = torch.zeros(2, dtype=torch.float64)
    for _ in range(splits):
        order_a, order_b = torch.randperm(len(a), generator=generator), torch.randperm(len(b), generator=generator)
        first = both(order_a[: len(a) // 2], order_b[: len(b) // 2])
        second = both(order_a[len(a) // 2 :], order_b[len(b) // 2 :])
        squares += (first - second).square()
    precision, recall = both(torch.arange(len(a)), torch.arange(len(b))).tolist()
    errors = (squares / (4 * splits)).sqrt().tolist()
    return PrecisionRecall(Estimate(precision, errors[0]), Estimate(recall, errors[1]))


# --- distances between rows -------------------------------------------------------------------------------------------


def energy_distance(a: Tensor, b: Tensor) -> float:
    """2 E|X − Y| − E|X − X'| − E|Y − Y'|; Székely & Rizzo 2013, https://doi.org/10.1016/j.jspi.2013.03.018.

    For any two distributions it is ≥ 0, and 0 only where they are the same. Here each mean goes over all pairs, equal ones
    too, so that this holds for the samples themselves. (Some libraries give its square root.)

    Args:
        a, b: points, shapes (N, D) and (M, D).

    Returns:
        A number ≥ 0, in the units of the points.
    """
    a, b = _rows(a), _rows(b)
    _same_width(a, b)
    return max(0.0, 2 * _mean_distance(a, b) - _mean_distance(a, a) - _mean_distance(b, b))


def energy_floor(data: Tensor, *, splits: int = 4, seed: int = 0) -> Estimate:
    """The energy distance of two random halves of the data from each other: that of samples of the same distribution.

    It is not 0, because so many points are not a distribution. On average over all halvings it is 2/n E|X − X'| for n points
    in each half and X, X' two different ones of the data: that is what is returned.

    Args:
        data: shape (N, D), N ≥ 2.
        splits, seed: how often it is halved to see how much one halving varies.

    Returns:
        The mean over all halvings, and the standard deviation of a single one.
    """
    return _energies(data, None, splits, seed)


def energy_from_data(samples: Tensor, data: Tensor, *, splits: int = 4, seed: int = 0) -> Estimate:
    """The energy distance of samples from data in sets as large as those of `energy_floor`, so that the two compare.

    It is that between a random half of the data and as many of the samples, on average over both choices:
    2 E|S − X| − E|X − X'| − E|S − S'| + E|X − X'| / n + E|S − S'| / m. New points of the data's distribution lie at the floor.
    Draws from the data themselves lie at 3/4 of it: as near to the distribution as the data are, and no further from them.

    Args:
        samples: shape (M, D), M ≥ 2; m = n, or M where that is less.
        data: shape (N, D), N ≥ 2; n = N / 2.
        splits, seed: as for `energy_floor`.
    """
    return _energies(data, samples, splits, seed)


def energy_error(samples: Tensor, data: Tensor, *, splits: int = 4, seed: int = 0) -> float:
    """The standard error of `energy_from_data`: how far it would move with other samples, the data being given.

    From random halves of the samples: the two of a split are independent, each has twice the variance, so the variance is a
    quarter of their mean squared difference. Where samples and data have the same distribution this is up to √2 too large.

    Args:
        samples, data: as for `energy_from_data`; at least four samples.
        splits, seed: how often the samples are halved.
    """
    if len(samples) < 4 or len(data) < 2 or splits < 1:
        raise ValueError("At least four samples, two points and one split are needed.")
    samples, data, generator = _rows(samples), _rows(data), torch.Generator().manual_seed(seed)
    half, least = len(samples) // 2, min(len(data) // 2, len(samples))
    exact = "donot_use_mm_for_euclid_dist"
    to_data = torch.cat([torch.cdist(part, data, compute_mode=exact).mean(1) for part in torch.split(samples, BLOCK)])

    def of(rows: Tensor) -> float:
        among = _mean_distance(samples[rows], samples[rows]) * half / (half - 1)
        return 2 * float(to_data[rows].mean()) - (1 - 1 / least) * among

    orders = (torch.randperm(len(samples), generator=generator) for _ in range(splits))
    squares = sum((of(order[:half]) - of(order[half : 2 * half])) ** 2 for order in orders)
    return math.sqrt(squares / (4 * splits))


def _energies(data: Tensor, samples: Tensor | None, splits: int, seed: int) -> Estimate:
    n, generator = len(data) // 2, torch.Generator().manual_seed(seed)
    if n < 1 or splits < 2 or (samples is not None and len(samples) < 2):
        raise ValueError("At least two points, two samples and two splits are needed.")
    data = _rows(data)
    samples = None if samples is None else _rows(samples)
    among = _mean_distance(data, data) * len(data) / (len(data) - 1)
    value = 2 / n * among
    if samples is not None:
        m, between = min(n, len(samples)), _mean_distance(samples, data)
        among_samples = _mean_distance(samples, samples) * len(samples) / (len(samples) - 1)
        value = 2 * between - (1 - 1 / n) * among - (1 - 1 / m) * among_samples
    found = []
    for _ in range(splits):
        order = torch.randperm(len(data), generator=generator)
        other = data[order[n : 2 * n]]
        if samples is not None:
            other = samples[torch.randperm(len(samples), generator=generator)[:n]]
        found.append(energy_distance(data[order[:n]], other))
    return Estimate(value, float(torch.tensor(found, dtype=torch.float64).std()))


def _mean_distance(a: Tensor, b: Tensor) -> float:
    exact = "donot_use_mm_for_euclid_dist"  # the quick way loses all digits between points that almost coincide
    total = sum(
        float(torch.cdist(some, others, compute_mode=exact).sum())
        for some in torch.split(a, BLOCK)
        for others in torch.split(b, BLOCK)
    )
    return total / (len(a) * len(b))


def nearest_neighbours(queries: Tensor, data: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k nearest rows of `data` for each query, nearest first, by Euclidean distance.

    Memory does not grow with the size of either set. A row of `data` equal to the query has distance 0 exactly.

    Args:
        queries, data: shapes (Q, ...) and (N, ...), for example pictures (Q, C, H, W).
        k: 1 … N.

    Returns:
        Distances, float64, and row numbers, int64, both of shape (Q, k).

    Raises:
        ValueError: for shapes or a k that do not fit, or values that are not finite.
    """
    if not 1 <= k <= len(data):
        raise ValueError(f"There are {len(data)} rows to choose from; {k} nearest ones cannot be found.")
    queries, data = queries.detach().flatten(1), data.detach().flatten(1)
    _same_width(queries, data)
    found = [_nearest(_rows(block), data, k) for block in torch.split(queries, BLOCK)]
    if not found:
        return torch.zeros(0, k, dtype=torch.float64), torch.zeros(0, k, dtype=torch.int64)
    return torch.cat([d for d, _ in found]), torch.cat([i for _, i in found])


def _nearest(queries: Tensor, data: Tensor, k: int) -> tuple[Tensor, Tensor]:
    best = torch.full((len(queries), k), math.inf, dtype=torch.float64)
    index = torch.zeros(len(queries), k, dtype=torch.int64)
    for first in range(0, len(data), BLOCK):
        rows = _rows(data[first : first + BLOCK])
        squared = queries.square().sum(1, keepdim=True) + rows.square().sum(1) - 2 * queries @ rows.T
        places = torch.arange(first, first + len(rows)).expand(len(queries), -1)
        best, chosen = torch.cat([best, squared], dim=1).topk(k, largest=False)
        index = torch.cat([index, places], dim=1).gather(1, chosen)
    # The quick formula subtracts large numbers: it is good enough to choose by, and what it chose is measured again.
    chosen_rows = [_rows(data[index[:, j]]) for j in range(k)]
    distances = torch.stack([(queries - rows).square().sum(1).sqrt() for rows in chosen_rows], dim=1)
    order = distances.argsort(dim=1, stable=True)
    return distances.gather(1, order), index.gather(1, order)


def _rows(values: Tensor) -> Tensor:
    rows = values.detach().cpu().double()
    if rows.ndim != 2 or not bool(torch.isfinite(rows).all()):
        raise ValueError("Rows of finite numbers are needed.")
    return rows


def _same_width(a: Tensor, b: Tensor) -> None:
    if a.shape[1:] != b.shape[1:] or not len(b):
        raise ValueError(f"Shapes {tuple(a.shape)} and {tuple(b.shape)} cannot be compared.")


# --- diversity ----------------------------------------------------------------------------------------------------------


def diversity(features: Tensor) -> Estimate:
    """Mean distance between two pictures of the same class, averaged over the classes; with a jackknife's standard error.

    It does not depend on how many pictures there are, except for its error, and is 0 only if all of a class are alike. The
    jackknife leaves out a seed (in all classes at once, since they share its noise) at a time; Arvesen 1969,
    https://doi.org/10.1214/aoms/1177697287, for means over pairs.

    Args:
        features: shape (seeds, classes, width), floating.

    Raises:
        ValueError: for fewer than three seeds, or another shape.
    """
    if features.ndim != 3 or len(features) < 3:
        raise ValueError(
            f"Diversity needs three pictures of each class at least, not features of {tuple(features.shape)}."
        )
    x = features.double().transpose(0, 1)
    seeds = len(features)
    distances = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").mean(0)  # (seeds, seeds)
    total, of_seed = distances.sum() / 2, distances.sum(1)
    without = (total - of_seed) / ((seeds - 1) * (seeds - 2) / 2)
    variance = (seeds - 1) / seeds * (without - without.mean()).square().sum()
    return Estimate(float(total / (seeds * (seeds - 1) / 2)), float(variance.sqrt()))
