"""What the Schedules lab computes: the schedules, a picture noised under each, and what their terminal SNR means.

Linear: Ho et al. 2020, https://arxiv.org/abs/2006.11239; cosine: Nichol & Dhariwal 2021, https://arxiv.org/abs/2102.09672;
sigmoid: Chen 2023, https://arxiv.org/abs/2301.10972, algorithm 1; zero terminal SNR: Lin et al. 2023,
https://arxiv.org/abs/2305.08891.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from engine.language import _
from playground.components.payloads.panels import Line
from playground.labs.schedules import drawn as drawing
from playground.labs.schedules import text
from playground.labs.schedules.controls import NAMES, TITLES, ScheduleChoice, ScheduleControls
from playground.labs.shared import noising, picture
from playground.labs.shared.controls import checked

if TYPE_CHECKING:
    from engine.schedule import NoiseSchedule

Quantity = Literal["beta", "alpha_bar", "log_snr", "sigma"]
"""The tables that are shown as curves; sigma is the standard deviation of the posterior."""
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

COLUMNS = 11
"""Pictures in a strip: t/T = 0, 0.1, … 1."""


def schedules_of(controls: ScheduleChoice) -> dict[str, NoiseSchedule]:
    """The schedules that are shown, by name, in the order of `NAMES`."""
    return {
        name: _schedule(name, controls.T, controls.rescale, controls.s, controls.points, controls.zero in (name, "all"))
        for name in NAMES
        if getattr(controls, name)
    }


@lru_cache(maxsize=64)
def _schedule(name: str, T: int, rescale: bool, s: float, points: str, zero: bool) -> NoiseSchedule:
    from engine.schedule import NoiseSchedule

    if name == "linear":
        schedule = NoiseSchedule.linear(T, rescale=rescale)
    elif name == "cosine":
        schedule = NoiseSchedule.cosine(T, s)
    elif name == "sigmoid":
        schedule = NoiseSchedule.sigmoid(T)
    else:
        schedule = drawing.from_points(drawing.parse_points(points), T)
    return schedule.with_zero_terminal_snr() if zero else schedule


def references(controls: ScheduleControls) -> tuple[Line, ...]:
    """ᾱ over t/T of the three schedules with a name, to draw one's own beside them."""
    at = noising.thinned_times(controls.T)
    lines = []
    for name in ("linear", "cosine", "sigmoid"):
        schedule = _schedule(name, controls.T, controls.rescale, controls.s, "", controls.zero in (name, "all"))
        lines.append(Line(_(TITLES[name]), at / controls.T, schedule.alpha_bar.numpy()[at]))
    return tuple(lines)


@dataclass(frozen=True)
class Verdict:
    """What the terminal SNR of a schedule means for sampling.

    state: "fine" up to 1 % of the mean, "mean" where the noise hides the pixels but not their mean, "wrong" where every
        pixel keeps signal; "zero" where the noise target cannot be used.
    remedy: the settings that correct it, and the label of their button; None where nothing is wrong.
    """

    name: str
    snr: float
    state: Literal["fine", "zero", "mean", "wrong"]
    headline: str
    sentence: str
    remedy: ScheduleControls | None = None
    button: str = ""


def verdicts(controls: ScheduleControls) -> list[Verdict]:
    """One for each schedule that is shown."""
    return [_verdict(controls, name, schedule) for name, schedule in schedules_of(controls).items()]


def _verdict(controls: ScheduleControls, name: str, schedule: NoiseSchedule) -> Verdict:
    from engine.schedule import PURE_NOISE_SNR, VISIBLE_SNR

    snr = schedule.terminal_snr
    leak = 100 * float(schedule.alpha_bar[-1].sqrt())
    if snr == 0:
        return Verdict(name, snr, "zero", *text.ZERO)
    height, width, _ = picture.chosen(controls).shape
    numbers = {
        "leak": f"{leak:.2g}",
        "pixels": f"{height * width:,}",
        "times": f"{_mean_to_noise(schedule, height * width):.2g}",
    }
    if snr <= PURE_NOISE_SNR:
        return Verdict(name, snr, "fine", text.FINE[0], text.FINE[1].format(**numbers))
    state: Literal["mean", "wrong"] = "wrong" if snr > VISIBLE_SNR else "mean"
    headline, sentence = text.SIGNAL_LEFT[state]
    if name == "linear" and not controls.rescale:
        mended, button = checked(controls, rescale=True), text.RESCALE
    else:
        mended, button = checked(controls, zero="all" if controls.zero not in ("none", name) else name), text.USE_ZERO
    return Verdict(name, snr, state, headline, sentence.format(**numbers), mended, button)


def _mean_to_noise(schedule: NoiseSchedule, pixels: int) -> float:
    """√ᾱ_T over √((1−ᾱ_T) / pixels): a difference of 1 in the mean, in standard deviations of its noise."""
    return float((schedule.alpha_bar[-1] * pixels / (1 - schedule.alpha_bar[-1])).sqrt())


def strips(controls: ScheduleControls) -> dict[str, NDArray[np.uint8]]:
    """The same picture under the same noise at t/T = 0, 0.1, … 1, uint8 (11, H, W, C), for each schedule that is shown."""
    t = [round(controls.T * k / (COLUMNS - 1)) for k in range(COLUMNS)]
    return {name: noising.to_uint8(frames) for name, frames in noised(controls, np.array(t)).items()}


def values_of(schedule: NoiseSchedule, quantity: Quantity) -> NDArray[np.float64]:
    """A table of the schedule, float64 (T + 1,); sigma is the standard deviation of the posterior, √β̃_t."""
    if quantity == "sigma":
        return schedule.posterior_variance.sqrt().numpy()
    values: NDArray[np.float64] = getattr(schedule, quantity).numpy()
    return values


def noised(controls: ScheduleControls, t: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε for each schedule, float32 (F, H, W, C), with one ε for all."""
    chosen = picture.chosen(controls)
    x0 = noising.to_unit(chosen).reshape(-1)
    noise = noising.normals(controls.seed, "jump", 1, x0.size)
    result = {}
    for name, schedule in schedules_of(controls).items():
        table = noising.table_of(schedule)
        x = noising.column(table.signal[t]) * x0 + noising.column(table.sigma[t]) * noise
        result[name] = x.reshape(len(t), *chosen.shape)
    return result
