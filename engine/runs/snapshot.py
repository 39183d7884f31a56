"""A run at one moment, as plain data for a page."""

from __future__ import annotations

from dataclasses import dataclass

from engine.runs.record import ACTIVE, Status
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.tasks.task import Pictures


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run at one moment. Nothing in it changes any more."""

    id: str
    config: TrainConfig
    status: Status
    error: str
    """One sentence where something went wrong."""
    note: str
    """One sentence where something is odd but the run goes on."""
    place: int
    """How many runs are before it in the queue, where it is queued."""
    step: int
    reports: tuple[Report, ...]
    bayes_optimal: BayesOptimalLoss | None
    previews: tuple[tuple[int, Pictures], ...]
    """(training step, pictures of shape (B, H, W, C)), oldest first."""
    seconds_left: float | None
    images_per_second: float | None
    can_sample: bool
    """Whether it is a denoiser that opens."""
    can_guide: bool = False
    """Whether it is a classifier with a checkpoint, for guidance."""
    can_encode: bool = False
    """Whether it is a VAE that opens."""
    accuracy: ClassifierAccuracy | None = None
    """Of a classifier on held-out pictures, in the last preview."""
    title: str = ""
    """Given by the reader; empty where there is none."""
    held_out: tuple[tuple[int, float], ...] = ()
    """(training step, loss of the EMA weights on held-out pictures), in the units of the reports' loss."""
    held_out_pictures: int | None = None
    """How many pictures of the set are never trained on; 0 where none are, so that nothing is measured; None: not yet known."""
    best: tuple[int, float] | None = None
    """Step and value of the lowest of them; there is a checkpoint of that step."""
    elsewhere: bool = False
    """Whether another process trains it, or holds it in its queue. Pause and stop reach it through its folder."""
    command: str = ""
    """The shell command that trains the same run."""

    @property
    def active(self) -> bool:
        """Whether it is still going to change."""
        return self.status in ACTIVE
