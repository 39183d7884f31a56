"""Drawing many pictures from a trained model, in batches, by settings that are checked.

`draw` is a generator: the caller shows its progress, and stops by dropping the iterator.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from engine.data.pixels import to_uint8
from engine.denoiser import Clipped
from engine.guidance import Guided
from engine.interop.pretrained import Checkpoint
from engine.process import Prediction
from engine.recipes.sampling_fields import SamplerFields
from engine.samplers import SAMPLERS, Sampler
from engine.sampling import sample
from engine.schedule import Level, NoiseSchedule


class EvaluationError(ValueError):
    """Settings, a model, a set and a classifier that do not fit together, or samples that are no pictures; fit to show."""


class DrawSettings(SamplerFields):
    """How the samples are drawn. The same settings and model give the same samples."""

    samples: int = Field(1000, ge=4, le=100_000, description="Pictures in all, of the classes as the set has them.")
    batch: int = Field(50, ge=1, le=10_000, description="Pictures drawn together; changes the speed only.")

    def make_sampler(self) -> Sampler:
        """The sampler that these settings describe."""
        return SAMPLERS[self.sampler](self.eta, self.variance)

    def canonical(self, *, classes: int) -> DrawSettings:
        """The same with whatever changes nothing set to its default: settings that draw the same pictures become equal.

        Args:
            classes: of the model; without any there is no guidance.
        """
        default = type(self)()
        changes: dict[str, object] = {"batch": default.batch}
        if not self.uses_eta:
            changes["eta"] = default.eta
        if not self.uses_variance:
            changes["variance"] = default.variance
        if not classes:
            changes["scale"] = default.scale
        return self.model_copy(update=changes)

    def check(self, checkpoint: Checkpoint) -> None:
        """Raise `EvaluationError` where this model cannot be drawn by these settings."""
        if self.steps > checkpoint.denoiser.schedule.T:
            raise EvaluationError(f"The model's schedule has {checkpoint.denoiser.schedule.T} steps at most.")
        if self.uses_variance and self.variance == "learned" and not checkpoint.denoiser.learned_variance:
            raise EvaluationError("The model was not taught its variance: choose small or large.")
        if not checkpoint.denoiser.has_null_class and self.scale != 1:
            raise EvaluationError(
                "The model was trained with a label for every picture and has no class for “none”, which guidance compares "
                "with: choose a scale of 1."
            )


@dataclass(frozen=True)
class Progress:
    """Where the drawing stands."""

    done: int
    """Steps taken, each of a whole batch,"""
    total: int
    """of how many."""
    seconds: float
    """Since the beginning."""

    @property
    def seconds_left(self) -> float:
        """By the speed so far."""
        return self.seconds / self.done * (self.total - self.done) if self.done else float("nan")


@dataclass(frozen=True, eq=False)
class Drawn:
    """The last thing that `draw` yields."""

    pictures: npt.NDArray[np.uint8]
    """All samples, (N, H, W, C), in the order of their seeds 0 … N − 1, rounded to 256 levels as real pictures are."""
    labels: npt.NDArray[np.int64] | None
    """What each was drawn for, by `in_proportion`; None for a model without classes."""
    batches: tuple[tuple[int, float], ...]
    """For each batch how many pictures it had, and the seconds that it took."""

    @property
    def seconds(self) -> float:
        """For all batches."""
        return sum(seconds for _, seconds in self.batches)


def in_proportion(samples: int, counts: Sequence[int]) -> npt.NDArray[np.int64]:
    """A class for each sample, so that among the first ones, however many, all are about as common as in a set.

    Args:
        samples: how many.
        counts: pictures of each class in the set. Where all are equal the classes take turns: 0, 1, 2, …, 0, 1, …
    """
    of_class = np.array(counts, np.int64)
    given, chosen = np.zeros_like(of_class), np.zeros(samples, np.int64)
    for k in range(samples):
        chosen[k] = np.argmax((k + 1) * of_class - given * of_class.sum())  # the class that lags behind most
        given[chosen[k]] += 1
    return chosen


def draw(
    checkpoint: Checkpoint, settings: DrawSettings, counts: Sequence[int] | None = None
) -> Iterator[Progress | Drawn]:
    """Draw the pictures with the seeds 0 … samples − 1, clipped, and guided where the model has classes.

    Each picture follows from its own seed and label alone: the batches may be cut in any way.

    Args:
        checkpoint: the model.
        settings: how.
        counts: pictures of each class in the set that they will be compared with; None for as many of each.

    Yields:
        `Progress` after every step of every batch, then one `Drawn`.

    Raises:
        EvaluationError: where model and settings do not fit together, or the samples are not numbers.
    """
    settings.check(checkpoint)
    denoiser = Clipped(Guided(checkpoint.denoiser, settings.scale))
    classes = checkpoint.denoiser.classes
    labels = torch.from_numpy(in_proportion(settings.samples, counts or [1] * classes)) if classes else None
    device = next(checkpoint.denoiser.net.parameters()).device
    cut = [range(settings.samples)[i : i + settings.batch] for i in range(0, settings.samples, settings.batch)]
    done, total, drawn, batches = 0, len(cut) * settings.steps, [], []
    began = time.perf_counter()
    for seeds in cut:
        batch_began = time.perf_counter()
        x = torch.empty(0)
        for frame in sample(
            denoiser,
            checkpoint.denoiser.schedule,
            settings.make_sampler(),
            shape=checkpoint.shape,
            steps=settings.steps,
            spacing=settings.spacing,
            seeds=seeds,
            label=None if labels is None else labels[seeds.start : seeds.stop].to(device),
            device=device,
        ):
            x = frame.x
            if frame.step:
                done += 1
                yield Progress(done, total, time.perf_counter() - began)
        drawn.append(x.cpu())
        batches.append((len(seeds), time.perf_counter() - batch_began))
    x = torch.cat(drawn)
    if not bool(torch.isfinite(x).all()):
        raise EvaluationError("The model gives pictures that are not numbers: its training went wrong.")
    yield Drawn(to_uint8(x), None if labels is None else labels.numpy(), tuple(batches))


def evaluations(settings: DrawSettings, schedule: NoiseSchedule) -> int:
    """Network evaluations for each picture (NFE), counted with a denoiser that returns zeros.

    Guidance evaluates the network twice each time; that does not count here.
    """
    evaluated = 0

    def count(x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        nonlocal evaluated
        evaluated += 1
        return Prediction(torch.zeros_like(x_t), torch.zeros_like(x_t), torch.zeros_like(x_t))

    for _ in sample(
        count,
        schedule,
        settings.make_sampler(),
        shape=(1, 1, 1),
        steps=settings.steps,
        spacing=settings.spacing,
        seeds=(0,),
    ):
        pass
    return evaluated


def network_rows(settings: DrawSettings, checkpoint: Checkpoint) -> int:
    """Pictures that go through the network for all samples together: what the time is proportional to."""
    guided = checkpoint.denoiser.classes > 0 and settings.scale not in (0, 1)
    return evaluations(settings, checkpoint.denoiser.schedule) * settings.samples * (2 if guided else 1)
