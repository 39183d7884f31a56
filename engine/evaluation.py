"""Measure a trained model: draw many pictures from it, and let a classifier that knows nothing of it read them.

`evaluate` is a generator: whoever drives it shows the progress, and stops by dropping it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from engine.data.catalogue import ImageSet
from engine.data.pixels import to_uint8, to_unit
from engine.denoiser import Clipped, Guided
from engine.memorising import Memorising, memorised_share
from engine.metrics import Estimate, Share, accuracy, frechet_estimate
from engine.models.classifier import Judge
from engine.pretrained import Checkpoint
from engine.sampling import SAMPLERS, Variance, sample
from engine.training.classifier import ClassifierTraining, learned_part

JACKKNIFE_GROUPS = 20


class EvaluationError(ValueError):
    """A model, a set and a classifier that do not fit together, or samples that are no pictures; fit to show to a reader."""


class EvaluationSettings(BaseModel):
    """How the samples are drawn. The same settings and model give the same samples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: int = Field(1000, ge=4, le=100_000, description="Pictures in all, as many of each class.")
    sampler: Literal["ddim", "ddpm"] = "ddim"
    steps: int = Field(50, ge=1, le=1000)
    eta: float = Field(0.0, ge=0, le=1, description="DDIM only: 0 adds no noise on the way, 1 as much as DDPM.")
    variance: Variance = Field("small", description="DDPM only: how much noise each step adds.")
    scale: float = Field(2.0, ge=0, le=100, description="Guidance: 1 is the plain model with labels, 0 ignores them.")
    batch: int = Field(50, ge=1, le=10_000, description="Pictures drawn at once; changes the speed only.")


class Quality(BaseModel):
    """What was measured, with all that is needed to measure it again."""

    model_config = ConfigDict(frozen=True)

    settings: EvaluationSettings
    data: str
    step: int = Field(description="Training steps behind the model.")
    accuracy: Share | None = Field(
        description="Samples that the classifier reads as the class they were drawn for; None for a model without classes."
    )
    accuracy_by_class: dict[str, Share]
    misread: dict[str, int] = Field(description="“4 as 9”: how many; the most frequent first.")
    classifier_held_out: Share = Field(description="The same classifier on the held-out real pictures.")
    frechet: Estimate = Field(description="Samples against the held-out pictures.")
    frechet_floor: Estimate = Field(
        description="Real training pictures, new to the classifier, against the held-out ones: as good as it gets."
    )
    floor_count: int = Field(description="How many real pictures the floor was measured with.")
    held_out_count: int
    memorising: Memorising
    seconds: float = Field(description="For drawing all samples.")
    threads: int
    torch: str
    command: str = ""


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
class Evaluation:
    """The last thing that `evaluate` yields."""

    quality: Quality
    pictures: npt.NDArray[np.uint8]
    """All samples, (N, H, W, C), in the order of their seeds 0 … N − 1."""
    labels: npt.NDArray[np.int64] | None
    """What each was drawn for: seed modulo the number of classes."""


def evaluate(
    checkpoint: Checkpoint, data: ImageSet, judge: Judge, settings: EvaluationSettings, *, command: str = ""
) -> Iterator[Progress | Evaluation]:
    """Draw samples and measure them.

    They are rounded to 256 levels first, as every real picture was. The Fréchet floor uses training pictures that the
    classifier was not shown: it may know the others by heart, and place them elsewhere than new ones.

    Args:
        checkpoint: the model; its samples are clipped, and guided where it knows classes.
        data: the whole set that it learned from, held-out pictures included.
        judge: a classifier of the same set.
        settings: how to draw.
        command: what the reader can type to do it again; kept in the result.

    Yields:
        `Progress` after every step of every batch, then one `Evaluation`.

    Raises:
        EvaluationError: where model, set and classifier do not fit together, or the samples are not numbers.
    """
    reference = _reference(checkpoint, data, judge, settings)
    began = time.perf_counter()
    x: Tensor | None = None
    for step in _draw(checkpoint, settings):
        if isinstance(step, Tensor):
            x = step
        else:
            yield Progress(*step, time.perf_counter() - began)
    seconds = time.perf_counter() - began
    assert x is not None
    if not bool(torch.isfinite(x).all()):
        raise EvaluationError("The model gives pictures that are not numbers: its training went wrong.")
    pictures = to_uint8(x)
    labels = _labels(checkpoint, settings.samples)
    yield Evaluation(
        _measure(pictures, labels, reference, checkpoint, data, judge, settings, seconds, command),
        pictures,
        None if labels is None else labels.numpy(),
    )


def _draw(checkpoint: Checkpoint, settings: EvaluationSettings) -> Iterator[tuple[int, int] | Tensor]:
    """(steps done, steps in all) again and again, and all samples at the end."""
    denoiser = Clipped(Guided(checkpoint.denoiser, settings.scale))
    sampler = SAMPLERS[settings.sampler](settings.eta, settings.variance)
    labels = _labels(checkpoint, settings.samples)
    device = next(checkpoint.denoiser.net.parameters()).device
    drawn: list[Tensor] = []
    batches = [range(settings.samples)[i : i + settings.batch] for i in range(0, settings.samples, settings.batch)]
    done, total = 0, len(batches) * settings.steps
    for seeds in batches:
        label = None if labels is None else labels[seeds.start : seeds.stop].to(device)
        x = torch.empty(0)
        for frame in sample(
            denoiser,
            checkpoint.denoiser.schedule,
            sampler,
            shape=checkpoint.shape,
            steps=settings.steps,
            seeds=seeds,
            label=label,
            device=device,
        ):
            x = frame.x
            if frame.step:
                done += 1
                yield done, total
        drawn.append(x.cpu())
    yield torch.cat(drawn)


def _labels(checkpoint: Checkpoint, count: int) -> Tensor | None:
    classes = checkpoint.denoiser.classes
    return torch.arange(count) % classes if classes else None


@dataclass(frozen=True, eq=False)
class _Reference:
    """Features of real pictures, none of which the classifier learned from."""

    held_out: Tensor
    unseen: Tensor
    read_rightly: Share


def _reference(checkpoint: Checkpoint, data: ImageSet, judge: Judge, settings: EvaluationSettings) -> _Reference:
    """Read the real pictures; done first, so that what does not fit is said before minutes are spent."""
    classes = len(data.class_names)
    if checkpoint.shape != (data.channels, data.size, data.size):
        raise EvaluationError(
            f"The model draws pictures of {' × '.join(str(n) for n in checkpoint.shape)}, those of “{data.name}” have "
            f"{data.channels} × {data.size} × {data.size}."
        )
    if checkpoint.denoiser.classes not in (0, classes):
        raise EvaluationError(
            f"The model knows {checkpoint.denoiser.classes} classes, the set “{data.name}” has {classes}."
        )
    if settings.steps > checkpoint.denoiser.schedule.T:
        raise EvaluationError(f"The model's schedule has {checkpoint.denoiser.schedule.T} steps at most.")
    if settings.samples % classes:
        raise EvaluationError(f"{settings.samples} samples cannot be {classes} classes with as many of each.")
    if judge.card.data != data.name or judge.net.config.classes != classes:
        raise EvaluationError(f"The classifier reads “{judge.card.data}”, not “{data.name}”.")
    try:
        training = ClassifierTraining.model_validate(judge.card.training)
    except ValidationError as error:
        raise EvaluationError("The classifier's card does not say what it was trained on.") from error
    unseen = np.flatnonzero(~learned_part(data, training) & ~data.held_out)
    # As many of each class as there are samples of it, the first ones of the set.
    chosen = np.zeros(len(data), dtype=np.bool_)
    for k in range(classes):
        chosen[unseen[data.labels[unseen] == k][: settings.samples // classes]] = True
    if chosen.sum() < 4 or len(data.held_out_part) < 4:
        raise EvaluationError("Too few real pictures are new to the classifier: there is nothing to compare with.")
    try:
        read_as, held_out = judge.read(to_unit(data.held_out_part.images))
        _, features = judge.read(to_unit(data.only(chosen).images))
    except ValueError as error:
        raise EvaluationError(str(error)) from error
    return _Reference(held_out, features, accuracy(read_as, torch.tensor(data.held_out_part.labels)))


def _measure(
    pictures: npt.NDArray[np.uint8],
    labels: Tensor | None,
    reference: _Reference,
    checkpoint: Checkpoint,
    data: ImageSet,
    judge: Judge,
    settings: EvaluationSettings,
    seconds: float,
    command: str,
) -> Quality:
    x = to_unit(pictures)
    read_as, features = judge.read(x)
    names = data.class_names
    by_class: dict[str, Share] = {}
    misread: Counter[str] = Counter()
    if labels is not None:
        by_class = {name: accuracy(read_as[labels == k], labels[labels == k]) for k, name in enumerate(names)}
        wrong = read_as != labels
        misread.update(
            f"{names[wanted]} as {names[seen]}"
            for wanted, seen in zip(labels[wrong].tolist(), read_as[wrong].tolist(), strict=True)
        )
    held_out = data.held_out_part
    return Quality(
        settings=settings,
        data=data.name,
        step=checkpoint.card.step,
        accuracy=None if labels is None else accuracy(read_as, labels),
        accuracy_by_class=by_class,
        misread=dict(misread.most_common()),
        classifier_held_out=reference.read_rightly,
        frechet=_frechet(features, reference.held_out),
        frechet_floor=_frechet(reference.unseen, reference.held_out),
        floor_count=len(reference.unseen),
        held_out_count=len(held_out),
        memorising=memorised_share(
            x,
            to_unit(data.training.images),
            to_unit(held_out.images),
            sample_labels=labels,
            held_out_labels=None if labels is None else torch.tensor(held_out.labels),
        ),
        seconds=round(seconds, 1),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        command=command,
    )


def _frechet(a: Tensor, b: Tensor) -> Estimate:
    return frechet_estimate(a, b, groups=min(JACKKNIFE_GROUPS, len(a) // 2, len(b) // 2))
