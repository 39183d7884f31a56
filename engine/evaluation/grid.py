"""A measurement over a grid: each cell is measured and stored, and what a file already holds is skipped.

    models = {"digits": opened("digits", checkpoint, data, judge)}
    requested, _ = cells(models, {"steps": [10, 50], "eta": [0, 1]}, samples=500)
    for event in run(requested, models, ResultsFile(path)): ...

`run` is a generator: the caller shows its progress, and stops by dropping the iterator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from engine.data.pixels import to_unit
from engine.evaluation.cells import Cell, EvaluatedModel, describe, key_of
from engine.evaluation.drawing import Drawn, DrawSettings, draw, evaluations, network_rows
from engine.evaluation.evaluate import Reference
from engine.evaluation.metrics import Estimate, Jackknife, PrecisionRecall, Share, accuracy, precision_recall
from engine.evaluation.results_file import ResultsFile

FEWER = (100, 200, 500)
"""The Fréchet distance of a cell is measured on this many of its first samples too, so that cells of different size compare:
it is biased upwards, the more so the fewer the samples."""
FEWEST = 20
"""With fewer rows, precision and recall mean nothing."""
MOST = 5000
"""Precision and recall use this many rows at most: their memory follows the square."""


class Row(BaseModel):
    """What was measured of one cell; a line of the results."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(description="Of the settings, the model's fingerprint and the data.")
    model: str
    fingerprint: str
    data: str
    settings: DrawSettings
    evaluations: int = Field(description="Network evaluations for each picture.")
    accuracy: Share | None
    frechet: Jackknife = Field(description="Samples against the held-out pictures.")
    frechet_floor: Estimate = Field(description="As many real pictures, or as many as there are, instead of samples.")
    floor_count: int
    frechet_of_first: dict[int, Jackknife] = Field(description="Of so many of the first samples only.")
    floor_of_first: dict[int, Estimate]
    covering: PrecisionRecall | None = Field(description="Of samples and held-out pictures; None for too few of them.")
    covering_floor: PrecisionRecall | None
    seconds: float = Field(description="For drawing all samples.")
    seconds_per_picture: Estimate | None = Field(
        description="Mean and standard error over batches; None for one batch."
    )
    device: str
    threads: int
    torch: str


@dataclass(frozen=True)
class GridProgress:
    """Where the whole grid stands. Work is counted in passes of one picture through the network."""

    cell: int
    """The number of the cell in work, 1 … cells,"""
    cells: int
    """of how many."""
    name: str
    """What is being drawn, in words."""
    done: int
    """Passes through the network so far,"""
    total: int
    """of how many, those of cells that were there already not counted."""
    seconds_left: float
    """NaN until something was measured."""


def run(
    requested: Sequence[Cell], models: Mapping[str, EvaluatedModel], file: ResultsFile | None = None
) -> Iterator[GridProgress | Row]:
    """Measure all cells that the file does not hold yet, in the order given.

    Cells that another process is measuring are skipped, and checked again at the end: it may have been interrupted.

    Args:
        requested: the cells, each with other settings or of another model.
        models: by the names in the cells.
        file: to which each result is appended; None to keep nothing.

    Yields:
        `GridProgress` after every step, and a `Row` for every cell that was measured here.

    Raises:
        EvaluationError: where the samples of a model are not numbers.
    """
    todo = [_Task(n, cell, models[cell.model]) for n, cell in enumerate(requested, start=1)]
    speeds = _Speeds()
    for _ in range(2):
        later: list[_Task] = []
        for place, task in enumerate(todo):
            if file and not file.claim(task.key):
                later.append(task)
                continue
            try:
                there = set(file.rows()) if file else set()  # after the claim: no process can add this one any more
                if task.key in there:
                    continue
                rest = [other for other in (*todo[place + 1 :], *later) if other.key not in there]
                for event in _measured(task, rest, speeds, len(requested)):
                    if file and isinstance(event, Row):
                        file.append(event.model_dump(mode="json"))
                    yield event
            finally:
                if file:
                    file.release(task.key)
        todo = later


class _Task:
    """A cell that is still to be measured."""

    def __init__(self, number: int, cell: Cell, model: EvaluatedModel) -> None:
        self.number, self.cell, self.model = number, cell, model
        self.key = key_of(cell, model)
        self.work = network_rows(cell.settings, model.checkpoint)


def _measured(task: _Task, rest: Sequence[_Task], speeds: _Speeds, count: int) -> Iterator[GridProgress | Row]:
    before = speeds.passes
    left = [(other.model.name, other.work) for other in rest]
    total = before + task.work + sum(work for _, work in left)
    words = describe(task.cell.settings, classes=task.model.checkpoint.denoiser.classes)
    for event in draw(task.model.checkpoint, task.cell.settings, task.model.reference.class_counts):
        if isinstance(event, Drawn):
            speeds.keep(task.model.name, task.work, event.seconds)
            yield _row(task, event)
        else:
            done = task.work * event.done // event.total
            speeds.tell(task.model.name, done, event.seconds)
            seconds = speeds.seconds([*left, (task.model.name, task.work - done)])
            yield GridProgress(task.number, count, f"{task.model.name}: {words}", before + done, total, seconds)


class _Speeds:
    """How fast each model has been so far, to say how long the rest will take."""

    def __init__(self) -> None:
        self.passes = 0
        self._kept: dict[str, tuple[int, float]] = {}
        self._now: dict[str, tuple[int, float]] = {}

    def tell(self, model: str, passes: int, seconds: float) -> None:
        """So much of the cell in work is done."""
        kept = self._kept.get(model, (0, 0.0))
        self._now[model] = (kept[0] + passes, kept[1] + seconds)

    def keep(self, model: str, passes: int, seconds: float) -> None:
        """The cell in work is done."""
        self.tell(model, passes, seconds)
        self._kept[model] = self._now[model]
        self.passes += passes

    def seconds(self, left: Iterable[tuple[str, int]]) -> float:
        """For so many passes of each model; one that was not measured yet counts as fast as the others are together."""
        passes, seconds = (sum(values) for values in zip(*self._now.values(), strict=True)) if self._now else (0, 0.0)
        if not passes:
            return math.nan
        total = 0.0
        for model, work in left:
            measured, took = self._now.get(model, (0, 0.0))
            total += work * (took / measured if measured else seconds / passes)
        return total


def _row(task: _Task, drawn: Drawn) -> Row:
    model, settings = task.model, task.cell.settings
    held_out = model.reference.held_out
    labels = None if drawn.labels is None else torch.from_numpy(drawn.labels)
    read_as, features = model.judge.read(to_unit(drawn.pictures))
    floor = _floor(model.reference, settings.samples)
    fewer = [n for n in FEWER if n < settings.samples]
    return Row(
        key=task.key,
        model=model.name,
        fingerprint=model.fingerprint,
        data=model.data.name,
        settings=settings,
        evaluations=evaluations(settings, model.checkpoint.denoiser.schedule),
        accuracy=None if labels is None else accuracy(read_as, labels),
        frechet=_short(model.reference.distance(features, labels)),
        frechet_floor=floor.frechet,
        floor_count=floor.count,
        frechet_of_first={
            n: _short(model.reference.distance(features[:n], None if labels is None else labels[:n])) for n in fewer
        },
        floor_of_first={n: _floor(model.reference, n).frechet for n in fewer},
        covering=_covering(features, held_out),
        covering_floor=floor.covering,
        seconds=round(drawn.seconds, 3),
        seconds_per_picture=_each(drawn.batches),
        device=str(next(model.checkpoint.denoiser.net.parameters()).device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
    )


@dataclass(frozen=True)
class _Floor:
    """What real pictures score."""

    frechet: Estimate
    covering: PrecisionRecall | None
    count: int


@lru_cache(maxsize=64)
def _floor(reference: Reference, samples: int) -> _Floor:
    """The same for every cell of as many samples, and so measured once."""
    unseen, classes = reference.first_unseen(samples)
    distance = reference.distance(unseen, classes).estimate
    return _Floor(distance, _covering(unseen, reference.held_out), len(unseen))


def _short(found: Jackknife) -> Jackknife:
    """Seven digits: there are dozens of numbers in a line of the results."""
    a, b = (tuple(float(f"{value:.7g}") for value in values) for values in (found.without_a, found.without_b))
    return Jackknife(found.value, a, b)


def _covering(samples: Tensor, real: Tensor) -> PrecisionRecall | None:
    samples, real = samples[:MOST], real[:MOST]
    if min(len(samples), len(real)) < FEWEST:
        return None
    return precision_recall(samples, real)


def _each(batches: Sequence[tuple[int, float]]) -> Estimate | None:
    """Seconds for one picture, by whole batches: the last one may be smaller, and slower for each picture."""
    each = [seconds / count for count, seconds in batches if count == batches[0][0]]
    if len(each) < 2:
        return None
    mean = sum(each) / len(each)
    spread = math.sqrt(sum((seconds - mean) ** 2 for seconds in each) / (len(each) - 1))
    return Estimate(mean, spread / math.sqrt(len(each)))
