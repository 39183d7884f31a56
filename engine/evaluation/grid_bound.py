"""Bits per dimension beside a grid: one bound for each model and variance, kept in the same file of results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field

from engine.evaluation.bound import Bound, Term, held_out_bound
from engine.evaluation.cells import Cell, EvaluatedModel, key_of_identity
from engine.evaluation.drawing import Progress
from engine.evaluation.results_file import ResultsFile
from engine.samplers import Variance


@dataclass(frozen=True)
class BoundCell:
    """One bound: of a model by its name, on the held-out pictures of its set, with their labels."""

    model: str
    variance: Variance
    per_step: int = 16
    """Noisy pictures for each of the T terms."""
    seed: int = 0


class BoundRow(BaseModel):
    """What was measured; a line of the results."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    model: str
    fingerprint: str
    data: str
    variance: Variance
    per_step: int
    seed: int
    pictures: int = Field(description="Held-out pictures to draw from.")
    bits_per_dim: float
    bits_per_dim_error: float
    prior: Term
    parts: tuple[Term, ...] = Field(description="The bits of each part of the schedule.")
    seconds: float
    device: str
    threads: int
    torch: str


def bound_cells(requested: Sequence[Cell], per_step: int = 16) -> list[BoundCell]:
    """One bound for each model and variance among the cells of a grid; without any noise there is none."""
    pairs = dict.fromkeys((cell.model, cell.settings.variance) for cell in requested)
    return [BoundCell(model, variance, per_step) for model, variance in pairs if variance != "zero"]


def bound_key(cell: BoundCell, model: EvaluatedModel) -> str:
    """Key of one measurement: 16 hexadecimal digits."""
    return key_of_identity({"bound": [cell.variance, cell.per_step, cell.seed]}, model)


def run_bounds(
    requested: Sequence[BoundCell], models: Mapping[str, EvaluatedModel], file: ResultsFile | None = None
) -> Iterator[tuple[BoundCell, Progress] | BoundRow]:
    """Measure all bounds that the file does not hold yet; those that another process is measuring are left to it.

    Yields:
        The cell in work with its progress after every batch, and a `BoundRow` for every bound that was measured here.

    Raises:
        BoundError: where model and pictures do not fit together, or the model gives no numbers.
    """
    for cell in requested:
        model = models[cell.model]
        key = bound_key(cell, model)
        if file and not file.claim(key):
            continue
        try:
            if file and key in file.rows():
                continue
            device = str(next(model.checkpoint.denoiser.net.parameters()).device)
            for event in held_out_bound(
                model.checkpoint.model(model.name),
                model.data,
                variance=cell.variance,
                per_step=cell.per_step,
                seed=cell.seed,
                device=device,
            ):
                if isinstance(event, Progress):
                    yield cell, event
                    continue
                row = _row(cell, key, model, event, device)
                if file:
                    file.append(row.model_dump(mode="json"))
                yield row
        finally:
            if file:
                file.release(key)


def _row(cell: BoundCell, key: str, model: EvaluatedModel, bound: Bound, device: str) -> BoundRow:
    return BoundRow(
        key=key,
        model=model.name,
        fingerprint=model.fingerprint,
        data=model.data.name,
        variance=cell.variance,
        per_step=cell.per_step,
        seed=cell.seed,
        pictures=bound.pictures,
        bits_per_dim=bound.bits_per_dim,
        bits_per_dim_error=bound.bits_per_dim_error,
        prior=bound.prior,
        parts=tuple(bound.parts()),
        seconds=bound.seconds,
        device=device,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
    )
