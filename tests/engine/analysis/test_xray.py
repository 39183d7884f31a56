"""Looking into a U-Net: what is drawn is what is there, what is watched is what happens, and nothing stays behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import relu, silu

from engine.analysis import xray
from engine.denoiser import NetDenoiser
from engine.ideal import ExactDenoiser
from engine.models.unet import Attention, ResidualBlock, UNet, UNetConfig
from engine.process import Noise
from engine.schedule import NoiseSchedule

CONFIGS = {
    "like the one that ships": UNetConfig(
        sample_size=12, block_out_channels=(8, 16, 24), layers_per_block=1, num_class_embeds=4
    ),
    "attention everywhere, deep": UNetConfig(
        sample_size=8,
        in_channels=3,
        out_channels=3,
        block_out_channels=(8, 16),
        attention=(True, True),
        layers_per_block=3,
        downsample_padding=0,
    ),
    "one resolution, one head": UNetConfig(
        sample_size=5, block_out_channels=(8,), attention=(True,), attention_head_dim=None, layers_per_block=2
    ),
}
LEVEL = NoiseSchedule.cosine(100).level(40)


def denoiser_of(config: UNetConfig) -> NetDenoiser:
    torch.manual_seed(0)
    net = UNet(config).eval().requires_grad_(False)
    classes = (config.num_class_embeds or 1) - 1
    return NetDenoiser(net, NoiseSchedule.cosine(100), Noise(), classes)


def pictures(config: UNetConfig) -> Tensor:
    return torch.randn(2, config.in_channels, config.sample_size, config.sample_size)


@pytest.fixture(params=CONFIGS, name="denoiser")
def _denoiser(request: pytest.FixtureRequest) -> NetDenoiser:
    return denoiser_of(CONFIGS[request.param])


def hooks(net: UNet) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())


def test_the_drawing_holds_every_parameter_once(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    drawn = xray.network_layout(net)
    assert sum(block.parameters for block in drawn.blocks) == net.parameter_count
    assert len({block.name for block in drawn.blocks}) == len(drawn.blocks)
    told = {path for block in drawn.blocks for path in block.modules}
    with_weights = {name.rpartition(".")[0] for name, _ in net.named_parameters()}
    assert all(any(f"{name}.".startswith(f"{path}.") for path in told) for name in with_weights)


def test_sizes_and_channels_are_those_of_a_picture_that_goes_through(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    inside = xray.record_forward(denoiser, pictures(net.config), LEVEL)
    for block in xray.network_layout(net).blocks:
        found = inside.activations[block.name].shape
        assert found[1] == block.channels
        assert found[2:] in (block.size, ())


def test_skips_join_results_and_takers_of_the_same_size(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    drawn = xray.network_layout(net)
    inside = xray.record_forward(denoiser, pictures(net.config), LEVEL)
    assert len(drawn.skips) == sum(isinstance(m, ResidualBlock) for m in net.up_blocks.modules())
    for skip in drawn.skips:
        assert inside.activations[skip.source].shape[1:] == (skip.channels, *skip.size)
    # What a taker is given is, to the bit, what the source has made: the skips are the right ones, in the right order.
    twin = xray._shared_copy(net)
    with xray.record_activations(twin, [skip.target for skip in drawn.skips]) as seen:
        x = pictures(net.config)
        replace(denoiser, net=twin).output(x, LEVEL)
    inside = xray.record_forward(denoiser, x, LEVEL)
    for skip in drawn.skips:
        assert torch.equal(seen[skip.target][0][:, -skip.channels :], inside.activations[skip.source])


def test_looking_changes_nothing_and_leaves_nothing_behind(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    x = pictures(net.config)
    before = denoiser.output(x, LEVEL)
    inside = xray.record_forward(denoiser, x, LEVEL)
    assert torch.equal(inside.output, before)
    assert torch.equal(denoiser.output(x, LEVEL), before)
    assert hooks(net) == 0


def test_hooks_go_even_when_the_network_fails(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    with pytest.raises(RuntimeError, match="channels"), xray.record_activations(net, ["conv_in"]):
        net(torch.zeros(1, 7, 8, 8), torch.zeros(1), torch.zeros(1, dtype=torch.long))
    assert hooks(net) == 0


def test_attention_rows_sum_to_one_and_make_the_modules_output(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    x = pictures(net.config)
    inside = xray.record_forward(denoiser, x, LEVEL)
    modules = {path: module for path, module in net.named_modules() if isinstance(module, Attention)}
    assert inside.attention.keys() == modules.keys()
    twin = xray._shared_copy(net)
    with xray.record_activations(twin, list(modules)) as seen:
        replace(denoiser, net=twin).output(x, LEVEL)
    for path, weights in inside.attention.items():
        module, (into, out) = modules[path], seen[path]
        torch.testing.assert_close(weights.sum(dim=3), torch.ones_like(weights[..., 0]))
        values = module.to_v(module.group_norm(into).flatten(2).transpose(1, 2))
        values = values.unflatten(2, (module.heads, -1)).transpose(1, 2)
        mixed = module.to_out[0]((weights @ values).transpose(1, 2).flatten(2))
        torch.testing.assert_close(into + mixed.transpose(1, 2).reshape(into.shape), out, rtol=1e-4, atol=1e-5)


def test_attention_that_is_too_large_is_left_out() -> None:
    denoiser = denoiser_of(CONFIGS["attention everywhere, deep"])
    inside = xray.record_forward(denoiser, pictures(xray.net_of(denoiser).config), LEVEL, most_positions=16)
    assert inside.attention
    assert all(weights.shape[2] == 16 for weights in inside.attention.values())


def test_zeroing_no_skip_changes_nothing_and_each_one_does(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    x = pictures(net.config)
    before = denoiser.output(x, LEVEL)
    assert torch.equal(xray.without_skips(denoiser, ()).output(x, LEVEL), before)
    outputs = [xray.without_skips(denoiser, [skip.number]).output(x, LEVEL) for skip in xray.network_layout(net).skips]
    for k, output in enumerate(outputs):
        assert not torch.allclose(output, before)
        assert not any(torch.equal(output, other) for other in outputs[:k])
    assert hooks(net) == 0
    assert torch.equal(denoiser.output(x, LEVEL), before)


def test_a_skip_that_is_off_reaches_its_taker_as_zeros(denoiser: NetDenoiser) -> None:
    for skip in xray.network_layout(xray.net_of(denoiser)).skips:
        cut = xray.net_of(xray.without_skips(denoiser, [skip.number]))
        seen: list[Tensor] = []
        cut.get_submodule(skip.target).register_forward_hook(lambda _, inputs, __, seen=seen: seen.append(inputs[0]))
        replace(denoiser, net=cut).output(pictures(cut.config), LEVEL)
        assert not seen[0][:, -skip.channels :].any()
        assert seen[0][:, : -skip.channels].any()


def test_without_any_skip_only_the_bottom_of_the_u_is_heard() -> None:
    """Two pictures that the bottom cannot tell apart give the same output: nothing else leads there."""
    denoiser = denoiser_of(CONFIGS["like the one that ships"])
    net = xray.net_of(denoiser)
    blind = xray.without_skips(denoiser, range(len(xray.network_layout(net).skips)))
    deaf = xray.net_of(blind).mid_block
    deaf.register_forward_hook(lambda *_: torch.ones(2, 24, 3, 3))
    one, other = (blind.output(pictures(net.config), LEVEL) for _ in range(2))
    assert torch.equal(one, other)


def test_a_skip_that_there_is_not_is_refused(denoiser: NetDenoiser) -> None:
    with pytest.raises(ValueError, match="no skip 99"):
        xray.without_skips(denoiser, [0, 99])


def test_another_activation_is_that_of_a_network_made_with_it(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    x = pictures(net.config)
    made_so = UNet(net.config.model_copy(update={"act_fn": "relu"})).eval()
    made_so.load_state_dict(net.state_dict())
    with torch.no_grad():
        wanted = replace(denoiser, net=made_so).output(x, LEVEL)
    # Close, not equal: where weights lie in memory decides how some processors add up.
    torch.testing.assert_close(xray.with_activation(denoiser, "relu").output(x, LEVEL), wanted)
    torch.testing.assert_close(xray.with_activation(denoiser, "silu").output(x, LEVEL), denoiser.output(x, LEVEL))
    kept = {module.activation for module in net.modules() if isinstance(module, ResidualBlock)}
    assert kept == {silu}
    assert relu not in kept


def test_twins_share_their_weights_with_the_network(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    changed = xray.net_of(xray.without_skips(denoiser, [0]))
    assert changed is not net
    for mine, theirs in zip(net.parameters(), changed.parameters(), strict=True):
        assert mine.data_ptr() == theirs.data_ptr()


def test_what_the_time_says(denoiser: NetDenoiser) -> None:
    net = xray.net_of(denoiser)
    schedule = denoiser.schedule
    voice = xray.time_conditioning(denoiser, schedule.level(torch.tensor([1, 20, 20, 100])))
    similarity = voice.similarity
    torch.testing.assert_close(similarity, similarity.T)
    torch.testing.assert_close(similarity.diagonal(), torch.ones(4))
    assert similarity[1, 2] == pytest.approx(1)
    assert similarity.abs().max() <= 1 + 1e-5
    assert similarity[0, 3] < similarity[0, 0]
    # What a block adds for the time is what changes in it when nothing else does.
    block = net.down_blocks[0].resnets[0]
    assert isinstance(block, ResidualBlock)
    added: list[Tensor] = []
    handle = block.time_emb_proj.register_forward_hook(lambda _, __, out: added.append(out))
    denoiser_without_classes = replace(denoiser, net=_classless(net)) if denoiser.classes else denoiser
    denoiser_without_classes.output(pictures(net.config)[:1], schedule.level(20))
    handle.remove()
    assert voice.norms["down_blocks.0.resnets.0"][1] == pytest.approx(added[-1].square().mean().sqrt().item(), rel=1e-4)


def _classless(net: UNet) -> UNet:
    """The same network whose classes say nothing."""
    assert net.class_embedding is not None
    twin = xray._shared_copy(net)
    twin.down_blocks[0].resnets[0].time_emb_proj = net.down_blocks[0].resnets[0].time_emb_proj
    twin.class_embedding = torch.nn.Embedding.from_pretrained(torch.zeros_like(net.class_embedding.weight))
    return twin


def test_a_model_without_our_net_is_refused_in_one_sentence() -> None:
    with pytest.raises(TypeError, match="no U-Net"):
        xray.net_of(ExactDenoiser(torch.zeros(1, 1, 4, 4)))
