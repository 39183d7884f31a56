"""Activations and attention inside a U-Net, and the same network without some of its skip connections or with another
activation.

Hooks and changes are made on a copy of the modules that shares the weights, so a network that other threads evaluate at the
same time never has a hook.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, relu, silu

from engine.denoiser import NetDenoiser
from engine.models.unet import Attention, Downsample, ResidualBlock, UNet, Upsample, timestep_embedding
from engine.schedule import Level

Kind = Literal["input", "residual", "attention", "down", "up", "output", "time", "class"]
Part = Literal["embedding", "down", "middle", "up"]
ACTIVATIONS = {"silu": silu, "relu": relu}


@dataclass(frozen=True)
class Block:
    """One block of the network: a box of its diagram."""

    name: str
    """Its path in the network, such as "down_blocks.0.resnets.1"; the first of its modules where it is made of two."""
    modules: tuple[str, ...]
    """Paths of all modules that belong to it; what comes out of the last is what comes out of the block."""
    kind: Kind
    part: Part
    resolution: int
    """0 for the finest."""
    size: tuple[int, int]
    """Height and width of what comes out, in pixels; (1, 1) for an embedding."""
    channels: int
    """Of what comes out."""
    parameters: int
    heads: int = 0
    """Of attention; 0 for other kinds."""


@dataclass(frozen=True)
class Skip:
    """A skip connection from the downward to the upward path."""

    number: int
    """In the order of the downward path, 0 at the finest resolution."""
    source: str
    """Name of the block whose output it carries."""
    target: str
    """Name of the residual block that it is concatenated to the input of."""
    channels: int
    size: tuple[int, int]


@dataclass(frozen=True)
class NetworkLayout:
    """The blocks of a network in the order of evaluation, embeddings first, and its skip connections."""

    blocks: tuple[Block, ...]
    skips: tuple[Skip, ...]

    def block(self, name: str) -> Block:
        """The block of that name. Raises KeyError where there is none."""
        found = next((block for block in self.blocks if block.name == name), None)
        if found is None:
            raise KeyError(name)
        return found


def network_layout(net: UNet) -> NetworkLayout:
    """The layout of a network, from its modules; output sizes and channels are recorded in a forward on the device "meta"."""
    named = _in_order(net)
    recorded = _sizes(net, [modules[-1] for modules, _, _, _ in named])
    blocks = []
    for modules, kind, part, resolution in named:
        parameters = sum(p.numel() for path in modules for p in net.get_submodule(path).parameters())
        module, out = net.get_submodule(modules[-1]), recorded[modules[-1]]
        heads = module.heads if isinstance(module, Attention) else 0
        size = (out.shape[2], out.shape[3]) if out.ndim == 4 else (1, 1)
        blocks.append(Block(modules[0], modules, kind, part, resolution, size, out.shape[1], parameters, heads))
    return NetworkLayout(tuple(blocks), _skips(net, tuple(blocks)))


def _in_order(net: UNet) -> list[tuple[tuple[str, ...], Kind, Part, int]]:
    """Paths of the modules of each block, with its kind, part and resolution."""
    found: list[tuple[tuple[str, ...], Kind, Part, int]] = [(("time_embedding",), "time", "embedding", 0)]
    if net.class_embedding is not None:
        found.append((("class_embedding",), "class", "embedding", 0))
    found.append((("conv_in",), "input", "down", 0))
    for i, block in enumerate(net.down_blocks):
        found += _layers(block, f"down_blocks.{i}", "down", i)
    found += _layers(net.mid_block, "mid_block", "middle", len(net.down_blocks) - 1)
    for i, block in enumerate(net.up_blocks):
        found += _layers(block, f"up_blocks.{i}", "up", len(net.up_blocks) - 1 - i)
    return [*found, (("conv_norm_out", "conv_out"), "output", "up", 0)]


def _layers(
    block: nn.Module, path: str, part: Part, resolution: int
) -> Iterator[tuple[tuple[str, ...], Kind, Part, int]]:
    """Residual blocks, each with the attention that follows it, then what changes the resolution."""
    attentions = dict(block.named_children()).get("attentions")
    assert isinstance(block.resnets, nn.ModuleList)
    for i, _ in enumerate(block.resnets):
        yield (f"{path}.resnets.{i}",), "residual", part, resolution
        if isinstance(attentions, nn.ModuleList) and i < len(attentions):
            yield (f"{path}.attentions.{i}",), "attention", part, resolution
    for name, child in block.named_modules():
        if isinstance(child, Downsample):
            yield (f"{path}.{name}",), "down", part, resolution + 1
        elif isinstance(child, Upsample):
            yield (f"{path}.{name}",), "up", part, resolution - 1


def _sizes(net: UNet, paths: Sequence[str]) -> Mapping[str, Tensor]:
    """The output of each module; on the device "meta" only shapes are computed."""
    meta_net = _shared_copy(net).to("meta")
    config = net.config
    x = torch.zeros(1, config.in_channels, config.sample_size, config.sample_size, device="meta")
    one = torch.zeros(1, dtype=torch.long, device="meta")
    with record_activations(meta_net, paths) as recorded:
        meta_net(x, one, one if net.class_embedding is not None else None)
    return {path: outputs for path, (_, outputs) in recorded.items()}


def _skips(net: UNet, blocks: tuple[Block, ...]) -> tuple[Skip, ...]:
    """The downward path stores the output of conv_in, every layer and every downsampling; the upward pops them."""
    down = [block for block in blocks if block.part == "down"]
    # Where attention follows a residual block, its output is stored instead.
    sources = [b for b, then in zip(down, [*down[1:], None], strict=True) if then is None or then.kind != "attention"]
    targets = [block for block in blocks if block.part == "up" and block.kind == "residual"]
    if len(sources) != len(targets):
        raise ValueError(f"The downward path has {len(sources)} skip connections, and the upward path {len(targets)}.")
    return tuple(
        Skip(number, source.name, target.name, source.channels, source.size)
        for number, (source, target) in enumerate(zip(sources, reversed(targets), strict=True))
    )


def _shared_copy(net: UNet) -> UNet:
    """A copy of the modules that shares the weights."""
    shared = {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())}
    return copy.deepcopy(net, shared)


@contextmanager
def record_activations(net: nn.Module, paths: Collection[str]) -> Iterator[dict[str, tuple[Tensor, Tensor]]]:
    """Within this context every call of the network records (input, output) of these modules.

    Args:
        net: gets hooks, which are removed on exit. No other thread should evaluate it: see `record_forward`.
        paths: of modules.
    """
    recorded: dict[str, tuple[Tensor, Tensor]] = {}

    def hook_for(path: str) -> object:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            recorded[path] = (inputs[0].detach(), output.detach())

        return hook

    handles = [net.get_submodule(path).register_forward_hook(hook_for(path)) for path in paths]  # type: ignore[arg-type]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


@dataclass(frozen=True, eq=False)
class ForwardRecord:
    """The output, activations and attention of one forward of a network on a batch."""

    output: Tensor
    """As `NetDenoiser.output`."""
    activations: Mapping[str, Tensor]
    """What came out of each block, by its name: (B, C, H, W), or (B, C) of an embedding."""
    attention: Mapping[str, Tensor]
    """Weights of each attention block: (B, heads, H·W, H·W), each row sums to 1."""


@torch.no_grad()
def record_forward(
    denoiser: NetDenoiser, x_t: Tensor, level: Level, label: Tensor | None = None, *, most_positions: int = 1024
) -> ForwardRecord:
    """Evaluate a denoiser, and record the activations of its network.

    Args:
        denoiser: one whose network is our U-Net.
        x_t, level, label: as for any denoiser.
        most_positions: attention between more positions than this is left out; its size grows with their square.

    Raises:
        TypeError: where its network is another one.
    """
    net = net_of(denoiser)
    blocks = network_layout(net).blocks
    copied = _shared_copy(net)
    with record_activations(copied, [block.modules[-1] for block in blocks]) as recorded:
        output = replace(denoiser, net=copied).output(x_t, level, label)
    attention = {
        block.name: attention_of(module, recorded[block.name][0])
        for block in blocks
        if isinstance(module := copied.get_submodule(block.name), Attention)
        and block.size[0] * block.size[1] <= most_positions
    }
    return ForwardRecord(output, {block.name: recorded[block.modules[-1]][1] for block in blocks}, attention)


def attention_of(module: Attention, x: Tensor) -> Tensor:
    """softmax(Q Kᵀ / √d): the attention weights; Vaswani et al. 2017, arXiv:1706.03762, eq. 1.

    Args:
        module: its weights are used, and its output is x + W_out(this · V).
        x: what goes into it, shape (B, C, H, W).

    Returns:
        Shape (B, heads, H·W, H·W): rows are queries, columns keys, and each row sums to 1.
    """
    h = module.group_norm(x).flatten(2).transpose(1, 2)
    q, k = (project(h).unflatten(2, (module.heads, -1)).transpose(1, 2) for project in (module.to_q, module.to_k))
    return (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(dim=3)


def net_of(denoiser: object) -> UNet:
    """The U-Net of a denoiser. Raises TypeError with one sentence where it has none."""
    net = getattr(denoiser, "net", None)
    if not isinstance(net, UNet):
        raise TypeError("There is no U-Net of ours in this model, so nothing inside it can be shown.")
    return net


def without_skips(denoiser: NetDenoiser, numbers: Collection[int]) -> NetDenoiser:
    """The same denoiser with zeros in place of these skip connections; the input from the coarser resolution stays.

    Args:
        denoiser: one whose network is our U-Net; stays as it is.
        numbers: of `Skip`; none for the denoiser as it is.

    Raises:
        TypeError: where its network is another one.
        ValueError: for a number without a skip.
    """
    net = net_of(denoiser)
    skips = {skip.number: skip for skip in network_layout(net).skips}
    if unknown := set(numbers) - skips.keys():
        raise ValueError(f"There is no skip {min(unknown)}: this network has the skips 0 … {len(skips) - 1}.")
    changed = _shared_copy(net)
    for number in sorted(numbers):
        skip = skips[number]

        def zero_skip(
            _: nn.Module, inputs: tuple[Tensor, Tensor], channels: int = skip.channels
        ) -> tuple[Tensor, Tensor]:
            x, embedding = inputs  # channels of the coarser resolution first, then of the skip
            return torch.cat([x[:, :-channels], torch.zeros_like(x[:, -channels:])], dim=1), embedding

        changed.get_submodule(skip.target).register_forward_pre_hook(zero_skip)
    return replace(denoiser, net=changed)


def with_activation(denoiser: NetDenoiser, name: Literal["silu", "relu"]) -> NetDenoiser:
    """The same weights with another activation in all residual blocks; trained with one and evaluated with the other.

    Raises TypeError where its network is not our U-Net.
    """
    changed = _shared_copy(net_of(denoiser))
    for module in changed.modules():
        if isinstance(module, ResidualBlock):
            module.activation = ACTIVATIONS[name]
    return replace(denoiser, net=changed)


@dataclass(frozen=True, eq=False)
class TimeConditioning:
    """How a network is conditioned on time."""

    similarity: Tensor
    """Cosine of the angle between the embeddings of any two times, shape (n, n)."""
    norms: Mapping[str, Tensor]
    """Root mean square over channels of the time embedding's contribution to each residual block, by name, shape (n,)."""


@torch.no_grad()
def time_conditioning(denoiser: NetDenoiser, levels: Level) -> TimeConditioning:
    """Its time conditioning at these levels, without a class.

    Args:
        denoiser: one whose network is our U-Net.
        levels: n of them, shape (n,).

    Raises:
        TypeError: where its network is another one.
    """
    net = net_of(denoiser)
    device = next(net.parameters()).device
    timestep = (denoiser.schedule.t_of(levels) - 1).to(device=device, dtype=torch.float32)
    embedding = net.time_embedding(timestep_embedding(timestep, net.config))
    norms = {
        path: block.time_emb_proj(block.activation(embedding)).square().mean(dim=1).sqrt()
        for path, block in net.named_modules()
        if isinstance(block, ResidualBlock)
    }
    return TimeConditioning(cosine_similarity(embedding[:, None], embedding[None], dim=2), norms)
