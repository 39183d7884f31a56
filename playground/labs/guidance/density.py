"""In 2-D: the law that guidance really samples from against the one that its formula promises, both exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.heat import heat, with_lines
from playground.labs.shared.job import Partial

if TYPE_CHECKING:
    from engine.analysis.guided_density import Plane, SamplingFloor
    from engine.ideal import ExactDenoiser
    from engine.samplers import Sampler

POINTS = 4_000
STEPS = 200
KEPT = 40
"""Positions of the timeline beside the first."""
CELLS = 90
BINS = 6
"""Cells of the plane along one side of a bin: what is counted in is coarser than what is drawn."""
ZOOM = 3
CURVE = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Scales of the curve of distances."""

Field = npt.NDArray[np.float64]

PRESETS: dict[str, tuple[tuple[tuple[float, float], ...], tuple[int, ...], float]] = {
    "split": (((-1.5, 0.9), (0.5, -0.7), (1.2, 0.1)), (0, 0, 1), 0.4),
    "near": (((-0.5, 0.0), (0.5, 0.0)), (0, 1), 0.6),
    "ring": (
        tuple((1.6 * float(np.cos(a)), 1.6 * float(np.sin(a))) for a in np.arange(6) * np.pi / 3),
        (0, 1) * 3,
        0.4,
    ),
}
"""Means of the Gaussians, the class of each (0 is A, 1 is B), and their common standard deviation."""


def mixture(preset: str) -> ExactDenoiser:
    """The exact denoiser of a preset."""
    import torch

    from engine.ideal import ExactDenoiser

    means, labels, std = PRESETS[preset]
    return ExactDenoiser(torch.tensor(means, dtype=torch.float64), torch.tensor(labels), std)


IN_WORDS = f"{POINTS:,} points, {STEPS} steps, at {1 + len(CURVE)} scales; no network is asked."
"""What will be done."""


@dataclass(frozen=True, eq=False)
class Moment:
    """One level: where the points are, the density whose score moves them, and where noising the promised law would be."""

    t: int
    points: Field
    pushing: Field
    promised: Field


@dataclass(frozen=True, eq=False)
class Compared:
    """At one scale: the distance of the points from the promised law, and what it would be by chance alone."""

    w: float
    distance: float
    floor: SamplingFloor


@dataclass(frozen=True, eq=False)
class Law:
    """Both laws as far as they are known."""

    w: float
    moments: tuple[Moment, ...]
    here: Compared | None
    curve: tuple[Compared, ...]


def plane() -> Plane:
    """The part of the plane that is looked at."""
    from engine.analysis.guided_density import Plane

    return Plane(3.6, CELLS)


def compute(controls: GuidanceControls) -> Iterator[Partial[Law]]:
    """The walk at the reader's scale, and then the distance at other scales."""
    from engine.analysis.guided_density import diffused_density, guided_trajectory, tilted_density
    from engine.samplers import SAMPLERS
    from engine.schedule import NoiseSchedule

    data, label, field = mixture(controls.preset), "AB".index(controls.side), plane()
    schedule = NoiseSchedule.cosine(1000)
    sampler = SAMPLERS[controls.stochastic]()
    kept = set(np.linspace(0, STEPS, KEPT + 1).round().astype(int).tolist())
    total = STEPS * (1 + len(CURVE))
    promised = tilted_density(data, label, controls.w, field)
    moments: list[Moment] = []
    seed = controls.seed % 2**31
    walked = guided_trajectory(
        data, label, controls.w, points=POINTS, schedule=schedule, sampler=sampler, steps=STEPS, seed=seed
    )
    for step, (t, x) in enumerate(walked):
        if step in kept:
            level = schedule.level(t)
            moments.append(
                Moment(
                    t,
                    field.histogram(x).numpy(),
                    tilted_density(data, label, controls.w, field, level).numpy(),
                    diffused_density(promised, field, level).numpy(),
                )
            )
            yield Partial(step, total, Law(controls.w, tuple(moments), None, ()))
    here = compare(x.numpy(), promised.numpy(), controls.w)
    curve: list[Compared] = []
    for w in CURVE:
        found = here if w == controls.w else _compared_at(data, label, w, sampler, seed)
        curve.append(found)
        yield Partial(STEPS * (1 + len(curve)), total, Law(controls.w, tuple(moments), here, tuple(curve)))


def _compared_at(data: ExactDenoiser, label: int, w: float, sampler: Sampler, seed: int) -> Compared:
    from engine.analysis.guided_density import guided_trajectory, tilted_density
    from engine.schedule import NoiseSchedule

    schedule = NoiseSchedule.cosine(1000)
    *_, (_, x) = guided_trajectory(
        data, label, w, points=POINTS, schedule=schedule, sampler=sampler, steps=STEPS, seed=seed
    )
    return compare(x.numpy(), tilted_density(data, label, w, plane()).numpy(), w)


def compare(points: Field, promised: Field, w: float) -> Compared:
    """Total variation between points and a density, counted in bins, and its floor."""
    import torch

    from engine.analysis.guided_density import coarsened, sampling_floor, total_variation

    field = plane()
    area = (field.width * BINS) ** 2
    law = coarsened(torch.tensor(promised), BINS)
    there = coarsened(field.histogram(torch.tensor(points)), BINS)
    return Compared(w, total_variation(there, law, area), sampling_floor(law, area, len(points)))


def verdict(law: Law) -> str:
    """What has come out, in a sentence or two."""
    if law.here is None:
        return "The points are on their way."
    found = law.here
    numbers = (
        f"Total variation {found.distance:.3f}; {POINTS:,} points of the promised law itself would be "
        f"{found.floor.mean:.3f} ± {found.floor.std:.3f} away from it."
    )
    if found.distance < found.floor.mean + 4 * found.floor.std:
        same = "At w = 1 both are the law of the class." if law.w == 1 else "Here the two laws cannot be told apart."
        return f"{numbers} {same}"
    return (
        f"{numbers} So guidance at w = {law.w:g} draws from another law than p(x|c)^w p(x)^(1−w): it follows the score of the "
        "middle picture at every level, and those are not the right picture, the promised law with noise on it."
    )


_POWERS = "<i>p</i>{0}(<i>x</i>|<i>c</i>)<sup>w</sup> <i>p</i>{0}(<i>x</i>)<sup>1−w</sup>"
LANES = (
    ("points", "where the points are", "Lines: the promised law, noised."),
    ("pushing", "what pushes them", _POWERS.format("<sub>t</sub>")),
    ("promised", "where they should be", f"{_POWERS.format('')}, noised."),
)


def timeline(timeline_id: str, law: Law, *, newest_only: bool = False) -> Timeline:
    """The three densities on one playhead, from noise to data; while they are computed, the newest moment alone."""
    lanes = []
    moments = law.moments[-1:] if newest_only else law.moments
    tops = [max(float(moment.pushing.max()), float(moment.promised.max())) for moment in moments]
    for key, title, help_text in LANES:
        frames = []
        for moment, top in zip(moments, tops, strict=True):
            picture = heat(getattr(moment, key), top, zoom=ZOOM)
            frames.append(with_lines(picture, moment.promised)[None])
        lanes.append(Lane.of_pictures(key, title, frames, help=help_text))
    positions = tuple(Position(moment.t, f"t = {moment.t} of 1000") for moment in moments)
    return Timeline(
        f"{timeline_id}-live" if newest_only else timeline_id,
        tuple(lanes),
        positions,
        start_at="last",
        label="Two laws, from noise to data",
    )


def chart(law: Law) -> LiveChart:
    """The distance against the scale, and what it would be by chance."""
    w = np.array([one.w for one in law.curve])
    series = ()
    if len(w):
        floors = np.array([one.floor.mean for one in law.curve])
        spread = 2 * np.array([one.floor.std for one in law.curve])
        series = (
            Series(
                "guided points from the promised law", w, np.array([one.distance for one in law.curve]), mark="circle"
            ),
            Series(
                "floor: points of that law itself",
                w,
                floors,
                "dashed",
                low=floors - spread,
                high=floors + spread,
                color=5,
            ),
        )
    return LiveChart(
        "How far guidance is from its formula",
        "guidance scale w",
        "total variation",
        series,
        note="0: the same law; 1: nothing in common.",
        empty="The curve appears after the pictures.",
    )


def table(law: Law) -> list[tuple[object, ...]]:
    """Both laws at t = 0 in the cells of the plane, a head and a row for each cell."""
    field, last = plane(), law.moments[-1]
    centres = field.centres.numpy()
    rows: list[tuple[object, ...]] = [("x", "y", "density of the guided points", "p(x|c)^w p(x)^(1-w)")]
    for i, y in enumerate(centres):
        for j, x in enumerate(centres):
            rows.append((f"{x:.4g}", f"{y:.4g}", f"{last.points[i, j]:.6g}", f"{last.promised[i, j]:.6g}"))
    return rows


def curve_table(law: Law) -> list[tuple[object, ...]]:
    """The distance at every scale, a head and a row for each."""
    rows: list[tuple[object, ...]] = [("w", "total variation", "floor", "standard deviation of the floor")]
    return [*rows, *((one.w, one.distance, one.floor.mean, one.floor.std) for one in law.curve)]
