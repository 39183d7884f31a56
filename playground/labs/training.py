"""The Training lab: a small network learns while one watches, its loss against the floor that nothing can beat."""

from __future__ import annotations

import math
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from playground.labs.controls import Controls, Field, ui
from playground.timeline.chart import LiveChart, Series
from playground.timeline.model import Lane, Position, Timeline

if TYPE_CHECKING:
    from engine.training.config import TrainConfig
    from engine.training.service import Snapshot

REPORT_SECONDS = 0.4
"""How often the loop should report: also how quickly it answers to Stop."""

PREVIEWS_PER_RUN = 12
SHOWN_PREVIEWS = 60
"""Of more, this many evenly spaced are sent to the browser."""


class TrainingControls(Controls):
    """What the reader sets before the start."""

    data: Literal["digits", "emoji"] = Field(
        "digits",
        title="Pictures",
        description="What the network learns to draw.",
        json_schema_extra=ui(titles={"digits": "digits", "emoji": "emoji"}),
    )
    preset: Literal["tiny", "small", "medium"] = Field(
        "tiny",
        title="Network",
        description="How large the U-Net is. Larger draws better and learns more slowly.",
        json_schema_extra=ui(titles={"tiny": "tiny", "small": "small", "medium": "medium"}),
    )
    target: Literal["noise", "clean", "velocity"] = Field(
        "noise",
        title="The network predicts",
        description="The noise ε as in DDPM, the clean picture x₀, or a mix of both, the velocity v.",
        json_schema_extra=ui(titles={"noise": "noise ε", "clean": "x₀", "velocity": "v"}),
    )
    schedule: Literal["linear", "cosine", "sigmoid"] = Field(
        "cosine",
        title="Noise schedule",
        description="How the noise comes in. See the Schedules lab.",
        json_schema_extra=ui(titles={"linear": "linear", "cosine": "cosine", "sigmoid": "sigmoid"}),
    )
    T: int = Field(
        1000, ge=10, le=1000, title="T", description="Steps of the forward process.", json_schema_extra=ui(step=10)
    )
    steps: int = Field(
        1200,
        ge=1,
        le=100_000,
        title="Training steps",
        description="Each step looks at one batch and moves the weights a little.",
        json_schema_extra=ui(slider=False, step=100),
    )
    batch: int = Field(32, ge=1, le=256, title="Batch", description="Pictures looked at in one step.")
    learning_rate: float = Field(
        1e-3,
        ge=1e-6,
        le=1.0,
        title="Learning rate",
        description="How far each step moves the weights. It rises at first and falls towards the end. Too much explodes.",
        json_schema_extra=ui(slider=False, step=1e-4, group="More"),
    )
    averaging: float = Field(
        0.99,
        ge=0,
        le=0.9999,
        title="Averaging",
        description="Samples are drawn with an average of the weights over about the last 1 / (1 − this) steps.",
        json_schema_extra=ui(slider=False, step=0.001, group="More"),
    )
    label_dropout: float = Field(
        0.1,
        ge=0,
        le=1,
        title="Label dropout",
        description="How often the label is hidden, so that the network also learns to draw without: guidance needs both.",
        json_schema_extra=ui(step=0.05, group="More"),
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**53 - 1,
        title="Seed",
        description="Settings and seed decide the weights, on one and the same machine.",
        json_schema_extra=ui(slider=False, group="More"),
    )


def config(controls: TrainingControls, seconds_per_step: float) -> TrainConfig:
    """The run that these settings ask for. Raises pydantic's ValidationError."""
    from engine.training.config import TrainConfig

    return TrainConfig(
        **controls.model_dump(),
        warmup=min(100, controls.steps // 10),
        report_every=max(1, min(controls.steps, round(REPORT_SECONDS / max(seconds_per_step, 1e-6)))),
        sample_every=max(1, controls.steps // PREVIEWS_PER_RUN),
    )


def parameter_count(controls: TrainingControls) -> int:
    """Of the network that would be trained."""
    return _parameter_count(controls.data, controls.preset)


@lru_cache(maxsize=32)
def _parameter_count(data: str, preset: str) -> int:
    import torch

    from engine.data.catalogue import load
    from engine.models.presets import PRESETS
    from engine.models.unet import UNet

    pictures = load(data)
    with torch.device("meta"):
        return UNet(PRESETS[preset].config(pictures.size, pictures.channels, len(pictures.class_names))).parameter_count


def seconds_per_step(controls: TrainingControls) -> float:
    """Measured on this machine, once for each kind of network and batch. Takes a few steps' time the first time."""
    return _seconds_per_step(controls.data, controls.preset, controls.batch)


@lru_cache(maxsize=64)
def _seconds_per_step(data: str, preset: str, batch: int) -> float:
    from engine.training import service
    from engine.training.config import TrainConfig

    return service.seconds_per_step(TrainConfig.model_validate({"data": data, "preset": preset, "batch": batch}))


def duration(seconds: float | None) -> str:
    """Seconds as a person says them."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def when(run_id: str) -> str:
    """When a run was started, read off its id: "23 Nov, 16:31". An id that names no real time is given as it is."""
    try:
        return time.strftime("%d %b, %H:%M", time.strptime(run_id[:15], "%Y%m%d-%H%M%S"))
    except ValueError:
        return run_id


def described(config: TrainConfig) -> str:
    """A run in one line."""
    return (
        f"{config.data}, {config.preset} network, predicts {config.target}, {config.schedule} schedule, T = {config.T}"
    )


def loss_chart(snapshot: Snapshot) -> LiveChart:
    """Loss against training step, with the ideal denoiser's as its floor."""
    steps = np.array([report.step for report in snapshot.reports], dtype=np.float64)
    loss = np.array([report.loss for report in snapshot.reports], dtype=np.float64)
    series = (
        [Series("this batch", steps, loss, "dots"), Series("smoothed", steps, smoothed(loss))] if len(steps) else []
    )
    if snapshot.floor is not None and len(steps):
        ends = np.array([0.0, snapshot.config.steps])
        series.append(Series("floor: the ideal denoiser", ends, np.full(2, snapshot.floor.loss), "dashed"))
    return LiveChart(
        "Loss",
        "training step",
        "mean squared error",
        tuple(series),
        log_y=True,
        empty=_nothing_yet(snapshot),
    )


def _nothing_yet(snapshot: Snapshot) -> str:
    return "The first loss appears in a few seconds." if snapshot.active else "This run ended before its first report."


def level_chart(snapshot: Snapshot) -> LiveChart:
    """Loss by noise level: the recent ones and the floor."""
    series: list[Series] = []
    if snapshot.reports:
        bins = len(snapshot.reports[-1].loss_by_level)
        centre = (np.arange(bins) + 0.5) / bins
        recent = np.array([report.loss_by_level for report in snapshot.reports[-40:]], dtype=np.float64)
        early = np.array([report.loss_by_level for report in snapshot.reports[: max(1, len(snapshot.reports) // 10)]])
        series.append(Series("at the beginning", centre, _mean(early), "dots"))
        series.append(Series("now", centre, _mean(recent)))
        if snapshot.floor is not None:
            floor = np.maximum(np.array(snapshot.floor.loss_by_level), 1e-4)
            series.append(Series("floor: the ideal denoiser", centre, floor, "dashed"))
    return LiveChart(
        "Loss by noise level",
        "t / T (0 is clean, 1 is pure noise)",
        "mean squared error",
        tuple(series),
        log_y=True,
        note="A floor below 0.0001 is drawn there.",
        empty=_nothing_yet(snapshot),
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
