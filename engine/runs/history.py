"""The measurements of a run so far: appended by the process that trains it, read from its folder as it grows by the others."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from engine.runs import log
from engine.runs.folder import RunFolder
from engine.runs.log import Point, Tail
from engine.storage.signatures import Signature, signature
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.report import Report
from engine.training.tasks.task import Pictures

MOST_PREVIEWS = 60
"""Of a long run, so many previews stay, evenly spread."""


@dataclass(eq=False)
class History:
    """Everything in the order of the steps."""

    reports: list[Report] = field(default_factory=list)
    previews: list[tuple[int, Pictures]] = field(default_factory=list)
    held_out: list[Point] = field(default_factory=list)
    bayes_optimal: BayesOptimalLoss | None = None
    accuracy: ClassifierAccuracy | None = None

    @property
    def previewed_at(self) -> int | None:
        """The step of the last preview or measurement of accuracy; None where there was none."""
        steps = [step for step, _ in self.previews[-1:]] + ([self.accuracy.step] if self.accuracy else [])
        return max(steps, default=None)

    @property
    def best(self) -> Point | None:
        """Step and value of the lowest loss on held-out pictures."""
        return min(self.held_out, key=lambda point: point[1], default=None)

    def best_of(self, steps: Collection[int]) -> Point | None:
        """The same among these steps only."""
        return min((point for point in self.held_out if point[0] in steps), key=lambda point: point[1], default=None)

    def cut(self, step: int) -> None:
        """Remove what came after a step: it is going to be measured again."""
        self.reports = [report for report in self.reports if report.step <= step]
        self.previews = [(at, pictures) for at, pictures in self.previews if at <= step]
        self.held_out = [point for point in self.held_out if point[0] <= step]
        self.accuracy = self.accuracy if self.accuracy and self.accuracy.step <= step else None

    def add_preview(self, step: int, pictures: Pictures) -> None:
        """Append a preview; where there are too many, every other earlier one goes, except for the first."""
        self.previews.append((step, pictures))
        if len(self.previews) > MOST_PREVIEWS:
            self.previews = self.previews[:1] + self.previews[1:-1][1::2] + self.previews[-1:]


class HistoryReader:
    """Reads a history from its folder, and of the growing files only what is new.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.history = History()
        self._folder = folder
        self._metrics, self._points = Tail(folder.path / "metrics.jsonl"), Tail(folder.path / "held_out.jsonl")
        self._signatures: dict[str, Signature | None] = {}

    def read(self) -> History:
        """The history as it is now, always the same object. Files that cannot be read count as missing."""
        history = self.history
        lines, is_new = self._metrics.read()
        if is_new:
            history.reports = []
        if lines:
            log.merge(history.reports, (report for line in lines if (report := log.report_of(line)) is not None))
        lines, is_new = self._points.read()
        if is_new:
            history.held_out = []
        log.merge_points(history.held_out, (point for line in lines if (point := log.point_of(line)) is not None))
        self._if_changed("previews.npz", self._read_previews)
        self._if_changed("floor.json", self._read_bayes_optimal)
        self._if_changed("reading.json", self._read_accuracy)
        return history

    def _read_previews(self) -> None:
        self.history.previews = self._folder.read_previews()

    def _read_bayes_optimal(self) -> None:
        self.history.bayes_optimal = self._folder.read_bayes_optimal()

    def _read_accuracy(self) -> None:
        self.history.accuracy = self._folder.read_accuracy()

    def _if_changed(self, name: str, read: Callable[[], None]) -> None:
        now = signature(self._folder.path / name)
        if name not in self._signatures or self._signatures[name] != now:
            self._signatures[name] = now
            read()
