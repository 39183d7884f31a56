"""The Schedules lab: how fast the noise comes in, on curves and on a picture, and whether it all comes in.

Linear: Ho et al. 2020, https://arxiv.org/abs/2006.11239; cosine: Nichol & Dhariwal 2021, https://arxiv.org/abs/2102.09672;
sigmoid: Jabri et al. 2022, https://arxiv.org/abs/2212.11972; zero terminal SNR: Lin et al. 2023,
https://arxiv.org/abs/2305.08891.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from playground.components.payloads.panels import CurvePanel, Line
from playground.components.payloads.timeline import Lane, Position, Timeline
from playground.labs.schedules import drawn as drawing
from playground.labs.shared import noising, picture
from playground.labs.shared.controls import Controls, Field, checked, ui
from playground.labs.shared.picture import LARGEST_SEED, PictureChoice

if TYPE_CHECKING:
    from engine.schedule import NoiseSchedule

NAMES = ("linear", "cosine", "sigmoid", "drawn")
TITLES = {"linear": "Linear", "cosine": "Cosine", "sigmoid": "Sigmoid", "drawn": "Drawn"}
COLORS = {"drawn": 0, "linear": 1, "cosine": 2, "sigmoid": 3}
"""Which of the six colours of a chart each schedule has, everywhere in the lab."""

Quantity = Literal["beta", "alpha_bar", "log_snr", "sigma"]
"""The tables that are shown as curves; sigma is the standard deviation of the posterior."""
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

MOST_FRAMES = 101
COLUMNS = 11
"""Pictures in a strip: t/T = 0, 0.1, … 1."""


class ScheduleChoice(Controls):
    """Which schedules are compared, and how they are made."""

    linear: bool = Field(True, title="Linear", description="β grows in a straight line (Ho et al. 2020).")
    cosine: bool = Field(
        True,
        title="Cosine",
        description="ᾱ falls along a squared cosine, gently at both ends (Nichol & Dhariwal 2021).",
    )
    sigmoid: bool = Field(True, title="Sigmoid", description="ᾱ falls along an S-shaped curve (Jabri et al. 2022).")
    drawn: bool = Field(False, title="Drawn by you", description="Draw ᾱ yourself, or type its points.")
    points: str = Field(
        drawing.EXAMPLE,
        title="Points of the drawn curve",
        description="Pairs of t/T and ᾱ, from 0,1 on the left to 1 on the right, never rising.",
    )
    T: int = Field(
        200,
        ge=10,
        le=1000,
        title="Steps T",
        description="How many steps the forward process has.",
        json_schema_extra=ui(step=10),
    )
    rescale: bool = Field(
        True,
        title="Scale the linear schedule to T",
        description="β = 0.0001 … 0.02 was chosen for T = 1000. With fewer steps it leaves much of the picture standing, so it "
        "is multiplied by 1000 / T. Off: the two numbers as they are.",
    )
    s: float = Field(
        0.008,
        ge=0,
        le=0.2,
        title="Cosine offset s",
        description="Keeps the first steps of the cosine schedule from being too small; 0.008 in the paper.",
        json_schema_extra=ui(step=0.001, slider=False),
    )
    zero: Literal["none", "linear", "cosine", "sigmoid", "drawn", "all"] = Field(
        "none",
        title="Zero terminal SNR",
        description="Shift a schedule so that exactly nothing of the picture is left at t = T (Lin et al. 2023).",
        json_schema_extra=ui(
            titles={
                "none": "no schedule",
                "linear": "linear",
                "cosine": "cosine",
                "sigmoid": "sigmoid",
                "drawn": "drawn",
                "all": "all of them",
            }
        ),
    )

    @field_validator("points")
    @classmethod
    def _readable(cls, text: str) -> str:
        return drawing.format_points(drawing.parse_points(text))


class ScheduleControls(PictureChoice, ScheduleChoice):
    """The settings of the Schedules lab."""

    seed: int = Field(
        0,
        ge=0,
        le=LARGEST_SEED,
        title="Seed of the noise",
        description="All schedules put the same noise on the picture. Another number draws other noise.",
        json_schema_extra=ui(slider=False),
    )


def without_effect(controls: ScheduleControls) -> dict[str, str]:
    """Controls that change nothing now, each with the reason."""
    why = {}
    if not controls.linear:
        why["rescale"] = "The linear schedule is not shown."
    if not controls.cosine:
        why["s"] = "The cosine schedule is not shown."
    return why


def choice_of(controls: ScheduleControls) -> ScheduleChoice:
    """The settings without the picture: what the curves depend on."""
    return ScheduleChoice.model_validate(controls.model_dump(include=set(ScheduleChoice.model_fields)))


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
        lines.append(Line(TITLES[name], at / controls.T, schedule.alpha_bar.numpy()[at]))
    return tuple(lines)


# --- does all the noise come in? --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What the terminal SNR of a schedule means for sampling.

    state: "wrong" where sampling from N(0, I) would be, "zero" where the noise target cannot work, else "fine".
    remedy: the settings that mend it, and what the button says; None where nothing is wrong.
    """

    name: str
    snr: float
    state: Literal["fine", "zero", "wrong"]
    headline: str
    sentence: str
    remedy: ScheduleControls | None = None
    button: str = ""


def verdicts(controls: ScheduleControls) -> list[Verdict]:
    """One for each schedule that is shown."""
    return [_verdict(controls, name, schedule) for name, schedule in schedules_of(controls).items()]


def _verdict(controls: ScheduleControls, name: str, schedule: NoiseSchedule) -> Verdict:
    from engine.schedule import PURE_NOISE_SNR

    snr = schedule.terminal_snr
    if snr == 0:
        return Verdict(
            name,
            snr,
            "zero",
            "Exactly pure noise",
            "Nothing of the picture is left at t = T. A network that predicts the noise cannot work there: x_T is all "
            "noise, and says nothing about the picture. Let it predict the clean picture or the velocity.",
        )
    if snr <= PURE_NOISE_SNR:
        return Verdict(name, snr, "fine", "Fine", "x_T is as good as pure noise: a sampler may start from N(0, I).")
    amplitude = 100 * float(schedule.alpha_bar[-1].sqrt())
    sentence = (
        f"Sampling from N(0, I) would be wrong: the network learns that x_T still holds the picture at {amplitude:.0f} % of "
        "its strength, and a sampler starts without it. Samples come out too flat and too grey."
    )
    if name == "linear" and not controls.rescale:
        return Verdict(
            name, snr, "wrong", "Picture left over", sentence, checked(controls, rescale=True), "Scale it to T"
        )
    more = "all" if controls.zero not in ("none", name) else name
    return Verdict(name, snr, "wrong", "Picture left over", sentence, checked(controls, zero=more), "Take the rest out")


# --- pictures ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Strip:
    """One schedule's pictures at t/T = 0, 0.1, … 1: uint8 (11, H, W, C)."""

    name: str
    pictures: NDArray[np.uint8]


def strips(controls: ScheduleControls) -> list[Strip]:
    """The same picture under the same noise, a strip for each schedule that is shown."""
    t = [round(controls.T * k / (COLUMNS - 1)) for k in range(COLUMNS)]
    return [Strip(name, noising.to_uint8(frames)) for name, frames in _noised(controls, np.array(t)).items()]


def compute(controls: ScheduleControls) -> Timeline:
    """The same picture under the same noise, a lane for each schedule that is shown. Raises ValueError if none is."""
    shown = noising.shown_times(controls.T, MOST_FRAMES)
    at = noising.thinned_times(controls.T)
    frames = _noised(controls, shown)

    def panel(quantity: Quantity, title: str, y_label: str, **axis: Any) -> CurvePanel:
        lines = [
            Line(TITLES[name], at, drawable(values_of(schedule, quantity)[at]), COLORS[name])
            for name, schedule in schedules_of(controls).items()
        ]
        return CurvePanel(title, "step t", y_label, tuple(lines), shown, **axis)

    return Timeline(
        id="schedules",
        lanes=tuple(Lane.of_pictures(name, TITLES[name], noising.to_uint8(x)[:, None]) for name, x in frames.items()),
        positions=tuple(Position(int(t), f"t = {t} of {controls.T}") for t in shown),
        panels=(
            panel("beta", "Noise that step t adds, <i>β</i><sub>t</sub>", "variance", log_y=True),
            panel(
                "alpha_bar",
                "What is left of the picture, <i>ᾱ</i><sub>t</sub>",
                "share of the variance",
                y_range=(0.0, 1.0),
            ),
            panel(
                "log_snr", "log of <i>ᾱ</i><sub>t</sub> / (1 − <i>ᾱ</i><sub>t</sub>), the signal-to-noise ratio", "nats"
            ),
            panel(
                "sigma",
                "Noise of a step back, <i>σ</i><sub>t</sub> = √<i>β̃</i><sub>t</sub>",
                "standard deviation",
                log_y=True,
            ),
        ),
        fps=max(12.0, len(shown) / 6),
        label="The same picture under every schedule, from t = 0 to t = T",
    )


def values_of(schedule: NoiseSchedule, quantity: Quantity) -> NDArray[np.float64]:
    """A table of the schedule, float64 (T + 1,); sigma is the standard deviation of the posterior, √β̃_t."""
    if quantity == "sigma":
        return schedule.posterior_variance.sqrt().numpy()
    values: NDArray[np.float64] = getattr(schedule, quantity).numpy()
    return values


def drawable(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Infinite values as gaps."""
    return np.where(np.isfinite(values), values, np.nan)


def _noised(controls: ScheduleControls, t: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
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
