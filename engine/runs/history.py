"""What is known of a run: what its own process has told so far, or what another one has written, read as it grows."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from engine.runs import log
from engine.runs.folder import RunFolder
from engine.runs.log import Point, Tail
from engine.runs.snapshot import Pictures
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.loop import Report

MOST_PREVIEWS = 60
"""Of a long run, so many looks at what it draws are kept, evenly spread."""


@dataclass(eq=False)
class History:
    """Everything in the order of the steps."""

    reports: list[Report] = field(default_factory=list)
    previews: list[tuple[int, Pictures]] = field(default_factory=list)
    held_out: list[Point] = field(default_factory=list)
    bayes_optimal: BayesOptimalLoss | None = None
    accuracy: ClassifierAccuracy | None = None

    @property
    def looked_at(self) -> int | None:
        """The step of the last look at what it draws or reads; None where there was none."""
        looks = [step for step, _ in self.previews[-1:]] + ([self.accuracy.step] if self.accuracy else [])
        return max(looks, default=None)

    @property
    def best(self) -> Point | None:
        """Where the loss on held-out pictures was lowest, and how low."""
        return min(self.held_out, key=lambda point: point[1], default=None)

    def best_of(self, steps: Collection[int]) -> Point | None:
        """The same among these steps only."""
        return min((point for point in self.held_out if point[0] in steps), key=lambda point: point[1], default=None)

    def cut(self, step: int) -> None:
        """Forget what came after a step: it is going to be told again."""
        self.reports = [report for report in self.reports if report.step <= step]
        self.previews = [(at, pictures) for at, pictures in self.previews if at <= step]
        self.held_out = [point for point in self.held_out if point[0] <= step]
        self.accuracy = self.accuracy if self.accuracy and self.accuracy.step <= step else None

    def add_preview(self, step: int, pictures: Pictures) -> None:
        """Keep a look at what it draws; where there are too many, every other earlier one goes, the first excepted."""
        self.previews.append((step, pictures))
        if len(self.previews) > MOST_PREVIEWS:
            self.previews = self.previews[:1] + self.previews[1:-1][1::2] + self.previews[-1:]


class Follower:
    """Keeps a history as its folder is, and reads of the long files only what is new.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._metrics, self._points = Tail(folder.path / "metrics.jsonl"), Tail(folder.path / "held_out.jsonl")
        self._seen: dict[str, tuple[int, int, int] | None] = {}

    def follow(self, history: History) -> None:
        """Bring a history up to date. Files that cannot be read are as good as none."""
        lines, anew = self._metrics.read()
        if anew:
            history.reports = []
        if lines:
            log.merge(history.reports, (report for line in lines if (report := log.report_of(line)) is not None))
        lines, anew = self._points.read()
        if anew:
            history.held_out = []
        log.merge_points(history.held_out, (point for line in lines if (point := log.point_of(line)) is not None))

        def previews() -> None:
            history.previews = self._folder.read_previews()

        def bayes_optimal() -> None:
            history.bayes_optimal = self._folder.read_bayes_optimal()

        def accuracy() -> None:
            history.accuracy = self._folder.read_accuracy()

        self._if_changed("previews.npz", previews)
        self._if_changed("floor.json", bayes_optimal)
        self._if_changed("reading.json", accuracy)

    def _if_changed(self, name: str, read: Callable[[], None]) -> None:
        now = signature(self._folder.path / name)
        if name not in self._seen or self._seen[name] != now:
            self._seen[name] = now
            read()


def signature(path: Path) -> tuple[int, int, int] | None:
    """Tells whether a file is still the one that it was; None where there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
