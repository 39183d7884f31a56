"""Milestones of a run: even however long it gets, never too many, and a run that is taken up again is not changed by them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.shipped import DATASETS
from engine.models.opened import ModelError
from engine.runs import archive, milestones
from engine.runs.folder import RunFolder
from engine.runs.record import RunRecord, new_id
from engine.runs.service import TrainingService
from engine.runs.trainer import RunTrainer
from engine.storage.checked_files import CheckpointError
from engine.training import loop

from runs_to_try import DATA, config_of, same, weights_of

CONFIG = config_of(data="sides-of-milestones", steps=12, report_every=1, sample_every=100, milestones=5)


@pytest.fixture(autouse=True)
def _sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setitem(DATASETS, "sides-of-milestones", lambda: DATA)
    yield
    torch.set_num_threads(before)


def train(folder: RunFolder, until: int = 12, **changed: object) -> RunTrainer:
    config = CONFIG.model_copy(update=changed)
    run = RunTrainer(folder, folder.read_record() or RunRecord(config=config), save_every=0.0)
    run.writer.load()
    for report in run.train():
        if report.step == until:
            run.request = "paused"
    run.release()
    return run


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(2, 40), st.integers(0, 3000))
def test_they_are_even_and_neither_too_many_nor_too_few(every: int, most: int, reports: int) -> None:
    """Whatever the run is going to be: kept by the rule at every report, what is left is a grid of at most `most`."""
    kept: list[int] = []
    step = reports * every
    for at in range(0, min(step, 400 * every) + 1, every):
        if milestones.is_due(at, every, most):
            distance = milestones.spacing(at, every, most)
            kept = [there for there in [*kept, at] if there % distance == 0]
        assert kept[0] == 0
        assert len(kept) <= most
        assert len(kept) >= min(at // every + 1, (most + 1) // 2)
        assert len({b - a for a, b in itertools.pairwise(kept)}) <= 1


def test_none_are_due_where_none_are_wanted() -> None:
    assert not any(milestones.is_due(step, 1, most) for step in range(20) for most in (0, 1))


def test_a_run_keeps_them_as_files_and_each_is_the_average_of_its_step(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    train(folder)
    assert milestones.steps(folder.milestones) == [0, 4, 8, 12]
    # The loop alone, without anything kept, has the same averages at these steps.
    state = loop.begin(CONFIG, DATA)
    like = state.denoiser
    seen = {0: {name: weight.clone() for name, weight in state.average.items()}}
    for report in loop.train(CONFIG, DATA, state):
        seen[report.step] = {name: weight.clone() for name, weight in state.average.items()}
    for step in (0, 4, 8, 12):
        learned = milestones.load(folder.milestones, step, like)
        assert same(dict(learned.net.state_dict()), seen[step])
    assert not same(seen[4], seen[8])


def test_keeping_them_changes_nothing_of_what_is_learned(tmp_path: Path) -> None:
    runs = {}
    for most in (0, 5):
        folder = RunFolder(tmp_path, new_id())
        train(folder, milestones=most)
        state = loop.begin(CONFIG, DATA)
        assert folder.resume(state)
        runs[most] = (weights_of(state), {name: weight.clone() for name, weight in state.average.items()})
    assert same(runs[0][0], runs[5][0])
    assert same(runs[0][1], runs[5][1])


def test_a_run_that_was_cut_off_has_the_same_milestones_as_one_that_was_not(tmp_path: Path) -> None:
    whole, cut = RunFolder(tmp_path, new_id()), RunFolder(tmp_path, new_id())
    train(whole)
    train(cut, until=7)
    milestones.write(cut.milestones, 16, {"stray": torch.zeros(1)}, 1, 5)  # learned by a process that was killed
    assert 16 in milestones.steps(cut.milestones)
    train(cut)
    assert milestones.steps(cut.milestones) == milestones.steps(whole.milestones)
    like = loop.begin(CONFIG, DATA).denoiser
    for step in milestones.steps(whole.milestones):
        one, other = (milestones.load(folder.milestones, step, like).net.state_dict() for folder in (whole, cut))
        assert same(dict(one), dict(other))


def test_large_networks_keep_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milestones, "LARGEST", 1000)
    folder = RunFolder(tmp_path, new_id())
    train(folder)
    assert milestones.steps(folder.milestones) == []
    assert folder.steps()


def test_a_disk_that_refuses_one_does_not_stop_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(milestones, "save_tensors", full)
    folder = RunFolder(tmp_path, new_id())
    run = train(folder)
    assert run.ended == ("finished", "")
    assert milestones.steps(folder.milestones) == []
    assert list(folder.milestones.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b"no safetensors", None])
def test_a_damaged_one_is_refused_in_one_sentence(tmp_path: Path, damage: bytes | None) -> None:
    folder = RunFolder(tmp_path, new_id())
    train(folder, until=4)
    file = folder.milestones / "step-00000004.safetensors"
    file.unlink() if damage is None else file.write_bytes(damage)
    with pytest.raises(CheckpointError, match="step 4 cannot be opened"):
        milestones.load(folder.milestones, 4, loop.begin(CONFIG, DATA).denoiser)


def test_where_the_run_stands_now_comes_last(tmp_path: Path) -> None:
    assert milestones.moments([0, 4, 8], [6, 11]) == (0, 4, 8, 11)
    assert milestones.moments([0, 4, 8], [9]) == (0, 4, 9)  # too near to the last one to stand beside it
    assert milestones.moments([0, 4, 8], [8]) == (0, 4, 8)
    assert milestones.moments([], [3, 9]) == (3, 9)
    assert milestones.moments([0], [9]) == (0, 9)
    assert milestones.moments([0, 4, 8], [6]) == (0, 4, 6, 8)


def test_the_service_opens_every_moment_and_a_zip_leaves_them_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    train(folder)
    service = TrainingService(tmp_path)
    try:
        steps = service.milestones(folder.id)
        assert steps == (0, 4, 8, 12)
        weights = [service.model_at(folder.id, step).denoiser.net.conv_in.weight for step in steps]  # type: ignore[attr-defined]
        assert not any(torch.equal(a, b) for a, b in itertools.pairwise(weights))
        with pytest.raises(ModelError, match="step 5"):
            service.model_at(folder.id, 5)
        assert service.milestones("20000101-000000-00000000") == ()
    finally:
        service.close()
    archive.write_zip(folder, tmp_path / "run.zip")
    import zipfile

    assert not any("milestones" in name for name in zipfile.ZipFile(tmp_path / "run.zip").namelist())
