"""Two to four training runs against each other: their losses, their samples from the same noise, and in what they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.chart import LiveChart, Mark, Series
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.shared.naming import loss_unit
from playground.labs.training import charts, runs
from playground.labs.training.doctor import title_of, value_of
from playground.labs.training.runs import AGAINST, Against

if TYPE_CHECKING:
    from engine.runs.snapshot import Snapshot

LETTERS = "ABCD"
MARKS: tuple[Mark, ...] = ("circle", "square", "triangle", "diamond")
"""Each run has its own besides its colour."""
GLYPHS = "●■▲◆"
STOPS = 40
"""Most stops of the timeline of samples."""
KEPT = 16
"""Packed lanes that are kept."""
NOT_CHOSEN = ("report_every", "sample_every", "milestones")
"""How often a run is looked at, which the page chooses by the speed of the machine: no difference between runs."""

OF_THE_LOSS = {
    "task": "what is trained",
    "data": "their pictures",
    "size": "the size of the pictures",
    "target": "what the network predicts",
    "schedule": "the noise schedule",
    "T": "T",
    "zero_terminal_snr": "the end of the noise schedule",
    "weighting": "the weighting",
}
"""The settings that decide what the loss measures, in words."""

_packed: dict[tuple[str, tuple[int, ...]], Lane] = {}


def names(snapshots: Sequence[Snapshot]) -> list[str]:
    """ "A · title" of each."""
    return [f"{LETTERS[k]} · {_plain(runs.title(snapshot))}" for k, snapshot in enumerate(snapshots)]


def along(snapshot: Snapshot, against: Against) -> NDArray[np.float64]:
    """Where each report lies, shape (R,). Time is what the steps themselves took, from the speed that each report gives."""
    steps = np.array([report.step for report in snapshot.reports], dtype=np.float64)
    if against == "steps":
        return steps
    pictures = steps * snapshot.config.batch
    if against == "pictures" or not len(steps):
        return pictures
    speed = np.array([report.images_per_second for report in snapshot.reports], dtype=np.float64)
    return np.cumsum(np.diff(pictures, prepend=0.0) / np.maximum(speed, 1e-9))


def at(snapshot: Snapshot, against: Against, steps: Sequence[int]) -> NDArray[np.float64]:
    """Where these training steps lie, from 0 at step 0."""
    told = np.array([0.0, *(report.step for report in snapshot.reports)])
    return np.interp(np.array(steps, dtype=np.float64), told, np.concatenate([[0.0], along(snapshot, against)]))


def loss_chart(snapshots: Sequence[Snapshot], against: Against) -> LiveChart:
    """The smoothed training losses over each other, and the floor where they share it."""
    series = [
        Series(name, along(snapshot, against), _smooth(snapshot), mark=MARKS[k], color=k)
        for k, (name, snapshot) in enumerate(zip(names(snapshots), snapshots, strict=True))
        if snapshot.reports
    ]
    floors = {snapshot.bayes_optimal.loss for snapshot in snapshots if snapshot.bayes_optimal is not None}
    if series and len(floors) == 1 and comparable(snapshots):
        ends = np.array([0.0, max(float(np.asarray(one.x)[-1]) for one in series)])
        title = charts.floor_title(snapshots[0].config)
        series.append(Series(title, ends, np.full(2, floors.pop()), "dashed", color=5))
    return LiveChart(
        "Loss, smoothed",
        AGAINST[against][1],
        _unit(snapshots),
        tuple(series),
        log_y=all(snapshot.config.task != "classifier" for snapshot in snapshots),
        empty="None of these runs has reported a loss.",
    )


def held_out_chart(snapshots: Sequence[Snapshot], against: Against) -> LiveChart | None:
    """The losses on pictures that no run has seen; None where none was measured."""
    series = []
    for k, (name, snapshot) in enumerate(zip(names(snapshots), snapshots, strict=True)):
        if snapshot.held_out:
            steps, loss = zip(*snapshot.held_out, strict=True)
            series.append(Series(name, at(snapshot, against, steps), np.array(loss), mark=MARKS[k], color=k))
    if not series:
        return None
    return LiveChart(
        "Loss on held-out pictures",
        AGAINST[against][1],
        _unit(snapshots),
        tuple(series),
        log_y=all(snapshot.config.task != "classifier" for snapshot in snapshots),
    )


def _smooth(snapshot: Snapshot) -> NDArray[np.float64]:
    return charts.smoothed(np.array([report.loss for report in snapshot.reports], dtype=np.float64))


def comparable(snapshots: Sequence[Snapshot]) -> bool:
    """Whether their losses are of the same thing, so that lower is better."""
    return len({_what_the_loss_is(snapshot) for snapshot in snapshots}) <= 1


def caution(snapshots: Sequence[Snapshot]) -> str:
    """One sentence where the losses of these runs must not be compared by their height; else ""."""
    if comparable(snapshots):
        return ""
    differ = [words for name, words in OF_THE_LOSS.items() if len({getattr(s.config, name) for s in snapshots}) > 1]
    return (
        f"These losses are not of the same thing: the runs differ in {_listed(differ)}. Compare their shapes and the samples, "
        "not which is lower."
    )


def _what_the_loss_is(snapshot: Snapshot) -> tuple[object, ...]:
    of_noise = ("target", "weighting", "schedule", "T", "zero_terminal_snr")
    without = {"classifier": ("target", "weighting"), "vae": of_noise}.get(snapshot.config.task, ())
    return tuple(getattr(snapshot.config, name) for name in OF_THE_LOSS if name not in without)


def _unit(snapshots: Sequence[Snapshot]) -> str:
    units = {loss_unit(snapshot.config) for snapshot in snapshots}
    return units.pop() if len(units) == 1 else "each run's own loss"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def samples(snapshots: Sequence[Snapshot], against: Against) -> Timeline | None:
    """What each draws from its fixed noise, side by side on one timeline at the same progress. None while there is nothing.

    Where a run was not looked at exactly there, its last samples before are shown; where it has ended, its last ones.
    """
    shown = [(k, snapshot) for k, snapshot in enumerate(snapshots) if snapshot.previews]
    if not shown:
        return None
    places = [at(snapshot, against, [step for step, _ in snapshot.previews]) for _, snapshot in shown]
    stops = np.unique(np.concatenate(places))
    if len(stops) > STOPS:
        stops = stops[np.linspace(0, len(stops) - 1, STOPS).round().astype(int)]
    lanes = []
    captions = ["" for _ in stops]
    for (k, snapshot), place in zip(shown, places, strict=True):
        index = np.maximum(np.searchsorted(place, stops + 1e-9, side="right") - 1, 0)
        used = np.unique(index)
        packed = _packed_lane(snapshot, used)
        lanes.append(
            Lane(
                f"run{k}",
                _plain(runs.title(snapshot)),
                packed.sheets,
                tuple(int(np.searchsorted(used, i)) for i in index),
                packed.grid,
                packed.pictures,
                group=f"{GLYPHS[k]} {LETTERS[k]}",
            )
        )
        for stop, i in enumerate(index):
            captions[stop] += f"{', ' if captions[stop] else ''}{LETTERS[k]} after {snapshot.previews[i][0]:,} steps"
    positions = tuple(Position(round(float(x)), _progress(float(x), against)) for x in stops)
    return Timeline(
        f"compared-{against}-{'-'.join(snapshot.id for _, snapshot in shown)}",
        tuple(lanes),
        positions,
        tuple(captions),
        start_at="last",
        fps=3,
        label="Samples of the compared runs",
    )


def _packed_lane(snapshot: Snapshot, used: NDArray[np.int64]) -> Lane:
    """The pictures of these looks in one sheet. Packed once: the page asks for the same ones again and again."""
    key = (snapshot.id, tuple(snapshot.previews[i][0] for i in used))
    if key not in _packed:
        frames = [snapshot.previews[i][1] for i in used]
        _packed[key] = Lane.of_pictures("samples", "", frames, width_over_height=2.0)
        while len(_packed) > KEPT:
            _packed.pop(next(iter(_packed)), None)
    return _packed[key]


def same_noise(snapshots: Sequence[Snapshot]) -> bool:
    """Whether the pictures that they draw begin from the same noise: where they are of the same shape."""
    return len({snapshot.previews[-1][1].shape for snapshot in snapshots if snapshot.previews}) <= 1


def _progress(x: float, against: Against) -> str:
    if against == "time":
        return f"after {x:,.0f} s of training" if x >= 10 else f"after {x:.1f} s of training"
    return f"after {x:,.0f} {'training steps' if against == 'steps' else 'pictures'}"


def _plain(text: str) -> str:
    """A title as it is: an invisible joiner keeps the timeline and the chart from reading markup in it."""
    return text.replace("<", "<\u2060").replace("{", "{\u2060")


def differences(snapshots: Sequence[Snapshot]) -> list[tuple[str, list[str]]]:
    """The settings in which these runs differ: a title, and the value of each run."""
    rows = []
    for name in type(snapshots[0].config).model_fields:
        values = [getattr(snapshot.config, name) for snapshot in snapshots]
        if name not in NOT_CHOSEN and len(set(values)) > 1:
            rows.append((title_of(name), [value_of(value) for value in values]))
    return rows


def table(snapshots: Sequence[Snapshot]) -> list[list[str]]:
    """How far each has come and in what they differ: a row of headings, then rows of a title and each run's value."""
    heads = [f"{glyph} {letter}" for glyph, letter, _ in zip(GLYPHS, LETTERS, snapshots, strict=False)]
    rows = (("Run", [runs.title(snapshot) for snapshot in snapshots]), *results(snapshots), *differences(snapshots))
    return [["", *heads], *([title, *values] for title, values in rows)]


def results(snapshots: Sequence[Snapshot]) -> list[tuple[str, list[str]]]:
    """How far each has come: a title, and a value of each run."""
    rows = [
        ("Status", [runs.STATUS[snapshot.status][1] for snapshot in snapshots]),
        ("Step", [f"{snapshot.step:,}" for snapshot in snapshots]),
        ("Loss, smoothed", [f"{_smooth(s)[-1]:.4f}" if s.reports else "–" for s in snapshots]),
    ]
    if any(snapshot.held_out for snapshot in snapshots):
        best = [min((loss for _, loss in snapshot.held_out), default=None) for snapshot in snapshots]
        rows.append(("Best on held-out pictures", ["–" if loss is None else f"{loss:.4f}" for loss in best]))
    speeds = [snapshot.images_per_second for snapshot in snapshots]
    return [*rows, ("Images a second", ["–" if speed is None else f"{speed:,.0f}" for speed in speeds])]
