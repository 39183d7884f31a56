"""The Points lab's training: a small network learns the points while one watches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.data.points import PointSet
from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.point_clouds import Array, Cloud, PointClouds
from playground.components.payloads.timeline import Position
from playground.labs.points.controls import PointsControls
from playground.labs.points.trajectory import Trained, labels_of, training_key
from playground.labs.shared.job import Job, JobState, Partial

if TYPE_CHECKING:
    from torch import Tensor

    from engine.training.points import PointState

REDRAWN_EVERY = 0.5
"""Seconds between two clouds while it learns."""
PARTICLES, STEPS = 1000, 20
"""Of those clouds."""
MOST_CLOUDS = 40
"""Of them are kept; where more come, every second one goes."""


@dataclass(frozen=True, eq=False)
class Learning:
    """A training as far as it has come."""

    controls: PointsControls
    data: PointSet
    trained: Trained
    state: PointState
    """To train on from."""
    steps: tuple[int, ...]
    losses: tuple[float, ...]
    floor: float
    """The loss of the exact denoiser."""
    shown_at: tuple[int, ...]
    clouds: tuple[Array, ...]
    """(N, 2) each, from the same noise."""
    distance: float
    """Of the last cloud from the data, as energy distance."""
    distance_floor: float
    ended: bool
    """Whether this round has come to its end."""


def work(controls: PointsControls, data: PointSet, before: Learning | None) -> Iterator[Partial[Learning]]:
    """One round of training; `before` is one that it goes on from (see `goes_on`).

    Raises:
        ValueError: where the loss stops being a number.
    """
    import torch

    from engine.evaluation.metrics import energy_floor, energy_from_data
    from engine.runtime import torch_threads
    from engine.training import points as training

    config = training.PointTraining(
        controls.schedule,
        controls.T,
        steps=controls.train_steps,
        width=controls.width,
        depth=controls.depth,
        seed=controls.seed,
    )
    on = training_key(controls, data)
    state = training.begin(config, data) if before is None else before.state
    floor = training.bayes_optimal_loss(config, data) if before is None else before.floor
    points = torch.from_numpy(data.x)
    distance_floor = energy_floor(points).value
    steps, losses = (list(before.steps), list(before.losses)) if before else ([], [])
    at, clouds = (list(before.shown_at), list(before.clouds)) if before else ([], [])
    done, seconds, began = 0, before.trained.seconds if before else 0.0, time.perf_counter()
    last = -REDRAWN_EVERY
    with torch_threads.training_run():
        for report in training.train(config, data, state):
            done = config.steps - report.left
            seconds += report.seconds
            if not np.isfinite(report.loss):
                raise ValueError("The loss stopped being a number. Try fewer hidden layers or a smaller network.")
            steps.append(report.step)
            losses.append(report.loss)
            if time.perf_counter() - began - last < REDRAWN_EVERY and report.left:
                continue
            last = time.perf_counter() - began
            trained = Trained(state.frozen(), on, report.step, seconds)
            cloud = _cloud(controls, data, trained)
            if len(clouds) >= MOST_CLOUDS:
                at, clouds = at[::2], clouds[::2]
            at.append(report.step)
            clouds.append(cloud.numpy())
            yield Partial(
                done,
                config.steps,
                Learning(
                    controls,
                    data,
                    trained,
                    state,
                    tuple(steps),
                    tuple(losses),
                    floor,
                    tuple(at),
                    tuple(clouds),
                    energy_from_data(cloud, points).value,
                    distance_floor,
                    not report.left,
                ),
            )


def _cloud(controls: PointsControls, data: PointSet, trained: Trained) -> Tensor:
    """Samples from the same noise every time, in a few steps."""
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
    """The network of that job, if it was trained on these very points and has come to its end (or was stopped)."""
    state: JobState[Learning] | None = None if job is None else job.state
    if (
        state is None
        or state.result is None
        or state.is_running
        or state.result.trained.on != training_key(controls, data)
    ):
        return None
    return state.result.trained


def stage(learning: Learning) -> PointClouds:
    """The clouds from fixed noise, one for each moment of the training that is kept."""
    data = learning.data
    labels = labels_of(learning.controls.model_copy(update={"label": "each"}), data, PARTICLES)
    ratio = learning.distance / learning.distance_floor
    note = (
        f"after {learning.trained.step:,} steps, {learning.trained.seconds:.1f} s · distance to the data "
        f"{learning.distance:.4f}, {ratio:.2f} × the floor"
    )
    return PointClouds(
        id=f"training {learning.trained.on}",
        clouds=(
            Cloud(
                "trained",
                "What it draws from the same noise",
                np.stack(learning.clouds).astype(np.float32),
                tuple(float(k) for k in range(len(learning.clouds))),
                note=note,
            ),
        ),
        positions=tuple(Position(step, f"after {step:,} steps") for step in learning.shown_at),
        data=data.x,
        data_labels=data.labels if data.class_names else None,
        labels=labels,
        class_names=data.class_names,
        has_trajectories=False,
        live=not learning.ended,
        start_at="last",
        fps=4.0,
        label="Clouds from the same noise as the network learns",
    )


def chart(learning: Learning) -> LiveChart:
    """The loss with that of the exact denoiser below it."""
    ends = (0, max(learning.steps))
    return LiveChart(
        "Loss",
        "training step",
        "squared error",
        (
            Series("network", learning.steps, learning.losses),
            Series("exact denoiser: nothing can be lower", ends, (learning.floor, learning.floor), "dashed"),
        ),
    )


def goes_on(job: Job[Learning] | None, controls: PointsControls, data: PointSet) -> Learning | None:
    """The training of that job, if one can train on from it: the same points, the same network."""
    before = None if job is None else job.state.result
    return before if before is not None and before.trained.on == training_key(controls, data) else None


def losses_csv(learning: Learning) -> str:
    """The losses as a table of text."""
    rows = (
        f"{step},{loss:.6g},{learning.floor:.6g}" for step, loss in zip(learning.steps, learning.losses, strict=True)
    )
    return "\n".join(["step,loss,exact_denoiser", *rows]) + "\n"
