"""Runs that several processes see: followed while another one trains, paused from there, never trained twice. And what a reader
does with them: name, delete, bring back, take away."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine.cli.train import recipe_of
from engine.data.image_set import ImageSet
from engine.data.shipped import DATASETS
from engine.interop import pretrained
from engine.models.opened import ModelError
from engine.registry import open_model
from engine.runs import archive, trainer
from engine.runs.folder import RunFolder
from engine.runs.record import command_of
from engine.runs.service import RunsError, Snapshot, TrainingService
from engine.training import loop
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.state import TrainState
from engine.training.tasks import denoiser as denoiser_task

from runs_to_try import DATA, config_of, same

SECONDS = 60.0


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setitem(DATASETS, "sides", lambda: DATA)
    monkeypatch.setattr(denoiser_task, "PREVIEWS", 2)
    monkeypatch.setattr(denoiser_task, "PREVIEW_STEPS", 2)
    yield
    torch.set_num_threads(before)


def _config(**changed: object) -> TrainConfig:
    return config_of(**{"data": "sides", "steps": 6, "report_every": 1, "sample_every": 3, "T": 20, **changed})


@pytest.fixture
def let(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Every release lets one report of any run happen."""
    reports, real = threading.Semaphore(0), loop.train

    def train(config: TrainConfig, data: ImageSet, state: TrainState, machine: object = None) -> Iterator[Report]:
        for report in real(config, data, state, machine):  # type: ignore[arg-type]
            assert reports.acquire(timeout=SECONDS)
            yield report

    monkeypatch.setattr(loop, "train", train)
    return reports


def _ended(snapshot: Snapshot) -> bool:
    return not snapshot.active


def _seen(training: TrainingService, run_id: str) -> Snapshot:
    snapshot = training.snapshot(run_id)
    assert snapshot is not None
    return snapshot


# --- another process --------------------------------------------------------------------------------------------------


def test_a_run_of_another_process_appears_and_is_followed_live(tmp_path: Path, let: threading.Semaphore) -> None:
    """Two services are two processes here: they share nothing but the disk, and the lock is of open files."""
    here, there = TrainingService(tmp_path), TrainingService(tmp_path)
    run_id = here.submit(_config())
    assert there.snapshot(run_id) is None
    assert there.ids() == [run_id]
    let.release(2)
    seen = there.wait(run_id, lambda s: s.step == 2, SECONDS)
    assert (seen.status, seen.elsewhere, seen.active) == ("running", True, True)
    assert not _seen(here, run_id).elsewhere
    assert [step for step, _ in seen.previews] == [0]
    let.release(1)
    seen = there.wait(run_id, lambda s: s.step == 3, SECONDS)
    assert [r.step for r in seen.reports] == [1, 2, 3]
    let.release(10)
    for training in (here, there):
        ended = training.wait(run_id, _ended, SECONDS)
        assert (ended.status, ended.step, ended.elsewhere) == ("finished", 6, False)
        assert [step for step, _ in ended.previews] == [0, 3, 6]
        assert training.model(run_id).shape == (1, 8, 8)


def test_pause_there_resume_here(tmp_path: Path, let: threading.Semaphore) -> None:
    here, there = TrainingService(tmp_path), TrainingService(tmp_path)
    whole = here.submit(_config(seed=3))
    let.release(6)
    here.wait(whole, _ended, SECONDS)
    run_id = here.submit(_config(seed=3))
    assert run_id in there.ids()
    let.release(2)
    there.wait(run_id, lambda s: s.step == 2, SECONDS)
    there.resume(run_id)  # it is being trained: nobody trains it twice
    there.pause(run_id)
    let.release(1)
    for training in (there, here):
        paused = training.wait(run_id, lambda s: s.status == "paused" and not s.elsewhere, SECONDS)
        assert paused.step == 3
    there.resume(run_id)
    here.resume(run_id)  # too late
    let.release(10)
    for training in (there, here):
        assert training.wait(run_id, _ended, SECONDS).status == "finished"
    assert [r.step for r in _seen(here, run_id).reports] == [1, 2, 3, 4, 5, 6]
    assert same(*(here.model(name).denoiser.net.state_dict() for name in (run_id, whole)))  # type: ignore[attr-defined]


def test_a_queued_run_is_held_and_can_be_stopped_from_elsewhere(tmp_path: Path, let: threading.Semaphore) -> None:
    here, there = TrainingService(tmp_path), TrainingService(tmp_path)
    first, second = here.submit(_config()), here.submit(_config())
    there.ids()
    assert (_seen(there, second).status, _seen(there, second).elsewhere) == ("queued", True)
    there.resume(second)
    there.stop(second)
    let.release(20)
    assert here.wait(first, _ended, SECONDS).status == "finished"
    stopped = here.wait(second, _ended, SECONDS)
    assert (stopped.status, stopped.step) == ("stopped", 0)
    here.resume(second)
    assert here.wait(second, _ended, SECONDS).status == "finished"


def test_a_run_that_another_process_deleted_is_no_longer_listed(tmp_path: Path) -> None:
    here, there = TrainingService(tmp_path), TrainingService(tmp_path)
    run_id = here.submit(_config(steps=1))
    here.wait(run_id, _ended, SECONDS)
    assert there.ids() == [run_id]
    shutil.rmtree(tmp_path / run_id)
    assert there.ids() == here.ids() == []
    assert there.snapshot(run_id) is None


def test_a_wish_from_a_time_that_is_over_is_forgotten(tmp_path: Path, let: threading.Semaphore) -> None:
    training = TrainingService(tmp_path)
    run_id = training.submit(_config())
    let.release(1)
    training.wait(run_id, lambda s: s.step == 1, SECONDS)
    training.stop(run_id)
    let.release(1)
    training.wait(run_id, lambda s: s.status == "stopped", SECONDS)
    RunFolder(tmp_path, run_id).write_request("stopped")
    training.resume(run_id)
    let.release(10)
    assert training.wait(run_id, _ended, SECONDS).status == "finished"


# --- what a reader does with runs -------------------------------------------------------------------------------------


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[TrainingService, str]:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    training = TrainingService(tmp_path / "runs")
    run_id = training.submit(_config())
    training.wait(run_id, _ended, SECONDS)
    return training, run_id


def test_a_run_is_given_a_name(finished: tuple[TrainingService, str]) -> None:
    training, run_id = finished
    assert _seen(training, run_id).title == ""
    training.rename(run_id, "  My\n first  “run” " + "x" * 300)
    title = _seen(training, run_id).title
    assert title.startswith("My first “run” xxx")
    assert len(title) == 200
    assert training.model(run_id).title == title
    assert _seen(TrainingService(training._root), run_id).title == title
    training.rename(run_id, "")
    assert _seen(training, run_id).title == ""
    with pytest.raises(RunsError, match="There is no training run"):
        training.rename("nowhere", "x")


def test_a_deleted_run_can_be_brought_back(finished: tuple[TrainingService, str]) -> None:
    training, run_id = finished
    before = training.model(run_id).denoiser.net.state_dict()  # type: ignore[attr-defined]
    training.delete(run_id)
    assert training.ids() == []
    assert training.snapshot(run_id) is None
    assert TrainingService(training._root).ids() == []
    training.restore(run_id)
    assert training.ids() == [run_id]
    assert _seen(training, run_id).step == 6
    assert same(training.model(run_id).denoiser.net.state_dict(), before)  # type: ignore[attr-defined]
    for wrong in (run_id, "../x", "nowhere"):
        with pytest.raises(RunsError, match="cannot be brought back"):
            training.restore(wrong)
    training.delete(run_id)
    archive.sweep(training._root, seconds=-1.0)
    with pytest.raises(RunsError, match="gone for good"):
        training.restore(run_id)


def test_a_run_that_is_trained_is_not_deleted(tmp_path: Path, let: threading.Semaphore) -> None:
    here, there = TrainingService(tmp_path), TrainingService(tmp_path)
    running_one, waiting = here.submit(_config()), here.submit(_config())
    let.release(1)
    here.wait(running_one, lambda s: s.step == 1, SECONDS)
    there.ids()
    for training in (here, there):
        with pytest.raises(RunsError, match="stop it first"):
            training.delete(running_one)
    with pytest.raises(RunsError, match="stop it first"):
        there.delete(waiting)
    here.delete(waiting)
    assert here.ids() == [running_one]
    let.release(10)
    assert here.wait(running_one, _ended, SECONDS).status == "finished"


@pytest.mark.parametrize("resumable", [False, True])
def test_a_run_is_taken_to_another_machine_as_a_zip(
    finished: tuple[TrainingService, str], resumable: bool, tmp_path: Path
) -> None:
    training, run_id = finished
    training.rename(run_id, "Mine")
    path = training.archive(run_id, resumable=resumable)
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as zipped:
        names = zipped.namelist()
        zipped.extractall(tmp_path / "there")
    assert all(name.startswith(f"{run_id}/") for name in names)
    assert f"{run_id}/lock" not in names
    assert any("resume" in name for name in names) == resumable
    there = TrainingService(tmp_path / "there")
    assert there.ids() == [run_id]
    assert (_seen(there, run_id).title, _seen(there, run_id).step) == ("Mine", 6)
    assert same(*(one.model(run_id).denoiser.net.state_dict() for one in (training, there)))  # type: ignore[attr-defined]


def test_every_checkpoint_that_is_kept_can_be_drawn_with(
    finished: tuple[TrainingService, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    training, run_id = finished
    assert training.saved_models(run_id) == (5, 6)
    folder = RunFolder(training._root, run_id)
    (folder.path / "best.json").write_text('{"step": 5, "loss": 0.5}')
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(training._root))
    five = pretrained.load(folder.checkpoints / "step-00000005").denoiser.net.state_dict()
    for name in ("5", "best"):
        for model in (training.model(f"{run_id}@{name}"), open_model(f"run:{run_id}@{name}")):
            assert same(model.denoiser.net.state_dict(), five)  # type: ignore[attr-defined]
    assert not same(training.model(run_id).denoiser.net.state_dict(), five)  # type: ignore[attr-defined]
    for wrong in ("7", "x", "-1", "٥", "9" * 30):
        with pytest.raises(ModelError, match="There are: 5, 6"):
            training.model(f"{run_id}@{wrong}")


# --- the shell command of a run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(steps=2000, learning_rate=3e-5, importance=True, target="velocity"),
        TrainConfig(data="folder:/tmp/my pictures/it's", ema_decay=0.5, clip_norm=1e-7, seed=2**63 - 1),
        TrainConfig(task="classifier", flips=True, rotation=2.5, preset="auto", size=64, upsampling=True),
    ],
)
def test_the_command_of_a_run_trains_the_same_run(config: TrainConfig) -> None:
    words = shlex.split(command_of(config, out="my run"))
    assert words[:4] == ["python", "-m", "engine", "train"]
    assert words[-2:] == ["--out", "my run"]
    assert set(words[4:-2:2]) <= {"--set"}
    assert recipe_of(None, words[5:-2:2]) == config


def test_a_snapshot_gives_its_command_and_the_folder_its_recipe(finished: tuple[TrainingService, str]) -> None:
    training, run_id = finished
    snapshot = _seen(training, run_id)
    assert snapshot.command == command_of(snapshot.config)
    assert (
        TrainConfig.model_validate(json.loads((training._root / run_id / "recipe.json").read_text())) == snapshot.config
    )
