"""Training from the shell: what it prints, what it leaves, and that Ctrl-C loses nothing."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from kills_to_try import command, differences, environment, to_the_end

from engine.cli import main
from engine.cli.train import BEGINS
from engine.runs.folder import RunFolder
from engine.runs.history import RunWriter
from engine.training.distributed import SingleProcess

SETTINGS = ("T=50", "batch=4", "warmup=3", "report_every=2", "sample_every=1000")


def _train(*words: str, settings: tuple[str, ...] = ()) -> int:
    changes = [word for setting in (*SETTINGS, *settings) for word in ("--set", setting)]
    return main(["train", *changes, "--device", "cpu", *words])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="that system has no signal that would stand for Ctrl-C")
def test_ctrl_c_saves_and_what_it_says_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    settings = (*SETTINGS, "steps=80")
    out, whole = tmp_path / "run", tmp_path / "whole"
    words, metrics = command(out, settings, 1000.0), out / "metrics.jsonl"
    with subprocess.Popen(words, env=environment(), stdout=-1, stderr=-1, text=True) as process:
        deadline = time.monotonic() + 120
        while not metrics.exists() or metrics.read_bytes().count(b"\n") < 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    folder = RunFolder.at(out)
    record = folder.read_record()
    assert record is not None
    assert record.status == "paused"
    step = folder.steps()[-1]
    assert 6 <= step < 80
    assert f"paused at step {step} of 80, and saved." in said
    python, *rest = shlex.split(said.split("Go on with: ")[1])
    assert python == "python"
    again = subprocess.run([sys.executable, *rest], env=environment(), capture_output=True, text=True, check=True)
    assert f"resuming at step {step}" in again.stdout
    to_the_end(whole, settings)
    assert differences(out, whole) == []


def test_json_has_a_line_for_each_report_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "runs" / "mine"
    assert _train("--json", "--out", str(run), settings=("steps=4",)) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    written = [(report.step, report.loss) for report in RunFolder.at(run).read_metrics()]
    assert [(line["step"], line["loss"]) for line in lines] == written
    assert [step for step, _ in written] == [2, 4]

    assert main(["runs", "--runs", str(run.parent), "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert main(["runs", "show", str(run), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == listed | {"folder": str(run)}
    assert (shown["status"], shown["step"], shown["loss"]) == ("finished", 4, lines[-1]["loss"])
    assert (shown["waiting"], shown["micro_batch"]) == (lines[-1]["waiting"], 4)
    assert main(["runs", "show", str(run)]) == 0
    assert f"micro-batch of 4; {lines[-1]['waiting']:.1%} of the time waiting for pictures" in capsys.readouterr().out


def test_a_check_says_what_it_would_take_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _train("--check", "--out", str(tmp_path / "run"), settings=("steps=4000",)) == 0
    told = capsys.readouterr().out
    assert "1 process on cpu: 0.43 million weights" in told
    assert "images/s" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        (["--processes", "2"], (), "2 processes were requested, and only one was started"),
        (["--log-with", "paper"], (), "no tracker “paper”"),
        (["--device", "abacus"], (), "no device “abacus”"),
        ([], ("pace=9",), "--set pace=9: it takes KEY=VALUE"),
        ([], ("steps=many",), "--set steps=many is no recipe"),
        ([], ("data=mnist",), "python -m engine data prepare mnist"),
        ([], ("size=56",), "56"),
        ([], ("learning_rate=0.5",), "holds a run of another recipe (learning_rate is 0.001 there, 0.5 here)"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence_and_changes_nothing(
    words: list[str],
    settings: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_DATA", str(tmp_path / "data"))
    out = tmp_path / "run"
    if "recipe (" in said:  # where there is one already
        assert _train("--out", str(out), settings=("steps=2",)) == 0
        settings = ("steps=2", *settings)
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert _train("--out", str(out), *words, settings=settings) == 2
    begins, told = capsys.readouterr().err.strip().splitlines()
    assert begins == BEGINS
    assert said in told
    assert sorted(tmp_path.rglob("*")) == before


def test_other_processes_speak_only_of_what_the_main_one_may_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from engine.runs.trainer import RunTrainer
    from engine.training import distributed

    second = SingleProcess(rank=1, is_main=False)
    monkeypatch.setattr(distributed, "launched_context", lambda *_: second)
    for error, spoken in ((distributed.PeerLostError("One is gone."), True), (ValueError("All have seen it."), False)):

        def fail(self: RunTrainer, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(RunTrainer, "_train", fail)
        assert _train("--out", str(tmp_path / "run"), settings=("steps=2",)) == 2
        told = capsys.readouterr().err
        assert (str(error) in told) is spoken
        assert ("Go on from the last checkpoint with: python -m engine runs resume" in told) is spoken
    assert not (tmp_path / "run").exists()


def test_where_the_folder_is_deleted_meanwhile_it_says_so_and_how_to_train_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    saved = RunWriter.save

    def deleted(*given: Any, **more: Any) -> None:
        saved(*given, **more)
        shutil.rmtree(out)

    monkeypatch.setattr(RunWriter, "save", deleted)
    assert _train("--out", str(out), "--save-every", "0", settings=("steps=4", "report_every=1")) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "its folder is gone. With it went all that had been saved. To train it anew: python -m engine train" in last
    assert "resume" not in last
    assert last.endswith(f"--out {out}")
    assert not out.exists()
