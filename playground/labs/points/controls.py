"""The controls of the Points lab, and the points that they select."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from pydantic import field_validator

from engine.data.points import POINT_SETS, PointsError, PointSet, named
from engine.language import _
from engine.recipes.sampling_fields import SamplingFields
from engine.storage import budgets
from playground.labs.points.drawn import check_drawn, drawn_set
from playground.labs.shared.controls import ControlRules, Controls, Problem, like, seed_setting, setting

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

Points = Literal[
    "moons", "circles", "roll", "spiral", "gaussians", "checkerboard", "pinwheel", "heart", "star", "smiley", "drawn", "file"
]  # fmt: skip
Schedule = Literal["linear", "cosine", "sigmoid"]
SCHEDULE_TITLES = {"linear": "Linear", "cosine": "Cosine", "sigmoid": "Sigmoid"}
SAMPLER_TITLES = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "heun": "Heun",
    "dpm++2m": "DPM-Solver++ 2M",
    "dpm++2m-sde": "DPM-Solver++ 2M SDE",
}
COMPARE_TITLES = {
    "nothing": "Nothing",
    "model": "The other denoiser",
    "ddpm": "DDPM",
    "ddim": "DDIM",
    "heun": "Heun",
    "dpm++2m": "DPM-Solver++ 2M",
    "quarter": "A quarter of the steps",
    "unguided": "Guidance scale 1",
}
GUIDANCE, SCHEDULE, NUMBERS, NETWORK = "Classes and guidance", "Noise schedule", "Particles and seed", "Network"


class PointsControls(Controls):
    """The settings of the Points lab. A file itself is not among them, so not in the link either."""

    data: Points = setting(
        "moons",
        "Points",
        "The data distribution. Every set is shifted and scaled to mean 0 and variance 1 along each axis.",
        titles={
            **{name: points.title for name, points in POINT_SETS.items()},
            "drawn": "Drawn by you",
            "file": "Your own CSV",
        },
    )
    drawn: str = setting("", "Drawn points", "The points of the drawing pad, packed.", max_length=4000)
    count: int = setting(
        1000,
        "Training points",
        "Size of the data set. With more points the exact denoiser and the network follow the shape more closely; "
        "1,000 is usual.",
        ge=100,
        le=5000,
        step=100,
    )
    classes: bool = setting(
        True, "Class-conditional", "Whether the denoiser is conditioned on the class of a point. Guidance needs it."
    )
    model: Literal["exact", "trained"] = setting(
        "exact",
        "Denoiser",
        "**Exact** is the posterior mean E[x₀ | xₜ], calculated from the points; **Trained** is the network below.",
        titles={"exact": "Exact", "trained": "Trained"},
    )
    smoothing: float = like(SamplingFields, "smoothing", default=0.05, step=0.01)
    sampler: Literal["ddim", "ddpm", "heun", "dpm++2m", "dpm++2m-sde"] = setting(
        "ddim",
        "Sampler",
        "The update from one noise level to the next. DDPM adds fresh noise at every step; the others are "
        "deterministic, except the SDE solver.",
        titles=SAMPLER_TITLES,
    )
    steps: int = like(SamplingFields, "steps")
    eta: float = like(SamplingFields, "eta")
    compare: Literal["nothing", "model", "ddpm", "ddim", "heun", "dpm++2m", "quarter", "unguided"] = setting(
        "ddpm",
        "Compare with",
        "A second cloud from the same noise, with this one setting changed.",
        titles=COMPARE_TITLES,
    )
    label: str = setting(
        "each", "Class of the particles", "The class that each particle is conditioned on.", group=GUIDANCE
    )
    scale: float = like(SamplingFields, "scale", default=1.0, group=GUIDANCE)
    schedule: Schedule = setting(
        "cosine",
        "Training noise schedule",
        "How ᾱₜ falls with t during training; cosine is usual.",
        titles=SCHEDULE_TITLES,
        group=SCHEDULE,
    )
    sampling_schedule: Literal["own", "linear", "cosine", "sigmoid"] = setting(
        "own",
        "Sampling noise schedule",
        "A denoiser is conditioned on the noise level, so the schedule may be another than in training.",
        titles={"own": "The same", **SCHEDULE_TITLES},
        group=SCHEDULE,
    )
    T: int = setting(
        200,
        "Forward steps T",
        "More steps add less noise each; 1000 is usual for images, 200 is enough here.",
        ge=10,
        le=1000,
        step=10,
        group=SCHEDULE,
    )
    particles: int = setting(
        2000,
        "Particles",
        "How many points are sampled; more show the distribution more finely and take longer.",
        ge=100,
        le=2000,
        step=100,
        group=NUMBERS,
    )
    seed: int = seed_setting(
        "Of the points, the noise and the training: the same seed gives the same result.", group=NUMBERS
    )
    train_steps: int = setting(
        1000,
        "Training steps",
        "Of one round; **Continue training** adds another round. More lower the loss towards its minimum; 1,000 "
        "take a few seconds.",
        ge=100,
        le=5000,
        step=100,
        group=NETWORK,
    )
    width: int = setting(
        96,
        "Hidden units per layer",
        "A wider network fits finer shapes and trains more slowly; 96 is usual here.",
        ge=8,
        le=256,
        step=8,
        group=NETWORK,
    )
    depth: int = setting(
        3,
        "Hidden layers",
        "A deeper network fits finer shapes and trains more slowly; 3 is usual here.",
        ge=1,
        le=6,
        group=NETWORK,
    )
    particle: int = setting(
        -1, "Particle", "Number of the particle whose step is decomposed; −1 for none.", ge=-1, le=1999
    )
    frame: int = setting(25, "Frame", "Number of steps taken, of that particle.", ge=0, le=1000)

    @field_validator("drawn")
    @classmethod
    def _drawn_here(cls, text: str) -> str:
        return check_drawn(text)

    def settled(self) -> tuple[Self, list[Problem]]:
        """With no more steps than the schedule has, and no particle that does not exist."""
        mended: dict[str, int] = {}
        problems = []
        if self.steps > self.T:
            mended["steps"] = self.T
            problems.append(
                Problem(
                    _("A schedule of T = {T} allows at most {T} steps.", T=self.T), _("Steps was set to {T}.", T=self.T)
                )
            )
        if self.particle >= self.particles:
            mended["particle"] = -1
            problems.append(
                Problem(
                    _(
                        "There are {particles} particles, the last is number {last}.",
                        particles=self.particles,
                        last=self.particles - 1,
                    ),
                    _("None is selected."),
                )
            )
        return self.model_copy(update=mended), problems


def points_of(controls: PointsControls, own: PointSet | None = None) -> PointSet:
    """The points that are asked for; `own` are those of the reader's file.

    Raises:
        PointsError: where the reader has drawn too few or given no file yet: what to do, in one sentence.
    """
    if controls.data == "file":
        if own is None:
            raise PointsError(_("Choose a CSV file below: x and y on each line, and a class after them if you like."))
        data = own
    else:
        data = (
            drawn_set(controls.drawn)
            if controls.data == "drawn"
            else named(controls.data, controls.count, controls.seed)
        )
    return data if controls.classes else data.without_classes()


def class_names(controls: PointsControls, own: PointSet | None = None) -> tuple[str, ...]:
    """Of the points that are asked for; none where there are no points yet."""
    if controls.data in POINT_SETS:
        return POINT_SETS[controls.data].class_names if controls.classes else ()
    try:
        return points_of(controls, own).class_names
    except PointsError:
        return ()


def label_titles(controls: PointsControls, own: PointSet | None = None) -> dict[str, str]:
    """The choices of `label`, and what the reader reads for each."""
    names = class_names(controls, own)
    if not names:
        return {controls.label: _("No classes")}
    only = {str(k): _("All “{name}”", name=_(name)) for k, name in enumerate(names)}
    return {"each": _("As in the data"), "none": _("None (unconditional)"), **only}


def rules(own: PointSet | None, bounds: Mapping[str, float]) -> ControlRules[PointsControls]:
    """Points, particle and frame are set in the figures; the classes are those of the data."""
    return ControlRules(
        hidden=lambda _: ("drawn", "particle", "frame"),
        disabled=lambda now: without_effect(now, own),
        options=lambda now: {"label": label_titles(now, own)},
        bounds=bounds,
    )


def without_effect(controls: PointsControls, own: PointSet | None = None) -> dict[str, str]:
    """Controls that have no effect, and why."""
    reasons = {}
    if controls.data in ("drawn", "file"):
        reasons["count"] = _("Your own points are used as they are.")
    names = class_names(controls, own)
    if not names:
        why = _("These points have no classes.") if controls.classes else _("The denoiser is unconditional.")
        reasons["label"] = reasons["scale"] = why
    elif controls.label == "none":
        reasons["scale"] = _("Guidance needs a class.")
    if controls.model == "trained" and controls.compare != "model":
        reasons["smoothing"] = _("Only the exact denoiser has it.")
    if "ddim" not in (controls.sampler, controls.compare):
        reasons["eta"] = _("Only DDIM has it.")
    return reasons


def most_points(visitor: Visitor) -> int:
    """Most points that are read from a visitor's file."""
    return visitor.bounds("points").get("count", budgets.CSV_POINTS)
