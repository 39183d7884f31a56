"""Whether a run has memorised training pictures: a quick estimate from its last samples; `engine.evaluation` measures it."""

from __future__ import annotations

import torch

from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.data.prepared import MOST_NUMBERS
from engine.doctor.finding import Copies
from engine.evaluation.memorization import measure_memorization
from engine.training.tasks.task import Pictures

MOST_TRAINING = 20_000
"""Training pictures, above which the estimate takes too long."""
MOST_HELD_OUT = 300
LEAST_HELD_OUT = 20
"""With fewer, the usual distance between real pictures is not known well enough."""


def copies(step: int, samples: Pictures, training: ImageSet, held_out: ImageSet, *, seed: int = 0) -> Copies | None:
    """Compare how near the samples come to training pictures with how near held-out pictures come to them.

    Classes are taken together: ten samples are too few for each, and half the usual distance is less than the distance
    between two classes.

    Args:
        step: of the training, when the samples were drawn.
        samples: uint8, shape (B, H, W, C).
        training, held_out: real pictures in the same shape.
        seed: of the choice among many held-out pictures.

    Returns:
        None where there is nothing to compare with: no samples, other shapes, too few held-out pictures, or so many
        training pictures that it would take long.
    """
    if not len(samples) or not samples.shape[1:] == training.images.shape[1:] == held_out.images.shape[1:]:
        return None
    if not 0 < len(training) <= MOST_TRAINING or training.images.size > MOST_NUMBERS or len(held_out) < LEAST_HELD_OUT:
        return None
    chosen = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(seed))[:MOST_HELD_OUT]
    near = measure_memorization(
        to_unit(samples), to_unit(training.images), to_unit(held_out.images[chosen.numpy()])
    ).near_copies
    return Copies(step, len(samples), near.measured.count, near.measured.low, near.chance)
