"""What guidance costs: accuracy, diversity and saturation against its scale, each with its uncertainty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.components.payloads.chart import LiveChart, Mark, Series
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.trace import Way, walk, ways
from playground.labs.shared import ranges
from playground.labs.shared.job import Partial
from playground.labs.shared.ranges import Allowed

if TYPE_CHECKING:
    from torch import Tensor

    from engine.evaluation.metrics import Estimate, Share
    from engine.models.classifier import Judge
    from engine.models.opened import Model
    from playground.policy.visitor import Visitor

MOST_LOOKS = 60_000
MARKS: tuple[Mark, ...] = ("circle", "square")


@dataclass(frozen=True)
class Priced:
    """One scale of one way: what the judge reads, how different its pictures are, and how far x̂0 left the range."""

    way: int
    scale: float
    accuracy: Share
    diversity: Estimate
    saturation: Estimate


@dataclass(frozen=True, eq=False)
class Price:
    """All that is measured so far, and the diversity of real pictures."""

    ways: tuple[str, ...]
    real: Estimate
    points: tuple[Priced, ...]
    pictures: int
    """At each scale."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Measurements that are known to be possible."""

    model: Model
    judge: str
    scales: tuple[float, ...]
    ways: tuple[Way, ...]
    """With the scale still to be set."""
    per_class: int
    looks: int

    @property
    def in_words(self) -> str:
        """What will be done, before it begins."""
        count = len(self.ways[0].recipe.seeds)
        return (
            f"{len(self.scales)} scales with {count} pictures each{', twice' if len(self.ways) > 1 else ''}: the network looks "
            f"at {self.looks:,} pictures for it, at most."
        )


def plan(controls: GuidanceControls, model: Model, visitor: Visitor) -> Plan:
    """The measurements of these settings. Raises ValueError with one sentence where they cannot be made."""
    from engine.models.classifier import CLASSIFIERS

    scales = ranges.parse(controls.scales or "0,1,2,4,8", Allowed("guidance scale", "number", 0, 20))
    if model.data not in CLASSIFIERS:
        raise ValueError(f"There is no judge that reads the pictures of “{model.title}”: choose digits or emoji.")
    classes = len(model.class_names)
    # Image k of a class has seed + k, whatever the class: so a jackknife can leave the seeds out one by one.
    seeds = [controls.seed + k for k in range(controls.per_class) for _ in range(classes)]
    labels = [label for _ in range(controls.per_class) for label in range(classes)]
    found = ways(controls, model, seeds, labels, visitor)
    looks = sum(len(seeds) * way.recipe.steps * 2 * len(scales) for way in found)
    most = min(MOST_LOOKS, visitor.limits.network_evaluations)
    if looks > most:
        raise ValueError(
            f"The network would look at {looks:,} pictures for this, and {most:,} are the most here: take fewer scales, "
            "pictures or steps."
        )
    return Plan(model, model.data, tuple(sorted(float(scale) for scale in scales)), found, controls.per_class, looks)


def measure(found: Plan, visitor: Visitor) -> Iterator[Partial[Price]]:
    """Scale after scale, all ways at each; a point of each curve as it comes."""
    from engine.models.classifier import load

    judge = load(found.judge)
    points: list[Priced] = []
    real = real_diversity(found, judge)
    titles = tuple(way.title for way in found.ways)
    count = len(found.ways[0].recipe.seeds)
    total = len(found.scales) * sum(way.recipe.steps for way in found.ways)
    done = 0
    yield Partial(0, total, Price(titles, real, (), count))
    for scale in found.scales:
        for number, way in enumerate(found.ways):
            field = "classifier_scale" if way.recipe.classifier else "scale"
            recipe = way.recipe.model_copy(update={field: scale})
            beyond = []
            for frame, seen in walk(recipe, found.model, visitor):
                beyond.append(_beyond(seen.guided.x0))
                last = frame
                done += 1
                yield Partial(done, total, Price(titles, real, tuple(points), count))
            # The last x̂0 is what every sampler here arrives at: at t = 0 there is no noise left to keep.
            points.append(_priced(number, scale, last.x0, beyond, recipe.labels, found.per_class, judge))
            yield Partial(done, total, Price(titles, real, tuple(points), count))


def _beyond(x0: Tensor) -> Tensor:
    from engine.analysis.guidance_trace import saturation

    return saturation(x0)


def _priced(
    way: int, scale: float, x0: Tensor, beyond: list[Tensor], labels: tuple[int, ...], per_class: int, judge: Judge
) -> Priced:
    import torch

    from engine.evaluation.diversity import diversity
    from engine.evaluation.metrics import Estimate, accuracy

    read, features = judge.read(x0.clamp(-1, 1).float())
    of_image = torch.stack(beyond).mean(0)
    by_seed = of_image.reshape(per_class, -1).mean(1)  # images of one seed share their noise
    saturated = Estimate(float(by_seed.mean()), float(by_seed.std() / per_class**0.5))
    return Priced(
        way,
        scale,
        accuracy(read, torch.tensor(labels)),
        diversity(features.reshape(per_class, -1, features.shape[1])),
        saturated,
    )


def real_diversity(found: Plan, judge: Judge) -> Estimate:
    """The same of the data's own held-out pictures, as many of each class as there are (up to 50)."""
    from engine.data import catalogue
    from engine.data.pixels import to_unit
    from engine.evaluation.diversity import diversity

    data, classes = catalogue.load(found.judge), len(found.model.class_names)
    pictures = data.held_out_part
    if np.bincount(pictures.labels, minlength=classes).min() < 3:
        pictures = data.training
    numbers = [np.flatnonzero(pictures.labels == k)[:50] for k in range(classes)]
    each = min(map(len, numbers))
    order = np.stack([one[:each] for one in numbers], 1).reshape(-1)  # all classes of the first, then of the second, …
    _, features = judge.read(to_unit(pictures.images[order]))
    return diversity(features.reshape(each, classes, -1))


def charts(price: Price) -> tuple[LiveChart, LiveChart, LiveChart]:
    """Accuracy, diversity and saturation over the scale; bands are 95 % intervals."""

    def series(value: str) -> tuple[Series, ...]:
        found = []
        for number, title in enumerate(price.ways):
            points = [point for point in price.points if point.way == number]
            if points:
                middle, low, high = np.array([_interval(getattr(point, value)) for point in points]).T
                scales = np.array([point.scale for point in points])
                found.append(Series(title, scales, middle, low=low, high=high, mark=MARKS[number], color=number))
        return tuple(found)

    diverse = series("diversity")
    if diverse:
        ends = np.array([0.0, max(point.scale for point in price.points) or 1.0])
        diverse += (Series("real pictures", ends, np.full(2, price.real.value), "dashed", color=5),)
    empty = "The first point appears in a few seconds."
    note = f"{price.pictures} pictures at each scale; bands are 95 % intervals. A scale of 1 is the plain conditional model."
    x = "guidance scale"
    return (
        LiveChart("Read as the class wanted", x, "share", series("accuracy"), y_range=(0, 1), note=note, empty=empty),
        LiveChart("Difference within a class", x, "distance in the judge's features", diverse, empty=empty),
        LiveChart("Beyond black and white", x, "share of x̂₀, before clipping", series("saturation"), empty=empty),
    )


def _interval(value: Share | Estimate) -> tuple[float, float, float]:
    if hasattr(value, "share"):
        return value.share, value.low, value.high
    half = 1.96 * value.standard_error
    return value.value, max(0.0, value.value - half), value.value + half


def table(price: Price) -> list[tuple[object, ...]]:
    """All numbers, a head and a row for each point."""
    head = (
        "way",
        "scale",
        "accuracy",
        "accuracy low",
        "accuracy high",
        "diversity",
        "its error",
        "saturation",
        "its error",
    )
    rows: list[tuple[object, ...]] = [head]
    for point in price.points:
        a, d, s = point.accuracy, point.diversity, point.saturation
        rows.append(
            (
                price.ways[point.way],
                point.scale,
                a.share,
                a.low,
                a.high,
                d.value,
                d.standard_error,
                s.value,
                s.standard_error,
            )
        )
    return rows
