"""The Recorder's work: what the same noise becomes after each stage of a training."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.data.shipped import read_arrays
from engine.language import _, told
from playground.labs.recorder.controls import RECORDED, RecorderControls, sampled_with
from playground.labs.shared.job import Partial
from playground.labs.shared.noising import shown_times

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.sampling import Frame
    from playground.policy.visitor import Visitor

RECORDING = Path(__file__).resolve().parents[3] / "assets" / "recorder" / "digits.npz"
"""Made by assets/make_recorder.py."""
STEPS = 20
"""From noise to image, by DDIM."""
MOST_STAGES = 16
"""Stages of the training that are shown, evenly spaced."""

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Recording:
    """What has been computed so far."""

    id: str
    title: str
    steps: tuple[int, ...]
    """Training steps of the stages so far."""
    total: int
    """Stages that there will be."""
    t: tuple[int, ...]
    """The t of each frame, noise first."""
    x0: tuple[Images, ...]
    """x̂₀ for each stage, uint8 (F, B, H, W, C), at every frame."""
    x: tuple[Images, ...]
    """The same for x_t."""
    names: tuple[str, ...] = ()
    """Class name of each image; empty where the model has no classes."""
    controls: RecorderControls = field(default_factory=RecorderControls)
    """The settings of the samples."""

    @property
    def is_done(self) -> bool:
        """Whether all stages are there."""
        return len(self.steps) == self.total

    def belongs_to(self, controls: RecorderControls) -> bool:
        """Whether these settings give the same samples."""
        return sampled_with(self.controls) == sampled_with(controls)


@lru_cache(maxsize=1)
def recorded() -> Recording:
    """The recording that ships. Raises ValueError where the asset is missing or damaged."""
    names = ("steps", "t", "x0", "x", "names")
    arrays = read_arrays(RECORDING, names)
    steps, t, x0, x, labels = (arrays[name] for name in names)
    return Recording(
        RECORDED,
        _("A tiny network learns digits"),
        tuple(steps.tolist()),
        len(steps),
        tuple(t.tolist()),
        tuple(x0),
        tuple(x),
        tuple(str(label) for label in labels),
    )


def record(controls: RecorderControls, visitor: Visitor) -> Iterator[Partial[Recording | None]]:
    """Sample from the same noise with the network of every stage of its training, one stage after the other.

    Raises:
        ValueError: with one sentence for the reader.
    """
    if controls.run == RECORDED:
        recording = recorded()
        yield Partial(recording.total, recording.total, recording)
        return
    milestones = visitor.runs.milestones(controls.run)
    stages = [milestones[k] for k in shown_times(len(milestones) - 1, MOST_STAGES)]
    if not stages:
        raise ValueError(_("This run has no milestone or checkpoint to sample with yet: let it train a little longer."))
    recording = Recording(secrets.token_hex(6), "", (), len(stages), (), (), (), controls=controls)
    for k, step in enumerate(stages):
        model = visitor.runs.model_at(controls.run, step)
        frames: list[Frame] = []
        for frame in _frames(controls, model):
            frames.append(frame)
            shown = recording if recording.steps else None
            yield Partial(k * STEPS + min(len(frames), STEPS - 1), len(stages) * STEPS, shown)
        recording = _with_stage(recording, model, step, frames)
        yield Partial((k + 1) * STEPS, len(stages) * STEPS, recording)


def _frames(controls: RecorderControls, model: Model) -> Iterator[Frame]:
    from engine.recipes.recipe import Recipe

    classes = len(model.class_names)
    labels = tuple(k % classes for k in range(controls.count)) if classes else ()
    seeds = tuple(controls.seed + k for k in range(controls.count))
    scale = controls.scale if labels else 1.0  # nothing to guide towards
    return Recipe(model=model.name, steps=STEPS, labels=labels, seeds=seeds, scale=scale).frames(model)


def _with_stage(recording: Recording, model: Model, step: int, frames: list[Frame]) -> Recording:
    from engine.data.pixels import to_uint8

    names = model.class_names
    return replace(
        recording,
        title=told(model.title),
        steps=(*recording.steps, step),
        t=tuple(frame.t for frame in frames),
        x0=(*recording.x0, np.stack([to_uint8(frame.x0) for frame in frames])),
        x=(*recording.x, np.stack([to_uint8(frame.x) for frame in frames])),
        names=tuple(names[k % len(names)] for k in range(recording.controls.count)) if names else (),
    )
