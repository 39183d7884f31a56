"""The arithmetic of the Forward lab: a picture noised in one jump or in T steps, which have the same distribution.

Ho, Jain & Abbeel 2020, section 2, https://arxiv.org/abs/2006.11239.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from playground.labs.forward.controls import ForwardControls
from playground.labs.shared import noising
from playground.labs.shared.picture import Picture

MOST_FRAMES = 251
"""A timeline shows every t up to T = 250, and this many evenly spaced ones above."""

MEASURED_VALUES = 3000
"""About so many noise values are measured at every t: small pictures are noised several times."""


@dataclass(frozen=True, eq=False)
class Strip:
    """The noised picture at F values of t: R copies of a picture of D values under different noise.

    x: float32 (F, D), x_t of the first copy, the one that is shown.
    noise: float32 (F or 1, R · D), (x_t − √ᾱ_t x_0) / √(1−ᾱ_t), which should be N(0, 1); 1 row where it never changes.
    spread: float64 (F,), the standard deviation of x_t − √ᾱ_t x_0, measured over R · D values.
    """

    x: NDArray[np.float32]
    noise: NDArray[np.float32]
    spread: NDArray[np.float64]


def noised(controls: ForwardControls, picture: Picture, times: Sequence[int]) -> NDArray[np.uint8]:
    """x_t in one jump at these t, under the noise that the timeline shows: uint8 (F, H, W, C)."""
    table = noising.table(controls.schedule, controls.T)
    t = np.array(times)
    x0 = noising.to_unit(picture).reshape(-1)
    noise = noising.normals(controls.seed, "jump", 1, x0.size)
    x = noising.column(table.signal[t]) * x0 + noising.column(table.sigma[t]) * noise
    return noising.to_uint8(x.reshape(len(t), *picture.shape))


def jump(x0: NDArray[np.float32], schedule: str, T: int, seed: int, copies: int) -> Strip:
    """x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε for every shown t on its own; Ho et al. 2020, eq. 4."""
    table = noising.table(schedule, T)
    shown = noising.shown_times(T, MOST_FRAMES)
    noise = noising.normals(seed, "jump", 1, copies * x0.size)
    x = noising.column(table.signal[shown]) * x0 + noising.column(table.sigma[shown]) * noise[:, : x0.size]
    return Strip(x, noise, _jump_spread(schedule, T, seed, copies * x0.size))


@lru_cache(maxsize=8)
def _jump_spread(schedule: str, T: int, seed: int, size: int) -> NDArray[np.float64]:
    # The strip keeps one ε for all t. To measure with that one would only give the formula back, so here it is drawn
    # anew for every t, after it.
    shown = noising.shown_times(T, MOST_FRAMES)
    fresh = noising.normals(seed, "jump", 1 + len(shown), size)[1:]
    return noising.table(schedule, T).sigma[shown] * fresh.std(axis=1)


def steps(x0: NDArray[np.float32], schedule: str, T: int, seed: int, copies: int) -> Strip:
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
