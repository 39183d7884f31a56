"""Writes are there whole or not at all, and a disk without room is reported in one sentence."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from engine.storage.files import SPARE, atomic_write, free_bytes, publish, room_problem, write_json


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write_json(file, {"a": 1})

    def fail() -> None:
        with atomic_write(file) as part:
            part.write_text("half of ")
            assert file.read_text() == '{\n  "a": 1\n}\n'
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        fail()
    assert file.read_text() == '{\n  "a": 1\n}\n'
    assert _names(tmp_path) == ["run.json"]


@pytest.mark.parametrize("durable", [False, True])
def test_a_folder_is_replaced_whole(tmp_path: Path, durable: bool) -> None:
    for content in ("first", "second"):
        with atomic_write(tmp_path / "set", durable=durable) as part:
            (part / "deep").mkdir(parents=True)
            (part / "deep" / "file").write_text(content)
    assert (tmp_path / "set" / "deep" / "file").read_text() == "second"
    assert _names(tmp_path) == ["set"]


def test_a_durable_write_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[bool] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (flushed.append((tmp_path / "file").exists()), fsync(number))[1])
    with atomic_write(tmp_path / "file", durable=True) as part:
        part.write_text("content")
    assert flushed == [False, True]  # the file, then the folder with its new name


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    for name, age in ((".run.json.0a0a0a0a.part", 7200), (".run.json.0b0b0b0b.part", 0), (".other.json.00.part", 7200)):
        (tmp_path / name).write_text("half of ")
        os.utime(tmp_path / name, (os.stat(tmp_path).st_mtime - age,) * 2)
    write_json(tmp_path / "run.json", {})
    assert _names(tmp_path) == [".other.json.00.part", ".run.json.0b0b0b0b.part", "run.json"]


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_json(tmp_path / "gone" / "run.json", {})
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "nothing", tmp_path / "file")
    assert _names(tmp_path) == []


def test_room_is_measured_where_the_path_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = shutil.disk_usage, []

    def usage(path: Path) -> shutil._ntuple_diskusage:
        asked.append(path)
        return real(path)._replace(free=SPARE + 10)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert free_bytes(tmp_path / "a" / "b") == SPARE + 10
    assert room_problem(10, tmp_path) == ""
    problem = room_problem(5_000_000, tmp_path)
    assert problem.count(".") == 1
    assert "5 MB" in problem
    assert set(asked) == {tmp_path}
