"""The Points lab's training: a small network on the points, with a cloud from fixed noise as it learns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.data.points import PointSet
from engine.language import _
from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.point_clouds import Array, Cloud, PointClouds
from playground.components.payloads.timeline import Position
from playground.labs.points import text
from playground.labs.points.controls import PointsControls
from playground.labs.points.trajectory import Trained, labels_of, training_key
from playground.labs.shared.exports import File, csv
from playground.labs.shared.job import Job, Partial

if TYPE_CHECKING:
    from torch import Tensor

    from engine.evaluation.metrics import Estimate
    from engine.training.points import PointFloor, PointState, PointTraining

REDRAWN_EVERY = 0.5
"""Seconds between two clouds during training."""
PARTICLES, STEPS = 1000, 20
"""Of those clouds."""
MOST_CLOUDS = 40
"""Above this, every second cloud is dropped."""


@dataclass(frozen=True, eq=False)
class Learning:
    """The state of a training.

    state: to continue the training from.
    floor: the expected loss of the exact denoiser (the Bayes-optimal loss).
    shown_at, clouds: training steps, and the cloud after each, float32 (N, 2), from the same noise.
    distance, distance_floor: energy distance of the last cloud to the data, and of two samples of the data.
    ended: whether this round has ended.
    """

    controls: PointsControls
    data: PointSet
    trained: Trained
    state: PointState
    steps: tuple[int, ...]
    losses: tuple[float, ...]
    floor: PointFloor
    shown_at: tuple[int, ...]
    clouds: tuple[Array, ...]
    distance: float
    distance_floor: Estimate
    ended: bool


def work(controls: PointsControls, data: PointSet, before: Learning | None) -> Iterator[Partial[Learning]]:
    """One round of training; `before` is the training that it continues (see `continued`).

    Raises:
        ValueError: where the loss is no longer finite.
    """
    import torch

    from engine.evaluation.metrics import energy_floor, energy_from_data
    from engine.runtime import torch_threads
    from engine.training import points as training

    config = _config(controls)
    state = training.begin(config, data) if before is None else before.state
    floor = training.bayes_optimal_loss(config, data) if before is None else before.floor
    points = torch.from_numpy(data.x)
    distance_floor = energy_floor(points)
    seconds = before.trained.seconds if before else 0.0
    steps, losses = ([*before.steps], [*before.losses]) if before else ([], [])
    shown_at, clouds = ([*before.shown_at], [*before.clouds]) if before else ([], [])
    last = time.perf_counter() - REDRAWN_EVERY
    with torch_threads.training_run():
        for report in training.train(config, data, state):
            if not np.isfinite(report.loss):
                raise ValueError(_("The loss is no longer finite. Try fewer hidden layers or fewer hidden units."))
            steps.append(report.step)
            losses.append(report.loss)
            seconds += report.seconds
            now = time.perf_counter()
            if now - last < REDRAWN_EVERY and report.left:
                continue
            last = now
            trained = Trained(state.frozen(), training_key(controls, data), report.step, seconds)
            cloud = _cloud(controls, data, trained)
            if len(clouds) >= MOST_CLOUDS:
                shown_at, clouds = shown_at[::2], clouds[::2]
            shown_at.append(report.step)
            clouds.append(cloud.numpy())
            learning = Learning(
                controls,
                data,
                trained,
                state,
                tuple(steps),
                tuple(losses),
                floor,
                tuple(shown_at),
                tuple(clouds),
                energy_from_data(cloud, points).value,
                distance_floor,
                ended=not report.left,
            )
            yield Partial(config.steps - report.left, config.steps, learning)


def _config(controls: PointsControls) -> PointTraining:
    from engine.training.points import PointTraining

    return PointTraining(
        controls.schedule,
        controls.T,
        steps=controls.train_steps,
        width=controls.width,
        depth=controls.depth,
        seed=controls.seed,
    )


def _cloud(controls: PointsControls, data: PointSet, trained: Trained) -> Tensor:
    """Samples from the same noise in a few steps."""
    import torch

    from engine.samplers import DPMSolver2M
    from engine.sampling import sample

    labels = labels_of(controls.model_copy(update={"label": "each"}), data, PARTICLES)
    schedule = trained.denoiser.schedule
    *_, last = sample(
        trained.denoiser,
        schedule,
        DPMSolver2M(),
        shape=(2,),
        steps=min(STEPS, schedule.T),
        seeds=range(controls.seed, controls.seed + PARTICLES),
        label=None if labels is None else torch.from_numpy(labels),
    )
    return last.x


def usable(job: Job[Learning] | None, controls: PointsControls, data: PointSet) -> Trained | None:
    """The network of a job that has ended or was stopped, if it was trained on these points with these settings."""
    learning = continued(job, controls, data)
    return learning.trained if job is not None and learning is not None and not job.state.is_running else None


def continued(job: Job[Learning] | None, controls: PointsControls, data: PointSet) -> Learning | None:
    """The training of a job, if another round can continue it: the same points, the same network."""
    learning = None if job is None else job.state.result
    return learning if learning is not None and learning.trained.on == training_key(controls, data) else None


def stage(learning: Learning) -> PointClouds:
    """The clouds from fixed noise, one for each training step in `shown_at`."""
    data = learning.data
    labels = labels_of(learning.controls.model_copy(update={"label": "each"}), data, PARTICLES)
    note = _(
        "after {step:,} steps, {seconds:.1f} s · energy distance {distance:.4f} (floor {floor:.4f} ± "
        "{floor_error:.4f})",
        step=learning.trained.step,
        seconds=learning.trained.seconds,
        distance=learning.distance,
        floor=learning.distance_floor.value,
        floor_error=learning.distance_floor.standard_error,
    )
    return PointClouds(
        id=f"training {learning.trained.on}",
        clouds=(
            Cloud(
                "trained",
                _("Samples from the same noise"),
                np.stack(learning.clouds).astype(np.float32),
                tuple(float(k) for k in range(len(learning.clouds))),
                note=note,
            ),
        ),
        positions=tuple(Position(step, _("after {step:,} steps", step=step)) for step in learning.shown_at),
        data=data.x,
        data_labels=data.labels if data.class_names else None,
        labels=labels,
        class_names=tuple(map(_, data.class_names)),
        has_trajectories=False,
        live=not learning.ended,
        start_at="last",
        fps=4.0,
        label=_("Clouds from the same noise during training"),
    )


def chart(learning: Learning) -> LiveChart:
    """The loss, with the Bayes-optimal loss below it."""
    ends, floor = (0, max(learning.steps)), learning.floor.value
    config = _config(learning.controls)
    by_chance = 2 * learning.floor.spread(config.batch * config.report_every)
    return LiveChart(
        _("Loss"),
        _("training step"),
        _("squared error"),
        (
            Series(_("network"), learning.steps, learning.losses),
            Series(
                _("Bayes-optimal loss (exact denoiser)"),
                ends,
                (floor, floor),
                "dashed",
                low=(floor - by_chance,) * 2,
                high=(floor + by_chance,) * 2,
            ),
        ),
        note=text.BAND,
    )


def losses_file(learning: Learning) -> File:
    """The losses as a table."""
    rows = [
        (step, f"{loss:.6g}", f"{learning.floor.value:.6g}")
        for step, loss in zip(learning.steps, learning.losses, strict=True)
    ]
    return File(text.LOSSES, "losses.csv", "text/csv", csv([("step", "loss", "exact_denoiser"), *rows]))
