"""The controls of the Points lab, and the points that they select."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from pydantic import field_validator

from engine.data.points import POINT_SETS, PointsError, PointSet, named
from engine.data.points_csv import MOST_POINTS
from engine.recipes.sampling_fields import SamplingFields
from playground.labs.points.drawn import check_drawn, drawn_set
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import Controls, Field, like, ui
from playground.labs.shared.picture import LARGEST_SEED
from playground.labs.shared.text import GUIDANCE_SCALE

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

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

    data: Literal[
        "moons",
        "circles",
        "roll",
        "spiral",
        "gaussians",
        "checkerboard",
        "pinwheel",
        "heart",
        "star",
        "smiley",
        "drawn",
        "file",
    ] = Field(
        "moons",
        title="Points",
        description="The data distribution. Every set is shifted and scaled to mean 0 and variance 1 along each axis.",
        json_schema_extra=ui(
            titles={name: points.title for name, points in POINT_SETS.items()}
            | {"drawn": "Drawn by you", "file": "Your own CSV"}
        ),
    )
    drawn: str = Field("", title="Drawn points", description="The points of the drawing pad, packed.", max_length=4000)
    count: int = Field(
        1000,
        ge=100,
        le=5000,
        title="Training points",
        description="Size of the data set. With more points the exact denoiser and the network follow the shape more closely; "
        "1,000 is usual.",
        json_schema_extra=ui(step=100),
    )
    classes: bool = Field(
        True,
        title="Class-conditional",
        description="Whether the denoiser is conditioned on the class of a point. Guidance needs it.",
    )
    model: Literal["exact", "trained"] = Field(
        "exact",
        title="Denoiser",
        description="**Exact** is the posterior mean E[x₀ | xₜ], calculated from the points; **Trained** is the network below.",
        json_schema_extra=ui(titles={"exact": "Exact", "trained": "Trained"}),
    )
    smoothing: float = like(
        SamplingFields,
        "smoothing",
        default=0.05,
        title="Smoothing (standard deviation)",
        help="The exact denoiser treats every point as a Gaussian of this standard deviation. At 0 it reproduces training "
        "points only; larger values spread the samples. Usual: 0 to 0.2.",
        step=0.01,
    )
    sampler: Literal["ddim", "ddpm", "heun", "dpm++2m", "dpm++2m-sde"] = Field(
        "ddim",
        title="Sampler",
        description="The update from one noise level to the next. DDPM adds fresh noise at every step; the others are "
        "deterministic, except the SDE solver.",
        json_schema_extra=ui(titles=SAMPLER_TITLES),
    )
    steps: int = like(
        SamplingFields,
        "steps",
        title="Steps",
        help="From noise to data. More steps follow the trajectory more exactly and take longer; 20 to 50 are usual for DDIM.",
        step=1,
    )
    eta: float = like(
        SamplingFields,
        "eta",
        title="DDIM η",
        help="Scales the standard deviation of the noise that DDIM adds at each step: 0 adds none and is usual, 1 adds as much "
        "as DDPM.",
        step=0.05,
    )
    compare: Literal["nothing", "model", "ddpm", "ddim", "heun", "dpm++2m", "quarter", "unguided"] = Field(
        "ddpm",
        title="Compare with",
        description="A second cloud from the same noise, with this one setting changed.",
        json_schema_extra=ui(titles=COMPARE_TITLES),
    )
    label: str = Field(
        "each",
        title="Class of the particles",
        description="The class that each particle is conditioned on.",
        json_schema_extra=ui(group=GUIDANCE),
    )
    scale: float = like(
        SamplingFields, "scale", default=1.0, title="Guidance scale", help=GUIDANCE_SCALE, step=0.25, group=GUIDANCE
    )
    schedule: Schedule = Field(
        "cosine",
        title="Training noise schedule",
        description="How ᾱₜ falls with t during training; cosine is usual.",
        json_schema_extra=ui(titles=SCHEDULE_TITLES, group=SCHEDULE),
    )
    sampling_schedule: Literal["own", "linear", "cosine", "sigmoid"] = Field(
        "own",
        title="Sampling noise schedule",
        description="A denoiser is conditioned on the noise level, so the schedule may be another than in training.",
        json_schema_extra=ui(titles={"own": "The same", **SCHEDULE_TITLES}, group=SCHEDULE),
    )
    T: int = Field(
        200,
        ge=10,
        le=1000,
        title="Forward steps T",
        description="More steps add less noise each; 1000 is usual for images, 200 is enough here.",
        json_schema_extra=ui(step=10, group=SCHEDULE),
    )
    particles: int = Field(
        2000,
        ge=100,
        le=2000,
        title="Particles",
        description="How many points are sampled; more show the distribution more finely and take longer.",
        json_schema_extra=ui(step=100, group=NUMBERS),
    )
    seed: int = Field(
        0,
        ge=0,
        le=LARGEST_SEED,
        title="Seed",
        description="Of the points, the noise and the training: the same seed gives the same result.",
        json_schema_extra=ui(slider=False, group=NUMBERS),
    )
    train_steps: int = Field(
        1000,
        ge=100,
        le=5000,
        title="Training steps",
        description="Of one round; **Continue training** adds another round. More lower the loss towards its minimum; 1,000 "
        "take a few seconds.",
        json_schema_extra=ui(step=100, group=NETWORK),
    )
    width: int = Field(
        96,
        ge=8,
        le=256,
        title="Hidden units per layer",
        description="A wider network fits finer shapes and trains more slowly; 96 is usual here.",
        json_schema_extra=ui(step=8, group=NETWORK),
    )
    depth: int = Field(
        3,
        ge=1,
        le=6,
        title="Hidden layers",
        description="A deeper network fits finer shapes and trains more slowly; 3 is usual here.",
        json_schema_extra=ui(group=NETWORK),
    )
    particle: int = Field(
        -1,
        ge=-1,
        le=1999,
        title="Particle",
        description="Number of the particle whose step is decomposed; −1 for none.",
    )
    frame: int = Field(25, ge=0, le=1000, title="Frame", description="Number of steps taken, of that particle.")

    @field_validator("drawn")
    @classmethod
    def _drawn_here(cls, text: str) -> str:
        return check_drawn(text)

    def settled(self) -> tuple[Self, list[str]]:
        """With no more steps than the schedule has, and no particle that does not exist."""
        mended: dict[str, int] = {}
        problems = []
        if self.steps > self.T:
            mended["steps"] = self.T
            problems.append(f"A schedule of T = {self.T} allows at most {self.T} steps. Steps was set to {self.T}.")
        if self.particle >= self.particles:
            mended["particle"] = -1
            problems.append(
                f"There are {self.particles} particles, the last is number {self.particles - 1}. None is selected."
            )
        return self.model_copy(update=mended), problems


def points_of(controls: PointsControls, own: PointSet | None = None) -> PointSet:
    """The points that are asked for; `own` are those of the reader's file.

    Raises:
        PointsError: where the reader has drawn too few or given no file yet: what to do, in one sentence.
    """
    if controls.data == "file":
        if own is None:
            raise PointsError("Choose a CSV file below: x and y on each line, and a class after them if you like.")
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
        return {controls.label: "No classes"}
    only = {str(k): f"All “{name}”" for k, name in enumerate(names)}
    return {"each": "As in the data", "none": "None (unconditional)", **only}


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
        reasons["count"] = "Your own points are used as they are."
    names = class_names(controls, own)
    if not names:
        why = "These points have no classes." if controls.classes else "The denoiser is unconditional."
        reasons["label"] = reasons["scale"] = why
    elif controls.label == "none":
        reasons["scale"] = "Guidance needs a class."
    if controls.model == "trained" and controls.compare != "model":
        reasons["smoothing"] = "Only the exact denoiser has it."
    if "ddim" not in (controls.sampler, controls.compare):
        reasons["eta"] = "Only DDIM has it."
    return reasons


def most_points(visitor: Visitor) -> int:
    """Most points that are read from a visitor's file."""
    return visitor.bounds("points").get("count", MOST_POINTS)
