"""The network in a browser: the modules that are committed, and their answers beside torch's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.guidance import ClassifierGuided
from engine.models.noisy_classifier import TIME_SCALE, LevelClassifier, NoisyClassifierConfig, noise_angle
from engine.models.opened import Model
from engine.models.presets import PRESETS, preset_for
from engine.models.unet import UNet, UNetConfig
from engine.registry import open_classifier, open_model
from engine.schedule import NoiseSchedule
from playground.browser import build
from playground.browser.network import MOST_PARAMETERS, network_files, unsupported, unsupported_network

from node import node, write_network

BATCHES = ([0.0], [999.0], [10.5, 731.0], [3.0, 250.0, 500.0, 750.0, 999.0])
"""Times of each picture of each batch."""


def _configs() -> dict[str, UNetConfig]:
    """Every option of a U-Net at least once."""
    colour = PRESETS["medium"].config(32, 3, 0)
    return {
        "tiny": PRESETS["tiny"].config(28, 1, 10),
        "small": PRESETS["small"].config(28, 1, 10),
        "colour": colour,
        "attention": colour.model_copy(update={"attention": (False, True, True)}),
        "learned-variance": PRESETS["tiny"].config(28, 1, 10).model_copy(update={"out_channels": 2}),
        "paper": UNetConfig(
            sample_size=16,
            block_out_channels=(16, 32),
            layers_per_block=1,
            num_class_embeds=4,
            attention_head_dim=None,
            downsample_padding=0,
            flip_sin_to_cos=False,
            freq_shift=1,
            act_fn="relu",
        ),
        "wide": preset_for("auto", 20).config(20, 1, 0),  # 64, 128 and 256 channels, and sides of no whole tiles
        "one resolution": UNetConfig(sample_size=10, block_out_channels=(8,), norm_num_groups=4),
    }


def _random(config: UNetConfig) -> UNet:
    """A network whose every number matters: none of its layers begins at zero."""
    net = UNet(config).eval().requires_grad_(False)
    for name, weight in net.named_parameters():
        if name.endswith("bias") or "norm" in name:
            weight.add_(0.2 * torch.randn(weight.shape))
    return net


@pytest.mark.toolchain
def test_the_modules_are_built_from_the_source_that_is_here(tmp_path: Path) -> None:
    for made in build.build(tmp_path):
        assert made.read_bytes() == (build.HERE / made.name).read_bytes(), "run python -m playground.browser.build"


def test_the_modules_are_small() -> None:
    assert all((build.HERE / name).stat().st_size < 25_000 for name in build.MODULES)


@pytest.mark.toolchain
def test_every_network_of_the_presets_answers_as_in_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    nets = {name: _random(config) for name, config in _configs().items()} | {
        "digits": open_model("digits").denoiser.net
    }
    cases, expected = [], {}
    for name, net in nets.items():
        write_network(tmp_path, name, net)
        batches = []
        for k, times in enumerate(BATCHES):
            config = net.config
            x = torch.randn(len(times), config.in_channels, config.sample_size, config.sample_size)
            classes = torch.arange(len(times)) % (config.num_class_embeds or 1)
            x.numpy().tofile(tmp_path / f"{name}-{k}.x")
            expected[name, k] = net(x, torch.tensor(times), classes).numpy()
            batches.append({"times": times, "classes": classes.tolist()})
        cases += [{"name": name, "module": module, "batches": batches} for module in build.MODULES]
    _compare(tmp_path, cases, expected)


@pytest.mark.toolchain
def test_the_gradient_of_a_noisy_classifier_is_that_of_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    schedule = NoiseSchedule.cosine(100)
    colour = NoisyClassifierConfig(size=20, channels=3, classes=4, widths=(16, 24), layers_per_block=2)
    nets = {"digits": open_classifier("digits").net, "colour": LevelClassifier(colour).requires_grad_(False)}
    cases, expected = [], {}
    for name, net in nets.items():
        write_network(tmp_path, name, net)
        batches = []
        for k, (t, count) in enumerate([(1, 3), (50, 1), (99, 5)]):
            x, level = torch.randn(count, net.config.channels, net.config.size, net.config.size), schedule.level(t)
            labels = torch.arange(count) % net.config.classes
            guided = ClassifierGuided(lambda *_: None, net, 1.0)
            expected[name, k] = guided.gradient(x, level, labels).numpy()
            x.numpy().tofile(tmp_path / f"{name}-{k}.x")
            time, signal = TIME_SCALE * float(noise_angle(level)), float(level.alpha_bar.sqrt())
            batches.append({"times": [time], "signal": signal, "classes": labels.tolist()})
        cases += [{"name": name, "module": module, "batches": batches} for module in build.MODULES]
    _compare(tmp_path, cases, expected)


def _compare(folder: Path, cases: list[dict[str, Any]], expected: dict[tuple[str, int], np.ndarray]) -> None:
    (folder / "cases.json").write_text(json.dumps(cases))
    node("evaluate.mjs", folder)
    for (name, k), right in expected.items():
        for module in build.MODULES:
            answer = np.fromfile(folder / f"{name}-{module}-{k}.y", np.float32).reshape(right.shape)
            np.testing.assert_allclose(answer, right, rtol=0, atol=3e-5 * abs(right).max(), err_msg=f"{name} {k}")


@pytest.mark.toolchain
def test_large_networks_whose_convolutions_take_smaller_tiles_answer_as_in_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = _random(PRESETS["tiny"].config(28, 1, 10))
    x = torch.randn(3, 1, 28, 28)
    right = net(x, torch.tensor([1.0, 500.0, 900.0]), torch.tensor([0, 5, 10])).numpy()
    write_network(tmp_path, "large", net)
    x.numpy().tofile(tmp_path / "large-0.x")
    batches = [{"times": [1, 500, 900], "classes": [0, 5, 10]}]
    cases = [{"name": "large", "module": it, "tiles": 2, "batches": batches} for it in build.MODULES]
    _compare(tmp_path, cases, {("large", 0): right})


@pytest.mark.toolchain
def test_half_precision_is_half_as_large_and_opens_too(tmp_path: Path) -> None:
    net = open_model("digits").denoiser.net
    whole, half = network_files(net), network_files(net, half=True)
    assert whole.config == half.config
    assert len(half.weights) < 0.55 * len(whole.weights)
    x = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    rounded = UNet(net.config).eval()
    rounded.load_state_dict({name: weight.half().float() for name, weight in net.state_dict().items()})
    with torch.no_grad():
        right = rounded(x, torch.tensor([400.0]), torch.tensor([3])).numpy()
    write_network(tmp_path, "half", net, half=True)
    x.numpy().tofile(tmp_path / "half-0.x")
    batches = [{"times": [400], "classes": [3]}]
    _compare(
        tmp_path, [{"name": "half", "module": it, "batches": batches} for it in build.MODULES], {("half", 0): right}
    )


def test_a_network_of_another_kind_is_none_for_a_browser() -> None:
    with pytest.raises(TypeError, match="Linear"):
        network_files(torch.nn.Linear(1, 1))
    classifier = LevelClassifier(NoisyClassifierConfig(size=28, channels=1, classes=10))
    assert "unet" in network_files(classifier).config
    assert unsupported_network(classifier, "digits") is None


def _with_net(model: Model, net: torch.nn.Module) -> Model:
    return replace(model, denoiser=replace(model.denoiser, net=net))


def test_what_cannot_run_in_a_browser_says_why() -> None:
    digits = open_model("digits")
    assert unsupported(digits) is None
    config = PRESETS["tiny"].config(28, 1, 10)
    with torch.device("meta"):
        huge = UNet(preset_for("auto", 32).config(32, 3, 10))
        narrow = UNet(
            config.model_copy(update={"block_out_channels": (12, 24), "norm_num_groups": 4, "sample_size": 28})
        )
        one_headed = UNet(config.model_copy(update={"attention_head_dim": 2}))
    assert huge.parameter_count > MOST_PARAMETERS
    for model, why in {
        open_model("ideal:digits"): "no trained network",
        _with_net(digits, torch.nn.Linear(1, 1)): "own U-Nets",
        _with_net(digits, huge): "million parameters",
        _with_net(digits, narrow): "multiples of 8",
        _with_net(digits, one_headed): "multiples of 8",
    }.items():
        problem = unsupported(model)
        assert problem is not None
        assert why in str(problem)
