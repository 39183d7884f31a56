"""Guidance in 2-D: the density that it samples from against p(x|c)^s p(x)^(1−s), which its formula suggests; both exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.language import N_, _
from playground.components.payloads.chart import LiveChart, Series
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.guidance.controls import GuidanceControls
from playground.labs.guidance.heat import heat, with_lines
from playground.labs.shared.job import Partial

if TYPE_CHECKING:
    from torch import Tensor

    from engine.analysis.guided_density import FiniteSampleDistance, Plane
    from engine.ideal import ExactDenoiser

POINTS = 4_000
STEPS = 200
KEPT = 40
"""Positions of the timeline after the first."""
CELLS = 90
BINS = 6
"""Cells of the plane along a side of a bin: points are counted in coarser cells than the density is drawn in."""
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


def in_words() -> str:
    """What is computed."""
    return _(
        "{points:,} points, {steps} steps, at {scales} guidance scales; no network evaluations.",
        points=POINTS,
        steps=STEPS,
        scales=1 + len(CURVE),
    )


@dataclass(frozen=True, eq=False)
class DensityFrame:
    """One noise level, densities of shape (CELLS, CELLS).

    points: of the guided points.
    tilted: p_t(x|c)^s p_t(x)^(1−s), whose score moves them.
    target: p(x|c)^s p(x)^(1−s) after the forward process.
    """

    t: int
    points: Field
    tilted: Field
    target: Field


@dataclass(frozen=True, eq=False)
class Distance:
    """Total variation between the guided points and p(x|c)^s p(x)^(1−s) at one scale, and its floor by chance."""

    scale: float
    distance: float
    floor: FiniteSampleDistance


@dataclass(frozen=True, eq=False)
class GuidedDensity:
    """Both densities, and their distance by scale, as far as they are computed."""

    scale: float
    frames: tuple[DensityFrame, ...]
    at_scale: Distance | None
    curve: tuple[Distance, ...]


def plane() -> Plane:
    """The part of the plane that is shown."""
    from engine.analysis.guided_density import Plane

    return Plane(3.6, CELLS)


def compute(controls: GuidanceControls) -> Iterator[Partial[GuidedDensity]]:
    """The trajectory at the chosen scale, then the distance at other scales."""
    from engine.analysis.guided_density import diffused_density, guided_trajectory, tilted_density
    from engine.samplers import SAMPLERS
    from engine.schedule import NoiseSchedule

    data, label, field = mixture(controls.preset), "AB".index(controls.side), plane()
    schedule = NoiseSchedule.cosine(1000)
    sampler = SAMPLERS[controls.stochastic]()
    kept = set(np.linspace(0, STEPS, KEPT + 1).round().astype(int).tolist())
    total = STEPS * (1 + len(CURVE))
    target = tilted_density(data, label, controls.scale, field)
    frames: list[DensityFrame] = []
    seed = controls.seed % 2**31

    def trajectory(scale: float) -> Iterator[tuple[int, Tensor]]:
        return guided_trajectory(
            data, label, scale, points=POINTS, schedule=schedule, sampler=sampler, steps=STEPS, seed=seed
        )

    for step, (t, x) in enumerate(trajectory(controls.scale)):
        if step in kept:
            level = schedule.level(t)
            frames.append(
                DensityFrame(
                    t,
                    field.histogram(x).numpy(),
                    tilted_density(data, label, controls.scale, field, level).numpy(),
                    diffused_density(target, field, level).numpy(),
                )
            )
            yield Partial(step, total, GuidedDensity(controls.scale, tuple(frames), None, ()))
    at_scale = distance_between(x.numpy(), target.numpy(), controls.scale)
    curve: list[Distance] = []
    for scale in CURVE:
        if scale == controls.scale:
            curve.append(at_scale)
        else:
            *_, (_, x) = trajectory(scale)
            curve.append(distance_between(x.numpy(), tilted_density(data, label, scale, field).numpy(), scale))
        yield Partial(
            STEPS * (1 + len(curve)), total, GuidedDensity(controls.scale, tuple(frames), at_scale, tuple(curve))
        )


def distance_between(points: Field, target: Field, scale: float) -> Distance:
    """Total variation between points and a density, counted in bins, and its floor."""
    import torch

    from engine.analysis.guided_density import coarsened, finite_sample_distance, total_variation

    field = plane()
    area = (field.width * BINS) ** 2
    density = coarsened(torch.tensor(target), BINS)
    there = coarsened(field.histogram(torch.tensor(points)), BINS)
    return Distance(scale, total_variation(there, density, area), finite_sample_distance(density, area, len(points)))


def verdict(density: GuidedDensity) -> str:
    """The result in a sentence or two."""
    if density.at_scale is None:
        return _("The points are being sampled.")
    distance, floor = density.at_scale.distance, density.at_scale.floor
    numbers = _(
        "Total variation to p(x|c)^s p(x)^(1−s): {distance:.3f}; of {points:,} samples of that density "
        "itself: {mean:.3f} ± {std:.3f}.",
        distance=distance,
        points=POINTS,
        mean=floor.mean,
        std=floor.std,
    )
    if distance >= floor.mean + 4 * floor.std:
        return _(
            "{numbers} So guidance at s = {scale:g} samples from another density: at each level it follows the "
            "score of the middle one, which is not that of the target after the forward process.",
            numbers=numbers,
            scale=density.scale,
        )
    same = _("At s = 1 both are p(x|c).") if density.scale == 1 else _("Here the two cannot be distinguished.")
    return f"{numbers} {same}"


LANES = (
    ("points", N_("guided points"), N_("Contours: the target, noised.")),
    (
        "tilted",
        N_("density whose score guides"),
        "<i>p</i><sub>t</sub>(<i>x</i>|<i>c</i>)<sup>s</sup> <i>p</i><sub>t</sub>(<i>x</i>)<sup>1−s</sup>",
    ),
    (
        "target",
        N_("target density, noised"),
        N_("<i>p</i>(<i>x</i>|<i>c</i>)<sup>s</sup> <i>p</i>(<i>x</i>)<sup>1−s</sup>, noised."),
    ),
)


def timeline(timeline_id: str, density: GuidedDensity, *, newest_only: bool = False) -> Timeline:
    """The three densities on one playhead, from noise to data; while they are computed, the newest frame alone."""
    frames = density.frames[-1:] if newest_only else density.frames
    lanes = []
    for key, title, help_text in LANES:
        pictures = []
        for frame in frames:
            top = max(float(frame.tilted.max()), float(frame.target.max()))
            pictures.append(with_lines(heat(getattr(frame, key), top, zoom=ZOOM), frame.target)[None])
        lanes.append(Lane.of_pictures(key, _(title), pictures, help=_(help_text)))
    return Timeline(
        f"{timeline_id}-live" if newest_only else timeline_id,
        tuple(lanes),
        tuple(Position(frame.t, _("t = {t} of 1000", t=frame.t)) for frame in frames),
        start_at="last",
        label=_("Guided and target density, from noise to data"),
    )


def chart(density: GuidedDensity) -> LiveChart:
    """The distance by scale, and its floor."""
    scale = np.array([one.scale for one in density.curve])
    series: tuple[Series, ...] = ()
    if len(scale):
        floors = np.array([one.floor.mean for one in density.curve])
        spread = 2 * np.array([one.floor.std for one in density.curve])
        series = (
            Series(_("guided points"), scale, np.array([one.distance for one in density.curve]), mark="circle"),
            Series(
                _("floor: samples of the target itself"),
                scale,
                floors,
                "dashed",
                low=floors - spread,
                high=floors + spread,
                color=5,
            ),
        )
    return LiveChart(
        _("Distance of the guided points from the target"),
        _("guidance scale s"),
        _("total variation"),
        series,
        note=_("0: the same density; 1: disjoint."),
        empty=_("The curve appears after the densities."),
    )


def table(density: GuidedDensity) -> list[tuple[object, ...]]:
    """Both densities at t = 0 in the cells of the plane: a header, and a row for each cell."""
    field, last = plane(), density.frames[-1]
    centres = field.centres.numpy()
    rows: list[tuple[object, ...]] = [("x", "y", "density of the guided points", "p(x|c)^s p(x)^(1-s)")]
    for i, y in enumerate(centres):
        for j, x in enumerate(centres):
            rows.append((f"{x:.4g}", f"{y:.4g}", f"{last.points[i, j]:.6g}", f"{last.target[i, j]:.6g}"))
    return rows


def curve_table(density: GuidedDensity) -> list[tuple[object, ...]]:
    """The distance at every scale: a header, and a row for each."""
    rows: list[tuple[object, ...]] = [("guidance scale", "total variation", "floor", "standard deviation of the floor")]
    return [*rows, *((one.scale, one.distance, one.floor.mean, one.floor.std) for one in density.curve)]
