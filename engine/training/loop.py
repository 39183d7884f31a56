"""The training loop of DDPM (Ho et al. 2020, arXiv:2006.11239, algorithm 1), as an iterator of reports.

The same loop trains a classifier of noisy pictures and a VAE: only the objective differs (`engine.training.tasks`). The caller
stops it by dropping the iterator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from engine.data.augment import augment
from engine.data.image_set import ImageSet
from engine.denoiser import NO_LABEL
from engine.language import Message
from engine.process import diffuse
from engine.sampling import SeededNoise
from engine.training.batch import BatchDraws, chosen_at, draw
from engine.training.config import TrainConfig
from engine.training.distributed import DistributedContext, DistributedError, SingleProcess
from engine.training.objective import Losses, Noised
from engine.training.prefetch import Prefetcher
from engine.training.rate import cosine_decay, set_learning_rate, update_ema, warm_up
from engine.training.report import Report, Tally
from engine.training.state import TrainState, begin
from engine.training.tasks import task_of
from engine.training.tasks.task import with_net

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""What the network computes in, by name. Its weights, their averages and AdamW's moments are always float32."""
FINAL_RATE = 0.1
"""Final learning rate, as a fraction of `learning_rate`."""


class TrainingDivergedError(RuntimeError):
    """The loss is no longer a finite number. The state holds the last EMA weights that gave a finite loss."""


def train(
    config: TrainConfig, data: ImageSet, state: TrainState, context: DistributedContext | None = None
) -> Iterator[Report]:
    """Train `state` until it has taken `config.steps` steps.

    However this ends, also by an exception in the middle of a step, `state` is what it was after its last whole step.

    Args:
        config: the run.
        data: its training pictures, at the size that the network was made for.
        state: from `begin`, or from an earlier call that was dropped on the way.
        context: where to train; by default in this process alone, on the device of the weights.

    Yields:
        A report every `config.report_every` steps and at the end. Nothing is computed between two reports.

    Raises:
        DistributedError: where a batch cannot be split evenly over the processes.
        PeerLostError: when another process of the run has ended.
        TrainingDivergedError: when the loss or the gradient is not finite; `state.average` then holds the last weights that
        gave a finite loss.
    """
    steps = _Steps(config, data, state, context or SingleProcess(next(state.net.parameters()).device))
    tally = Tally(config.T)
    try:
        while state.step < config.steps:
            batch = draw(config, len(data), state.step, state.history)
            losses = steps.gradients(batch)
            if losses is None:
                continue  # the same batch again, in smaller parts
            update = steps.update(losses)
            if update is None:
                continue  # fp16 overflow, no divergence: the same step again with a smaller gradient scale
            tally.add(batch.t, batch.share, update.losses)
            if state.history is not None:
                state.history.add(batch.t, update.losses.total)
            if state.step % config.report_every == 0 or state.step == config.steps:
                yield tally.report(
                    state.step,
                    config.steps,
                    rate=update.rate,
                    gradient_norm=update.gradient_norm,
                    waited=steps.prefetcher.waited,
                    micro_batch=steps.micro_batch,
                )
                tally = Tally(config.T, steps.prefetcher.waited)
    finally:
        steps.prefetcher.close()


class _Update(NamedTuple):
    """A step of AdamW that was taken."""

    rate: float
    """The learning rate."""
    gradient_norm: float
    """Before clipping."""
    losses: Losses
    """Of the whole batch, from all processes."""


class _Steps:
    """The two parts of a training step, gradients and update, with the objects that all steps share."""

    def __init__(self, config: TrainConfig, data: ImageSet, state: TrainState, context: DistributedContext) -> None:
        self._config, self._state, self._context = config, state, context
        self._own = process_slice(config.batch, context)
        self._schedule = config.noise_schedule()
        self._net = context.prepare(torch.compile(state.net) if config.compile else state.net)  # type: ignore[arg-type]
        self._objective = task_of(config).objective(config, with_net(state.model, self._net))
        self._parameters: list[Tensor] = list(state.net.parameters())
        self._average = [state.average[name] for name, _ in state.net.named_parameters()]
        self._labels = torch.tensor(data.labels, device=context.device) if data.class_names else None
        self.prefetcher = Prefetcher(data.images, context.device)
        own_batch = self._own.stop - self._own.start
        self.micro_batch = min(config.micro_batch or own_batch, own_batch)
        """Pictures that go through the network at a time; halved whenever they do not fit into memory."""
        state.net.train()
        self._net.train()

    def gradients(self, drawn: BatchDraws) -> Losses | None:
        """Accumulate the gradients of this process's share of a batch, a micro-batch at a time.

        Returns:
            The losses of its pictures; None where memory ran out, and the micro-batch was halved.
        """
        state, context = self._state, self._context
        own = drawn.part(self._own)
        next_pictures = chosen_at(self._config, len(self.prefetcher), state.step + 1)[self._own]
        pictures = self.prefetcher.take(own.chosen, then=next_pictures)
        parts = [slice(k, k + self.micro_batch) for k in range(0, len(pictures), self.micro_batch)]
        all_losses = []
        state.optimizer.zero_grad(set_to_none=True)
        try:
            for part in parts:
                # Processes exchange their gradients with the last part only.
                with nullcontext() if part is parts[-1] else context.no_sync(self._net), context.detect_lost_peers():
                    losses = self._losses(own.part(part), pictures[part])
                    loss = (losses.total * own.share[part].to(losses.total)).sum() / len(pictures)
                    state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
                all_losses.append(losses.map(Tensor.detach))
        except RuntimeError as error:
            if not is_out_of_memory(error) or context.count > 1 or self.micro_batch <= 1:
                raise
            self.micro_batch = -(-self.micro_batch // 2)
            return None
        return Losses.cat(all_losses)

    def _losses(self, drawn: BatchDraws, clean: Tensor) -> Losses:
        """The losses of some pictures, at the noise levels and with the noise that were drawn for them."""
        config, device = self._config, self._context.device
        x0 = augment(clean, config.flips, config.rotation, drawn.turned)
        noise, level = SeededNoise(drawn.seeds.tolist(), x0.shape[1:], device)(), self._schedule.level(drawn.t)
        label = None
        if self._labels is not None:
            label = self._labels[drawn.chosen].masked_fill(drawn.label_dropped.to(device), NO_LABEL)
        with torch.autocast(device.type, PRECISIONS[config.precision], enabled=config.precision != "fp32"):
            return self._objective(Noised(x0, label, noise, drawn.t, level, diffuse(x0, level, noise)))

    def update(self, losses: Losses) -> _Update | None:
        """One step of AdamW by the accumulated gradients, and of the averaged weights.

        Returns:
            None where the gradients of fp16 overflowed and no step was taken.

        Raises:
            TrainingDivergedError: where the loss or the gradient is not finite for another reason.
        """
        config, state = self._config, self._state
        rate = config.learning_rate * _rate_factor(state.step, config)
        set_learning_rate(state.optimizer, rate)
        state.scaler.unscale_(state.optimizer)
        norm = float(clip_grad_norm_(self._parameters, config.clip_norm))
        if not math.isfinite(norm + float(self._context.sum(losses.total.sum()))):
            if state.scaler.get_scale() <= 1:
                state.restore_last_finite()
                raise TrainingDivergedError(
                    Message(
                        "The loss stopped being a number at step {step}. The last good weights are kept. Try a learning rate "
                        "below {learning_rate:g}, a longer warm-up or a smaller gradient clipping.",
                        step=state.step + 1,
                        learning_rate=config.learning_rate,
                    )
                )
            state.scaler.update()
            return None
        all_losses = losses.map(self._context.gather)
        # Copied before the step: only these weights are known to give a finite loss.
        if not state.last_finite or (state.step + 1) % config.report_every == 0:
            state.last_finite = {name: weight.clone() for name, weight in state.average.items()}
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.step += 1
        update_ema(self._average, self._parameters, state.step, config.ema_decay)
        return _Update(rate, norm, all_losses)


def process_slice(batch: int, context: DistributedContext) -> slice:
    """The part of each batch that this process takes. Raises DistributedError where the parts would not be equal."""
    if batch % context.count:
        fewer, more = batch - batch % context.count, batch + context.count - batch % context.count
        raise DistributedError(
            Message(
                "{count} processes cannot share a batch of {batch} pictures evenly: take {fewer}{more}.",
                count=context.count,
                batch=batch,
                fewer=Message("{count} or ", count=fewer) if fewer else "",
                more=more,
            )
        )
    each = batch // context.count
    return slice(context.rank * each, (context.rank + 1) * each)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error means that memory ran out. The CPU allocator and oneDNN raise a plain RuntimeError for it."""
    messages = ("can't allocate memory", "could not create a primitive")
    return isinstance(error, torch.OutOfMemoryError) or any(each in str(error) for each in messages)


def _rate_factor(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then half a cosine down to `FINAL_RATE`."""
    if step < config.warmup:
        return warm_up(step, config.warmup)
    return cosine_decay((step - config.warmup) / max(1, config.steps - config.warmup), FINAL_RATE)


__all__ = ["TrainingDivergedError", "begin", "is_out_of_memory", "process_slice", "train"]
