"""What the tests of training share: a tiny set of pictures and a short run."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.training.config import TrainConfig
from engine.training.state import TrainState


def _sides(count: int = 64) -> ImageSet:
    """8 × 8 pictures of two classes: bright on the left, or on the right, with a little grain."""
    generator = np.random.default_rng(0)
    labels = np.arange(count, dtype=np.int64) % 2
    images = generator.integers(0, 40, (count, 8, 8, 1)).astype(np.uint8)
    images[labels == 0, :, :4] += 200
    images[labels == 1, :, 4:] += 200
    return ImageSet("sides", "Sides", images, labels, ("left", "right"), np.zeros(count, bool), "made here", "none", "")


DATA = _sides()


def config_of(**changed: object) -> TrainConfig:
    """A short run of the tiny network, with this changed."""
    values = {
        "preset": "tiny",
        "target": "noise",
        "T": 50,
        "steps": 12,
        "batch": 4,
        "warmup": 3,
        "report_every": 4,
        "ema_decay": 0.9,
    }
    return TrainConfig.model_validate({**values, **changed})


def weights_of(state: TrainState) -> dict[str, Tensor]:
    """A copy of the weights being trained."""
    return {name: weight.detach().clone() for name, weight in state.denoiser.net.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
