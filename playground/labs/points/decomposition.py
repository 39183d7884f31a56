"""The Points lab's microscope: one particle on its way, every step of it taken apart into a weighted sum of vectors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.data.points import PointSet
from engine.language import N_, _
from playground.components.payloads.microscope import Branch, StepView
from playground.components.payloads.points_microscope import ParticleCursor, ParticleTrajectory, PointsMicroscope
from playground.labs.points import text
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
from playground.labs.shared.controls import checked

if TYPE_CHECKING:
    from engine.analysis.step_decomposition import DecomposingSampler, StepDecomposition
    from engine.samplers import Sampler
    from engine.schedule import NoiseSchedule
    from playground.labs.shared.decomposition import Pool, PosteriorWeights

MOST_NAMED = 400
"""Points that are drawn at a step, the heaviest first."""
LEAST_THOUGHT = 1e-3
"""Points with less than this share of the heaviest one's weight are not named: they could not be seen."""


def bench(
    controls: PointsControls, data: PointSet, trained: Trained | None, before: PointsMicroscope | None = None
) -> PointsMicroscope:
    """The selected particle's trajectory in each cloud; empty while none is selected.

    Args:
        controls, data, trained: of the clouds.
        before: what is shown now; returned where it shows this particle already.
    """
    stage, particle = stage_key(controls, data, trained), controls.particle
    if before is not None and (before.id, before.cursor.particle) == (stage, particle):
        return before
    times = tuple(schedule_of(controls).timesteps(sides(controls, trained)[0].steps))
    empty = PointsMicroscope(stage, controls.particles, ParticleCursor(particle, controls.frame), times, data.x)
    if particle < 0:
        return empty
    labels = labels_of(controls, data, controls.particles)
    label = -1 if labels is None else int(labels[particle])
    trajectories = tuple(_trajectory(controls, side, data, trained, label) for side in sides(controls, trained))
    return replace(empty, trajectories=trajectories, name=_(data.class_names[label]) if label >= 0 else "")


def moved(controls: PointsControls, where: ParticleCursor) -> PointsControls:
    """The settings with that particle and frame selected."""
    return checked(controls, particle=where.particle, frame=where.frame)


def _trajectory(
    controls: PointsControls, side: Side, data: PointSet, trained: Trained | None, label: int
) -> ParticleTrajectory:
    """The trajectory of the selected particle in one cloud, sampled alone: it has a seed of its own.

    Args:
        controls, side, data, trained: as for the clouds.
        label: the class of the particle, −1 for none.
    """
    import torch

    from engine.analysis.step_decomposition import DecomposingSampler
    from engine.process import posterior_variance
    from playground.labs.shared.decomposition import Pool, step_view

    decomposing: list[DecomposingSampler] = []

    def wrap(sampler: Sampler) -> Sampler:
        decomposing.append(DecomposingSampler(sampler))
        return decomposing[-1]

    schedule, pool, weights = schedule_of(controls), Pool(text.PARTS), _posterior_weights(controls, side, data)
    denoiser = denoiser_of(controls, side.model, data, trained, side.scale)
    labels = torch.tensor([label]) if data.class_names else None
    condition = label if label >= 0 and side.scale > 0 else None
    only = range(controls.particle, controls.particle + 1)
    views: list[StepView] = []
    std: list[float] = []
    posterior_std: list[float] = []
    frames: list[int] = []
    for frame in frames_of(controls, side, schedule, denoiser, labels, only, wrap):
        frames.append(pool.add(frame.x))
        anatomy = decomposing[-1].latest
        if frame.step == frame.steps or anatomy is None:
            break
        cut = step_view(pool, schedule, frame, anatomy, weights.at(frame.x, anatomy.now, condition))
        std.append(float(anatomy.std.mean()))
        posterior_std.append(float(posterior_variance(anatomy.now, anatomy.to).sqrt()))
        views.append(_with_posterior(cut, pool, schedule, anatomy, posterior_std[-1]))
    *before, outcome = frames
    shape = (-1, 1, 1, 2)
    branch = Branch(side.key, side.title, pool.stacked().reshape(shape), tuple(views), tuple(before), outcome)
    return ParticleTrajectory(branch, tuple(std), tuple(posterior_std))


def _with_posterior(
    cut: StepView, pool: Pool, schedule: NoiseSchedule, anatomy: StepDecomposition, std: float
) -> StepView:
    """With q(x_s | x_t, x̂0) beside the step, and only those weights that can be seen."""
    from playground.labs.shared.decomposition import posterior_equation

    to = 0 if bool(anatomy.to.variance == 0) else round(float(schedule.t_of(anatomy.to)))
    end = ("x0", anatomy.prediction.x0)
    sum_of_it = posterior_equation(pool, text.POSTERIOR, end, anatomy.x, (anatomy.now, cut.t), (anatomy.to, to))
    heaviest = max((weight for _, weight in cut.posterior_weights), default=0.0)
    seen = tuple(
        (row, float(f"{weight:.4g}")) for row, weight in cut.posterior_weights if weight >= LEAST_THOUGHT * heaviest
    )
    facts = (*cut.facts, (text.POSTERIOR_STD, f"{std:.4f}"))
    words = f"{cut.posterior_text} {text.drawn_share(len(seen), sum(weight for _, weight in seen))}"
    return replace(
        cut, equations=(*cut.equations, sum_of_it), facts=facts, posterior_weights=seen, posterior_text=words
    )


def _posterior_weights(controls: PointsControls, side: Side, data: PointSet) -> PosteriorWeights:
    """Of the exact denoiser: the very one that moves the cloud, or beside a network the one of the plain points."""
    import torch

    from engine.ideal import ExactDenoiser
    from playground.labs.shared.decomposition import PosteriorWeights

    labels = torch.from_numpy(data.labels) if data.class_names else None
    exact = ExactDenoiser(torch.from_numpy(data.x), labels, controls.smoothing if side.model == "exact" else 0.0)
    rows = {row: row for row in range(len(data))}  # the atlas are the points themselves
    return PosteriorWeights(exact, data.x, most=MOST_NAMED, what=N_("points"), numbers=rows)
