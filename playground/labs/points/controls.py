"""The Points lab: its controls, the points that they ask for, and what goes with what.

What is computed from them is in points_walk.py (how particles move), points_stage.py (the clouds),
points_microscope.py (a step of one particle) and points_training.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import field_validator

from engine.data.points import POINT_SETS, PointsError, PointSet, named
from engine.data.points_csv import MOST_POINTS
from playground.labs.points.drawn import check_drawn, drawn_set
from playground.labs.shared.controls import Controls, Field, ui
from playground.labs.shared.picture import LARGEST_SEED

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
        description="What is to be learned. Every set is shifted and scaled to mean 0 and variance 1 along each axis.",
        json_schema_extra=ui(
            titles={name: points.title for name, points in POINT_SETS.items()}
            | {"drawn": "Drawn by me", "file": "My own CSV"}
        ),
    )
    drawn: str = Field("", title="Drawn points", description="As the pad writes them.", max_length=4000)
    count: int = Field(
        1000,
        ge=100,
        le=5000,
        title="Number of points",
        description="How many points there are to learn from. They are all that the exact denoiser and the network ever see.",
        json_schema_extra=ui(step=100),
    )
    classes: bool = Field(
        True,
        title="Tell the classes",
        description="Whether the denoiser is told which class a point belongs to. Guidance needs it.",
    )
    model: Literal["exact", "trained"] = Field(
        "exact",
        title="Denoiser",
        description="**Exact** is calculated from the points, without any training: what a perfect network would answer. "
        "**Trained** is the network that you train below.",
        json_schema_extra=ui(titles={"exact": "Exact", "trained": "Trained"}),
    )
    smoothing: float = Field(
        0.05,
        ge=0.0,
        le=0.4,
        title="Smoothing of the exact one",
        description="How wide each point is taken to be. At 0 nothing but the points themselves can come out.",
        json_schema_extra=ui(step=0.01),
    )
    sampler: Literal["ddim", "ddpm", "heun", "dpm++2m", "dpm++2m-sde"] = Field(
        "ddim", title="Sampler", description="How each step is made.", json_schema_extra=ui(titles=SAMPLER_TITLES)
    )
    steps: int = Field(
        50, ge=1, le=200, title="Steps", description="How many steps from noise to data.", json_schema_extra=ui(step=1)
    )
    eta: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        title="eta",
        description="How much fresh noise DDIM adds at each step: 0 is none, 1 as much as DDPM.",
        json_schema_extra=ui(step=0.05),
    )
    compare: Literal["nothing", "model", "ddpm", "ddim", "heun", "dpm++2m", "quarter", "unguided"] = Field(
        "ddpm",
        title="Compare with",
        description="A second cloud that begins with the same noise and differs in this alone.",
        json_schema_extra=ui(titles=COMPARE_TITLES),
    )
    label: str = Field(
        "each",
        title="Class of the particles",
        description="Which class each particle is asked to become.",
        json_schema_extra=ui(group="Classes and guidance"),
    )
    scale: float = Field(
        1.0,
        ge=0.0,
        le=8.0,
        title="Guidance scale",
        description="1 is the plain denoiser of the class, 0 ignores the class, above 1 exaggerates it.",
        json_schema_extra=ui(step=0.25, group="Classes and guidance"),
    )
    schedule: Schedule = Field(
        "cosine",
        title="Noise schedule of the training",
        description="How fast the noise comes in where the network learns.",
        json_schema_extra=ui(titles=SCHEDULE_TITLES, group="Noise schedule"),
    )
    walk: Literal["same", "linear", "cosine", "sigmoid"] = Field(
        "same",
        title="Sample along",
        description="A denoiser is told how noisy its input is, so sampling may go along another schedule than training did.",
        json_schema_extra=ui(titles={"same": "The same", **SCHEDULE_TITLES}, group="Noise schedule"),
    )
    T: int = Field(
        200,
        ge=10,
        le=1000,
        title="Steps T of the schedule",
        description="How many steps the forward process has.",
        json_schema_extra=ui(step=10, group="Noise schedule"),
    )
    particles: int = Field(
        2000,
        ge=100,
        le=2000,
        title="Particles",
        description="How many points are drawn.",
        json_schema_extra=ui(step=100, group="Numbers"),
    )
    seed: int = Field(
        0,
        ge=0,
        le=LARGEST_SEED,
        title="Seed",
        description="Of the points, of the noise and of the training: the same number gives the same again.",
        json_schema_extra=ui(slider=False, group="Numbers"),
    )
    train_steps: int = Field(
        1000,
        ge=100,
        le=5000,
        title="Training steps",
        description="In one round; training on is another round.",
        json_schema_extra=ui(step=100, group="Network"),
    )
    width: int = Field(
        96,
        ge=8,
        le=256,
        title="Width of the network",
        description="Neurons in each hidden layer.",
        json_schema_extra=ui(step=8, group="Network"),
    )
    depth: int = Field(
        3, ge=1, le=6, title="Hidden layers", description="How deep it is.", json_schema_extra=ui(group="Network")
    )
    particle: int = Field(
        -1, ge=-1, le=1999, title="Particle", description="Whose step is taken apart, counted from 0; −1 for nobody's."
    )
    frame: int = Field(25, ge=0, le=200, title="Frame", description="How many of its steps have been taken by then.")

    @field_validator("drawn")
    @classmethod
    def _drawn_here(cls, text: str) -> str:
        return check_drawn(text)

    def settled(self) -> tuple[Self, list[str]]:
        """With no more steps than the schedule has, and a particle that there is."""
        mended: dict[str, int] = {}
        said = []
        if self.steps > self.T:
            mended["steps"] = self.T
            said.append(f"A schedule of {self.T} steps can be walked in at most {self.T}; Steps was set to that.")
        if self.particle >= self.particles:
            mended["particle"] = -1
            said.append(
                f"There are {self.particles} particles, the last is number {self.particles - 1}. None is chosen."
            )
        return self.model_copy(update=mended), said


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
    return {"each": "Each its own, as in the data", "open": "Left open", **only}


def hidden(controls: PointsControls) -> tuple[str, ...]:
    """Controls that are no widgets: points are drawn, a particle and its step are pointed at."""
    return ("drawn", "particle", "frame")


def without_effect(controls: PointsControls, own: PointSet | None = None) -> dict[str, str]:
    """Controls that change nothing now, and why."""
    off = {}
    if controls.data in ("drawn", "file"):
        off["count"] = "These points are yours: there are as many as there are."
    names = class_names(controls, own)
    if not names:
        off["label"] = "These points have no classes." if controls.classes else "The classes are not told."
        off["scale"] = off["label"]
    elif controls.label == "open":
        off["scale"] = "Guidance needs a class."
    if controls.model == "trained" and controls.compare != "model":
        off["smoothing"] = "The trained network has no such setting."
    if "ddim" not in (controls.sampler, controls.compare):
        off["eta"] = "Of these samplers only DDIM has it."
    return off


def most_points(visitor: Visitor) -> int:
    """Points that are kept of a visitor's own file: no more than there may be of any other set."""
    return visitor.bounds("points").get("count", MOST_POINTS)
