"""The training loop of DDPM (Ho et al. 2020, algorithm 1), as an iterator of reports.

The same loop trains a classifier of noisy pictures: only what is minimised differs (`engine.training.objective`).
Whoever drives it decides what becomes of the reports, and stops by no longer asking for the next one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from engine.data.catalogue import ImageSet
from engine.data.pixels import to_unit
from engine.denoiser import NO_LABEL, NetDenoiser
from engine.process import diffuse
from engine.training.config import TrainConfig
from engine.training.importance import LossHistory, even
from engine.training.learner import Learner, fresh, net_of, objective_of, with_weights
from engine.training.objective import Losses, Noised
from engine.training.parts import LEVEL_BINS, part_of


class TrainingDivergedError(RuntimeError):
    """The loss is no longer a finite number. The state holds the last weights that were still good."""


@dataclass(frozen=True, eq=False)
class Report:
    """What happened since the last report. Plain numbers, safe to hand to another thread."""

    step: int
    """Steps taken so far."""
    steps: int
    loss: float
    """Over the steps since the last report. Of a denoiser the squared error of the output per number of the picture, weighted
    as the config says with weights of mean 1 over t: plain it is the mean squared error, and each weighting is to be compared
    with itself only. Of a classifier the cross-entropy in nats."""
    loss_by_level: tuple[float, ...]
    """The same for each of `LEVEL_BINS` parts of 0 … T, cleanest first; NaN where none fell."""
    learning_rate: float
    gradient_norm: float
    """Before clipping, of the last step."""
    images_per_second: float
    bound: float | None = None
    """The variational bound on the noised training pictures, in bits per dimension and without its constant L_T; None where
    the variance is not learned."""


@dataclass(eq=False)
class TrainState:
    """All that the loop changes, so all that resuming needs."""

    learner: Learner
    """Its weights are the ones being trained."""
    average: dict[str, Tensor]
    """The averaged weights, by name: what samples are drawn with."""
    optimizer: torch.optim.AdamW
    generator: torch.Generator
    """Draws the batches, the levels and the noise."""
    history: LossHistory | None = None
    """What importance sampling draws by; None where t is drawn evenly."""
    step: int = 0
    good: dict[str, Tensor] = field(default_factory=dict)
    """Averaged weights from just before the last report, all of which gave a finite loss."""

    @property
    def net(self) -> nn.Module:
        """The network in `learner`."""
        return net_of(self.learner)

    @property
    def denoiser(self) -> NetDenoiser:
        """What learns, where that is a denoiser. Raises TypeError where it is not."""
        if not isinstance(self.learner, NetDenoiser):
            raise TypeError("This run trains a classifier.")
        return self.learner

    def averaged(self) -> Learner:
        """A denoiser (or classifier) of its own with the averaged weights, ready to sample from."""
        return with_weights(self.learner, self.average)


def begin(config: TrainConfig, data: ImageSet, device: torch.device | str = "cpu") -> TrainState:
    """A fresh network and its optimizer, from the config's seed alone.

    Raises:
        ValueError: where network and pictures do not fit together.
    """
    learner = fresh(config, data, device)
    net = net_of(learner)
    return TrainState(
        learner,
        {name: weight.detach().clone() for name, weight in net.state_dict().items()},
        torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay),
        torch.Generator().manual_seed(config.seed),
        LossHistory(config.T) if config.importance else None,
    )


def train(
    config: TrainConfig, data: ImageSet, state: TrainState, device: torch.device | str = "cpu"
) -> Iterator[Report]:
    """Train `state` until it has taken `config.steps` steps.

    Args:
        config: the run.
        data: what to learn, its training part only.
        state: from `begin`, or from an earlier call that was dropped on the way.
        device: where the network is.

    Yields:
        A report every `config.report_every` steps and at the end. Between two of them nothing runs.

    Raises:
        TrainingDivergedError: when the loss or the gradient is not finite; `state.average` is then the last good one.
    """
    net, schedule, objective = state.net, config.noise_schedule(), objective_of(config, state.learner)
    images = to_unit(data.images).to(device)
    labels = torch.tensor(data.labels, device=device)
    parameters: list[Tensor] = list(net.parameters())
    average = [state.average[name] for name, _ in net.named_parameters()]
    tally = _Tally(schedule.T)
    net.train()

    while state.step < config.steps:
        # One batch, a level for each picture, and the noise that takes it there.
        chosen = torch.randint(len(images), (config.batch,), generator=state.generator)
        t, share = (
            even(schedule.T, config.batch, state.generator)
            if state.history is None
            else state.history.draw(config.batch, state.generator)
        )
        noise = torch.randn((config.batch, *images.shape[1:]), generator=state.generator).to(device)
        hidden = torch.rand(config.batch, generator=state.generator) < config.hidden_share
        x0, level = images[chosen], schedule.level(t)
        label = labels[chosen].masked_fill(hidden.to(device), NO_LABEL) if data.class_names else None

        # What the network makes of it, and how far that is from what it should be.
        losses = objective(Noised(x0, label, noise, t, level, diffuse(x0, level, noise)))
        loss = (losses.total * share.to(losses.total)).mean()

        # One step of AdamW.
        rate = config.learning_rate * _rate_factor(state.step, config)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(clip_grad_norm_(parameters, config.clip_norm))
        if not math.isfinite(norm) or not math.isfinite(loss.item()):
            for name, weight in state.good.items():
                state.average[name].copy_(weight)
            raise TrainingDivergedError(
                f"The loss stopped being a number at step {state.step + 1}. The last good weights are kept. "
                f"Try a learning rate below {config.learning_rate:g}, a longer warm-up or a smaller gradient clipping."
            )
        # Kept before the step, not after: that these weights are good is known only from the loss that they just gave.
        if not state.good or (state.step + 1) % config.report_every == 0:
            state.good = {name: weight.clone() for name, weight in state.average.items()}
        state.optimizer.step()
        state.step += 1

        # Averaged weights; the warm-up keeps the random first ones from lingering in a short run.
        decay = min(config.averaging, (1 + state.step) / (10 + state.step))
        with torch.no_grad():
            torch._foreach_lerp_(average, parameters, 1 - decay)

        tally.add(t, share, losses)
        if state.history is not None:
            state.history.add(t, losses.total.detach())
        if state.step % config.report_every == 0 or state.step == config.steps:
            yield tally.report(state.step, config.steps, rate, norm)
            tally = _Tally(schedule.T)


def _rate_factor(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then half a cosine down to a tenth."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2


class _Tally:
    """Adds up what a report says, each picture with its share, so that it means the same however t was drawn."""

    def __init__(self, T: int) -> None:
        self.T = T
        self.sums = torch.zeros(LEVEL_BINS, dtype=torch.float64)
        self.shares = torch.zeros(LEVEL_BINS, dtype=torch.float64)
        self.bound: float | None = None
        self.pictures = 0
        self.began = time.perf_counter()

    def add(self, t: Tensor, share: Tensor, losses: Losses) -> None:
        part = part_of(t, self.T)
        self.sums.index_add_(0, part, losses.shown.detach().double().cpu() * share)
        self.shares.index_add_(0, part, share)
        self.pictures += len(t)
        if losses.bound is not None:
            self.bound = (self.bound or 0.0) + float((losses.bound.detach().double().cpu() * share).sum())

    def report(self, step: int, steps: int, rate: float, norm: float) -> Report:
        seen = float(self.shares.sum())
        return Report(
            step=step,
            steps=steps,
            loss=float(self.sums.sum()) / seen,
            loss_by_level=tuple((self.sums / self.shares).tolist()),
            learning_rate=rate,
            gradient_norm=norm,
            images_per_second=self.pictures / (time.perf_counter() - self.began),
            bound=None if self.bound is None else self.bound / seen,
        )
