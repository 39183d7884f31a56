"""The Points lab's sampling: one or two clouds of particles from the same noise, as a stage.

Ho et al. 2020, https://arxiv.org/abs/2006.11239, algorithm 2, and the samplers that came after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.data.points import PointSet
from playground.components.payloads.point_clouds import HALF_WIDTH, Array, Cloud, PointClouds, VectorField
from playground.components.payloads.timeline import Position
from playground.labs.points.controls import PointsControls
from playground.labs.points.trajectory import (
    Side,
    Trained,
    denoiser_of,
    frames_of,
    labels_of,
    schedule_of,
    sides,
    stage_key,
)
from playground.labs.shared.job import Partial

if TYPE_CHECKING:
    from torch import Tensor

    from engine.schedule import NoiseSchedule

MOST_FRAMES = 101
"""Moments of a cloud that travel to the browser; of more steps, so many evenly spaced ones."""
GRID, ARROW_LEVELS = 17, 26
NOT_TRAINED = (
    "No network has been trained on these very points yet: press Train. Until then you see the exact denoiser."
)


def work(controls: PointsControls, data: PointSet, trained: Trained | None) -> Iterator[Partial[PointClouds | None]]:
    """Draw the clouds; a result comes with the last step."""
    schedule = schedule_of(controls)
    wanted = sides(controls, trained)
    labels = labels_of(controls, data, controls.particles)
    total, done = sum(side.steps + 1 for side in wanted), 0
    walks = []
    for side in wanted:
        walk = _Walk(controls, side, schedule, data, labels, trained)
        for _ in walk.steps():
            done += 1
            if done < total:
                yield Partial(done, total, None)
        walks.append(walk)
    yield Partial(total, total, _stage(controls, data, trained, walks, labels))


class _Walk:
    """One cloud on its way, and what is kept of it."""

    def __init__(
        self,
        controls: PointsControls,
        side: Side,
        schedule: NoiseSchedule,
        data: PointSet,
        labels: NDArray[np.int64] | None,
        trained: Trained | None,
    ) -> None:
        import torch

        self.controls, self.side, self.schedule = controls, side, schedule
        self.label = None if labels is None else torch.from_numpy(labels)
        self.denoiser = denoiser_of(controls, side.model, data, trained, side.scale)
        self.kept = set(np.linspace(0, side.steps, min(side.steps + 1, MOST_FRAMES)).round().astype(int).tolist())
        self.t: list[int] = []
        self.x: list[Tensor] = []
        self.x0: list[Tensor] = []
        self.path = 0.0

    def steps(self) -> Iterator[None]:
        before = None
        everybody = range(self.controls.particles)
        for frame in frames_of(self.controls, self.side, self.schedule, self.denoiser, self.label, everybody):
            if before is not None:
                self.path += float((frame.x - before).norm(dim=1).mean())
            before = frame.x
            if frame.step in self.kept:
                self.t.append(frame.t)
                self.x.append(frame.x)
                self.x0.append(frame.x0)
            yield

    def arrows(self) -> VectorField:
        """−ε̂ on a grid, which is σ times the score ∇ log p_t(x), and half as long as that: two sigmas fill a cell."""
        import torch

        at = sorted({int(k) for k in np.linspace(0, max(0, len(self.t) - 2), ARROW_LEVELS).round()})
        steps = (torch.arange(GRID) + 0.5) * (2 * HALF_WIDTH / GRID) - HALF_WIDTH
        grid = torch.cartesian_prod(steps, steps).flip(1)
        one = self.label is not None and bool((self.label == self.label[0]).all())
        label = self.label[:1].expand(len(grid)) if one and self.label is not None else None
        found = [-self.denoiser(grid, self.schedule.level(self.t[k]), label).noise / 2 for k in at]
        nearest = np.abs(np.arange(len(self.t))[:, None] - np.array(at)).argmin(1)
        return VectorField(GRID, torch.stack(found).numpy(), tuple(nearest.tolist()))


def _stage(
    controls: PointsControls,
    data: PointSet,
    trained: Trained | None,
    walks: list[_Walk],
    labels: NDArray[np.int64] | None,
) -> PointClouds:
    import torch

    from engine.evaluation.metrics import energy_floor, energy_from_data

    times = np.array(walks[0].t, dtype=float)
    points = torch.from_numpy(data.x)
    floor = energy_floor(points)
    clouds = []
    for walk in walks:
        own = np.array(walk.t, dtype=float)
        at = np.interp(-times, -own, np.arange(len(own)))
        arrows = walk.arrows()
        shown = tuple(arrows.level_index[round(k)] for k in at)
        distance = energy_from_data(walk.x[-1], points)
        note = f"mean way {walk.path:.1f} · distance to the data {distance.value:.4f} (floor {floor.value:.4f})"
        clouds.append(
            Cloud(
                walk.side.key,
                walk.side.title,
                _packed(walk.x),
                tuple(at.tolist()),
                _packed(walk.x0),
                VectorField(arrows.grid, arrows.vectors, shown),
                note,
            )
        )
    return PointClouds(
        id=stage_key(controls, data, trained),
        clouds=tuple(clouds),
        positions=tuple(Position(t, f"t = {t} of {controls.T}") for t in walks[0].t),
        data=data.x,
        data_labels=data.labels if data.class_names else None,
        labels=labels,
        class_names=data.class_names,
        fps=max(4.0, min(30.0, len(times) / 4.5)),
        autoplay=True,
    )


def _packed(frames: list[Tensor]) -> Array:
    return np.stack([frame.numpy() for frame in frames]).astype(np.float32)
