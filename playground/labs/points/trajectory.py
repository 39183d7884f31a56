"""The Points lab's trajectories: which clouds are sampled, and with which denoiser, schedule and sampler."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.points import PointSet
from engine.language import _
from playground.labs.points.controls import SAMPLER_TITLES, PointsControls

if TYPE_CHECKING:
    from torch import Tensor

    from engine.denoiser import Denoiser, NetDenoiser
    from engine.samplers import Sampler
    from engine.sampling import Frame
    from engine.schedule import NoiseSchedule


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that was trained here."""

    denoiser: NetDenoiser
    on: str
    """`training_key` of its settings."""
    step: int
    seconds: float


def training_key(controls: PointsControls, data: PointSet) -> str:
    """A digest of all that a network's weights depend on, except the number of steps."""
    made = (controls.schedule, controls.T, controls.width, controls.depth, controls.seed, data.class_names)
    return _digest(data, made)


def stage_key(controls: PointsControls, data: PointSet, trained: Trained | None) -> str:
    """A digest of all that the clouds depend on."""
    other = {"train_steps": 0, "width": 8, "depth": 1, "drawn": "", "data": "moons", "particle": -1, "frame": 0}
    without = controls.model_copy(update=other)
    uses = "trained" in (controls.model, _other(controls.model) if controls.compare == "model" else "")
    return _digest(data, (without, (trained.on, trained.step) if trained and uses else None))


def _digest(data: PointSet, more: object) -> str:
    content = data.x.tobytes() + data.labels.tobytes() + repr(more).encode()
    return hashlib.blake2b(content, digest_size=9).hexdigest()


class Side(NamedTuple):
    """The settings of one cloud."""

    key: str
    title: str
    model: str
    sampler: str
    steps: int
    scale: float


def sides(controls: PointsControls, trained: Trained | None) -> tuple[Side, ...]:
    """The clouds to sample; those of the trained network only where there is one."""
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
    """The setting in which the clouds differ."""
    first, last = both[0], both[-1]
    if first.model != last.model:
        return {"exact": _("Exact denoiser"), "trained": _("Trained network")}[side.model]
    if first.steps != last.steps:
        return _("{steps} steps", steps=side.steps)
    if first.scale != last.scale:
        return _("Guidance scale {scale:g}", scale=side.scale)
    return SAMPLER_TITLES[side.sampler]


def labels_of(controls: PointsControls, data: PointSet, count: int) -> NDArray[np.int64] | None:
    """The class that each particle is conditioned on, int64 (count,), −1 for none; None where the data have no classes."""
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


def schedule_of(controls: PointsControls) -> NoiseSchedule:
    """The noise schedule of the sampling."""
    from engine.schedule import SCHEDULES

    return SCHEDULES[controls.schedule if controls.sampling_schedule == "own" else controls.sampling_schedule](
        controls.T
    )


def frames_of(
    controls: PointsControls,
    side: Side,
    schedule: NoiseSchedule,
    denoiser: Denoiser,
    label: Tensor | None,
    particles: range,
    wrap_sampler: Callable[[Sampler], Sampler] = lambda sampler: sampler,
) -> Iterator[Frame]:
    """The frames of some particles of a cloud; each particle is the same in any batch.

    Args:
        controls, side, schedule, denoiser: of the cloud.
        label: int64, the class of each of these particles; None where the data have no classes.
        particles: their numbers, from 0; particle k has the seed + k.
        wrap_sampler: puts another sampler around it, such as one that decomposes its steps.
    """
    from engine.samplers import SAMPLERS
    from engine.sampling import sample

    seeds = [controls.seed + number for number in particles]
    sampler = wrap_sampler(SAMPLERS[side.sampler](controls.eta))
    return sample(denoiser, schedule, sampler, shape=(2,), steps=side.steps, seeds=seeds, label=label)


def denoiser_of(
    controls: PointsControls, model: str, data: PointSet, trained: Trained | None, scale: float
) -> Denoiser:
    """The exact or the trained denoiser, guided where the scale is not 1."""
    import torch

    from engine.guidance import Guided
    from engine.ideal import ExactByClass, ExactDenoiser

    if model == "trained" and trained is not None:
        denoiser: Denoiser = trained.denoiser
    else:
        labels = torch.from_numpy(data.labels) if data.class_names else None
        denoiser = ExactByClass(ExactDenoiser(torch.from_numpy(data.x), labels, controls.smoothing))
    return Guided(denoiser, scale) if data.class_names and scale != 1 else denoiser
