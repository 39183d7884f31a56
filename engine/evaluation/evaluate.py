"""Evaluate a trained model: draw many pictures from it, and classify them with an independent classifier.

`evaluate` is a generator: the caller shows its progress, and stops by dropping the iterator.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from engine.data.image_set import ImageSet
from engine.data.pixels import to_unit
from engine.evaluation.drawing import Drawn, DrawSettings, EvaluationError, Progress, draw
from engine.evaluation.memorization import Memorization, measure_memorization
from engine.evaluation.metrics import Estimate, Jackknife, Share, accuracy, frechet_jackknife
from engine.interop.pretrained import Checkpoint
from engine.language import message_of
from engine.models.classifier import Judge
from engine.training.classifier import ClassifierTraining, training_part

JACKKNIFE_GROUPS = 20


class Quality(BaseModel):
    """What was measured, with all that is needed to measure it again."""

    model_config = ConfigDict(frozen=True)

    settings: DrawSettings
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
    memorising: Memorization
    seconds: float = Field(description="For drawing all samples.")
    threads: int
    torch: str
    command: str = ""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The last thing that `evaluate` yields."""

    quality: Quality
    pictures: npt.NDArray[np.uint8]
    """All samples, (N, H, W, C), in the order of their seeds 0 … N − 1."""
    labels: npt.NDArray[np.int64] | None
    """What each was drawn for: seed modulo the number of classes."""


def evaluate(
    checkpoint: Checkpoint, data: ImageSet, judge: Judge, settings: DrawSettings, *, command: str = ""
) -> Iterator[Progress | Evaluation]:
    """Draw samples and measure them.

    They are rounded to 256 levels first, as every real picture was. The Fréchet floor uses training pictures that the
    classifier was not shown: it may have memorized the others, and their features then differ from new ones'.

    Args:
        checkpoint: the model; its samples are clipped, and guided where it has classes.
        data: the whole set that it learned from, held-out pictures included.
        judge: a classifier of the same set.
        settings: how to draw.
        command: what the reader can type to do it again; kept in the result.

    Yields:
        `Progress` after every step of every batch, then one `Evaluation`.

    Raises:
        EvaluationError: where model, set and classifier do not fit together, or the samples are not numbers.
    """
    check(checkpoint, data, settings)
    reference = read_reference(data, judge)
    for event in draw(checkpoint, settings, reference.class_counts):
        if isinstance(event, Drawn):
            quality = _measure(event, reference, checkpoint, data, judge, settings, command)
            yield Evaluation(quality, event.pictures, event.labels)
        else:
            yield event


def check(checkpoint: Checkpoint, data: ImageSet, settings: DrawSettings) -> None:
    """Raise `EvaluationError` where these do not fit together, before anything is drawn."""
    classes = len(data.class_names)
    if checkpoint.shape != (data.channels, data.size, data.size):
        raise EvaluationError(
            f"The model draws pictures of {' × '.join(str(n) for n in checkpoint.shape)}, those of “{data.name}” have "
            f"{data.channels} × {data.size} × {data.size}."
        )
    if checkpoint.denoiser.classes not in (0, classes):
        raise EvaluationError(
            f"The model has {checkpoint.denoiser.classes} classes, the set “{data.name}” has {classes}."
        )
    settings.check(checkpoint)
    counts = np.bincount(data.held_out_part.labels, minlength=classes).tolist()
    whole = sum(counts) // math.gcd(*counts)
    if settings.samples % whole:
        raise EvaluationError(
            f"{settings.samples} samples cannot have as many of each class, in proportion, as the set has: take a multiple of "
            f"{whole}."
        )


@dataclass(frozen=True, eq=False)
class Reference:
    """Features of real pictures, none of which the classifier learned from."""

    held_out: Tensor
    """Of the held-out pictures, shape (M, F)."""
    held_out_labels: Tensor
    """Their classes, int64, shape (M,)."""
    unseen: Tensor
    """Of training pictures that are new to the classifier, shape (U, F), in the order of the set."""
    unseen_labels: Tensor
    """Their classes, int64, shape (U,)."""
    read_rightly: Share
    """The held-out pictures that the classifier reads as what they are."""

    @property
    def class_counts(self) -> list[int]:
        """How many held-out pictures there are of each class."""
        return torch.bincount(self.held_out_labels).tolist()

    def first_unseen(self, samples: int) -> tuple[Tensor, Tensor]:
        """Features of at most `samples` of the unseen pictures and their classes, in the proportions of the held-out ones, the
        first of the set."""
        counts, total = self.class_counts, len(self.held_out)
        members = [torch.nonzero(self.unseen_labels == k)[:, 0] for k in range(len(counts))]
        there = [len(of_class) * total // count for of_class, count in zip(members, counts, strict=True) if count]
        most = min([samples, *there])
        parts = [of_class[: most * count // total] for of_class, count in zip(members, counts, strict=True)]
        chosen = torch.cat(parts).sort().values
        if len(chosen) < 4:
            raise EvaluationError("Too few real pictures are new to the classifier: there is nothing to compare with.")
        return self.unseen[chosen], self.unseen_labels[chosen]

    def distance(self, features: Tensor, classes: Tensor | None) -> Jackknife:
        """The Fréchet distance between these rows and the held-out pictures.

        Args:
            features: shape (N, F).
            classes: int64, shape (N,), where as many of each were chosen on purpose.
        """
        groups = min(JACKKNIFE_GROUPS, len(features) // 2, len(self.held_out) // 2)
        if classes is not None:
            # Groups that have the same number of each class exactly, where that is possible.
            counts = [n for of_class in (classes, self.held_out_labels) for n in torch.bincount(of_class).tolist() if n]
            fitting = [g for g in range(2, groups + 1) if math.gcd(*counts) % g == 0]
            groups = max(fitting, default=groups)
        return frechet_jackknife(features, self.held_out, groups, of_a=classes, of_b=self.held_out_labels)


def read_reference(data: ImageSet, judge: Judge) -> Reference:
    """Read the real pictures, once for any number of measurements. Raises `EvaluationError` for a classifier of others."""
    if judge.card.data != data.name or judge.net.config.classes != len(data.class_names):
        raise EvaluationError(f"The classifier reads “{judge.card.data}”, not “{data.name}”.")
    try:
        training = ClassifierTraining.model_validate(judge.card.training)
    except ValidationError as error:
        raise EvaluationError("The classifier's card does not say what it was trained on.") from error
    unseen = data.only(~training_part(data, training) & ~data.held_out)
    held_out = data.held_out_part
    if len(unseen) < 4 or len(held_out) < 4:
        raise EvaluationError("Too few real pictures are new to the classifier: there is nothing to compare with.")
    try:
        read_as, features = judge.read(to_unit(held_out.images))
        _, others = judge.read(to_unit(unseen.images))
    except ValueError as error:
        raise EvaluationError(message_of(error)) from error
    labels = torch.tensor(held_out.labels)
    return Reference(features, labels, others, torch.tensor(unseen.labels), accuracy(read_as, labels))


def _measure(
    drawn: Drawn,
    reference: Reference,
    checkpoint: Checkpoint,
    data: ImageSet,
    judge: Judge,
    settings: DrawSettings,
    command: str,
) -> Quality:
    x = to_unit(drawn.pictures)
    labels = None if drawn.labels is None else torch.from_numpy(drawn.labels)
    read_as, features = judge.read(x)
    unseen, of_unseen = reference.first_unseen(settings.samples)
    names = data.class_names
    by_class: dict[str, Share] = {}
    misread: Counter[str] = Counter()
    if labels is not None:
        by_class = {name: accuracy(read_as[labels == k], labels[labels == k]) for k, name in enumerate(names)}
        wrong = read_as != labels
        misread.update(
            f"{names[label]} as {names[read]}"
            for label, read in zip(labels[wrong].tolist(), read_as[wrong].tolist(), strict=True)
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
        frechet=reference.distance(features, labels).estimate,
        frechet_floor=reference.distance(unseen, of_unseen).estimate,
        floor_count=len(unseen),
        held_out_count=len(held_out),
        memorising=measure_memorization(
            x,
            to_unit(data.training.images),
            to_unit(held_out.images),
            sample_labels=labels,
            held_out_labels=None if labels is None else torch.tensor(held_out.labels),
        ),
        seconds=round(drawn.seconds, 1),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        command=command,
    )
