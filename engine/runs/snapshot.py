"""What anyone may look at of a run."""

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
    """One sentence where something went wrong, in the reader's words."""
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
    """Whether it has learned something that draws."""
    can_guide: bool = False
    """Whether there is something on disk that reads noisy pictures, for guidance."""
    can_encode: bool = False
    """Whether it is a VAE that has learned something."""
    accuracy: ClassifierAccuracy | None = None
    """How well a classifier reads held-out pictures, as of the last look."""
    title: str = ""
    """What its reader calls it; empty where it was given no name."""
    held_out: tuple[tuple[int, float], ...] = ()
    """(training step, loss of the averaged weights on held-out pictures), in the units of the reports' loss."""
    held_out_pictures: int | None = None
    """How many pictures of the set are never trained on; 0 where none are, so that nothing is measured; None: not yet known."""
    best: tuple[int, float] | None = None
    """Where that loss was lowest: the checkpoint of that step is kept."""
    elsewhere: bool = False
    """Whether another process trains it, or holds it in its queue. Pause and stop reach it through its folder."""
    command: str = ""
    """What does the same in the shell."""

    @property
    def active(self) -> bool:
        """Whether it is still going to change."""
        return self.status in ACTIVE
