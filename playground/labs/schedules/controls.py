"""The controls of the Schedules lab: which schedules are compared, how they are made, and on which picture. Needs no torch.

Linear: Ho et al. 2020, https://arxiv.org/abs/2006.11239; cosine: Nichol & Dhariwal 2021, https://arxiv.org/abs/2102.09672;
sigmoid: Chen 2023, https://arxiv.org/abs/2301.10972, algorithm 1; zero terminal SNR: Lin et al. 2023,
https://arxiv.org/abs/2305.08891.
"""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from playground.labs.schedules import drawn as drawing
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import Controls, Field, ui
from playground.labs.shared.picture import LARGEST_SEED, PictureChoice, class_titles, number_range

NAMES = ("linear", "cosine", "sigmoid", "drawn")
TITLES = {"linear": "Linear", "cosine": "Cosine", "sigmoid": "Sigmoid", "drawn": "Drawn"}


class ScheduleChoice(Controls):
    """Which schedules are compared, and how they are made."""

    linear: bool = Field(True, title="Linear", description="βₜ grows linearly (Ho et al. 2020).")
    cosine: bool = Field(
        True,
        title="Cosine",
        description="ᾱₜ falls along a squared cosine, slowly at both ends (Nichol & Dhariwal 2021).",
    )
    sigmoid: bool = Field(True, title="Sigmoid", description="ᾱₜ falls along a sigmoid (Jabri et al. 2022; Chen 2023).")
    drawn: bool = Field(False, title="Drawn by you", description="Draw the curve of ᾱ, or type its points.")
    points: str = Field(
        drawing.EXAMPLE,
        title="Points of the drawn curve",
        description="Pairs of t/T and ᾱ, from 0,1 on the left to 1 on the right, never rising.",
    )
    T: int = Field(
        200,
        ge=10,
        le=1000,
        title="Forward steps T",
        description="More steps add less noise each; 1000 is usual.",
        json_schema_extra=ui(step=10),
    )
    rescale: bool = Field(
        True,
        title="Linear β scaled by 1000 / T",
        description="β = 0.0001 … 0.02 was chosen for T = 1000; with fewer steps it leaves signal at t = T unless it is "
        "multiplied by 1000 / T. Off: the two numbers as they are.",
    )
    s: float = Field(
        0.008,
        ge=0,
        le=0.2,
        title="Cosine offset s",
        description="A larger s makes the first steps of the cosine schedule larger; 0.008 in the paper.",
        json_schema_extra=ui(step=0.001, slider=False),
    )
    zero: Literal["none", "linear", "cosine", "sigmoid", "drawn", "all"] = Field(
        "none",
        title="Zero terminal SNR",
        description="Rescales a schedule so that the signal-to-noise ratio at t = T is exactly 0 (Lin et al. 2023).",
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
        title="Noise seed",
        description="All schedules add the same noise; the same seed gives the same noise again.",
        json_schema_extra=ui(slider=False),
    )


def without_effect(controls: ScheduleControls) -> dict[str, str]:
    """Controls that have no effect, each with the reason."""
    why = {}
    if not controls.linear:
        why["rescale"] = "The linear schedule is not shown."
    if not controls.cosine:
        why["s"] = "The cosine schedule is not shown."
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
