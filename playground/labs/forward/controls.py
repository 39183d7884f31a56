"""The controls of the Forward lab. Needs no torch."""

from __future__ import annotations

from typing import Literal, Self

from playground.labs.forward import text
from playground.labs.shared.controls import ControlRules, Problem, seed_setting, setting
from playground.labs.shared.picture import PictureChoice, class_titles, number_range

UPLOAD_SIZE = 48
"""Side in pixels of an uploaded picture: enough to recognise it, small enough to follow every change."""

Process = Literal["jump", "steps", "both"]


class ForwardControls(PictureChoice):
    """The settings of the Forward lab. An uploaded picture itself is not among them, so not in the link either."""

    data: Literal["digits", "emoji", "upload"] = setting(  # type: ignore[assignment]  # one choice more than its base has
        "digits",
        "Image source",
        "Handwritten digits, colour emoji, or an image of your own.",
        titles={"digits": "Digits", "emoji": "Emoji", "upload": "My own"},
    )
    process: Process = setting(
        "jump",
        "Forward process",
        "**One jump** samples q(xₜ | x₀) directly; **T steps** adds fresh noise at every step, as the process is "
        "defined. **Both** shows them side by side.",
        titles={"jump": "One jump", "steps": "T steps", "both": "Both"},
    )
    schedule: Literal["linear", "cosine", "sigmoid"] = setting(
        "linear",
        "Noise schedule",
        "How ᾱₜ falls with t; cosine keeps more of the image early than linear. The Schedules lab compares them.",
        titles={"linear": "Linear", "cosine": "Cosine", "sigmoid": "Sigmoid"},
    )
    T: int = setting(
        200,
        "Forward steps T",
        "More steps add less noise each; 1000 is usual. Above 250 the timeline shows 251 of them, evenly spaced.",
        ge=10,
        le=1000,
        step=10,
    )
    seed: int = seed_setting("The same seed gives the same noise again.", "Noise seed")

    def settled(self) -> tuple[Self, list[Problem]]:
        """As for any picture of a data set; an uploaded one has no class and number."""
        return (self, []) if self.data == "upload" else super().settled()


def rules() -> ControlRules[ForwardControls]:
    """An uploaded picture has neither class nor number; the ranges of the others follow from the data set."""
    return ControlRules(
        options=lambda now: {} if now.data == "upload" else {"class_index": class_titles(now)},
        limits=lambda now: {} if now.data == "upload" else {"number": number_range(now)},
        disabled=lambda now: dict.fromkeys(("class_index", "number"), text.NO_CLASS) if now.data == "upload" else {},
    )
