"""Networks whose weights nothing draws: the same network otherwise."""

from __future__ import annotations

import torch

from engine.models.presets import PRESETS
from engine.models.unet import UNet
from engine.models.uninitialised import uninitialised


def test_a_network_is_the_same_but_for_its_weights() -> None:
    config = PRESETS["tiny"].config(16, 1, 10)
    made = UNet(config)
    before = torch.random.get_rng_state()
    with uninitialised("cpu"):
        empty = UNet(config)
    with uninitialised():
        shapes = UNet(config)
    assert torch.equal(torch.random.get_rng_state(), before)
    expected = {name: weight.shape for name, weight in made.state_dict().items()}
    for net, device in ((empty, "cpu"), (shapes, "meta")):
        assert {name: weight.shape for name, weight in net.state_dict().items()} == expected
        assert {weight.device.type for weight in net.parameters()} == {device}
    empty.load_state_dict(made.state_dict())
    x, t = torch.randn(2, config.in_channels, 16, 16), torch.tensor([3.0, 5.0])
    classes = torch.tensor([0, 7])
    assert torch.equal(empty(x, t, classes), made(x, t, classes))
