"""Folders, zips, torchvision's formats and data sets of the Hub, prepared once and read where they lie."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import os
import pickle
import random
import shutil
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.data import preparing, store
from engine.data.catalogue import load
from engine.data.image_set import DataError, ImageSet
from engine.data.pictures import read_picture
from engine.data.preparing import Options, options_of, preparation_lock, prepare
from engine.data.sources import archive, folder, torchvision_sets
from engine.data.sources.layout import by_folder
from engine.data.sources.plan import Plan, Progress
from engine.data.store import gather
from engine.data.writing import Writer, chosen_to_hold_out, sweep
from engine.storage import budgets

from peaks import linux, peak_of

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepared sets of one test are its own."""
    root = tmp_path / "data"
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_DATA", str(root))
    return root


def drawn(seed: int, width: int = 16, height: int | None = None, channels: int = 3) -> np.ndarray:
    """Some smooth picture, uint8 (H, W, C)."""
    generator = np.random.default_rng(seed)
    small = generator.integers(0, 256, (4, 4, channels), dtype=np.uint8)
    image = Image.fromarray(small[..., 0] if channels == 1 else small).resize((width, height or width))
    return np.asarray(image, dtype=np.uint8).reshape(height or width, width, channels)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, kind)
    return file.getvalue()


def put(path: Path, pixels: np.ndarray, kind: str = "PNG") -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(pixels, kind))
    return pixels


def two_classes(home: Path, each: int = 10) -> Path:
    """home/cats/0.png … and home/dogs/0.png …, 16 × 16."""
    for number, (name, k) in enumerate(itertools.product(("cats", "dogs"), range(each))):
        put(home / name / f"{k}.png", drawn(number))
    return home


def nothing_left(root: Path) -> bool:
    """No prepared set, whole or not."""
    home = root / "prepared"
    return not home.exists() or not list(home.iterdir())


# --- what is held out -------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_tenth_of_each_class_is_held_out_whatever_the_order(labels: list[int], chance: random.Random) -> None:
    keys = [f"picture {k}" for k in range(len(labels))]
    held = chosen_to_hold_out(keys, np.array(labels, dtype=np.int64))
    order = list(range(len(labels)))
    chance.shuffle(order)
    again = chosen_to_hold_out([keys[k] for k in order], np.array(labels, dtype=np.int64)[order])
    assert [held[k] for k in order] == again.tolist()
    for label in set(labels):
        members = [k for k, each in enumerate(labels) if each == label]
        assert abs(sum(held[members]) - len(members) / 10) <= 1
        assert sum(held[members]) < len(members)
    assert abs(int(held.sum()) - len(labels) / 10) <= 1 or len(set(labels)) > len(labels) / 3


def test_the_only_picture_of_a_class_is_never_held_out() -> None:
    labels = np.arange(30, dtype=np.int64)
    assert not chosen_to_hold_out([str(k) for k in range(30)], labels).any()
    assert chosen_to_hold_out([str(k) for k in range(30)], np.zeros(30, np.int64)).sum() == 3


def test_at_most_a_thousand_are_held_out() -> None:
    labels = np.arange(30_000, dtype=np.int64) % 7
    held = chosen_to_hold_out([str(k) for k in range(30_000)], labels)
    assert held.sum() == 1000
    assert np.ptp(np.bincount(labels[held])) <= 1


# --- folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_becomes_a_set_with_its_subfolders_as_classes(tmp_path: Path) -> None:
    home = two_classes(tmp_path / "pets")
    (home / "cats" / "notes.txt").write_text("no picture")
    (home / ".hidden").mkdir()
    put(home / ".hidden" / "x.png", drawn(99))
    about = prepare(f"folder:{home}")
    data = load(f"folder:{home}")
    assert (about.count, about.held_out, about.size, about.channels) == (20, 2, 16, 3)
    assert data.class_names == ("cats", "dogs")
    assert about.per_class == (10, 10)
    assert sorted(data.held_out_part.labels.tolist()) == [0, 1]
    # Every picture is there once, as it was, with the class of its folder.
    stored = {(picture.tobytes(), int(label)) for picture, label in zip(data.images, data.labels, strict=True)}
    assert stored == {(drawn(k).tobytes(), k // 10) for k in range(20)}


def test_training_and_held_out_are_views_of_one_file(tmp_path: Path) -> None:
    prepare(f"folder:{two_classes(tmp_path / 'pets')}")
    data = load(f"folder:{tmp_path / 'pets'}")
    assert isinstance(data.images, np.memmap)
    assert not data.images.flags.writeable
    for part in (data.training, data.held_out_part):
        assert np.shares_memory(part.images, data.images)
    assert not data.training.held_out.any()
    assert data.held_out_part.held_out.all()
    assert load(f"folder:{tmp_path / 'pets'}") is data
    rows = np.array([3, 0, 3])
    assert np.array_equal(gather(data.training.images, rows), np.array(data.images)[rows])
    assert not isinstance(gather(data.images, rows), np.memmap)


def test_the_order_of_the_directory_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = two_classes(tmp_path / "pets")
    first = prepare(f"folder:{home}")
    walk = os.walk

    def backwards(*args: Any, **named: Any) -> Any:
        for where, inner, names in walk(*args, **named):
            inner.reverse()
            yield where, inner, names[::-1]

    monkeypatch.setattr(os, "walk", backwards)
    second = prepare(f"folder:{home}")
    assert (second.content, second.fingerprint) == (first.content, first.fingerprint)


def test_a_folder_that_has_changed_is_told_apart(tmp_path: Path) -> None:
    home = two_classes(tmp_path / "pets")
    about = prepare(f"folder:{home}")
    assert folder.fingerprint(home) == about.fingerprint
    put(home / "cats" / "new.png", drawn(77))
    assert folder.fingerprint(home) != about.fingerprint
    assert len(load(f"folder:{home}")) == 20  # what was prepared stays as it is
    prepare(f"folder:{home}")
    assert len(load(f"folder:{home}")) == 21


def test_a_set_is_prepared_again_as_it_was_asked_for(tmp_path: Path) -> None:
    home = tmp_path / "large"
    for k in range(4):
        put(home / f"{k}.png", drawn(k, 200, 256))
    name = f"folder:{home}"
    first = prepare(name, largest=192, most=5)
    assert (first.size, options_of(name)) == (192, Options(192, 5))
    assert prepare(name, **asdict(options_of(name))).content == first.content
    # One that was prepared before that was kept.
    about = store.folder_of(name) / store.ABOUT
    said = json.loads(about.read_text())
    del said["largest"], said["most"]
    about.write_text(json.dumps(said))
    assert len(load(name)) == 4
    assert options_of(name) == Options(192, 0)
    assert prepare(name, **asdict(options_of(name))).content == first.content
    assert prepare(name).size == 128
    del said["count"]
    about.write_text(json.dumps(said))
    with pytest.raises(DataError, match="damaged"):
        options_of(name)


def test_pictures_of_many_shapes_become_middle_squares(tmp_path: Path) -> None:
    home = tmp_path / "mixed"
    for k, (width, height) in enumerate([(40, 33), (64, 50), (33, 90), (128, 128), (35, 35)] * 4):
        put(home / f"{k}.png", drawn(k, width, height))
    small = put(home / "tiny.png", drawn(50, 12))
    data = prepare(f"folder:{home}")
    assert (data.size, data.count) == (32, 20)  # a multiple of 8 that nearly all have; the tiny one is not enlarged
    assert data.class_names == ()
    assert "1 picture smaller than 32 × 32" in " ".join(data.notes)
    stored = load(f"folder:{home}")
    assert set(stored.labels.tolist()) == {-1}
    wide = read_picture((home / "1.png").read_bytes(), size=32, channels=3)
    assert any(np.array_equal(picture, wide) for picture in stored.images)
    assert small.shape == (12, 12, 3)


def test_what_cannot_be_read_is_left_out_and_counted(tmp_path: Path) -> None:
    home = two_classes(tmp_path / "pets")
    whole = (home / "cats" / "0.png").read_bytes()
    (home / "cats" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (home / "cats" / "no.jpg").write_bytes(b"this is text")
    about = prepare(f"folder:{home}")
    assert about.count == 20
    assert about.notes == ("Left out: 2 pictures that could not be read.",)


def test_a_folder_without_readable_pictures_is_refused_and_leaves_nothing(tmp_path: Path, data_root: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="There are no pictures in"):
        prepare(f"folder:{empty}")
    for k in range(3):
        (empty / f"{k}.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(DataError, match="None of the 3 picture files"):
        prepare(f"folder:{empty}")
    put(empty / "good.png", drawn(1))
    with pytest.raises(DataError, match="Only 1 of 4 pictures can be read"):
        prepare(f"folder:{empty}")
    with pytest.raises(DataError, match="There is no folder"):
        prepare(f"folder:{tmp_path / 'nowhere'}")
    with pytest.raises(DataError, match="not prepared here yet"):
        load(f"folder:{empty}")
    assert nothing_left(data_root)


def test_links_that_lead_in_circles_are_followed_once(tmp_path: Path) -> None:
    home = two_classes(tmp_path / "pets", 2)
    (home / "cats" / "again").symlink_to(home, target_is_directory=True)
    (home / "cats" / "nowhere.png").symlink_to(tmp_path / "gone.png")
    assert len(folder.files_of(home)) == 4


def test_grey_pictures_stay_grey(tmp_path: Path) -> None:
    for k in range(4):
        put(tmp_path / "grey" / f"{k}.png", drawn(k, 28, channels=1))
    about = prepare(f"folder:{tmp_path / 'grey'}")
    assert (about.size, about.channels) == (28, 1)
    put(tmp_path / "grey" / "colour.png", drawn(9, 28))
    assert prepare(f"folder:{tmp_path / 'grey'}").channels == 3


@pytest.mark.parametrize(
    ("paths", "classes", "used", "held"),
    [
        (["a.png", "b.png"], (), 2, 0),
        (["set/cats/a.png", "set/dogs/b.png"], ("cats", "dogs"), 2, 0),
        (["set/a.png", "set/b.png"], (), 2, 0),
        (["cats/a.png", "cats/old/b.png", "dogs/c.png", "d.png"], ("cats", "dogs"), 3, 0),
        (["a.png", "b.png", "c.png", "rest/d.png"], (), 4, 0),
        (["train/cats/a.png", "train/dogs/b.png", "test/cats/c.png"], ("cats", "dogs"), 3, 1),
        (["train/a.png", "val/b.png"], (), 2, 1),
        (["train/a.png", "boat/b.png"], ("boat", "train"), 2, 0),
    ],
)
def test_classes_are_the_folders_that_tell_pictures_apart(
    paths: list[str], classes: tuple[str, ...], used: int, held: int
) -> None:
    placed = by_folder(paths)
    assert placed.class_names == classes
    assert len(placed.placed) == used
    assert sum(part is True for _, part in placed.placed.values()) == held
    assert all((label == -1) == (not classes) for label, _ in placed.placed.values())


# --- whole or not at all ----------------------------------------------------------------------------------------------


class Enough(Exception):  # noqa: N818
    """The reader does not want it any more."""


def test_cancelling_leaves_nothing_and_keeps_what_was_there(tmp_path: Path, data_root: Path) -> None:
    home = two_classes(tmp_path / "pets")

    def cancel(progress: Progress) -> None:
        if progress.what.startswith("Storing") and progress.done:
            raise Enough

    with pytest.raises(Enough):
        prepare(f"folder:{home}", on_progress=cancel)
    assert nothing_left(data_root)
    before = prepare(f"folder:{home}")
    put(home / "cats" / "new.png", drawn(77))
    with pytest.raises(Enough):
        prepare(f"folder:{home}", on_progress=cancel)
    assert store.prepared_sets() == [before]
    assert len(load(f"folder:{home}")) == 20


def test_killed_at_any_moment_it_is_whole_or_not_there(tmp_path: Path, data_root: Path) -> None:
    home = tmp_path / "many"
    home.mkdir()
    for k in range(800):
        (home / f"{k}.png").write_bytes(encoded(drawn(k, 32)))
    name = f"folder:{home}"
    for wait in (0.0, 0.05, 0.15):
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.data.preparing", name], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["what"].startswith("Inspecting")
        time.sleep(wait)
        process.kill()
        process.wait()
        process.stdout.close()
        if store.folder_of(name).exists():
            assert len(load(name)) == 800
    prepare(name)  # which also takes away what was left
    assert [path.name for path in (data_root / "prepared").iterdir()] == [store.folder_of(name).name]


def test_one_process_at_a_time_prepares_a_set(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second would take away what the first has downloaded and unpacked."""
    where = data_root / "downloads" / "mnist" / "MNIST" / "raw"
    refused: list[str] = []

    def opened(root: Path) -> Any:
        where.mkdir(parents=True)
        (where / "unpacked").touch()
        with pytest.raises(DataError) as error:
            prepare("mnist")
        refused.append(str(error.value))
        assert (where / "unpacked").exists()
        other = subprocess.run(
            [sys.executable, "-m", "engine.data.preparing", "mnist"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        refused.append(json.loads(other.stdout.splitlines()[-1])["error"])
        assert (where / "unpacked").exists()
        part = torchvision_sets._Part(3, lambda k: drawn(k, 28, channels=1), lambda k: k)
        return part, part

    monkeypatch.setitem(torchvision_sets.OPENERS, "mnist", opened)
    assert prepare("mnist").count == 6
    assert refused == ["“mnist” is being prepared by another process."] * 2


def test_a_process_that_was_killed_keeps_nobody_waiting(tmp_path: Path, data_root: Path) -> None:
    name = f"folder:{two_classes(tmp_path / 'pets', 2)}"
    program = (
        "import sys, time; from pathlib import Path; from engine.data.preparing import preparation_lock\n"
        "with preparation_lock(sys.argv[1], Path(sys.argv[2])):\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, name, str(data_root)], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(DataError, match="is being prepared by another process"):
            prepare(name)
        process.kill()
    assert prepare(name).count == 4


def test_the_lock_of_a_set_excludes_that_set_only_and_can_be_acquired_again(data_root: Path) -> None:
    for _ in range(2):
        with preparation_lock("mnist", data_root):
            with pytest.raises(DataError, match="mnist"), preparation_lock("mnist", data_root):
                pass
            with preparation_lock("cifar10", data_root):
                pass


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = two_classes(tmp_path / "pets")
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 1000))  # type: ignore[attr-defined]
        with pytest.raises(DataError, match="no room"):
            prepare(f"folder:{home}")
    # And where it fills up on the way: a limit on the size of files, for a process of its own.
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "from engine.data.preparing import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, f"folder:{home}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "cannot be stored" in json.loads(done.stdout.splitlines()[-1])["error"]
    assert nothing_left(data_root)


@pytest.mark.parametrize("harm", ["cut", "other shape", "no labels", "no json", "pickle"])
def test_a_damaged_set_is_refused(tmp_path: Path, harm: str) -> None:
    name = f"folder:{two_classes(tmp_path / 'pets')}"
    prepare(name)
    where = store.folder_of(name)
    if harm == "cut":
        images = where / store.IMAGES
        images.write_bytes(images.read_bytes()[:-100])
    elif harm == "other shape":
        np.save(where / store.IMAGES, np.zeros((3, 16, 16, 3), np.uint8))
    elif harm == "no labels":
        (where / store.LABELS).unlink()
    elif harm == "no json":
        (where / store.ABOUT).write_text("{")
    else:
        np.save(where / store.LABELS, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="damaged or incomplete: prepare them again"):
        load(name)


def _plan_of(class_names: tuple[str, ...] = ()) -> Plan:
    return Plan("x", "", "", class_names, 4, 1, False, "", (), None)


def test_leftovers_of_living_processes_and_other_machines_stay(tmp_path: Path) -> None:
    with Writer("mnist", _plan_of(), tmp_path) as writer:
        mine = next(path for path in (tmp_path / "prepared").iterdir() if path.name.startswith(".new-"))
        elsewhere = mine.with_name(".new-00000000-99999999-00000000")
        dead = mine.with_name(mine.name.replace(f"-{os.getpid()}-", "-99999999-"))
        elsewhere.mkdir()
        dead.mkdir()
        sweep(tmp_path / "prepared")
        assert mine.exists()
        assert elsewhere.exists()
        assert not dead.exists()
        with pytest.raises(ValueError, match="expected uint8"):
            writer.add(np.zeros((5, 4, 1), np.uint8), 0, "x")


@given(st.lists(st.booleans(), min_size=2, max_size=40).filter(lambda held: not all(held)))
@settings(max_examples=25, deadline=None)
def test_stored_pictures_keep_their_classes_when_they_change_places(held: list[bool]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        with Writer("mnist", _plan_of(tuple(map(str, range(len(held))))), Path(made)) as writer:
            for k, out in enumerate(held):
                writer.add(np.full((4, 4, 1), k, np.uint8), k, str(k), out)
            writer.finish()
        data = store.load("mnist", Path(made))
        assert data.images[:, 0, 0, 0].tolist() == data.labels.tolist()
        if any(held):
            assert data.training.labels.tolist() == [k for k, out in enumerate(held) if not out]
            assert data.held_out_part.labels.tolist() == [k for k, out in enumerate(held) if out]


WRITE = """
import sys
from pathlib import Path
import numpy as np
from engine.data.sources.plan import Plan
from engine.data.writing import Writer
plan = Plan("x", "", "", tuple("0123456789"), 64, 3, True, "", (), None)
with Writer("cifar10", plan, Path(sys.argv[1])) as writer:
    for k in range(int(sys.argv[2])):
        writer.add(np.full((64, 64, 3), k % 251, np.uint8), k % 10, str(k))
    about = writer.finish()
print(about.held_out)
"""


@linux
def test_a_large_set_is_prepared_with_the_memory_of_a_small_one(tmp_path: Path) -> None:
    """Also when its held-out pictures are brought to the end, for which all others change places."""
    (_, small), (held_out, large) = (peak_of(WRITE, tmp_path / str(count), count) for count in (8_000, 24_000))
    assert int(held_out) == 1000
    assert large - small < 60_000  # kilobytes; the larger set has 197,000 more


# --- zips -------------------------------------------------------------------------------------------------------------


def zipped(entries: dict[str, bytes], change: Callable[[zipfile.ZipInfo], None] | None = None) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(info)
            made.writestr(info, data)
    return file


def pictures(count: int = 12) -> dict[str, bytes]:
    return {f"pets/{('cats', 'dogs')[k % 2]}/{k}.png": encoded(drawn(k)) for k in range(count)}


def test_a_zip_is_prepared_and_its_junk_ignored(tmp_path: Path, data_root: Path) -> None:
    junk = {
        "__MACOSX/pets/cats/._0.png": b"x",
        "pets/.DS_Store": b"x",
        "pets/cats/Thumbs.db": b"x",
        "pets/cats/._1.png": b"x",
    }
    inner = zipped(pictures(2)).getvalue()
    name = archive.keep(zipped({**junk, **pictures(), "pets/more.zip": inner, "pets/readme.txt": b"hello"}), "Pets.zip")
    about = prepare(name)
    assert (about.title, about.count, about.class_names) == ("Pets", 12, ("cats", "dogs"))
    assert about.notes == ("Left out: 2 files of another kind than pictures.",)
    assert not list((data_root / "uploads").iterdir())
    assert len(load(name)) == 12
    assert (
        archive.keep(zipped({**junk, **pictures(), "pets/more.zip": inner, "pets/readme.txt": b"hello"}), "x") == name
    )


def test_an_upload_goes_when_its_preparation_is_over(data_root: Path) -> None:
    uploads = data_root / "uploads"
    name = archive.keep(zipped({"readme.txt": b"hello"}), "text.zip")
    assert len(list(uploads.iterdir())) == 2
    with pytest.raises(DataError, match="no pictures"):
        prepare(name)
    assert not list(uploads.iterdir())

    def cancel(progress: Progress) -> None:
        raise Enough

    name = archive.keep(zipped(pictures()), "p.zip")
    with pytest.raises(Enough):
        prepare(name, on_progress=cancel)
    assert not list(uploads.iterdir())


def test_uploads_that_nobody_prepares_go_after_a_day(tmp_path: Path, data_root: Path) -> None:
    uploads, zips = data_root / "uploads", [zipped(pictures(count)) for count in (2, 4)]
    old, again = (archive.keep(file, "p.zip").removeprefix("zip:") for file in zips)
    (uploads / ".new-abcdefgh").write_bytes(b"broken off")
    (uploads / "mine.zip").write_bytes(b"not ours")
    for path in uploads.iterdir():
        os.utime(path, (time.time() - 90_000,) * 2)
    (uploads / ".new-12345678").write_bytes(b"still coming")
    os.utime(uploads / f"{again}.zip")
    archive.keep(zips[1], "p.zip")
    left = {".new-12345678", "mine.zip", f"{again}.zip", f"{again}.json"}
    assert {path.name for path in uploads.iterdir()} == left
    os.utime(uploads / f"{again}.zip", (time.time() - 80_000,) * 2)
    archive.keep(zips[1], "p.zip")
    assert (uploads / f"{again}.zip").stat().st_mtime > time.time() - 1000
    os.utime(uploads / ".new-12345678", (time.time() - 90_000,) * 2)
    prepare(f"folder:{two_classes(tmp_path / 'pets', 2)}")
    assert {path.name for path in uploads.iterdir()} == left - {".new-12345678"}
    assert archive.uploaded(again)[1] == "p.zip"
    with pytest.raises(DataError, match="upload it again"):
        archive.uploaded(old)


def test_no_path_of_a_zip_is_ever_written(tmp_path: Path, data_root: Path) -> None:
    evil = {
        f"{prefix}evil{k}.png": encoded(drawn(k))
        for k, prefix in enumerate(("../../", "/", "C:\\", "..\\..\\", "a/../../../"))
    }
    before = set(tmp_path.rglob("*"))
    about = prepare(archive.keep(zipped(evil), "evil.zip"))
    assert about.count == len(evil)
    made = {path for path in tmp_path.rglob("*") if path not in before}
    assert all(path == data_root or data_root in path.parents for path in made)
    assert not [path for path in made if "evil" in path.name]
    assert not Path("/evil1.png").exists()


def test_links_in_a_zip_are_not_followed(tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.png", drawn(1))

    def link(info: zipfile.ZipInfo) -> None:
        if "link" in info.filename:
            info.external_attr = 0o120777 << 16

    entries = {"link.png": str(tmp_path / "secret.png").encode(), "real.png": encoded(drawn(2))}
    name = archive.keep(zipped(entries, link), "links.zip")
    about = prepare(name)
    assert about.count == 1
    assert about.notes == ("Left out: 1 file of another kind than pictures.",)
    assert not np.array_equal(load(name).images[0], secret)


def test_zips_that_hold_too_much_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = {f"{k}.bmp": bytes(19_000_000) for k in range(3)}
    upload = zipped(bomb)
    assert len(upload.getvalue()) < 100_000
    monkeypatch.setattr(budgets, "PICTURE_ZIP_UNPACKED", 50_000_000)
    with pytest.raises(DataError, match="57 MB unpacked, and at most 50 MB"):
        prepare(archive.keep(upload, "bomb.zip"))
    monkeypatch.setattr(budgets, "PICTURE_ZIP_FILES", 10)
    with pytest.raises(DataError, match="12 files, and at most 10"):
        prepare(archive.keep(zipped(pictures()), "many.zip"))
    monkeypatch.setattr(budgets, "ZIP_DIRECTORY", 100)
    with pytest.raises(DataError, match="far more files than can be taken"):
        prepare(archive.keep(zipped(pictures()), "many.zip"))
    monkeypatch.setattr(budgets, "PICTURE_ZIP_BYTES", 1000)
    with pytest.raises(DataError, match="at most 0 MB can be taken"):
        archive.keep(zipped(pictures()), "large.zip")


def with_end(data: bytes, *, disks: bytes = bytes(4), comment: bytes = b"", large: bool = False) -> io.BytesIO:
    """The same zip with other words at its end; `large` for a record of the kind that very large zips have before it."""
    at = data.rfind(b"PK\5\6")
    count, size, offset = struct.unpack_from("<10xHLL", data, at)
    end = struct.pack("<4s4sHHLLH", b"PK\5\6", disks, count, count, size, offset, len(comment)) + comment
    if large:
        record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
        end = record + struct.pack("<4sLQL", b"PK\6\7", 0, at, 1) + end
    return io.BytesIO(data[:at] + end)


@pytest.mark.parametrize(
    "end",
    [
        {},
        {"disks": b"PK\5\6"},
        {"comment": b"PK\6\6" + bytes(100)},
        {"large": True},
        {"large": True, "disks": b"PK\5\6"},
        {"large": True, "comment": b"PK\6\6" + bytes(100)},
    ],
)
def test_the_end_of_a_zip_has_one_reading(end: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever looks like an end as well: what bounds the list of files is the number that `zipfile` goes by."""
    data = zipped(pictures()).getvalue()
    assert prepare(archive.keep(with_end(data, **end), "p.zip")).count == 12
    monkeypatch.setattr(budgets, "ZIP_DIRECTORY", 100)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("opened"))
    with pytest.raises(DataError, match="far more files than can be taken"):
        prepare(archive.keep(with_end(data, **end), "p.zip"))
    monkeypatch.setattr(budgets, "ZIP_DIRECTORY", 10_000)
    monkeypatch.setattr(budgets, "PICTURE_ZIP_FILES", 10)
    with pytest.raises(DataError, match="12 files, and at most 10"):
        prepare(archive.keep(with_end(data, **end), "p.zip"))


def test_python_still_has_what_reads_the_end_of_a_zip() -> None:
    """They have no public names. Were they gone, another way must be found to read what `zipfile` reads."""
    data = zipped(pictures())
    end = zipfile._EndRecData(data)  # type: ignore[attr-defined]
    assert end[zipfile._ECD_ENTRIES_TOTAL] == 12  # type: ignore[attr-defined]
    assert end[zipfile._ECD_SIZE] == data.getvalue().rfind(b"PK\5\6") - data.getvalue().find(b"PK\1\2")  # type: ignore[attr-defined]


def test_a_zip_of_several_disks_is_refused() -> None:
    data = bytearray(with_end(zipped(pictures()).getvalue(), large=True).getvalue())
    data[data.rfind(b"PK\6\7") + 16] = 2
    with pytest.raises(DataError, match="zip is damaged or cut short"):
        archive.keep(io.BytesIO(bytes(data)), "p.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_entries_that_unpack_whole_are_never_opened(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`zipfile` unpacks bzip2 and LZMA without a bound: a bomb of some hundred bytes fills the memory."""

    def compress(info: zipfile.ZipInfo) -> None:
        if "bomb" in info.filename:
            info.compress_type = method

    upload = zipped({"pets/cats/bomb.png": encoded(drawn(99)), **pictures()}, compress)
    data = bytearray(upload.getvalue())
    data[data.find(b"bomb.png") + 8 + 12] ^= 0xFF  # and what is broken in it is nobody's concern
    opened: list[int] = []
    whole = zipfile.ZipFile.open

    def watched(self: zipfile.ZipFile, entry: Any, *args: Any, **named: Any) -> Any:
        opened.append(entry.compress_type)
        return whole(self, entry, *args, **named)

    monkeypatch.setattr(zipfile.ZipFile, "open", watched)
    about = prepare(archive.keep(io.BytesIO(bytes(data)), "p.zip"))
    assert set(opened) == {zipfile.ZIP_DEFLATED}
    assert about.count == 12
    assert about.notes == ("Left out: 1 file of another kind than pictures.",)


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")])
def test_where_all_are_packed_another_way_the_way_is_named(method: int, name: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for path, data in pictures().items():
            packed.writestr(path, data)
    with pytest.raises(DataError, match=f"packed with “{name}”, which is not read here: pack them again with Deflate"):
        prepare(archive.keep(file, "p.zip"))


def test_a_picture_that_unpacks_to_too_many_pixels_is_left_out() -> None:
    huge = io.BytesIO()
    Image.new("1", (7000, 7000)).save(huge, "PNG")
    name = archive.keep(zipped({**pictures(), "pets/cats/huge.png": huge.getvalue()}), "p.zip")
    about = prepare(name)
    assert about.count == 12
    assert "Left out: 1 picture that could not be read." in about.notes


def test_zips_that_are_none_locked_or_damaged_are_refused(data_root: Path) -> None:
    for wrong in (b"", b"PK\x05\x06", b"this is no zip" * 100):
        with pytest.raises(DataError, match=r"no zip|zip is damaged"):
            archive.keep(io.BytesIO(wrong), "wrong.zip")

    def lock(data: bytes) -> bytes:
        """Set the bit that says that an entry is encrypted, in its own head and in the list."""
        changed = bytearray(data)
        for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = changed.find(mark)
            while at >= 0:
                changed[at + offset] |= 1
                at = changed.find(mark, at + 4)
        return bytes(changed)

    with pytest.raises(DataError, match="password"):
        prepare(archive.keep(io.BytesIO(lock(zipped(pictures()).getvalue())), "locked.zip"))
    with pytest.raises(DataError, match="There are no pictures in this zip"):
        prepare(archive.keep(zipped({"readme.txt": b"hello"}), "text.zip"))
    with pytest.raises(DataError, match="upload it again"):
        prepare("zip:0123456789abcdef")
    with pytest.raises(DataError, match="upload it again"):
        prepare("zip:../../etc")
    assert nothing_left(data_root)


@given(st.integers(0, 2**32), st.integers(1, 30))
@settings(max_examples=25, deadline=None)
def test_a_zip_with_altered_bytes_never_does_more_than_refuse(seed: int, changes: int) -> None:
    import tempfile

    data, chance = bytearray(zipped(pictures(6)).getvalue()), random.Random(seed)
    for _ in range(changes):
        data[chance.randrange(len(data))] = chance.randrange(256)
    with tempfile.TemporaryDirectory() as made:
        try:
            about = prepare(archive.keep(io.BytesIO(bytes(data)), "a.zip", Path(made)), root=Path(made))
        except DataError:
            pass  # anything else would fail
        else:
            assert 0 < about.count <= 6
            assert len(store.load(about.name, Path(made))) == about.count


# --- torchvision's sets, in their real formats ------------------------------------------------------------------------


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def idx(array: np.ndarray) -> bytes:
    """As MNIST is stored."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.mark.parametrize(("name", "kind"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_mnist_is_read_from_its_own_files(
    name: str, kind: str, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision.datasets

    generator = np.random.default_rng(0)
    made, sums = {}, []
    for part, count in (("train", 50), ("t10k", 20)):
        made[part] = (
            generator.integers(0, 256, (count, 28, 28), dtype=np.uint8),
            (np.arange(count) % 10).astype(np.uint8),
        )
        for what, array in zip(("images-idx3", "labels-idx1"), made[part], strict=True):
            file = f"{part}-{what}-ubyte.gz"
            content = gzip.compress(idx(array))
            where = data_root / "downloads" / name / kind / "raw" / file
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_bytes(content)
            sums.append((file, md5(content)))
    # All is unpacked, but an attempt that broke off has written half of one: torchvision itself would take that for the whole.
    for file, _ in sums:
        packed = data_root / "downloads" / name / kind / "raw" / file
        content = gzip.decompress(packed.read_bytes())
        packed.with_suffix("").write_bytes(content[: len(content) // 2] if "train-images" in file else content)
    monkeypatch.setattr(getattr(torchvision.datasets, kind), "resources", sums)
    seen: list[Progress] = []
    about = prepare(name, on_progress=seen.append)
    data = load(name)
    assert (about.count, about.held_out, about.size, about.channels) == (70, 20, 28, 1)
    assert np.array_equal(data.training.images[..., 0], made["train"][0])
    assert np.array_equal(data.held_out_part.images[..., 0], made["t10k"][0])
    assert data.held_out_part.labels.tolist() == made["t10k"][1].tolist()
    assert not data.natural
    assert seen[0].unit == "bytes"
    assert (data_root / "downloads" / name).exists()  # the reader has put them there: they stay


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for file, content in files.items():
            info = tarfile.TarInfo(file)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_cifar10_is_read_from_its_archive(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import CIFAR10

    images = np.stack([drawn(k, 32) for k in range(60)])
    files = {}
    for number, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        some = images[10 * number : 10 * number + 10]
        rows = {"data": some.transpose(0, 3, 1, 2).reshape(10, -1), "labels": list(range(10))}
        files[f"cifar-10-batches-py/{name}"] = pickle.dumps(rows)
    files["cifar-10-batches-py/batches.meta"] = pickle.dumps({"label_names": list("abcdefghij")})
    content = tar_of(files)
    sums = {file.split("/")[1]: md5(data) for file, data in files.items()}
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5(content))
    monkeypatch.setattr(CIFAR10, "train_list", [[f"data_batch_{k}", sums[f"data_batch_{k}"]] for k in range(1, 6)])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})
    where = data_root / "downloads" / "cifar10"
    where.mkdir(parents=True)
    (where / "cifar-10-python.tar.gz").write_bytes(content)
    prepare("cifar10")
    data = load("cifar10")
    assert np.array_equal(data.training.images, images[:50])
    assert np.array_equal(data.held_out_part.images, images[50:])
    assert data.class_names[3] == "cat"
    assert data.natural


def test_a_download_with_a_wrong_checksum_is_never_read(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies there is no CIFAR-10, and there is no network to get it from."""
    import torchvision.datasets.utils

    def no_network(*_: object, **__: object) -> None:
        raise OSError("the network is not there")

    monkeypatch.setattr(torchvision.datasets.utils, "_get_redirect_url", no_network)
    where = data_root / "downloads" / "cifar10"
    where.mkdir(parents=True)
    (where / "cifar-10-python.tar.gz").write_bytes(tar_of({"cifar-10-batches-py/data_batch_1": b"evil"}))
    with pytest.raises(DataError, match=r"CIFAR-10 cannot be downloaded or is damaged.*put its files into"):
        prepare("cifar10")
    assert nothing_left(data_root)
    assert not (where / "cifar-10-batches-py").exists()


def test_stl10_is_read_from_its_archive(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import STL10

    images = np.stack([drawn(k, 96) for k in range(14)])
    labels = np.arange(14, dtype=np.uint8) % 10 + 1
    parts = {"train": slice(0, 10), "test": slice(10, 14)}
    files = {"stl10_binary/unlabeled_X.bin": images[:2].transpose(0, 3, 2, 1).tobytes()}
    for part, rows in parts.items():
        files[f"stl10_binary/{part}_X.bin"] = images[rows].transpose(0, 3, 2, 1).tobytes()
        files[f"stl10_binary/{part}_y.bin"] = labels[rows].tobytes()
    content = tar_of(files)
    sums = {file.split("/")[1]: md5(data) for file, data in files.items()}
    monkeypatch.setattr(STL10, "tgz_md5", md5(content))
    for kind in ("train_list", "test_list"):
        monkeypatch.setattr(STL10, kind, [[file, sums[file]] for file, _ in getattr(STL10, kind)])
    where = data_root / "downloads" / "stl10"
    where.mkdir(parents=True)
    (where / "stl10_binary.tar.gz").write_bytes(content)
    monkeypatch.setattr(torchvision_sets, "_check_room", lambda source, downloads: None)
    prepare("stl10")
    data = load("stl10")
    assert np.array_equal(data.training.images, images[:10])
    assert np.array_equal(data.held_out_part.images, images[10:])
    assert data.held_out_part.labels.tolist() == [0, 1, 2, 3]


def test_celeba_is_cropped_around_the_face(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import CelebA

    where = data_root / "downloads" / "celeba" / "celeba"
    where.mkdir(parents=True)
    names = [f"{k:06d}.jpg" for k in range(1, 9)]
    faces = zipfile.ZipFile(where / "img_align_celeba.zip", "w")
    with faces:
        for k, name in enumerate(names):
            faces.writestr(f"img_align_celeba/{name}", encoded(drawn(k, 178, 218), "JPEG"))
    parts = [0, 0, 0, 0, 0, 1, 2, 2]
    texts = {
        "list_eval_partition.txt": [f"{name} {part}" for name, part in zip(names, parts, strict=True)],
        "identity_CelebA.txt": [f"{name} {k}" for k, name in enumerate(names)],
        "list_bbox_celeba.txt": ["8", "image_id x_1 y_1 width height", *[f"{name}  1 2 3 4" for name in names]],
        "list_landmarks_align_celeba.txt": ["8", "a b", *[f"{name} 5 6" for name in names]],
        "list_attr_celeba.txt": ["8", "Male Smiling", *[f"{name} -1  1" for name in names]],
    }
    for file, lines in texts.items():
        (where / file).write_text("\n".join(lines) + "\n")
    sums = [(ident, md5((where / file).read_bytes()), file) for ident, _, file in CelebA.file_list]
    monkeypatch.setattr(CelebA, "file_list", sums)
    monkeypatch.setattr(torchvision_sets, "_check_room", lambda source, downloads: None)
    about = prepare("celeba")
    data = load("celeba")
    assert (about.count, about.held_out, about.size, data.class_names) == (7, 2, 64, ())
    jpeg = Image.open(io.BytesIO(encoded(drawn(0, 178, 218), "JPEG")))
    face = np.asarray(jpeg.crop((19, 39, 159, 179)).resize((64, 64), Image.Resampling.BOX))
    assert np.abs(data.images[0].astype(int) - face).mean() < 3


def test_celeba_without_what_fetches_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gdown", None)
    monkeypatch.setattr(torchvision_sets, "_check_room", lambda source, downloads: downloads.mkdir(parents=True))
    with pytest.raises(DataError, match=r"Google Drive.*pip install.*celeba.*img_align_celeba\.zip"):
        prepare("celeba")


def test_what_is_said_of_the_sets_is_what_torchvision_knows() -> None:
    import torchvision.datasets

    kinds = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10", "stl10": "STL10"}
    assert set(kinds) | {"celeba"} == set(torchvision_sets.SOURCES) == set(store.TORCHVISION)
    for name, kind in kinds.items():
        known, source = getattr(torchvision.datasets, kind), torchvision_sets.SOURCES[name]
        files = [file for file, _ in known.resources] if hasattr(known, "resources") else [known.filename]
        assert set(files) == set(source.files)
    assert {file for *_, file in torchvision.datasets.CelebA.file_list} == set(torchvision_sets.SOURCES["celeba"].files)
    assert len(torchvision.datasets.FashionMNIST.classes) == len(torchvision_sets.SOURCES["fashion-mnist"].class_names)


# --- the Hub ----------------------------------------------------------------------------------------------------------


def test_without_the_package_the_hub_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(
        DataError, match=r'need the package “datasets”: pip install "diffusion-playground\[huggingface\]"'
    ):
        prepare("hub:owner/name")
    with pytest.raises(DataError, match="is no name of a data set on the Hub"):
        prepare("hub:../../etc/passwd")


def test_names_that_no_set_could_have_are_refused() -> None:
    for wrong in ("cats", "folder:", "zip:  ", "http://x", "folder:a\0b", "hub:" + "x" * 2000):
        with pytest.raises(DataError, match="There is no data set"):
            load(wrong)
    with pytest.raises(DataError, match="comes with the playground"):
        prepare("digits")
    assert store.normalized_name("folder:~/x/../y") == f"folder:{Path.home() / 'y'}"
    assert store.folder_of("folder:~/y") == store.folder_of(f"folder:{Path.home()}/y/")


def small_set() -> ImageSet:
    labels = np.zeros(4, np.int64)
    return ImageSet("x", "X", np.zeros((4, 8, 8, 1), np.uint8), labels, ("a",), np.zeros(4, bool), "", "", "")


def test_preparing_loads_neither_torch_nor_a_page_for_a_folder(tmp_path: Path) -> None:
    two_classes(tmp_path / "pets", 2)
    program = (
        f"import sys; from engine.data import preparing; preparing.prepare('folder:{tmp_path / 'pets'}')\n"
        "assert not {'torch', 'datasets', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    assert preparing.AT_ONCE > 1
