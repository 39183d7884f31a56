"""Our U-Net beside diffusers' `UNet2DModel`: one state dict in both, and the same picture out."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from engine.models.presets import PRESETS
from engine.models.unet import UNet, UNetConfig, timestep_embedding

DDPM_CIFAR10_32 = UNetConfig(
    sample_size=32,
    in_channels=3,
    out_channels=3,
    block_out_channels=(128, 256, 256, 256),
    attention=(False, True, False, False),
    layers_per_block=2,
    attention_head_dim=None,
    norm_num_groups=32,
    norm_eps=1e-6,
    downsample_padding=0,
    flip_sin_to_cos=False,
    freq_shift=1,
)
CONFIGS = {
    "google/ddpm-cifar10-32": DDPM_CIFAR10_32,
    "classes": UNetConfig(sample_size=28, block_out_channels=(16, 32, 48), num_class_embeds=11, layers_per_block=1),
    "attention everywhere, several heads": UNetConfig(
        sample_size=16, block_out_channels=(16, 24, 32), attention=(True, True, True), attention_head_dim=8
    ),
    "attention at the finest and the coarsest, one head, relu": UNetConfig(
        sample_size=8,
        in_channels=3,
        out_channels=3,
        block_out_channels=(8, 16, 16),
        attention=(True, False, True),
        attention_head_dim=None,
        norm_num_groups=4,
        act_fn="relu",
        downsample_padding=0,
    ),
    "one resolution": UNetConfig(sample_size=5, block_out_channels=(8,), attention=(True,), layers_per_block=3),
    "other channels out than in, deep": UNetConfig(
        sample_size=16,
        in_channels=2,
        out_channels=5,
        block_out_channels=(8, 8, 16, 32),
        layers_per_block=3,
        norm_eps=1e-3,
        freq_shift=1,
        num_class_embeds=1,
    ),
}


def theirs(config: UNetConfig) -> Any:
    """diffusers' network of the same shape."""
    attends = [config.attends(r) for r in range(len(config.block_out_channels))]
    return diffusers.UNet2DModel(
        **config.model_dump(exclude={"attention"}),
        down_block_types=tuple("AttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        up_block_types=tuple("AttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
    ).eval()


def _asked(config: UNetConfig, batch: int = 3) -> tuple[Tensor, Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, config.in_channels, config.sample_size, config.sample_size, generator=generator)
    classes = None if config.num_class_embeds is None else torch.arange(batch) % config.num_class_embeds
    return x, torch.tensor([0.0, 317.0, 999.0])[:batch], classes


def _shaken(config: UNetConfig) -> UNet:
    """Random weights everywhere: norms that begin as 1 and biases that begin as 0 would hide a name mixed up."""
    torch.manual_seed(0)
    net = UNet(config).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.2 * torch.randn_like(parameter))
    return net


@pytest.fixture(autouse=True)
def _leave_the_global_dice() -> Any:
    with torch.random.fork_rng():
        yield


@pytest.mark.parametrize("name", list(CONFIGS))
def test_one_state_dict_serves_both(name: str) -> None:
    config = CONFIGS[name]
    ours, reference = _shaken(config), theirs(config)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in reference.state_dict().items()}
    reference.load_state_dict(ours.state_dict())
    x, timestep, classes = _asked(config, 2 if name.startswith("google") else 3)
    with torch.no_grad():
        expected = reference(x, timestep, class_labels=classes).sample
        got = ours(x, timestep, classes)
    assert got.shape == expected.shape
    assert expected.std() > 0.05
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


def test_ddpm_cifar10_32_has_its_35_746_307_parameters() -> None:
    with torch.device("meta"):
        assert UNet(DDPM_CIFAR10_32).parameter_count == 35_746_307


@pytest.mark.parametrize("name", list(CONFIGS)[1:3])
def test_gradients_are_theirs_too(name: str) -> None:
    config = CONFIGS[name]
    ours, reference = _shaken(config), theirs(config)
    reference.load_state_dict(ours.state_dict())
    x, timestep, classes = _asked(config)
    ours(x, timestep, classes).square().mean().backward()
    reference(x, timestep, class_labels=classes).sample.square().mean().backward()
    for (k, a), b in zip(ours.named_parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(a.grad, dict(reference.named_parameters())[k].grad, rtol=1e-3, atol=1e-5)
        assert b.grad is not None


def test_time_and_class_change_the_answer_and_each_picture_is_on_its_own() -> None:
    config = CONFIGS["classes"]
    net = _shaken(config)
    x, timestep, _ = _asked(config)
    with torch.no_grad():
        a = net(x, timestep, torch.tensor([0, 1, 2]))
        b = net(x, timestep, torch.tensor([0, 9, 2]))
        c = net(x, timestep + torch.tensor([0, 0, 0.5]), torch.tensor([0, 1, 2]))
        alone = net(x[1:2], timestep[1:2], torch.tensor([1]))
    changed = [(a[k] - b[k]).abs().max() > 1e-4 for k in range(3)]
    assert changed == [False, True, False]
    assert [(a[k] - c[k]).abs().max() > 1e-5 for k in range(3)] == [False, False, True]
    torch.testing.assert_close(a[1:2], alone, rtol=0, atol=1e-5)


def test_a_fractional_time_lies_between_its_neighbours() -> None:
    a, b, c = timestep_embedding(torch.tensor([41.0, 41.5, 42.0]), CONFIGS["classes"])
    half = len(a) // 2  # low frequencies: nearly straight between two whole steps
    slow = torch.cat([torch.arange(half) >= half // 2] * 2)
    torch.testing.assert_close(b[slow], (a[slow] + c[slow]) / 2, rtol=0, atol=1e-3)


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize(("size", "channels", "classes"), [(28, 1, 10), (32, 3, 8), (8, 1, 0)])
def test_presets_fit_the_pictures(preset: str, size: int, channels: int, classes: int) -> None:
    config = PRESETS[preset].config(size, channels, classes)
    x = torch.zeros(1, channels, size, size)
    label = torch.tensor([classes]) if classes else None
    assert UNet(config)(x, torch.zeros(1), label).shape == x.shape


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_size": 30},
        {"sample_size": 0},
        {"block_out_channels": (10, 20, 40)},
        {"block_out_channels": ()},
        {"block_out_channels": (8, 8, 100_000)},
        {"norm_num_groups": 5},
        {"attention": (True,)},
        {"attention_head_dim": 7},
        {"attention_head_dim": 0},
        {"layers_per_block": 1000},
        {"num_class_embeds": 10**12},
        {"act_fn": "gelu"},
        {"downsample_padding": 2},
        {"norm_eps": float("nan")},
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UNetConfig.model_validate({"sample_size": 28, "block_out_channels": (8, 16, 24), **wrong})
