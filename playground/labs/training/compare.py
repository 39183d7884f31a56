"""Two to four training runs side by side: losses, samples from the same noise, and the settings in which they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.language import _, listed
from playground.components.payloads.chart import MARKS, LiveChart, Series
from playground.components.payloads.timeline import Position, Timeline
from playground.labs.training import charts, runs, text
from playground.labs.training.settings_of_run import title_of, value_of
from playground.labs.training.tasks import OF_LOSS, words_of
from playground.labs.training.visit import AGAINST, Against

if TYPE_CHECKING:
    from engine.runs.entry import Snapshot

LETTERS = "ABCD"
GLYPHS = "●■▲◆"
"""Of the marks in a chart: each run has its own, besides its color."""
STOPS = 40
"""Most stops of the timeline of samples."""
FLOOR_COLOR = 5
NOT_COMPARED = ("report_every", "sample_every", "milestones")
"""Settings that the page derives from the speed of the machine: no difference between runs."""


def names(snapshots: Sequence[Snapshot]) -> list[str]:
    """ "A · title" of each."""
    return [f"{LETTERS[k]} · {_plain(runs.title(snapshot))}" for k, snapshot in enumerate(snapshots)]


def along(snapshot: Snapshot, against: Against) -> NDArray[np.float64]:
    """Position of each report on the axis, shape (R,). Training time is summed over the speeds of the reports."""
    steps = np.array([report.step for report in snapshot.reports], dtype=np.float64)
    if against == "steps":
        return steps
    pictures = steps * snapshot.config.batch
    if against == "pictures" or not len(steps):
        return pictures
    speed = np.array([report.images_per_second for report in snapshot.reports], dtype=np.float64)
    return np.cumsum(np.diff(pictures, prepend=0.0) / np.maximum(speed, 1e-9))


def at(snapshot: Snapshot, against: Against, steps: Sequence[int]) -> NDArray[np.float64]:
    """Position of these training steps on the axis; step 0 is at 0."""
    known = np.array([0.0, *(report.step for report in snapshot.reports)])
    return np.interp(np.array(steps, dtype=np.float64), known, np.concatenate([[0.0], along(snapshot, against)]))


def loss_chart(snapshots: Sequence[Snapshot], against: Against) -> LiveChart:
    """The smoothed training losses in one chart with their bands, and the Bayes-optimal loss where they share it."""
    series = [
        replace(charts.smoothed_line(name, along(snapshot, against), _losses(snapshot), keep), mark=MARKS[k], color=k)
        for k, (name, snapshot, keep) in enumerate(zip(names(snapshots), snapshots, _keeps(snapshots), strict=True))
        if snapshot.reports
    ]
    floors = {one.bayes_optimal.loss: one.bayes_optimal for one in snapshots if one.bayes_optimal is not None}
    if series and len(floors) == 1 and is_comparable(snapshots):
        ends = np.array([0.0, max(float(np.asarray(one.x)[-1]) for one in series)])
        series.append(replace(charts.floor_line(ends, *floors.values()), color=FLOOR_COLOR))
    return _chart(_("Loss, smoothed"), snapshots, against, series)


def held_out_chart(snapshots: Sequence[Snapshot], against: Against) -> LiveChart:
    """The losses on held-out images, where they were measured."""
    series = []
    for k, (name, snapshot) in enumerate(zip(names(snapshots), snapshots, strict=True)):
        if snapshot.held_out:
            steps, loss = zip(*snapshot.held_out, strict=True)
            series.append(Series(name, at(snapshot, against, steps), np.array(loss), mark=MARKS[k], color=k))
    return replace(_chart(_("Loss on held-out images"), snapshots, against, series), note=text.HELD_OUT)


def _chart(title: str, snapshots: Sequence[Snapshot], against: Against, series: list[Series]) -> LiveChart:
    return LiveChart(
        title,
        _(AGAINST[against][1]),
        _unit(snapshots),
        tuple(series),
        log_y=all(words_of(snapshot.config).is_log for snapshot in snapshots),
        empty=_("None of these runs has reported a loss."),
    )


def _losses(snapshot: Snapshot) -> NDArray[np.float64]:
    return np.array([report.loss for report in snapshot.reports], dtype=np.float64)


def _keeps(snapshots: Sequence[Snapshot]) -> list[float]:
    """How each is smoothed: over as many training steps as the others, however often it reports."""
    steps = [np.diff([0, *(report.step for report in snapshot.reports)]) for snapshot in snapshots]
    apart = [float(np.median(each)) if len(each) else 1.0 for each in steps]
    return [float(charts.KEEP ** (one / max(apart))) for one in apart]


def _latest_loss(snapshot: Snapshot, keep: float) -> str:
    """ "0.0431 ± 0.0002", smoothed."""
    if not snapshot.reports:
        return "–"
    mean, error = (float(values[-1]) for values in charts.smoothed(_losses(snapshot), keep))
    return f"{mean:.4f} ± {error:.4f}" if math.isfinite(error) else f"{mean:.4f}"


def is_comparable(snapshots: Sequence[Snapshot]) -> bool:
    """Whether their losses measure the same, so that the lower one is better."""
    return not _differences_in_loss(snapshots)


def caution(snapshots: Sequence[Snapshot]) -> str:
    """One sentence where the losses of these runs must not be compared by their height; else ""."""
    differ = _differences_in_loss(snapshots)
    if not differ:
        return ""
    return _(
        "The losses of these runs do not measure the same: the runs differ in {names}. Compare the shapes "
        "of the curves and the samples, not which loss is lower.",
        names=_listed(differ),
    )


def _differences_in_loss(snapshots: Sequence[Snapshot]) -> list[str]:
    """The settings in which they differ and on which the meaning of their losses depends, in words."""
    from engine.training.tasks import task_of

    ignored = set.intersection(*(set(task_of(one.config).without_effect(one.config)) for one in snapshots))
    names = [name for name in OF_LOSS if name not in ignored]
    return [_(OF_LOSS[name]) for name in names if len({getattr(one.config, name) for one in snapshots}) > 1]


def _unit(snapshots: Sequence[Snapshot]) -> str:
    units = {charts.loss_unit(snapshot.config) for snapshot in snapshots}
    return units.pop() if len(units) == 1 else _("the loss of each run")


def _listed(words: Sequence[str]) -> str:
    return listed(words)


def samples(snapshots: Sequence[Snapshot], against: Against) -> Timeline:
    """Samples of each run from its fixed noise, side by side on one timeline at the same progress. One must have some.

    Between two previews of a run its earlier one is shown, after its end the last one.
    """
    shown = [(k, snapshot) for k, snapshot in enumerate(snapshots) if snapshot.previews]
    places = [at(snapshot, against, [step for step, _ in snapshot.previews]) for _, snapshot in shown]
    stops = np.unique(np.concatenate(places))
    if len(stops) > STOPS:
        stops = stops[np.linspace(0, len(stops) - 1, STOPS).round().astype(int)]
    lanes = []
    captions = ["" for _ in stops]
    for (k, snapshot), place in zip(shown, places, strict=True):
        index = np.maximum(np.searchsorted(place, stops + 1e-9, side="right") - 1, 0)
        used = np.unique(index)
        lanes.append(
            replace(
                charts.packed_lane(snapshot, used, width_over_height=2.0),
                key=f"run{k}",
                title=_plain(runs.title(snapshot)),
                index=tuple(int(np.searchsorted(used, i)) for i in index),
                group=f"{GLYPHS[k]} {LETTERS[k]}",
            )
        )
        for stop, i in enumerate(index):
            captions[stop] += _(
                "{captions}{letters} after {previews:,} steps",
                captions=", " if captions[stop] else "",
                letters=LETTERS[k],
                previews=snapshot.previews[i][0],
            )
    positions = tuple(Position(round(float(x)), _progress(float(x), against)) for x in stops)
    return Timeline(
        f"compared-{against}-{'-'.join(snapshot.id for _, snapshot in shown)}",
        tuple(lanes),
        positions,
        tuple(captions),
        start_at="last",
        fps=3,
        label=_("Samples of the compared runs"),
    )


def is_same_noise(snapshots: Sequence[Snapshot]) -> bool:
    """Whether their previews begin from the same noise: where they have the same shape."""
    return len({snapshot.previews[-1][1].shape for snapshot in snapshots if snapshot.previews}) <= 1


def _progress(x: float, against: Against) -> str:
    if against == "time":
        return _("after {x:,.0f} s of training", x=x) if x >= 10 else _("after {x:.1f} s of training", x=x)
    return _("after {x:,.0f} training steps", x=x) if against == "steps" else _("after {x:,.0f} images", x=x)


def _plain(text: str) -> str:
    """A title as it is: an invisible joiner keeps the timeline and the chart from reading markup in it."""
    return text.replace("<", "<\u2060").replace("{", "{\u2060")


def differences(snapshots: Sequence[Snapshot]) -> list[tuple[str, list[str]]]:
    """The settings in which these runs differ: a title, and the value of each run."""
    rows = []
    for name in type(snapshots[0].config).model_fields:
        values = [getattr(snapshot.config, name) for snapshot in snapshots]
        if name not in NOT_COMPARED and len(set(values)) > 1:
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
        ("Status", [runs.phase(snapshot)[1] for snapshot in snapshots]),
        ("Step", [f"{snapshot.step:,}" for snapshot in snapshots]),
        (text.LATEST_LOSS, [_latest_loss(one, keep) for one, keep in zip(snapshots, _keeps(snapshots), strict=True)]),
    ]
    if any(snapshot.held_out for snapshot in snapshots):
        best = [min((loss for _, loss in snapshot.held_out), default=None) for snapshot in snapshots]
        rows.append((_("Best held-out loss"), ["–" if loss is None else f"{loss:.4f}" for loss in best]))
    speeds = [snapshot.images_per_second for snapshot in snapshots]
    return [*rows, (_("Images per second"), ["–" if speed is None else f"{speed:,.0f}" for speed in speeds])]
