"""The Forward lab: a picture drowning in noise, in one jump or in T steps, and that both have the same law.

Ho, Jain & Abbeel 2020, section 2, https://arxiv.org/abs/2006.11239.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from playground.components.payloads.panels import CurvePanel, EquationPanel, Line, Panel
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.shared import noising
from playground.labs.shared.controls import Field, ui
from playground.labs.shared.picture import LARGEST_SEED, Picture, PictureChoice

UPLOAD_SIZE = 48
"""Side in pixels of a picture of the reader's own: enough to know it again, small enough to follow every change."""

MOST_FRAMES = 251
"""A timeline shows every t up to T = 250, and this many evenly spaced ones above."""

MEASURED_VALUES = 3000
"""About so many noise values are measured at every t: small pictures are noised several times over."""

Way = Literal["jump", "steps", "both"]


class ForwardControls(PictureChoice):
    """The settings of the Forward lab. An uploaded picture itself is not among them, so not in the link either."""

    data: Literal["digits", "emoji", "upload"] = Field(
        "digits",
        title="Picture from",
        description="Handwritten digits, colour emoji, or a picture of your own.",
        json_schema_extra=ui(titles={"digits": "Digits", "emoji": "Emoji", "upload": "My own"}),
    )
    way: Way = Field(
        "jump",
        title="How the noise comes in",
        description="**One jump** mixes picture and noise once, straight to t. **T steps** adds a little fresh noise at every "
        "step, as the process is defined. **Both** shows them side by side.",
        json_schema_extra=ui(titles={"jump": "One jump", "steps": "T steps", "both": "Both"}),
    )
    schedule: Literal["linear", "cosine", "sigmoid"] = Field(
        "linear",
        title="Noise schedule",
        description="How fast the noise comes in. The Schedules lab compares them.",
        json_schema_extra=ui(titles={"linear": "Linear", "cosine": "Cosine", "sigmoid": "Sigmoid"}),
    )
    T: int = Field(
        200,
        ge=10,
        le=1000,
        title="Steps T",
        description="How many steps the forward process has. Above 250, the timeline shows 251 of them, evenly spaced.",
        json_schema_extra=ui(step=10),
    )

    seed: int = Field(
        0,
        ge=0,
        le=LARGEST_SEED,
        title="Seed of the noise",
        description="Another number draws other noise; the same number draws the same noise again.",
        json_schema_extra=ui(slider=False),
    )

    def settled(self) -> tuple[Self, list[str]]:
        """As for any picture of a data set; an uploaded one has no class and number."""
        return (self, []) if self.data == "upload" else super().settled()


def compute(controls: ForwardControls, picture: Picture) -> Timeline:
    """The forward process of that picture as a timeline, with everything that moves along it.

    Args:
        picture: uint8 (H, W, C), C = 1 or 3; `picture.chosen(controls)`, or one that the reader uploaded.
    """
    return _compute(
        controls.way, controls.schedule, controls.T, controls.seed, noising.Hashed(np.ascontiguousarray(picture))
    )


def noised(controls: ForwardControls, picture: Picture, times: Sequence[int]) -> NDArray[np.uint8]:
    """x_t in one jump at these t, under the noise that `compute` shows: uint8 (F, H, W, C)."""
    table = noising.table(controls.schedule, controls.T)
    t = np.array(times)
    x0 = noising.to_unit(picture).reshape(-1)
    noise = noising.normals(controls.seed, "jump", 1, x0.size)
    x = noising.column(table.signal[t]) * x0 + noising.column(table.sigma[t]) * noise
    return noising.to_uint8(x.reshape(len(t), *picture.shape))


@dataclass(frozen=True, eq=False)
class Strip:
    """One way of noising, at F values of t: R copies of a picture of D values under different noise.

    x: float32 (F, D), x_t of the first copy, the one that is shown.
    noise: float32 (F or 1, R · D), (x_t − √ᾱ_t x_0) / √(1−ᾱ_t), which should be N(0, 1); 1 row where it never changes.
    spread: float64 (F,), the standard deviation of x_t − √ᾱ_t x_0, measured over R · D values.
    """

    x: NDArray[np.float32]
    noise: NDArray[np.float32]
    spread: NDArray[np.float64]


@lru_cache(maxsize=12)
def _compute(way: Way, schedule: str, T: int, seed: int, hashed: noising.Hashed) -> Timeline:
    picture = hashed.picture
    table = noising.table(schedule, T)
    shown = noising.shown_times(T, MOST_FRAMES)
    x0 = noising.to_unit(picture).reshape(-1)
    copies = max(1, round(MEASURED_VALUES / x0.size))
    strips = {
        "jump": _jump(x0, schedule, T, seed, copies),
        "steps": _steps(x0, schedule, T, seed, copies),
    }
    ways = ("jump", "steps") if way == "both" else (way,)
    return Timeline(
        id="forward",
        lanes=tuple(_lane(name, strips[name], picture.shape) for name in ways),
        positions=tuple(Position(int(t), f"t = {t} of {T}") for t in shown),
        captions=tuple(_caption(float(a)) for a in table.alpha_bar[shown]),
        panels=_panels(ways, strips, table, shown),
        fps=max(12.0, min(60.0, len(shown) / 6)),
        label="Forward process, from the picture at t = 0 to noise at t = T",
    )


def _jump(x0: NDArray[np.float32], schedule: str, T: int, seed: int, copies: int) -> Strip:
    """x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε for every shown t on its own; Ho et al. 2020, eq. 4."""
    table = noising.table(schedule, T)
    shown = noising.shown_times(T, MOST_FRAMES)
    noise = noising.normals(seed, "jump", 1, copies * x0.size)
    x = noising.column(table.signal[shown]) * x0 + noising.column(table.sigma[shown]) * noise[:, : x0.size]
    return Strip(x, noise, _jump_spread(schedule, T, seed, copies * x0.size))


@lru_cache(maxsize=8)
def _jump_spread(schedule: str, T: int, seed: int, size: int) -> NDArray[np.float64]:
    # The strip keeps one ε for all t. To measure with that one would only give the formula back, so here it is drawn
    # anew for every t.
    shown = noising.shown_times(T, MOST_FRAMES)
    fresh = noising.normals(seed, "jump, fresh", len(shown), size)
    return noising.table(schedule, T).sigma[shown] * fresh.std(axis=1)


def _steps(x0: NDArray[np.float32], schedule: str, T: int, seed: int, copies: int) -> Strip:
    """The chain from x_0: its noise and √ᾱ_t x_0, since what the steps add does not depend on the picture."""
    table = noising.table(schedule, T)
    shown = noising.shown_times(T, MOST_FRAMES)
    rest, noise, spread = _chain(schedule, T, seed, copies * x0.size)
    return Strip(noising.column(table.signal[shown]) * x0 + rest[:, : x0.size], noise, spread)


@lru_cache(maxsize=4)
def _chain(
    schedule: str, T: int, seed: int, size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
    """z_t = √(1−β_t) z_{t−1} + √β_t ε_t from z_0 = 0, all T steps one after the other; Ho et al. 2020, eq. 2.

    Both x_t and √ᾱ_t x_0 are multiplied by √(1−β_t) at a step, so z_t = x_t − √ᾱ_t x_0 takes the same steps as x_t does.

    Returns:
        z at the shown t, float32 (F, size); z / √(1−ᾱ_t), 0 at t = 0; and the standard deviation of z, float64 (F,).
    """
    table = noising.table(schedule, T)
    shown = noising.shown_times(T, MOST_FRAMES)
    keep, add = table.keep.astype(np.float32), table.add.astype(np.float32)
    fresh = noising.normals(seed, "steps", T, size)
    z = np.zeros((len(shown), size), dtype=np.float32)
    now, added = np.zeros(size, dtype=np.float32), np.empty(size, dtype=np.float32)
    frame = 1
    for t in range(1, T + 1):
        np.multiply(now, keep[t], out=now)
        np.multiply(fresh[t - 1], add[t], out=added)
        np.add(now, added, out=now)
        if t == shown[frame]:
            z[frame] = now
            frame += 1
    sigma = table.sigma[shown]
    return z, z / noising.column(np.where(sigma > 0, sigma, 1)), z.std(axis=1, dtype=np.float64)


def _lane(way: str, strip: Strip, shape: tuple[int, ...]) -> Lane:
    titles = {
        "jump": (
            "<i>x</i><sub>t</sub> in one jump",
            "Same noise <i>ε</i> at every t.",
        ),
        "steps": ("<i>x</i><sub>t</sub> after t steps", "Fresh noise at every step."),
    }
    title, help_text = titles[way]
    frames = noising.to_uint8(strip.x).reshape(-1, 1, *shape)
    return Lane.of_pictures(way, title, frames, help=help_text)


def _caption(alpha_bar: float) -> str:
    if alpha_bar == 1:
        return "The picture as it is. No noise yet."
    share = (
        f"{100 * alpha_bar:.0f} %"
        if alpha_bar >= 0.1
        else f"{100 * alpha_bar:.2g} %"
        if alpha_bar > 1e-5
        else "next to nothing"
    )
    if alpha_bar > 0.55:
        return f"Mostly picture: it makes up {share} of the variance, noise the rest."
    if alpha_bar > 0.45:
        return f"About as much noise as picture: {share} of the variance is picture."
    if alpha_bar > 0.01:
        return f"Mostly noise: {share} of the variance is still picture."
    return f"As good as pure noise: {share} of the variance is picture."


def _panels(
    ways: tuple[str, ...], strips: dict[str, Strip], table: noising.Table, shown: NDArray[np.int64]
) -> tuple[Panel, ...]:
    names = {"jump": "in one jump", "steps": "after t steps"}
    pixels = tuple(
        noising.histogram_of(
            f"Pixel values of <i>x</i><sub>t</sub> {names[way]}", "pixel value (−1 darkest, 1 brightest)", strips[way].x
        )
        for way in ways
    )
    noise = tuple(
        noising.histogram_of(
            f"The noise in <i>x</i><sub>t</sub> {names[way]}",
            "(xₜ − √ᾱₜ x₀) / √(1−ᾱₜ), no unit",
            strips[way].noise,
            table.sigma[shown] > 0,
        )
        for way in ways
    )
    equations, spread, curves = _equations(ways, table, shown), _spread(strips, table, shown), _curves(table, shown)
    # The first chart stands beside the pictures: what one compares with them.
    if len(ways) == 2:
        return (*equations, spread, *noise, *pixels, *curves)
    return (*equations, *pixels, *curves, *noise, spread)


def _curves(table: noising.Table, shown: NDArray[np.int64]) -> tuple[CurvePanel, CurvePanel]:
    at = noising.thinned_times(table.T)
    share = CurvePanel(
        "Share of picture and of noise",
        "step t",
        "share of the variance",
        (
            Line("picture, <i>ᾱ</i><sub>t</sub>", at, table.alpha_bar[at]),
            Line("noise, 1 − <i>ᾱ</i><sub>t</sub>", at, 1 - table.alpha_bar[at]),
        ),
        shown,
        y_range=(0.0, 1.0),
    )
    snr = CurvePanel(
        "Signal-to-noise ratio <i>ᾱ</i><sub>t</sub> / (1 − <i>ᾱ</i><sub>t</sub>)",
        "step t",
        "ratio; at 1, as much noise as picture",
        (Line("SNR", at, table.snr[at]),),
        shown,
        log_y=True,
        y_range=noising.snr_range(table.snr),
    )
    return share, snr


def _spread(strips: dict[str, Strip], table: noising.Table, shown: NDArray[np.int64]) -> CurvePanel:
    return CurvePanel(
        "Strength of the noise, both ways",
        "step t",
        "standard deviation of xₜ − √ᾱₜ x₀, in pixel values",
        (
            Line("one jump", shown, strips["jump"].spread),
            Line("t steps", shown, strips["steps"].spread),
            Line("calculated, <sqrt>1 − <i>ᾱ</i><sub>t</sub></sqrt>", shown, table.sigma[shown]),
        ),
        shown,
        y_range=(0.0, 1.1),
    )


def _equations(ways: tuple[str, ...], table: noising.Table, shown: NDArray[np.int64]) -> tuple[EquationPanel, ...]:
    now = [str(t) for t in shown]
    before = [str(max(0, t - 1)) for t in shown]

    def decimals(values: NDArray[np.floating]) -> list[str]:
        return [f"{value:.4f}" for value in values[shown]]

    closed = EquationPanel(
        "One jump, from the picture itself",
        _formula(
            "<i>x</i><sub>t</sub> = <sqrt><i>ᾱ</i><sub>t</sub></sqrt> <i>x</i><sub>0</sub>"
            " + <sqrt>1 − <i>ᾱ</i><sub>t</sub></sqrt> <i>ε</i>",
            "<i>x</i><sub>{t}</sub> = {signal} <i>x</i><sub>0</sub> + {sigma} <i>ε</i>",
        ),
        {"t": now, "signal": decimals(table.signal), "sigma": decimals(table.sigma)},
    )
    step = EquationPanel(
        "One step, from the picture before",
        _formula(
            "<i>x</i><sub>t</sub> = <sqrt>1 − <i>β</i><sub>t</sub></sqrt> <i>x</i><sub>t−1</sub>"
            " + <sqrt><i>β</i><sub>t</sub></sqrt> <i>ε</i><sub>t</sub>",
            "<i>x</i><sub>{t}</sub> = {keep} <i>x</i><sub>{before}</sub> + {add} <i>ε</i><sub>{t}</sub>",
        ),
        {"t": now, "before": before, "keep": decimals(table.keep), "add": decimals(table.add)},
    )
    return (step, closed) if "steps" in ways else (closed,)


def _formula(letters: str, numbers: str) -> str:
    """Letters, and the same with numbers; beside each other where there is room."""
    return f"<line>{letters}</line> <line>{numbers}</line>"
