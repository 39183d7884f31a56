"""Training on points in the plane: Ho et al. 2020, arXiv:2006.11239, algorithm 1, in seconds.

`engine.training.loop` adds pictures on disk, several processes, half precision and resuming. The objective, the schedule of the
learning rate and the EMA are the same.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.data.points import PointSet
from engine.denoiser import NO_LABEL, Denoiser, NetDenoiser
from engine.ideal import ExactDenoiser
from engine.models.point_mlp import PointMLP, PointMLPConfig
from engine.process import TARGETS, diffuse
from engine.schedule import SCHEDULES, NoiseSchedule
from engine.training.objective import DenoisingLoss, Noised, weights
from engine.training.rate import cosine_decay, set_learning_rate, update_ema, warm_up

WARM_UP = 50
"""Steps over which the learning rate rises, in each round."""
FINAL_RATE = 0.05
"""Final learning rate of a round, as a fraction of `learning_rate`."""


@dataclass(frozen=True)
class PointTraining:
    """One round of training. The defaults reached the smallest energy distance soonest on all of `POINT_SETS`."""

    schedule: str = "cosine"
    T: int = 200
    target: str = "velocity"
    steps: int = 1000
    """In this round; `train` called again with the same state is another round."""
    batch: int = 512
    learning_rate: float = 6e-3
    """After the warm-up; half a cosine takes it down to `FINAL_RATE` of it by the end of the round."""
    ema_decay: float = 0.99
    label_dropout: float = 0.3
    """Share of the points whose label is dropped, so that the network is also unconditional. More than for pictures, since a
    round is short."""
    width: int = 96
    depth: int = 3
    report_every: int = 25
    seed: int = 0

    def noise_schedule(self) -> NoiseSchedule:
        """The noise schedule."""
        return SCHEDULES[self.schedule](self.T)


@dataclass(frozen=True)
class PointReport:
    """The training since the last report."""

    step: int
    """Steps taken in all rounds."""
    left: int
    """Steps left in this round."""
    loss: float
    """Mean squared error of the output per coordinate."""
    seconds: float
    """That these steps took."""


@dataclass(eq=False)
class PointState:
    """All that a training step changes."""

    model: NetDenoiser
    averaged: NetDenoiser
    """With the averaged weights (EMA): the one to sample from."""
    optimizer: torch.optim.AdamW
    generator: torch.Generator
    step: int = 0

    def frozen(self) -> NetDenoiser:
        """A copy of the averaged denoiser, which further training does not change."""
        return replace(self.averaged, net=copy.deepcopy(self.averaged.net).eval())


def begin(config: PointTraining, data: PointSet) -> PointState:
    """A fresh network, from the config's seed alone."""
    classes = len(data.class_names)
    with torch.random.fork_rng(devices=[]):  # layers initialise from the global random state, which is restored
        torch.manual_seed(config.seed)
        net = PointMLP(PointMLPConfig(config.T, config.width, config.depth, classes=classes))
    model = NetDenoiser(net, config.noise_schedule(), TARGETS[config.target], classes)
    return PointState(
        model,
        replace(model, net=copy.deepcopy(net).requires_grad_(False)),
        torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=0.0, fused=True),
        torch.Generator().manual_seed(config.seed),
    )


def train(config: PointTraining, data: PointSet, state: PointState) -> Iterator[PointReport]:
    """Train `state` for one round of `config.steps` steps.

    Yields:
        A report every `config.report_every` steps and at the end. Dropping the iterator stops the training.
    """
    net, schedule, points = state.model.net, state.model.schedule, _tensors(data)
    objective = DenoisingLoss(state.model, weights("plain", schedule, state.model.target), vlb_weight=0.0)
    weight: list[Tensor] = [p.detach() for p in net.parameters()]
    average: list[Tensor] = list(state.averaged.net.parameters())
    total, count, began = 0.0, 0, time.perf_counter()
    for done in range(config.steps):
        batch = noised(points, schedule, config.batch, state.generator, config.label_dropout)
        loss = objective(batch).total.mean()
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        factor = warm_up(done, WARM_UP) * cosine_decay(done / config.steps, FINAL_RATE)
        set_learning_rate(state.optimizer, config.learning_rate * factor)
        state.optimizer.step()
        state.step += 1
        update_ema(average, weight, state.step, config.ema_decay)

        total, count = total + loss.item(), count + 1
        if (done + 1) % config.report_every == 0 or done + 1 == config.steps:
            yield PointReport(state.step, config.steps - done - 1, total / count, time.perf_counter() - began)
            total, count, began = 0.0, 0, time.perf_counter()


def noised(
    points: tuple[Tensor, Tensor | None],
    schedule: NoiseSchedule,
    count: int,
    generator: torch.Generator,
    dropout: float,
) -> Noised:
    """A batch: points drawn from the data, and for each a t, a noise, and x_t.

    Args:
        points: x, shape (N, 2), and labels, shape (N,), or None.
        schedule: of the noise.
        count: points in the batch.
        generator: of all draws.
        dropout: share of the labels that are dropped.
    """
    x, labels = points
    chosen = torch.randint(len(x), (count,), generator=generator)
    t = torch.randint(1, schedule.T + 1, (count,), generator=generator)
    x0, noise, level = x[chosen], torch.randn((count, 2), generator=generator), schedule.level(t)
    hidden = torch.rand(count, generator=generator) < dropout
    label = None if labels is None else labels[chosen].masked_fill(hidden, NO_LABEL)
    return Noised(x0, label, noise, t, level, diffuse(x0, level, noise))


@dataclass(frozen=True)
class PointFloor:
    """The Bayes-optimal loss, the expected loss of the exact denoiser: the mean of so many samples, with its standard error."""

    value: float
    standard_error: float
    samples: int

    def spread(self, samples: int) -> float:
        """The standard deviation of the exact denoiser's loss over so many random samples about this value."""
        return self.standard_error * math.sqrt(1 + self.samples / samples)


@torch.no_grad()
def bayes_optimal_loss(config: PointTraining, data: PointSet, *, samples: int = 8192, part: int = 512) -> PointFloor:
    """The training loss of the exact denoiser of these points, by Monte Carlo."""
    schedule, target, points = config.noise_schedule(), TARGETS[config.target], _tensors(data)
    exact: Denoiser = ExactDenoiser(*points)
    generator, losses = torch.Generator().manual_seed(config.seed + 1), []
    for _ in range(samples // part):
        batch = noised(points, schedule, part, generator, config.label_dropout)
        prediction = exact(batch.x_t, batch.level, batch.label)
        error = target.of(prediction.x0 - batch.x0, prediction.noise - batch.noise, batch.level)
        losses.append(error.square().mean(1))
    each = torch.cat(losses).double()
    return PointFloor(float(each.mean()), float(each.std()) / math.sqrt(len(each)), len(each))


def _tensors(data: PointSet) -> tuple[Tensor, Tensor | None]:
    return torch.from_numpy(data.x), torch.from_numpy(data.labels) if data.class_names else None
