"""Folders that are no checkpoint, or pretend to be one: each gives one clear sentence, quickly, and costs no memory."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from engine.interop import diffusers_format, pretrained
from engine.interop.diffusers_unet import DiffusersUNetConfig
from engine.interop.pretrained import CheckpointError

from checkpoints_to_try import WEIGHTS, edit, save_sound

FORGE = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound checkpoint of ours."""
    return save_sound(tmp_path / "sound")


@pytest.fixture(scope="module")
def diffusers_is_imported() -> None:
    """Networks that are not ours are looked at with its help: its import is none of the time and memory that is measured."""
    from diffusers import UNet2DModel

    UNet2DModel(
        sample_size=8, block_out_channels=(32,), down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",)
    )


@contextmanager
def _quick_and_small(seconds: float = 3.0, megabytes: int = 150) -> Iterator[None]:
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - began < seconds
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < megabytes


def _refused(path: Path, match: str) -> None:
    with _quick_and_small(), pytest.raises(CheckpointError, match=match) as error:
        pretrained.load(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


# --- what does not get in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["", "unet", "scheduler", "unet/config.json", str(WEIGHTS)])
def test_missing(folder: Path, gone: str) -> None:
    target = folder / gone
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    _refused(folder, r"missing|There is no")


@pytest.mark.parametrize("name", ["", "no/such/place", "x" * 5000, "a\0b", "/dev/null", "~", "…"])
def test_no_folder_at_all(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match="is no") as error:
        pretrained.load(name)
    assert len(str(error.value)) < 300


def test_pipes_and_devices_are_not_waited_for(folder: Path) -> None:
    for file in ("unet/config.json", "card.json"):
        whole = (folder / file).read_bytes()
        (folder / file).unlink()
        os.mkfifo(folder / file)
        _refused(folder, "no file")
        (folder / file).unlink()
        (folder / file).symlink_to("/dev/zero")
        _refused(folder, "no file")
        (folder / file).unlink()
        (folder / file).write_bytes(whole)
    (folder / WEIGHTS).unlink()
    os.mkfifo(folder / WEIGHTS)
    _refused(folder, "no file")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_truncated_weights(folder: Path, share: float) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: int(len(whole) * share)])
    _refused(folder, "damaged or cut short|it is empty")


class _Harm:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.mkdir, (str(Path.cwd() / "harm"),))


def test_pickles_are_refused_and_never_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / WEIGHTS).unlink()
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps(_Harm()))
    _refused(folder, "pickle")
    _refused(folder / "unet" / "diffusion_pytorch_model.bin", "pickle")
    (folder / WEIGHTS).write_bytes(pickle.dumps(_Harm()))
    _refused(folder, "it is a pickle")
    assert not (folder / "harm").exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"block_out_channels": [2048, 2048]},
        {"block_out_channels": [10**9, 10**9]},
        {"block_out_channels": [8] * 5000},
        {"layers_per_block": 10**9},
        {"num_class_embeds": 10**15},
        {"sample_size": 10**8},
        {"in_channels": 10**8},
        {"layers_per_block": 8, "block_out_channels": [2048] * 2},
    ],
)
def test_a_network_of_absurd_size(folder: Path, changed: dict[str, Any]) -> None:
    edit(folder / "unet" / "config.json", **changed)
    _refused(folder, "too large|no network that can be built|do not fit|not mirror|blocks")


@pytest.mark.parametrize(
    "betas", [[1e-4] * 10**6, [1e-4] * 200_000, [[1]], [2.0], [], ["a"], [float("nan")], [1e-300] * 60]
)
def test_a_schedule_that_makes_no_sense(folder: Path, betas: list[Any]) -> None:
    edit(folder / "scheduler" / "scheduler_config.json", trained_betas=betas)
    _refused(folder, "schedule")


def test_absurd_files(folder: Path, tmp_path: Path) -> None:
    for file in ("unet/config.json", "scheduler/scheduler_config.json", "card.json"):
        whole = (folder / file).read_bytes()
        with (folder / file).open("wb") as f:
            f.truncate(200_000_000)
        _refused(folder, "far too large")
        for damaged in (b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 9000 + b"}"):
            (folder / file).write_bytes(damaged)
            _refused(folder, "cannot be read|does not hold")
        (folder / file).write_bytes(whole)
    pretrained.load(folder)


def _forged(header: dict[str, Any] | bytes, size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text


@pytest.mark.parametrize(
    "forged",
    [
        _forged({"conv_in.weight": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}),
        _forged({"conv_in.weight": {"dtype": "F32", "shape": [8, 1, 3, 3], "data_offsets": [0, 4 * 10**12]}}),
        _forged({"conv_in.weight": {"dtype": "F32", "shape": [2**63, 2**63], "data_offsets": [0, 0]}}),
        _forged({"conv_in.weight": {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]}}),
        _forged({"conv_in.weight": {"dtype": "??", "shape": [1], "data_offsets": [0, 4]}}) + b"abcd",
        _forged(b"{}", 2**63),
        _forged(b"{}", 2**40),
        _forged(b"{}", 90_000_000),
        _forged({}),
        _forged(b"\xff" * 50),
        _forged(b"[" * 5000),
        b"PK\x03\x04" + b"\0" * 100,
    ],
)
def test_forged_headers(folder: Path, forged: bytes) -> None:
    (folder / WEIGHTS).write_bytes(forged)
    _refused(folder, "damaged or cut short|do not fit|it is a zip")
    with (folder / WEIGHTS).open("r+b") as f:
        f.truncate(2**42)  # sparse: four terabytes that take no room
    _refused(folder, "damaged or cut short|do not fit|it is a zip")


def test_weights_of_another_network_and_weights_that_are_no_numbers(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    for broken in (float("nan"), float("inf")):
        bad = {k: v.clone() for k, v in weights.items()}
        bad["conv_out.weight"][0, 0, 0, 0] = broken
        save_file(bad, folder / WEIGHTS)
        _refused(folder, "“conv_out.weight” holds values that are not numbers")
    save_file({**weights, "conv_in.bias": weights["conv_in.bias"].to(torch.int32)}, folder / WEIGHTS)
    _refused(folder, "“conv_in.bias” is stored as whole numbers")
    save_file({**weights, "extra": torch.zeros(1)}, folder / WEIGHTS)
    _refused(folder, "do not fit.*extra")
    save_file({k: v for k, v in weights.items() if k != "conv_in.bias"}, folder / WEIGHTS)
    _refused(folder, r"do not fit.*conv_in\.bias")
    save_file({**weights, "conv_in.bias": torch.zeros(9)}, folder / WEIGHTS)
    _refused(folder, r"do not fit.*conv_in\.bias")
    save_file({k: v.half() for k, v in weights.items()}, folder / WEIGHTS)
    half = pretrained.load(folder).denoiser.net.state_dict()
    assert all(weight.dtype == torch.float32 for weight in half.values())


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"_class_name": "UNet2DConditionModel"}, "UNet2DConditionModel"),
        ({"_class_name": None}, "only UNet2DModel"),
        ({"_class_name": "AutoencoderKL"}, "AutoencoderKL"),
        ({"down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"]}, "down_block_types"),
        ({"down_block_types": ["DownBlock2D"]}, "same number"),
        ({"up_block_types": ["UpBlock2D", "UpBlock2D"]}, "do not fit"),
        ({"time_embedding_type": "fourier"}, "variance-exploding"),
        ({"time_embedding_type": "learned"}, "no network that can be built"),
        ({"resnet_time_scale_shift": "spatial"}, "resnet_time_scale_shift"),
        ({"class_embed_type": "identity"}, "a vector instead of a class"),
        ({"class_embed_type": "timestep", "num_class_embeds": None}, "does not say how many"),
        ({"class_embed_type": "timestep"}, "do not fit"),
        ({"dropout": 1.5}, "dropout"),
        ({"act_fn": "sine"}, "act_fn"),
        ({"in_channels": 6}, "another picture as input"),
        ({"out_channels": 2}, "variance_type = learned_range"),
        ({"sample_size": None}, "how large"),
        ({"sample_size": 7}, "no network that can be built"),
        ({"sample_size": [8, 7]}, "no network that can be built"),
        ({"norm_num_groups": 3}, "no network that can be built"),
    ],
)
@pytest.mark.usefixtures("diffusers_is_imported")
def test_another_architecture(folder: Path, changed: dict[str, Any], match: str) -> None:
    edit(folder / "unet" / "config.json", **changed)
    _refused(folder, match)


@pytest.mark.parametrize("what", ["prediction_type", "beta_schedule"])
def test_another_scheduler(folder: Path, what: str) -> None:
    edit(folder / "scheduler" / "scheduler_config.json", trained_betas=None, **{what: "something_else"})
    _refused(folder, "something_else")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([0, 1, 2, 8, 2048, "UNet2DModel", "DownBlock2D", "linear", "sigmoid", 1e308, -1e-320]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.usefixtures("diffusers_is_imported")
@FORGE
@given(file=st.sampled_from(["unet/config.json", "scheduler/scheduler_config.json", "card.json"]), data=st.data())
def test_forged_json_only_ever_gives_a_clear_refusal(folder: Path, file: str, data: st.DataObject) -> None:
    whole = (folder / file).read_text()
    values = json.loads(whole)
    keys = st.sampled_from(
        [*values, *diffusers_format._SchedulerConfig.model_fields, *DiffusersUNetConfig.model_fields]
    )
    values.update(data.draw(st.dictionaries(keys, JSON, min_size=1, max_size=3)))
    (folder / file).write_text(json.dumps(values))
    try:
        with _quick_and_small(), suppress(CheckpointError):
            pretrained.load(folder)
    finally:
        (folder / file).write_text(whole)
