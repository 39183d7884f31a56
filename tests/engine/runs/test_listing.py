"""Runs that have not changed cost no reading: a page that is drawn again asks for all of them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from engine.runs.folder import RunFolder
from engine.runs.record import RunRecord, Status, new_id
from engine.runs.service import TrainingService
from engine.training.loop import Report
from engine.training.timestep_bins import TIMESTEP_BINS

from runs_to_try import config_of

_opened: list[str] | None = None


def _notice(event: str, args: tuple[object, ...]) -> None:
    if _opened is not None and event in ("open", "os.listdir", "os.scandir"):
        _opened.append(f"{event} {args[0]}")


sys.addaudithook(_notice)  # for good: Python has no way to remove one


def _reads(training: TrainingService, root: Path) -> list[str]:
    """Files opened and folders listed below the root, to draw a page that shows all runs."""
    global _opened
    _opened = []
    try:
        for run_id in training.ids():
            training.snapshot(run_id)
        return [read for read in _opened if str(root) in read]
    finally:
        _opened = None


def _report(step: int) -> Report:
    return Report(step, 9, 1.0, (0.5,) * TIMESTEP_BINS, 1e-3, 1.0, 10.0)


def _run(root: Path, status: Status = "finished") -> RunFolder:
    folder = RunFolder(root, new_id())
    folder.write_record(RunRecord(config=config_of(), status=status))
    folder.write_metrics([_report(1)])
    (folder.checkpoints / "step-00000001" / "unet").mkdir(parents=True)
    return folder


def _settle(root: Path) -> None:
    """Let everything have been changed a minute ago."""
    for path in [root, *root.rglob("*")]:
        os.utime(path, (time.time() - 60,) * 2)


@pytest.fixture
def runs(tmp_path: Path) -> list[RunFolder]:
    folders = [_run(tmp_path, status) for status in ("finished", "stopped", "paused", "running", "failed")]
    _settle(tmp_path)
    return folders


def test_unchanged_runs_are_not_read_again(runs: list[RunFolder], tmp_path: Path) -> None:
    training = TrainingService(tmp_path)
    assert _reads(training, tmp_path)
    first = [training.snapshot(run_id) for run_id in training.ids()]
    assert {snapshot.status for snapshot in first if snapshot} == {
        "finished", "stopped", "paused", "interrupted", "failed",
    }  # fmt: skip
    assert _reads(training, tmp_path) == []
    assert all(training.snapshot(snapshot.id) is snapshot for snapshot in first if snapshot)


def test_a_change_is_seen_and_only_that_run_is_read(runs: list[RunFolder], tmp_path: Path) -> None:
    training = TrainingService(tmp_path)
    _reads(training, tmp_path)
    changed = runs[1]
    changed.write_metrics([_report(2)])
    reads = _reads(training, tmp_path)
    assert reads
    assert all(changed.id in read for read in reads)
    snapshot = training.snapshot(changed.id)
    assert snapshot is not None
    assert snapshot.step == 2
    changed.write_title("Named")
    snapshot = training.snapshot(changed.id)
    assert snapshot is not None
    assert snapshot.title == "Named"
    (changed.checkpoints / "step-00000001").rename(changed.checkpoints / ".gone")
    snapshot = training.snapshot(changed.id)
    assert snapshot is not None
    assert not snapshot.can_sample


def test_two_changes_within_one_tick_of_the_clock_are_both_seen(tmp_path: Path) -> None:
    """A file system's clock may stand still between them: what changed just now is read again."""
    folder = _run(tmp_path)
    training = TrainingService(tmp_path)
    training.ids()
    at = time.time()
    for step in range(2, 6):
        folder.write_title(f"Step {step}")
        for path in (folder.path, folder.path / "title.json"):
            os.utime(path, (at, at))
        snapshot = training.snapshot(folder.id)
        assert snapshot is not None
        assert snapshot.title == f"Step {step}"


def test_runs_that_come_and_go_are_listed(runs: list[RunFolder], tmp_path: Path) -> None:
    training = TrainingService(tmp_path)
    assert len(training.ids()) == 5
    (tmp_path / "mine").mkdir()
    _settle(tmp_path)
    assert len(training.ids()) == 5
    RunFolder.at(tmp_path / "mine").write_record(RunRecord(config=config_of()))  # does not touch the folder of all runs
    assert "mine" in training.ids()
    runs[0].path.rename(tmp_path / ".deleted")
    assert runs[0].id not in training.ids()
    assert len(training.ids()) == 5
