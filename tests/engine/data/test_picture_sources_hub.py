"""Data sets of the Hub, opened by the package `datasets` from local files as the Hub has them: parquet, imagefolder."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from files_to_try import deep_png, zipped
from PIL import Image

from engine.data.catalogue import load
from engine.data.image_set import DataError
from engine.data.preparing import options_of, prepare
from engine.data.sources import archive, hub, preview
from engine.data.sources.preview import Preview

datasets = pytest.importorskip("datasets", reason="the extra “huggingface” is not installed")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place where `owner/name` is a local copy, and where all caches are this test's own."""
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_licence", lambda repo, revision: "mit")
    monkeypatch.setattr(datasets.config, "SLEEP_TIME_ON_THREADS_SHUTDOWN", 0, raising=False)
    datasets.disable_progress_bars()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(seed: int, size: int = 16, kind: str = "PNG") -> bytes:
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize((size, size)).save(file, kind)
    return file.getvalue()


def pixels(data: bytes) -> bytes:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).tobytes()


def parquet(path: Path, rows: dict[str, list[Any]], features: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_dict(rows, features=datasets.Features(features)).to_parquet(path)


def stored(files: list[bytes]) -> list[dict[str, Any]]:
    return [{"bytes": data, "path": None} for data in files]


LABELLED = {"img": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}


@pytest.mark.parametrize("most", [0, 1000])
def test_a_parquet_set_with_a_test_part(home: Path, most: int) -> None:
    """Downloaded whole first, or read as it comes."""
    files = [picture(k) for k in range(30)]
    label = [k % 2 for k in range(30)]
    for part, rows in (("train", slice(0, 24)), ("test", slice(24, 30))):
        where = home / "owner" / "pets" / "data" / f"{part}-00000-of-00001.parquet"
        parquet(where, {"img": stored(files[rows]), "label": label[rows]}, LABELLED)
    about = prepare("hub:owner/pets", most=most)
    data = load("hub:owner/pets")
    assert (about.count, about.held_out, about.licence) == (30, 6, "mit")
    assert data.class_names == ("cat", "dog")
    for part, rows in ((data.training, range(24)), (data.held_out_part, range(24, 30))):
        found = {(image.tobytes(), int(each)) for image, each in zip(part.images, part.labels, strict=True)}
        assert found == {(pixels(files[k]), label[k]) for k in rows}


def test_no_more_are_read_than_are_wanted(home: Path) -> None:
    files = [picture(k) for k in range(40)]
    label = [int(k >= 20) for k in range(40)]  # sorted by class, as many sets are
    parquet(home / "owner" / "pets" / "train.parquet", {"img": stored(files), "label": label}, LABELLED)
    about = prepare("hub:owner/pets", most=20)
    assert (about.count, about.held_out) == (20, 2)
    assert min(about.per_class) > 0


def test_an_imagefolder(home: Path) -> None:
    for k in range(20):
        where = home / "owner" / "birds" / "train" / ("owl", "wren")[k % 2] / f"{k}.jpg"
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(picture(k, 24, "JPEG"))
    about = prepare("hub:owner/birds")
    data = load("hub:owner/birds")
    assert (about.count, about.held_out, about.size) == (20, 2, 24)
    assert data.class_names == ("owl", "wren")
    assert data.natural
    assert {image.tobytes() for image in data.images} == {pixels(picture(k, 24, "JPEG")) for k in range(20)}


Way = Callable[[Path, dict[str, bytes]], tuple[str, Callable[[int], Preview] | None]]
"""Writes the pictures where they come from: gives the name of the set, and its preview with a white, where there is one."""


def _of_folder(home: Path, files: dict[str, bytes]) -> tuple[str, Callable[[int], Preview] | None]:
    for name, data in files.items():
        (home / "dark" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "dark" / name).write_bytes(data)
    return f"folder:{home / 'dark'}", lambda white: preview.preview_folder(home / "dark", "auto", white)


def _of_zip(home: Path, files: dict[str, bytes]) -> tuple[str, Callable[[int], Preview] | None]:
    data = zipped(files)
    return archive.keep(io.BytesIO(data), "dark"), lambda white: preview.preview_zip(io.BytesIO(data), "auto", white)


def _of_hub(home: Path, files: dict[str, bytes]) -> tuple[str, Callable[[int], Preview] | None]:
    rows = {"img": stored(list(files.values())), "label": [k % 2 for k in range(len(files))]}
    parquet(home / "owner" / "dark" / "train.parquet", rows, LABELLED)
    return "hub:owner/dark", None


@pytest.mark.parametrize("way", [_of_folder, _of_zip, _of_hub])
@pytest.mark.parametrize(("white", "brightest"), [(0, 16), (4095, 255)])
def test_dark_pictures_are_noticed_and_brightened_by_every_way_in(
    home: Path, way: Way, white: int, brightest: int
) -> None:
    """12 bits in files of 16: what is said when they are prepared or looked at, and that the white point is applied."""
    name, look = way(home, {f"{'ab'[k % 2]}/{k}.png": deep_png(4095, k) for k in range(20)})
    if look is not None:
        found = look(white)
        assert any("--white 4095" in note for note in found.notes) is (white == 0)
        assert abs(int(max(picture.max() for _, picture in found.examples)) - brightest) <= 8  # Lanczos overshoots
    about = prepare(name, white=white)
    assert any("--white 4095" in note for note in about.notes) is (white == 0)
    assert load(name).images.max() == brightest
    assert options_of(name).white == white


@pytest.mark.parametrize(
    ("values", "kind", "names"),
    [
        (["b", "a"] * 5, "string", ("a", "b")),
        ([7, 3] * 5, "int64", ("3", "7")),
        ([0, 1] * 5, "int64", ("0", "1")),
        (["a"] * 10, "string", ()),
    ],
)
def test_classes_that_are_no_class_labels(home: Path, values: list[Any], kind: str, names: tuple[str, ...]) -> None:
    files = [picture(k) for k in range(10)]
    features = {"picture": datasets.Image(), "label": datasets.Value(kind), "caption": datasets.Value("string")}
    rows = {"picture": stored(files), "label": values, "caption": ["words"] * 10}
    parquet(home / "owner" / "odd" / "train.parquet", rows, features)
    prepare("hub:owner/odd")
    data = load("hub:owner/odd")
    assert data.class_names == names
    by_pixels = {image.tobytes(): int(each) for image, each in zip(data.images, data.labels, strict=True)}
    for k in range(10):
        label = by_pixels[pixels(files[k])]
        assert (data.class_names[label] == str(values[k])) if names else label == -1


def test_class_labels_whose_names_are_numbers(home: Path) -> None:
    """What is stored is the number of the class, though it is the name of another one."""
    files = [picture(k) for k in range(10)]
    label = [k % 5 for k in range(10)]
    features = {"img": datasets.Image(), "label": datasets.ClassLabel(names=["1", "2", "3", "4", "5"])}
    parquet(home / "owner" / "stars" / "train.parquet", {"img": stored(files), "label": label}, features)
    about = prepare("hub:owner/stars")
    assert (about.class_names, about.per_class) == (("1", "2", "3", "4", "5"), (2, 2, 2, 2, 2))
    data = load("hub:owner/stars")
    found = {(image.tobytes(), int(each)) for image, each in zip(data.images, data.labels, strict=True)}
    assert found == {(pixels(files[k]), label[k]) for k in range(10)}


def test_a_class_that_only_the_test_part_has_is_left_out(home: Path) -> None:
    files = [picture(k) for k in range(12)]
    features = {"img": datasets.Image(), "label": datasets.Value("string")}
    for part, rows, names in (("train", files[:8], ["a", "b"] * 4), ("test", files[8:], ["a", "b", "c", "a"])):
        where = home / "owner" / "odd" / "data" / f"{part}-00000-of-00001.parquet"
        parquet(where, {"img": stored(rows), "label": names}, features)
    about = prepare("hub:owner/odd")
    assert (about.class_names, about.count, about.held_out) == (("a", "b"), 11, 3)
    assert "Left out: 1 picture without a class." in about.notes


def test_rows_without_a_class_or_with_a_bad_picture_are_left_out(home: Path) -> None:
    files = [picture(k) for k in range(12)]
    files[3] = b"no picture"
    label = [k % 2 for k in range(12)]
    label[5] = -1
    parquet(home / "owner" / "pets" / "train.parquet", {"img": stored(files), "label": label}, LABELLED)
    about = prepare("hub:owner/pets")
    assert about.count == 10
    assert "Left out: 1 picture that could not be read." in about.notes
    assert "Left out: 1 picture without a class." in about.notes


def test_what_is_no_set_of_pictures_is_refused(home: Path) -> None:
    where = home / "owner" / "texts" / "train.parquet"
    parquet(where, {"text": ["a", "b"]}, {"text": datasets.Value("string")})
    with pytest.raises(DataError, match="no column of pictures, only: text"):
        prepare("hub:owner/texts")
    (home / "owner" / "nothing").mkdir()
    with pytest.raises(DataError, match="“owner/nothing” holds no files"):
        prepare("hub:owner/nothing")


def test_offline_says_what_to_do() -> None:
    with pytest.raises(
        DataError, match=r"is not in the Hub's cache.*hf download --repo-type dataset owner/away.*HF_HOME"
    ):
        prepare("hub:owner/away")
