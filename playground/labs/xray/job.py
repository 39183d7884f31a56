"""The Network x-ray's work: the activations of a U-Net on one noisy image, and what each part of it contributes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from engine.language import _, told
from playground.labs.shared.job import Partial
from playground.labs.shared.picture import NOISE_RANGE
from playground.labs.xray import text
from playground.labs.xray.controls import STEPS, XrayControls
from playground.labs.xray.noisy_image import NoisyImage, frames, noisy_image

if TYPE_CHECKING:
    from torch import Tensor

    from engine.analysis.xray import ForwardRecord, NetworkLayout, TimeConditioning
    from engine.denoiser import NetDenoiser
    from playground.policy.visitor import Visitor

MOST_SKIPS = 24
"""Skips of a network that are removed one by one, in one go."""
MOST_KEPT = 6
"""Sets of samples that are kept."""
TIMES = 41
"""Timesteps whose embeddings are compared."""
SAMPLES = 6
"""Images sampled with each variant."""

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Variant:
    """The network with one change, and its prediction for the same noisy image."""

    key: str
    title: str
    x0: Image
    """x̂₀, (H, W, C)."""
    noise: Image
    """ε̂, (H, W, C); grey is 0."""
    change: float
    """Root mean square difference of ε̂ to the network as it was trained; ε itself has 1."""
    samples: npt.NDArray[np.uint8] | None = None
    """Samples from the same noise, (B, H, W, C), where they have been drawn."""


@dataclass(frozen=True, eq=False)
class VariantSamples:
    """All variants; those that have been sampled with have their samples."""

    controls: XrayControls
    variants: tuple[Variant, ...]

    def belongs_to(self, controls: XrayControls) -> bool:
        """Whether these settings give the same samples: they do not depend on the step."""
        return settings_of_samples(self.controls) == settings_of_samples(controls)


def settings_of_samples(controls: XrayControls) -> tuple[str, int, int]:
    """The settings on which samples with each variant depend."""
    return controls.model, controls.label, controls.seed


@dataclass(frozen=True, eq=False)
class Inspection:
    """One forward pass of a network, and all that is shown of it."""

    controls: XrayControls
    title: str
    t: int
    T: int
    layout: NetworkLayout
    forward: ForwardRecord
    conditioning: TimeConditioning
    times: tuple[int, ...]
    x: Image
    x0: Image
    noise: Image
    activation: str
    """The one that the network was trained with."""
    variants: tuple[Variant, ...] = ()


_samples: LRUCache[tuple[object, int, int], tuple[Variant, ...]] = LRUCache(MOST_KEPT)
"""By the denoiser, the seed and the label."""
_lock = threading.Lock()


def inspect(controls: XrayControls, visitor: Visitor) -> Iterator[Partial[Inspection | None]]:
    """None while the image is still being sampled, then the forward pass, then that with its variants.

    Raises:
        ValueError: with one sentence for the reader.
    """
    image = None
    for item in noisy_image(controls, visitor):
        if isinstance(item, int):
            yield Partial(item, STEPS + 1, None)
        else:
            image = item
    assert image is not None
    inspection = _inspection(controls, image)
    yield Partial(STEPS, STEPS + 1, inspection)
    with _lock:
        known = _samples.get((image.denoiser, controls.seed, controls.label), ())
    variants = with_samples(tuple(_variants(image)), known)
    yield Partial(STEPS + 1, STEPS + 1, replace(inspection, variants=variants))


def draw(controls: XrayControls, visitor: Visitor, count: int = SAMPLES) -> Iterator[Partial[VariantSamples]]:
    """Sample images with each variant, from the same noise.

    Args:
        controls: the settings; the samples do not depend on the step.
        visitor: who asks for it.
        count: images sampled with each variant.

    Raises:
        ValueError: with one sentence for the reader.
    """
    from engine.data.pixels import to_uint8

    image = next(item for item in noisy_image(controls, visitor) if not isinstance(item, int))
    variants = list(_variants(image))
    seeds = tuple(range(controls.seed, controls.seed + count))
    total = len(variants) * STEPS
    for k, (_name, _title, denoiser) in enumerate(_changed(image.denoiser)):
        x = None
        for frame in frames(image.model, denoiser, seeds, controls.label):
            x = frame.x
            if frame.step < STEPS:
                yield Partial(k * STEPS + frame.step, total, VariantSamples(controls, tuple(variants)))
        assert x is not None
        variants[k] = replace(variants[k], samples=to_uint8(x))
        yield Partial((k + 1) * STEPS, total, VariantSamples(controls, tuple(variants)))
    with _lock:
        _samples[(image.denoiser, controls.seed, controls.label)] = tuple(variants)


def with_samples(variants: tuple[Variant, ...], known: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """The predictions of these variants, each with the samples of the known one of its name, where it has some."""
    samples = {variant.key: variant.samples for variant in known}
    return tuple(replace(variant, samples=samples.get(variant.key)) for variant in variants)


def _inspection(controls: XrayControls, image: NoisyImage) -> Inspection:
    import torch

    from engine.analysis import xray

    denoiser, T = image.denoiser, image.model.schedule.T
    net = xray.net_of(denoiser)
    if controls.activation != "own":
        denoiser = xray.with_activation(denoiser, controls.activation)
    if controls.skips_off:
        denoiser = xray.without_skips(denoiser, controls.skips_off)
    forward = xray.record_forward(denoiser, image.x_t, image.level, image.label)
    prediction = denoiser.read(forward.output, image.x_t, image.level)
    times = tuple(np.unique(np.linspace(1, T, min(T, TIMES)).round().astype(int)).tolist())
    return Inspection(
        controls,
        told(image.model.title),
        image.t,
        T,
        xray.network_layout(net),
        forward,
        xray.time_conditioning(image.denoiser, image.model.schedule.level(torch.tensor(times))),
        times,
        _pixels(image.x_t),
        _pixels(prediction.x0),
        _pixels(prediction.noise / NOISE_RANGE),
        text.ACTIVATIONS[net.config.act_fn],
    )


def _pixels(x: Tensor) -> Image:
    """The first of a batch as an image, (H, W, C)."""
    from engine.data.pixels import to_uint8

    image: Image = to_uint8(x[:1])[0]
    return image


def _changed(denoiser: NetDenoiser) -> Iterator[tuple[str, str, NetDenoiser]]:
    """Key, title and denoiser: the network as it was trained, and with one part after the other removed or exchanged."""
    from engine.analysis import xray

    net = xray.net_of(denoiser)
    skips = xray.network_layout(net).skips
    yield "own", _("As trained"), denoiser
    for skip in skips[:MOST_SKIPS]:
        size = _(
            "{height} × {width}, {channels} channels", height=skip.size[0], width=skip.size[1], channels=skip.channels
        )
        yield (
            f"skip{skip.number}",
            _("Without skip {number} ({size})", number=skip.number, size=size),
            xray.without_skips(denoiser, [skip.number]),
        )
    yield "none", _("Without any skip"), xray.without_skips(denoiser, [skip.number for skip in skips])
    other: Literal["silu", "relu"] = "relu" if net.config.act_fn == "silu" else "silu"
    title = _(
        "{new} in place of {own}",
        new=text.ACTIVATIONS[other],
        own=text.ACTIVATIONS[net.config.act_fn],
    )
    yield "activation", title, xray.with_activation(denoiser, other)


def _variants(image: NoisyImage) -> Iterator[Variant]:
    """The prediction of each of them for the noisy image."""
    import torch

    with torch.no_grad():
        trained = image.denoiser(image.x_t, image.level, image.label).noise
        for key, title, denoiser in _changed(image.denoiser):
            prediction = denoiser(image.x_t, image.level, image.label)
            change = (prediction.noise - trained).square().mean().sqrt().item()
            yield Variant(key, title, _pixels(prediction.x0), _pixels(prediction.noise / NOISE_RANGE), change)
