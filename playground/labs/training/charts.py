"""What the Training lab draws of a run: its loss against the floor that nothing can beat, what it draws, how well it reads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.shared.naming import loss_unit

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot
    from engine.training.config import TrainConfig

SHOWN_PREVIEWS = 60
"""Of more, this many evenly spaced are sent to the browser."""
LEVELS = "t / T (0 is clean, 1 is pure noise)"


def floor_title(config: TrainConfig) -> str:
    """Of whom the floor is."""
    return "floor: the ideal classifier" if config.task == "classifier" else "floor: the ideal denoiser"


def loss_chart(snapshot: Snapshot) -> LiveChart:
    """Loss against training step, with the ideal denoiser's (or classifier's) as its floor."""
    steps = np.array([report.step for report in snapshot.reports], dtype=np.float64)
    loss = np.array([report.loss for report in snapshot.reports], dtype=np.float64)
    series = (
        [Series("this batch", steps, loss, "dots"), Series("smoothed", steps, smoothed(loss))] if len(steps) else []
    )
    if snapshot.bayes_optimal is not None and len(steps):
        ends = np.array([0.0, snapshot.config.steps])
        series.append(Series(floor_title(snapshot.config), ends, np.full(2, snapshot.bayes_optimal.loss), "dashed"))
    if snapshot.held_out:
        seen, apart = zip(*snapshot.held_out, strict=True)
        series.append(Series("on held-out pictures", np.array(seen), np.array(apart), mark="diamond"))
    return LiveChart(
        "Loss",
        "training step",
        loss_unit(snapshot.config),
        tuple(series),
        log_y=snapshot.config.task != "classifier",
        empty=_nothing_yet(snapshot),
    )


def _nothing_yet(snapshot: Snapshot) -> str:
    return "The first loss appears in a few seconds." if snapshot.active else "This run ended before its first report."


def level_chart(snapshot: Snapshot) -> LiveChart:
    """Loss by noise level: the recent ones and the floor."""
    series: list[Series] = []
    if snapshot.config.task == "vae":
        return LiveChart(
            "Loss by noise level", LEVELS, loss_unit(snapshot.config), (), empty="A VAE sees no noise levels."
        )
    reads = snapshot.config.task == "classifier"
    if snapshot.reports:
        bins = len(snapshot.reports[-1].loss_by_level)
        centre = (np.arange(bins) + 0.5) / bins
        recent = np.array([report.loss_by_level for report in snapshot.reports[-40:]], dtype=np.float64)
        early = np.array([report.loss_by_level for report in snapshot.reports[: max(1, len(snapshot.reports) // 10)]])
        series.append(Series("at the beginning", centre, _mean(early), "dots"))
        series.append(Series("now", centre, _mean(recent)))
        if snapshot.bayes_optimal is not None:
            floor = np.maximum(np.array(snapshot.bayes_optimal.loss_by_level), 1e-4)
            series.append(Series(floor_title(snapshot.config), centre, floor, "dashed"))
    return LiveChart(
        "Loss by noise level",
        LEVELS,
        loss_unit(snapshot.config),
        tuple(series),
        log_y=not reads,
        y_range=(0, _top(series)) if reads else None,
        note="" if reads else "A floor below 0.0001 is drawn there.",
        empty=_nothing_yet(snapshot),
    )


def _top(series: list[Series]) -> float:
    """A little above all that is drawn."""
    values = np.concatenate([np.asarray(one.y, dtype=np.float64) for one in series] or [np.ones(1)])
    return 1.1 * float(np.nanmax(values)) if np.isfinite(values).any() else 1.0


def bound_chart(snapshot: Snapshot) -> LiveChart:
    """The variational bound against training step, of a network that learns its variance."""
    told = [(report.step, report.bound) for report in snapshot.reports if report.bound is not None]
    steps, bound = np.array(told, dtype=np.float64).reshape(-1, 2).T
    return LiveChart(
        "Variational bound",
        "training step",
        "bits per dimension",
        (Series("this batch", steps, bound, "dots"), Series("smoothed", steps, smoothed(bound))) if len(steps) else (),
        log_y=True,
        note="On noised training pictures, with the learned variance, without its constant part at T.",
        empty=_nothing_yet(snapshot),
    )


def accuracy_chart(snapshot: Snapshot) -> LiveChart:
    """How many held-out pictures a classifier reads rightly, by noise level."""
    series: list[Series] = []
    accuracy = snapshot.accuracy
    if accuracy is not None:
        bins = len(accuracy.accuracy_by_level)
        centre = (np.arange(bins) + 0.5) / bins
        series.append(Series("this classifier", centre, 100 * np.array(accuracy.accuracy_by_level)))
        if accuracy.exact_by_level:  # not where there are too many training pictures
            by_heart = 100 * np.array(accuracy.exact_by_level)
            series.append(Series("ideal classifier of the training pictures", centre, by_heart, "dashed"))
    return LiveChart(
        "Held-out pictures read rightly",
        LEVELS,
        "percent",
        tuple(series),
        y_range=(0, 100),
        note=f"{accuracy.pictures} held-out pictures, after {accuracy.step:,} training steps." if accuracy else "",
        empty="It has not been asked yet." if snapshot.active else "There was nothing to ask it.",
    )


def smoothed(values: np.ndarray) -> np.ndarray:
    """Exponential mean over about 10 values, without the pull of the first one. NaN stays out of it."""
    out, mean, weight = np.empty_like(values), 0.0, 0.0
    for k, value in enumerate(values):
        if math.isfinite(value):
            mean, weight = 0.9 * mean + 0.1 * value, 0.9 * weight + 0.1
        out[k] = mean / weight if weight else np.nan
    return out


def previews(snapshot: Snapshot) -> Timeline | None:
    """Samples from the same noise after more and more training, on one timeline. None while there are none."""
    shown = list(snapshot.previews)
    if not shown:
        return None
    if len(shown) > SHOWN_PREVIEWS:
        shown = [shown[i] for i in np.linspace(0, len(shown) - 1, SHOWN_PREVIEWS).round().astype(int)]
    lane = Lane.of_pictures(
        "samples",
        "Samples from the same noise",
        [pictures for _, pictures in shown],
        width_over_height=5.0,
        help="Only the weights change from one stop to the next.",
    )
    positions = tuple(Position(step, f"after {step:,} training steps") for step, _ in shown)
    return Timeline(
        f"training-{snapshot.id}", (lane,), positions, start_at="last", fps=3, label="Samples while the network learns"
    )


def _mean(rows: np.ndarray) -> np.ndarray:
    """Mean over reports, leaving out the parts of 0 … T where none fell."""
    known = np.isfinite(rows)
    sums, counts = np.where(known, rows, 0).sum(0), known.sum(0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
