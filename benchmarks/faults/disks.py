"""A disk that fills up, or turns read-only, at each write of a command: one sentence, and what was there is as it was."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
from pathlib import Path
from unittest import mock

from faults import contents, failing, leftovers
from files_to_try import picture

from benchmarks.faults.commands import TINY, problem_of

TRAIN = ("train", "--save-every", "0", "--out", "{}/run", *(w for s in (*TINY, "steps=4") for w in ("--set", s)))
COMMANDS = {
    "sample": ("sample", "{}/recipe.json", "--out", "{}/good.png"),
    "export": ("export", "{}/run", "--out", "{}/out"),
    "evaluate": ("evaluate", "--model", "digits", "--samples", "10", "--steps", "2", "--json", "{}/found.json"),
    "prepare": ("data", "prepare", "{}/pictures"),
    "train": TRAIN,
}
CODES = {"full": errno.ENOSPC, "read-only": errno.EROFS}
MOST = 16
"""Writes of a command that are tried, taken evenly; tests/engine/cli/test_cli_full_disk.py tries every one."""


def cases() -> list[str]:
    """Each command on each disk."""
    return [f"{name} {code}" for name in COMMANDS for code in CODES]


def run(case: str, work: Path) -> tuple[str, int]:
    """Let every write fail in turn; with room again, the command does what it should."""
    name, _, code = case.partition(" ")
    writes, problem = _attempt(name, work, None, CODES[code])
    tried = range(0, writes, max(1, writes // MOST))
    for first in tried:
        _, problem = _attempt(name, work, first, CODES[code])
        if problem:
            return f"write {first} of {writes}: {problem}", len(tried)
    return problem, len(tried)


def _attempt(name: str, work: Path, first: int | None, code: int) -> tuple[int, str]:
    """How many writes there were until one failed, or in all, and what was lost."""
    folder = work / "disk"
    shutil.rmtree(folder, ignore_errors=True)
    _prepare(name, folder, work)
    words = [word.replace("{}", str(folder)) for word in COMMANDS[name]]
    before = contents(folder)
    elsewhere = {"DIFFUSION_PLAYGROUND_DATA": str(folder / "data")}
    with mock.patch.dict(os.environ, elsewhere), failing(folder, first, code) as faults:
        status, said = _called(words)
    after, left = contents(folder), leftovers(folder)
    changed = [file for file in before if status and after.get(file) != before[file]]
    problem = problem_of(status, said, [0, 2])
    problem = problem or (f"changed: {changed[:3]}" if changed else f"left behind: {left[:3]}" if left else "")
    if status and not problem:
        with mock.patch.dict(os.environ, elsewhere):
            problem = problem_of(*_called(words), [0])
    return len(faults.writes), problem and f"{faults.failed[:1]}: {problem}"


def _prepare(name: str, folder: Path, work: Path) -> None:
    folder.mkdir()
    (folder / "recipe.json").write_text(json.dumps({"model": "ideal:digits", "steps": 2, "seeds": [1]}))
    (folder / "good.png").write_bytes(picture(1))
    (folder / "pictures").mkdir()
    for seed in range(8):
        (folder / "pictures" / f"{seed}.png").write_bytes(picture(seed))
    if name == "export":
        whole = work / "disk run"
        if not whole.exists():
            _called([word.replace("{}/run", str(whole)) for word in TRAIN])
        shutil.copytree(whole, folder / "run")


def _called(words: list[str]) -> tuple[int, str]:
    """The exit status of a command in this process, and what it said."""
    from engine.cli import main

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            status = main(words)
        except SystemExit as end:
            status = int(end.code or 0)
    return status, said.getvalue()
