"""The engine's commands that use what was trained: sample, runs, export."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli import main
from engine.data.pixels import to_uint8
from engine.recipes.fork import from_png
from engine.recipes.recipe import Recipe
from engine.runs.folder import RunFolder
from engine.runs.service import TrainingService
from engine.training.config import TrainConfig

ROOT = Path(__file__).resolve().parents[3]

RECIPE = {"model": "ideal:digits", "steps": 4, "seeds": [1, 2, 3, 4], "labels": [3, 4, 5, -1]}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of runs with one finished run in it, and its id."""
    root = tmp_path_factory.mktemp("runs")
    service = TrainingService(root)
    run_id = service.submit(TrainConfig(steps=2, batch=2, report_every=1))
    service.wait(run_id, lambda snapshot: not snapshot.active)
    return root, run_id


def test_sample_makes_the_pictures_of_the_recipe_and_the_png_makes_them_again(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE))
    assert main(["sample", str(tmp_path / "recipe.json"), "--out", str(tmp_path / "a.png"), "--zoom", "1"]) == 0
    assert main(["sample", str(tmp_path / "a.png"), "--out", str(tmp_path / "b.png"), "--zoom", "1"]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    recipe = Recipe.model_validate(RECIPE)
    assert from_png((tmp_path / "a.png").read_bytes()) == recipe
    *_, last = recipe.frames()
    shown = np.asarray(Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(shown[:28, :28], to_uint8(last.x)[0, ..., 0])
    np.testing.assert_array_equal(shown[28:, 28:], to_uint8(last.x)[3, ..., 0])


def test_sample_says_in_json_what_it_drew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE))
    assert main(["sample", str(tmp_path / "recipe.json"), "--out", str(tmp_path / "a.png"), "--json"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert printed.err == ""
    assert (told["out"], told["pictures"]) == (str(tmp_path / "a.png"), 4)
    assert told["seconds"] > 0
    assert Recipe.model_validate(told["recipe"]) == from_png((tmp_path / "a.png").read_bytes())


def test_runs_lists_what_there_is(run: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--runs", str(run[0])]) == 0
    assert run[1] in (listed := capsys.readouterr().out)
    assert "finished" in listed
    assert "2/2" in listed
    assert main(["runs", "--runs", str(tmp_path)]) == 0
    assert "no training runs" in capsys.readouterr().out


def test_a_run_is_exported_for_diffusers_and_sampled_from_the_shell(run: tuple[Path, str], tmp_path: Path) -> None:
    from diffusers import UNet2DModel

    assert main(["export", run[1], "--runs", str(run[0]), "--out", str(tmp_path / "mine")]) == 0
    assert UNet2DModel.from_pretrained(tmp_path / "mine", subfolder="unet", local_files_only=True).num_parameters() > 0
    (tmp_path / "recipe.json").write_text(json.dumps({"model": f"run:{run[1]}", "steps": 2, "scale": 1}))
    arguments = ["sample", str(tmp_path / "recipe.json"), "--runs", str(run[0]), "--out", str(tmp_path / "x.png")]
    assert main(arguments) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sample", "nowhere.json", "--out", "x.png"], "nowhere.json”: there is no such file"),
        (["export", "../../etc", "--out", "x"], "is no run's id"),
        (["export", "20200101-000000-00000000", "--out", "x"], "No checkpoint of the run"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize("text", ["", "[]", "{", '{"steps": 0}', '{"model": "nosuch"}', '{"labels": [1, 2]}'])
def test_a_bad_recipe_is_one_sentence(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.json").write_text(text)
    assert main(["sample", str(tmp_path / "recipe.json"), "--out", str(tmp_path / "x.png")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not (tmp_path / "x.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="that system has no terminals of this kind")
def test_a_terminal_that_is_closed_saves_the_run(tmp_path: Path) -> None:
    """The shell is gone, and with it whoever could read what is printed: the run is saved all the same."""
    import pty

    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "engine", "train", "--out", str(tmp_path / "run"), "--device", "cpu"]
    for setting in ("T=50", "batch=4", "steps=5000", "report_every=2", "sample_every=5000", "data=emoji"):
        command += ["--set", setting]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "--save-every", "1000"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=env,
        start_new_session=True,
    )
    os.close(follower)
    metrics, deadline = tmp_path / "run" / "metrics.jsonl", time.monotonic() + 120
    os.set_blocking(leader, False)
    while not metrics.exists() or metrics.read_bytes().count(b"\n") < 3:
        with contextlib.suppress(BlockingIOError):
            os.read(leader, 65536)
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.close(leader)
    process.send_signal(signal.SIGHUP)  # a shell does this when its terminal goes
    process.wait(60)
    folder = RunFolder.at(tmp_path / "run")
    record = folder.read_record()
    assert record is not None
    assert record.status == "paused"
    assert folder.steps()[-1] >= 6
