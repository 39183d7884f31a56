"""The trade-off of guidance: accuracy against diversity and saturation by guidance scale, with their uncertainty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.language import _, told
from playground.components.payloads.chart import MARKS, LiveChart, Series
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.trace import Variant, traced_frames, variants
from playground.labs.shared import ranges
from playground.labs.shared.job import Partial
from playground.labs.shared.ranges import Allowed

if TYPE_CHECKING:
    from torch import Tensor

    from engine.evaluation.metrics import Estimate, Share
    from engine.models.classifier import Judge
    from engine.models.opened import Model
    from playground.policy.visitor import Visitor

MOST_EVALUATIONS = 60_000


@dataclass(frozen=True)
class ScaleMeasures:
    """Accuracy, diversity and saturation of one variant at one guidance scale."""

    variant: int
    scale: float
    accuracy: Share
    diversity: Estimate
    saturation: Estimate


@dataclass(frozen=True, eq=False)
class TradeOff:
    """The measurements so far, and the diversity of real pictures."""

    variants: tuple[str, ...]
    real: Estimate
    points: tuple[ScaleMeasures, ...]
    pictures: int
    """At each scale."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Checked measurements."""

    model: Model
    judge: str
    scales: tuple[float, ...]
    variants: tuple[Variant, ...]
    """Their recipes still have the scale of the settings."""
    per_class: int
    evaluations: int

    @property
    def in_words(self) -> str:
        """What will be measured, and at what cost."""
        count = len(self.variants[0].recipe.seeds)
        words = (
            _(
                "{scales} scales with {count} images each, twice: at most {most:,} network evaluations (of one image each)."
            )
            if len(self.variants) > 1
            else _(
                "{scales} scales with {count} images each: at most {most:,} network evaluations (of one image each)."
            )
        )
        return words.format(scales=len(self.scales), count=count, most=self.evaluations)


def plan(controls: GuidanceControls, model: Model, visitor: Visitor) -> Plan:
    """The measurements of these settings. Raises ValueError with one sentence where they cannot be made."""
    from engine.models.classifier import CLASSIFIERS

    scales = ranges.parse(controls.scales or "0,1,2,4,8", Allowed(_("guidance scale"), "number", 0, 20))
    if model.data not in CLASSIFIERS:
        raise ValueError(
            _("There is no classifier for the images of “{title}”: choose digits or emoji.", title=told(model.title))
        )
    classes = len(model.class_names)
    # Image k of a class has seed + k, whatever the class: so a jackknife can leave the seeds out one by one.
    seeds = [controls.seed + k for k in range(controls.per_class) for _ in range(classes)]
    labels = [label for _ in range(controls.per_class) for label in range(classes)]
    compared = variants(controls, model, seeds, labels, visitor)
    evaluations = sum(len(seeds) * variant.recipe.steps * 2 * len(scales) for variant in compared)
    visitor.limits.check_evaluations(_("This"), evaluations, _("scales, images or steps"), MOST_EVALUATIONS)
    return Plan(
        model, model.data, tuple(sorted(float(scale) for scale in scales)), compared, controls.per_class, evaluations
    )


def measure(planned: Plan, visitor: Visitor) -> Iterator[Partial[TradeOff]]:
    """Scale after scale, all variants at each; a point of each curve as it comes."""
    from engine.analysis.guidance_trace import saturation
    from engine.models.classifier import load

    judge = load(planned.judge)
    points: list[ScaleMeasures] = []
    real = real_diversity(planned, judge)
    titles = tuple(variant.title for variant in planned.variants)
    count = len(planned.variants[0].recipe.seeds)
    total = len(planned.scales) * sum(variant.recipe.steps for variant in planned.variants)
    done = 0
    yield Partial(0, total, TradeOff(titles, real, (), count))
    for scale in planned.scales:
        for number, variant in enumerate(planned.variants):
            field = "classifier_scale" if variant.recipe.classifier else "scale"
            recipe = variant.recipe.model_copy(update={field: scale})
            saturations = []
            for frame, evaluation in traced_frames(recipe, planned.model, visitor):
                saturations.append(saturation(evaluation.guided.x0))
                last = frame
                done += 1
                yield Partial(done, total, TradeOff(titles, real, tuple(points), count))
            # Every sampler here ends at its last x̂0: at t = 0 no noise is added.
            measures = _measures(last.x0, saturations, recipe.labels, planned.per_class, judge)
            points.append(ScaleMeasures(number, scale, *measures))
            yield Partial(done, total, TradeOff(titles, real, tuple(points), count))


def _measures(
    x0: Tensor, saturations: list[Tensor], labels: tuple[int, ...], per_class: int, judge: Judge
) -> tuple[Share, Estimate, Estimate]:
    """Accuracy, diversity and saturation."""
    import torch

    from engine.evaluation.metrics import Estimate, accuracy, diversity

    read, features = judge.read(x0.clamp(-1, 1).float())
    of_image = torch.stack(saturations).mean(0)
    by_seed = of_image.reshape(per_class, -1).mean(1)  # images of one seed share their noise
    saturated = Estimate(float(by_seed.mean()), float(by_seed.std() / per_class**0.5))
    diverse = diversity(features.reshape(per_class, -1, features.shape[1]))
    return accuracy(read, torch.tensor(labels)), diverse, saturated


def real_diversity(planned: Plan, judge: Judge) -> Estimate:
    """The same of the data's own held-out pictures, as many of each class as there are (up to 50)."""
    from engine.data import catalogue
    from engine.data.pixels import to_unit
    from engine.evaluation.metrics import diversity

    data, classes = catalogue.load(planned.judge), len(planned.model.class_names)
    pictures = data.held_out_part
    if np.bincount(pictures.labels, minlength=classes).min() < 3:
        pictures = data.training
    numbers = [np.flatnonzero(pictures.labels == k)[:50] for k in range(classes)]
    each = min(map(len, numbers))
    order = np.stack([one[:each] for one in numbers], 1).reshape(-1)  # all classes of the first, then of the second, …
    _, features = judge.read(to_unit(pictures.images[order]))
    return diversity(features.reshape(each, classes, -1))


def charts(measured: TradeOff) -> tuple[LiveChart, LiveChart, LiveChart]:
    """Accuracy, diversity and saturation over the scale; bands are 95 % confidence intervals."""

    def series(value: str) -> tuple[Series, ...]:
        curves = []
        for number, title in enumerate(measured.variants):
            points = [point for point in measured.points if point.variant == number]
            if points:
                middle, low, high = np.array([_interval(getattr(point, value)) for point in points]).T
                scales = np.array([point.scale for point in points])
                curves.append(Series(title, scales, middle, low=low, high=high, mark=MARKS[number], color=number))
        return tuple(curves)

    diverse = series("diversity")
    if diverse:
        ends = np.array([0.0, max(point.scale for point in measured.points) or 1.0])
        real, low, high = (np.full(2, value) for value in _interval(measured.real))
        diverse += (Series(_("real images"), ends, real, "dashed", color=5).banded(low, high),)
    empty = _("The first point appears in a few seconds.")
    note = _("{pictures} images at each scale; bands are 95 % confidence intervals.", pictures=measured.pictures)
    x = _("guidance scale")
    return (
        LiveChart(
            _("Accuracy"),
            x,
            _("share classified as the label"),
            series("accuracy"),
            y_range=(0, 1),
            note=note,
            empty=empty,
        ),
        LiveChart(_("Diversity within a class"), x, _("distance in the classifier's features"), diverse, empty=empty),
        LiveChart(_("Saturation"), x, _("share of x̂₀ beyond ±1, before clipping"), series("saturation"), empty=empty),
    )


def _interval(value: Share | Estimate) -> tuple[float, float, float]:
    from engine.evaluation.metrics import Share

    if isinstance(value, Share):
        return value.share, value.low, value.high
    half = 1.96 * value.standard_error
    return value.value, max(0.0, value.value - half), value.value + half


def table(measured: TradeOff) -> list[tuple[object, ...]]:
    """All numbers: a header, and a row for each point."""
    head = (
        "guidance",
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
    for one in measured.points:
        measures = (*astuple(one.accuracy)[:3], *astuple(one.diversity), *astuple(one.saturation))
        rows.append((measured.variants[one.variant], one.scale, *measures))
    return rows
