"""The controls of the Microscope: the settings of the Sampling lab, one of its images, and where the cursor is."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from engine.language import _
from playground.labs.microscope import forks as forking
from playground.labs.microscope.forks import MAX_FORKS
from playground.labs.sampling import controls as sampling
from playground.labs.sampling.controls import MOST_IMAGES, Available, SamplingControls, SamplingSettings
from playground.labs.shared import models
from playground.labs.shared.controls import ControlRules, setting

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor


class MicroscopeControls(SamplingSettings):
    """The settings of the Sampling lab, and where the cursor is."""

    picture: int = setting(
        0,
        "Image number",
        "Which image of the Sampling lab: its seed is the seed plus this.",
        ge=0,
        le=MOST_IMAGES - 1,
        slider=False,
    )
    known: Literal["held out", "training"] = setting(
        "held out",
        "Reference image",
        "A real image with known noise, so that the true posterior is known: one held out from training, or one "
        "of the training images.",
    )
    number: int = setting(
        0,
        "Reference image number",
        "Index of the image; above the last one it wraps around.",
        ge=0,
        le=9999,
        slider=False,
    )
    branch: int = setting(0, "Branch", "The strip with the cursor.", ge=0, le=MAX_FORKS + 1)
    frame: int = setting(25, "Frame", "Steps taken on that branch at the cursor.", ge=0, le=1000)
    row: int = setting(-1, "Row", "Of the pixel at the cursor; −1 for any.", ge=-1, le=511)
    column: int = setting(-1, "Column", "Of the pixel at the cursor; −1 for any.", ge=-1, le=511)
    forks: Annotated[str, AfterValidator(forking.checked_text)] = setting(
        "", "Forks", "Where trajectories fork, and with which settings.", max_length=1000
    )


IN_THE_FIGURE = ("branch", "frame", "row", "column", "forks")
"""What is set in the figure, not by widgets."""
NOT_DRAWN = {"count", "compare", *IN_THE_FIGURE}


def hidden(controls: MicroscopeControls) -> set[str]:
    """Names of controls that are not drawn with these settings."""
    return (sampling.hidden(of_sampling(controls)) | NOT_DRAWN) & set(MicroscopeControls.model_fields)


def without_effect(controls: MicroscopeControls, classes: int) -> dict[str, str]:
    """Controls that change nothing with these settings, each with the reason; see `sampling.controls.without_effect`."""
    return _of_microscope(sampling.without_effect(of_sampling(controls), classes))


def rules(visitor: Visitor, available: Available) -> ControlRules[MicroscopeControls]:
    """How the controls are drawn for this visitor."""
    classifiers = cache(lambda: models.classifier_choices(visitor))

    def with_gone(chosen: str) -> dict[str, str]:
        """A model that is gone stays chosen, and is named: its forks are no other model's."""
        there = available(chosen)
        return (
            there if chosen in there or visitor.public else {**there, chosen: _("{chosen} (not here)", chosen=chosen)}
        )

    return ControlRules(
        hidden=hidden,
        disabled=lambda now: without_effect(now, models.classes_of(now.model, visitor)),
        options=lambda now: _of_microscope(
            sampling.choices_of(of_sampling(now), with_gone(now.model), classifiers(), visitor)
        ),
        bounds=visitor.bounds("microscope"),
        at_first=sampling.at_first,
    )


def _of_microscope(by_name: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in by_name.items() if name in MicroscopeControls.model_fields}


def of_sampling(controls: MicroscopeControls, count: int = 1) -> SamplingSettings:
    """The same settings in the Sampling lab, for `count` images and without a comparison."""
    common = {name: getattr(controls, name) for name in SamplingSettings.model_fields}
    # Checked already, and checking a name again would load the engine while a page is being built.
    return SamplingControls.model_construct(**common | {"count": count, "compare": False})
