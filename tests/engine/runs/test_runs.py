"""The folder of a run: checkpoints that are there whole or not at all, what damage does, who trains it, and earlier layouts."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.cli import main
from engine.data.shipped import DATASETS
from engine.interop import pretrained
from engine.registry import open_model
from engine.runs import archive, lock, record, trainer
from engine.runs.entry import entry_of
from engine.runs.folder import RunFolder, all_runs, find_run
from engine.runs.lock import HeldError, Lease, holder_of
from engine.runs.record import RunRecord, new_id
from engine.runs.trainer import RunTrainer
from engine.storage import checkpoints
from engine.storage.checked_files import CheckpointError
from engine.storage.files import clock_of
from engine.training import loop, resume
from engine.training.report import Report
from engine.training.resume import ResumeError
from engine.training.timestep_bins import TIMESTEP_BINS

from runs_to_try import DATA, config_of, same

CONFIG = config_of(data="sides", steps=6, report_every=1, sample_every=100, importance=True)


@pytest.fixture(scope="module", autouse=True)
def _sides() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "sides", lambda: DATA)
        yield
    torch.set_num_threads(before)


def _train(folder: RunFolder, until: int = 6, save_every: float | None = 0.0) -> RunTrainer:
    """Drive a run to a step, where it is paused."""
    run = RunTrainer(folder, folder.read_record() or RunRecord(config=CONFIG), save_every=save_every)
    run.writer.load()
    for report in run.train():
        if report.step == until:
            run.request = "paused"
    run.release()
    return run


def _numbers(folder: RunFolder, step: int) -> dict[str, Tensor]:
    """All that resuming needs, of a checkpoint."""
    from safetensors.torch import load_file

    return load_file(folder.checkpoints / checkpoints.name_of(step) / "resume" / resume.FILE)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that was paused at step 4, with the checkpoints of steps 3 and 4."""
    folder = RunFolder(tmp_path_factory.mktemp("runs"), new_id())
    assert _train(folder, until=4).ended == ("paused", "")
    assert folder.steps() == [3, 4]
    return folder


# --- whole or not at all ----------------------------------------------------------------------------------------------


def test_what_was_learned_alone_is_not_gone_on_from(two: RunFolder, tmp_path: Path) -> None:
    """As in the zip of a run: it must not begin again at step 0 in the place of what is there."""
    folder = RunFolder.at(Path(shutil.copytree(two.path, tmp_path / "unpacked")))
    for step in folder.steps():
        shutil.rmtree(folder.checkpoints / checkpoints.name_of(step) / "resume")
    run = _train(folder)
    assert run.ended[0] == "failed"
    assert "not what resuming needs" in run.ended[1]
    assert folder.steps() == [3, 4]
    assert [report.step for report in folder.read_metrics()] == [1, 2, 3, 4]


def test_an_earlier_state_is_kept_beside_later_ones_that_are_damaged(two: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder.at(Path(shutil.copytree(two.path, tmp_path / "mine")))
    state = loop.begin(CONFIG, DATA)
    state.step = 2
    folder.write_state(DATA, CONFIG, state)
    assert folder.steps() == [2]


def test_a_run_does_not_go_on_with_other_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were prepared anew while it was paused: what is held out today it may have trained on."""
    folder = RunFolder(tmp_path, new_id())
    monkeypatch.setattr(trainer, "content_checksum", lambda config: "before")
    assert _train(folder, until=3).ended == ("paused", "")
    monkeypatch.setattr(trainer, "content_checksum", lambda config: "after")
    run = _train(folder)
    assert run.ended[0] == "failed"
    assert "prepared anew" in run.ended[1]
    assert folder.steps() == [2, 3]
    monkeypatch.setattr(trainer, "content_checksum", lambda config: "before")
    assert _train(folder).ended == ("finished", "")


def test_a_signal_that_comes_while_wishes_are_read_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunTrainer(RunFolder(tmp_path, new_id()), RunRecord(config=CONFIG))

    def take() -> None:
        run.request = "paused"

    monkeypatch.setattr(run.folder, "take_request", take)
    assert run._latest_request() == "paused"


def test_a_checkpoint_that_cannot_be_finished_leaves_the_earlier_ones_as_they_were(tmp_path: Path) -> None:
    place = tmp_path / "checkpoints"

    def one(folder: Path) -> None:
        (folder / "weights").write_text("first")

    def broken(folder: Path) -> None:
        (folder / "weights").write_text("sec")
        raise OSError(28, "No space left on device")

    checkpoints.write(place, 1, one)
    for step in (1, 2):
        with pytest.raises(OSError, match="No space"):
            checkpoints.write(place, step, broken)
        assert [path.name for path in place.iterdir()] == ["step-00000001"]
        assert (place / "step-00000001" / "weights").read_text() == "first"
        checkpoints.check(place / "step-00000001")


def test_at_no_moment_of_writing_is_there_a_checkpoint_by_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the folder before every rename and every flush: whatever has its real name is whole."""
    place, looked = tmp_path / "checkpoints", []

    def fill(folder: Path) -> None:
        for name in ("a", "b"):
            (folder / name).write_text(name * 1000)

    def look() -> None:
        for step in checkpoints.steps(place):
            checkpoints.check(place / checkpoints.name_of(step))
        looked.append(checkpoints.steps(place))

    for name in ("rename", "fsync"):
        real = getattr(os, name)

        def watched(*args: object, real: Callable[..., None] = real) -> None:
            look()
            real(*args)
            look()

        monkeypatch.setattr(os, name, watched)
    for step in (1, 2, 2, 3):
        checkpoints.write(place, step, fill)
    checkpoints.prune(place, {2, 3})
    assert looked[-1] == [2, 3]
    assert len(looked) > 40
    # From the first one on there always was one that opens, also while one of the same step was replaced.
    assert all(looked[looked.index([1]) :])


def test_what_a_killed_process_left_unfinished_is_swept_away(two: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder.at(Path(shutil.copytree(two.path, tmp_path / "mine")))
    for name in (".step-00000005.0badcafe", ".step-00000004.00000000"):
        (folder.checkpoints / name / "unet").mkdir(parents=True)
    assert folder.steps() == [3, 4]
    _train(folder)
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == ["step-00000005", "step-00000006"]


def test_the_last_two_are_kept_and_the_best(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.write_record(RunRecord(config=CONFIG))
    state = loop.begin(CONFIG, DATA)
    for step in range(1, 6):
        state.step = step
        folder.write_state(DATA, CONFIG, state, best=(min(step, 2), 0.5))
    assert folder.steps() == [2, 4, 5]
    assert folder.read_best() == (2, 0.5)
    assert folder.step_of("best") == 2
    assert folder.open(pretrained.load, 2).card.step == 2


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copy(two: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return RunFolder.at(Path(shutil.copytree(two.path, tmp_path_factory.mktemp("damaged") / "run")))


OF_MODEL = (
    "unet/diffusion_pytorch_model.safetensors",
    "unet/config.json",
    "scheduler/scheduler_config.json",
    "model_index.json",
)
OTHERS = ("resume/resume.safetensors", "whole.json", "card.json")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(OF_MODEL + OTHERS),
    st.sampled_from(["cut", "flip", "gone", "longer", "junk"]),
    st.randoms(use_true_random=False),
)
def test_whatever_is_damaged_the_one_before_opens(
    two: RunFolder, copy: RunFolder, file: str, how: str, rng: object
) -> None:
    """One file of the newest checkpoint is cut short, altered in one byte, or gone: nothing altered is ever handed out."""
    path = copy.checkpoints / "step-00000004" / file
    whole = path.read_bytes()
    at = rng.randrange(len(whole))  # type: ignore[attr-defined]
    damaged = {
        "cut": whole[:at],
        "flip": whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :],  # type: ignore[attr-defined]
        "longer": whole + b"\0",
        "junk": b"\x80\x04junk",
    }
    try:
        path.unlink()
        if how != "gone":
            path.write_bytes(damaged[how])
        opened = copy.open(pretrained.load)
        state = loop.begin(CONFIG, DATA)
        assert copy.resume(state)
    finally:
        path.write_bytes(whole)
    # Of card.json, which may be changed, it can be that only the step it tells is another one.
    at_step = opened.card.step if file != "card.json" else 4
    assert at_step == 3 if file in OF_MODEL else at_step in (3, 4)
    assert state.step == 3 if file.startswith("resume") else state.step in (3, 4)
    right = [
        two.open(pretrained.load, step).denoiser.net.state_dict()
        for step in ((3, 4) if file == "card.json" else (at_step,))
    ]
    assert any(same(opened.denoiser.net.state_dict(), weights) for weights in right)
    numbers = _numbers(two, state.step)
    for name, weight in state.average.items():
        assert torch.equal(weight, numbers[f"average/{name}"])


@pytest.mark.parametrize(
    "change", [lambda whole: whole[:-1], lambda whole: whole[:-1] + bytes([whole[-1] ^ 1])], ids=["short", "bit"]
)
def test_where_nothing_opens_one_sentence_says_so(
    change: Callable[[bytes], bytes], two: RunFolder, tmp_path: Path
) -> None:
    folder = RunFolder.at(Path(shutil.copytree(two.path, tmp_path / "mine")))
    for path in folder.checkpoints.rglob("*.safetensors"):
        path.write_bytes(change(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"“step-00000004” is damaged: .* is not what was written\.$"):
        folder.open(pretrained.load)
    with pytest.raises(ResumeError, match=r"cannot be resumed: “step-00000004” is damaged"):
        folder.resume(loop.begin(CONFIG, DATA))
    run = _train(folder)
    assert run.ended[0] == "failed"
    assert "cannot be resumed" in run.ended[1]


def test_a_manifest_cannot_lead_out_of_its_folder(two: RunFolder, tmp_path: Path) -> None:
    folder = RunFolder.at(Path(shutil.copytree(two.path, tmp_path / "mine")))
    manifest = folder.checkpoints / "step-00000004" / checkpoints.MANIFEST
    told = json.loads(manifest.read_text())
    told["files"]["../../run.json"] = {"bytes": 1, "sha256": ""}
    manifest.write_text(json.dumps(told))
    assert folder.checkpoint.name == "step-00000003"


# --- taken up again ---------------------------------------------------------------------------------------------------


def test_from_an_earlier_checkpoint_it_comes_out_the_same(two: RunFolder, tmp_path: Path) -> None:
    """Weights, averages, moments of AdamW and the losses that importance sampling goes by: all as if nothing had happened."""
    whole = RunFolder(tmp_path, new_id())
    _train(whole)
    torn = RunFolder.at(Path(shutil.copytree(two.path, tmp_path / "torn")))
    (torn.checkpoints / "step-00000004" / "resume" / resume.FILE).write_bytes(b"")
    run = _train(torn)
    assert (run.ended, run.resumed_at) == (("finished", ""), 3)
    assert same(_numbers(torn, 6), _numbers(whole, 6))
    told = [[(r.step, r.loss, r.gradient_norm) for r in folder.read_metrics()] for folder in (torn, whole)]
    assert told[0] == told[1]
    assert [step for step, *_ in told[0]] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("layout", ["page", "shell"])
def test_folders_of_the_earlier_layout_open_and_go_on(
    layout: str, two: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page wrote checkpoint/ and resume/ side by side; the shell wrote the checkpoint into the folder itself."""
    newest, old = two.checkpoints / "step-00000004", tmp_path / new_id()
    bare = shutil.ignore_patterns("resume", "whole.json")
    shutil.copytree(newest, old / "checkpoint" if layout == "page" else old, ignore=bare)
    shutil.copytree(newest / "resume", old / "resume")
    shutil.copyfile(two.path / "metrics.jsonl", old / "metrics.jsonl")
    if layout == "page":
        (old / "run.json").write_text(json.dumps({"config": CONFIG.model_dump(), "status": "running", "created": 1.0}))
        monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path))
        assert open_model(f"run:{old.name}").shape == (1, 8, 8)
    assert open_model(str(old)).shape == (1, 8, 8)
    folder = RunFolder.at(old)
    assert folder.has_checkpoint
    assert pretrained.load(folder.checkpoint).card.step == 4
    run = _train(folder)
    assert (run.ended, run.resumed_at) == (("finished", ""), 4)
    assert pretrained.load(folder.checkpoint).card.step == 6
    assert pretrained.load(old).card.step == 6


def test_runs_are_found_by_id_by_name_and_by_folder(two: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(two.path, tmp_path / "my digits")
    shutil.copytree(two.path, tmp_path / two.id)
    (tmp_path / ".deleted").mkdir()
    shutil.copytree(two.path, tmp_path / ".deleted" / new_id())
    assert [folder.id for folder in all_runs(tmp_path)] == [two.id, "my digits"]
    assert find_run(tmp_path, "my digits").path == tmp_path / "my digits"
    assert find_run(tmp_path / "nowhere", str(tmp_path / "my digits")).steps() == [3, 4]
    for wrong in ("../x", "..", "", "my/digits", ".deleted"):
        with pytest.raises(ValueError, match="is no run's id"):
            find_run(tmp_path, wrong)


# --- the log ----------------------------------------------------------------------------------------------------------

FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=50, deadline=None)
@given(st.lists(FLOATS, min_size=TIMESTEP_BINS, max_size=TIMESTEP_BINS), FLOATS, st.none() | st.floats(0, 1e6))
def test_a_report_comes_back_as_it_was_and_is_json(levels: list[float], norm: float, bound: float | None) -> None:
    report = Report(3, 9, levels[0], tuple(levels), 1e-3, norm, 10.0, bound)
    line = record.line_of(asdict(report))
    json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert repr(record.report_of(line.encode())) == repr(report)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_a_line_of_anything_is_no_report(line: bytes) -> None:
    assert record.report_of(line) is None
    assert record.point_of(line) is None


def _report(step: int, loss: float = 1.0) -> Report:
    return Report(step, 9, loss, (math.nan,) * TIMESTEP_BINS, 1e-3, 1.0, 10.0)


def test_what_a_resumed_run_tells_again_replaces_what_came_after(tmp_path: Path) -> None:
    """Paused before it is as far as it had been: no curve of two lives is shown."""
    folder = RunFolder.at(tmp_path)
    folder.write_metrics([_report(step) for step in (1, 2, 3, 4)])
    folder.write_metrics([_report(3, 0.5)])
    assert [(r.step, r.loss) for r in folder.read_metrics()] == [(1, 1.0), (2, 1.0), (3, 0.5)]


def test_a_line_that_was_cut_short_costs_no_other(tmp_path: Path) -> None:
    """A full disk, or a process that was killed: the next one begins a line of its own."""
    path = tmp_path / "held_out.jsonl"
    lines = [{"step": step, "loss": 0.5} for step in (1, 2, 3)]
    record.add(path, lines[:2])
    path.write_bytes(path.read_bytes()[:-5])
    record.add(path, lines[2:])
    found, _ = record.Tail(path).read()
    assert [record.point_of(line) for line in found] == [(1, 0.5), None, (3, 0.5)]


def test_a_growing_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = record.Tail(path)
    assert tail.read() == ([], False)
    path.write_bytes(b"one\ntw")
    assert tail.read() == ([b"one"], True)
    with path.open("ab") as file:
        file.write(b"o\nthree\n")
    assert tail.read() == ([b"two", b"three"], False)
    assert tail.read() == ([], False)
    path.write_bytes(b"anew\n")
    assert tail.read() == ([b"anew"], True)
    path.unlink()
    assert tail.read() == ([], True)
    assert tail.read() == ([], False)


# --- who trains it ----------------------------------------------------------------------------------------------------


def test_one_at_a_time_and_the_kernel_lets_go_of_a_killed_one(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from engine.runs.lock import Lease; "
        "lease = Lease(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            holder = holder_of(tmp_path)
            assert holder is not None
            assert holder.pid == other.pid
            with pytest.raises(HeldError, match=rf"is being trained by process {other.pid} on "):
                Lease(tmp_path)
            os.kill(other.pid, signal.SIGSTOP)  # a closed lid: it still holds it
            assert holder_of(tmp_path) is not None
        finally:
            other.kill()
            other.wait()
    assert holder_of(tmp_path) is None
    lease = Lease(tmp_path)
    assert lease.held
    with pytest.raises(HeldError, match=f"process {os.getpid()}"):
        Lease(tmp_path)
    lease.release()
    lease.release()
    assert holder_of(tmp_path) is None


def test_many_who_ask_at_once_get_it_once(tmp_path: Path) -> None:
    got, start = [], threading.Barrier(8)

    def take() -> None:
        start.wait()
        try:
            got.append(Lease(tmp_path))
        except HeldError:
            holder_of(tmp_path)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    got[0].release()


@pytest.mark.parametrize("skew", [0.0, -130.0, 130.0, -2e9])
def test_another_machine_holds_it_as_long_as_it_gives_signs_of_life(
    skew: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a shared disk flock may not reach it."""

    def say(ago: float, host: str = "another") -> None:
        said = {"host": host, "pid": 7, "time": time.time() + skew, "token": "x"}
        (tmp_path / lock.HEARTBEAT).write_text(json.dumps(said))
        now = clock_of(tmp_path / "clock")
        os.utime(tmp_path / lock.HEARTBEAT, (now - ago, now - ago))

    if skew:  # the two computers' clocks are apart, and that of the disk is a third one
        monkeypatch.setattr(time, "time", lambda: 1e9 - skew)
    say(5)
    assert str(holder_of(tmp_path)) == "process 7 on another"
    with pytest.raises(HeldError, match=r"process 7 on another, which gave a sign of life \d+ s ago"):
        Lease(tmp_path)
    say(lock.DEAD_AFTER + 1)
    assert holder_of(tmp_path) is None
    lease = Lease(tmp_path)
    say(0)  # it was only asleep, or thinks that we were: one of the two must give way
    assert not lease.held
    lease.release()
    say(5, lock.node())  # of this machine, but the kernel says that nobody holds it
    assert holder_of(tmp_path) is None


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_whatever_the_lock_says_it_can_be_taken(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / lock.HEARTBEAT).write_bytes(junk)
    assert holder_of(tmp_path) is None
    Lease(tmp_path).release()


def test_a_lock_that_could_not_be_written_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when a run is taken up; later there is room, and what was released leaves its room behind."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Lease, "_write", full)
        with pytest.raises(OSError, match="No space"):
            Lease(tmp_path)
    assert holder_of(tmp_path) is None
    lease = Lease(tmp_path)
    size = (tmp_path / lock.HEARTBEAT).stat().st_size
    lease.release()
    assert holder_of(tmp_path) is None
    assert (tmp_path / lock.HEARTBEAT).stat().st_size == size


def test_whoever_moves_the_folder_takes_the_right_to_write_away(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    lease = Lease(tmp_path / "a")
    size = (tmp_path / "a" / lock.HEARTBEAT).stat().st_size
    lease._write(lease._sign())
    assert (tmp_path / "a" / lock.HEARTBEAT).stat().st_size == size  # a full disk has no say in it
    (tmp_path / "a").rename(tmp_path / "b")
    assert not lease.held
    (tmp_path / "a").mkdir()
    assert not lease.held
    lease.release()


# --- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("now", [-1e6, 0.0, 2e11])
def test_a_run_is_found_whatever_the_clock_said(now: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small computer may have no clock until it has asked for the time."""
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now)
        folder = RunFolder.at(tmp_path / "run")
        assert _train(folder).ended[0] == "finished"
        for path in (tmp_path / "run").rglob("*"):
            os.utime(path, (max(now, -1e6), max(now, -1e6)))
    record = folder.read_record()
    assert record is not None
    assert [run.id for run in all_runs(tmp_path)] == ["run"]
    assert entry_of(folder).run.history.reports[-1].step == 6
    archive.write_zip(folder, tmp_path / "run.zip")
    assert main(["runs", "--runs", str(tmp_path), "show", "run"]) == 0
    written = json.loads((folder.path / "run.json").read_text())
    (folder.path / "run.json").write_text(json.dumps(written | {"created": -1e300}))
    assert folder.read_record() is not None


def test_another_number_of_threads_is_noted_where_a_run_is_resumed(tmp_path: Path) -> None:
    folder = RunFolder.at(tmp_path / "run")
    _train(folder, until=2)
    record = folder.read_record()
    assert record is not None
    assert record.trained_on == "1 thread of a CPU"
    assert _train(folder, until=4).note == ""
    torch.set_num_threads(2)
    try:
        note = _train(folder).note
    finally:
        torch.set_num_threads(1)
    assert "1 thread of a CPU so far, and is now on 2 threads" in note


def test_a_tracker_on_a_full_disk_pauses_the_run_which_goes_on_with_what_it_had(tmp_path: Path) -> None:
    folder = RunFolder.at(tmp_path / "run")
    run = RunTrainer(folder, RunRecord(config=CONFIG), save_every=0.0)

    def full(values: object, step: int) -> None:
        if step == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "tracking")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(run.context), "log", lambda self, values, step: full(values, step))
        assert [report.step for report in run.train()] == [1, 2]
    assert run.ended == ("paused", "“tracking”: the disk is full. Free some room there, or choose another disk.")
    assert [report.step for report in run.train()] == [4, 5, 6]
    run.release()
    assert [report.step for report in folder.read_metrics()] == [1, 2, 3, 4, 5, 6]
