"""The controls of the Microscope: the settings of the Sampling lab, one of its images, and where the cursor is."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from playground.labs.microscope import forks as forking
from playground.labs.microscope.forks import MAX_FORKS
from playground.labs.sampling import controls as sampling
from playground.labs.sampling.controls import MOST_IMAGES, Available, SamplingControls, SamplingSettings
from playground.labs.shared import models
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import Field, ui

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor


class MicroscopeControls(SamplingSettings):
    """The settings of the Sampling lab, and where the cursor is."""

    picture: int = Field(
        0,
        ge=0,
        le=MOST_IMAGES - 1,
        title="Image number",
        description="Which image of the Sampling lab: its seed is the seed plus this.",
        json_schema_extra=ui(slider=False),
    )
    known: Literal["held out", "training"] = Field(
        "held out",
        title="Reference image",
        description="A real image with known noise, so that the true posterior is known: one held out from training, or one "
        "of the training images.",
        json_schema_extra=ui(titles={"held out": "held out", "training": "training"}),
    )
    number: int = Field(
        0,
        ge=0,
        le=9999,
        title="Reference image number",
        description="Index of the image; above the last one it wraps around.",
        json_schema_extra=ui(slider=False),
    )
    branch: int = Field(0, ge=0, le=MAX_FORKS + 1, title="Branch", description="The strip with the cursor.")
    frame: int = Field(25, ge=0, le=1000, title="Frame", description="Steps taken on that branch at the cursor.")
    row: int = Field(-1, ge=-1, le=511, title="Row", description="Of the pixel at the cursor; −1 for any.")
    column: int = Field(-1, ge=-1, le=511, title="Column", description="Of the pixel at the cursor; −1 for any.")
    forks: Annotated[str, AfterValidator(forking.checked_text)] = Field(
        "", max_length=1000, title="Forks", description="Where trajectories fork, and with which settings."
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
        return there if chosen in there or visitor.public else {**there, chosen: f"{chosen} (not here)"}

    return ControlRules(
        hidden=hidden,
        disabled=lambda now: without_effect(now, models.classes_of(now.model, visitor)),
        options=lambda now: _of_microscope(sampling.choices(with_gone(now.model), classifiers())),
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
