"""Models by name: ideal ones, those that ship, folders, and the sentence where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.data.catalogue import load
from engine.data.pixels import to_uint8, to_unit
from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.interop.pretrained import Card
from engine.models.opened import ModelError
from engine.models.unet import UNet, UNetConfig
from engine.process import TARGETS
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.schedule import NoiseSchedule


def _folder(path: Path, *, classes: int = 3, **card: object) -> NetDenoiser:
    torch.manual_seed(0)
    net = UNet(
        UNetConfig(
            sample_size=8,
            in_channels=1,
            out_channels=1,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            num_class_embeds=classes + 1 if classes else None,
        )
    ).eval()
    denoiser = NetDenoiser(net, NoiseSchedule.linear(60), TARGETS["velocity"], classes)
    pretrained.save(path, denoiser, net.state_dict(), Card.model_validate(card))
    return denoiser


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    saved = _folder(tmp_path / "net", title="My net", data="digits", class_names=("a", "b", "c"))
    model = open_model(str(tmp_path / "net"))
    assert (model.title, model.shape, model.data) == ("My net", (1, 8, 8), "digits")
    assert model.class_names == ("a", "b", "c")
    assert model.name == str(tmp_path / "net")
    torch.testing.assert_close(model.schedule.alpha_bar, saved.schedule.alpha_bar)
    x, level, label = torch.randn(2, 1, 8, 8), saved.schedule.level(30), torch.tensor([0, -1])
    with torch.no_grad():
        torch.testing.assert_close(model.denoiser(x, level, label).x0, saved(x, level, label).x0)
    *_, last = Recipe(model=model.name, steps=3, labels=(0, 2), seeds=(0, 1)).frames()
    assert last.x.shape == (2, 1, 8, 8)


@pytest.mark.parametrize(
    ("card", "names", "data"),
    [
        ({}, ("0", "1", "2"), ""),
        ({"class_names": ("a", "b")}, ("0", "1", "2"), ""),  # names of other classes than the network has
        ({"data": "cats of the internet"}, ("0", "1", "2"), ""),
    ],
)
def test_a_card_is_believed_only_where_it_fits(
    tmp_path: Path, card: dict[str, object], names: tuple[str, ...], data: str
) -> None:
    _folder(tmp_path / "net", **card)
    model = open_model(str(tmp_path / "net"))
    assert (model.class_names, model.data) == (names, data)
    assert model.title == str(tmp_path / "net")


def test_a_folder_without_classes_or_card(tmp_path: Path) -> None:
    _folder(tmp_path / "net", classes=0, class_names=("a",))
    (tmp_path / "net" / "card.json").unlink()
    model = open_model(str(tmp_path / "net"))
    assert model.class_names == ()
    *_, last = Recipe(model=model.name, steps=2).frames()
    assert last.x.shape == (1, 1, 8, 8)


@pytest.mark.parametrize("name", ["digits", "emoji"])
def test_ideal_models_draw_training_pictures(name: str) -> None:
    model = open_model(f"ideal:{name}")
    data = load(name).training
    assert model.data == name
    assert model.class_names == data.class_names
    assert model.shape == (data.channels, data.size, data.size)
    assert model.schedule.T == 1000
    *_, last = Recipe(model=f"ideal:{name}", steps=8, labels=(1, 4), seeds=(0, 1), scale=1).frames(model)
    for picture, label in zip(to_uint8(last.x), (1, 4), strict=True):
        members = data.images[data.labels == label].astype(np.int64)
        assert np.abs(members - picture).max((1, 2, 3)).min() <= 1
    # The pictures that are held out are none of the points.
    held_out = to_unit(load(name).held_out_part.images[:1])
    level = model.schedule.level(1)
    assert not torch.allclose(model.denoiser(held_out, level).x0, held_out, atol=0.1)


def test_opening_twice_reads_once() -> None:
    assert open_model("ideal:digits") is open_model("ideal:digits")


def test_the_network_that_ships() -> None:
    model = open_model("digits")
    assert model is open_model("digits")
    assert model.class_names == tuple("0123456789")
    assert model.shape == (1, 28, 28)
    assert model.data == "digits"
    *_, last = Recipe(steps=2, labels=(3,)).frames(model)
    assert last.x.isfinite().all()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nothing",
        "ideal:",
        "ideal:cats",
        "ideal:../digits",
        "run:",
        "run:..",
        "run:20260101-000000-0123abcd",
        "/dev/null",
        "/proc/self/mem",
        "\0",
        "a" * 400,
        "a/" * 240,
        "https://example.org/model",
    ],
    ids=lambda name: name[:20],
)
def test_what_is_no_model_is_refused_in_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFUSION_PLAYGROUND_RUNS", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        open_model(name)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_runs_are_found_by_whoever_was_named() -> None:
    def nothing(run_id: str) -> object:
        raise ModelError(f"no {run_id}")

    with pytest.raises(ModelError, match="no 17"):
        open_model("run:17", nothing)  # type: ignore[arg-type]


@pytest.mark.parametrize("file", ["unet/config.json", "scheduler/scheduler_config.json", "card.json"])
def test_a_damaged_folder_is_refused_in_one_sentence(tmp_path: Path, file: str) -> None:
    _folder(tmp_path / "net")
    (tmp_path / "net" / file).write_text(json.dumps([1]))
    with pytest.raises(ModelError, match=r"\.$"):
        open_model(str(tmp_path / "net"))
