"""A training run on disk: one folder, whatever started it.

RUNS/ID/run.json          config and status
RUNS/ID/title.json        its name, where the reader gave it one
RUNS/ID/recipe.json       the config alone, for `python -m engine train`
RUNS/ID/metrics.jsonl     one report a line
RUNS/ID/held_out.jsonl    the loss on held-out pictures, one measurement a line
RUNS/ID/previews.npz      samples from fixed noise, by training step
RUNS/ID/floor.json        the Bayes-optimal loss of the data set
RUNS/ID/reading.json      accuracy of a classifier on held-out pictures
RUNS/ID/checkpoints/      EMA weights, and what resuming needs: see `engine.storage.checkpoints`
RUNS/ID/milestones/       EMA weights at evenly spaced steps: see `engine.runs.milestones`
RUNS/ID/best.json         the checkpoint with the lowest loss on held-out pictures
RUNS/ID/request.json      pause or stop, asked by another process than the one that trains it
RUNS/ID/lock, heartbeat   the process that trains it: see `engine.runs.lock`
RUNS/ID/owner             the visitor it belongs to, in public mode; written by `playground.policy`

Folders without checkpoints/, which were written before there were any, open as well: their weights lie in checkpoint/ or in the
folder itself, and what resuming needs in resume/.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from engine.data import shipped
from engine.data.image_set import DataError, ImageSet
from engine.language import N_, Message
from engine.runs.record import ID, NAME, ControlRequest, Point, RunRecord, Tail, add, merge, point_of, report_of
from engine.storage import budgets, checkpoints
from engine.storage.checked_files import CheckpointError
from engine.storage.checkpoints import RESUME
from engine.storage.files import atomic_write, read_regular, write_json
from engine.storage.signatures import Signature, is_settled, signature
from engine.training import resume
from engine.training.bayes_optimal import BayesOptimalLoss
from engine.training.classifier_accuracy import ClassifierAccuracy
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.resume import ResumeError
from engine.training.state import TrainState
from engine.training.tasks import task_of
from engine.training.tasks.task import Provenance
from engine.training.timestep_bins import TIMESTEP_BINS

NOTHING_YET = N_("This run has not learned anything yet that could be opened.")

Opened = TypeVar("Opened")

_RECORD, _TEXTS, _REQUEST = TypeAdapter(RunRecord), TypeAdapter(dict[str, str]), TypeAdapter(dict[str, ControlRequest])
_BAYES_OPTIMAL, _ACCURACY = TypeAdapter(BayesOptimalLoss), TypeAdapter(ClassifierAccuracy)


class RunFolder:
    """Reads and writes one run's folder.

    Args:
        root: where all runs are.
        run_id: as made by `new_id`; anything else is refused, so that no id leads out of `root`. For a folder of another name
            see `RunFolder.at`.

    Raises:
        ValueError: for an id that is none.
    """

    def __init__(self, root: Path, run_id: str) -> None:
        if not ID.fullmatch(run_id):
            raise ValueError(Message("“{run_id}” is no run's id.", run_id=run_id[:40]))
        self.id = run_id
        self.path = root / run_id

    @classmethod
    def named(cls, root: Path, name: str) -> RunFolder:
        """The folder of an id, or of another plain name, in `root`. Raises ValueError for one that could lead out of it."""
        return cls.at(root / name) if NAME.fullmatch(name) else cls(root, name)

    @classmethod
    def at(cls, path: Path) -> RunFolder:
        """The run in a folder of any name."""
        folder = cls.__new__(cls)
        folder.id, folder.path = path.resolve().name, path
        return folder

    # --- checkpoints ----------------------------------------------------------------------------------------------

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints."""
        return self.path / "checkpoints"

    @property
    def milestones(self) -> Path:
        """The folder of the EMA weights at evenly spaced steps."""
        return self.path / "milestones"

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint that is whole; where there is none, a folder that does not open."""
        newest = checkpoints.newest_in(self.path)
        return newest if newest != self.path or self.candidates() == [self.path] else self.path / "checkpoint"

    def steps(self) -> list[int]:
        """Of the checkpoints, oldest first."""
        return checkpoints.steps(self.checkpoints)

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint, which may open or not."""
        return bool(self.candidates())

    def candidates(self) -> list[Path]:
        """All checkpoints, newest first, which may open or not."""
        found = [self.checkpoints / checkpoints.name_of(step) for step in reversed(self.steps())]
        earlier = [self.path / "checkpoint", self.path]
        index = ("model_index.json", "config.json")
        return found + [folder for folder in earlier if any((folder / name).exists() for name in index)]

    def open(self, load: Callable[[Path], Opened], step: int | None = None) -> Opened:
        """Open the newest checkpoint that opens.

        Args:
            load: opens a folder; raises CheckpointError where it cannot.
            step: open that of this step only.

        Raises:
            CheckpointError: where none opens, with what is wrong with the newest.
        """
        problem: CheckpointError | None = None
        for folder in self.candidates():
            if step is not None and folder.name != checkpoints.name_of(step):
                continue
            try:
                if folder.parent == self.checkpoints:
                    checkpoints.check(folder)
                return load(folder)
            except CheckpointError as error:
                problem = problem or error
        raise problem or CheckpointError(Message(NOTHING_YET))

    def step_of(self, at: str) -> int:
        """The step of "best" or of a number. Raises CheckpointError where there is no checkpoint of it."""
        kept, best = self.steps(), self.read_best()
        if at == "best" and best is not None and best[0] in kept:
            return best[0]
        if at.isascii() and at.isdigit() and len(at) < 12 and int(at) in kept:
            return int(at)
        there = ", ".join(f"{step:,}" for step in kept) or Message("none")
        raise CheckpointError(
            Message("Of this run there is no checkpoint “{at}”. There are: {there}.", at=at[:20], there=there)
        )

    def write_state(
        self,
        data: ImageSet,
        config: TrainConfig,
        state: TrainState,
        *,
        resumable: bool = True,
        best: Point | None = None,
    ) -> None:
        """Write a checkpoint; of the earlier ones the last and the best stay.

        Args:
            data, config, state: of the run.
            resumable: whether with what resuming needs.
            best: step and held-out loss of the best checkpoint, which may be this one.

        Raises:
            OSError: where the write fails; what was there before is then as it was.
        """
        record = self.read_record()

        def fill(folder: Path) -> None:
            accuracy, command = self.read_accuracy(), record.command if record else ""
            about = Provenance(config, data, state.step, accuracy, command)
            task_of(config).save(folder, state.model, state.average, about)
            if resumable:
                resume.save(folder / RESUME, state)

        checkpoints.write(self.checkpoints, state.step, fill)
        if best is not None:
            write_json(self.path / "best.json", {"step": best[0], "loss": best[1]})
        # Later checkpoints could not be resumed from, or this state would have begun there.
        kept = [step for step in self.steps() if step <= state.step][-2:] + ([best[0]] if best else [])
        checkpoints.prune(self.checkpoints, kept)

    def resume(self, state: TrainState) -> bool:
        """Load into a fresh state the newest checkpoint that can be resumed from.

        Returns:
            False where there is no checkpoint.

        Raises:
            ResumeError: where every checkpoint is damaged, of another network, or without what resuming needs.
        """
        problem: ValueError | None = None
        for step in reversed(self.steps()):
            folder = self.checkpoints / checkpoints.name_of(step)
            if not (folder / RESUME).exists():
                continue
            try:
                checkpoints.check(folder, resuming=True)
                resume.load(folder / RESUME, state)
                return True
            except (CheckpointError, ResumeError) as error:
                problem = problem or error
        if (self.path / RESUME / resume.FILE).exists():
            resume.load(self.path / RESUME, state)
            return True
        if problem is not None:
            raise ResumeError(Message("The run cannot be resumed: {problem}", problem=problem)) from problem
        if self.has_checkpoint:
            raise ResumeError(
                Message(
                    "The run cannot be resumed: its weights are here, but not what resuming needs, as in a zip of it."
                )
            )
        return False

    def read_best(self) -> Point | None:
        """Step and held-out loss of the best checkpoint; None where there is none that can be read."""
        try:
            return point_of(read_regular(self.path / "best.json", budgets.JSON_BYTES))
        except OSError:
            return None

    # --- record and measurements ----------------------------------------------------------------------------------

    def write_record(self, record: RunRecord) -> None:
        """Raises OSError where the write fails."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / "run.json", record.model_dump())
        write_json(self.path / "recipe.json", record.config.model_dump())

    def read_record(self) -> RunRecord | None:
        """None where there is none that can be read."""
        return self._read("run.json", _RECORD)

    def write_title(self, title: str) -> None:
        """Raises OSError where the write fails."""
        write_json(self.path / "title.json", {"title": title})

    def read_title(self) -> str:
        """Empty where it has none."""
        return (self._read("title.json", _TEXTS) or {}).get("title", "")[:200]

    def write_metrics(self, reports: Sequence[Report]) -> None:
        """Add reports to the log. Raises OSError where the write fails."""
        add(self.path / "metrics.jsonl", [asdict(report) for report in reports])

    def read_metrics(self) -> list[Report]:
        """Every whole line of the log. A resumed run may have logged a step twice: the later report counts."""
        reports: list[Report] = []
        merge(reports, Tail(self.path / "metrics.jsonl").read(to_end=True)[0], report_of)
        return reports

    def write_held_out(self, points: Sequence[Point]) -> None:
        """Add steps and losses on held-out pictures. Raises OSError where the write fails."""
        add(self.path / "held_out.jsonl", [point._asdict() for point in points])

    def write_bayes_optimal(self, loss: BayesOptimalLoss) -> None:
        """Raises OSError where the write fails."""
        write_json(self.path / "floor.json", asdict(loss))

    def read_bayes_optimal(self) -> BayesOptimalLoss | None:
        """None where there is none that can be read."""
        loss = self._read("floor.json", _BAYES_OPTIMAL)
        return loss if loss and len(loss.loss_by_level) == TIMESTEP_BINS else None

    def write_accuracy(self, accuracy: ClassifierAccuracy) -> None:
        """Raises OSError where the write fails."""
        write_json(self.path / "reading.json", asdict(accuracy))

    def read_accuracy(self) -> ClassifierAccuracy | None:
        """None where there is none that can be read."""
        accuracy = self._read("reading.json", _ACCURACY)
        if accuracy is None:
            return None
        # Of large sets the exact classifier is not evaluated.
        exact = accuracy.exact_by_level or accuracy.accuracy_by_level
        lengths = {len(accuracy.accuracy_by_level), len(accuracy.loss_by_level), len(exact)}
        return accuracy if lengths == {TIMESTEP_BINS} else None

    def write_previews(self, steps: Sequence[int], pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Pictures (B, H, W, C) of each step, whole or not at all."""
        with atomic_write(self.path / "previews.npz") as part, part.open("wb") as file:
            np.savez_compressed(file, steps=np.array(steps), pictures=np.stack(pictures))

    def read_previews(self) -> list[tuple[int, npt.NDArray[np.uint8]]]:
        """(step, pictures), oldest first; nothing where the file is missing or is not what was written."""
        try:
            arrays = shipped.read_arrays(self.path / "previews.npz", ("steps", "pictures"), budgets.PREVIEW_BYTES)
        except DataError:
            return []
        steps, pictures = arrays["steps"], arrays["pictures"]
        fits = pictures.dtype == np.uint8 and pictures.ndim == 5 and pictures.size and pictures.shape[-1] in (1, 3)
        if not fits or steps.shape != pictures.shape[:1] or not np.issubdtype(steps.dtype, np.integer):
            return []
        pictures.setflags(write=False)
        return [(int(step), tiles) for step, tiles in zip(steps, pictures, strict=True)]

    # --- requests of other processes ------------------------------------------------------------------------------

    def write_request(self, request: ControlRequest) -> None:
        """Ask the process that trains it. Raises OSError where the write fails."""
        write_json(self.path / "request.json", {"request": request})

    @property
    def request(self) -> ControlRequest | None:
        """What the process that trains it was asked for, and has not yet taken."""
        try:
            return _REQUEST.validate_json(read_regular(self.path / "request.json", budgets.JSON_BYTES))["request"]
        except (OSError, ValidationError, KeyError):
            return None

    def take_request(self) -> ControlRequest | None:
        """What another process asks for; it is asked a single time."""
        request = self.request
        with contextlib.suppress(OSError):
            (self.path / "request.json").unlink(missing_ok=True)
        return request

    def _read(self, name: str, adapter: TypeAdapter[Opened]) -> Opened | None:
        """A JSON file; None where it is missing or says something else."""
        try:
            return adapter.validate_json(read_regular(self.path / name, budgets.JSON_BYTES))
        except (OSError, ValidationError):
            return None


def all_runs(root: Path) -> list[RunFolder]:
    """Every folder that looks like a run, oldest first: those named by an id, then others that hold a run.json."""
    now = signature(root)
    names = _names_in(root, now) if is_settled(now) else _names_in.__wrapped__(root, now)
    ids = [RunFolder(root, name) for name in names if ID.fullmatch(name)]
    return ids + [RunFolder.at(root / n) for n in names if not ID.fullmatch(n) and (root / n / "run.json").is_file()]


@lru_cache(maxsize=8)
def _names_in(root: Path, _: Signature | None) -> tuple[str, ...]:
    """Names of folders that may be runs, listed again where one was added or removed."""
    try:
        return tuple(sorted(entry.name for entry in root.iterdir() if NAME.fullmatch(entry.name)))
    except OSError:
        return ()


def find_run(root: Path, name: str) -> RunFolder:
    """The run of that id among all runs, or the one in the folder of that name.

    Raises:
        ValueError: with one clear sentence where there is none.
    """
    found = next((run for run in all_runs(root) if run.id == name), None)
    if found is not None:
        return found
    if os.path.isdir(name) and is_run(Path(name)):
        return RunFolder.at(Path(name))
    return RunFolder(root, name)


def is_run(folder: Path) -> bool:
    """Whether a folder is one of a run, and not a checkpoint by itself."""
    return os.path.isfile(folder / "run.json") or os.path.isdir(folder / "checkpoints")
