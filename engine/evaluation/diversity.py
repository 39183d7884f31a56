"""How much pictures of one class differ from each other."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.evaluation.metrics import Estimate


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
