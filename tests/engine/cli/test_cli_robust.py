"""The commands where something goes wrong around them: Ctrl-C, terminals, closed pipes, disks, options out of range."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli import cli_data, cli_evaluate, cli_runs, cli_sample, cli_train, common, main
from engine.denoiser import NetDenoiser, Prediction
from engine.storage.files import atomic_write

ROOT = Path(__file__).resolve().parents[3]
RECIPE = {"model": "ideal:digits", "steps": 3, "seeds": [1]}


@pytest.fixture(autouse=True)
def _not_in_the_background() -> Iterator[None]:
    """A shell that starts tests in the background lets them ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _program(*words: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *words],
        cwd=ROOT,
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def _write_recipe(folder: Path, **changes: object) -> str:
    (folder / "recipe.json").write_text(json.dumps(RECIPE | changes))
    return str(folder / "recipe.json")


@pytest.mark.parametrize("number", common.ENDING)
@pytest.mark.parametrize(
    "words",
    [
        (cli_train, "_train", "train"),
        (cli_runs, "_list", "runs"),
        (cli_data, "_list", "data", "list"),
        (cli_evaluate, "_evaluate", "evaluate", "--model", "digits"),
        (cli_sample, "_sample", "sample", "recipe.json", "--out", "a.png"),
    ],
    ids=lambda words: words[2],
)
def test_ctrl_c_and_kill_end_every_command_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[object, ...], number: int
) -> None:
    def interrupted(args: object) -> int:
        signal.raise_signal(number)
        return 0

    module, name, *arguments = words
    monkeypatch.setattr(module, str(name), interrupted)
    before = signal.getsignal(number)
    assert main([str(word) for word in arguments]) == 128 + number
    *_, line = capsys.readouterr().err.strip().splitlines()
    how = "interrupted" if number == signal.SIGINT else "ended by a signal"
    assert line.startswith(f"python -m engine {arguments[0]}: {how}.")
    assert signal.getsignal(number) is before


def test_a_signal_that_is_ignored_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def goes_on(args: object) -> int:
        signal.raise_signal(signal.SIGHUP)
        return 0

    monkeypatch.setattr(cli_runs, "_list", goes_on)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert main(["runs"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_ctrl_c_that_a_library_swallows_ends_the_command_at_its_next_line_of_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def swallowed(args: object) -> int:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        common.ProgressLine().show("step 1 of 2", 1.0, last=False)
        pytest.fail("It went on.")

    monkeypatch.setattr(cli_runs, "_list", swallowed)
    assert main(["runs"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.4, 1.0, 2.0, 4.0, 6.0])
def test_ctrl_c_at_any_moment_of_a_program_leaves_no_traceback_and_no_file(tmp_path: Path, seconds: float) -> None:
    out = tmp_path / "a.png"
    with _program("sample", _write_recipe(tmp_path, steps=1000, seeds=[*range(16)]), "--out", str(out)) as program:
        time.sleep(seconds)  # any moment is right
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=120)
    assert program.returncode in (130, -signal.SIGINT)  # the latter: before the first line of ours was read
    if program.returncode == 130:
        assert "Traceback" not in said
        assert "interrupted. No picture was written." in said
    assert not out.exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "latin-1"])
@pytest.mark.parametrize(
    "words", [("train", "--help"), ("data", "list"), ("sample", "nothing“.json", "--out", "a.png")]
)
def test_every_terminal_shows_every_command(words: tuple[str, ...], encoding: str) -> None:
    with _program(*words, PYTHONIOENCODING=encoding) as program:
        _, said = program.communicate(timeout=120)
    assert "Traceback" not in said
    assert program.returncode == (2 if words[0] == "sample" else 0)


def test_closed_streams_do_not_change_how_a_command_ends() -> None:
    command = f'"{sys.executable}" -m engine'
    assert subprocess.run(f"{command} runs show nothing 2>&-", shell=True, cwd=ROOT, check=False).returncode == 2
    ended = subprocess.run(
        f"{command} data list --json | true; exit ${{PIPESTATUS[0]}}",
        shell=True,
        cwd=ROOT,
        executable="/bin/bash",
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode in (0, 141)
    assert "Traceback" not in ended.stderr


def test_a_write_that_fails_leaves_the_picture_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, written = tmp_path / "good.png", Path.write_bytes
    out.write_bytes(b"good")

    def full(path: Path, data: bytes) -> int:
        written(path, data[:100])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["sample", _write_recipe(tmp_path), "--out", str(out)]) == 2
    assert out.read_bytes() == b"good"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.png", "recipe.json"]


@pytest.mark.parametrize(
    "words",
    [
        ("sample", "a.json", "--out", "a.png", "--zoom", "100000"),
        ("sample", "a.json", "--out", "a.png", "--zoom", "0"),
        ("evaluate", "--model", "digits", "--bound", "--per-step", "1000000000"),
        ("evaluate", "--model", "digits", "--bound", "--seed", "18446744073709551616"),
        ("evaluate", "--model", "digits", "--bound", "--seed", "-1"),
        ("evaluate", "--model", "digits", "--samples", "many"),
        ("evaluate", "--model", "digits", "--batch", "0"),
        ("train-classifier", "--out", "a", "--epochs", "0"),
        ("train", "--out", "a", "--processes", "-4"),
        ("train", "--out", "a", "--save-every", "nan"),
        ("train", "--out", "a", "--save-every", "-1"),
        ("data", "prepare", "mnist", "--largest", "-5"),
        ("data", "prepare", "mnist", "--most", "-1"),
        ("data", "prepare", "mnist", "--white", "99999999"),
    ],
)
def test_numbers_out_of_range_are_named_before_anything_begins(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(
        rf"argument {words[-2]}: “{re.escape(words[-1])}” is no (whole number|number of seconds) from [\d,]+ to [\d,]+$",
        last,
    )


def test_pictures_that_are_no_numbers_are_said_and_by_which_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(NetDenoiser, "__call__", lambda self, x_t, level, label=None: Prediction(x_t * math.nan, x_t))
    recipe = _write_recipe(tmp_path, model="digits")
    assert main(["sample", recipe, "--out", str(tmp_path / "a.png")]) == 2
    assert "1 of 1 pictures are no numbers. The weights of “digits”" in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("DIFFUSION_PLAYGROUND_DEVICE", "nope"), ("DIFFUSION_PLAYGROUND_DEVICE", "meta"), ("WORLD_SIZE", "a")],
)
def test_what_the_environment_says_wrong_is_named(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["train", "--out", str(tmp_path / "run"), "--check"]) == 2
    _, line = capsys.readouterr().err.strip().splitlines()
    assert f"“{value}”" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--out", ""),
        ("train-classifier", "--out", " "),
        ("sample", "a.json", "--out", ""),
        ("export", "a", "--out", ""),
        ("runs", "--runs", "", "list"),
        ("evaluate", "--model", "digits", "--results", ""),
    ],
)
def test_an_empty_name_is_no_place_to_write_to(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(words)
    assert "an empty name" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("device", ["/dev/full", "/dev/null"])
@pytest.mark.parametrize(
    "words",
    [
        ("sample", "{recipe}", "--out"),
        ("evaluate", "--model", "digits", "--results"),
        ("evaluate", "--model", "digits", "--json"),
        ("evaluate", "--bound", "--model", "digits", "--json"),
    ],
)
def test_a_device_is_no_place_to_write_to(
    words: tuple[str, ...], device: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = _write_recipe(tmp_path)
    assert main([word.format(recipe=recipe) for word in (*words, device)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"“{device}” is no file but a pipe or a device" in line
    with pytest.raises(OSError, match="pipe or a device"), atomic_write(Path(device)):
        pass
    assert stat.S_ISCHR(os.stat(device).st_mode)


@pytest.mark.parametrize("changed", [{"steps": "many"}, {"seeds": []}, {"colour": 1}, {"sampler": "no"}])
@pytest.mark.parametrize("depth", [1, 5])
def test_what_is_wrong_deep_in_forks_is_named(
    changed: dict[str, object], depth: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe: dict[str, object] = RECIPE | changed
    for _ in range(depth):
        recipe = {"parent": recipe, "step": 1}
    (tmp_path / "fork.json").write_text(json.dumps(recipe))
    assert main(["sample", str(tmp_path / "fork.json"), "--out", str(tmp_path / "a.png")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "parent." * depth + next(iter(changed)) in line
    assert "Fork" not in line
