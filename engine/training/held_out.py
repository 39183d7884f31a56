"""The loss on pictures that are never trained on, always the same ones with the same noise."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.process import diffuse
from engine.training.config import TrainConfig
from engine.training.objective import Noised
from engine.training.tasks import task_of
from engine.training.tasks.task import Trained, device_of

MOST = 200
"""At most this many held-out pictures are used."""
BATCH = 50


class HeldOutLoss:
    """The training loss on held-out pictures, in the same unit.

    Picture i of n gets a t from the i-th of n equal parts of 1 … T, so that all noise levels occur. t and the noise are the
    same in every measurement. No label is dropped.

    Args:
        config: of the run.
        held_out: the held-out part of the set, at the run's size; not empty.
    """

    def __init__(self, config: TrainConfig, held_out: ImageSet) -> None:
        generator = torch.Generator().manual_seed(0)
        count = min(MOST, len(held_out))
        chosen = torch.randperm(len(held_out), generator=generator)[:count].sort().values.numpy()
        self._config, self._schedule = config, config.noise_schedule()
        self._x0 = to_unit(held_out.images[chosen])
        self._labels = torch.tensor(held_out.labels[chosen]) if held_out.class_names else None
        self._noise = torch.randn(self._x0.shape, generator=generator)
        within = torch.rand(count, generator=generator, dtype=torch.float64)
        # Which picture gets which part is shuffled: sets are often sorted by class.
        parts = torch.randperm(count, generator=generator)
        self.t = (((parts + within) / count * config.T).floor().long() + 1).clamp(max=config.T)
        """int64 in 1 … T, one for each picture."""

    @property
    def pictures(self) -> int:
        """How many are used."""
        return len(self._x0)

    @torch.no_grad()
    def __call__(self, model: Trained) -> float:
        """The mean loss over the pictures, computed on the device of the network."""
        device = device_of(model)
        objective = task_of(self._config).objective(self._config, model)
        total = 0.0
        for rows in torch.split(torch.arange(self.pictures), BATCH):
            x0, noise = self._x0[rows].to(device), self._noise[rows].to(device)
            label: Tensor | None = None if self._labels is None else self._labels[rows].to(device)
            t = self.t[rows]
            level = self._schedule.level(t)
            losses = objective(Noised(x0, label, noise, t, level, diffuse(x0, level, noise)))
            total += float(losses.reported.double().sum())
        return total / self.pictures
