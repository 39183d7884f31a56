"""What the Training page shows, as plain data that both front ends draw."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.language import _, told
from playground.components.payloads.chart import LiveChart
from playground.components.payloads.panels import Algorithm
from playground.components.payloads.timeline import Timeline
from playground.labs.shared import models
from playground.labs.shared.naming import duration
from playground.labs.shared.text import Caption
from playground.labs.shared.view import Notice
from playground.labs.training import algorithm, charts, compare, doctor, runs, settings_of_run, text, visit
from playground.labs.training.tasks import words_of
from playground.labs.training.visit import Against, Choice

if TYPE_CHECKING:
    from engine.doctor.finding import Finding
    from engine.runs.entry import Snapshot
    from playground.policy.visitor import Visitor
    from playground.policy.visitor_runs import VisitorRuns

D = TypeVar("D", bound=LiveChart | Timeline | Algorithm)
OPEN_STATUS = ("running", "queued")
OVER = ("finished", "failed")


@dataclass(frozen=True)
class Action:
    """A button; `do` and `of` are those of `Visit.act`, "download" or "take"."""

    do: str
    title: str
    icon: str = ""
    of: str = ""
    help: str = ""
    is_enabled: bool = True


@dataclass(frozen=True)
class Metric:
    """A number with its title."""

    title: str
    value: str
    help: str = ""


@dataclass(frozen=True)
class Figure(Generic[D]):
    """A chart or a timeline, drawn anew only where `version` has changed."""

    name: str
    version: Hashable
    draw: Callable[[], D]
    about: Caption
    """Of `playground.labs.shared.text`: what it shows."""


@dataclass(frozen=True)
class LabLink:
    """A button that opens another lab; disabled without parameters."""

    lab: str
    title: str
    icon: str
    help: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FindingView:
    """One finding of the doctor, with the change that it proposes."""

    text: str
    icon: str
    action: Action | None = None
    shell: str = ""
    """The change for the command line, where the page has no control for it."""


@dataclass(frozen=True)
class RunView:
    """One run."""

    id: str
    title: str
    name: str
    """The name that the visitor gave it; "" for none."""
    file_name: str
    """Of its download."""
    status: str
    """One line of Markdown."""
    fraction: float
    """Of its steps, 0 … 1."""
    metrics: tuple[Metric, ...]
    pace: str
    actions: tuple[Action, ...]
    link: LabLink
    manage: tuple[Action, ...]
    notices: tuple[Notice, ...]
    findings: tuple[FindingView, ...]
    well: str
    """Where there are no findings; "" before the first report."""
    algorithm: Figure[Algorithm]
    charts: tuple[Figure[LiveChart], ...]
    samples: Figure[Timeline] | None
    waiting: str
    """In the place of the samples, before the first ones."""
    command: str
    is_changing: bool
    """Whether there may be more to show in a moment."""
    facts: Mapping[str, str | float]
    """What a lesson may ask of it, see `text.FACTS`."""


def run_view(snapshot: Snapshot) -> RunView:
    """One run as it is now."""
    count = len(snapshot.previews)
    has_samples = words_of(snapshot.config).has_samples
    samples = None
    if has_samples and count:
        samples = Figure("previews", (snapshot.id, count), lambda: charts.previews(snapshot), text.PREVIEWS)
    found = doctor.findings(snapshot)
    error = [Notice("error", told(snapshot.error))] if snapshot.error else []
    return RunView(
        id=snapshot.id,
        title=runs.title(snapshot),
        name=snapshot.title,
        file_name=runs.file_name(snapshot),
        status=runs.status(snapshot),
        fraction=min(1.0, snapshot.step / snapshot.config.steps),
        metrics=_metrics(snapshot),
        pace=runs.pace(snapshot),
        actions=_actions(snapshot),
        link=_link(snapshot),
        manage=_manage(snapshot),
        notices=(*error, *([Notice("warning", told(snapshot.note))] if snapshot.note else [])),
        findings=tuple(_finding(number, finding) for number, finding in enumerate(found)),
        well=text.WELL if snapshot.reports and not found else "",
        algorithm=_algorithm(snapshot),
        charts=tuple(_charts(snapshot)),
        samples=samples,
        waiting=text.FIRST_SAMPLES if has_samples and not count and snapshot.status == "running" else "",
        command=snapshot.command,
        is_changing=is_changing(snapshot),
        facts={"state": snapshot.status, "step": snapshot.step},
    )


def is_changing(snapshot: Snapshot) -> bool:
    """Whether there may be more to show of a run in a moment."""
    return snapshot.active or doctor.is_examining()


def _metrics(snapshot: Snapshot) -> tuple[Metric, ...]:
    speed = snapshot.images_per_second
    return (
        Metric(_("Loss"), f"{snapshot.reports[-1].loss:.4f}" if snapshot.reports else "–"),
        Metric(_("Images per second"), f"{speed:.0f}" if speed else "–", runs.pace(snapshot)),
        Metric(_("Time left"), duration(snapshot.seconds_left) if snapshot.active else "–"),
    )


def _actions(snapshot: Snapshot) -> tuple[Action, ...]:
    is_pausing = snapshot.status == "running" and snapshot.request == "paused"
    if is_pausing:
        first = Action("resume", _("Resume"), "▶️", snapshot.id, is_enabled=not snapshot.elsewhere)
    elif snapshot.status in OPEN_STATUS:
        first = Action("pause", _("Pause"), "⏸️", snapshot.id)
    else:
        first = Action("resume", _("Resume"), "▶️", snapshot.id, is_enabled=snapshot.status not in OVER)
    can_stop = snapshot.active and snapshot.request != "stopped"
    return first, Action("stop", _("Stop"), "⏹️", snapshot.id, is_enabled=can_stop)


def _manage(snapshot: Snapshot) -> tuple[Action, ...]:
    is_busy = runs.is_busy(snapshot)
    return (
        Action("download", text.DOWNLOAD, "⬇️", help=text.DOWNLOAD_HELP),
        Action("take", text.TAKE, "🎛️", help=text.TAKE_HELP),
        Action("delete", text.DELETE, "🗑️", snapshot.id, text.BUSY if is_busy else text.CAN_UNDO, not is_busy),
    )


def _link(snapshot: Snapshot) -> LabLink:
    """Into the Likelihood lab with a VAE, into the Sampling lab with anything else."""
    help = _(words_of(snapshot.config).use_help)
    if snapshot.can_encode:
        return LabLink("likelihood", text.LOOK_INSIDE, "⚖️", help, models.inside_link(snapshot))
    return LabLink("sampling", text.SAMPLE, "🎲", help, models.drawing_link(snapshot))


def _finding(number: int, finding: Finding) -> FindingView:
    icon, change = doctor.ICONS[finding.severity], finding.change
    if settings_of_run.can_take(change):
        title = _("Try {in_words}", in_words=settings_of_run.in_words(change))
        return FindingView(finding.text, icon, Action("take", title, of=str(number), help=text.TRY_HELP))
    return FindingView(finding.text, icon, shell=settings_of_run.for_the_shell(change))


def _algorithm(snapshot: Snapshot) -> Figure[Algorithm]:
    version = (snapshot.id, snapshot.step, len(snapshot.reports), snapshot.status)
    return Figure("algorithm", version, lambda: algorithm.algorithm(snapshot), "")


def _charts(snapshot: Snapshot) -> list[Figure[LiveChart]]:
    words = words_of(snapshot.config)
    about = {"loss": _(words.about_loss), "levels": text.LEVELS, "bound": text.BOUND, "accuracy": text.ACCURACY}
    measured = snapshot.accuracy.step if snapshot.accuracy else None
    counts = (len(snapshot.reports), len(snapshot.held_out))
    version = (snapshot.id, *counts, snapshot.status, snapshot.bayes_optimal is not None, measured)
    return [
        Figure(name, version, lambda draw=charts.CHARTS[name]: draw(snapshot), about[name])  # type: ignore[misc]
        for name in words.charts
        if name != "bound" or snapshot.config.learned_variance
    ]


# --- the list ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class RowView:
    """One run in the list."""

    id: str
    title: str
    summary: str
    picture: NDArray[np.uint8] | None
    """Its latest samples side by side, (H, W, C); None where there are none."""
    is_shown: bool
    is_ticked: bool
    can_tick: bool
    is_active: bool


@dataclass(frozen=True, eq=False)
class ListView:
    """One page of the list."""

    hint: str
    rows: tuple[RowView, ...]
    number: int
    count: int
    """Which of how many pages."""
    is_changing: bool


def list_view(mine: VisitorRuns, ids: Sequence[str], choice: Choice, number: int = 1) -> ListView:
    """Page 1, 2, … of the visitor's runs, newest first."""
    count = visit.page_count(len(ids))
    snapshots = [one for run_id in visit.on_page(ids, number) if (one := mine.snapshot(run_id)) is not None]
    rows = tuple(_row(snapshot, choice) for snapshot in snapshots)
    hint = text.list_hint(len(choice.compared), visit.MOST_COMPARED)
    return ListView(hint, rows, min(max(1, number), count), count, any(row.is_active for row in rows))


def _row(snapshot: Snapshot, choice: Choice) -> RowView:
    is_ticked = snapshot.id in choice.compared
    is_shown = snapshot.id == choice.run and not choice.is_comparison
    return RowView(
        snapshot.id,
        runs.title(snapshot),
        (_("👇 shown below, ") if is_shown else "") + runs.summary(snapshot),
        runs.thumbnail(snapshot),
        is_shown,
        is_ticked,
        is_ticked or len(choice.compared) < visit.MOST_COMPARED,
        snapshot.active,
    )


# --- the comparison ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CompareView:
    """Two to four runs side by side."""

    against: Against
    notices: tuple[Notice, ...]
    charts: tuple[Figure[LiveChart], ...]
    samples: Figure[Timeline] | None
    table: list[list[str]]
    table_about: str
    is_changing: bool


def compare_view(snapshots: Sequence[Snapshot], against: Against) -> CompareView:
    """These runs as they are now."""
    caution = compare.caution(snapshots)
    version = (against, *((one.id, one.title, len(one.reports), len(one.held_out)) for one in snapshots))
    about = text.compared_loss(_(visit.AGAINST[against][2]))
    loss = Figure("compared_loss", version, lambda: compare.loss_chart(snapshots, against), about)
    held_out = Figure("compared_held_out", version, lambda: compare.held_out_chart(snapshots, against), "")
    strip = None
    if any(one.previews for one in snapshots):
        stops = (against, *((one.id, one.title, len(one.previews)) for one in snapshots))
        about = text.compared_samples(compare.is_same_noise(snapshots))
        strip = Figure("compared_samples", stops, lambda: compare.samples(snapshots, against), about)
    return CompareView(
        against,
        (Notice("info", caution),) if caution else (),
        (loss, held_out) if any(one.held_out for one in snapshots) else (loss,),
        strip,
        compare.table(snapshots),
        text.DIFFER if compare.differences(snapshots) else text.SAME,
        any(one.active for one in snapshots),
    )


@dataclass(frozen=True)
class PageView:
    """What is shown below the list: a comparison, a run, or a line where there is none."""

    choice: Choice
    ids: tuple[str, ...]
    compare: CompareView | None
    run: RunView | None


def page_view(visitor: Visitor, requested: Mapping[str, str]) -> PageView:
    """The visitor's runs that a link requests, as they are now."""
    mine = visitor.runs
    ids = mine.ids()
    choice, _ = visit.chosen(requested, ids)
    snapshots = [one for run_id in choice.compared if (one := mine.snapshot(run_id)) is not None]
    if len(snapshots) > 1:
        return PageView(choice, tuple(ids), compare_view(snapshots, choice.against), None)
    snapshot = mine.snapshot(choice.run) if choice.run else None
    return PageView(choice, tuple(ids), None, run_view(snapshot) if snapshot else None)
