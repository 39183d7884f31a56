"""What the Likelihood lab has measured: bars of terms in bits per dimension, and what is read off them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.language import _
from playground.labs.likelihood.controls import Bar, LikelihoodControls

GROUPS = (1, 10, 100, 1_000_000)
"""Last t of each group of terms in the drawing: L_0, then t = 2 … 10, 11 … 100, and the rest."""


@dataclass(frozen=True)
class Segment:
    """Part of a bar, in bits per dimension, with its standard error over the images."""

    name: str
    """May hold the small markup of panels.EquationPanel."""
    bits: float
    error: float
    kind: int
    """Which colour and hatching: 0 L_0 and reconstruction, 1 … 3 the steps, 4 L_T, 5 the KL of a VAE."""


@dataclass(frozen=True, eq=False)
class BarResult:
    """What has been measured of one bar so far.

    blocks: first and last t of each term; empty for a VAE.
    bits: float64 (images, terms), bits per dimension: the blocks and then L_T, of a VAE reconstruction and KL.
    squared_error: float64 (images, blocks), of x̂0 in [−1, 1]; of a VAE (images, 1).
    """

    bar: Bar
    blocks: tuple[tuple[int, int], ...]
    bits: NDArray[np.float64]
    squared_error: NDArray[np.float64]

    @property
    def totals(self) -> NDArray[np.float64]:
        """Bits per dimension of each image."""
        return self.bits.sum(1)

    @property
    def mean(self) -> float:
        """Mean over the images."""
        return float(self.totals.mean()) if len(self.bits) else math.nan

    @property
    def error(self) -> float:
        """Its standard error: over images and noise; NaN for one image."""
        return standard_error(self.totals)

    def segments(self) -> list[Segment]:
        """The segments of the bar."""
        if not len(self.bits):
            return []
        if not self.blocks:
            names = ((_("reconstruction"), 0), (_("KL to the prior"), 5))
            return [_segment(name, self.bits[:, k], kind) for k, (name, kind) in enumerate(names)]
        segments = []
        begin = 0
        for kind, end in enumerate(GROUPS):
            inside = [k for k, (_, last) in enumerate(self.blocks) if last <= end and k >= begin]
            if not inside:
                continue
            first, last = self.blocks[inside[0]][0], self.blocks[inside[-1]][1]
            name = "L₀" if (first, last) == (1, 1) else f"t = {first} … {last}"
            segments.append(_segment(name, self.bits[:, inside].sum(1), kind))
            begin = inside[-1] + 1
        return [*segments, _segment("L<sub>T</sub>", self.bits[:, -1], 4)]


@dataclass(frozen=True, eq=False)
class Measurement:
    """All bars so far, on the same images.

    which: int64 (N,), the images' numbers in their part of the set, in the order in which they are measured.
    """

    controls: LikelihoodControls
    results: tuple[BarResult, ...]
    which: NDArray[np.int64]
    images: NDArray[np.uint8]
    """(N, H, W, C)."""
    problems: tuple[str, ...] = ()

    @property
    def common(self) -> int:
        """Images that every bar has been measured on."""
        return min((len(result.bits) for result in self.results), default=0)


def _segment(name: str, bits: NDArray[np.float64], kind: int) -> Segment:
    return Segment(name, float(bits.mean()), standard_error(bits), kind)


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of independent values; NaN for fewer than two."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def differences(measured: Measurement) -> list[str]:
    """Each bar against the first, on the images that both have, in a sentence; the pairing makes the error small."""
    if measured.common < 2 or len(measured.results) < 2:
        return []
    first, *others = measured.results
    sentences = []
    for other in others:
        difference = (other.totals[: measured.common] - first.totals[: measured.common]).astype(np.float64)
        mean, error = float(difference.mean()), standard_error(difference)
        if abs(mean) <= 2 * error:
            sentences.append(
                _(
                    "{title} against {other}: no difference beyond the error ({mean:+.3f} ± {error:.3f}).",
                    title=other.bar.title,
                    other=first.bar.title,
                    mean=mean,
                    error=error,
                )
            )
            continue
        text = (
            _("{title}: {size} ± {error} bits per dimension more than {other}.")
            if mean > 0
            else _("{title}: {size} ± {error} bits per dimension fewer than {other}.")
        )
        size, by = in_short(abs(mean)), in_short(error)
        sentences.append(text.format(title=other.bar.title, size=size, error=by, other=first.bar.title))
    return sentences


def in_short(bits: float) -> str:
    """With three decimals, or without any where it is large: "0.021", "5,601"."""
    return f"{bits:.3f}" if abs(bits) < 10 else f"{bits:,.0f}"


@dataclass(frozen=True, eq=False)
class ImageBits:
    """An image, its number in its part of the data set, and its bits per dimension by each bar."""

    image: NDArray[np.uint8]
    number: int
    bits: tuple[float, ...]


def by_bits(measured: Measurement) -> list[ImageBits]:
    """The images that all bars have, those of the fewest bits by the first bar first."""
    count = measured.common
    if not count:
        return []
    table = np.stack([result.totals[:count] for result in measured.results], 1)
    order = np.argsort(table[:, 0], kind="stable")
    return [ImageBits(measured.images[k], int(measured.which[k]), tuple(table[k].tolist())) for k in order]


def rate_and_distortion(result: BarResult) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rate, in bits per dimension, and distortion, the root mean square error of x̂0 on the scale 0 … 255.

    As in Ho et al. 2020, fig. 5. The rate of a diffusion model at block k is the sum of the terms of all later t, as if x_T,
    x_{T−1}, … were sent one after the other. A VAE is one point, its KL and its reconstruction.
    """
    distortion = 127.5 * np.sqrt(result.squared_error.mean(0))
    bits = result.bits.mean(0)
    if not result.blocks:
        return bits[1:], distortion
    rate = bits[::-1].cumsum()[::-1][1:]  # the terms of all later t, L_T included
    return rate[::-1], distortion[::-1]
