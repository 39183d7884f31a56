"""Excess loss by noise level and training step: the training loss minus the Bayes-optimal loss, that of the ideal denoiser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.language import _
from playground.labs.shared.naming import shipped_title, when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.training.bayes_optimal import BayesOptimalLoss
    from engine.training.report import Report
    from playground.policy.visitor import Visitor

COLUMNS = 48
"""Training steps are gathered in so many columns."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """One run.

    steps: float64 (K,), the last training step of each column.
    excess: float64 (levels, K), cleanest first; NaN where no image fell.
    error: the median standard error of a cell, from the spread of the reports in it; NaN where it has one each.
    """

    title: str
    steps: NDArray[np.float64]
    excess: NDArray[np.float64]
    unit: str
    error: float


def runs(visitor: Visitor) -> dict[str, str]:
    """Name and title of every denoiser whose training can be read: those that ship with their log, and the runs."""
    from engine.interop.pretrained import CHECKPOINTS

    shipped = {
        name: _("Trained network: {name}", name=shipped_title(name))
        for name, folder in CHECKPOINTS.items()
        if (folder / "metrics.jsonl").exists()
    }
    own = {
        f"run:{one.id}": _("Your run of {when}, step {step:,}", when=when(one.id), step=one.step)
        for one in visitor.runs.snapshots()
        if one.config.task == "denoiser" and one.reports
    }
    return {**shipped, **own}


def heat_map(name: str, visitor: Visitor) -> HeatMap:
    """The map of a run. Raises ValueError with one clear sentence where there is none."""
    from engine.interop.pretrained import CHECKPOINTS
    from engine.training.tasks import task_of

    if name in CHECKPOINTS:
        return _of_checkpoint(CHECKPOINTS[name])
    snapshot = visitor.runs.snapshot(name.removeprefix("run:")) if name.startswith("run:") else None
    if snapshot is None or snapshot.config.task != "denoiser":
        raise ValueError(_("There is no training run of a denoiser “{name}” here.", name=name[:40]))
    if not snapshot.reports or snapshot.bayes_optimal is None:
        raise ValueError(
            _(
                "This run has no loss yet, or its Bayes-optimal loss is not known: its images are too many, or "
                "augmented."
            )
        )
    title = snapshot.title or _("Your run of {when}", when=when(snapshot.id))
    return binned(title, snapshot.reports, snapshot.bayes_optimal, task_of(snapshot.config).loss_unit(snapshot.config))


@lru_cache(maxsize=4)
def _of_checkpoint(folder: Path) -> HeatMap:
    from engine.runs.record import report_of
    from engine.training.config import TrainConfig
    from engine.training.tasks import bayes_optimal_of, task_of

    try:
        lines = (folder / "metrics.jsonl").read_bytes().splitlines()
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(_("The log of “{name}” is missing.", name=folder.name)) from error
    config = TrainConfig.model_validate(card["training"])
    bayes_optimal = bayes_optimal_of(config)
    reports = [report for line in lines if (report := report_of(line)) is not None]
    if bayes_optimal is None or not reports:
        raise ValueError(_("The Bayes-optimal loss of “{name}” is not known.", name=folder.name))
    return binned(card["title"], reports, bayes_optimal, task_of(config).loss_unit(config))


def binned(title: str, reports: Sequence[Report], bayes_optimal: BayesOptimalLoss, in_units: str) -> HeatMap:
    """Loss minus the Bayes-optimal loss, the mean over the reports of each column."""
    loss = np.array([report.loss_by_level for report in reports], dtype=np.float64) - np.array(
        bayes_optimal.loss_by_level
    )
    steps = np.array([report.step for report in reports], dtype=np.float64)
    columns = np.array_split(np.arange(len(reports)), min(COLUMNS, len(reports)))
    known = np.isfinite(loss)
    excess, errors = np.full((2, loss.shape[1], len(columns)), np.nan)
    for k, rows in enumerate(columns):
        count = known[rows].sum(0)
        total = np.where(known[rows], loss[rows], 0).sum(0)
        excess[:, k] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        squares = np.where(known[rows], (loss[rows] - excess[:, k]) ** 2, 0).sum(0)
        errors[:, k] = np.where(count > 1, np.sqrt(squares / np.maximum(count * (count - 1), 1)), np.nan)
    error = float(np.nanmedian(errors)) if np.isfinite(errors).any() else float("nan")
    return HeatMap(title, np.array([steps[rows[-1]] for rows in columns]), excess, in_units, error)
