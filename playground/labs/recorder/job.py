"""The Flight recorder: training time × sampling time. What the same noise became, after how much training."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from engine.data.shipped import read_arrays
from playground.components.payloads.recorder import TrainingSamplingMap
from playground.components.payloads.timeline import Lane, Position
from playground.labs.sampling.job import proportion
from playground.labs.shared.controls import Controls, Field, ui
from playground.labs.shared.job import Partial
from playground.labs.shared.picture import LARGEST_SEED

if TYPE_CHECKING:
    from engine.models.opened import Model
    from playground.policy.visitor import Visitor

RECORDED = "recorded"
RECORDING = Path(__file__).resolve().parents[3] / "assets" / "flight" / "digits.npz"
"""Made by assets/make_flight.py."""
STEPS = 20
"""From noise to picture, by DDIM."""
MOST_STOPS = 16
"""Moments of the training that are shown, evenly chosen."""

Pictures = npt.NDArray[np.uint8]

LANES = {
    "x0": "<i>x̂</i><sub>0</sub>, what it thinks is underneath",
    "x": "<i>x</i><sub>t</sub>, what is being denoised",
}


class RecorderControls(Controls):
    """Which training is looked back at, and what is drawn at each moment of it."""

    run: str = Field(
        RECORDED,
        max_length=200,
        title="Training",
        description="The one that ships, or any of your own from the Training lab.",
    )
    show: Literal["x0", "x"] = Field(
        "x0",
        title="Show",
        description="What the network thinks is underneath, or the noisy picture itself.",
        json_schema_extra=ui(titles={"x0": "Its guess x̂₀", "x": "The noisy xₜ"}),
    )
    count: int = Field(10, ge=1, le=20, title="Pictures", description="Of the classes in turn, where it knows any.")
    seed: int = Field(
        0,
        ge=0,
        le=LARGEST_SEED,
        title="Seed",
        description="Of the noise, which is the same at every moment of the training.",
        json_schema_extra=ui(slider=False),
    )
    scale: float = Field(
        1.0,
        ge=0,
        le=8,
        title="Guidance scale",
        description="1 is the plain conditional model, 0 ignores the label.",
        json_schema_extra=ui(step=0.25),
    )


NOT_OF_THE_RECORDING = "The recording was made with 10 pictures, seed 0 and scale 1."


def without_effect(controls: RecorderControls) -> dict[str, str]:
    """Controls that change nothing now, and why."""
    return dict.fromkeys(("count", "seed", "scale"), NOT_OF_THE_RECORDING) if controls.run == RECORDED else {}


def choices(visitor: Visitor) -> dict[str, str]:
    """Name and title of every training run that this visitor can look back at."""
    from playground.labs.shared.naming import data_title, when

    found = {RECORDED: "Recorded: a tiny network learns digits"}
    for one in visitor.runs.snapshots():
        if one.can_sample:
            found[one.id] = f"Your run of {when(one.id)}: {data_title(one.config.data)}, step {one.step:,}"
    return found


@dataclass(frozen=True, eq=False)
class Recording:
    """What has been computed so far."""

    id: str
    title: str
    steps: tuple[int, ...]
    """Training steps that there are so far."""
    total: int
    """How many there will be."""
    t: tuple[int, ...]
    """The t of each frame, noise first."""
    x0: tuple[Pictures, ...]
    """For each training step uint8 (F, B, H, W, C): the guess at every frame."""
    x: tuple[Pictures, ...]
    """The same for x_t."""
    names: tuple[str, ...] = ()
    """Of the class of each picture; empty where there are none."""
    asked: RecorderControls = field(default_factory=RecorderControls)
    """What it was computed for."""

    @property
    def of(self) -> RecorderControls:
        """The same without what it does not depend on."""
        return drawn_with(self.asked)


def drawn_with(controls: RecorderControls) -> RecorderControls:
    """The settings on which the pictures depend, the others at their defaults."""
    return controls.model_copy(update={"show": RecorderControls().show})


@lru_cache(maxsize=1)
def recorded() -> Recording:
    """The recording that ships. Raises ValueError where the asset is missing or damaged."""
    names = ("steps", "t", "x0", "x", "names")
    arrays = read_arrays(RECORDING, names)
    steps, t, x0, x, labels = (arrays[name] for name in names)
    return Recording(
        RECORDED,
        "A tiny network learns digits",
        tuple(steps.tolist()),
        len(steps),
        tuple(t.tolist()),
        tuple(x0),
        tuple(x),
        tuple(str(label) for label in labels),
    )


def fly(controls: RecorderControls, visitor: Visitor) -> Iterator[Partial[Recording | None]]:
    """Draw the same noise with what the network was at each moment of its training, one moment after the other.

    Raises:
        ValueError: with one sentence for the reader.
    """
    if controls.run == RECORDED:
        found = recorded()
        yield Partial(found.total, found.total, found)
        return
    stops = _thinned(visitor.runs.milestones(controls.run), MOST_STOPS)
    if not stops:
        raise ValueError("Of this run nothing is kept that could be looked back at yet. Let it train a little longer.")
    recording = Recording(secrets.token_hex(6), "", (), len(stops), (), (), (), asked=controls)
    for k, step in enumerate(stops):
        model = visitor.runs.model_at(controls.run, step)
        frames = []
        for frame in _frames(controls, model):
            frames.append(frame)
            shown = recording if recording.steps else None
            yield Partial(k * STEPS + min(len(frames), STEPS - 1), len(stops) * STEPS, shown)
        recording = _longer(recording, model, step, frames)
        yield Partial((k + 1) * STEPS, len(stops) * STEPS, recording)


def _thinned(steps: tuple[int, ...], most: int) -> tuple[int, ...]:
    """At most so many of them, evenly spread, the first and the last among them."""
    if len(steps) <= most:
        return steps
    return tuple(steps[k] for k in np.linspace(0, len(steps) - 1, most).round().astype(int))


def _frames(controls: RecorderControls, model: Model) -> Iterator[Any]:
    from engine.recipes.recipe import Recipe

    classes, count = len(model.class_names), controls.count
    labels = tuple(k % classes for k in range(count)) if classes else ()
    seeds = tuple(controls.seed + k for k in range(count))
    scale = {"scale": controls.scale} if labels else {}
    return Recipe(model=model.name, steps=STEPS, labels=labels, seeds=seeds, **scale).frames(model)  # type: ignore[arg-type]


def _longer(before: Recording, model: Model, step: int, frames: list[Any]) -> Recording:
    from engine.data.pixels import to_uint8

    names, count = model.class_names, before.asked.count
    return replace(
        before,
        title=model.title,
        steps=(*before.steps, step),
        t=tuple(frame.t for frame in frames),
        x0=(*before.x0, np.stack([to_uint8(frame.x0) for frame in frames])),
        x=(*before.x, np.stack([to_uint8(frame.x) for frame in frames])),
        names=tuple(names[k % len(names)] for k in range(count)) if names else (),
    )


def flight(recording: Recording, show: Literal["x0", "x"]) -> TrainingSamplingMap | None:
    """The moments of the training that there are so far, for the browser; None where there are none.

    Args:
        recording: so far.
        show: the guess, or x_t.
    """
    moments = getattr(recording, show)
    if not moments:
        return None
    frames = len(recording.t)
    lane = Lane.of_pictures(
        show,
        LANES[show],
        [frame for moment in moments for frame in moment],
        width_over_height=proportion(len(moments[0][0])),
    )
    return TrainingSamplingMap(
        f"{recording.id}-{show}",
        lane,
        tuple(Position(step, f"after {step:,} training steps" if step else "untrained") for step in recording.steps),
        tuple(Position(t, f"denoised {k} of {frames - 1}, t = {t}") for k, t in enumerate(recording.t)),
        recording.total,
        recording.names,
    )


def table(recording: Recording) -> list[tuple[object, ...]]:
    """Rows of numbers: how far each guess is from the final picture of the same moment, as a root mean square of 0 … 255."""
    rows: list[tuple[object, ...]] = [("training step", *(f"t = {t}" for t in recording.t))]
    for step, x0 in zip(recording.steps, recording.x0, strict=True):
        apart = x0.astype(np.float32) - x0[-1].astype(np.float32)
        rows.append((step, *np.sqrt((apart**2).mean(axis=(1, 2, 3, 4))).round(2).tolist()))
    return rows


def titles(available: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What there is to choose from."""
    return {"run": dict(available)}
