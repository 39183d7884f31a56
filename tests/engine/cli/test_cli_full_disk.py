"""Every command on a disk that fills up at any of its writes: one sentence with the cause, and nothing is damaged or left."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from faults import Faults, contents, failing, leftovers, small_files
from files_to_try import picture

from engine.cli import main
from engine.data.shipped import DATASETS
from engine.training import preflight
from engine.training.tasks import denoiser

from runs_to_try import DATA

SETTINGS = {"data": "disk-sides", "steps": 2, "report_every": 1, "T": 20, "batch": 2, "preset": "tiny", "milestones": 2}
TRAIN = ["train", "--save-every", "0"]
for _name, _value in SETTINGS.items():
    TRAIN += ["--set", f"{_name}={_value}"]


@dataclass(frozen=True)
class Command:
    """A command, and what its disk holds before."""

    words: tuple[str, ...]
    """`{}` stands for the folder in which it writes."""
    prepare: Callable[[Path], None] = lambda folder: None
    may_change: tuple[str, ...] = field(default=(), kw_only=True)
    """Files from before that the command adds to, by how their path begins."""
    moved: bool = field(default=False, kw_only=True)
    """Whether it replaces several files, one after the other: each is then the old one or the new one."""

    def run(self, folder: Path) -> int:
        return main([word.replace("{}", str(folder)) for word in self.words])


def _trained(folder: Path) -> None:
    shutil.copytree(_shared["run"], folder / "run")


def _picture_files(folder: Path) -> None:
    (folder / "pictures").mkdir()
    for number in range(8):
        (folder / "pictures" / f"{number}.png").write_bytes(picture(number))
    shutil.make_archive(str(folder / "pictures"), "zip", folder / "pictures")


def _recipe(folder: Path) -> None:
    (folder / "recipe.json").write_text(json.dumps({"model": "ideal:digits", "steps": 2, "seeds": [1]}))
    (folder / "good.png").write_bytes(picture(0))


def _classifier_there(folder: Path) -> None:
    (folder / "c").mkdir()
    for name in ("config.json", "model.safetensors", "card.json", "notes.txt"):
        (folder / "c" / name).write_text("from before")


EVALUATE = ("evaluate", "--samples", "10", "--steps", "2", "--batch", "10")
COMMANDS = {
    "sample": Command(("sample", "{}/recipe.json", "--out", "{}/good.png"), _recipe),
    "export": Command(("export", "{}/run", "--out", "{}/out"), _trained),
    "train": Command((*TRAIN, "--out", "{}/run")),
    "resume": Command((*TRAIN, "--set", "steps=4", "--out", "{}/run"), _trained, may_change=("run/",)),
    "classifier": Command(("train-classifier", "--data", "disk-large", "--epochs", "1", "--out", "{}/deep/c")),
    "again": Command(
        ("train-classifier", "--data", "disk-large", "--epochs", "1", "--out", "{}/c"), _classifier_there, moved=True
    ),
    "evaluate": Command((*EVALUATE, "--model", "digits", "--json", "{}/new/out.json")),
    "card": Command((*EVALUATE, "--model", "{}/digits", "--write-card"), lambda folder: _digits(folder), moved=True),
    "grid": Command((*EVALUATE, "--model", "digits", "--eta", "0", "1", "--results", "{}/new/rows.jsonl")),
    "bound": Command(
        ("evaluate", "--bound", "--model", "{}/run", "--per-step", "2", "--json", "{}/new/b.json"), _trained
    ),
    "folder": Command(("data", "prepare", "{}/pictures"), _picture_files),
    "zip": Command(("data", "prepare", "{}/pictures.zip"), _picture_files),
}
MOST = 30
"""Writes of a command that fail, taken evenly."""
QUICK = ("sample", "export", "again", "bound", "folder")
_shared: dict[str, Path] = {}


def _digits(folder: Path) -> None:
    from engine.interop.pretrained import CHECKPOINTS

    shutil.copytree(CHECKPOINTS["digits"], folder / "digits")


@pytest.fixture(scope="module", autouse=True)
def _fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        held_out = np.arange(len(DATA)) % 4 == 0
        sides = dataclasses.replace(DATA, held_out=held_out)
        patch.setitem(DATASETS, "disk-sides", lambda: sides)
        images = sides.images.repeat(2, 0).repeat(2, 1).repeat(2, 2)
        twice = {"images": images, "labels": sides.labels.repeat(2), "held_out": held_out.repeat(2)}
        large = dataclasses.replace(sides, name="disk-large", **twice)
        patch.setitem(DATASETS, "disk-large", lambda: large)
        patch.setattr(denoiser, "PREVIEWS", 2)
        patch.setattr(denoiser, "PREVIEW_STEPS", 2)
        patch.setattr(preflight, "_measured", lambda *_: ([preflight._Seconds(1.0, 1.0)] * 2, 2))
        _shared["run"] = tmp_path_factory.mktemp("shared") / "run"
        assert main([*TRAIN, "--out", str(_shared["run"])]) == 0
        yield
    torch.set_num_threads(before)


def _attempt(
    command: Command, folder: Path, capsys: pytest.CaptureFixture[str], faults: AbstractContextManager[Faults | None]
) -> tuple[int, str]:
    """Run it in a new folder, and check what must hold whatever fails. Returns the exit status and the last line."""
    folder.mkdir()
    command.prepare(folder)
    before = contents(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIFFUSION_PLAYGROUND_DATA", str(folder / "data"))
        capsys.readouterr()
        with faults as made:
            status = command.run(folder)
        said = capsys.readouterr().err
    where = f"{made and made.failed[:1]} {said}"
    assert "Traceback" not in said, where
    assert not leftovers(folder), where
    after = contents(folder)
    kept = {name for name in before if not name.startswith(command.may_change or ("\0",))}
    if status and not (command.moved and made and made.failed[0].startswith("rename ")):
        assert {name: after.get(name) for name in kept} == {name: before[name] for name in kept}, where
    last = said.strip().splitlines()[-1] if said else ""
    if status:
        assert status == 2, where
        assert last.startswith(f"python -m engine {command.words[0]}: "), where
    return status, last


def _repeat(command: Command, folder: Path) -> int:
    """With room again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIFFUSION_PLAYGROUND_DATA", str(folder / "data"))
        return command.run(folder)


@pytest.mark.parametrize(
    ("name", "code"),
    [pytest.param(name, errno.ENOSPC, marks=[] if name in QUICK else pytest.mark.slow) for name in COMMANDS]
    + [pytest.param(name, errno.EROFS, marks=pytest.mark.slow) for name in COMMANDS],
)
def test_a_disk_that_refuses_at_any_write_costs_nothing_that_was_there(
    name: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, refused = COMMANDS[name], 0
    with failing(tmp_path / "whole", None) as counted:
        assert _attempt(command, tmp_path / "whole", capsys, contextlib.nullcontext())[0] == 0
    for first in range(0, len(counted.writes), max(1, len(counted.writes) // MOST)):
        folder = tmp_path / str(first)
        status, last = _attempt(command, folder, capsys, failing(folder, first, code))
        refused += bool(status)
        if status:
            assert ("the disk is full" if code == errno.ENOSPC else "the disk can only be read") in last
            assert _repeat(command, folder) == 0, f"{counted.writes[first]} {capsys.readouterr().err}"
        shutil.rmtree(folder)
    assert refused > 1


@pytest.mark.parametrize("size", [0, 60, 700, 5000])
@pytest.mark.parametrize("name", QUICK)
def test_a_file_that_may_not_grow_costs_nothing_that_was_there(
    name: str, size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = COMMANDS[name]
    folder = tmp_path / "small"
    folder.mkdir()
    status, last = _attempt(command, folder / "it", capsys, small_files(size))
    if status:
        assert "larger than is allowed" in last
        assert _repeat(command, folder / "it") == 0
    assert status or size
