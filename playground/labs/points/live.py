"""The Points lab's trained network in the reader's browser: what live_points.js computes the clouds with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from engine.language import Message, _
from engine.samplers import SAMPLERS
from playground.browser.instructions import ProgramError
from playground.browser.offered import SentNetwork
from playground.browser.program import Program, compile_trajectory
from playground.browser.script import worker_script
from playground.components.payloads.encoding import FiniteNumbers, PackedFloats, Payload
from playground.components.payloads.point_clouds import HALF_WIDTH
from playground.labs.points.controls import PointsControls
from playground.labs.points.job import GRID, MOST_FRAMES, arrow_grid, arrow_levels, fps_of, matching_frames
from playground.labs.points.trajectory import Side, Trained, labels_of, schedule_of, sides, stage_key
from playground.labs.shared.noising import shown_times

if TYPE_CHECKING:
    from torch import nn

    from engine.data.points import PointSet
    from engine.denoiser import Denoiser

STEPS = (5, 10, 20, 50)
ETAS = (0.0, 0.25, 0.5, 0.75, 1.0)
GUIDED = 3.0
"""A scale for programs: they take any other."""


@dataclass(frozen=True)
class LivePlan:
    """How one cloud is computed with some number of steps, and which of its frames are shown.

    plain, guided: with guidance scale 1, and with any other; None where there are no classes.
    t: of the frames that are shown; `shown`, how many steps each has taken.
    frame_index: of each position, which is a frame of the first cloud.
    arrows: numbers of the frames that have arrows; `level_index`, which of them each position shows.
    """

    plain: Program
    guided: Program | None
    t: tuple[int, ...]
    shown: tuple[int, ...]
    frame_index: FiniteNumbers
    arrows: tuple[int, ...]
    level_index: tuple[int, ...]


@dataclass(frozen=True)
class LiveCloud:
    """One cloud: its title, in which {steps} and {scale} stand for its own, and its plans by "STEPS ETA", or by "STEPS" alone.

    scale: where the cloud has one of its own.
    """

    key: str
    title: str
    plans: Mapping[str, LivePlan]
    scale: float | None


@dataclass(frozen=True, eq=False)
class LivePoints(Payload):
    """Everything that live_points.js needs.

    id: of the clouds with these settings, as `PointClouds` has it. network: with its weights, or where they are.
    seed: of the first particle; each has one more than the one before. labels: the class of each, −1 for none.
    steps_choices, eta_choices: that can be chosen; no eta where it has no effect. fps: by the number of steps.
    steps, eta, scale: to begin with. can_guide: whether the scale has an effect.
    grid: of the arrows, float32 (grid_side², 2). data, data_labels, class_names, half_width: as in `PointClouds`.
    """

    id: str
    network: SentNetwork
    script: str
    clouds: tuple[LiveCloud, ...]
    seed: int
    particles: int
    T: int
    steps_choices: tuple[int, ...]
    eta_choices: tuple[float, ...]
    fps: Mapping[str, float]
    can_guide: bool
    steps: int
    eta: float
    scale: float
    grid: PackedFloats
    grid_side: int
    data: PackedFloats
    data_labels: PackedFloats | None
    labels: tuple[int, ...] | None
    class_names: tuple[str, ...]
    half_width: float = HALF_WIDTH


def live_points(
    controls: PointsControls,
    data: PointSet,
    trained: Trained | None,
    sent: Callable[[nn.Module], SentNetwork],
    *,
    steps_offered: Sequence[int] = STEPS,
    etas_offered: Sequence[float] = ETAS,
) -> LivePoints:
    """The clouds of these settings, for the browser.

    Args:
        controls, data, trained: as for `job.work`.
        sent: how the network gets there, such as `offered.Enclosed().network`.
        steps_offered, etas_offered: values that a reader may choose besides the settings' own.

    Raises:
        ProgramError: where the browser cannot do this.
    """
    both = sides(controls, trained)
    if trained is None or any(side.model != "trained" for side in both):
        raise ProgramError(
            Message("The exact denoiser is evaluated on the server; the browser has the trained network.")
        )
    labels = labels_of(controls, data, controls.particles)
    can_guide = labels is not None and bool((labels >= 0).any())
    has_eta = any("eta" in SAMPLERS[side.sampler].settings for side in both)
    steps = tuple(sorted({*(n for n in steps_offered if n <= controls.T), controls.steps}))
    etas = tuple(sorted({*etas_offered, controls.eta})) if has_eta else (controls.eta,)
    planner = _Planner(controls, trained, labels is not None, can_guide)
    return LivePoints(
        id=stage_key(controls, data, trained),
        network=sent(trained.denoiser.net),
        script=worker_script(),
        clouds=tuple(planner.cloud(side, both, steps, etas) for side in both),
        seed=controls.seed,
        particles=controls.particles,
        T=controls.T,
        steps_choices=steps,
        eta_choices=etas if has_eta else (),
        fps={str(n): fps_of(len(shown_times(n, MOST_FRAMES))) for n in steps},
        can_guide=can_guide,
        steps=controls.steps,
        eta=controls.eta,
        scale=controls.scale,
        grid=arrow_grid().numpy(),
        grid_side=GRID,
        data=data.x,
        data_labels=data.labels if data.class_names else None,
        labels=None if labels is None else tuple(labels.tolist()),
        class_names=tuple(map(_, data.class_names)),
    )


@dataclass(frozen=True)
class _Planner:
    """Compiles the clouds of some settings."""

    controls: PointsControls
    trained: Trained
    has_labels: bool
    can_guide: bool

    def cloud(self, side: Side, both: tuple[Side, ...], steps: tuple[int, ...], etas: tuple[float, ...]) -> LiveCloud:
        """One of them."""
        first, last = both[0], both[-1]
        title = side.title
        if first.steps != last.steps:
            title = _("{steps} steps", steps="{steps}")
        elif first.scale != last.scale:
            title = _("Guidance scale {scale}", scale="{scale}")
        if "eta" in SAMPLERS[side.sampler].settings:
            plans = {f"{n} {eta:g}": self._plan(side, first, n, eta) for n, eta in product(steps, etas)}
        else:
            plans = {str(n): self._plan(side, first, n, 0.0) for n in steps}
        return LiveCloud(side.key, title, plans, None if side.scale == first.scale else side.scale)

    def _plan(self, side: Side, first: Side, steps: int, eta: float) -> LivePlan:
        """With so many steps of the first cloud, and this eta."""
        own = steps if side.steps == first.steps else max(1, steps // 4)
        schedule = schedule_of(self.controls)
        times, shown = schedule.timesteps(own), shown_times(own, MOST_FRAMES).tolist()
        all_times = schedule.timesteps(steps)
        positions = [all_times[k] for k in shown_times(steps, MOST_FRAMES)]
        t = [times[k] for k in shown]
        frame_index = matching_frames(positions, t)
        arrows, nearest = arrow_levels(len(t))

        def program(denoiser: Denoiser) -> Program:
            sampler = SAMPLERS[side.sampler](eta)
            return compile_trajectory(denoiser, sampler, schedule, times, (2,), has_labels=self.has_labels)

        from engine.guidance import Guided

        network = self.trained.denoiser
        return LivePlan(
            program(network),
            program(Guided(network, GUIDED)) if self.can_guide else None,
            tuple(t),
            tuple(shown),
            frame_index,
            tuple(arrows),
            tuple(nearest[round(k)] for k in frame_index),
        )
