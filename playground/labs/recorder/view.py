"""What the Recorder shows, as data for both front ends: the map over training time and sampling time, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.language import _
from playground.components.payloads.recorder import TrainingSamplingMap
from playground.components.payloads.timeline import Lane, Position
from playground.labs.recorder import text
from playground.labs.recorder.controls import RECORDED, RecorderControls
from playground.labs.recorder.job import Recording, recorded
from playground.labs.shared import exports
from playground.labs.shared.exports import File
from playground.labs.shared.picture import proportion


@dataclass(frozen=True)
class RecorderView:
    """What is shown for some settings."""

    about: str = ""
    """Of the recording that ships."""
    can_start: bool = True
    notice: str = ""
    figure: TrainingSamplingMap | None = None
    files: tuple[File, ...] = ()


def view_of(controls: RecorderControls, recording: Recording | None) -> RecorderView:
    """What is shown for these settings.

    Args:
        controls: the settings.
        recording: what has been computed so far, for any settings.
    """
    if controls.run == RECORDED:
        try:
            recording = recorded()
        except ValueError:
            return RecorderView(text.RECORDED, can_start=False, notice=text.DAMAGED)
        return RecorderView(text.RECORDED, False, "", figure(recording, controls), (table(recording),))
    if recording is None or not recording.belongs_to(controls):
        return RecorderView(notice=text.PRESS)
    files = (table(recording),) if recording.is_done else ()
    return RecorderView(figure=figure(recording, controls), files=files)


def figure(recording: Recording, controls: RecorderControls) -> TrainingSamplingMap | None:
    """The stages of the training so far, for the browser; None where there are none."""
    stages = recording.x0 if controls.show == "x0" else recording.x
    if not stages:
        return None
    last = len(recording.t) - 1
    lane = Lane.of_pictures(
        controls.show,
        text.LANES[controls.show],
        [frame for stage in stages for frame in stage],
        width_over_height=proportion(len(stages[0][0])),
    )
    return TrainingSamplingMap(
        f"{recording.id}-{controls.show}",
        lane,
        tuple(
            Position(step, _("after {step:,} training steps", step=step) if step else _("untrained"))
            for step in recording.steps
        ),
        tuple(
            Position(t, _("denoised {k} of {last}, t = {t}", k=k, last=last, t=t)) for k, t in enumerate(recording.t)
        ),
        recording.total,
        recording.names,
    )


def table(recording: Recording) -> File:
    """How far x̂₀ is from the sample of the same stage, as a root mean square of 0 … 255."""
    rows: list[tuple[object, ...]] = [("training step", *(f"t = {t}" for t in recording.t))]
    for step, x0 in zip(recording.steps, recording.x0, strict=True):
        difference = x0.astype(np.float32) - x0[-1].astype(np.float32)
        rows.append((step, *np.sqrt((difference**2).mean(axis=(1, 2, 3, 4))).round(2).tolist()))
    return File(text.CSV, "training-sampling-map.csv", "text/csv", exports.csv(rows))
