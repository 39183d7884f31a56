"""The Network x-ray: what happens inside a U-Net while it looks at one noisy picture."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from playground.labs.shared.controls import Controls, Field, checked, ui
from playground.labs.shared.job import Partial
from playground.labs.shared.picture import LARGEST_SEED

if TYPE_CHECKING:
    from torch import Tensor

    from engine.analysis.xray import ForwardRecord, NetworkLayout, TimeConditioning
    from engine.denoiser import NetDenoiser
    from engine.models.opened import Model
    from engine.schedule import Level
    from playground.policy.visitor import Visitor

STEPS = 20
"""From noise to picture, by DDIM without added noise."""
MOST_SKIPS = 24
"""Of a network whose skips are taken away one by one, in one go."""
KEPT = 6
"""Ways from noise to picture, and sets of whole pictures, that are kept."""
TIMES = 41
"""At how many times the embedding is compared with itself."""
SAMPLES = 6
"""Pictures that each variant draws."""
NONE = -1
"""The label for none."""

V = TypeVar("V")


def _read_off(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({int(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        raise ValueError("Skips are told by their numbers, such as “0,3”.") from None


class XrayControls(Controls):
    """What is looked at."""

    model: str = Field(
        "digits", max_length=500, title="Model", description="Any model whose network is a U-Net of ours."
    )
    source: Literal["sample", "picture"] = Field(
        "sample",
        title="The noisy picture",
        description="One on its way from pure noise, as the model itself draws it, or a real picture with noise added.",
        json_schema_extra=ui(titles={"sample": "Being drawn", "picture": "Real, noised"}),
    )
    step: int = Field(
        8,
        ge=0,
        le=STEPS - 1,
        title="Step",
        description=f"Of {STEPS} from noise (0) to picture. A real picture gets the noise of that step.",
    )
    label: int = Field(
        3, ge=NONE, le=100_000, title="Class", description="What the network is told that the picture shows."
    )
    number: int = Field(
        7,
        ge=0,
        le=10_000_000,
        title="Real picture number",
        description="In its class; counted round and round.",
        json_schema_extra=ui(slider=False),
    )
    seed: int = Field(
        0, ge=0, le=LARGEST_SEED, title="Seed", description="Of the noise.", json_schema_extra=ui(slider=False)
    )
    activation: Literal["own", "silu", "relu"] = Field(
        "own",
        title="Activation",
        description="The same weights with another bend in their residual blocks than the one they were trained with.",
        json_schema_extra=ui(titles={"own": "As trained", "silu": "SiLU", "relu": "ReLU"}),
    )
    off: str = Field("", max_length=200, title="Skips off", description="Numbers of skips that are switched off.")
    block: str = Field("", max_length=100, title="Block", description="The block whose channels are shown.")

    @property
    def skips_off(self) -> tuple[int, ...]:
        """Numbers of the skips that are switched off. Raises ValueError where the text names none."""
        return _read_off(self.off)

    @property
    def choice(self) -> str:
        """Names what was chosen in the drawing."""
        return f"{self.block}|{self.off}"


HIDDEN = ("off", "block")
"""Chosen in the drawing."""


def hidden(controls: XrayControls) -> set[str]:
    """Controls that there is nothing to set with now."""
    return {*HIDDEN, *(() if controls.source == "picture" else ("number",))}


def options(controls: XrayControls, available: Mapping[str, str], visitor: Visitor) -> dict[str, dict[Any, str]]:
    """What there is to choose from."""
    try:
        names = visitor.open_model(controls.model).class_names if controls.model in available else ()
    except ValueError:
        names = ()
    return {"model": dict(available), "label": {NONE: "none", **dict(enumerate(names))}}


def chosen(controls: XrayControls, told: object) -> XrayControls:
    """The settings after what the drawing tells, {"block", "off"}; what is odd changes nothing."""
    if not isinstance(told, Mapping):
        return controls
    try:
        changed = checked(controls, block=str(told.get("block") or "")[:100], off=str(told.get("off") or "")[:200])
        _ = changed.skips_off
    except ValueError:
        return controls
    return changed


@dataclass(frozen=True, eq=False)
class Variant:
    """The network with something taken away, and what it then says of the same noisy picture."""

    key: str
    title: str
    x0: npt.NDArray[np.uint8]
    """Its guess of the picture, (H, W, C)."""
    noise: npt.NDArray[np.uint8]
    """The noise it sees, (H, W, C); grey is 0."""
    change: float
    """Root mean square difference of ε̂ to the network as it was trained; ε itself has 1."""
    samples: npt.NDArray[np.uint8] | None = None
    """Whole pictures that it draws from the same noise, (B, H, W, C), once they are drawn."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """All variants; those that are drawn have their samples."""

    controls: XrayControls
    variants: tuple[Variant, ...]

    def belongs_to(self, controls: XrayControls) -> bool:
        """Whether the whole pictures are those of these settings: they do not depend on the step."""
        return all(getattr(self.controls, name) == getattr(controls, name) for name in ("model", "label", "seed"))


@dataclass(frozen=True, eq=False)
class Seen:
    """All that is shown of one look."""

    controls: XrayControls
    title: str
    t: int
    T: int
    anatomy: NetworkLayout
    inside: ForwardRecord
    voice: TimeConditioning
    times: tuple[int, ...]
    x: npt.NDArray[np.uint8]
    x0: npt.NDArray[np.uint8]
    noise: npt.NDArray[np.uint8]
    trained_with: str
    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True, eq=False)
class _Looked:
    """A noisy picture and how it is asked about."""

    model: Model
    denoiser: NetDenoiser
    x_t: Tensor
    level: Level
    t: int
    label: Tensor | None


def look(controls: XrayControls, visitor: Visitor) -> Iterator[Partial[Seen | None]]:
    """Look inside: nothing to see while the picture is still being drawn, then all of it, and then what each skip is good for.

    Raises:
        ValueError: with one sentence for the reader.
    """
    looked = None
    for item in _looked(controls, visitor):
        if isinstance(item, int):
            yield Partial(item, STEPS + 1, None)
        else:
            looked = item
    assert looked is not None
    seen = _seen(controls, looked)
    yield Partial(STEPS, STEPS + 1, seen)
    variants = merged(tuple(_variants(looked)), _drawn.get((looked.denoiser, controls.seed, controls.label)) or ())
    yield Partial(STEPS + 1, STEPS + 1, replace(seen, variants=variants))


def draw(controls: XrayControls, visitor: Visitor, count: int = SAMPLES) -> Iterator[Partial[Drawing]]:
    """Draw whole pictures with each part taken away, from the same noise.

    Args:
        controls: as set; the whole pictures do not depend on its step.
        count: how many pictures each draws.

    Yields:
        All variants, those that are drawn with their samples.

    Raises:
        ValueError: with one sentence for the reader.
    """
    from engine.data.pixels import to_uint8

    looked = next(item for item in _looked(controls, visitor) if not isinstance(item, int))
    variants = list(_variants(looked))
    seeds = tuple(range(controls.seed, controls.seed + count))
    total = len(variants) * STEPS
    for k, (_, _, denoiser) in enumerate(_changed(looked.denoiser)):
        x = None
        for frame in _frames(looked.model, denoiser, seeds, controls.label):
            x = frame.x
            if frame.step < STEPS:
                yield Partial(k * STEPS + frame.step, total, Drawing(controls, tuple(variants)))
        assert x is not None
        variants[k] = replace(variants[k], samples=to_uint8(x))
        yield Partial((k + 1) * STEPS, total, Drawing(controls, tuple(variants)))
    _drawn.put((looked.denoiser, controls.seed, controls.label), tuple(variants))


def merged(variants: tuple[Variant, ...], drawn: tuple[Variant, ...]) -> tuple[Variant, ...]:
    """What the variants say of the noisy picture, each with the whole pictures that it has drawn, where it has."""
    samples = {variant.key: variant.samples for variant in drawn}
    return tuple(replace(variant, samples=samples.get(variant.key)) for variant in variants)


# --- the noisy picture --------------------------------------------------------------------------------------------


def _looked(controls: XrayControls, visitor: Visitor) -> Iterator[int | _Looked]:
    """Numbers of steps while it is being drawn, then the noisy picture itself."""
    import torch

    from engine.analysis.xray import net_of
    from engine.denoiser import NO_LABEL, NetDenoiser
    from engine.process import diffuse
    from engine.sampling import SeededNoise

    model = visitor.open_model(controls.model)
    denoiser = model.denoiser
    try:
        net_of(denoiser)
    except TypeError as error:
        raise ValueError(
            f"“{model.title}” has no U-Net of ours to look into: choose a trained network, such as the digits."
        ) from error
    assert isinstance(denoiser, NetDenoiser)
    if controls.label >= len(model.class_names) and controls.label != NONE:
        raise ValueError(f"“{model.title}” does not know a class {controls.label}: choose another one, or none.")
    if model.needs_label and controls.label == NONE:
        raise ValueError(f"“{model.title}” was trained with a class for every picture: choose one.")
    if model.schedule.T < STEPS:
        raise ValueError(f"“{model.title}” was trained with fewer than {STEPS} steps of noise, too few for this lab.")
    label = torch.tensor([NO_LABEL if controls.label == NONE else controls.label]) if model.class_names else None
    t = model.schedule.timesteps(STEPS, "uniform")[controls.step]
    level = model.schedule.level(t)
    if controls.source == "picture":
        x0 = _real(model, controls)
        x_t = diffuse(x0, level, SeededNoise([controls.seed], model.shape)())
    else:
        walk: list[Tensor] | None = None
        for item in _walk(model, denoiser, controls.seed, controls.label):
            if isinstance(item, int):
                yield item
            else:
                walk = item
        assert walk is not None
        x_t = walk[controls.step]
    yield _Looked(model, denoiser, x_t, level, t, label)


def _real(model: Model, controls: XrayControls) -> Tensor:
    from engine.data import catalogue
    from engine.data.pixels import to_unit
    from engine.data.sizes import sized

    if not model.data:
        raise ValueError(
            f"It is not known which pictures “{model.title}” was trained on: take one that is being drawn."
        )
    pictures = sized(catalogue.load(model.data), model.shape[1], upsampling=True)
    members = np.arange(len(pictures))
    if controls.label != NONE and (pictures.labels == controls.label).any():
        members = np.flatnonzero(pictures.labels == controls.label)
    picture = pictures.images[members[controls.number % len(members)]][None]
    if picture.shape[3] != model.shape[0]:
        raise ValueError(f"The pictures of “{model.data}” have other colours than “{model.title}” takes.")
    return to_unit(np.asarray(picture))


_Key = tuple[object, int, int]
"""A denoiser, which is kept alive by this, with a seed and a label."""


class _Kept(Generic[V]):
    """The last few results, by what they were computed from."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._values: OrderedDict[_Key, V] = OrderedDict()

    def get(self, key: _Key) -> V | None:
        with self._lock:
            return self._values.get(key)

    def put(self, key: _Key, value: V) -> None:
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)


_walks: _Kept[list[Tensor]] = _Kept(KEPT)
_drawn: _Kept[tuple[Variant, ...]] = _Kept(KEPT)


def _walk(model: Model, denoiser: NetDenoiser, seed: int, label: int) -> Iterator[int | list[Tensor]]:
    """x_t at every step of the way; numbers while it is drawn. Ways that were walked lately are kept."""
    key = (denoiser, seed, label)
    known = _walks.get(key)
    if known is None:
        known = []
        for frame in _frames(model, denoiser, (seed,), label):
            known.append(frame.x)
            yield frame.step
        _walks.put(key, known)
    yield known


def _frames(model: Model, denoiser: NetDenoiser, seeds: tuple[int, ...], label: int) -> Iterator[Any]:
    import torch

    from engine.denoiser import NO_LABEL, Clipped
    from engine.samplers import DDIM
    from engine.sampling import sample

    wanted = torch.full((len(seeds),), NO_LABEL if label == NONE else label) if model.class_names else None
    return sample(Clipped(denoiser), model.schedule, DDIM(), shape=model.shape, steps=STEPS, seeds=seeds, label=wanted)


# --- what is seen -------------------------------------------------------------------------------------------------


def _seen(controls: XrayControls, looked: _Looked) -> Seen:
    import torch

    from engine.analysis import xray
    from playground.labs.sampling.job import NOISE_RANGE

    denoiser = looked.denoiser
    net = xray.net_of(denoiser)
    trained_with = net.config.act_fn
    if controls.activation != "own":
        denoiser = xray.with_activation(denoiser, controls.activation)
    if controls.skips_off:
        denoiser = xray.without_skips(denoiser, controls.skips_off)
    inside = xray.record_forward(denoiser, looked.x_t, looked.level, looked.label)
    prediction = denoiser.read(inside.output, looked.x_t, looked.level)
    T = looked.model.schedule.T
    times = tuple(np.unique(np.linspace(1, T, min(T, TIMES)).round().astype(int)).tolist())
    voice = xray.time_conditioning(looked.denoiser, looked.model.schedule.level(torch.tensor(times)))
    return Seen(
        controls,
        looked.model.title,
        looked.t,
        T,
        xray.network_layout(net),
        inside,
        voice,
        times,
        _pixels(looked.x_t),
        _pixels(prediction.x0),
        _pixels(prediction.noise / NOISE_RANGE),
        {"silu": "SiLU", "relu": "ReLU"}[trained_with],
    )


def _pixels(x: Tensor) -> npt.NDArray[np.uint8]:
    """The first of a batch as a picture, (H, W, C)."""
    from engine.data.pixels import to_uint8

    picture: npt.NDArray[np.uint8] = to_uint8(x[:1])[0]
    return picture


def _changed(denoiser: NetDenoiser) -> Iterator[tuple[str, str, NetDenoiser]]:
    """The network as it was trained, and with one thing after the other taken away or exchanged."""
    from engine.analysis import xray

    skips = xray.network_layout(xray.net_of(denoiser)).skips
    yield "own", "As trained", denoiser
    for skip in skips[:MOST_SKIPS]:
        size = f"{skip.size[0]} × {skip.size[1]}, {skip.channels} channels"
        yield f"skip{skip.number}", f"Without skip {skip.number} ({size})", xray.without_skips(denoiser, [skip.number])
    yield "none", "Without any skip", xray.without_skips(denoiser, [skip.number for skip in skips])
    other: Literal["silu", "relu"] = "relu" if xray.net_of(denoiser).config.act_fn == "silu" else "silu"
    names = {"silu": "SiLU", "relu": "ReLU"}
    yield (
        "activation",
        f"{names[other]} in place of {names['relu' if other == 'silu' else 'silu']}",
        (xray.with_activation(denoiser, other)),
    )


def _variants(looked: _Looked) -> Iterator[Variant]:
    """What each of them says of the noisy picture."""
    import torch

    from playground.labs.sampling.job import NOISE_RANGE

    with torch.no_grad():
        usual = looked.denoiser(looked.x_t, looked.level, looked.label).noise
        for key, title, denoiser in _changed(looked.denoiser):
            said = denoiser(looked.x_t, looked.level, looked.label)
            change = (said.noise - usual).square().mean().sqrt().item()
            yield Variant(key, title, _pixels(said.x0), _pixels(said.noise / NOISE_RANGE), change)
