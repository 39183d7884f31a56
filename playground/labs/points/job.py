"""The Points lab's sampling: one or two clouds of particles from the same noise.

Ho et al. 2020, https://arxiv.org/abs/2006.11239, algorithm 2, and the samplers that came after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.data.points import PointSet
from engine.language import _
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
from playground.labs.shared.noising import shown_times

if TYPE_CHECKING:
    from torch import Tensor

    from engine.denoiser import Denoiser
    from engine.schedule import NoiseSchedule

MOST_FRAMES = 101
"""Most frames of a cloud that are sent to the browser, evenly spaced."""
GRID, ARROW_LEVELS = 17, 26


def work(controls: PointsControls, data: PointSet, trained: Trained | None) -> Iterator[Partial[PointClouds | None]]:
    """Sample the clouds; the result comes with the last step."""
    import torch

    schedule = schedule_of(controls)
    both = sides(controls, trained)
    labels = labels_of(controls, data, controls.particles)
    label = None if labels is None else torch.from_numpy(labels)
    total, done = sum(side.steps + 1 for side in both), 0
    clouds = []
    for side in both:
        cloud = _Trajectories(side, schedule, denoiser_of(controls, side.model, data, trained, side.scale), label)
        for _step in cloud.steps(controls):
            done += 1
            if done < total:
                yield Partial(done, total, None)
        clouds.append(cloud)
    yield Partial(total, total, _point_clouds(controls, data, trained, clouds, labels))


@dataclass(eq=False)
class _Trajectories:
    """One cloud as it is sampled, and the frames of it that are shown."""

    side: Side
    schedule: NoiseSchedule
    denoiser: Denoiser
    label: Tensor | None
    t: list[int] = field(default_factory=list)
    x: list[Tensor] = field(default_factory=list)
    x0: list[Tensor] = field(default_factory=list)
    path: Tensor | float = 0.0
    """Length of the path of each particle."""

    def steps(self, controls: PointsControls) -> Iterator[None]:
        before, shown = None, set(shown_times(self.side.steps, MOST_FRAMES).tolist())
        particles = range(controls.particles)
        for frame in frames_of(controls, self.side, self.schedule, self.denoiser, self.label, particles):
            if before is not None:
                self.path = self.path + (frame.x - before).norm(dim=1)
            before = frame.x
            if frame.step in shown:
                self.t.append(frame.t)
                self.x.append(frame.x)
                self.x0.append(frame.x0)
            yield

    def arrows(self) -> VectorField:
        """−ε̂ on a grid, which is σ times the score ∇ log p_t(x), halved: a vector of length 2σ fills a cell."""
        import torch

        (at, nearest), grid = arrow_levels(len(self.t)), arrow_grid()
        one = self.label is not None and bool((self.label == self.label[0]).all())
        label = self.label[:1].expand(len(grid)) if one and self.label is not None else None
        vectors = [-self.denoiser(grid, self.schedule.level(self.t[k]), label).noise / 2 for k in at]
        return VectorField(GRID, torch.stack(vectors).numpy(), tuple(nearest))


def arrow_levels(count: int) -> tuple[list[int], list[int]]:
    """Of so many frames those that have arrows, and for each frame the number of the nearest among them."""
    at = sorted({int(k) for k in np.linspace(0, max(0, count - 2), ARROW_LEVELS).round()})
    nearest: list[int] = np.abs(np.arange(count)[:, None] - np.array(at)).argmin(1).tolist()
    return at, nearest


def arrow_grid() -> Tensor:
    """Where arrows stand, float32 (GRID², 2)."""
    import torch

    steps = (torch.arange(GRID) + 0.5) * (2 * HALF_WIDTH / GRID) - HALF_WIDTH
    return torch.cartesian_prod(steps, steps).flip(1)


def matching_frames(times: Sequence[int], own: Sequence[int]) -> list[float]:
    """For each time of one cloud the number of the frame of another that has it; between two frames of it a fraction."""
    falling = -np.array(own, dtype=float)
    found: list[float] = np.interp(-np.array(times, dtype=float), falling, np.arange(len(own))).tolist()
    return found


def _point_clouds(
    controls: PointsControls,
    data: PointSet,
    trained: Trained | None,
    sampled: list[_Trajectories],
    labels: NDArray[np.int64] | None,
) -> PointClouds:
    import torch

    from engine.evaluation.metrics import energy_error, energy_floor, energy_from_data

    times = sampled[0].t
    points = torch.from_numpy(data.x)
    floor = energy_floor(points)
    clouds = []
    for one in sampled:
        at = matching_frames(times, one.t)
        arrows = one.arrows()
        levels = tuple(arrows.level_index[round(k)] for k in at)
        distance = energy_from_data(one.x[-1], points)
        error = energy_error(one.x[-1], points)
        note = _(
            "mean path length {mean} · energy distance {distance:.4f} ± {error:.4f} (floor {floor:.4f} ± "
            "{floor_error:.4f})",
            mean=_mean(one.path),
            distance=distance.value,
            error=error,
            floor=floor.value,
            floor_error=floor.standard_error,
        )
        clouds.append(
            Cloud(
                one.side.key,
                one.side.title,
                _packed(one.x),
                tuple(at),
                _packed(one.x0),
                VectorField(arrows.grid, arrows.vectors, levels),
                note,
            )
        )
    return PointClouds(
        id=stage_key(controls, data, trained),
        clouds=tuple(clouds),
        positions=tuple(Position(t, _("t = {t} of {T}", t=t, T=controls.T)) for t in sampled[0].t),
        data=data.x,
        data_labels=data.labels if data.class_names else None,
        labels=labels,
        class_names=tuple(map(_, data.class_names)),
        fps=fps_of(len(times)),
        autoplay=True,
        label=_("Particles from noise to data"),
    )


def fps_of(count: int) -> float:
    """Frames per second of a cloud with so many frames."""
    return max(4.0, min(30.0, count / 4.5))


def _mean(lengths: Tensor | float) -> str:
    """ "5.31 ± 0.04", with the standard error over the particles."""
    import torch

    of_particles = torch.as_tensor(lengths)
    return f"{float(of_particles.mean()):.2f} ± {float(of_particles.std()) / len(of_particles) ** 0.5:.2f}"


def _packed(frames: list[Tensor]) -> Array:
    return np.stack([frame.numpy() for frame in frames]).astype(np.float32)
