"""The Points lab's sampling: one or two clouds of particles from the same noise, as a stage.

Ho et al. 2020, https://arxiv.org/abs/2006.11239, algorithm 2, and the samplers that came after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.points import PointSet
from playground.labs.job import Partial
from playground.labs.points import COMPARE_TITLES, SAMPLER_TITLES, PointsControls
from playground.timeline.model import Position
from playground.timeline.stage import REACH, Array, Arrows, Cloud, Stage

if TYPE_CHECKING:
    from torch import Tensor

    from engine.denoiser import Denoiser, NetDenoiser
    from engine.samplers import Sampler
    from engine.sampling import Frame
    from engine.schedule import NoiseSchedule

MOST_FRAMES = 101
"""Moments of a cloud that travel to the browser; of more steps, so many evenly spaced ones."""
GRID, ARROW_LEVELS = 17, 26
NOT_TRAINED = (
    "No network has been trained on these very points yet: press Train. Until then you see the exact denoiser."
)


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that was trained here, and what on."""

    denoiser: NetDenoiser
    on: str
    """`training_key` of its settings."""
    step: int
    seconds: float


def training_key(controls: PointsControls, data: PointSet) -> str:
    """Names all that a network's weights depend on, but for how long it has been trained."""
    made = (controls.schedule, controls.T, controls.width, controls.depth, controls.seed, data.class_names)
    return _digest(data, made)


def stage_key(controls: PointsControls, data: PointSet, trained: Trained | None) -> str:
    """Names all that a stage depends on."""
    other = {"train_steps": 0, "width": 8, "depth": 1, "drawn": "", "data": "moons", "particle": -1, "frame": 0}
    without = controls.model_copy(update=other)
    uses = "trained" in (controls.model, _other(controls.model) if controls.compare == "model" else "")
    return _digest(data, (without, (trained.on, trained.step) if trained and uses else None))


def _digest(data: PointSet, more: object) -> str:
    content = data.x.tobytes() + data.labels.tobytes() + repr(more).encode()
    return hashlib.blake2b(content, digest_size=9).hexdigest()


class Side(NamedTuple):
    """How one of the clouds is drawn."""

    key: str
    title: str
    model: str
    sampler: str
    steps: int
    scale: float


def sides(controls: PointsControls, trained: Trained | None) -> tuple[Side, ...]:
    """The clouds that are wanted; where a trained network is missing, only those that can be had."""
    exact = "exact" if trained is None else controls.model
    first = Side("A", "", exact, controls.sampler, controls.steps, controls.scale)
    match controls.compare:
        case "nothing":
            other = first
        case "model":
            other = first._replace(model=_other(exact)) if trained is not None else first
        case "quarter":
            other = first._replace(steps=max(1, controls.steps // 4))
        case "unguided":
            other = first._replace(scale=1.0)
        case sampler:
            other = first._replace(sampler=sampler)
    both = (first,) if other == first else (first, other._replace(key="B"))
    return tuple(side._replace(title=_title(side, both)) for side in both)


def _other(model: str) -> str:
    return "exact" if model == "trained" else "trained"


def _title(side: Side, both: Sequence[Side]) -> str:
    """What sets it apart from the other."""
    first, last = both[0], both[-1]
    if first.model != last.model:
        return {"exact": "Exact denoiser", "trained": "Trained network"}[side.model]
    if first.steps != last.steps:
        return f"{side.steps} steps"
    if first.scale != last.scale:
        return f"Guidance scale {side.scale:g}"
    return SAMPLER_TITLES[side.sampler]


def labels_of(controls: PointsControls, data: PointSet, count: int) -> NDArray[np.int64] | None:
    """The class that each particle is asked for, int64 (count,): −1 where it is left open; None where there are none."""
    if not data.class_names:
        return None
    if controls.label == "each":
        shares = np.bincount(data.labels, minlength=len(data.class_names)) / len(data)
        ends = np.round(shares.cumsum() * count).astype(int)
        labels = np.searchsorted(ends, np.arange(count), side="right").clip(max=len(shares) - 1)
        return np.random.default_rng(controls.seed).permutation(labels)
    if controls.label.isdecimal() and int(controls.label) < len(data.class_names):
        return np.full(count, int(controls.label))
    return np.full(count, -1)


def work(controls: PointsControls, data: PointSet, trained: Trained | None) -> Iterator[Partial[Stage | None]]:
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


def schedule_of(controls: PointsControls) -> NoiseSchedule:
    """The one that is walked down."""
    from engine.schedule import SCHEDULES

    return SCHEDULES[controls.schedule if controls.walk == "same" else controls.walk](controls.T)


def frames_of(
    controls: PointsControls,
    side: Side,
    schedule: NoiseSchedule,
    denoiser: Denoiser,
    label: Tensor | None,
    particles: range,
    watched: Callable[[Sampler], Sampler] = lambda sampler: sampler,
) -> Iterator[Frame]:
    """The walk of some particles of a cloud, each the same whatever it is drawn together with.

    Args:
        controls, side, schedule, denoiser: as everywhere here.
        label: int64, the class of each of these particles; None where there are none.
        particles: their numbers, from 0: their seeds are the seed plus these.
        watched: puts something around the sampler that looks on.
    """
    from engine.samplers import SAMPLERS
    from engine.sampling import sample

    seeds = [controls.seed + number for number in particles]
    sampler = watched(SAMPLERS[side.sampler](controls.eta))
    return sample(denoiser, schedule, sampler, shape=(2,), steps=side.steps, seeds=seeds, label=label)


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

    def arrows(self) -> Arrows:
        """−ε̂ on a grid, which is σ times the score ∇ log p_t(x), and half as long as that: two sigmas fill a cell."""
        import torch

        at = sorted({int(k) for k in np.linspace(0, max(0, len(self.t) - 2), ARROW_LEVELS).round()})
        steps = (torch.arange(GRID) + 0.5) * (2 * REACH / GRID) - REACH
        grid = torch.cartesian_prod(steps, steps).flip(1)
        one = self.label is not None and bool((self.label == self.label[0]).all())
        label = self.label[:1].expand(len(grid)) if one and self.label is not None else None
        found = [-self.denoiser(grid, self.schedule.level(self.t[k]), label).noise / 2 for k in at]
        nearest = np.abs(np.arange(len(self.t))[:, None] - np.array(at)).argmin(1)
        return Arrows(GRID, torch.stack(found).numpy(), tuple(nearest.tolist()))


def denoiser_of(
    controls: PointsControls, model: str, data: PointSet, trained: Trained | None, scale: float
) -> Denoiser:
    """The exact or the trained denoiser, guided where that makes a difference."""
    import torch

    from engine.guidance import Guided
    from engine.ideal import ExactByClass, ExactDenoiser

    if model == "trained" and trained is not None:
        denoiser: Denoiser = trained.denoiser
    else:
        labels = torch.from_numpy(data.labels) if data.class_names else None
        denoiser = ExactByClass(ExactDenoiser(torch.from_numpy(data.x), labels, controls.smoothing))
    return Guided(denoiser, scale) if data.class_names and scale != 1 else denoiser


def _stage(
    controls: PointsControls,
    data: PointSet,
    trained: Trained | None,
    walks: list[_Walk],
    labels: NDArray[np.int64] | None,
) -> Stage:
    import torch

    from engine.measuring.metrics import energy_floor, energy_from_data

    times = np.array(walks[0].t, dtype=float)
    points = torch.from_numpy(data.x)
    floor = energy_floor(points)
    clouds = []
    for walk in walks:
        own = np.array(walk.t, dtype=float)
        at = np.interp(-times, -own, np.arange(len(own)))
        arrows = walk.arrows()
        shown = tuple(arrows.at[round(k)] for k in at)
        distance = energy_from_data(walk.x[-1], points)
        note = f"mean way {walk.path:.1f} · distance to the data {distance.value:.4f} (floor {floor.value:.4f})"
        clouds.append(
            Cloud(
                walk.side.key,
                walk.side.title,
                _packed(walk.x),
                tuple(at.tolist()),
                _packed(walk.x0),
                Arrows(arrows.grid, arrows.vectors, shown),
                note,
            )
        )
    return Stage(
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


__all__ = ["COMPARE_TITLES", "NOT_TRAINED", "Trained", "frames_of", "labels_of", "schedule_of", "sides", "stage_key"]
__all__ += ["training_key", "work"]
