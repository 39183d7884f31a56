"""The training loop of DDPM (Ho et al. 2020, algorithm 1), as an iterator of reports.

The same loop trains a classifier of noisy pictures and a VAE: only what is minimised differs (`engine.training.objective`).
Whoever drives it decides what becomes of the reports, and stops by no longer asking for the next one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from engine.data.augment import augment
from engine.data.image_set import ImageSet
from engine.denoiser import NO_LABEL, NetDenoiser
from engine.process import diffuse
from engine.sampling import SeededNoise
from engine.training.batch import Drawn, chosen_at, draw
from engine.training.config import TrainConfig
from engine.training.distributed import DistributedContext, DistributedError, SingleProcess
from engine.training.importance import LossHistory
from engine.training.learner import Learner, fresh, net_of, objective_of, with_weights
from engine.training.objective import Losses, Noised
from engine.training.prefetch import Prefetcher
from engine.training.timestep_bins import TIMESTEP_BINS, bin_of

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""What the network computes in, by name. Its weights, their averages and AdamW's moments are always float32."""


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
    with itself only. Of a classifier the cross-entropy in nats. Of a VAE its bound in bits per dimension."""
    loss_by_level: tuple[float, ...]
    """The same for each of `TIMESTEP_BINS` parts of 0 … T, cleanest first; NaN where none fell."""
    learning_rate: float
    gradient_norm: float
    """Before clipping, of the last step."""
    images_per_second: float
    bound: float | None = None
    """The variational bound on the noised training pictures, in bits per dimension and without its constant L_T; None where
    the variance is not learned."""
    waiting: float = 0.0
    """Share of the time that the network waited for pictures, 0 … 1."""
    micro_batch: int = 0
    """How many pictures went through the network at a time, in each process; 0 where that was not noted."""


@dataclass(eq=False)
class TrainState:
    """All that the loop changes, so all that resuming needs."""

    learner: Learner
    """Its weights are the ones being trained."""
    average: dict[str, Tensor]
    """The averaged weights, by name: what samples are drawn with."""
    optimizer: torch.optim.AdamW
    scaler: torch.amp.GradScaler
    """Keeps the small gradients of fp16 above 0; of the other precisions it does nothing."""
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
            raise TypeError("This run trains no denoiser.")
        return self.learner

    def go_back(self) -> None:
        """Make the averaged weights those of `good`."""
        for name, weight in self.good.items():
            self.average[name].copy_(weight)

    def averaged(self) -> Learner:
        """A denoiser (or classifier, or VAE) of its own with the averaged weights, ready to sample from."""
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
        torch.optim.AdamW(
            net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=_can_fuse(device)
        ),
        torch.amp.GradScaler(torch.device(device).type, enabled=config.precision == "fp16"),
        LossHistory(config.T) if config.importance else None,
    )


def train(
    config: TrainConfig, data: ImageSet, state: TrainState, context: DistributedContext | None = None
) -> Iterator[Report]:
    """Train `state` until it has taken `config.steps` steps.

    However this ends, also by an exception in the middle of a step, `state` is what it was after its last whole step.

    Args:
        config: the run.
        data: what to learn, its training part only, at the size that the network was made for.
        state: from `begin`, or from an earlier call that was dropped on the way.
        machine: where to train; by default in this process alone, on the device of the weights.

    Yields:
        A report every `config.report_every` steps and at the end. Between two of them nothing runs.

    Raises:
        MachineError: where the processes cannot share a batch evenly.
        PeerLostError: when another process of the run is gone.
        TrainingDivergedError: when the loss or the gradient is not finite; `state.average` is then the last good one.
    """
    context = context or SingleProcess(next(state.net.parameters()).device)
    mine, device, schedule = share_of(config.batch, context), context.device, config.noise_schedule()
    net = context.prepare(torch.compile(state.net) if config.compile else state.net)  # type: ignore[arg-type]
    objective = objective_of(config, state.learner, net)
    parameters: list[Tensor] = list(state.net.parameters())
    average = [state.average[name] for name, _ in state.net.named_parameters()]
    prefetcher, tally = Prefetcher(data.images, device), _Tally(schedule.T)
    labels = torch.tensor(data.labels, device=device) if data.class_names else None
    micro_batch = config.micro_batch or config.batch
    net.train()

    def losses_of(drawn: Drawn, clean: Tensor) -> Losses:
        """Noise the pictures, and let the network say what it makes of them."""
        x0 = augment(clean, config.flips, config.rotation, drawn.turned)
        noise, level = SeededNoise(drawn.seeds.tolist(), x0.shape[1:], device)(), schedule.level(drawn.t)
        label = None if labels is None else labels[drawn.chosen].masked_fill(drawn.hidden.to(device), NO_LABEL)
        with torch.autocast(device.type, PRECISIONS[config.precision], enabled=config.precision != "fp32"):
            return objective(Noised(x0, label, noise, drawn.t, level, diffuse(x0, level, noise)))

    try:
        while state.step < config.steps:
            # A batch: pictures, a level for each, and the seed of the noise that takes it there.
            drawn = draw(config, len(prefetcher), state.step, state.history)
            own = drawn.part(mine)
            pictures = prefetcher.take(own.chosen, then=chosen_at(config, len(prefetcher), state.step + 1)[mine])

            # What the network makes of it and how far that is from what it should be, a part of the batch at a time.
            state.optimizer.zero_grad(set_to_none=True)
            try:
                found = []
                parts = [slice(k, k + micro_batch) for k in range(0, len(pictures), micro_batch)]
                for part in parts:
                    with nullcontext() if part is parts[-1] else context.no_sync(net), context.detect_lost_peers():
                        losses = losses_of(own.part(part), pictures[part])
                        loss = (losses.total * own.share[part].to(losses.total)).sum() / len(pictures)
                        state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
                    found.append(losses.each(Tensor.detach))
            except RuntimeError as error:
                if not out_of_memory(error) or context.count > 1 or micro_batch <= 1:
                    raise
                micro_batch = -(-min(micro_batch, len(pictures)) // 2)  # the same batch again, in smaller parts
                continue
            losses = Losses.joined(found)

            # One step of AdamW.
            rate = config.learning_rate * _rate_factor(state.step, config)
            for group in state.optimizer.param_groups:
                group["lr"] = rate
            state.scaler.unscale_(state.optimizer)
            norm = float(clip_grad_norm_(parameters, config.clip_norm))
            if not math.isfinite(norm + float(context.sum(losses.total.sum()))):
                if state.scaler.get_scale() <= 1:
                    state.go_back()
                    raise TrainingDivergedError(
                        f"The loss stopped being a number at step {state.step + 1}. The last good weights are kept. "
                        f"Try a learning rate below {config.learning_rate:g}, a longer warm-up or a smaller gradient clipping."
                    )
                state.scaler.update()  # fp16 has overflowed, not the training: the same step again, scaled by less
                continue
            everywhere = losses.each(context.gather)
            # Kept before the step, not after: that these weights are good is known only from the loss that they just gave.
            if not state.good or (state.step + 1) % config.report_every == 0:
                state.good = {name: weight.clone() for name, weight in state.average.items()}
            state.scaler.step(state.optimizer)
            state.scaler.update()
            state.step += 1

            # Averaged weights; the warm-up keeps the random first ones from lingering in a short run.
            decay = min(config.ema_decay, (1 + state.step) / (10 + state.step))
            with torch.no_grad():
                torch._foreach_lerp_(average, parameters, 1 - decay)

            tally.add(drawn.t, drawn.share, everywhere)
            if state.history is not None:
                state.history.add(drawn.t, everywhere.total)
            if state.step % config.report_every == 0 or state.step == config.steps:
                yield tally.report(
                    state.step, config.steps, rate, norm, prefetcher.waited, min(micro_batch, len(pictures))
                )
                tally = _Tally(schedule.T, prefetcher.waited)
    finally:
        prefetcher.close()


def share_of(batch: int, context: DistributedContext) -> slice:
    """Which part of each batch this process takes."""
    if batch % context.count:
        fewer, more = batch - batch % context.count, batch + context.count - batch % context.count
        raise DistributedError(
            f"{context.count} processes cannot share a batch of {batch} pictures evenly: "
            f"take {f'{fewer} or ' if fewer else ''}{more}."
        )
    each = batch // context.count
    return slice(context.rank * each, (context.rank + 1) * each)


def _can_fuse(device: torch.device | str) -> bool:
    """Whether AdamW can take its step in one go, which on a CPU takes a third of the time of one number after the other."""
    return torch.device(device).type in ("cpu", "cuda")


def out_of_memory(error: RuntimeError) -> bool:
    """A GPU has an exception for it; on a CPU the allocator and oneDNN, which keeps work space of its own, have only words."""
    words = ("can't allocate memory", "could not create a primitive")
    return isinstance(error, torch.OutOfMemoryError) or any(each in str(error) for each in words)


def _rate_factor(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then half a cosine down to a tenth."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    progress = (step - config.warmup) / max(1, config.steps - config.warmup)
    return 0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2


class _Tally:
    """Adds up what a report says, each picture with its share, so that it means the same however t was drawn."""

    def __init__(self, T: int, waited: float = 0.0) -> None:
        self.T = T
        self.sums = torch.zeros(TIMESTEP_BINS, dtype=torch.float64)
        self.shares = torch.zeros(TIMESTEP_BINS, dtype=torch.float64)
        self.bound: float | None = None
        self.pictures = 0
        self.waited = waited
        self.began = time.perf_counter()

    def add(self, t: Tensor, share: Tensor, losses: Losses) -> None:
        part = bin_of(t, self.T)
        self.sums.index_add_(0, part, losses.shown.double().cpu() * share)
        self.shares.index_add_(0, part, share)
        self.pictures += len(t)
        if losses.bound is not None:
            self.bound = (self.bound or 0.0) + float((losses.bound.double().cpu() * share).sum())

    def report(self, step: int, steps: int, rate: float, norm: float, waited: float, micro_batch: int) -> Report:
        seen, seconds = float(self.shares.sum()), time.perf_counter() - self.began
        return Report(
            step=step,
            steps=steps,
            loss=float(self.sums.sum()) / seen,
            loss_by_level=tuple((self.sums / self.shares).tolist()),
            learning_rate=rate,
            gradient_norm=norm,
            images_per_second=self.pictures / seconds,
            bound=None if self.bound is None else self.bound / seen,
            waiting=min(1.0, (waited - self.waited) / seconds),
            micro_batch=micro_batch,
        )
