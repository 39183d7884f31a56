"""The charts and the timeline of one training run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import NDArray

from engine.language import N_, _
from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.training import text
from playground.labs.training.tasks import words_of

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot
    from engine.training.bayes_optimal import BayesOptimalLoss
    from engine.training.config import TrainConfig

SHOWN_PREVIEWS = 60
"""Of more, this many evenly spaced ones are sent to the browser."""
KEPT_LANES = 16
RECENT = 40
"""Reports that count as the latest."""
KEEP = 0.9
"""Of `smoothed`: a mean over about 10 reports."""
LOWEST_FLOOR = 1e-4
EXACT_CLASSIFIER = N_("exact classifier of the training images")
LEVELS = N_("t / T (0 is clean, 1 is pure noise)")


def loss_unit(config: TrainConfig) -> str:
    """The training loss of a run and its unit."""
    from engine.training.tasks import task_of

    return task_of(config).loss_unit(config)


def loss_chart(snapshot: Snapshot) -> LiveChart:
    """Loss by training step: of each batch, smoothed, on held-out images, and the Bayes-optimal loss."""
    steps = np.array([report.step for report in snapshot.reports], dtype=np.float64)
    loss = np.array([report.loss for report in snapshot.reports], dtype=np.float64)
    series = _noisy(steps, loss)
    if snapshot.bayes_optimal is not None and len(steps):
        ends = np.array([0.0, snapshot.config.steps])
        series.append(floor_line(ends, snapshot.bayes_optimal))
    if snapshot.held_out:
        at, held_out = zip(*snapshot.held_out, strict=True)
        series.append(Series(_("held-out images"), np.array(at), np.array(held_out), mark="diamond"))
    return LiveChart(
        _("Loss"),
        _("training step"),
        loss_unit(snapshot.config),
        tuple(series),
        log_y=words_of(snapshot.config).is_log,
        empty=_nothing_yet(snapshot),
    )


def floor_line(ends: NDArray[np.float64], floor: BayesOptimalLoss) -> Series:
    """The Bayes-optimal loss from end to end."""
    return Series(text.FLOOR, ends, np.full(2, floor.loss), "dashed").banded(
        *_band(np.full(2, floor.loss), floor.error)
    )


def smoothed_line(name: str, x: NDArray[np.float64], values: NDArray[np.float64], keep: float = KEEP) -> Series:
    """The values smoothed."""
    mean, error = smoothed(values, keep)
    return Series(name, x, mean).banded(*_band(mean, error))


def _band(
    loss: NDArray[np.float64], error: NDArray[np.float64] | float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two standard errors to both sides. A positive loss has a positive band, which a logarithmic axis can show."""
    low = loss - 2 * np.asarray(error)
    return np.where(loss > 0, np.maximum(low, np.minimum(loss, LOWEST_FLOOR)), low), loss + 2 * np.asarray(error)


def _noisy(steps: NDArray[np.float64], values: NDArray[np.float64]) -> list[Series]:
    """The values of each batch, and smoothed; none where there are no steps."""
    if not len(steps):
        return []
    return [Series(_("each batch"), steps, values, "dots"), smoothed_line(_("smoothed"), steps, values)]


def _nothing_yet(snapshot: Snapshot) -> str:
    if not snapshot.active:
        return _("This run ended before its first report.")
    return text.FIRST_LOSS if snapshot.status == "running" else text.FIRST_LOSS_QUEUED


def level_chart(snapshot: Snapshot) -> LiveChart:
    """Loss by noise level: of the first reports, of the latest, and the Bayes-optimal loss."""
    series: list[Series] = []
    is_log = words_of(snapshot.config).is_log
    if snapshot.reports:
        centre = _centres(len(snapshot.reports[-1].loss_by_level))
        levels = np.array([report.loss_by_level for report in snapshot.reports], dtype=np.float64)
        series.append(Series(_("at the start"), centre, _mean(levels[: max(1, len(levels) // 10)]), "dots"))
        series.append(Series(_("latest"), centre, _mean(levels[-RECENT:])))
        if snapshot.bayes_optimal is not None:
            floor = np.maximum(np.array(snapshot.bayes_optimal.loss_by_level), LOWEST_FLOOR)
            errors = snapshot.bayes_optimal.error_by_level or (0.0,) * len(floor)
            series.append(Series(text.FLOOR, centre, floor, "dashed").banded(*_band(floor, np.array(errors))))
    return LiveChart(
        _("Loss by noise level"),
        _(LEVELS),
        loss_unit(snapshot.config),
        tuple(series),
        log_y=is_log,
        y_range=None if is_log else (0, _top(series)),
        note=_("A floor below {lowest_floor:g} is drawn at {lowest_floor:g}.", lowest_floor=LOWEST_FLOOR)
        if is_log
        else "",
        empty=_nothing_yet(snapshot),
    )


def _centres(bins: int) -> NDArray[np.float64]:
    """Middle of each of the parts of 0 … 1."""
    return (np.arange(bins) + 0.5) / bins


def _top(series: list[Series]) -> float:
    """The upper end of the axis: a little above the largest value."""
    values = np.concatenate([np.asarray(one.y, dtype=np.float64) for one in series] or [np.ones(1)])
    return 1.1 * float(np.nanmax(values)) if np.isfinite(values).any() else 1.0


def bound_chart(snapshot: Snapshot) -> LiveChart:
    """The variational bound by training step, of a network with a learned variance."""
    known = [(report.step, report.bound) for report in snapshot.reports if report.bound is not None]
    steps, bound = np.array(known, dtype=np.float64).reshape(-1, 2).T
    return LiveChart(
        _("Variational bound"),
        _("training step"),
        _("bits per dimension"),
        tuple(_noisy(steps, bound)),
        log_y=True,
        note=_("On noised training images, with the learned variance, without the constant term at T."),
        empty=_nothing_yet(snapshot),
    )


def accuracy_chart(snapshot: Snapshot) -> LiveChart:
    """Accuracy of a classifier on held-out images by noise level, in percent."""
    series: list[Series] = []
    accuracy = snapshot.accuracy
    if accuracy is not None:
        centre = _centres(len(accuracy.accuracy_by_level))
        series.append(_shares(_("this classifier"), centre, accuracy.accuracy_by_level, accuracy.pictures))
        if accuracy.exact_by_level:  # not where there are too many training images
            exact = _shares(_(EXACT_CLASSIFIER), centre, accuracy.exact_by_level, accuracy.pictures)
            series.append(replace(exact, style="dashed"))
    return LiveChart(
        _("Accuracy on held-out images"),
        _(LEVELS),
        _("percent"),
        tuple(series),
        y_range=(0, 100),
        note=text.accuracy_note(accuracy.pictures, accuracy.step) if accuracy else "",
        empty=_("It has not been measured yet.") if snapshot.active else _("There were no held-out images."),
    )


def _shares(name: str, x: NDArray[np.float64], shares: Sequence[float], count: int) -> Series:
    """Shares of so many images in percent, with their 95 % intervals."""
    from engine.evaluation.metrics import wilson

    known = [wilson(round(share * count), count) for share in shares]
    percent = 100 * np.array([(share, one.low, one.high) for share, one in zip(shares, known, strict=True)]).T
    return Series(name, x, percent[0]).banded(percent[1], percent[2])


CHARTS = {"loss": loss_chart, "levels": level_chart, "bound": bound_chart, "accuracy": accuracy_chart}


def smoothed(values: NDArray[np.float64], keep: float = KEEP) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exponential mean, bias-corrected, and its standard error; values that are not finite are left out.

    A value has `keep` times the weight of the next one: the mean is one over about 1 / (1 − keep) values.

    The variance of a single value is half the mean square of the differences of neighbours (von Neumann 1941), which a slow
    trend hardly changes. The error is NaN before the 10th value.
    """
    means, errors = np.full(len(values), np.nan), np.full(len(values), np.nan)
    # Sums of the weights, of their squares, of the values, and of half the squared differences.
    new, sums, before, count = 1 - keep, np.zeros(4), math.nan, 0
    for k, value in enumerate(values):
        if math.isfinite(value):
            change = 0.0 if count == 0 else (value - before) ** 2 / 2
            sums = np.array((keep, keep**2, keep, keep)) * sums + np.array((new, new**2, new * value, new * change))
            before, count = value, count + 1
        weight, squares, total, changes = sums
        if count:
            means[k] = total / weight
        if count >= 10:
            variance = changes / (weight - new * keep ** (count - 1))  # the first value has no neighbour before it
            errors[k] = math.sqrt(variance * squares) / weight
    return means, errors


def previews(snapshot: Snapshot) -> Timeline:
    """Samples from the same noise after more and more training steps, on one timeline. The run must have some."""
    count = len(snapshot.previews)
    used = np.unique(np.linspace(0, count - 1, min(count, SHOWN_PREVIEWS)).round().astype(np.int64))
    lane = replace(
        packed_lane(snapshot, used, width_over_height=5.0),
        title=_("Samples from the same noise"),
        help=_("Only the weights change from one stop to the next."),
    )
    steps = [snapshot.previews[i][0] for i in used]
    positions = tuple(Position(step, _("after {step:,} training steps", step=step)) for step in steps)
    label = _("Samples during training")
    return Timeline(f"training-{snapshot.id}", (lane,), positions, start_at="last", fps=3, label=label)


@cached(
    LRUCache(KEPT_LANES), key=lambda snapshot, used, width_over_height: (snapshot.id, tuple(used), width_over_height)
)
def packed_lane(snapshot: Snapshot, used: NDArray[np.int64], width_over_height: float) -> Lane:
    """The previews of these numbers in one sheet; the page requests the same ones twice a second."""
    frames = [snapshot.previews[i][1] for i in used]
    return Lane.of_pictures("samples", "", frames, width_over_height=width_over_height)


def _mean(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over reports, (R, bins) to (bins); NaN for a bin in which no t was drawn."""
    known = np.isfinite(rows)
    sums, counts = np.where(known, rows, 0).sum(0), known.sum(0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
