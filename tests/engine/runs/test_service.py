"""Training in the background: the queue, pausing and taking up again, what survives on disk, and what goes wrong there."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.data.image_set import DataError, ImageSet
from engine.data.shipped import DATASETS
from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.models.opened import ModelError
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.runs import folder, trainer
from engine.runs import training_queue as module
from engine.runs.folder import RunFolder, all_runs
from engine.runs.record import RunRecord, new_id
from engine.runs.service import Snapshot, TrainingService
from engine.storage import checkpoints
from engine.training import loop, resume
from engine.training.config import TrainConfig
from engine.training.report import Report
from engine.training.resume import ResumeError
from engine.training.state import TrainState
from engine.training.tasks import denoiser as denoiser_task
from engine.training.timestep_bins import TIMESTEP_BINS

DATA = "two-sides"
SECONDS = 60.0


def _pictures() -> ImageSet:
    """8 × 8 pictures of two classes: bright on the left, or on the right."""
    labels = np.arange(24, dtype=np.int64) % 2
    images = np.random.default_rng(0).integers(0, 40, (24, 8, 8, 1)).astype(np.uint8)
    images[labels == 0, :, :4] += 200
    images[labels == 1, :, 4:] += 200
    return ImageSet(DATA, "Two sides", images, labels, ("left", "right"), labels < 0, "made here", "none", "")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As many threads here as in the training thread: sums in another order differ in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, DATA, _pictures)
    monkeypatch.setattr(denoiser_task, "PREVIEWS", 2)
    monkeypatch.setattr(denoiser_task, "PREVIEW_STEPS", 2)


def _config(**changed: object) -> TrainConfig:
    values = {"data": DATA, "steps": 6, "batch": 4, "T": 20, "warmup": 2, "report_every": 1, "sample_every": 3}
    return TrainConfig.model_validate({**values, **changed})


class Gate:
    """Lets the loop hand out its reports one by one, so that a test knows where a run stands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._reports = threading.Semaphore(0)
        real = loop.train

        def train(config: TrainConfig, data: ImageSet, state: TrainState, machine: object = None) -> Iterator[Report]:
            for report in real(config, data, state, machine):
                assert self._reports.acquire(timeout=SECONDS)
                yield report

        monkeypatch.setattr(loop, "train", train)

    def let(self, reports: int) -> None:
        self._reports.release(reports)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def _ended(snapshot: Snapshot) -> bool:
    return snapshot.status in ("finished", "failed", "stopped", "paused")


def _at(step: int, status: str = "running") -> object:
    return lambda snapshot: snapshot.step >= step and snapshot.status == status


def _end(training: TrainingService, run_id: str) -> Snapshot:
    return training.wait(run_id, _ended, SECONDS)


def _weights(denoiser: object) -> dict[str, Tensor]:
    assert isinstance(denoiser, NetDenoiser)
    return denoiser.net.state_dict()


def _same(a: object, b: object) -> bool:
    first, second = _weights(a), _weights(b)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


# --- a whole run ------------------------------------------------------------------------------------------------------


def test_a_run_goes_to_its_end_and_survives_the_process(tmp_path: Path) -> None:
    training = TrainingService(tmp_path)
    state = (torch.random.get_rng_state(), random.getstate(), np.random.get_state()[1].copy())
    run_id = training.submit(_config())
    snapshot = _end(training, run_id)
    assert (snapshot.status, snapshot.error, snapshot.note, snapshot.step) == ("finished", "", "", 6)
    assert [report.step for report in snapshot.reports] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in snapshot.previews] == [0, 3, 6]
    assert all(pictures.shape == (2, 8, 8, 1) and pictures.dtype == np.uint8 for _, pictures in snapshot.previews)
    assert snapshot.seconds_left is None
    assert snapshot.bayes_optimal is not None
    assert 0 < snapshot.bayes_optimal.loss < min(report.loss for report in snapshot.reports)
    # No global random state was changed.
    assert torch.equal(torch.random.get_rng_state(), state[0])
    assert random.getstate() == state[1]
    assert np.array_equal(np.random.get_state()[1], state[2])

    later = TrainingService(tmp_path)
    kept = later.snapshot(run_id)
    assert kept is not None
    assert (kept.status, kept.step, kept.config, kept.bayes_optimal) == (
        "finished",
        6,
        _config(),
        snapshot.bayes_optimal,
    )
    assert [repr(report) for report in kept.reports] == [repr(report) for report in snapshot.reports]
    for (step, pictures), (same_step, same) in zip(kept.previews, snapshot.previews, strict=True):
        assert step == same_step
        assert np.array_equal(pictures, same)
    recipe = Recipe(model=f"run:{run_id}", steps=3, labels=(0, 1), seeds=(5, 6))
    drawn = [list(recipe.frames(run_of=service.model))[-1].x for service in (training, later)]
    assert torch.equal(*drawn)


def test_a_run_opens_by_name_in_a_program_of_the_readers_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page gives to take away is a program that knows of no service."""
    training = TrainingService(tmp_path)
    run_id = training.submit(_config(steps=2))
    _end(training, run_id)
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path))
    model = open_model(f"run:{run_id}")
    assert _same(model.denoiser, training.model(run_id).denoiser)
    for wrong in ("../elsewhere", new_id(), ""):
        with pytest.raises(ModelError, match=r"\.$"):
            open_model(f"run:{wrong}")


def test_snapshots_do_not_change(tmp_path: Path, gate: Gate) -> None:
    training = TrainingService(tmp_path)
    run_id = training.submit(_config())
    gate.let(2)
    early = training.wait(run_id, _at(2), SECONDS)
    before = (early.status, early.reports, early.previews, early.step)
    with pytest.raises(ValueError, match="read-only"):
        early.previews[0][1][:] = 0
    gate.let(10)
    assert _end(training, run_id).step == 6
    assert (early.status, early.reports, early.previews, early.step) == before
    assert len(early.reports) == 2
    assert early.active
    assert early.seconds_left is not None


def test_a_running_run_can_be_sampled_from(tmp_path: Path, gate: Gate) -> None:
    training = TrainingService(tmp_path)
    run_id = training.submit(_config())
    gate.let(4)
    snapshot = training.wait(run_id, _at(4), SECONDS)
    assert snapshot.can_sample
    model = training.model(run_id)
    before = {name: weight.clone() for name, weight in _weights(model.denoiser).items()}
    assert model.shape == (1, 8, 8)
    assert model.class_names == ("left", "right")
    gate.let(10)
    _end(training, run_id)
    assert all(torch.equal(before[name], weight) for name, weight in _weights(model.denoiser).items())
    assert not _same(model.denoiser, training.model(run_id).denoiser)


# --- pause, stop, resume ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> NetDenoiser:
    """What `_config()` learns when nobody disturbs it."""
    data = _pictures()
    state = loop.begin(_config(), data)
    list(loop.train(_config(), data, state))
    return state.averaged()


def test_a_pause_changes_nothing_in_what_is_learned(tmp_path: Path, gate: Gate, uninterrupted: NetDenoiser) -> None:
    training = TrainingService(tmp_path)
    run_id = training.submit(_config())
    gate.let(2)
    training.wait(run_id, _at(2), SECONDS)
    training.pause(run_id)
    gate.let(1)
    paused = training.wait(run_id, lambda s: s.status == "paused", SECONDS)
    assert paused.step == 3  # the very next report
    assert paused.active
    gate.let(10)
    training.resume(run_id)
    finished = _end(training, run_id)
    assert finished.status == "finished"
    assert [report.step for report in finished.reports] == [1, 2, 3, 4, 5, 6]
    assert _same(training.model(run_id).denoiser, uninterrupted)


def test_an_interrupted_run_is_taken_up_by_the_next_process(
    tmp_path: Path, gate: Gate, uninterrupted: NetDenoiser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    first = TrainingService(tmp_path)
    run_id = first.submit(_config())
    gate.let(4)
    folder = RunFolder(tmp_path, run_id)
    first.wait(run_id, lambda s: s.step == 4 and 4 in checkpoints.steps(folder.checkpoints), SECONDS)
    # Its thread waits for ever now, as good as killed, which is when the kernel lets go of its lock; and it had told one more
    # step than it had saved.
    lease = first._runs[run_id].run.writer.lease
    assert lease is not None
    lease.release()
    unsaved = Report(5, 6, 123.0, (0.5,) * TIMESTEP_BINS, 1e-3, 1.0, 10.0)
    RunFolder(tmp_path, run_id).write_metrics([unsaved])
    record = RunFolder(tmp_path, run_id).read_record()
    assert record is not None
    assert record.status == "running"

    second = TrainingService(tmp_path)
    found = second.snapshot(run_id)
    assert found is not None
    assert found.status == "interrupted"
    assert not found.active
    assert found.step == 5
    assert found.can_sample
    gate._reports = threading.Semaphore(10)
    second.resume(run_id)
    finished = _end(second, run_id)
    assert (finished.status, finished.error) == ("finished", "")
    assert [report.step for report in finished.reports] == [1, 2, 3, 4, 5, 6]
    assert max(report.loss for report in finished.reports) < 123
    assert _same(second.model(run_id).denoiser, uninterrupted)
    logged = RunFolder(tmp_path, run_id).read_metrics()
    assert [(report.step, report.loss) for report in logged] == [(r.step, r.loss) for r in finished.reports]


def test_the_end_of_the_program_saves_what_is_being_trained(tmp_path: Path) -> None:
    training = TrainingService(tmp_path)
    run_id = training.submit(_config(steps=100_000))
    waiting = training.submit(_config())
    training.wait(run_id, _at(1))
    training.close(SECONDS)
    assert training._queue._thread is not None
    assert not training._queue._thread.is_alive()
    assert RunFolder(tmp_path, run_id).has_checkpoint
    after = TrainingService(tmp_path)
    found = after.snapshot(run_id)
    assert found is not None
    assert found.status == "paused"
    assert found.step >= 1
    assert after.snapshot(waiting) is not None


def test_what_a_stopped_run_has_learned_is_kept(tmp_path: Path, gate: Gate) -> None:
    training = TrainingService(tmp_path)
    run_id = training.submit(_config(sample_every=100))
    gate.let(1)
    training.wait(run_id, _at(1), SECONDS)
    training.stop(run_id)
    gate.let(1)
    stopped = training.wait(run_id, lambda s: s.status == "stopped", SECONDS)
    assert stopped.step == 2
    assert not stopped.active
    checkpoint = pretrained.load(RunFolder(tmp_path, run_id).checkpoint)
    assert checkpoint.card.step == 2
    assert checkpoint.card.class_names == ("left", "right")
    # No older weights are handed out than those on disk, though nobody waited for pictures of them.
    assert _same(training.model(run_id).denoiser, checkpoint.denoiser)
    assert (
        training.model(run_id)
        .denoiser(torch.zeros(1, 1, 8, 8), checkpoint.denoiser.schedule.level(5))
        .x0.isfinite()
        .all()
    )
    gate.let(10)
    training.resume(run_id)
    assert _end(training, run_id).step == 6


def test_what_the_reader_wishes_last_counts(tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saving takes a while; a button that is pressed meanwhile must not be forgotten."""
    saving, go_on = threading.Event(), threading.Event()
    real = RunFolder.write_state

    def slow(*args: object, **more: object) -> None:
        saving.set()
        assert go_on.wait(SECONDS)
        real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(RunFolder, "write_state", slow)
    training = TrainingService(tmp_path)
    for second_wish, status in ((training.stop, "stopped"), (training.resume, "running")):
        saving.clear()
        go_on.clear()
        run_id = training.submit(_config())
        gate.let(1)
        training.wait(run_id, _at(1), SECONDS)
        training.pause(run_id)
        gate.let(1)
        assert saving.wait(SECONDS)
        second_wish(run_id)
        go_on.set()
        if status == "running":
            gate.let(10)
            assert _end(training, run_id).status == "finished"
        else:
            assert training.wait(run_id, lambda s: not s.active, SECONDS).status == status


def test_wishes_about_runs_that_have_ended_or_never_were(tmp_path: Path) -> None:
    training = TrainingService(tmp_path)
    run_id = training.submit(_config(steps=1))
    assert _end(training, run_id).status == "finished"
    for wish in (training.pause, training.stop, training.resume):
        wish(run_id)
        wish("20200101-000000-00000000")
        snapshot = training.snapshot(run_id)
        assert snapshot is not None
        assert snapshot.status == "finished"


# --- the queue --------------------------------------------------------------------------------------------------------


def test_runs_are_trained_in_the_order_in_which_they_came(tmp_path: Path, gate: Gate) -> None:
    training = TrainingService(tmp_path)
    ids = [training.submit(_config(steps=1, seed=seed)) for seed in range(4)]
    training.wait(ids[0], lambda s: s.status == "running", SECONDS)
    places = [training.snapshot(run_id) for run_id in ids]
    assert [(s.status, s.place) for s in places if s] == [
        ("running", 0),
        ("queued", 1),
        ("queued", 2),
        ("queued", 3),
    ]
    training.pause(ids[1])
    training.stop(ids[2])
    waiting = [training.snapshot(run_id) for run_id in ids[1:]]
    assert [(s.status, s.place) for s in waiting if s] == [("paused", 0), ("stopped", 0), ("queued", 1)]
    training.resume(ids[1])  # at the end now
    gate.let(10)
    _end(training, ids[1])
    assert [(s.status if s else "") for s in map(training.snapshot, ids)] == [
        "finished",
        "finished",
        "stopped",
        "finished",
    ]
    assert sorted(training.ids(), reverse=True) == training.ids()
    assert set(training.ids()) == set(ids)
    times = {i: RunFolder(tmp_path, i).checkpoint.stat().st_mtime for i in ids if i != ids[2]}
    assert times[ids[0]] <= times[ids[3]] <= times[ids[1]]


def test_an_absurd_learning_rate_fails_with_a_sentence_and_the_next_run_goes_on(tmp_path: Path) -> None:
    training = TrainingService(tmp_path)
    absurd = _config(warmup=0, learning_rate=1.0, clip_norm=1000, steps=500)
    failing, next_one = training.submit(absurd), training.submit(_config(steps=1))
    snapshot = _end(training, failing)
    assert snapshot.status == "failed"
    assert "stopped being a number" in snapshot.error
    assert snapshot.error.endswith(".")
    assert _end(training, next_one).status == "finished"
    # What is kept of it is usable weights, here and in the next process.
    for service in (training, TrainingService(tmp_path)):
        assert all(weight.isfinite().all() for weight in _weights(service.model(failing).denoiser).values())
    with pytest.raises(ResumeError, match="not what resuming needs"):
        RunFolder(tmp_path, failing).resume(loop.begin(absurd, _pictures()))


def test_a_surprise_in_the_loop_is_told_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = loop.begin

    def begin(config: TrainConfig, data: ImageSet, device: object = "cpu") -> TrainState:
        if config.seed == 1:
            raise MemoryError
        return real(config, data, device)

    monkeypatch.setattr(loop, "begin", begin)
    training = TrainingService(tmp_path)
    failing, next_one = training.submit(_config(seed=1)), training.submit(_config(steps=1))
    snapshot = _end(training, failing)
    assert (snapshot.status, snapshot.step) == ("failed", 0)
    assert "MemoryError" in snapshot.error
    assert "Traceback" in capsys.readouterr().err
    assert _end(training, next_one).status == "finished"


def test_unknown_pictures_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="digits"):
        TrainingService(tmp_path).submit(_config(data="no-such-set"))
    assert list(tmp_path.iterdir()) == []


# --- disks ------------------------------------------------------------------------------------------------------------


def test_a_run_that_cannot_be_saved_is_paused_and_says_so(tmp_path: Path) -> None:
    """Nothing is computed that would be lost."""
    root = tmp_path / "runs"
    root.write_text("a file where the folder should be")
    training = TrainingService(root)
    run_id = training.submit(_config(steps=2))
    snapshot = _end(training, run_id)
    assert (snapshot.status, snapshot.step) == ("paused", 0)
    assert snapshot.error.startswith("It cannot be saved: there is a file where its folder should be.")
    assert run_id in training.ids()
    training.resume(run_id)
    again = training.snapshot(run_id)
    assert again is not None
    assert (again.status, again.note) == ("paused", "It cannot be saved: there is a file where its folder should be.")
    assert root.read_text() == "a file where the folder should be"
    root.unlink()
    training.resume(run_id)
    finished = _end(training, run_id)
    assert (finished.status, finished.step, finished.error, finished.note) == ("finished", 2, "", "")
    assert training.model(run_id).shape == (1, 8, 8)


@pytest.mark.parametrize("where", ["rename", "weights"])
def test_on_a_full_disk_a_run_waits_in_memory_until_there_is_room_again(
    tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch, where: str, uninterrupted: NetDenoiser
) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    training = TrainingService(tmp_path)
    run_id = training.submit(_config())
    gate.let(1)
    folder = RunFolder(tmp_path, run_id)
    training.wait(run_id, lambda s: s.step >= 1 and bool(folder.steps()), SECONDS)
    with monkeypatch.context() as patch:
        if where == "rename":

            def full(*args: object) -> None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            patch.setattr(os, "replace", full)
        else:  # safetensors has an exception of its own for it
            from safetensors import SafetensorError

            def full(*args: object) -> None:
                raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

            patch.setattr("engine.storage.checked_files.save_file", full)
        gate.let(10)
        told = training.wait(run_id, lambda s: s.status == "paused", SECONDS)
        assert told.error == f"It cannot be saved: the disk is full. {module.IN_MEMORY}"
        assert 0 < told.step < 6
        assert pretrained.load(folder.checkpoint).card.step == 1  # what was saved before still opens
        assert [path.name for path in folder.checkpoints.iterdir()] == ["step-00000001"]  # and nothing lies about
        training.resume(run_id)  # not yet: before anything more is learned it is tried again
        assert training.wait(run_id, lambda s: s.status == "paused", SECONDS).step == told.step
        # Nobody else can take it up from an older state meanwhile.
        other = TrainingService(tmp_path)
        other.resume(run_id)
        seen = other.snapshot(run_id)
        assert seen is not None
        assert seen.elsewhere
    training.resume(run_id)
    finished = _end(training, run_id)
    assert (finished.status, finished.error, finished.note, finished.step) == ("finished", "", "", 6)
    assert _same(training.model(run_id).denoiser, uninterrupted)
    kept = TrainingService(tmp_path).snapshot(run_id)
    assert kept is not None
    assert [report.step for report in kept.reports] == [1, 2, 3, 4, 5, 6]


def test_a_run_stopped_on_a_full_disk_can_still_be_taken_up(
    tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch, uninterrupted: NetDenoiser
) -> None:
    """Its state is nowhere but in memory: it is not thrown away."""

    def full(*args: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    training = TrainingService(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_state", full)
        run_id = training.submit(_config())
        gate.let(1)
        training.wait(run_id, _at(1), SECONDS)
        training.stop(run_id)
        gate.let(1)
        paused = training.wait(run_id, lambda s: s.status == "paused", SECONDS)
        assert "the disk is full" in paused.error
        training.stop(run_id)
        assert training.wait(run_id, lambda s: s.status == "stopped", SECONDS).step == 2
    gate.let(10)
    training.resume(run_id)
    assert [report.step for report in _end(training, run_id).reports] == [1, 2, 3, 4, 5, 6]
    assert _same(training.model(run_id).denoiser, uninterrupted)


def test_a_run_whose_folder_was_deleted_is_written_again(
    tmp_path: Path, gate: Gate, uninterrupted: NetDenoiser
) -> None:
    training = TrainingService(tmp_path)
    run_id = training.submit(_config())
    gate.let(2)
    training.wait(run_id, _at(2), SECONDS)
    shutil.rmtree(tmp_path / run_id)
    gate.let(10)
    paused = training.wait(run_id, lambda s: s.status == "paused", SECONDS)
    assert paused.error == f"It cannot be saved: its folder is gone. {module.WRITTEN_AGAIN}"
    assert run_id in training.ids()
    assert not (tmp_path / run_id).exists()  # whoever deleted it is not overruled
    training.resume(run_id)
    finished = _end(training, run_id)
    assert (finished.status, finished.step) == ("finished", 6)
    assert _same(training.model(run_id).denoiser, uninterrupted)
    kept = TrainingService(tmp_path).snapshot(run_id)
    assert kept is not None
    assert [report.step for report in kept.reports] == [1, 2, 3, 4, 5, 6]


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a paused run and a finished one."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, DATA, _pictures)
        patch.setattr(denoiser_task, "PREVIEWS", 2)
        patch.setattr(denoiser_task, "PREVIEW_STEPS", 2)
        training, gate = TrainingService(root), Gate(patch)
        paused, finished = training.submit(_config()), training.submit(_config(steps=1))
        gate.let(1)
        training.wait(paused, _at(1), SECONDS)  # type: ignore[arg-type]
        training.pause(paused)
        gate.let(10)
        training.wait(paused, lambda s: s.status == "paused", SECONDS)
        training.wait(finished, _ended, SECONDS)
        (root / "names.json").write_text(json.dumps([paused, finished]))
    return root


JUNK = {
    "empty": b"",
    "binary": bytes(range(256)) * 3,
    "a list": b"[1, 2]",
    "a number": b"17",
    "deep": b"[" * 100_000,
    "not text": b'{"config": "\xff\xfe"}',
    "another thing": b'{"config": {"steps": -5}, "status": "dancing"}',
    "long number": b'{"step": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
@pytest.mark.parametrize("file", ["run.json", "metrics.jsonl", "previews.npz", "floor.json"])
def test_a_damaged_file_is_as_good_as_none_and_leaves_the_others_alone(
    tmp_path: Path, two_runs: Path, file: str, junk: bytes
) -> None:
    paused, finished = json.loads((two_runs / "names.json").read_text())
    for run_id in (paused, finished):
        (tmp_path / run_id).mkdir()
        for name in ("run.json", "metrics.jsonl", "previews.npz", "floor.json"):
            (tmp_path / run_id / name).write_bytes((two_runs / run_id / name).read_bytes())
    (tmp_path / paused / file).write_bytes(junk)
    training = TrainingService(tmp_path)
    other = training.snapshot(finished)
    assert other is not None
    assert (other.status, other.step, len(other.previews)) == ("finished", 1, 2)
    hurt = training.snapshot(paused)
    if file == "run.json":
        assert hurt is None
        return
    assert hurt is not None
    assert hurt.status == "paused"
    assert bool(hurt.reports) == (file != "metrics.jsonl")
    assert bool(hurt.previews) == (file != "previews.npz")
    assert (hurt.bayes_optimal is None) == (file == "floor.json")


def test_a_damaged_resume_file_fails_that_run_only(tmp_path: Path, two_runs: Path) -> None:
    paused, _ = json.loads((two_runs / "names.json").read_text())
    shutil.copytree(two_runs / paused, tmp_path / paused)
    for step in checkpoints.steps(tmp_path / paused / "checkpoints"):
        (tmp_path / paused / "checkpoints" / checkpoints.name_of(step) / "resume" / resume.FILE).write_bytes(
            b"not tensors"
        )
    training = TrainingService(tmp_path)
    training.resume(paused)
    next_one = training.submit(_config(steps=1))
    snapshot = _end(training, paused)
    assert snapshot.status == "failed"
    assert "cannot be resumed" in snapshot.error
    assert training.model(paused).shape == (1, 8, 8)  # what it had learned still opens
    assert _end(training, next_one).status == "finished"


def test_a_log_with_broken_lines_keeps_the_others(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.write_record(RunRecord(config=_config()))

    def report(step: int, loss: float = 1.0) -> Report:
        return Report(step, 9, loss, (float("nan"),) * TIMESTEP_BINS, 1e-3, float("inf"), 10.0)

    folder.write_metrics([report(1), report(2)])
    log = folder.path / "metrics.jsonl"
    log.write_bytes(log.read_bytes()[:-30])  # the process was killed in the middle of a line
    folder.write_metrics([report(2, 0.5), report(3)])
    log.write_bytes(
        log.read_bytes() + b"\n\xff\n{}\n" + log.read_bytes().splitlines()[0].replace(b"null, null", b"null") + b"\n"
    )
    folder.write_metrics([report(3, 0.25)])
    found = folder.read_metrics()
    assert [(r.step, r.loss) for r in found] == [(1, 1.0), (2, 0.5), (3, 0.25)]
    assert np.isnan(found[0].loss_by_level).all()
    assert found[0].gradient_norm == float("inf")


@pytest.mark.parametrize(
    "arrays",
    [
        {"steps": np.arange(3), "pictures": np.zeros((2, 1, 8, 8, 1), np.uint8)},
        {"steps": np.array(3), "pictures": np.zeros((2, 1, 8, 8, 1), np.uint8)},
        {"steps": np.arange(2), "pictures": np.zeros((2, 1, 8, 8, 1))},
        {"steps": np.arange(2), "pictures": np.zeros((2, 8, 8), np.uint8)},
        {"steps": np.arange(2), "pictures": np.zeros((2, 1, 8, 8, 2), np.uint8)},
        {"steps": np.arange(0), "pictures": np.zeros((0, 1, 8, 8, 1), np.uint8)},
        {"steps": np.array(["a", "b"]), "pictures": np.zeros((2, 1, 8, 8, 1), np.uint8)},
        {"steps": np.arange(2)},
    ],
)
def test_previews_that_cannot_be_shown_are_none(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.path.mkdir()
    np.savez(folder.path / "previews.npz", **arrays)
    assert folder.read_previews() == []


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "/etc", "20200101-000000-0000000g", "20200101-000000-00000000/..", "20200101-000000-00000000\n",
     "٢٠٢٠٠١٠١-٠٠٠٠٠٠-00000000", "20200101-000000-00000000\0"],
)  # fmt: skip
def test_only_ids_are_ids(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is no run's id"):
        RunFolder(tmp_path, name)
    training = TrainingService(tmp_path)
    assert training.snapshot(name) is None
    with pytest.raises(ModelError, match="There is no training run"):
        training.model(name)
    with pytest.raises(KeyError):
        training.wait(name, _ended, 0)


def test_new_ids_are_ids_and_differ() -> None:
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(folder.ID.fullmatch(name) for name in ids)


def test_folders_that_are_no_runs_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "20200101-000000-00000000").write_text("a file")
    (tmp_path / "20200101-000000-00000001").mkdir()
    assert len(all_runs(tmp_path)) == 2
    assert TrainingService(tmp_path).ids() == []
    assert all_runs(tmp_path / "nowhere") == []


def test_a_run_that_has_learned_nothing_yet_says_so(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.write_record(RunRecord(config=_config(), status="running"))
    training = TrainingService(tmp_path)
    snapshot = training.snapshot(folder.id)
    assert snapshot is not None
    assert not snapshot.can_sample
    assert snapshot.images_per_second is None
    with pytest.raises(ModelError, match="has not learned anything yet"):
        training.model(folder.id)
