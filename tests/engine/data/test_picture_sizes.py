"""Pictures at other sizes, mirrored and turned, and what a run is given of them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.data import sizes, store
from engine.data.augment import augment, rotated, suggested
from engine.data.catalogue import load
from engine.data.image_set import DataError, ImageSet
from engine.data.pixels import to_uint8, to_unit
from engine.data.prepared import augmented_pictures, held_out_pictures, pictures_of, training_pictures
from engine.data.sizes import resized, sized
from engine.data.sources.plan import Plan
from engine.data.writing import Writer
from engine.training import loop
from engine.training.config import TrainConfig
from engine.training.tasks import bayes_optimal_of, task_of

from peaks import linux, peak_of


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageSet:
    """A set on the disk: 40 colour pictures of 16 × 16 without classes, the last 4 held out, under the name of CIFAR-10."""
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_DATA", str(tmp_path))
    pictures = load("emoji").images[:40, 8:24, 8:24]
    with Writer("cifar10", Plan("X", "", "", (), 16, 3, True, "", (), None)) as writer:
        for k, picture in enumerate(pictures):
            writer.add(picture, -1, str(k), k >= 36)
        writer.finish()
    return load("cifar10")


def batch(count: int = 200) -> torch.Tensor:
    return to_unit(load("emoji").images[:count])


# --- mirrored and turned ----------------------------------------------------------------------------------------------


def test_nothing_is_done_where_nothing_is_asked_for() -> None:
    x0 = batch(3)
    assert augment(x0, False, 0.0, torch.rand(3, 2)) is x0


def test_about_half_are_mirrored_and_nothing_else_happens_to_any() -> None:
    x0 = batch()
    before = x0.clone()
    seen = augment(x0, True, 0.0, torch.rand((200, 2), generator=torch.Generator().manual_seed(0)))
    same = (seen == x0).flatten(1).all(1)
    mirrored = (seen == x0.flip(3)).flatten(1).all(1)
    assert bool((same | mirrored).all())
    assert 70 < int((mirrored & ~same).sum()) < 130
    assert torch.equal(x0, before)


@given(st.floats(0.1, 30), st.integers(0, 2**32), st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_picture_becomes_the_same_whatever_it_is_in_one_batch_with(degrees: float, seed: int, flips: bool) -> None:
    x0, drawn = batch(8), torch.rand((8, 2), generator=torch.Generator().manual_seed(seed))
    together = augment(x0, flips, degrees, drawn)
    alone = torch.cat([augment(x0[k : k + 1], flips, degrees, drawn[k : k + 1]) for k in range(8)])
    assert torch.allclose(together, alone, atol=1e-6)
    assert together.abs().max() <= 1
    assert together.dtype == x0.dtype


@pytest.mark.parametrize("degrees", [3.0, 30.0, 90.0, -45.0])
def test_turning_is_what_pillow_does(degrees: float) -> None:
    picture = load("emoji").images[0]
    turned = to_uint8(rotated(to_unit(picture[None]), torch.tensor([degrees]).deg2rad()))[0]
    pillow = np.asarray(Image.fromarray(picture).rotate(degrees, Image.Resampling.BILINEAR))
    middle = np.s_[6:26, 6:26]  # away from what comes in at the edges
    assert np.abs(turned[middle].astype(int) - pillow[middle]).mean() < 3


def test_angles_are_even_and_stay_within_the_bound() -> None:
    """A ramp from left to right: turned by a, the slope up and down is the sine of a."""
    ramp = torch.linspace(-1, 1, 33).expand(1000, 1, 33, 33).clone()
    seen = augment(ramp, False, 10.0, torch.rand((1000, 2), generator=torch.Generator().manual_seed(0)))
    middle = seen[:, 0, 12:21, 12:21]
    across, down = (middle[:, :, -1] - middle[:, :, 0]).mean(1), (middle[:, -1] - middle[:, 0]).mean(1)
    angle = torch.atan2(down, across).rad2deg()
    assert 9 < float(angle.abs().max()) < 10.1
    assert abs(float(angle.mean())) < 0.6
    assert float(angle.std()) == pytest.approx(10 / 3**0.5, rel=0.06)  # of an even draw


def test_no_black_corners_come_in() -> None:
    white = torch.ones(50, 1, 16, 16)
    assert torch.allclose(augment(white, False, 30.0, torch.rand(50, 2)), white, atol=1e-5)


def test_only_photographs_are_mirrored_and_only_large_ones_turned(prepared: ImageSet) -> None:
    assert suggested(load("digits")) == suggested(load("emoji")) == (False, 0.0)
    assert suggested(prepared) == (True, 0.0)
    assert suggested(sized(prepared, 72, upsampling=True)) == (True, 5.0)


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_the_own_size_is_kept_and_larger_ones_must_be_asked_for(prepared: ImageSet) -> None:
    for data in (load("digits"), prepared):
        assert sized(data, 0) is data
        assert sized(data, data.size) is data
        with pytest.raises(DataError, match="allow upsampling"):
            sized(data, data.size + 1)
        assert sized(data, 2 * data.size, upsampling=True).images.shape[1:3] == (2 * data.size, 2 * data.size)
        with pytest.raises(DataError, match="too small"):
            sized(data, 2)


@pytest.mark.parametrize("size", [8, 24])
def test_pictures_are_resized_with_lanczos_and_keep_their_places(prepared: ImageSet, size: int) -> None:
    for data in (prepared, load("digits")):
        other = sized(data, size, upsampling=True)
        assert other.labels is data.labels
        for k in (0, 17, len(data) - 1):
            picture = Image.fromarray(data.images[k].squeeze())
            wanted = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))
            assert np.array_equal(other.images[k].squeeze(), wanted)


def test_another_size_is_made_once_and_lies_on_the_disk(prepared: ImageSet) -> None:
    small = sized(prepared, 8)
    file = store.folder_of("cifar10") / "images-8.npy"
    made = file.stat().st_mtime_ns
    assert isinstance(small.images, np.memmap)
    assert np.shares_memory(small.training.images, small.images)
    assert np.shares_memory(sized(prepared, 8).images, small.images)
    assert file.stat().st_mtime_ns == made
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(DataError, match="damaged"):
        sized(prepared, 8)


def test_two_who_want_the_same_size_at_once_get_whole_pictures(
    prepared: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, made = threading.Barrier(2), []

    def slow(images: np.ndarray, size: int) -> Iterator[np.ndarray]:
        made.append(size)
        with suppress(threading.BrokenBarrierError):
            both.wait(0.3)  # for the other, which must not be here
        yield from resized(images, size)

    monkeypatch.setattr(sizes, "resized", slow)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: sized(prepared, 8), range(2))
    assert made == [8]
    wanted = np.concatenate(list(resized(prepared.images, 8)))
    assert np.array_equal(one.images, wanted)
    assert np.array_equal(other.images, wanted)


def test_two_processes_never_write_into_one_file(prepared: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several machines that share a disk, they may even have the same number."""
    folder = store.folder_of("cifar10")
    names: list[str] = []

    def second(images: np.ndarray, size: int) -> Iterator[np.ndarray]:
        names.extend(path.name for path in folder.glob(".images-8*"))
        if len(names) == 1:
            sizes._write(folder / "images-8.npy", images, (40, 8, 8, 3))
        yield from resized(images, size)

    monkeypatch.setattr(sizes, "resized", second)
    data = sized(prepared, 8)
    assert len(set(names)) == 2
    assert np.array_equal(data.images, np.concatenate(list(resized(prepared.images, 8))))
    assert not list(folder.glob(".*"))


def test_whatever_breaks_it_off_nothing_is_left(prepared: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sizes, "resized", broken)
        with pytest.raises(KeyboardInterrupt):
            sized(prepared, 8)
    assert not list(store.folder_of("cifar10").glob("*images-8*"))
    assert sized(prepared, 8).size == 8


def test_a_size_that_does_not_fit_is_refused_before_it_is_begun(
    prepared: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil._ntuple_diskusage(10, 10, 200_000_000)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    monkeypatch.setattr(sizes, "resized", lambda *_: pytest.fail("begun"))
    with pytest.raises(DataError, match="no room"):
        sized(prepared, 8)


def test_a_part_of_a_set_is_never_taken_for_the_whole(prepared: ImageSet) -> None:
    held_out = prepared.held_out_part
    assert np.array_equal(sized(held_out, 8).images, sized(prepared, 8).images[36:])


def test_a_disk_that_refuses_is_told_in_one_sentence(prepared: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match="cannot be stored at 8 × 8: the disk is full"):
        sized(prepared, 8)
    assert not list(store.folder_of("cifar10").glob("*images-8*"))


# --- what a run is given ----------------------------------------------------------------------------------------------


def test_a_run_gets_the_training_part_at_its_size(prepared: ImageSet) -> None:
    config = TrainConfig(data="cifar10", size=8)
    assert training_pictures(config).images.shape == (36, 8, 8, 3)
    assert held_out_pictures(config).images.shape == (4, 8, 8, 3)
    assert len(pictures_of(config)) == 40
    with pytest.raises(DataError, match="allow upsampling"):
        training_pictures(TrainConfig(data="digits", size=64))


def test_every_version_has_the_mirrored_ones_and_is_none_where_there_are_too_many(
    prepared: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(data="cifar10", flips=True)
    versions = augmented_pictures(config)
    assert versions is not None
    assert np.array_equal(versions.images[36:], prepared.images[:36, :, ::-1])
    assert augmented_pictures(TrainConfig(data="cifar10", rotation=3)) is None
    monkeypatch.setattr("engine.data.prepared.MOST_NUMBERS", 36 * 16 * 16 * 3)
    assert augmented_pictures(TrainConfig(data="cifar10")) is not None
    assert augmented_pictures(config) is None
    assert bayes_optimal_of(config.model_copy(update={"T": 51})) is None


def test_pictures_without_classes_are_trained_on_from_the_disk(prepared: ImageSet) -> None:
    config = TrainConfig(data="cifar10", steps=2, batch=2, T=20, report_every=1, flips=True, rotation=5)
    data = training_pictures(config)
    state = loop.begin(config, data)
    reports = list(loop.train(config, data, state))
    assert all(np.isfinite(report.loss) for report in reports)
    drawn = task_of(config).preview(config, state.averaged(), data, lambda: False)  # type: ignore[arg-type]
    assert drawn is not None
    assert drawn.shape[1:] == (16, 16, 3)


HOLES = """
import sys
from pathlib import Path
import numpy as np
from engine.data.store import gather, open_array
place, count = Path(sys.argv[1]), int(sys.argv[2])
path = place / f"{count}.npy"
with open(path, "wb") as file:
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (count, 64, 64, 3)})
    file.truncate(file.tell() + count * 64 * 64 * 3)
images = open_array(path, (count, 64, 64, 3))
"""
"""A file with holes in it stands for a large set: what is read of it are zeros, and they take memory all the same."""
LOOK = """
rng = np.random.default_rng(0)
for k in range(600):
    assert not gather(images, np.sort(rng.integers(0, count, 64))).any()
"""
TRAIN = """
from engine.data.image_set import ImageSet
from engine.training.loop import train
from engine.training.state import begin
from runs_to_try import config_of
data = ImageSet("p", "P", images, np.zeros(count, np.int64), ("all",), np.zeros(count, bool), "", "", "")
config = config_of(batch=32, micro_batch=2, steps=6, report_every=6)
(report,) = train(config, data, begin(config, data))
print(report.waiting)
"""


@linux
def test_200_000_pictures_take_no_more_memory_than_5_000(tmp_path: Path) -> None:
    peaks = [peak_of(HOLES + LOOK, tmp_path, count)[1] for count in (5_000, 200_000)]
    assert peaks[1] - peaks[0] < 20_000  # kilobytes; 38,400 pictures were looked at, 470 MB


@linux
def test_training_on_200_000_pictures_takes_no_more_memory_than_on_12_000(tmp_path: Path) -> None:
    """The loop itself; both sets are too large to lie on the device."""
    (_, small), (waiting, large) = (peak_of(HOLES + TRAIN, tmp_path, count) for count in (12_000, 200_000))
    assert float(waiting) < 0.5
    assert large - small < 60_000  # kilobytes, of which chance takes some; the larger set has 2.3 million more


def test_views_are_made_only_of_what_lies_side_by_side() -> None:
    data = load("digits")
    whole = replace(data, held_out=np.arange(len(data)) >= 4500)
    assert np.shares_memory(whole.training.images, data.images)
    assert np.array_equal(whole.held_out_part.images, data.images[4500:])
    assert np.array_equal(data.training.images, data.images[~data.held_out])
    assert len(whole.only(np.zeros(len(data), bool))) == 0
