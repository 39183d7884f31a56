"""The controls of the Schedules lab: which schedules are compared, how they are made, and on which picture. Needs no torch.

Linear: Ho et al. 2020, https://arxiv.org/abs/2006.11239; cosine: Nichol & Dhariwal 2021, https://arxiv.org/abs/2102.09672;
sigmoid: Chen 2023, https://arxiv.org/abs/2301.10972, algorithm 1; zero terminal SNR: Lin et al. 2023,
https://arxiv.org/abs/2305.08891.
"""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from engine.language import _
from playground.labs.schedules import drawn as drawing
from playground.labs.shared.controls import ControlRules, Controls, seed_setting, setting
from playground.labs.shared.picture import PictureChoice, class_titles, number_range

NAMES = ("linear", "cosine", "sigmoid", "drawn")
TITLES = {"linear": "Linear", "cosine": "Cosine", "sigmoid": "Sigmoid", "drawn": "Drawn"}


class ScheduleChoice(Controls):
    """Which schedules are compared, and how they are made."""

    linear: bool = setting(True, "Linear", "βₜ grows linearly (Ho et al. 2020).")
    cosine: bool = setting(
        True, "Cosine", "ᾱₜ falls along a squared cosine, slowly at both ends (Nichol & Dhariwal 2021)."
    )
    sigmoid: bool = setting(True, "Sigmoid", "ᾱₜ falls along a sigmoid (Jabri et al. 2022; Chen 2023).")
    drawn: bool = setting(False, "Drawn by you", "Draw the curve of ᾱ, or type its points.")
    points: str = setting(
        drawing.EXAMPLE,
        "Points of the drawn curve",
        "Pairs of t/T and ᾱ, from 0,1 on the left to 1 on the right, never rising.",
    )
    T: int = setting(200, "Forward steps T", "More steps add less noise each; 1000 is usual.", ge=10, le=1000, step=10)
    rescale: bool = setting(
        True,
        "Linear β scaled by 1000 / T",
        "β = 0.0001 … 0.02 was chosen for T = 1000; with fewer steps it leaves signal at t = T unless it is "
        "multiplied by 1000 / T. Off: the two numbers as they are.",
    )
    s: float = setting(
        0.008,
        "Cosine offset s",
        "A larger s makes the first steps of the cosine schedule larger; 0.008 in the paper.",
        ge=0,
        le=0.2,
        step=0.001,
        slider=False,
    )
    zero: Literal["none", "linear", "cosine", "sigmoid", "drawn", "all"] = setting(
        "none",
        "Zero terminal SNR",
        "Rescales a schedule so that the signal-to-noise ratio at t = T is exactly 0 (Lin et al. 2023).",
        titles={"none": "no schedule", "all": "all of them"},
    )

    @field_validator("points")
    @classmethod
    def _readable(cls, text: str) -> str:
        return drawing.format_points(drawing.parse_points(text))


class ScheduleControls(PictureChoice, ScheduleChoice):
    """The settings of the Schedules lab."""

    seed: int = seed_setting(
        "All schedules add the same noise; the same seed gives the same noise again.", "Noise seed"
    )


def without_effect(controls: ScheduleControls) -> dict[str, str]:
    """Controls that have no effect, each with the reason."""
    why = {}
    if not controls.linear:
        why["rescale"] = _("The linear schedule is not shown.")
    if not controls.cosine:
        why["s"] = _("The cosine schedule is not shown.")
    return why


def rules() -> ControlRules[ScheduleControls]:
    """The points are drawn; class and number depend on the data set."""
    return ControlRules(
        hidden=lambda now: () if now.drawn else ("points",),
        options=lambda now: {"class_index": class_titles(now)},
        limits=lambda now: {"number": number_range(now)},
        disabled=without_effect,
    )


def choice_of(controls: ScheduleControls) -> ScheduleChoice:
    """The settings without the picture: what the curves depend on."""
    return ScheduleChoice.model_validate(controls.model_dump(include=set(ScheduleChoice.model_fields)))
