"""What a page does with a finished run, on a disk that refuses at any write: a sentence says why, and the run stays whole."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from faults import contents, failing, leftovers

from engine.data.shipped import DATASETS
from engine.runs.folder import RunFolder
from engine.runs.record import RunRecord, new_id
from engine.runs.service import RunsError, TrainingService
from engine.runs.trainer import RunTrainer

from runs_to_try import DATA, config_of


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFolder]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "sides", lambda: DATA)
        folder = RunFolder(tmp_path_factory.mktemp("runs"), new_id())
        run = RunTrainer(folder, RunRecord(config=config_of(data="sides", steps=2, report_every=1)))
        assert [report.step for report in run.train()] == [1, 2]
        run.release()
        folder.write_record(run.record.model_copy(update={"status": "finished"}))
        yield folder
    torch.set_num_threads(before)


ACTIONS: dict[str, Callable[[TrainingService, str], object]] = {
    "rename": lambda service, run_id: service.rename(run_id, "Another name"),
    "delete": lambda service, run_id: service.delete(run_id),
    "restore": lambda service, run_id: service.restore(run_id),
    "zip": lambda service, run_id: service.archive(run_id, resumable=True),
}


def _whole(root: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(root).items() if not name.endswith("heartbeat")}


@pytest.mark.parametrize(
    ("code", "why"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the disk can only be read")],
    ids=["full", "ro"],
)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_disk_that_refuses_at_any_write_leaves_a_run_as_it_is_and_says_why(
    action: str, code: int, why: str, finished: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, refused = 0, 0
    while True:
        root = tmp_path / str(first)
        shutil.copytree(finished.path, root / "runs" / finished.id)
        (root / "temporary").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(root / "temporary"))
        service = TrainingService(root / "runs")
        if action == "restore":
            service.delete(finished.id)
        before = _whole(root / "runs")
        said = ""
        with failing(root, first, code) as faults:
            try:
                ACTIONS[action](service, finished.id)
            except RunsError as error:
                said = str(error)
        if said:
            refused += 1
            assert why in said
            assert str(root) not in said
            assert _whole(root / "runs") | before == _whole(root / "runs")
        assert not leftovers(root)
        if not faults.failed:
            break
        monkeypatch.setattr("tempfile.tempdir", None)
        if said:  # with room again
            ACTIONS[action](service, finished.id)
        first += 1
    assert refused
