"""Uploads: zips of folders and files of trainers, kept by their content; and zips that are up to something."""

from __future__ import annotations

import io
import os
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.interop import uploads
from engine.interop.trainer_files import TrainerSettings
from engine.models.opened import ModelError
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.storage import budgets
from engine.storage.checked_files import CheckpointError

from checkpoints_to_try import save_sound


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where uploads go."""
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs" / "uploads"


def _zip(folder: Path, inside: str = "", compression: int = zipfile.ZIP_DEFLATED, **more: bytes) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, inside + str(file.relative_to(folder)))
        for name, content in more.items():
            archive.writestr(name, content)
    return out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound checkpoint of ours."""
    return save_sound(tmp_path / "sound")


@pytest.mark.parametrize("inside", ["", "my model/", "a/b/c/"])
def test_a_zip_of_a_folder_is_a_model(root: Path, folder: Path, inside: str) -> None:
    told: list[tuple[int, int]] = []
    upload = uploads.store(
        _zip(folder, inside, **{"notes.txt": b"hello"}), "mine.zip", progress=lambda *told_now: told.append(told_now)
    )
    assert told[-1][0] == told[-1][1] > 0
    model = open_model(upload.name)
    assert (model.name, model.title, model.class_names) == (upload.name, "Three classes", ("a", "b", "c"))
    *_, last = Recipe(model=upload.name, steps=2, labels=(1,)).frames()
    assert last.x.shape == (1, 1, 8, 8)
    kept = sorted(str(path.relative_to(upload.path)) for path in upload.path.rglob("*") if path.is_file())
    assert "notes.txt" not in kept
    assert sorted(os.listdir(root)) == [upload.name.removeprefix(uploads.PREFIX)]


def test_the_same_content_has_the_same_name(root: Path, folder: Path) -> None:
    packed = _zip(folder)
    first, second = uploads.store(packed, "a.zip"), uploads.store(packed, "b.zip")
    assert first == second
    assert [path.name for path in uploads.default_root().iterdir()] == [first.name.removeprefix(uploads.PREFIX)]
    assert uploads.store(_zip(folder, "x/"), "a.zip").name != first.name


@pytest.mark.parametrize("name", ["upload:", "upload:0123456789abcdef", "upload:../x", "upload:" + "a" * 400])
def test_what_was_not_uploaded_here_is_asked_for_again(root: Path, name: str) -> None:
    with pytest.raises(ModelError, match="upload it again"):
        open_model(name)
    assert not uploads.default_root().exists() or not any(uploads.default_root().iterdir())


def _hostile(change: Callable[[zipfile.ZipFile], None], folder: Path) -> io.BytesIO:
    packed = _zip(folder)
    with zipfile.ZipFile(packed, "a") as archive:
        change(archive)
    return packed


def test_paths_are_ours_whatever_the_zip_says(root: Path, folder: Path, tmp_path: Path) -> None:
    def escape(archive: zipfile.ZipFile) -> None:
        for name in ("../../../escaped.json", "/tmp/escaped.json", "unet/../../escaped.json", "..\\escaped.json"):
            archive.writestr(name, "{}")

    uploads.store(_hostile(escape, folder), "a.zip")
    assert not list(tmp_path.rglob("*escaped*"))
    assert not Path("/tmp/escaped.json").exists()


def test_links_in_a_zip_are_not_followed(root: Path, folder: Path) -> None:
    (folder / "card.json").unlink()

    def link(archive: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo("card.json")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")

    upload = uploads.store(_hostile(link, folder), "a.zip")
    assert not (upload.path / "card.json").exists()


def test_bombs_are_not_unpacked(root: Path, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "card.json").write_bytes(b" " * 50_000_000)
    with pytest.raises(CheckpointError, match=r"card\.json in the zip is far too large"):
        uploads.store(_zip(folder), "a.zip")
    monkeypatch.setattr(budgets, "WEIGHT_BYTES", 1000)
    (folder / "card.json").unlink()
    with pytest.raises(CheckpointError, match="safetensors in the zip is far too large"):
        uploads.store(_zip(folder), "a.zip")
    monkeypatch.undo()
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(budgets, "MODEL_ZIP_FILES", 3)
    with pytest.raises(CheckpointError, match="at most 3 can be taken"):
        uploads.store(_zip(folder), "a.zip")
    assert os.listdir(root) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_entries_that_unpack_whole_are_refused(root: Path, folder: Path, method: int) -> None:
    """`zipfile` unpacks bzip2 and LZMA without a bound: a bomb of some hundred bytes fills the memory."""
    with pytest.raises(CheckpointError, match=r"packed with “(bzip2|lzma)”, which is not read here: pack it with"):
        uploads.store(_zip(folder, compression=method), "a.zip")
    assert os.listdir(root) == []


def test_a_zip_that_lies_about_its_sizes(root: Path, folder: Path) -> None:
    """The directory says 10 bytes; what is packed is a megabyte. No more than was said is ever written."""
    (folder / "card.json").write_bytes(b'{"title": "' + b"x" * 900_000 + b'"}')
    packed = bytearray(_zip(folder).getvalue())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = packed.find(signature)
        while at >= 0:
            length = int.from_bytes(packed[at + offset + 4 : at + offset + 6], "little")
            name_at = at + (46 if signature == b"PK\x01\x02" else 30)
            if packed[name_at : name_at + length] == b"card.json":
                packed[at + offset : at + offset + 4] = (10).to_bytes(4, "little")
            at = packed.find(signature, at + 4)
    with pytest.raises(CheckpointError):
        uploads.store(io.BytesIO(bytes(packed)), "a.zip")
    assert os.listdir(root) == []


def test_a_locked_zip(root: Path, folder: Path) -> None:
    packed = bytearray(_zip(folder).getvalue())
    at = packed.find(b"PK\x01\x02")
    while at >= 0:
        packed[at + 8] |= 1
        at = packed.find(b"PK\x01\x02", at + 4)
    with pytest.raises(CheckpointError, match="password"):
        uploads.store(io.BytesIO(bytes(packed)), "a.zip")


@pytest.mark.parametrize(
    ("content", "match"),
    [(b"", "no zip"), (b"hello", "no zip"), (b"PK\x03\x04" + b"\0" * 50, "zip is damaged")],
)
def test_no_zip(root: Path, content: bytes, match: str) -> None:
    with pytest.raises(CheckpointError, match=match):
        uploads.store(io.BytesIO(content), "a.zip")
    assert os.listdir(root) == []


def test_zips_of_something_else(root: Path, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.txt").write_text("a")
    with pytest.raises(CheckpointError, match=r"there is no config\.json in it"):
        uploads.store(_zip(tmp_path / "x"), "a.zip")
    (tmp_path / "x" / "model-1.pt").write_text("a")
    with pytest.raises(CheckpointError, match="without a zip around it"):
        uploads.store(_zip(tmp_path / "x"), "a.zip")


def test_a_folder_that_does_not_open_leaves_nothing(root: Path, folder: Path) -> None:
    (folder / "scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(CheckpointError, match="missing"):
        uploads.store(_zip(folder), "a.zip")
    assert os.listdir(root) == []


def test_a_disk_without_room(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage())
    with pytest.raises(CheckpointError, match="no room"):
        uploads.store(_zip(folder), "a.zip")


class _Usage:
    free, total = 1000, 10**12


def test_what_a_trainer_saved(root: Path, tmp_path: Path) -> None:
    import torch
    from denoising_diffusion_pytorch import GaussianDiffusion, Unet

    unet = Unet(dim=8, dim_mults=(1, 2), channels=1, attn_dim_head=8, attn_heads=2)
    file = io.BytesIO()
    torch.save({"model": GaussianDiffusion(unet, image_size=8, timesteps=20).state_dict()}, file)
    with pytest.raises(CheckpointError, match="give their size"):
        uploads.store(file, "model-3.pt")
    upload = uploads.store(file, "model-3.pt", TrainerSettings(image_size=8))
    model = open_model(upload.name)
    assert (model.title, model.shape) == ("model-3.pt", (1, 8, 8))
    other = uploads.store(file, "model-3.pt", TrainerSettings(image_size=16))
    assert other.name != upload.name
    assert open_model(other.name).shape == (1, 16, 16)
    with pytest.raises(CheckpointError, match="cannot be halved"):
        uploads.store(file, "model-3.pt", TrainerSettings(image_size=9))
    with pytest.raises(CheckpointError, match=r"no file of torch\.save"):
        uploads.store(io.BytesIO(b"nothing"), "model-3.pt", TrainerSettings(image_size=9))
    assert len(os.listdir(root)) == 2


@settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_garbled_zips_only_ever_give_a_clear_refusal(root: Path, folder: Path, data: st.DataObject) -> None:
    garbled = bytearray(_zip(folder).getvalue())
    for at in data.draw(st.lists(st.integers(0, len(garbled) - 1), max_size=8)):
        garbled[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.just(len(garbled)) | st.integers(0, len(garbled)))
    try:
        uploads.store(io.BytesIO(bytes(garbled[:end])), "a.zip")
    except CheckpointError as error:
        message = str(error)
    else:
        message = "."
    assert message.endswith(".")
    assert "\n" not in message
