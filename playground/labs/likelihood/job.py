"""The Likelihood lab: what a picture costs in bits, term by term, for several models on the same pictures under the same noise.

−log₂ p(x) ≤ L_0 + … + L_T; Ho et al. 2020, https://arxiv.org/abs/2006.11239, eq. 5.
Of a VAE it is the same bound with one layer.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playground.labs.likelihood import latent
from playground.labs.likelihood.controls import Bar, LikelihoodControls, bars
from playground.labs.shared.job import Partial

if TYPE_CHECKING:
    from torch import Tensor

    from engine.evaluation.per_picture import PictureCost
    from engine.schedule import NoiseSchedule
    from playground.policy.visitor import Visitor

GROUPS = (1, 10, 100, 1_000_000)
"""Where the terms are gathered for the drawing: L_0, then t = 2 … 10, 11 … 100, and the rest."""
SHOWN = 5
"""Cheapest and dearest pictures."""
KEPT = 64
"""Finished bars that are remembered."""

_finished: OrderedDict[tuple[object, ...], list[PictureCost]] = OrderedDict()


@dataclass(frozen=True)
class Segment:
    """Part of a bar, in bits per dimension, with its standard error over the pictures."""

    name: str
    bits: float
    error: float
    kind: int
    """Which colour and hatching: 0 L_0 and reconstruction, 1 … 3 the steps, 4 L_T, 5 the KL of a VAE."""


@dataclass(frozen=True, eq=False)
class BarResult:
    """What has been measured of one bar so far.

    blocks: first and last t of each term; empty for a VAE.
    bits: float64 (pictures, terms), bits per dimension: the blocks and then L_T, of a VAE reconstruction and KL.
    squared_error: float64 (pictures, blocks), of x̂0 in [−1, 1]; of a VAE (pictures, 1).
    """

    bar: Bar
    blocks: tuple[tuple[int, int], ...]
    bits: NDArray[np.float64]
    squared_error: NDArray[np.float64]

    @property
    def totals(self) -> NDArray[np.float64]:
        """Of each picture."""
        return self.bits.sum(1)

    @property
    def mean(self) -> float:
        """Over the pictures."""
        return float(self.totals.mean()) if len(self.bits) else math.nan

    @property
    def error(self) -> float:
        """Its standard error: how far it would move with other pictures and other noise; NaN for one picture."""
        return standard_error(self.totals)

    def segments(self) -> list[Segment]:
        """As it is drawn."""
        if not len(self.bits):
            return []
        if not self.blocks:
            names = (("reconstruction", 0), ("KL to the prior", 5))
            return [_segment(name, self.bits[:, k], kind) for k, (name, kind) in enumerate(names)]
        found = []
        begin = 0
        for kind, end in enumerate(GROUPS):
            inside = [k for k, (_, last) in enumerate(self.blocks) if last <= end and k >= begin]
            if not inside:
                continue
            first, last = self.blocks[inside[0]][0], self.blocks[inside[-1]][1]
            name = "L₀" if (first, last) == (1, 1) else f"t = {first} … {last}"
            found.append(_segment(name, self.bits[:, inside].sum(1), kind))
            begin = inside[-1] + 1
        return [*found, _segment("L at T", self.bits[:, -1], 4)]


@dataclass(frozen=True, eq=False)
class Measured:
    """All bars so far, on the same pictures.

    which: int64 (N,), the pictures' numbers in their part of the set, in the order in which they are measured.
    """

    controls: LikelihoodControls
    results: tuple[BarResult, ...]
    which: NDArray[np.int64]
    pictures: NDArray[np.uint8]
    """(N, H, W, C)."""
    problems: tuple[str, ...] = ()

    @property
    def common(self) -> int:
        """Pictures that every bar has been measured on."""
        return min((len(result.bits) for result in self.results), default=0)


def work(controls: LikelihoodControls, visitor: Visitor) -> Iterator[Partial[Measured]]:
    """Measure picture after picture, each of them for every bar; the result grows with each.

    Raises:
        ValueError: with one clear sentence, for models and pictures that do not fit together.
    """
    import torch

    from engine.data.catalogue import load
    from engine.data.pixels import to_unit

    data = load(controls.data)
    part = data.held_out_part if controls.part == "held-out" else data.training
    dice = torch.Generator().manual_seed(controls.seed)
    which = torch.randperm(len(part), generator=dice)[: controls.pictures].numpy()
    images, labels = part.images[which], torch.tensor(part.labels[which])
    x0 = to_unit(images)
    vae, problem = latent.chosen(controls.vae, controls.data, visitor)
    chosen = bars(controls, vae)
    check(controls, chosen, visitor)
    sources = [_source(bar, controls, x0, labels, visitor) for bar in chosen]
    found: list[list[PictureCost]] = [[] for _ in chosen]
    total = len(chosen) * len(which)
    for index in range(len(which)):
        for k, (_, costs) in enumerate(sources):
            found[k].append(next(costs))
            results = tuple(
                _result(bar, blocks, so_far, x0[0].numel())
                for bar, (blocks, _), so_far in zip(chosen, sources, found, strict=True)
            )
            measured = Measured(controls, results, which, images, (problem,) if problem else ())
            yield Partial(index * len(chosen) + k + 1, total, measured)
    for bar, costs in zip(chosen, found, strict=True):
        _remember(_key(bar, controls), costs)


def announced(controls: LikelihoodControls, visitor: Visitor) -> None:
    """Raise ValueError with one sentence where `work` would refuse as too large, or cannot open a model."""
    check(controls, bars(controls, latent.chosen(controls.vae, controls.data, visitor)[0]), visitor)


def check(controls: LikelihoodControls, chosen: tuple[Bar, ...], visitor: Visitor) -> None:
    """Raise ValueError with one sentence where networks would be asked more than one request may ask of them here."""
    from engine.evaluation.bound import blocks_of
    from engine.evaluation.per_picture import evaluations_per_picture

    lengths = [visitor.open_model(bar.model).schedule.T for bar in chosen if not bar.latent]
    wanted = controls.pictures * sum(evaluations_per_picture(blocks_of(T, min(controls.blocks, T))) for T in lengths)
    most = visitor.limits.network_evaluations
    if wanted > most:
        raise ValueError(
            f"The networks would be asked about {wanted:,} noisy pictures for this, and {most:,} are the most here: take "
            "fewer pictures or fewer blocks."
        )


def _source(
    bar: Bar, controls: LikelihoodControls, x0: Tensor, labels: Tensor, visitor: Visitor
) -> tuple[tuple[tuple[int, int], ...], Iterator[PictureCost]]:
    """The blocks of a bar and what gives its costs, picture by picture: the engine, or what it has given before."""
    from engine.data.catalogue import load
    from engine.denoiser import Clipped, NetDenoiser
    from engine.evaluation.bound import blocks_of, check_fit
    from engine.evaluation.per_picture import diffusion_costs, latent_costs

    before = _finished.get(_key(bar, controls))
    if bar.latent:
        vae = visitor.open_vae(bar.model)
        costs = latent_costs(vae.net, x0, vae.net.config.latent, seed=controls.seed)
        return (), iter(before) if before else costs
    model = visitor.open_model(bar.model)
    check_fit(model.shape, len(model.class_names), load(controls.data))
    schedule = _schedule(bar, model.schedule)
    blocks = blocks_of(schedule.T, min(controls.blocks, schedule.T))
    learned = isinstance(model.denoiser, NetDenoiser) and model.denoiser.learned_variance
    if bar.variance == "learned" and not learned:
        raise ValueError(f"{bar.title}: this model did not learn its variance. Choose β̃ or β.")
    variance = bar.variance if bar.variance != "auto" else "learned" if learned else "small"
    costs = diffusion_costs(
        Clipped(model.denoiser),
        schedule,
        x0,
        labels if model.class_names else None,
        blocks=blocks,
        variance=variance,
        seed=controls.seed,
    )
    return tuple(blocks), iter(before) if before else costs


def _schedule(bar: Bar, own: NoiseSchedule) -> NoiseSchedule:
    from engine.schedule import SCHEDULES

    return own if bar.schedule == "own" else SCHEDULES[bar.schedule](own.T)


def _key(bar: Bar, controls: LikelihoodControls) -> tuple[object, ...]:
    measured = (controls.data, controls.part, controls.pictures, controls.blocks, controls.seed)
    return (bar.model, bar.variance, bar.schedule, *measured)


def _remember(key: tuple[object, ...], costs: list[PictureCost]) -> None:
    """What ships gives the same again; a run learns on."""
    if str(key[0]).startswith(("run:", "upload:")):
        return
    _finished[key] = costs
    while len(_finished) > KEPT:
        _finished.popitem(last=False)


def _result(bar: Bar, blocks: tuple[tuple[int, int], ...], costs: list[PictureCost], dimensions: int) -> BarResult:
    terms, errors = (len(blocks) + 1, len(blocks)) if blocks else (2, 1)
    nats = np.array([cost.nats.numpy() for cost in costs], dtype=np.float64).reshape(len(costs), terms)
    squared = np.array([cost.squared_error.numpy() for cost in costs], dtype=np.float64).reshape(len(costs), errors)
    return BarResult(bar, blocks, nats / (dimensions * math.log(2)), squared)


def _segment(name: str, bits: NDArray[np.float64], kind: int) -> Segment:
    return Segment(name, float(bits.mean()), standard_error(bits), kind)


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of independent values; NaN for fewer than two."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


# --- what is read off -------------------------------------------------------------------------------------------------


def differences(measured: Measured) -> list[str]:
    """Each bar against the first, on the pictures that both have, in a sentence; the pairing makes the error small."""
    if measured.common < 2 or len(measured.results) < 2:
        return []
    first, *others = measured.results
    said = []
    for other in others:
        apart = (other.totals[: measured.common] - first.totals[: measured.common]).astype(np.float64)
        mean, error = float(apart.mean()), standard_error(apart)
        if abs(mean) <= 2 * error:
            said.append(
                f"{other.bar.title} against {first.bar.title}: no difference beyond the error ({mean:+.3f} ± {error:.3f})."
            )
            continue
        word = "more" if mean > 0 else "fewer"
        said.append(
            f"{other.bar.title}: {in_short(abs(mean))} ± {in_short(error)} bits per dimension {word} than {first.bar.title}."
        )
    return said


def in_short(bits: float) -> str:
    """With three decimals, or without any where it is large: "0.021", "5,601"."""
    return f"{bits:.3f}" if abs(bits) < 10 else f"{bits:,.0f}"


@dataclass(frozen=True, eq=False)
class Priced:
    """A picture and what each bar says that it costs, in bits per dimension."""

    picture: NDArray[np.uint8]
    number: int
    bits: tuple[float, ...]


def by_price(measured: Measured) -> list[Priced]:
    """The pictures that all bars have, cheapest by the first bar first."""
    count = measured.common
    if not count:
        return []
    table = np.stack([result.totals[:count] for result in measured.results], 1)
    order = np.argsort(table[:, 0], kind="stable")
    return [Priced(measured.pictures[k], int(measured.which[k]), tuple(table[k].tolist())) for k in order]


def rate_and_distortion(result: BarResult) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bits per dimension told so far, and how far the picture is from what is known by then, in 0 … 255.

    As in Ho et al. 2020, fig. 5. Of a diffusion model x_T, x_{T−1}, … are told one after the other: at block k all later
    terms have been. Of a VAE it is one point, its KL and its reconstruction. The distortion is √(mean squared error) over
    pictures and numbers.
    """
    distortion = 127.5 * np.sqrt(result.squared_error.mean(0))
    bits = result.bits.mean(0)
    if not result.blocks:
        return bits[1:], distortion
    told = bits[::-1].cumsum()[::-1][1:]  # what lies behind block k, L_T included
    return told[::-1], distortion[::-1]
