"""The Sampling lab: from noise to pictures, step by step, one setting or two of them on the same noise."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, create_model, model_validator
from pydantic.fields import FieldInfo

from playground.labs.controls import Controls, Field, ui
from playground.timeline.model import Lane, Position, Timeline
from playground.timeline.packing import nearest_index

if TYPE_CHECKING:
    from engine.library import Model
    from engine.recipe import Recipe
    from engine.sampling import Frame

MAX_POSITIONS = 120
"""Of a longer walk, this many evenly spaced frames are kept: memory does not grow with the number of steps."""

NOISE_RANGE = 3.0
"""ε̂ is shown from −3 to 3: all but 0.3 % of N(0, 1)."""

Pictures = npt.NDArray[np.uint8]
Status = Literal["running", "finished", "stopped", "failed"]
Side = Literal["A", "B"]

VARIANCE_TITLES = {"small": "β̃ (small)", "large": "β (large)", "learned": "learned", "zero": "none"}
SCHEDULE_TITLES = {"own": "the model's own", "linear": "linear", "cosine": "cosine", "sigmoid": "sigmoid"}
SPACING_TITLES = {"uniform": "even in t", "quadratic": "even in √t", "log-snr": "even in log-SNR"}
CLIP_TITLES = {"range": "clip", "quantile": "scale back", "none": "leave it"}
GUIDANCE, MORE, SECOND = "More guidance", "More", "B: another setting on the same noise"


def sampler_titles() -> dict[str, str]:
    """Every sampler that there is, with what the reader reads."""
    from engine.sampling import SAMPLERS

    return {name: sampler.title for name, sampler in SAMPLERS.items()}


def spacing_titles() -> dict[str, str]:
    """The same for where the steps lie."""
    from engine.schedule import SPACINGS

    return {name: SPACING_TITLES.get(name, name) for name in SPACINGS}


def _one_of(titles: Callable[[], dict[str, str]], what: str) -> AfterValidator:
    """Checks a name in a registry of the engine, which is not loaded before somebody asks for another than the default."""

    def check(name: str) -> str:
        if name not in titles():
            raise ValueError(f"There is no such {what}: there are {', '.join(titles())}.")
        return name

    return AfterValidator(check)


class OneSetting(Controls):
    """What the reader sets. In a comparison B has everything from the sampler on once more."""

    model: str = Field(
        "digits", max_length=500, title="Model", description="Who says what is under the noise.", json_schema_extra=ui()
    )
    labels: Literal["each", "one", "none"] = Field(
        "each",
        title="Labels",
        description="Which classes to draw: each in turn, one only, or none (the model decides).",
        json_schema_extra=ui(titles={"each": "each in turn", "one": "one", "none": "none"}),
    )
    label: int = Field(
        3, ge=0, le=999, title="Class", description="The one class to draw.", json_schema_extra=ui(slider=False)
    )
    count: int = Field(16, ge=1, le=64, title="Images", description="How many are drawn together.")
    seed: int = Field(
        0,
        ge=0,
        le=2**53 - 100,
        title="Seed",
        description="Image k has the seed + k, and comes out the same whatever it is drawn together with.",
        json_schema_extra=ui(slider=False),
    )
    smoothing: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Smoothing",
        description="The ideal denoiser takes every training picture for a cloud with this standard deviation. At 0 it can "
        "only give training pictures back; the larger it is, the further from all of them its pictures lie.",
        json_schema_extra=ui(step=0.05),
    )
    sampler: Annotated[str, _one_of(sampler_titles, "sampler")] = Field(
        "ddim",
        title="Sampler",
        description="DDPM adds fresh noise at every step; DDIM goes straight there and needs fewer steps; Heun and "
        "DPM-Solver++ follow the same path as DDIM more exactly.",
    )
    steps: int = Field(50, ge=1, le=1000, title="Steps", description="How many there are from noise to picture.")
    eta: float = Field(
        0.0,
        ge=0,
        le=1,
        title="eta",
        description="How much of DDPM's noise DDIM adds again at each step: 0 none, 1 all. It scales the standard deviation.",
        json_schema_extra=ui(step=0.05),
    )
    variance: Literal["small", "large", "learned", "zero"] = Field(
        "small",
        title="Variance",
        description="How much noise DDPM adds at each step; “learned” needs a model that has learned it. None at all is "
        "worth seeing; it is not the same as DDIM.",
        json_schema_extra=ui(titles=VARIANCE_TITLES),
    )
    scale: float = Field(
        2.0,
        ge=0,
        le=8,
        title="Guidance scale",
        description="1 is the plain conditional model, 0 ignores the label, above 1 exaggerates what the label changes. "
        "The w of Ho & Salimans is this minus 1.",
        json_schema_extra=ui(step=0.25),
    )
    scale_from: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Guide from a noise share of",
        description="Guidance works only while the share of noise, 1 − ᾱ, is at least this.",
        json_schema_extra=ui(step=0.05, group=GUIDANCE),
    )
    scale_to: float = Field(
        1.0,
        ge=0,
        le=1,
        title="Guide up to",
        description="Guidance works only while the share of noise is at most this; else the plain conditional model answers.",
        json_schema_extra=ui(step=0.05, group=GUIDANCE),
    )
    rescale: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Rescaling",
        description="Guidance raises the contrast; 1 brings the spread of x̂0 back to what it is without, 0 leaves it.",
        json_schema_extra=ui(step=0.05, group=GUIDANCE),
    )
    classifier: str = Field(
        "",
        max_length=500,
        title="Classifier",
        description="One that reads noisy pictures can push towards the label too: set the guidance scale to 0 to leave it "
        "to the classifier alone.",
        json_schema_extra=ui(group=GUIDANCE),
    )
    classifier_scale: float = Field(
        1.0,
        ge=0,
        le=20,
        title="Classifier's scale s",
        description="How hard it pushes: 1 is Bayes' rule, 0 nothing.",
        json_schema_extra=ui(step=0.25, group=GUIDANCE),
    )
    spacing: Annotated[str, _one_of(spacing_titles, "spacing")] = Field(
        "uniform",
        title="Steps lie",
        description="Evenly in t, closer together near the clean end, or evenly in the logarithm of signal over noise.",
        json_schema_extra=ui(group=MORE),
    )
    schedule: Literal["own", "linear", "cosine", "sigmoid"] = Field(
        "own",
        title="Noise schedule",
        description="The one to walk down. It may be another than in training: the model looks at the noise level.",
        json_schema_extra=ui(titles=SCHEDULE_TITLES, group=MORE),
    )
    T: int = Field(
        1000,
        ge=1,
        le=1000,
        title="T",
        description="Steps of the noise schedule, where it is not the model's own.",
        json_schema_extra=ui(group=MORE),
    )
    clip: Literal["range", "quantile", "none"] = Field(
        "range",
        title="Beyond black and white",
        description="What to do with an x̂0 out of range: clip it at every step, as Ho et al. do; scale the picture back by "
        "its 99.5 % quantile, which strong guidance needs; or leave it.",
        json_schema_extra=ui(titles=CLIP_TITLES, group=MORE),
    )
    compare: bool = Field(
        False, title="Compare A | B", description="Draw the same noise with a second setting beside it."
    )

    @model_validator(mode="before")
    @classmethod
    def _yes_and_no(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Links of earlier days say 0 or 1 for clipping."""
        old = {"0": "none", "1": "range"}
        return {name: old.get(value, value) if name == "clip" else value for name, value in values.items()}


OF_EACH_SIDE = (
    "smoothing",
    "sampler",
    "steps",
    "eta",
    "variance",
    "scale",
    "scale_from",
    "scale_to",
    "rescale",
    "classifier",
    "classifier_scale",
    "spacing",
    "schedule",
    "clip",
)
"""What B may have otherwise than A."""


def _of_b(name: str) -> FieldInfo:
    field = copy(OneSetting.model_fields[name])
    hints = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else ui()
    field.title, field.description = f"{field.title}, B", "As for A."
    field.json_schema_extra = {"ui": {**hints["ui"], "group": SECOND}}  # type: ignore[dict-item]
    if name == "sampler":
        field.default = "ddpm"  # something to compare with, at once
    return field


SamplingControls = create_model(
    "SamplingControls",
    __base__=OneSetting,
    **{f"b_{name}": (OneSetting.model_fields[name].annotation, _of_b(name)) for name in OF_EACH_SIDE},
)
B_FIELDS = tuple(f"b_{name}" for name in OF_EACH_SIDE)


def recipes(controls: OneSetting, classes: int) -> dict[Side, Recipe]:
    """What is to be computed: one recipe, or two that differ in nothing but the settings of B.

    Args:
        controls: as set.
        classes: how many the model knows.

    Raises:
        pydantic.ValidationError, RecipeError: where the settings cannot be carried out.
    """
    from engine.recipe import Recipe, RecipeError

    if controls.labels == "none" or not classes:
        labels: tuple[int, ...] = ()
    elif controls.labels == "one":
        if controls.label >= classes:
            raise RecipeError(
                f"This model knows the classes 0 … {classes - 1}: choose another class than {controls.label}."
            )
        labels = (controls.label,) * controls.count
    else:
        labels = tuple(k % classes for k in range(controls.count))
    seeds = tuple(controls.seed + k for k in range(controls.count))
    common = {"model": controls.model, "labels": labels, "seeds": seeds}

    def one(prefix: str) -> Recipe:
        settings = {name: getattr(controls, prefix + name) for name in OF_EACH_SIDE}
        if settings["schedule"] != "own":
            settings["T"] = controls.T
        if not _is_ideal(controls):
            del settings["smoothing"]
        if not settings["classifier"] or not labels:
            del settings["classifier"], settings["classifier_scale"]
        return Recipe.model_validate({**common, **settings})

    return {"A": one(""), "B": one("b_")} if controls.compare else {"A": one("")}


def _is_ideal(controls: OneSetting) -> bool:
    return controls.model.startswith("ideal:")


def hidden(controls: OneSetting) -> set[str]:
    """Controls that there is nothing to set with now."""
    away = set() if controls.labels == "one" else {"label"}
    for prefix in ("", "b_"):
        away |= set() if _is_ideal(controls) else {prefix + "smoothing"}
        away |= set() if getattr(controls, prefix + "classifier") else {prefix + "classifier_scale"}
    return away | (set() if controls.compare else set(B_FIELDS))


def without_effect(controls: OneSetting, classes: int) -> dict[str, str]:
    """Controls that change nothing now, each with the reason."""
    from engine.sampling import SAMPLERS

    reasons = {}
    unlabelled = not classes or controls.labels == "none"
    for prefix in ("", "b_"):
        uses = SAMPLERS[getattr(controls, prefix + "sampler")].settings
        if "eta" not in uses:
            reasons[prefix + "eta"] = "No effect now: it belongs to DDIM."
        if "variance" not in uses:
            reasons[prefix + "variance"] = "No effect now: it belongs to DDPM."
        if unlabelled:
            for name in ("scale", "scale_from", "scale_to", "rescale", "classifier", "classifier_scale"):
                reasons[prefix + name] = "No effect now: there is no label to be guided by."
        elif getattr(controls, prefix + "scale") == 1:
            for name in ("scale_from", "scale_to", "rescale"):
                reasons[prefix + name] = "No effect now: at scale 1 there is nothing to guide."
    if not classes:
        reasons["labels"] = "This model knows no classes."
    if controls.schedule == "own" and not (controls.compare and getattr(controls, "b_schedule") != "own"):  # noqa: B009
        reasons["T"] = "No effect now: the model's own schedule has its own T."
    return reasons


@dataclass(frozen=True, eq=False)
class Shot:
    """One kept frame as pictures."""

    step: int
    t: int
    x: Pictures
    x0: Pictures
    noise: Pictures


@dataclass(eq=False)
class Walk:
    """One side of a job: its recipe and the frames that there are so far."""

    side: Side
    recipe: Recipe
    kept: frozenset[int]
    """Numbers of the steps that are shown."""
    shots: list[Shot] = field(default_factory=list)
    steps_done: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    status: Status
    done: int
    total: int
    seconds: float
    seconds_left: float | None
    error: str


class SamplingJob:
    """Draws in a thread of its own; the page looks at it whenever it likes. Stops within one step of being asked.

    Args:
        model: what to ask.
        wanted: the recipe of each side. All sides advance together, so that both can be watched.
    """

    def __init__(self, job_id: str, model: Model, wanted: dict[Side, Recipe]) -> None:
        self.id = job_id
        self.model = model
        self.walks = [Walk(side, recipe, _kept_steps(recipe.steps), []) for side, recipe in wanted.items()]
        self._streams: list[Iterator[Frame]] = [recipe.frames(model) for recipe in wanted.values()]
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._status: Status = "running"
        self._error = ""
        self._began = time.perf_counter()
        self._ended: float | None = None
        self._thread = threading.Thread(target=self._run, name="sampling", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it. What there is stays; a step that is being computed right now is dropped when it comes out."""
        self._stop.set()
        self._end("stopped")

    def wait(self, timeout: float | None = None) -> None:
        """Block until it has ended."""
        self._thread.join(timeout)

    @property
    def progress(self) -> Progress:
        """How far it is, and how long it will take if it goes on like that."""
        with self._lock:
            done = sum(walk.steps_done for walk in self.walks)
            total = sum(walk.recipe.steps for walk in self.walks)
            seconds = (self._ended or time.perf_counter()) - self._began
            left = seconds / done * (total - done) if done and self._status == "running" else None
            return Progress(self._status, done, total, seconds, left, self._error)

    def shots(self, side: Side = "A") -> list[Shot]:
        """The frames so far, the noise first."""
        with self._lock:
            return next((list(walk.shots) for walk in self.walks if walk.side == side), [])

    def _run(self) -> None:
        try:
            pending = list(zip(self.walks, self._streams, strict=True))
            while pending and not self._stop.is_set():
                # The side that is further behind goes next, so that both arrive together.
                walk, stream = min(pending, key=lambda pair: pair[0].steps_done / pair[0].recipe.steps)
                frame = next(stream, None)
                if self._stop.is_set():
                    return
                if frame is None:
                    pending.remove((walk, stream))
                    continue
                shot = shot_of(frame) if frame.step in walk.kept else None
                with self._lock:
                    if self._status != "running":
                        return
                    walk.steps_done = frame.step
                    if shot is not None:
                        walk.shots.append(shot)
            self._end("finished")
        except Exception as problem:  # whatever happens in the thread, the reader is told
            traceback.print_exc()
            self._end("failed", f"Drawing broke off: {problem}")

    def _end(self, status: Status, error: str = "") -> None:
        with self._lock:
            if self._status == "running":
                self._status, self._error, self._ended = status, error, time.perf_counter()


def _kept_steps(steps: int) -> frozenset[int]:
    return frozenset(np.linspace(0, steps, min(steps, MAX_POSITIONS) + 1).round().astype(int).tolist())


def shot_of(frame: Frame) -> Shot:
    """A frame of the sampler as pictures."""
    from engine.data.pixels import to_uint8

    return Shot(frame.step, frame.t, to_uint8(frame.x), to_uint8(frame.x0), to_uint8(frame.noise / NOISE_RANGE))


LANES = {
    "x": ("<i>x</i><sub>t</sub>, the noisy picture", "What is being denoised; the result at t = 0."),
    "x0": (
        "<i>x̂</i><sub>0</sub>, the guess",
        "What the model thinks is underneath this <i>x</i><sub>t</sub>.",
    ),
    "noise": ("<i>ε̂</i>, the noise it sees", "What it would take away; grey is 0."),
}
"""Title and explanation of the three lanes."""

FPS = 15.0
LABEL = "Sampling, from noise to picture"


def neighbours(model: Model, picture: Pictures, k: int = 5) -> list[tuple[Pictures, str, float]]:
    """The k training pictures nearest to one picture: (picture, its class, distance per pixel on the scale 0 … 255).

    Args:
        model: whose training pictures to search; nothing is found where they are unknown.
        picture: uint8, shape (H, W, C).
    """
    import torch

    from engine.data import catalogue
    from engine.metrics import nearest_neighbours

    if not model.data:
        return []
    data = catalogue.load(model.data).training
    distances, numbers = nearest_neighbours(torch.tensor(picture[None]), torch.tensor(data.images), k)
    per_pixel = (distances[0] / picture.size**0.5).tolist()  # root mean square
    return [
        (data.images[i], data.class_names[data.labels[i]], distance)
        for i, distance in zip(numbers[0].tolist(), per_pixel, strict=True)
    ]


def by_heart(recipe: Recipe) -> str:
    """What a small distance to a training picture means for the pictures of this recipe."""
    if not recipe.model.startswith("ideal:"):
        return "A sample at a distance of (nearly) 0 was learned by heart."
    if not recipe.smoothing:
        return (
            "A sample at a distance of 0 was learned by heart, and the ideal denoiser knows nothing else. **Smoothing** in the "
            "sidebar takes it away from there."
        )
    return (
        f"With a smoothing of {recipe.smoothing:g} the ideal denoiser ends about {recipe.smoothing * 127.5:.0f} away from a "
        "training picture (less where clipping takes some of it back), in a direction of chance. So it no longer copies, but "
        "among so many pixels a direction of chance is noise: a network makes new digits because it generalises in "
        "another way than that."
    )


def timeline(
    timeline_id: str, sides: dict[Side, list[Shot]], *, pick: bool = True, autoplay: bool = False
) -> Timeline | None:
    """All frames on one playhead; where two sides have different steps, each shows its nearest t. None without frames."""
    sides = {side: shots for side, shots in sides.items() if shots}
    if not sides:
        return None
    leader = max(sides.values(), key=len)
    way = [shot.t / leader[0].t for shot in leader]
    # By the share of the way, since the sides may walk on schedules of different T.
    index = {side: nearest_index(way, [shot.t / shots[0].t for shot in shots]) for side, shots in sides.items()}
    return Timeline(
        timeline_id,
        _lanes(sides, index=index),
        _positions(leader),
        start_at="first" if autoplay else "last",
        autoplay=autoplay,
        fps=FPS,
        pick=pick,
        label=LABEL,
    )


def live_timeline(
    timeline_id: str, sides: dict[Side, list[Shot]], total: dict[Side, int], sent: int
) -> Timeline | None:
    """What is new since `sent` positions were sent, for the browser to add to what it has. None where nothing is.

    Both sides must have as many kept steps; where they have not, the comparison is shown when it is complete.
    """
    ready = min(len(shots) for shots in sides.values())
    if ready <= sent or len(set(total.values())) > 1:
        return None
    new = {side: shots[sent:ready] for side, shots in sides.items()}
    return Timeline(
        timeline_id,
        _lanes(new, first=sent),
        _positions(next(iter(new.values()))),
        live=True,
        first=sent,
        total=next(iter(total.values())),
        fps=FPS,
        label=LABEL,
    )


def _positions(shots: list[Shot]) -> tuple[Position, ...]:
    return tuple(Position(shot.t, f"step {shot.step}, t = {shot.t}") for shot in shots)


def _lanes(
    sides: dict[Side, list[Shot]], *, first: int = 0, index: dict[Side, tuple[int, ...]] | None = None
) -> tuple[Lane, ...]:
    """Three lanes for each side; `first` and `index` as in `Lane.of_pictures`."""
    compared = len(sides) > 1
    return tuple(
        Lane.of_pictures(
            f"{name}{side}" if compared else name,
            title,
            [getattr(shot, name) for shot in shots],
            first=first,
            index=None if index is None else index[side],
            width_over_height=_proportion(len(shots[0].x)),
            help=help_text,
            group=side if compared else "",
        )
        for name, (title, help_text) in LANES.items()
        for side, shots in sides.items()
    )


def _proportion(images: int) -> float:
    """Width over height of the block of pictures: about square, but wider where that leaves no cell empty."""
    rows = max((rows for rows in range(1, images + 1) if images % rows == 0 and rows * rows <= images), default=1)
    return images / rows**2 if images / rows**2 <= 2.5 else 1.0
